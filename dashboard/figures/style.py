"""One visual language for all figures: a colour means the same everywhere.

Okabe and Ito's palette for classes, Tol's for concepts: told apart with any colour vision.
"""

import html
import textwrap
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cache

import plotly.graph_objects as go

CLASSES = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#7F7F7F",
    "#5E4FA2",
    "#8C510A",
    "#01665E",
)
"""One for each class, in order: the colours of all charts, as ``config.toml`` has them."""
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
WRONG = "#CC3311"
"""Wrong answers, where a colour says how many."""
FAINT = "faint"
"""The ``meta`` of bars whose fill lets the page through: their words take the theme's ink."""
MARK = "#009E73"
SAVED = "#CC79A7"


THEMES = {"light": ("#0B1216", "#D5DCE0", "#FFFFFF"), "dark": ("#EAF0F3", "#3A474F", "#0E1519")}
"""Text, lines and paper; the paper is the page's own, so that a saved picture can be read."""


def finish(figure: go.Figure, height: int, legend: bool = False) -> go.Figure:
    """Give a figure its size; its look is the theme's, and comes when it is drawn."""
    return figure.update_layout(height=height, showlegend=legend)


_ROOM = 220
"""Names that need more pixels than this get what room is left, which takes drawing twice."""


_LINE = 17
"""Pixels of a line of a title."""
_TITLE = 24
"""Pixels of a title beside an upright axis."""


def steady(figure: go.Figure, rows: Sequence[str], top: int = 8, size: int = 13) -> go.Figure:
    """Fix the margins of a chart whose rows have names: those that fit are found by drawing twice.

    Args:
        figure: With a title under its axis.
        rows: Names, or the longest of the numbers beside its axis.
        top: Room above, for a legend.
        size: Of the names' letters, in pixels.
    """
    left = 16 + round(size * max(map(_width, rows), default=0))
    left += _TITLE if figure.layout.yaxis.title.text else 0
    if left > _ROOM:
        return figure
    figure.update_xaxes(automargin=False).update_yaxes(automargin=False)
    more = _LINE * (figure.layout.xaxis.title.text or "").count("<br>")
    if figure.layout.height:
        figure.update_layout(height=figure.layout.height + more)
    return figure.update_layout(margin={"l": left, "t": top, "b": 48 + more, "autoexpand": False})


def _width(name: str) -> float:
    """How wide a name is drawn at the most, in heights of its letters."""
    return sum(
        1.0
        if unicodedata.east_asian_width(sign) in "WF" or sign in "MWmw@%"
        else 0.72
        if sign.isupper()
        else 0.53
        for sign in name
    )


_BREADTH = 28
"""Letters of a line that a phone has room for under a chart whose rows have names."""
_NUMBERS = 54
"""Pixels that a number with its sign takes at the right of a chart."""


def titled(title: str) -> str:
    """A title under an axis, in lines that fit a phone too."""
    return "<br>".join(textwrap.wrap(title, _BREADTH, break_long_words=False))


def beside(figure: go.Figure, rows: Sequence[str], numbers: Sequence[str]) -> go.Figure:
    """Write the numbers of a chart's rows in a column at its right.

    At the end of a bar a number would lie over names, or outside, where a screen is narrow.

    Args:
        figure: Whose rows are called ``rows``.
        rows: As drawn.
        numbers: One a row.
    """
    for row, said in zip(rows, numbers, strict=True):
        figure.add_annotation(
            {"x": 1, "xref": "paper", "xanchor": "right", "xshift": _NUMBERS},
            y=row,
            text=said,
            showarrow=False,
        )
    return figure.update_layout(margin_r=_NUMBERS + 4)


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


def upright(titles: Sequence[str]) -> int:
    """Height, in pixels, that titles of columns take which stand upright to fit any screen."""
    return 32 + 7 * max(map(len, titles), default=0)


_LONGEST = 44


def words(names: Sequence[str]) -> list[str]:
    """Keep names from becoming markup: Plotly reads tags, links among them, in any text.

    A long one is cut, as it would push what is drawn out of sight, unless another begins alike.
    """
    cut = [name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1].rstrip()}…" for name in names]
    alike = Counter(dict(zip(names, cut, strict=True)).values())
    shown = [short if alike[short] == 1 else name for name, short in zip(names, cut, strict=True)]
    return [html.escape(name, quote=False) for name in shown]


def behind_white(colour: str) -> str:
    """Darken a colour, its hue kept, until white words on it can be read.

    Source: WCAG 2.2, success criterion 1.4.3: a contrast of at least 4.5 to 1.
    """
    parts = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
    while 1.05 / (_luminance(parts) + 0.05) < 4.5:
        parts = [int(0.97 * part) for part in parts]
    return "#" + "".join(f"{part:02X}" for part in parts)


def _luminance(parts: Sequence[int]) -> float:
    linear = [p / 255 / 12.92 if p <= 10 else ((p / 255 + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def pushes(values: list[float]) -> list[str]:
    """Colour contributions by the class they push to."""
    return [TOWARDS if value > 0 else AWAY for value in values]
