"""What can be promised of a threshold, and to whom it applies."""

import pandas as pd
import streamlit as st

from dashboard import cache, cache_routing, promises, state
from dashboard.format import percent
from dashboard.state import View, unedited
from minspnet.guarantee import Certificate, Promise

_POINTS = (0.5, 1.0, 2.0, 5.0, 10.0)
_CONFIDENCES = (0.9, 0.95, 0.99)
_NONE = "no class"


def show_promise(view: View) -> None:
    """Ask for a promise, say whether it can be given, and what it is worth."""
    domain = cache.domain_of(view.model)
    asked, cases = _asked(view, domain.classes)
    found = cache_routing.certificate(view.model, asked, view.policy, cases)
    said = promises.promised(found, domain.classes)
    st.markdown(f"**{said}**")
    # For the papers of an operating point that is saved with these thresholds.
    papers = f"{said} {promises.grounds(found)} {promises.INDEPENDENT}"
    state.promise(view.model, found.policy, papers)
    if found.policy is not None:
        st.button(
            "Put these thresholds on the screen",
            disabled=unedited(view) == found.policy,
            on_click=state.change_policy,
            args=(found.policy,),
            key="take-promise",
        )
    st.caption(promises.grounds(found))
    with st.expander("What it rests on, and what it does not cover"):
        st.write(
            "The test cases are used: the network, its temperature and the line-up of thresholds "
            f"have not seen them. {promises.INDEPENDENT}"
        )
        st.write(f"{promises.COVERS} {promises.COVERS_NOT}")
    with st.expander("What was tested"):
        st.dataframe(
            _rungs(found, cache.model(view.model).cost.total),
            hide_index=True,
            alt="Each line-up threshold tested, with what was seen and its p-value",
        )
        st.caption(
            "From safe to cheap; a shared gate threshold each, lined up by the gates of the "
            "training cases and by no label."
        )


def _asked(view: View, classes: tuple[str, ...]) -> tuple[Promise, int]:
    """What is to hold, and how many cases it is to be tested on."""
    several = st.session_state.get("promise-class") in classes
    columns = st.columns(4 + several, vertical_alignment="bottom")
    points = columns[0].selectbox(
        "Points lost at most",
        _POINTS,
        1,
        format_func=lambda value: f"{value:g}",
        key="promise-points",
        help="Of accuracy, on new cases, against all experts on.",
    )
    confidence = columns[1].selectbox(
        "With a confidence of",
        _CONFIDENCES,
        1,
        format_func=lambda value: f"{value:.0%}",
        key="promise-confidence",
        help="The share of such tests in which a promise that does not hold is refused.",
    )
    named = columns[2].selectbox("And of class", (_NONE, *classes), key="promise-class")
    fewer = _POINTS[3]
    if named != _NONE:
        fewer = columns[3].selectbox(
            "Points found fewer",
            _POINTS,
            3,
            format_func=lambda value: f"{value:g}",
            key="promise-class-points",
            help="Of that class's cases at most: those that would be missed.",
        )
    most = len(cache.part(view.model, "test"))
    cases = columns[-1].number_input(
        "Test cases used",
        min(20, most),
        most,
        most,
        key=f"promise-cases-{view.model}",
        help="Drawn at random, to see what fewer cases would have allowed. More promise more.",
    )
    if named == _NONE:
        return Promise(points, confidence), cases
    return Promise(points, confidence, classes.index(named), fewer), cases


def _rungs(found: Certificate, total: float) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "Gate threshold": f"{rung.policy.gate_thresholds[0]:.3g}",
                "Share of FLOPs": percent(rung.macs / total),
                "Newly wrong": rung.harms,
                "Newly right": rung.gains,
                "Decided otherwise": rung.changed,
                "p-value": f"{rung.p_value:.3g}",
                "Promise": "kept" if rung.kept else "not proven",
            }
            for rung in found.rungs
        ]
    )
