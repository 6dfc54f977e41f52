"""One visual language for all figures: a colour means the same everywhere.

Okabe and Ito's palette for classes, Tol's for concepts: told apart with any colour vision.
"""

import html
from collections.abc import Sequence
from functools import cache

import plotly.graph_objects as go

CLASSES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")
TOWARDS, AWAY = CLASSES[1], CLASSES[0]
"""A push towards the finding looked for, and away from it, as the classes are coloured."""
CONCEPTS = (
    "#332288",
    "#88CCEE",
    "#44AA99",
    "#117733",
    "#999933",
    "#DDCC77",
    "#CC6677",
    "#882255",
    "#AA4499",
    "#6699CC",
)
"""One for each concept, in order, and from the start again. Source: Tol 2021, muted."""
NEUTRAL = "#7F8C93"
MARK = "#009E73"
SAVED = "#CC79A7"


THEMES = {"light": ("#0B1216", "#D5DCE0", "#FFFFFF"), "dark": ("#EAF0F3", "#3A474F", "#0E1519")}
"""Text, lines and paper; the paper is the page's own, so that a saved picture can be read."""


def finish(figure: go.Figure, height: int, legend: bool = False) -> go.Figure:
    """Give a figure its size and the look of the light theme."""
    figure.layout.template = template("light")
    return figure.update_layout(height=height, showlegend=legend)


@cache
def template(theme: str) -> go.layout.Template:
    """What all figures look like: without what does not carry data, in the theme's own ink.

    Args:
        theme: ``light`` or ``dark``.
    """
    ink, line, paper = THEMES[theme]
    axis = {
        "automargin": True,
        "zeroline": False,
        "title": {"font": {"size": 13}},
        "gridcolor": line,
        "linecolor": line,
    }
    coloured = [{"textfont": {"color": ink}}]
    return go.layout.Template(
        # These take a colour of their own rather than that of the layout.
        data={"heatmap": coloured, "sankey": coloured},
        layout={
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "paper_bgcolor": paper,
            "plot_bgcolor": paper,
            # A legend that hides what it is clicked on surprises those who only meant to scroll.
            "legend": {
                "orientation": "h",
                "y": 1.02,
                "yanchor": "bottom",
                "x": 0,
                "itemclick": False,
                "itemdoubleclick": False,
            },
            "hoverlabel": {"align": "left"},
            "font": {"size": 13, "family": '"Source Sans", sans-serif', "color": ink},
            "colorway": list(CLASSES),
            "xaxis": axis,
            "yaxis": axis,
        },
    )


def words(names: Sequence[str]) -> list[str]:
    """Keep names from becoming markup: Plotly reads tags, links among them, in any text."""
    return [html.escape(name, quote=False) for name in names]


def pushes(values: list[float]) -> list[str]:
    """Colour contributions by the class they push to."""
    return [TOWARDS if value > 0 else AWAY for value in values]
