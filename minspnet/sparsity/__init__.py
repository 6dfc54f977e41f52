"""Smaller networks from larger ones: what can be removed, what it saves, what it costs."""
