"""How a training goes: its losses, and what it decides rightly, epoch by epoch."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from dashboard.figures.style import CLASSES, MARK, finish

_MOST = 300
"""Points of a curve; a longer training is drawn in strides."""
_VALIDATION = "validation_"
_NOT_TERMS = ("epoch", "seconds", "learning_rate", "open_share")
_TERMS = (CLASSES[5], CLASSES[3], CLASSES[4], CLASSES[2], CLASSES[6])
_HEIGHT = 260

Records = Sequence[Mapping[str, float]]


def loss_terms(record: Mapping[str, float]) -> dict[str, float]:
    """The terms of the training loss in one epoch, as they are added up."""
    return {
        name: value
        for name, value in record.items()
        if name not in _NOT_TERMS and not name.startswith(_VALIDATION)
    }


def draw_losses(records: Records, epochs: int) -> go.Figure:
    """Draw the training loss, its terms, and the validation loss.

    Args:
        records: Of the epochs that are over.
        epochs: In all.
    """
    shown = _thinned(records)
    figure = go.Figure()
    total = [sum(loss_terms(record).values()) for record in shown]
    figure.add_trace(_line(shown, total, "training", CLASSES[0], width=2.5))
    if records and f"{_VALIDATION}loss" in records[-1]:
        watched = [record[f"{_VALIDATION}loss"] for record in shown]
        figure.add_trace(_line(shown, watched, "validation", CLASSES[1], width=2.5))
    for place, name in enumerate(loss_terms(records[-1]) if records else ()):
        values = [record[name] for record in shown]
        colour = _TERMS[place % len(_TERMS)]
        figure.add_trace(_line(shown, values, f"{name} term", colour, dash="dot"))
    figure.update_yaxes(title="loss", rangemode="tozero", fixedrange=True)
    return _over_epochs(figure, epochs)


def draw_answers(records: Records, epochs: int) -> go.Figure:
    """Draw the share of validation cases that are decided rightly, and of experts that open.

    Args:
        records: Of the epochs that are over.
        epochs: In all.
    """
    shown = _thinned(records)
    figure = go.Figure()
    for name, title, colour, dash in (
        (f"{_VALIDATION}accuracy", "validation cases right", MARK, "solid"),
        ("open_share", "experts open", CLASSES[4], "dot"),
    ):
        if records and name in records[-1]:
            values = [record[name] for record in shown]
            figure.add_trace(_line(shown, values, title, colour, 2.5, dash, ".1%"))
    figure.update_yaxes(title="share", range=[0, 1.02], tickformat=".0%", fixedrange=True)
    return _over_epochs(figure, epochs)


def _over_epochs(figure: go.Figure, epochs: int) -> go.Figure:
    figure.update_xaxes(title="epoch", range=[0.5, epochs + 0.5], fixedrange=True)
    # Below: above the chart, its last names would lie under the buttons of its corner.
    figure.update_layout(legend={"y": 0, "yref": "container", "yanchor": "bottom"})
    return finish(figure, _HEIGHT, legend=True)


def _line(
    records: Records,
    values: Sequence[float],
    name: str,
    colour: str,
    width: float = 1.5,
    dash: str = "solid",
    digits: str = ".3f",
) -> go.Scatter:
    return go.Scatter(
        x=[int(record["epoch"]) + 1 for record in records],
        y=list(values),
        name=name,
        # A single epoch would be no line at all.
        mode="lines" if len(records) > 1 else "markers",
        line={"color": colour, "width": width, "dash": dash},
        hovertemplate=f"epoch %{{x}}<br>{name} %{{y:{digits}}}<extra></extra>",
    )


def _thinned(records: Records) -> Records:
    """At most ``_MOST`` of them, the last among them."""
    stride = -(-len(records) // _MOST) or 1
    return records[(len(records) - 1) % stride :: stride]
