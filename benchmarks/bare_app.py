"""The least that Streamlit can redraw, to time pages against: a slider, a tile and a chart."""

import plotly.graph_objects as go
import streamlit as st


@st.fragment
def show() -> None:
    """One fragment, as on our pages."""
    value = st.slider("A number", 0, 100, 50)
    st.metric("The same", value)
    points = list(range(50))
    st.plotly_chart(go.Figure(go.Scatter(x=points, y=[value * x for x in points])), key="chart")


show()
