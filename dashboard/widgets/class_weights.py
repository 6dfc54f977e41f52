"""What each concept means for the answer: the exact weights of the class head."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import cache, cache_concepts, text
from dashboard.figures.concepts import draw_signed, draw_weights
from dashboard.format import brief, measured, signed
from dashboard.state import View, unedited
from dashboard.widgets.chart import show_chart
from minspnet.domain import Concept, Domain
from minspnet.waterfall import RESIDUAL, output_title

_NO_WEIGHTS = (
    "This network has no weights from findings to classes: it compares a case's findings with "
    "those of known cases (prototypes). The Case page shows how alike they are."
)


def show_weights(view: View) -> None:
    """Bars for two classes, a table for more."""
    domain, head = cache.domain_of(view.model), cache.model(view.model).traces["train"].head
    two = len(domain.classes) == 2
    against: int | None = 0
    if not two:
        options = [None, *range(len(domain.classes))]
        against = st.selectbox(
            "Each class against",
            options,
            format_func=lambda k: "the mean of all classes" if k is None else domain.classes[k],
            key=f"weights-against-{view.model}",
        )
    found = cache_concepts.class_effects(view.model, unedited(view), against)
    if found is None:
        st.info(_NO_WEIGHTS)
        return
    outputs = [*domain.concept_names, *_channels(found.steps.shape[1] - head.concepts)]
    titles = [output_title(domain, name) for name in outputs]
    if two:
        _show_two(domain, titles, found.steps[1], found.swings[1])
    else:
        _show_many(domain, titles, found.steps, found.swings)
    chance = f"Divided by the temperature, {head.temperature:.2f}, they give the chance shown."
    st.caption(
        "The head is linear: these weights are exact and the same for every case, with the other "
        f"findings held. Log-odds are before calibration. {chance} Usual range: that of the middle "
        "8 in 10 training cases, as the network grades them."
    )
    if head.prototypes is not None:
        st.caption(
            "This head also compares with known cases (prototypes), which a weight cannot show."
        )
    if len(titles) > head.concepts:
        st.caption(f"{text.BEYOND} Its scale has no ends: the step shown is 1 of log-odds.")


def _channels(count: int) -> list[str]:
    """Names of residual channels, as the explanations have them."""
    return [f"{RESIDUAL}{k + 1}" for k in range(count)]


def _show_two(domain: Domain, titles: list[str], steps: np.ndarray, swings: np.ndarray) -> None:
    finding, count = domain.classes[1], len(domain.concepts)
    order = sorted(range(len(steps)), key=lambda k: -abs(swings[k]))
    largest = max(range(count), key=lambda k: abs(swings[k]))
    st.markdown(_strongest(domain.concepts[largest], float(swings[largest]), finding))
    show_chart(
        draw_weights(
            [titles[k] for k in order],
            [float(steps[k]) for k in order],
            [float(swings[k]) for k in order],
            finding,
        ),
        alt=f"What each finding adds to the log-odds of {finding}",
        key="weights",
    )
    rows = [_row(domain.concepts[k], float(steps[k])) for k in order if k < count]
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt="Weights in units, by finding")


def _strongest(concept: Concept, swing: float, finding: str) -> str:
    """Say what weighs most in practice."""
    does = "adds" if swing > 0 else "takes"
    to = "to" if swing > 0 else "from"
    return (
        f"**{text.plain(concept.title)}** weighs most: going up its usual range, towards "
        f"*{text.plain(concept.high_word)}*, {does} {abs(swing):.2f} {to} the log-odds of "
        f"**{text.plain(finding)}** (odds {text.plain(_times(swing))})."
    )


def _times(added: float) -> str:
    """Log-odds as a factor of the odds, never below 1."""
    factor = float(np.exp(abs(added)))
    said = f"{factor:.2g}" if factor < 100 else "100 or more"
    return f"times {said}" if added >= 0 else f"divided by {said}"


def _row(concept: Concept, step: float) -> dict[str, str]:
    low, high = (brief(end, 6) for end in (concept.shown_low, concept.shown_high))
    span = concept.shown_high - concept.shown_low
    # A round step that a person may picture: a tenth of the scale, in its own unit.
    tenth = 10.0 ** np.floor(np.log10(abs(span) / 2)) * np.sign(span)
    one = bool(abs(tenth) == 1)
    return {
        "Finding": concept.title,
        "From": f"{concept.low_word} ({low})",
        "To": f"{concept.high_word} ({measured(high, concept.unit)})",
        "Adds, low to high": signed(step),
        "A step of": f"{abs(tenth):g} {text.distance_unit(concept).removesuffix('s' * one)}",
        "adds": signed(step * tenth / span),
        "Odds": _times(step * tenth / span),
    }


def _show_many(domain: Domain, titles: list[str], steps: np.ndarray, swings: np.ndarray) -> None:
    count = len(domain.concepts)
    row, column = np.unravel_index(np.argmax(np.abs(swings[:, :count])), swings[:, :count].shape)
    st.markdown(
        _strongest(domain.concepts[column], float(swings[row, column]), domain.classes[row])
    )
    shown = st.segmented_control(
        "Log-odds added",
        ["over its usual range", "from low to high end"],
        default="over its usual range",
        required=True,
        key="weights-shown",
    )
    values = steps if shown == "from low to high end" else swings
    show_chart(
        draw_signed(
            domain.classes,
            titles,
            values.tolist(),
            float(np.abs(values).max()) or 1.0,
            1,
            "%{x}, %{y}: %{z:+.2f}",
        ),
        alt="What each finding adds to the log-odds of each class",
        key="weights",
    )
    st.caption("Orange speaks for the class of the row, blue against it.")
