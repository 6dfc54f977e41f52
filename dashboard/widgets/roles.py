"""What each expert is for, and what is lost without it."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import cache, cache_routing
from dashboard.figures.routes import draw_grid
from dashboard.format import amount, number, percent
from dashboard.state import View, unedited
from dashboard.widgets.chart import show_chart


def show_roles(view: View) -> None:
    """Load and damage by class as a table, and how far each concept is moved."""
    domain = cache.domain_of(view.model)
    policy = unedited(view)
    found = cache_routing.expert_roles(view.model, policy)
    names = cache.model(view.model).traces[cache_routing.PART].tree.names
    few = len(domain.classes) <= 3
    table: dict[str, list[str]] = {"Expert": list(names)}
    for k, title in enumerate(domain.classes if few else ()):
        table[f"Runs for {title}"] = [percent(share) for share in found.load[:, k]]
    if not few:
        most = np.nanargmax(found.load, axis=1)
        table["Runs most for"] = [
            f"{domain.classes[k]} ({percent(found.load[e, k])})" for e, k in enumerate(most)
        ]
    table["Lost without it"] = [_points(lost) for lost in found.lost_overall]
    for k, title in enumerate(domain.classes if few else ()):
        table[f"Lost of {title}"] = [_points(lost) for lost in found.lost[:, k]]
    if not few:
        worst = np.nanargmax(found.lost, axis=1)
        table["Lost most of"] = [
            f"{domain.classes[k]} ({_points(found.lost[e, k])})" for e, k in enumerate(worst)
        ]
    table["FLOPs saved without it"] = [amount(2 * macs) for macs in found.macs_saved]
    st.dataframe(
        pd.DataFrame(table), hide_index=True, alt="What each expert is for and what is lost without"
    )
    st.caption(
        "Each expert is switched off alone, and with it those that need it, and all validation "
        "cases are decided again: points of accuracy, or of the class's cases found, that are "
        "lost. Below 0, these cases are better off without it."
    )
    st.subheader("How far it moves each finding, where it runs")
    show_chart(
        draw_grid(
            names,
            [concept.title for concept in domain.concepts],
            found.moved.tolist(),
            "of its scale",
        ),
        key="moved",
        alt="How far each expert moves each finding",
    )
    st.caption(
        "Mean distance between the finding with and without the expert, and those that need it, "
        "from 0 to 1 of its scale; empty where it is less than a hundredth, or the expert never "
        "runs."
    )


def _points(lost: float) -> str:
    return "-" if lost != lost else number(100 * lost, 1)
