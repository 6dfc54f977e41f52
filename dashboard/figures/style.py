"""One visual language for all figures: a colour means the same everywhere.

Okabe and Ito's palette for classes, Tol's for concepts: told apart with any colour vision.
"""

import html
from collections.abc import Sequence

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


def finish(figure: go.Figure, height: int, legend: bool = False) -> go.Figure:
    """Give a figure its size and drop what does not carry data."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        showlegend=legend,
        # A legend that hides what it is clicked on surprises those who only meant to scroll.
        legend={
            "orientation": "h",
            "y": 1.02,
            "yanchor": "bottom",
            "x": 0,
            "itemclick": False,
            "itemdoubleclick": False,
        },
        hoverlabel={"align": "left"},
        font={"size": 13, "family": '"Source Sans", sans-serif'},
    )
    figure.update_xaxes(automargin=True, zeroline=False, title_font_size=13)
    figure.update_yaxes(automargin=True, zeroline=False, title_font_size=13)
    return figure


def words(names: Sequence[str]) -> list[str]:
    """Keep names from becoming markup: Plotly reads tags, links among them, in any text."""
    return [html.escape(name, quote=False) for name in names]


def pushes(values: list[float]) -> list[str]:
    """Colour contributions by the class they push to."""
    return [TOWARDS if value > 0 else AWAY for value in values]
