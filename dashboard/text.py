"""What the pages say in words; sentences only, no numbers of their own."""

import re

from minspnet.domain import Concept

HELD_ROUTING = (
    "What is explained is the function that this case was routed through: the experts that ran are "
    "held fixed, because an open-or-closed gate has no gradient. Why a gate opened is told by "
    "its score above."
)
LOG_ODDS = (
    "Log-odds before calibration: above 0 is more likely than not. The chance shown is that of "
    "these log-odds divided by the temperature, {temperature:.2f}, fitted on validation cases."
)
TYPICAL = (
    "A typical case has the mean findings of the training cases. Each finding is weighed with the "
    "others held: of two that go together one may push the other way."
)
EXACT = "These numbers are the computation itself: they add up to the result exactly."


def plain(sentence: str) -> str:
    """Keep words that came from outside from becoming markup: no links, images or formulas."""
    return re.sub(r"([\\`*_{}\[\]()#+!|<>$~:-])", r"\\\1", sentence)


def certainty(probability: float) -> str:
    """Say how sure a calibrated probability of the class decided for is."""
    for limit, words in ((0.95, "very sure"), (0.8, "fairly sure"), (0.65, "leaning")):
        if probability >= limit:
            return words
    return "a close call"


def in_a_hundred(probability: float) -> str:
    """Say a probability as cases out of 100, without ever claiming certainty."""
    if probability > 0.99:
        return "more than 99 in 100"
    if probability < 0.01:
        return "fewer than 1 in 100"
    return f"about {100 * probability:.0f} in 100"


def concept_value(concept: Concept, value: float) -> str:
    """Say a graded concept on its own scale: ``14 mm``."""
    shown = concept.shown(value)
    span = abs(concept.shown_high - concept.shown_low)
    return f"{shown:.{0 if span >= 20 else 1}f}"


def concept_word(concept: Concept, value: float) -> str:
    """Say a graded concept in a word or two."""
    if value >= 0.8:
        return concept.high_word
    if value >= 0.6:
        return f"rather {concept.high_word}"
    if value > 0.4:
        return "in between"
    if value > 0.2:
        return f"rather {concept.low_word}"
    return concept.low_word
