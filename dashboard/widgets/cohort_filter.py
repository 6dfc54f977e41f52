"""The filter of the Cases page: every widget edits the one cohort that is in the address."""

import math
from collections.abc import Sequence
from typing import Literal

import streamlit as st

from dashboard import cache, cache_cases, cohort_words, state, text
from dashboard.format import interval, percent
from dashboard.state import View, unedited
from dashboard.widgets.tile import show_tile
from minspnet.cohort import (
    CASE,
    CHANCE,
    EVERYTHING,
    EXPERTS,
    FOUND,
    GROUP,
    KNOWN,
    NO,
    PART,
    RAN,
    SAID,
    SURE,
    TRUE,
    VERDICT,
    VERDICTS,
    YES,
    OneOf,
    Within,
)
from minspnet.domain import Concept
from minspnet.estimate import resampling, share

_BOTH = "both"
_FEW = 3
"""So many classes fit side by side."""


def show_filter(view: View) -> None:
    """What most ask for in a row, the rest behind a button, then what is in force."""
    domain = cache.domain_of(view.model)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        _part(view)
        _words(view, VERDICT, "The answer is", VERDICTS)
        _words(view, KNOWN, "Known answer", domain.classes)
        _words(view, SAID, "The network says", domain.classes)
        with st.popover("More filters", icon=":material/tune:"):
            _more(view)
    _in_force(view)
    _count(view)


def _key(view: View, what: str) -> str:
    return f"filter-{view.model}-{what}"


def _part(view: View) -> None:
    key = _key(view, PART)
    now = view.cohort.names(PART)
    st.session_state[key] = now[0] if len(now) == 1 else _BOTH

    def follow() -> None:
        part = st.session_state[key]
        state.change_cohort(
            state.current().cohort.without(PART)
            if part in (None, _BOTH)
            else state.current().cohort.having(OneOf(PART, (part,)))
        )

    st.segmented_control(
        "Unseen cases",
        [_BOTH, *cache_cases.PARTS],
        key=key,
        on_change=follow,
        help="The network was not trained on any of these. Validation cases served to choose its "
        "thresholds; test cases did not.",
    )


def _words(view: View, what: str, label: str, names: Sequence[str], whole: bool = False) -> None:
    """One word of a case: any of the names picked, or all if none is."""
    key = _key(view, what)
    st.session_state[key] = list(view.cohort.names(what))

    def follow() -> None:
        picked = tuple(st.session_state[key])
        cohort = state.current().cohort
        everyone = not picked or len(picked) == len(names)
        state.change_cohort(
            cohort.without(what) if everyone else cohort.having(OneOf(what, picked))
        )

    if len(names) <= _FEW and not whole:
        st.pills(
            label,
            names,
            selection_mode="multi",
            format_func=text.plain,
            key=key,
            on_change=follow,
        )
    else:
        wide: Literal["stretch"] | int = "stretch" if whole else 190
        st.multiselect(label, names, key=key, on_change=follow, placeholder="any", width=wide)


def _more(view: View) -> None:
    domain, known = cache.domain_of(view.model), cache_cases.vocabulary(view.model)
    if CHANCE in known.numbers:
        _percent(view, CHANCE, f"Chance of {text.plain(domain.classes[-1])} (%)")
    _percent(view, SURE, "Chance of its own answer (%)")
    _finding(view)
    experts = cache_cases.unseen(view.model).tree.names
    if experts:
        _number_of_experts(view, len(experts))
        _ran(view, experts)
    if GROUP in known.words:
        _words(view, GROUP, domain.group_noun.capitalize(), known.words[GROUP], whole=True)


def _slide(
    view: View,
    what: str,
    label: str,
    ends: tuple[float, float],
    step: float,
    scale: float,
    start: float,
    whole: bool = False,
    help: str | None = None,
) -> None:
    """A range; an end at its stop is open.

    Args:
        view: The view on screen.
        what: Which number.
        label: Over the slider.
        ends: Of the slider.
        step: Of the slider.
        scale: Shown units per unit of the number.
        start: What is shown for 0.
        whole: Count in whole numbers; the last one belongs to the range.
        help: Behind a question mark.
    """
    key = _key(view, what)
    kept = view.cohort.about(what)
    low, high = (kept.low, kept.high) if isinstance(kept, Within) else (-math.inf, math.inf)
    high = high - 1 if whole else high
    now = sorted(start + scale * end for end in (low, high))
    least, most = (_onto(value, ends, step) for value in now)
    st.session_state[key] = (int(least), int(most)) if whole else (least, most)

    def follow() -> None:
        first, last = st.session_state[key]
        graded = sorted(
            (
                -math.inf * scale if first <= ends[0] else (first - start) / scale,
                math.inf * scale if last >= ends[1] else (last + whole - start) / scale,
            )
        )
        cohort = state.current().cohort
        low, high = (round(end, 6) for end in graded)
        if not low < high:
            # Both handles on one spot: nothing lies in between.
            high = low + abs(step / scale)
        nothing = math.isinf(low) and math.isinf(high)
        state.change_cohort(
            cohort.without(what) if nothing else cohort.having(Within(what, low, high))
        )

    kind = int if whole else float
    st.slider(
        label,
        kind(ends[0]),
        kind(ends[1]),
        step=kind(step),
        key=key,
        format=f"%.{max(0, -math.floor(math.log10(step)))}f",
        on_change=follow,
        help=help,
    )


