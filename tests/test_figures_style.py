"""Margins that are fixed leave room for every name, or are not fixed."""

import numpy as np
import plotly.graph_objects as go
import pytest

from dashboard.figures.activations import draw_activations
from dashboard.figures.style import steady


@pytest.mark.parametrize(
    ("name", "pixels"),
    # What Chromium measured in 13 pixels of DejaVu Sans, which is wider than the page's own font.
    [
        ("Boundary complexity", 132),
        ("ADENOCARCINOMA", 126),
        ("MMMMWWWW", 101),
        ("境界の複雑さ度合い", 117),
    ],
)
def test_a_fixed_margin_holds_the_name(name: str, pixels: int) -> None:
    layout = steady(go.Figure(go.Bar(x=[1], y=[name])), [name, "a"]).layout
    assert layout.yaxis.automargin is False and not layout.margin.autoexpand
    assert pixels <= layout.margin.l <= 2 * pixels


def test_long_names_get_what_room_is_left() -> None:
    layout = steady(go.Figure(), ["a", "w" * 40]).layout
    assert layout.margin.l is None and layout.yaxis.automargin is None


def test_the_marked_row_does_not_move_the_map() -> None:
    margins = {
        draw_activations(
            np.zeros((3, 2)),
            ["u & v", "b", "c"],
            [1, 1],
            np.array([0, 1]),
            np.array([0, 1]),
            ["no", "yes"],
            marked,
            [(0, "layer")],
            False,
        ).layout.margin.l
        for marked in (None, 0, 2)
    }
    assert len(margins) == 1
