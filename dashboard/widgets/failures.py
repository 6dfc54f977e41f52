"""Where it fails: branches with many wrong answers, found on one part, counted on the other."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import cache, cache_cases, cohort_words, state, text
from dashboard.figures.cases import Block, draw_branches
from dashboard.format import interval, percent
from dashboard.state import View, unedited
from dashboard.widgets.chart import show_chart
from dashboard.widgets.classes import rows_of
from minspnet.cohort import CHANCE, EXPERTS, FOUND, GATE, PART, SURE
from minspnet.errortree import LEAST_ERRORS, Branch
from minspnet.metrics import wilson_interval

TABS, LIST = "cases-tab", "List"
_TURN, _WANTED = "branch-turn", "cases-wanted"
_TOLD = {"findings": (FOUND,), "how sure it was": (CHANCE, SURE), "routing": (EXPERTS, GATE)}


def show_failures(view: View) -> None:
    """The tree as blocks, its ends as a table; one click puts a branch on the screen."""
    grown_on, numbers = _ask(view)
    counted_on = next(part for part in cache_cases.PARTS if part != grown_on)
    if not numbers:
        st.info("Pick at least one thing that branches may be told by.")
        return
    found = cache_cases.branches(view.model, unedited(view), grown_on, numbers)
    if found is None:
        st.info(
            f"Fewer than {LEAST_ERRORS} {grown_on} cases are answered wrongly: too few to look for "
            "what they have in common. Filter by *wrong* and read them one by one."
        )
        return
    _headline(view, found, counted_on)
    turn = st.session_state.setdefault(_TURN, 0)
    event = show_chart(
        draw_branches(_blocks(view, found)),
        key=f"branches-{turn}",
        alt="Branches of the tree of errors, as wide as cases are many, red where answers fail",
        clickable=True,
    )
    _open(found, [int(p["customdata"][0]) for p in event["selection"]["points"]])
    _table(view, found, grown_on, counted_on, turn)
    group = cache.domain_of(view.model).group_noun
    gates = ""
    if any(one.what.startswith(GATE) for branch in found for one in branch.cohort.conditions):
        kinds = {expert.gate for expert in cache.model(view.model).spec.experts}
        gates = f" Of the gates, {text.gates(kinds, 2, '; ')}."
    alike = f" Cases of one {group} are alike: the intervals are then too narrow." if group else ""
    st.caption(
        f"Grown on all {grown_on} cases, whatever the filter; all numbers are those of the "
        f"{counted_on} cases, which it has not seen, with 95% Wilson intervals. Among many "
        f"branches, one may stand out by luck.{alike}{gates}"
    )


def _ask(view: View) -> tuple[str, tuple[str, ...]]:
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    grown_on = row.segmented_control(
        "Look for them in",
        cache_cases.PARTS,
        format_func=lambda part: f"{part} cases",
        default=cache_cases.PARTS[0],
        required=True,
        key="failures-part",
        help="They are counted in the other part, which shows whether they are more than luck.",
    )
    told = row.pills(
        "Told by",
        list(_TOLD),
        selection_mode="multi",
        default=list(_TOLD),
        key="failures-told",
        help="What a branch may be described by. Without how sure it was, the tree looks for what "
        "is hard about the cases themselves.",
    )
    starts = tuple(start for name in told for start in _TOLD[name])
    known = cache_cases.vocabulary(view.model).numbers
    some = bool(cache_cases.unseen(view.model).tree.names)
    return grown_on, tuple(n for n in known if n.startswith(starts) and (some or n != EXPERTS))


def _headline(view: View, found: tuple[Branch, ...], counted_on: str) -> None:
    """One sentence: where to look first, and whether that held up."""
    root, domain = found[0], cache.domain_of(view.model)
    if len(found) == 1:
        st.markdown("**No branch stands out.** Nothing here tells wrong answers from right ones.")
        return
    # Picked by the cases that it was found in alone: the others only say whether it holds.
    best = max(found[1:], key=lambda one: wilson_interval(one.grown_wrong, one.grown_cases)[0])
    if best.low <= root.rate:
        st.markdown(
            "**No branch stands out for sure.** The most suspicious, "
            f"{text.plain(cohort_words.sentence(domain, best.cohort))}, has {best.wrong} of "
            f"{best.cases:,} {counted_on} cases wrong (95%: {interval(best.low, best.high)}), "
            f"against {percent(root.rate, 1)} of all."
        )
        return
    st.markdown(
        f"**It fails most with {text.plain(cohort_words.sentence(domain, best.cohort))}:** "
        f"{best.wrong} of {best.cases:,} {counted_on} cases wrong ({percent(best.rate)}, 95%: "
        f"{interval(best.low, best.high)}), against {percent(root.rate, 1)} of all. "
        f"That is {best.wrong} of all {root.wrong} wrong answers in "
        f"{percent(best.cases / root.cases, 1)} of the cases."
    )


def _blocks(view: View, found: tuple[Branch, ...]) -> list[Block]:
    domain = cache.domain_of(view.model)
    return [
        Block(
            _apart(view, found, one),
            cohort_words.sentence(domain, one.cohort),
            one.parent,
            one.depth,
            one.wrong,
            one.cases,
        )
        for one in found
    ]


def _apart(view: View, found: tuple[Branch, ...], one: Branch) -> str:
    """What a branch has and the one above it has not."""
    if one.parent < 0:
        return "all cases"
    above = found[one.parent].cohort.conditions
    (new,) = (each for each in one.cohort.conditions if each not in above)
    return cohort_words.condition(cache.domain_of(view.model), new)


def _table(
    view: View, found: tuple[Branch, ...], grown_on: str, counted_on: str, turn: int
) -> None:
    """The ends of the tree, the worst first; a click puts one on the screen."""
    domain = cache.domain_of(view.model)
    ends = [place for place, one in enumerate(found) if one.leaf]
    ends.sort(key=lambda place: (-found[place].low, -found[place].rate))
    table = pd.DataFrame(
        [
            {
                f"Wrong, {counted_on}": f"{one.wrong} of {one.cases:,}",
                "Rate": percent(one.rate, 2 if one.rate < 0.005 else 1),
                "Branch": cohort_words.sentence(domain, one.cohort),
                "95%": interval(one.low, one.high),
                "Verdict": _verdict(one, found[0]),
                f"Found in ({grown_on})": f"{one.grown_wrong} of {one.grown_cases:,}",
            }
            for one in (found[place] for place in ends)
        ]
    )
    event: Any = st.dataframe(
        table,
        hide_index=True,
        on_select="rerun",
        selection_mode=["single-row", "single-cell"],
        key=f"branch-table-{turn}",
        alt="Ends of the tree of errors in words, with their error rates",
        column_config={"Branch": st.column_config.TextColumn(width=470)},
    )
    rows = rows_of(event)
    st.caption("Click a block or a row to list its cases.")
    _open(found, [ends[row] for row in rows[:1]])


def _verdict(one: Branch, root: Branch) -> str:
    if one.low > root.rate:
        return "fails more often"
    return "fails less often" if one.high < root.rate else "no clear difference"


def _open(found: tuple[Branch, ...], picked: list[int]) -> None:
    """Put a branch on the screen, within the part that is looked at."""
    if not picked:
        return
    cohort = state.current().cohort.only(PART)
    for one in found[picked[0]].cohort.conditions:
        cohort = cohort.having(one)
    state.change_cohort(cohort)
    # A new key forgets the click; the tabs take the wish before they are drawn again.
    st.session_state[_TURN] += 1
    st.session_state[_WANTED] = LIST
    st.rerun()


def follow_wish() -> None:
    """Show the tab that a click asked for; only possible before the tabs are drawn."""
    if _WANTED in st.session_state:
        st.session_state[TABS] = st.session_state.pop(_WANTED)
