"""Where contestants part ways: calibration, agreement, single cases, cohorts."""

import math

import pandas as pd
import streamlit as st

from dashboard import cache, cache_compare, state, text, verdict
from dashboard.cache_compare import Contestant
from dashboard.figures.comparison import Row, draw_agreement, draw_differences, draw_reliability
from dashboard.format import number, percent
from dashboard.navigation import go_to
from dashboard.widgets.chart import show_chart
from dashboard.widgets.versus import Bout, with_interval
from minspnet.compare import CohortDifference
from minspnet.estimate import FEWEST_UNITS
from minspnet.reliability import gap

_MOST_CASES, _MOST_COHORTS = 200, 12


def show_calibration(bout: Bout) -> None:
    """One reliability curve a contestant."""
    columns = st.columns(min(3, len(bout.entries)), gap="medium")
    classes = len(cache.domain_of(bout.entries[0].model).classes)
    every = [cache_compare.bins(one, bout.entries, bout.part) for one in bout.entries]
    surest = max(each.sure for bins in every for each in bins)
    for place, (one, bins) in enumerate(zip(bout.entries, every, strict=True)):
        with columns[place % len(columns)]:
            st.markdown(f"**{text.plain(one.title)}**: ECE {gap(bins):.3f}")
            show_chart(
                draw_reliability(
                    [(b.cases, b.sure, b.right, *b.interval) for b in bins],
                    1 / classes,
                    surest,
                ),
                key=f"compare-calibration-{place}",
                alt=f"How often {one.title} is right against how sure it is",
            )
    shown = every[0]
    sizes = sorted({b.cases for b in shown})
    each = " or ".join(map(str, dict.fromkeys((sizes[0], sizes[-1]))))
    st.caption(
        f"{len(shown)} bins of equally many cases ({each} each), the least sure first. A point on "
        "the dotted line means what it says; below it, the answer is surer than it should be. Bars "
        "are 95% Wilson intervals, which take cases as independent. ECE, the expected calibration "
        "error, is the mean distance from the line over these bins; with few cases it is never 0."
    )


def show_agreement(bout: Bout) -> None:
    """How often each two decide alike, beyond chance."""
    names = bout.names
    found = cache_compare.agreements(bout.entries, bout.part)
    if len(names) > 2:
        kappas: list[list[float | None]] = [[None] * len(names) for _ in names]
        for (a, b), each in found.items():
            known = each.kappa.value == each.kappa.value
            kappas[a][b] = kappas[b][a] = each.kappa.value if known else None
        show_chart(
            draw_agreement(names, kappas),
            key="compare-agreement",
            alt="Cohen's kappa of each two contestants",
        )
    table = pd.DataFrame(
        [
            {
                "Contestants": f"{text.plain(names[a])} and {text.plain(names[b])}",
                "Decide alike": with_interval(each.share),
                "Kappa": with_interval(each.kappa).replace("nan", "not defined"),
            }
            for (a, b), each in found.items()
        ]
    )
    st.table(table.set_index("Contestants"))
    st.caption(
        "Whatever is true: two that are wrong together agree too. Kappa is the agreement beyond "
        "what their shares of answers would bring about by chance: 1 is always, 0 no more than "
        "chance. In brackets 95% intervals."
    )


def show_cases(bout: Bout) -> None:
    """The cases that they decide differently; selecting one opens it."""
    found = cache_compare.disagreements(bout.entries, bout.part)
    domain = cache.domain_of(bout.entries[0].model)
    total = len(cache_compare.shared(bout.entries, bout.part))
    st.write(f"**{len(found):,}** of {total:,} {bout.part} cases are not decided alike by all.")
    if not found:
        return
    table = pd.DataFrame(
        [
            {"Case": one.case, "Known answer": domain.classes[one.known]}
            | {
                name: f"{domain.classes[decided]} ({percent(chance)})"
                + (" ✓" if decided == one.known else " ✗")
                for name, decided, chance in zip(bout.names, one.decided, one.chances, strict=True)
            }
            for one in found[:_MOST_CASES]
        ]
    )
    event = st.dataframe(
        table,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key="compare-cases",
        alt="Cases that the contestants decide differently",
    )
    rows = event["selection"]["rows"]
    if rows and rows[0] < len(found):
        _open(found[rows[0]].case, bout.entries[0].model)
    listed = "" if len(found) <= _MOST_CASES else f" The {_MOST_CASES} widest apart are listed."
    st.caption(
        "Select a row to open the case under the policy on screen. In brackets each one's chance "
        f"of what it decided; ✓ as labelled. Those furthest apart come first.{listed}"
    )


