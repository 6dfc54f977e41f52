"""Charts that are taken along: the numbers behind them."""

import io

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from test_app import IMAGE, TABULAR, open_app, own_store  # noqa: F401

from dashboard.figures.data import numbers
from dashboard.figures.tradeoff import draw_curve
from dashboard.widgets.chart import _as_csv


def test_points_of_all_series_are_listed_under_the_titles_of_the_axes() -> None:
    figure = go.Figure([go.Scatter(x=[1, 2], y=[3, 4], name="a"), go.Bar(x=[5], y=[6], name="b")])
    figure.update_layout(xaxis_title="size", yaxis_title="share")
    table = numbers(figure)
    assert table["series"].tolist() == ["a", "a", "b"]
    assert table["size"].tolist() == [1, 2, 5]
    assert table["share"].tolist() == [3, 4, 6]


def test_a_matrix_is_listed_cell_by_cell() -> None:
    figure = go.Figure(go.Heatmap(x=["p", "q"], y=["r", "s", "t"], z=[[1, 2], [3, 4], [5, 6]]))
    table = numbers(figure)
    assert table.set_index(["x", "y"])["value"].to_dict() == {
        ("p", "r"): 1,
        ("q", "r"): 2,
        ("p", "s"): 3,
        ("q", "s"): 4,
        ("p", "t"): 5,
        ("q", "t"): 6,
    }


def test_cells_between_borders_are_called_by_their_middle() -> None:
    table = numbers(go.Figure(go.Heatmap(x=[0, 10, 30], y=["r"], z=[[1, 2]])))
    assert table.to_dict("list") == {"x": [5, 20], "y": ["r", "r"], "value": [1, 2]}


def test_a_flow_is_listed_link_by_link() -> None:
    link = {"source": [0, 0], "target": [1, 2], "value": [7, 8]}
    table = numbers(go.Figure(go.Sankey(node={"label": ["a", "b", "c"]}, link=link)))
    assert table.to_dict("list") == {"from": ["a", "a"], "to": ["b", "c"], "value": [7, 8]}


def test_an_empty_figure_has_no_numbers_and_text_no_formula() -> None:
    assert numbers(go.Figure()).empty
    told = _as_csv(go.Figure(go.Bar(x=["=1+1"], y=[2.0])))
    assert pd.read_csv(io.StringIO(told))["x"].tolist() == ["'=1+1"]


def test_points_that_none_can_tell_apart_are_drawn_once_and_keep_their_place() -> None:
    prices = np.concatenate([np.linspace(0, 100, 5), 100 + np.arange(1, 50) / 1000, [200]])
    shared = [(float(price), 0.5, float(place)) for place, price in enumerate(prices)]
    shared[30] = (shared[30][0], 0.9, 30.0)
    drawn = draw_curve(shared, (), (0, 0.5), (0, 0.5), "score", "FLOPs").data[0]
    places = [place for place, _ in drawn.customdata]
    assert {0, 1, 2, 3, 4, 30, 31, len(shared) - 1} <= set(places) and len(places) <= 10
    for place, threshold, x, y in zip(
        *np.transpose(drawn.customdata), drawn.x, drawn.y, strict=True
    ):
        assert shared[int(place)] == (x, y, threshold)


def test_of_a_long_front_both_ends_are_drawn() -> None:
    each = [(price, 0.5 + price / 1000) for price in np.linspace(10, 11, 900)]
    shared = [(0.0, 0.5, 0.0), (20.0, 0.6, 1.0)]
    drawn = draw_curve(shared, each, (0, 0.5), (0, 0.5), "score", "FLOPs").data[1]
    places = [place for (place,) in drawn.customdata]
    assert places[0] == 0 and places[-1] == 899 and len(places) < 100
    assert [each[place] for place in places] == list(zip(drawn.x, drawn.y, strict=True))


@pytest.mark.parametrize("model", [TABULAR, "wrist_exercise"])
@pytest.mark.parametrize("page", ["overview", "case", "routing", "activations", "compare"])
def test_every_chart_of_a_page_can_be_taken_along(page: str, model: str) -> None:
    app = open_app(page, model=model)
    app.session_state["take-along"] = True
    app.run()
    assert not app.exception
    offered = [b for b in app.get("download_button") if b.proto.id.endswith("take-0")]
    charts = app.get("plotly_chart")
    assert len(offered) == 1 and len(app.session_state["drawn"]) == len(charts)
    for figure in app.session_state["drawn"].values():
        assert len(pd.read_csv(io.StringIO(_as_csv(figure)))) > 0


def test_cells_given_by_their_edges_lie_between_them() -> None:
    figure = go.Figure(go.Heatmap(z=[[1.0, 2.0]], x=[0.0, 2.0, 6.0], y=[-1.0, 3.0]))
    table = numbers(figure)
    assert table["x"].tolist() == [1.0, 4.0]
    assert table["y"].tolist() == [1.0, 1.0]
    assert table["value"].tolist() == [1.0, 2.0]


def test_the_list_of_charts_follows_the_page() -> None:
    """What is drawn anew is offered too; a page without charts says so."""
    app = open_app("concepts", model=TABULAR)
    app.session_state["take-along"] = True
    app.session_state["concepts-tab"] = "Weights in the answer"
    app.run()
    assert [*app.session_state["drawn"]] == ["What each finding adds to the log-odds of malignant"]
    app = open_app("cases", model=TABULAR)
    app.session_state["take-along"] = True
    app.run()
    assert not app.exception and any("Nothing on this page" in m.value for m in app.markdown)


def test_where_all_scores_are_alike_the_axis_stays_around_them() -> None:
    """Left alone, plotly shows from 0 to twice a single number: an accuracy of 2."""
    shared = [(10.0, 1.0, 0.0), (4.0, 1.0, 1.0)]
    figure = draw_curve(shared, (), (10, 1.0), (10, 1.0), "accuracy", "FLOPs")
    assert figure.layout.yaxis.range == (0.95, 1.05)
    figure = draw_curve(shared, (), (10, 0.9), (10, 1.0), "accuracy", "FLOPs")
    assert figure.layout.yaxis.range is None
