"""Contestants beside each other: differences with intervals, cost, calibration, agreement."""

import html
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from dashboard.figures.style import CLASSES, MARK, NEUTRAL, finish, titled, words
from dashboard.format import amount

_LINE = 26
"""Letters of a line of a name."""
_TICKS = (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999, 0.99999)
_SUREST, _STEPS = 1 - 1e-6, 60
_APART = 0.13
"""Share of an axis that its numbers lie apart, to be read on a phone."""
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x")


@dataclass(frozen=True)
class Row:
    """One difference.

    Attributes:
        name: Of what differs.
        value: The difference.
        low: Of its interval.
        high: Of its interval.
        note: Shown beside it on hovering.
        wide: Interval that holds for all rows at once, if there is one.
    """

    name: str
    value: float
    low: float
    high: float
    note: str = ""
    wide: tuple[float, float] | None = None

    @property
    def clear(self) -> bool:
        """Whether the widest interval there is leaves 0 out."""
        low, high = self.wide or (self.low, self.high)
        return low > 0 or high < 0


def in_lines(names: Sequence[str]) -> list[str]:
    """Names that cannot become markup, each line of them on its own.

    What a long one says last tells it from others: it goes to the next line rather than be cut.
    """
    wrapped = [
        [line for part in name.split("\n") for line in textwrap.wrap(part, _LINE) or [""]]
        for name in names
    ]
    return [html.escape("\n".join(lines), quote=False).replace("\n", "<br>") for lines in wrapped]


def draw_differences(
    rows: Sequence[Row], title: str, percent: bool, more_is_better: bool = True
) -> go.Figure:
    """Draw differences with their intervals, top to bottom; coloured where 0 is left out.

    Args:
        rows: In the order drawn; a name may have several lines.
        title: What is less what.
        percent: Show percentage points.
        more_is_better: Green is above 0, and orange below; else the other way round.
    """
    scale = 100 if percent else 1
    digits = ".1f" if percent else ".3f"
    names = in_lines([row.name for row in rows])
    figure = go.Figure()
    if any(row.wide for row in rows):
        known = [(name, row, row.wide) for name, row in zip(names, rows, strict=True) if row.wide]
        figure.add_trace(
            go.Scatter(
                x=[scale * row.value for _, row, _ in known],
                y=[name for name, *_ in known],
                mode="markers",
                marker={"size": 1, "color": NEUTRAL},
                error_x=_bars(
                    [(row.value, *wide) for _, row, wide in known], scale, NEUTRAL, 1.5, 5
                ),
                hoverinfo="skip",
            )
        )
    for side, colour in ((0, NEUTRAL), (1, MARK), (-1, CLASSES[1])):
        sign = 1 if more_is_better else -1
        sides = [(1 if sign * row.value > 0 else -1) if row.clear else 0 for row in rows]
        chosen = [(n, r) for n, r, s in zip(names, rows, sides, strict=True) if s == side]
        if not chosen:
            continue
        figure.add_trace(
            go.Scatter(
                x=[scale * row.value for _, row in chosen],
                y=[name for name, _ in chosen],
                mode="markers",
                marker={"size": 11, "color": colour},
                error_x=_bars([(r.value, r.low, r.high) for _, r in chosen], scale, colour, 4, 0),
                customdata=[
                    [_span(scale * r.low, scale * r.high, f"+{digits}"), *words([r.note])]
                    for _, r in chosen
                ],
                hovertemplate=f"%{{y}}: %{{x:+{digits}}}<br>%{{customdata[0]}}"
                "<br>%{customdata[1]}<extra></extra>",
            )
        )
    figure.add_vline(x=0, line={"color": NEUTRAL, "width": 1.5, "dash": "dot"})
    figure.update_yaxes(categoryorder="array", categoryarray=list(reversed(names)), fixedrange=True)
    figure.update_xaxes(title=titled(title), fixedrange=True)
    return finish(figure, 98 + height(names))


def height(names: Sequence[str]) -> int:
    """Of rows that are as high as the names of most lines."""
    return len(names) * max([38, *(8 + 17 * (1 + name.count("<br>")) for name in names)])


def _span(low: float, high: float, digits: str) -> str:
    """An interval on hovering; one whose ends are not defined is none."""
    if math.isnan(low):
        return "no interval: no redraw differs"
    return f"95% interval {low:{digits}} to {high:{digits}}"


def _bars(
    rows: Sequence[tuple[float, float, float]], scale: float, colour: str, thick: float, cap: int
) -> dict[str, object]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [scale * (high - value) for value, _, high in rows],
        "arrayminus": [scale * (value - low) for value, low, _ in rows],
        "color": colour,
        "thickness": thick,
        "width": cap,
    }


def draw_cost(
    rows: Sequence[tuple[str, float, float, float, float]], score_title: str, reference: str
) -> go.Figure:
    """Draw score against FLOPs per case, on a scale of powers of ten.

    Args:
        rows: Name, FLOPs, score, low and high end of its interval.
        score_title: What the score is.
        reference: Name of the one that others are compared with.
    """
    figure = go.Figure()
    names = words([row[0] for row in rows])
    for place, (name, flops, score, low, high) in enumerate(rows):
        first = name == reference
        colour = MARK if first else NEUTRAL
        figure.add_trace(
            go.Scatter(
                x=[flops],
                y=[score],
                name=names[place],
                mode="markers",
                error_y=_bars([(score, low, high)], 1, colour, 2, 0),
                marker={
                    "size": 15 if first else 12,
                    "color": colour,
                    "symbol": "star" if first else _SYMBOLS[place % len(_SYMBOLS)],
                },
                hovertemplate=f"{names[place]}<br>%{{x:,.4~g}} FLOPs<br>%{{y:.3f}}, "
                f"{_span(low, high, '.3f')}<extra></extra>",
            )
        )
    prices = [row[1] for row in rows]
    if prices:
        low, high = _log10(min(prices)), _log10(max(prices))
        room = max(0.25, 0.15 * (high - low))
        ends = low - room, high + room
        ticks = _round_prices(*ends)
        figure.update_xaxes(type="log", range=ends, tickvals=ticks, ticktext=[*map(amount, ticks)])
    figure.update_xaxes(title="mean FLOPs per case", fixedrange=True)
    figure.update_yaxes(title=score_title, fixedrange=True)
    return finish(figure, 300 + 12 * len(rows), legend=True)


