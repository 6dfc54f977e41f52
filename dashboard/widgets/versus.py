"""Picking contestants, and what their scores say."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from dashboard import cache, cache_compare, cache_routing, contestants, state, text, verdict
from dashboard.cache_compare import Contestant
from dashboard.figures.comparison import Row, draw_cost, draw_differences
from dashboard.format import flops, milliseconds, number, score
from dashboard.state import View
from dashboard.widgets.chart import show_chart
from minspnet.compare import more_is_better
from minspnet.estimate import Estimate

MOST = 5
"""Beside the reference; more could not be read."""
_FIRST, _OTHERS, _TIMED = "compare-first", "compare-others", "compare-timed"


@dataclass(frozen=True)
class Bout:
    """What is compared, by what, on which cases.

    Attributes:
        entries: The contestants, the reference first.
        part: Of the split.
        measure: One of ``verdict.TITLES``.
    """

    entries: tuple[Contestant, ...]
    part: str
    measure: str

    @property
    def names(self) -> list[str]:
        """Of the contestants."""
        return [one.title for one in self.entries]


def pick_bout(view: View) -> Bout | None:
    """Choose contestants, cases and measure; None until there are two contestants."""
    known = contestants.offered(view)
    if len(known) < 2:
        st.info("This task has one model without experts and no baseline: nothing to compare.")
        return None
    _follow_link(known)
    _keep_what_is_offered(view, known)
    left, right = st.columns([2, 3], gap="medium")
    first = left.selectbox(
        "Compare",
        list(known),
        format_func=lambda key: known[key].label,
        key=_FIRST,
        persist_state="session",
        help="The reference: the others are told against it.",
    )
    others = right.multiselect(
        "with",
        list(known),
        format_func=lambda key: known[key].label,
        key=_OTHERS,
        persist_state="session",
        max_selections=MOST,
        help="Models of the same task, the same model under other thresholds, and the usual "
        "models, fitted now on the same training cases.",
    )
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        measure = st.radio(
            "Judge by",
            list(verdict.TITLES),
            format_func=verdict.TITLES.__getitem__,
            horizontal=True,
            key="compare-measure",
            persist_state="session",
            help=" ".join(
                f"**{verdict.TITLES[m]}**: {verdict.MEANINGS[m]}" for m in verdict.TITLES
            ),
        )
        part = st.radio(
            "On",
            ("test", "validation"),
            format_func=lambda name: f"{name} cases",
            horizontal=True,
            key="compare-part",
            persist_state="session",
            help="No contestant was fitted to either. Thresholds and temperatures were chosen on "
            "validation cases: only test cases are new to all. Who picks a winner by its test "
            "score has no untested score left.",
        )
    for name, said in (("first", first), ("others", json.dumps(others)), ("measure", measure)):
        state.show(name, said)
    state.show("part", None if part == "test" else part)
    picked = tuple(known[key] for key in dict.fromkeys([first, *others]))
    if len(picked) < 2:
        st.info("Pick at least one other contestant.")
        return None
    bout = Bout(picked, part, measure)
    if not cache_compare.shared(bout.entries, part):
        st.info(f"These models share no {part} cases: their splits differ. Pick others.")
        return None
    return bout


def _follow_link(known: Mapping[str, Contestant]) -> None:
    """Pick whom and what the link of this session asks for, as far as it is offered."""
    state.follow("first", _FIRST, {key: key for key in known})
    state.follow("measure", "compare-measure", {name: name for name in verdict.TITLES})
    state.follow("part", "compare-part", {name: name for name in ("test", "validation")})
    wanted = state.asked("others")
    if wanted is None:
        return
    try:
        keys = [str(key) for key in json.loads(wanted)]
    except (ValueError, TypeError, RecursionError):
        keys = [wanted]
    for key in keys[:MOST]:
        if key not in known:
            state.refuse("others", key, known)
    st.session_state[_OTHERS] = [key for key in dict.fromkeys(keys) if key in known][:MOST]


def begin_with(name: str, *others: str) -> None:
    """Have a model, as it is in force, as the reference when Compare opens next.

    Args:
        name: Of the reference.
        others: Models to begin with beside it; the usual ones if none is named.
    """
    st.session_state[_FIRST] = f"{name}/{contestants.IN_FORCE}"
    if others:
        st.session_state[_OTHERS] = [f"{one}/{contestants.IN_FORCE}" for one in others]


def _keep_what_is_offered(view: View, known: dict[str, Contestant]) -> None:
    """Begin with something telling; drop what another task, or a moved threshold, took away."""
    usual_first, usual_others = contestants.usual(view, known)
    if st.session_state.get(_FIRST) not in known:
        st.session_state[_FIRST] = usual_first
    picked = st.session_state.get(_OTHERS)
    kept = [key for key in picked or () if key in known]
    if picked is None or (picked and not kept):
        kept = usual_others
    if kept != picked:
        st.session_state[_OTHERS] = kept


def show_verdict(bout: Bout) -> None:
    """One sentence: who wins, by how much, whether that is sure, at what cost."""
    entries, part = bout.entries, bout.part
    scores = cache_compare.measured(entries, part)
    found = verdict.duel(scores, bout.measure)
    one, two = entries[found.winner], entries[found.other]
    domain = cache.domain_of(one.model)
    count = len(cache_compare.shared(entries, part))
    how = cache_compare.redrawn(entries, part)
    disputed = cache_compare.disputed(one, two, entries, part)
    groups = cache_compare.groups(entries, part)
    said, sure = verdict.outcome(
        found,
        bout.names,
        bout.measure,
        f"{part} {domain.case_noun}s",
        count,
        disputed,
        how.count,
        verdict.too_few(how.grouped, groups, count, domain.group_noun),
    )
    macs = [cache_compare.told(each, entries, part).macs for each in (one, two)]
    show = st.success if sure else st.info
    flattered = len(entries) > 2 and not found.tied
    best = (
        f" It was picked as the best of {len(entries)} on these very cases, which flatters it."
        if flattered
        else ""
    )
    show(f"{said} {verdict.cost(*macs)}{best}")
    everyone = max(len(cache.model(name).traces[part]) for name in cache_compare.models_of(entries))
    st.caption(
        f"{count:,} of {everyone:,} {part} {domain.case_noun}s, none of which any contestant was "
        "fitted to. "
        + verdict.redrawn(
            how.grouped,
            groups,
            count,
            domain.group_noun,
            domain.case_noun,
        )
    )


def show_scores(view: View, bout: Bout) -> None:
    """Differences and cost as pictures, everything as a table."""
    scores = cache_compare.measured(bout.entries, bout.part)
    left, right = st.columns(2, gap="large")
    title = verdict.TITLES[bout.measure]
    points = bout.measure == "accuracy"
    with left:
        st.header("Difference from the reference")
        gaps = [score_[bout.measure].minus(scores[0][bout.measure]) for score_ in scores[1:]]
        rows = [
            Row(name, gap.value, gap.low, gap.high)
            for name, gap in zip(bout.names[1:], gaps, strict=True)
        ]
        more = more_is_better(bout.measure)
        arrow = "right" if more else "left"
        show_chart(
            draw_differences(
                rows,
                f"{title}{', points' if points else ''} (better:\N{NO-BREAK SPACE}{arrow})",
                points,
                more,
            ),
            key="compare-differences",
            alt=f"Difference in {title} from {bout.names[0]}, with 95% intervals",
        )
        st.caption(
            f"Dotted: as good as {text.plain(bout.names[0])}. Bars are 95% intervals of the "
            "difference on the same redrawn cases: grey where they include 0, else green for "
            "better and orange for worse."
        )
    with right:
        st.header("What it costs")
        costs = [cache_compare.told(one, bout.entries, bout.part).macs for one in bout.entries]
        each = [score_[bout.measure].estimate for score_ in scores]
        shown = [
            (name, 2 * macs, est.value, est.low, est.high)
            for name, macs, est in zip(bout.names, costs, each, strict=True)
            if macs is not None
        ]
        show_chart(
            draw_cost(shown, title, bout.names[0]),
            key="compare-cost",
            alt=f"{title} against mean FLOPs per case of each contestant",
        )
        trees = " Trees do not multiply, and are left out." if None in costs else ""
        st.caption(f"FLOPs are 2 x MACs of the weights that ran. FLOPs are not time.{trees}")
    _show_table(view, bout)


def _show_table(view: View, bout: Bout) -> None:
    scores = cache_compare.measured(bout.entries, bout.part)
    timed = st.session_state.get(_TIMED, False)
    rows, gaps = [], []
    for one, found in zip(bout.entries, scores, strict=True):
        macs = cache_compare.told(one, bout.entries, bout.part).macs
        row = {"Contestant": one.title}
        row |= {t: with_interval(found[m].estimate) for m, t in verdict.TITLES.items()}
        row["FLOPs per case"] = "not counted" if macs is None else flops(macs)
        if timed:
            time = cache_compare.milliseconds(one, bout.entries, bout.part)
            row["Time per case"] = "-" if time is None else milliseconds(time)
        rows.append(row)
        gaps.append(
            {"Contestant": one.title}
            | {t: _gap(found[m].minus(scores[0][m])) for m, t in verdict.TITLES.items()}
        )
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt="Scores of the contestants")
    with st.expander(f"Differences from {text.plain(bout.names[0])} in every measure"):
        st.dataframe(
            pd.DataFrame(gaps[1:]),
            hide_index=True,
            alt="Paired differences of the contestants from the reference",
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            "In brackets 95% intervals; none where every redraw of the cases gives the same, as of "
            "an AUC of 1: no pair is in the wrong order. Of log loss and Brier score less is "
            "better."
        )
        st.toggle(
            "Measure time on this machine",
            key=_TIMED,
            persist_state="session",
            help="Of the exported networks, one case at a time, in the background.",
        )
    slow = cache_compare.baselines(view.model)[1]
    if slow:
        _show_recorded(view, slow)
    if timed:
        for name in cache_compare.models_of(bout.entries):
            cache_routing.refresh_when_timed(name)


def with_interval(found: Estimate) -> str:
    """A score and its interval, if it has one."""
    if not found.bounded:
        return number(found.value, 3)
    value, low, high = (number(one, 3) for one in (found.value, found.low, found.high))
    return f"{value} ({low} to {high})"


def _gap(found: Estimate) -> str:
    value, low, high = (number(one, 3, "+") for one in (found.value, found.low, found.high))
    return f"{value} ({low} to {high})" if found.bounded else value


def _show_recorded(view: View, slow: tuple[str, ...]) -> None:
    """Baselines that take too long to be fitted now: what was written down of them."""
    recorded = cache.model(view.model).metrics["baselines"]
    said = text.listed(
        [
            f"{name} (accuracy {score(recorded[name]['accuracy'])}, AUC "
            f"{score(recorded[name]['auc'])})"
            for name in slow
        ]
    )
    count = cache.model(view.model).metrics["cases"]["test"]
    st.caption(
        f"Too slow to be fitted while you wait, and so not among the contestants: {said}; as "
        f"recorded on {count:,} test cases when the network was trained."
    )
