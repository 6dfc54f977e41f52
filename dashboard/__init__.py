"""The Streamlit app around the core; compute lives in ``minspnet``."""