def _round_prices(low: float, high: float) -> list[float]:
    """Powers of ten between two logarithms, and where these are few, round numbers between them."""
    steps: tuple[float, ...] = (1, 1.5, 2, 3, 4, 5, 7) if high - low < 0.8 else (1, 2, 5)
    steps = steps if high - low < 2.5 else (1,)
    powers = range(math.floor(low), math.ceil(high) + 1)
    found = [step * 10.0**power for power in powers for step in steps]
    return [one for one in found if low <= math.log10(one) <= high]


def _log10(value: float) -> float:
    return math.log10(max(value, 1.0))


def draw_reliability(
    bins: Sequence[tuple[int, float, float, float, float]], least: float, surest: float = 0.0
) -> go.Figure:
    """Draw how often an answer is right against how sure it is; on the line it means what it says.

    How sure is drawn by its log-odds: most answers are nearly sure, and would lie on a heap.

    Args:
        bins: Cases, mean confidence, share right, low and high end of that share's interval.
        least: The least confidence there can be: one in so many classes.
        surest: The highest confidence that the axis reaches, at the least.
    """
    highest = max([surest, least, *(sure for _, sure, *_ in bins)])
    ends = _log_odds(least), max(_log_odds(highest), _log_odds(least) + 1)
    line = [ends[0] + step * (ends[1] - ends[0]) / _STEPS for step in range(_STEPS + 1)]
    meant = [1 / (1 + math.exp(-place)) for place in line]
    figure = go.Figure(
        go.Scatter(
            x=line,
            y=meant,
            meta={"x": meant},
            mode="lines",
            line={"color": NEUTRAL, "width": 1.5, "dash": "dot"},
            hoverinfo="skip",
        )
    )
    most = max((cases for cases, *_ in bins), default=1)
    confidences = [sure for _, sure, *_ in bins]
    figure.add_trace(
        go.Scatter(
            x=[_log_odds(sure) for sure in confidences],
            y=[right for _, _, right, *_ in bins],
            meta={"x": confidences},
            mode="lines+markers",
            line={"color": MARK, "width": 1},
            marker={"size": [6 + 6 * cases / most for cases, *_ in bins], "color": MARK},
            error_y=_bars([(right, low, high) for *_, right, low, high in bins], 1, MARK, 2, 0),
            customdata=[[cases, low, high, sure] for cases, sure, _, low, high in bins],
            hovertemplate="%{customdata[0]} cases<br>sure %{customdata[3]:.2~%}<br>"
            "right %{y:.1%} (%{customdata[1]:.0%} to %{customdata[2]:.0%})<extra></extra>",
        )
    )
    room = 0.04 * (ends[1] - ends[0])
    ticks: list[float] = []
    for one in _TICKS:
        if ends[0] - room <= _log_odds(one) <= ends[1] + room and (
            not ticks or _log_odds(one) - _log_odds(ticks[-1]) > _APART * (ends[1] - ends[0])
        ):
            ticks.append(one)
    figure.update_xaxes(
        title="how sure: mean chance given",
        range=[ends[0] - room, ends[1] + room],
        tickvals=[_log_odds(one) for one in ticks],
        ticktext=[f"{100 * one:g}%" for one in ticks],
        tickangle=0,
        fixedrange=True,
    )
    lowest = min([least, *(low for *_, low, _ in bins)])
    figure.update_yaxes(
        title="how often right", tickformat=".0%", range=[lowest - 0.04, 1.04], fixedrange=True
    )
    return finish(figure, 280)


def _log_odds(chance: float) -> float:
    return math.log(min(chance, _SUREST) / (1 - min(chance, _SUREST)))


def draw_agreement(names: Sequence[str], kappas: Sequence[Sequence[float | None]]) -> go.Figure:
    """Draw kappa of each two contestants; the diagonal says nothing and is left empty."""
    shown = [_wrapped(name) for name in words(names)]
    figure = go.Figure(
        go.Heatmap(
            z=[list(row) for row in kappas],
            x=shown,
            y=shown,
            zmin=0,
            zmax=1,
            colorscale=[[0, "rgba(0,158,115,0.03)"], [1, "rgba(0,158,115,0.65)"]],
            showscale=False,
            text=[["" if v is None else f"{v:.2f}" for v in row] for row in kappas],
            texttemplate="%{text}",
            xgap=3,
            ygap=3,
            hoverongaps=False,
            hovertemplate="%{y}<br>%{x}<br>kappa %{z:.3f}<extra></extra>",
        )
    )
    figure.update_yaxes(autorange="reversed", fixedrange=True, showgrid=False)
    figure.update_xaxes(side="top", fixedrange=True, showgrid=False)
    return finish(figure, 110 + 46 * len(names))


def _wrapped(name: str) -> str:
    """Break a long title behind its model, or near its middle."""
    if ": " in name:
        return name.replace(": ", ":<br>", 1)
    middle = name.find(" on ")
    return f"{name[:middle]}<br>{name[middle + 1 :]}" if middle > 0 else name
