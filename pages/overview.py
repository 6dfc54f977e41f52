"""Overview: what this is, in a minute."""

import streamlit as st

from dashboard import cache, state
from dashboard.widgets import adoption
from dashboard.widgets import overview as parts

view = state.current()
domain = cache.domain_of(view.model)

st.title("A network that shows its work")
beyond = " and what none of them names" if cache.model(view.model).spec.residual else ""
st.write(
    f"**{domain.question}** Every case takes the short way first. Experts run only where the "
    "short way is in doubt. What they find is written as findings (concepts) that a "
    f"person can check, and the answer is a plain sum over them{beyond}: read it, correct it, or "
    "trade compute for accuracy."
)
st.caption("For research and teaching, not for decisions about anyone.")
adoption.show_notice(view, "overview")
parts.show_invitations(view)
parts.show_headline(view)
left, right = st.columns([5, 6], gap="large")
with left:
    st.header("How a case flows through it")
    parts.show_network(view)
with right:
    parts.show_scores_title(view)
    parts.show_scores(view)
