"""The decision threshold, by how much worse one kind of error is than the other."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import cache, cache_routing, state, text
from dashboard.cache_routing import PART
from dashboard.figures.error_costs import draw_costs
from dashboard.format import percent
from dashboard.state import View, unedited
from dashboard.widgets.chart import show_chart
from minspnet.error_costs import calibrated
from minspnet.titles import in_sentence

_RATIOS = (0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0)
_MOST_DRAWN = 400


def show_error_costs(view: View) -> None:
    """Say what an error costs, choose on validation cases, see the test cases and the cohorts."""
    domain = cache.domain_of(view.model)
    if len(domain.classes) != 2:
        st.info("The most probable of all classes is taken: there is no one threshold to move.")
        return
    finding = text.plain(domain.classes[1])
    ratio = st.select_slider(
        f"To miss one case of {finding} is as bad as so many false alarms",
        _RATIOS,
        value=st.session_state.get("error-ratio", 1.0),
        format_func=lambda value: f"{value:g}",
        key="error-ratio",
        persist_state="session",
        help="The cost ratio of the two errors. The cheapest decision threshold follows from it.",
    )
    policy = unedited(view)
    curve = cache_routing.errors(view.model, PART, policy.gate_thresholds)
    cost = 100 * curve.cost(ratio)
    cheapest, said = curve.best_threshold(ratio), calibrated(ratio)
    low, high = cache_routing.best_threshold_range(view.model, policy.gate_thresholds, ratio)
    left, right = st.columns([3, 2], gap="large")
    with left:
        drawn = np.unique(np.linspace(0, len(cost) - 1, _MOST_DRAWN).round().astype(int))
        marked = {
            "now": policy.decision_threshold,
            "cheapest": cheapest,
            "if chances hold": said,
        }
        show_chart(
            draw_costs(
                curve.thresholds[drawn].tolist(),
                cost[drawn].tolist(),
                {name: (at, float(cost[curve.at(at)])) for name, at in marked.items()},
            ),
            alt="Cost of both kinds of error over the decision threshold, on validation cases",
            key="error-costs",
        )
    with right:
        st.write(
            f"On these {sum(curve.cases):,} validation cases it is cheapest to call it {finding} "
            f"from a chance of **{percent(cheapest, 1)}** on; in 9 of 10 resamples of them, from "
            f"{percent(low, 1)} to {percent(high, 1)}. If chances mean what they say, it is "
            f"**{percent(said, 1)}**."
        )
        for title, at in (("Take the cheapest", cheapest), ("Take what chances say", said)):
            st.button(
                f"{title}: {percent(at, 1)}",
                on_click=state.change_policy,
                args=(policy.with_cut(at),),
                width="stretch",
                disabled=curve.at(at) == curve.at(policy.decision_threshold),
            )
        st.caption(
            "It then applies to every page; save it under *Operating points* to put it in force."
        )
    _show_parts(view, ratio, marked)
    _show_cohorts(view, ratio)


def _show_parts(view: View, ratio: float, marked: dict[str, float]) -> None:
    gates = view.policy.gate_thresholds
    rows = []
    for name, at in marked.items():
        row: dict[str, str] = {"Decided from": f"{name}, {percent(at, 1)}"}
        for part in (PART, "test"):
            curve = cache_routing.errors(view.model, part, gates)
            step, (others, findings) = curve.at(at), curve.cases
            row[f"Missed, {part}"] = f"{curve.missed[step]:.0f} of {findings:,}"
            row[f"False alarms, {part}"] = f"{curve.alarms[step]:.0f} of {others:,}"
            row[f"Cost of 100, {part}"] = f"{100 * curve.cost(ratio)[step]:.1f}"
        rows.append(row)
    # Quantities down, so that the table fits a narrow screen.
    st.table(pd.DataFrame(rows).set_index("Decided from").T)


def _show_cohorts(view: View, ratio: float) -> None:
    domain = cache.domain_of(view.model)
    by = st.selectbox(
        "For cases alike in", [c.title for c in domain.concepts], key="errors-by", width=320
    )
    table = cache_routing.errors_by_cohort(view.model, by, unedited(view), ratio)
    if table.empty:
        st.write(f"All validation cases have the same {text.plain(in_sentence(by))}: no thirds.")
        return
    st.table(table.T)
    st.caption(
        "Thirds of the finding's true value, validation cases. A cohort's own threshold was chosen "
        "on that cohort: with few cases it is mostly luck. One threshold applies to all."
    )