def _open(case: str, model: str) -> None:
    if cache.case_place(state.current().model, case) is None:
        state.open_model(model)
    state.open_case(case)
    go_to("case")


def show_cohorts(bout: Bout) -> None:
    """Where two of them differ most in accuracy."""
    first, second = _pair(bout)
    found = cache_compare.by_cohort(first, second, bout.entries, bout.part)
    domain = cache.domain_of(first.model)
    grouped = cache_compare.redrawn(bout.entries, bout.part).grouped
    groups = cache_compare.groups(bout.entries, bout.part)
    total = len(cache_compare.shared(bout.entries, bout.part))
    warning = verdict.too_few(grouped, groups, total, domain.group_noun)
    few = f"{FEWEST_UNITS} {domain.group_noun if grouped else domain.case_noun}s"
    if not any(one.disputed for one in found):
        st.write(
            f"Both are right on exactly the same cases of every cohort of {few} or more: none of "
            "them tells the two apart in accuracy."
        )
        return
    clear = [one for one in found if one.together.excludes_zero]
    chance = 0.05 * len(found)
    st.warning(
        f"{len(found)} cohorts are looked at: about {chance:.1f} would leave 0 out of an interval "
        "of their own by chance alone. Believe only the thin intervals, which hold for all at once"
        + (
            f"; of those, {len(clear)} leave 0 out."
            if clear
            else ": all of them include 0, so that nothing is shown here but where to look next."
        )
        + (f" {warning}" if warning else "")
    )
    rows = [
        Row(
            f"{one.by}\n{one.name} (n\N{NO-BREAK SPACE}{one.cases:,})",
            one.alone.value,
            one.alone.low,
            one.alone.high,
            f"{one.disputed} cases that only one gets right",
            _defined(one.together.low, one.together.high),
        )
        for one in found[:_MOST_COHORTS]
    ]
    show_chart(
        draw_differences(rows, "difference in accuracy, points", True),
        key="compare-cohorts",
        alt=f"Difference in accuracy of {first.title} and {second.title}, cohort by cohort",
    )
    st.caption(
        f"Right of the line **{text.plain(first.title)}** decides more cases as labelled. Thick: "
        "the 95% interval of this cohort alone. Thin: the one that holds for all cohorts at once; "
        "green or orange where that leaves 0 out. "
        f"Thirds are of a finding's true value. The {len(rows)} largest differences of "
        f"{len(found)} are drawn; cohorts of fewer than {few} say too little and are left out."
    )
    with st.expander("All cohorts as a table"):
        table = pd.DataFrame(
            [
                {
                    "Cohort": f"{one.by}, {one.name}",
                    "Cases": one.cases,
                    f"Accuracy, {first.title}": percent(one.first, 1),
                    f"Accuracy, {second.title}": percent(one.second, 1),
                    "Difference, points": round(100 * one.alone.value, 1),
                    "95% for all at once": _together(one),
                }
                for one in found
            ]
        )
        st.dataframe(table, hide_index=True, alt="Difference in accuracy in every cohort")


def _together(one: CohortDifference) -> str:
    if not one.disputed:
        return "no case differs"
    low, high = one.together.low, one.together.high
    return (
        "–" if math.isnan(low) else f"{number(100 * low, 1, '+')} to {number(100 * high, 1, '+')}"
    )


def _defined(low: float, high: float) -> tuple[float, float] | None:
    return None if math.isnan(low) else (low, high)


def _pair(bout: Bout) -> tuple[Contestant, Contestant]:
    """The reference and one other; of several, one is chosen."""
    others = bout.entries[1:]
    if len(others) == 1:
        return bout.entries[0], others[0]
    known = {one.key: one for one in others}
    if st.session_state.get("compare-pair") not in known:
        # The one that there is most to say about.
        most = [cache_compare.disputed(bout.entries[0], o, bout.entries, bout.part) for o in others]
        counts = [each.first + each.second for each in most]
        st.session_state["compare-pair"] = others[counts.index(max(counts))].key
    picked = st.selectbox(
        f"Compare {bout.names[0]} with",
        list(known),
        format_func=lambda key: known[key].title,
        key="compare-pair",
        width=420,
    )
    return bout.entries[0], known[picked]
