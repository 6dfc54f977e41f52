"""Activations: which units work, how sparse they are, what they stand for, what goes without."""

import streamlit as st

from dashboard import state, unit_words, who
from dashboard.widgets import ablation, activations, unit_picker, units
from dashboard.widgets.tabs import show_tabs

st.title("What each unit does")
st.write(
    "A unit is one number inside the network. Pick one: see in which cases it works, what it "
    "stands for, and what would change without it."
)


@st.fragment
def show_activations() -> None:
    """One fragment, so that another unit redraws this page and nothing else."""
    who.must_be_here()
    view = state.current()
    chosen = unit_picker.pick_unit(view)
    st.markdown(unit_words.sentence(view.model, *chosen, state.unedited(view)))
    activations.show_heat_map(view, chosen)
    tabs = {
        "What it stands for": lambda: units.show_unit(view, chosen),
        "Without it": lambda: ablation.show_ablation(view, chosen),
        "How sparse each layer is": lambda: activations.show_layers(view),
    }
    show_tabs(tabs, key="activations-tab")


show_activations()
