"""The best thresholds that a budget can pay: one each, beside one for all."""

import math
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import cache, cache_routing, state
from dashboard.cache_routing import PART
from dashboard.format import price, score
from dashboard.state import View, unedited
from minspnet.policy import Policy
from minspnet.sweep import Score

_USUAL = 40


def show_budget(view: View) -> None:
    """Choose on validation cases, show what is left on test cases."""
    unit = st.session_state.get("curve-unit") or "FLOPs"
    cut = view.policy.decision_threshold
    prices = cache_routing.price_of_sets(view.model, unit)
    total = float(prices[-1])
    found = cache_routing.front(view.model, unit, cut)
    timed = cache_routing.latency(view.model) is not None
    shared, _ = cache_routing.drawn(view.model, "accuracy", unit, cut, timed)
    # Below what the base costs there is nothing to choose.
    least = min(99, math.ceil(100 * found.prices[0] / total))
    asked = st.session_state.get("budget-share", _USUAL)
    st.session_state["budget-share"] = max(least, asked)
    share = st.slider(
        f"A case may cost on average (% of all {unit})",
        least,
        100,
        key="budget-share",
        help=f"The unit is that of the chart above; the base alone costs {least}%.",
    )
    budget = total * share / 100 * (1 + 1e-9)  # a share of the total need not come back exactly

    within = [point for point in shared if point[0] <= budget] or [shared[-1]]
    vector = found.gate_thresholds[found.within(max(budget, found.prices[0]))]
    *_, best = max(within, key=lambda point: (point[1], -point[0]))
    *_, most = max(within)

    def paid(point: Score) -> float:
        return float(prices @ np.array(point.set_shares))

    rows = {
        "one for all, the dearest within the budget": (most,) * len(vector),
        "one for all, the most accurate": (best,) * len(vector),
        "one threshold an expert, the most accurate": vector,
    }
    table = []
    for title, gates in rows.items():
        held = cache.score(view.model, PART, Policy(gates, cut))
        table.append(
            {
                "Thresholds": title,
                "Accuracy, validation": score(held.accuracy),
                f"{unit}, validation": price(paid(held), unit),
            }
        )
    st.table(pd.DataFrame(table).set_index("Thresholds"))
    for column, (title, gates) in zip(st.columns(3), rows.items(), strict=True):
        policy = Policy(gates, cut)
        column.button(
            f"Take {title}",
            width="stretch",
            disabled=unedited(view) == policy,
            on_click=state.change_policy,
            args=(policy,),
        )
    searched = "every vector of thresholds" if found.exact else "a grid of vectors, then finer ones"
    cases = len(cache.part(view.model, PART))
    st.caption(
        f"Searched: {searched}, each counted exactly over the {cases:,} validation cases"
        + ("; in ms by what each expert adds on average. " if unit == "ms" else ". ")
        + "With few cases the most accurate is a lucky one; the first row looks at gates only and "
        "at no label."
    )
    # Worked out when asked for: this page follows a slider.
    place = st.expander(
        "What is left of them on the test cases", key="budget-test", on_change="rerun"
    )
    if place.open:
        with place:
            _show_test(view, rows, paid, unit)


def _show_test(
    view: View, rows: Mapping[str, tuple[float, ...]], paid: Callable[[Score], float], unit: str
) -> None:
    left = []
    for title, gates in rows.items():
        test = cache.score(view.model, "test", Policy(gates, view.policy.decision_threshold))
        left.append(
            {
                "Thresholds": title,
                "Accuracy, test": score(test.accuracy),
                f"{unit}, test": price(paid(test), unit),
            }
        )
    st.table(pd.DataFrame(left).set_index("Thresholds"))
    st.caption("Look once, when you are done: what is chosen by it is no longer tested by it.")
