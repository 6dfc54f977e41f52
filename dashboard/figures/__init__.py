"""Figures: plain data in, a Plotly figure out; Streamlit is never imported."""
