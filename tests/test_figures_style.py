"""What is drawn has room: names, numbers beside rows, titles of axes, marks of an axis."""

import math

import numpy as np
import plotly.graph_objects as go
import pytest

from dashboard.figures.activations import draw_activations
from dashboard.figures.comparison import draw_cost, draw_reliability, in_lines
from dashboard.figures.contributions import draw_waterfall
from dashboard.figures.data import numbers
from dashboard.figures.style import finish, steady, titled


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


def test_a_title_of_two_lines_has_its_room() -> None:
    one, two = (
        steady(finish(go.Figure(go.Bar(x=[1], y=["a"])).update_xaxes(title=title), 200), ["a"])
        for title in ("short", titled("lead over a random order, in log-odds"))
    )
    assert two.layout.xaxis.title.text.count("<br>") == 1
    assert two.layout.margin.b - one.layout.margin.b == two.layout.height - one.layout.height > 10


def test_numbers_beside_a_chart_lie_outside_of_it() -> None:
    figure = draw_waterfall(-1.76, [("Diameter", 5.6), ("Margin", -1e-9)], 3.84, "a", "b", "c")
    said = {note.y: (note.text, note.x, note.xshift) for note in figure.layout.annotations}
    assert [text for text, *_ in said.values()] == ["−1.76", "+5.60", "0.00", "+3.84"]
    assert all((x, shift <= figure.layout.margin.r) == (1, True) for _, x, shift in said.values())
    assert numbers(figure)["text"].tolist() == [text for text, *_ in said.values()]


def test_what_tells_names_apart_is_never_cut() -> None:
    names = [
        f"Largest concave portions of the contour\n{third} third: 0.1 to 0.2 (n 12)"
        for third in ("low", "middle", "high")
    ]
    shown = in_lines(names)
    assert len(set(shown)) == 3 and all("third" in name and "…" not in name for name in shown)
    assert in_lines(["<b>x</b>"]) == ["&lt;b&gt;x&lt;/b&gt;"]


def test_calibration_is_drawn_by_log_odds_and_told_by_chances() -> None:
    bins = [(10, 0.6, 0.5, 0.2, 0.8), (10, 0.99, 1.0, 0.7, 1.0), (10, 1.0, 1.0, 0.7, 1.0)]
    figure = draw_reliability(bins, 0.5)
    line, points = figure.data
    # On the line a chance is its own share, wherever it is drawn.
    assert np.allclose(1 / (1 + np.exp(-np.array(line.x))), line.y)
    assert np.allclose(points.x[:2], [math.log(0.6 / 0.4), math.log(99)])
    low, high = figure.layout.xaxis.range
    assert low < min(line.x) and max(points.x) < high
    ticks = figure.layout.xaxis
    for place, said in zip(ticks.tickvals, ticks.ticktext, strict=True):
        assert low <= place <= high
        assert math.isclose(100 / (1 + math.exp(-place)), float(said[:-1]))
    exported = numbers(figure).iloc[-3:, 0]
    assert exported.tolist() == [0.6, 0.99, 1.0]


@pytest.mark.parametrize("prices", [(249e3, 258e3), (2e3, 1e6), (300, 5e9)])
def test_an_axis_of_prices_has_numbers(prices: tuple[float, float]) -> None:
    rows = [(str(price), price, 0.9, 0.8, 1.0) for price in prices]
    axis = draw_cost(rows, "Accuracy", "a").layout.xaxis
    assert 2 <= len(axis.tickvals) <= 9 and len(set(axis.ticktext)) == len(axis.tickvals)
    assert all(axis.range[0] <= math.log10(tick) <= axis.range[1] for tick in axis.tickvals)