def _onto(value: float, ends: tuple[float, float], step: float) -> float:
    """The nearest place on a slider."""
    value = min(max(value, ends[0]), ends[1])
    return round(ends[0] + step * round((value - ends[0]) / step), 6)


def _percent(view: View, what: str, label: str) -> None:
    _slide(view, what, label, (0.0, 100.0), 1.0, 100.0, 0.0)


def _number_of_experts(view: View, count: int) -> None:
    _slide(view, EXPERTS, "Experts that ran", (0, count), 1, 1, 0, whole=True)


def _finding(view: View) -> None:
    domain = cache.domain_of(view.model)
    titles = {concept.name: concept for concept in domain.concepts}
    left, right = st.columns(2, vertical_alignment="bottom")
    name = left.selectbox(
        "Finding",
        list(titles),
        format_func=lambda name: titles[name].title,
        key=_key(view, "finding"),
    )
    read = right.segmented_control(
        "Its value",
        [FOUND, TRUE],
        format_func={FOUND: "as read", TRUE: "true"}.__getitem__,
        default=FOUND,
        required=True,
        key=_key(view, "finding-read"),
        help="As the network reads it, or as it is known to be. " + domain.concept_note,
    )
    concept: Concept = titles[name]
    ends = sorted((float(concept.shown_low), float(concept.shown_high)))
    _slide(
        view,
        f"{read}{name}",
        f"{text.plain(concept.title)} ({text.plain(concept.unit)})",
        (ends[0], ends[1]),
        10.0**-concept.digits,
        concept.shown_high - concept.shown_low,
        concept.shown_low,
        help=concept.meaning,
    )


def _ran(view: View, experts: Sequence[str]) -> None:
    """Which experts must have run, and which not."""
    left, right = st.columns(2)
    for column, word, label in ((left, YES, "Ran"), (right, NO, "Did not run")):
        key = _key(view, f"ran-{word}")
        now = [name for name in experts if view.cohort.names(f"{RAN}{name}") == (word,)]
        st.session_state[key] = now

        def follow(key: str = key, word: str = word) -> None:
            picked, cohort = st.session_state[key], state.current().cohort
            for name in experts:
                what = f"{RAN}{name}"
                if name in picked:
                    cohort = cohort.having(OneOf(what, (word,)))
                elif cohort.names(what) == (word,):
                    cohort = cohort.without(what)
            state.change_cohort(cohort)

        column.multiselect(label, experts, key=key, on_change=follow, placeholder="any")


def _in_force(view: View) -> None:
    """Each condition as a button that drops it."""
    if view.cohort == EVERYTHING:
        return
    domain = cache.domain_of(view.model)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for one in view.cohort.conditions:
            st.button(
                text.plain(cohort_words.condition(domain, one)),
                icon=":material/close:",
                key=f"drop-{one.what}",
                help="Drop this condition",
                on_click=lambda what=one.what: state.change_cohort(
                    state.current().cohort.without(what)
                ),
            )
        st.button(
            "Show all cases",
            type="tertiary",
            key="drop-all",
            on_click=lambda: state.change_cohort(EVERYTHING),
        )


def _count(view: View) -> None:
    """How many cases, how many of them wrong, and what they cost."""
    facts = cache_cases.facts(view.model, unedited(view))
    chosen = cache_cases.chosen(view.model, unedited(view), view.cohort)
    count, everyone = int(chosen.sum()), len(facts)
    wrong, all_wrong = int(facts.wrong[chosen].sum()), int(facts.wrong.sum())
    units = resampling(cache_cases.groups(view.model)).units[chosen]
    found = share(facts.wrong[chosen], units)
    picked = any(view.cohort.about(what) for what in (VERDICT, CASE))
    rate = f"{percent(wrong / count, 1) if count else '-'} (95%: {interval(found.low, found.high)})"
    noun = cache.domain_of(view.model).case_noun
    tiles = st.container(horizontal=True)
    show_tile(
        tiles,
        "Cases",
        f"{count:,} of {everyone:,}",
        f"{noun}s",
        help="All are cases that the network was not trained on, decided by the policy on screen, "
        "without changes by hand.",
    )
    show_tile(
        tiles,
        "Wrong answers",
        f"{wrong:,}",
        "picked by hand or by answer" if picked else rate,
        help=f"With its 95% Wilson interval. Of all "
        f"{everyone:,} unseen cases {all_wrong:,} are wrong ({percent(all_wrong / everyone, 1)}).",
    )
    if not unedited(view).gate_thresholds:
        return
    mean = {name: facts.numbers[name][chosen].mean() if count else math.nan for name in _MEANS}
    show_tile(
        tiles,
        "Experts per case",
        "-" if math.isnan(mean[EXPERTS]) else f"{mean[EXPERTS]:.1f}",
        f"{facts.numbers[EXPERTS].mean():.1f} over all cases",
    )
    show_tile(
        tiles,
        "Share of all FLOPs",
        percent(mean["share"]),
        f"{percent(float(facts.numbers['share'].mean()))} over all cases",
        help="100% where every expert runs.",
    )


_MEANS = (EXPERTS, "share")
