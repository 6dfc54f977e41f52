"""The sidebar: which task, which model, and the policy in force."""

from dataclasses import replace

import streamlit as st

from dashboard import cache, state
from dashboard.state import View, unedited


def show_sidebar(about_model: bool = True) -> None:
    """Choose domain and model; say so where thresholds are not those in force.

    Args:
        about_model: The page shows the model chosen here.
    """
    with st.sidebar:
        if not about_model:
            st.caption("What the other pages show. This one is about your own data.")
        known = cache.models()
        view = state.current()
        task = cache.task_of(view.model)
        st.session_state["sidebar-domain"] = task
        st.selectbox(
            "Task",
            list(known),
            format_func=cache.task_titles().__getitem__,
            key="sidebar-domain",
            on_change=lambda: state.open_model(known[st.session_state["sidebar-domain"]][0]),
        )
        st.session_state["sidebar-model"] = view.model
        st.selectbox(
            "Model",
            known[task],
            format_func=cache.title_of,
            key="sidebar-model",
            on_change=lambda: state.open_model(st.session_state["sidebar-model"]),
        )
        loaded = cache.model(view.model)
        about = cache.domain_of(view.model)
        meaning = about.variant(loaded.variant).meaning
        st.write(meaning)
        _show_tried(view)
        with st.expander("What this may be used for"):
            st.write(about.summary)
            st.write(about.intended_use)
            st.write(f"**Not for:** {about.out_of_scope}")
            st.write("**Known limits**")
            st.markdown("\n".join(f"- {limit}" for limit in about.limits or ("not stated",)))
            st.write(f"**Source:** {about.source}; {about.licence}")
            st.write(f"Model `{loaded.name}`, hash `{loaded.digest[:12]}`")


def _show_tried(view: View) -> None:
    """Without it, the figures of every page would differ and only Routing would say why."""
    saved = state.operating_point(view.model)
    if unedited(view) == saved:
        return
    st.info("Every page shows the thresholds you try, not those in force.")
    st.button(
        "Back to those in force",
        key="sidebar-in-force",
        width="stretch",
        on_click=lambda: state.change_policy(
            replace(saved, interventions=state.current().policy.interventions)
        ),
    )
