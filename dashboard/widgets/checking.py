"""Which concept is worth checking next: of one case, and over all of them."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import cache, cache_concepts, desk, state, text
from dashboard.figures.corrections import draw_worth
from dashboard.format import percent
from dashboard.navigation import go_to
from dashboard.state import View, unedited
from dashboard.widgets import picker
from dashboard.widgets.chart import show_chart
from dashboard.widgets.classes import chips, class_column, rows_of
from minspnet.worth_checking import Worth

_LISTED = 15
_HOW = (
    "What a check would find is taken from the network's errors on the validation cases whose "
    "grade is nearest, the case itself left out. Doubt taken away: the expected fall of the "
    "answer's entropy (bits; 1 bit is a coin tossed). The other findings are held as graded, "
    "and errors in two findings of one case are taken as unrelated."
)


def show_checking(part: str) -> None:
    """One case on the left, all cases of the part on the right."""
    st.subheader("In one case", help=_HOW)
    picker.pick_case()
    view = state.current()
    case = picker.case_on_screen(view)
    if case is None:
        picker.say_none(view)
    else:
        desk.open_cases(view, case)
        _show_case(view, case)
    st.subheader(f"Over all {part} cases")
    _show_all(view, part)
    st.caption("*What corrections do* shows whether checking in this order pays.")


def _show_case(view: View, case: str) -> None:
    domain = cache.domain_of(view.model)
    place = cache.case_place(view.model, case)
    assert place is not None, "the picker offers known cases alone"
    found = cache_concepts.check_worth(view.model, place[0], unedited(view))
    order = np.argsort(-found.bits[place[1]], kind="stable")
    first = int(order[0])
    decision = cache.decision(view.model, place[0], unedited(view))
    said = int(decision.predicted[place[1]])
    chance = float(decision.probabilities[place[1], said])
    st.markdown(_advice(view, found, place[1], first, said, chance))
    st.caption("Beside each bar: how often the true value of the finding would change the answer.")
    show_chart(
        draw_worth(
            [domain.concepts[k].title for k in order],
            [int(k) for k in order],
            [float(found.bits[place[1], k]) for k in order],
            [_note(found, place[1], int(k)) for k in order],
            [
                f"the chance moves by {100 * float(found.shift[place[1], k]):.0f} in 100"
                for k in order
            ],
        ),
        alt=f"What a check of each finding of {case} is worth",
        key=f"worth-{case}",
    )
    if st.button("Open this case to set findings", key="worth-open"):
        go_to("case")


def _note(found: Worth, row: int, k: int) -> str:
    said = text.in_a_hundred(float(found.changes[row, k])).removeprefix("about ")
    return said.replace("fewer than", "<").replace("more than", ">")


def _advice(view: View, found: Worth, row: int, first: int, said: int, chance: float) -> str:
    domain = cache.domain_of(view.model)
    name, answer = text.plain(domain.concepts[first].title), text.plain(domain.classes[said])
    now = f"It says {answer}, {text.plain(text.in_a_hundred(chance))}."
    if found.changes[row].max() < 0.01:
        return (
            f"**No check is likely to change this answer.** {now} The most telling one would be "
            f"that of {name}."
        )
    changes = text.plain(text.in_a_hundred(float(found.changes[row, first])))
    return (
        f"**Check {name} first.** {now} Going by its errors so far, the true value of this finding "
        f"would change the answer in {changes}."
    )


def _show_all(view: View, part: str) -> None:
    domain, ids = cache.domain_of(view.model), cache.model(view.model).traces[part].case_ids
    with st.spinner("Weighing what checks may find..."):
        found = cache_concepts.check_worth(view.model, part, unedited(view))
    mean = found.bits.mean(axis=0)
    firsts = np.bincount(found.bits.argmax(axis=1), minlength=len(mean)) / len(found.bits)
    order = np.argsort(-mean, kind="stable")
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Which finding, on average**")
        show_chart(
            draw_worth(
                [domain.concepts[k].title for k in order],
                [int(k) for k in order],
                [float(mean[k]) for k in order],
                [f"first in {percent(float(firsts[k]))} of cases" for k in order],
            ),
            alt="What a check of each finding is worth on average",
            key=f"worth-all-{part}",
        )
    with right:
        st.markdown("**Which cases, above all**")
        flat = np.argsort(-found.bits.max(axis=1), kind="stable")[:_LISTED]
        best = found.bits[flat].argmax(axis=1)
        decided = cache.decision(view.model, part, unedited(view)).predicted
        table = pd.DataFrame(
            {
                "Case": [ids[n] for n in flat],
                "Check": [domain.concepts[k].title for k in best],
                "Changes it in": [
                    text.in_a_hundred(float(found.changes[n, k]))
                    for n, k in zip(flat, best, strict=True)
                ],
                "Bits": [f"{found.bits[n, k]:.2f}" for n, k in zip(flat, best, strict=True)],
                "The network says": chips(domain, decided[flat]),
            }
        )
        event = st.dataframe(
            table,
            hide_index=True,
            alt="Cases in which a check is worth most",
            on_select="rerun",
            selection_mode=["single-row", "single-cell"],
            key=f"worth-cases-{view.model}-{part}",
            column_config={"The network says": class_column(domain)},
        )
        rows = rows_of(event)
        if rows:
            state.open_case(str(table["Case"].iloc[rows[0]]))
            go_to("case")
        st.caption("Click a case to open it.")
