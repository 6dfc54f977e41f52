"""What the pages say in words; sentences only, no numbers of their own."""

import re
from collections.abc import Callable, Collection, Sequence

from dashboard.format import measured, number
from minspnet.counterfactual import Alternatives, Counterfactual
from minspnet.domain import Concept, Domain
from minspnet.exemplars import Exemplars
from minspnet.reasons import Flip, Reasons
from minspnet.titles import in_sentence
from minspnet.waterfall import output_title

_LIST = re.compile(r", | and ")
_ON_A_BUTTON = 32
HELD_ROUTING = (
    "What is explained is the function that this case was routed through: the experts that ran are "
    "held fixed, because an open-or-closed gate has no gradient. Why a gate opened is told by "
    "its score above."
)
LOG_ODDS = (
    "Log-odds before calibration: above 0, {told} is more likely than {against}. The chance "
    "shown is that of these log-odds divided by the temperature, {temperature:.2f}, fitted on "
    "validation cases."
)
STEPS = (
    "Each finding is either there or not, so that the answer moves in steps: no method promises "
    "that its values sum to it."
)
TYPICAL = (
    "A typical case has the mean findings of the training cases under these thresholds. Each "
    "finding is weighed with the others held: of two that go together one may push the other way."
)
BEYOND = (
    "What no finding names is what the network reads in the input past its findings; no "
    "correction reaches it."
)
PLAUSIBLE = (
    "Every change stays within what is usual in some class: where 9 in 10 of its training cases "
    "lie. Fewest findings first, then the smallest total shift, in standard deviations (SD) of "
    "the training cases; a finding that the input cannot show comes last."
)
NOT_THE_PATIENT = (
    "This tells how the network would answer, not what would happen: measurements that belong "
    "together change together, and here each moves alone."
)
BOUNDLESS = (
    "No pair of cases is in the wrong order, and no redraw of the cases has any: how far below 1 "
    "it may be on others cannot be told."
)
EXACT = "These numbers are the computation itself: they add up to the result exactly."


GATES = {
    "doubt": (
        "doubt",
        "where the answer so far is in doubt",
        "a gate of doubt says how undecided the answer was up to there (1 is a mere guess)",
    ),
    "learned": (
        "gate",
        "where a learned gate expects the expert to help",
        "a learned one how much the router expects the expert to help",
    ),
    "choice": (
        "choice",
        "where it is chosen among its rivals",
        "one of choice how it stands against its rivals (their gates sum to 1)",
    ),
    "gain": (
        "gain",
        "where it is expected to be worth its price",
        "one of gain how much the expert is expected to lower the loss",
    ),
}
"""Each kind of gate: in a word, when it opens, and what its score says."""
_LINK = re.compile(r"((?:\w+://|www\.)[^\s`]*|[-.+\w]+@[-.\w]+)", re.IGNORECASE)
"""What Markdown as GitHub has it makes a link of, escaped or not."""


def plain(sentence: str) -> str:
    """Keep words that came from outside from becoming markup: no links, images or formulas."""
    words = _LINK.split(sentence)
    words[::2] = [re.sub(r"([\\`*_{}\[\]()#+!|<>$~:-])", r"\\\1", word) for word in words[::2]]
    words[1::2] = [f"`{link}`" for link in words[1::2]]
    return "".join(words)


def gates(kinds: Collection[str], which: int, between: str) -> str:
    """Say of the kinds of gate that a network has what ``GATES`` says in one place."""
    return between.join(said[which] for kind, said in GATES.items() if kind in kinds)


def odds_of(domain: Domain, told: int, against: int) -> str:
    """Name a class whose log-odds are told; of several, also the one that they are against."""
    rival = "" if len(domain.classes) == 2 else f" against {domain.classes[against]}"
    return f"{domain.classes[told]}{rival}"


def certainty(probability: float) -> str:
    """Say how sure a calibrated probability of the class decided for is."""
    for limit, words in ((0.95, "very sure"), (0.8, "fairly sure"), (0.65, "leaning")):
        if probability >= limit:
            return words
    return "a close call"


def in_a_hundred(probability: float) -> str:
    """Say a probability as cases out of 100, without ever claiming certainty.

    It follows the number beside it, as ``format.chance`` rounds it near the ends.
    """
    shown = round(100 * probability, 1)
    if shown > 99:
        return "more than 99 in 100"
    if shown < 1:
        return "fewer than 1 in 100"
    return f"about {100 * probability:.0f} in 100"


def concept_value(concept: Concept, value: float, more_digits: int = 0) -> str:
    """Say a graded concept on its own scale, without the unit."""
    digits = max(0, concept.digits) + more_digits
    return number(concept.shown(value), digits)


def distance_unit(concept: Concept) -> str:
    """Unit of a distance between two values: a scale "of 5", or of per cent, has points."""
    return "points" if concept.unit.startswith("of ") or concept.unit == "%" else concept.unit


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


def because(
    domain: Domain,
    found: Reasons,
    concepts: Sequence[float],
    typical: Sequence[float],
    marked: bool = True,
) -> str:
    """Say in a sentence what brought a decision about, and what speaks against it.

    Args:
        domain: The task.
        found: What pushes where.
        concepts: The case's concepts (then residual channels).
        typical: Those of the typical case.
        marked: Whether it is for a page, where words from outside are kept from being markup.
    """
    said = plain if marked else str

    def told(outputs: Sequence[int]) -> str:
        return listed(
            [
                _finding(domain.concepts[k], concepts[k], typical[k], said)
                if k < count
                else f"**{said(output_title(domain, found.outputs[k]))}**"
                for k in outputs
            ]
        )

    count = len(domain.concepts)
    against = found.speaking_against()
    verb = "speaks" if len(against) == 1 else "speak"
    but = f"against it {verb} {told(against)}" if against else ""
    decided, rival = said(domain.classes[found.decided]), said(domain.classes[found.rival])
    findings = float(found.pushes.sum())
    if findings > found.start:
        why = f"ainly because of {told(found.speaking_for())}"
        # Of several classes, the findings are weighed against the nearest one.
        several = len(domain.classes) > 2
        named = f"**{decided[:1].upper()}{decided[1:]}** rather than **{rival}**"
        reason = f"{named} m{why}" if several else f"M{why}"
    else:
        reason = f"Like a typical case, it is called {decided} rather than {rival}"
        if findings > 0:
            reason += f", the more so because of {told(found.speaking_for())}"
        elif but:
            but += ", but not enough"
    return f"{reason}; {but}." if but else f"{reason}."


def what_would_change_it(
    domain: Domain, flip: Flip | None, concepts: Sequence[float], marked: bool = True
) -> str:
    """Say the smallest change of one finding that changes the answer, if there is one."""
    said = plain if marked else str
    if flip is None:
        return "No single finding would change the answer, whatever its value."
    concept, now = domain.concepts[flip.concept], concepts[flip.concept]
    value, here = _apart(concept, flip.value, now)
    further = " or less" if flip.value < now else " or more"
    further = further if flip.beyond and 0 < flip.value < 1 else ""
    guessed = "" if concept.visible else " (a finding that it only guesses)"
    return (
        f"It would change to **{said(domain.classes[flip.decided])}** if "
        f"{_name(concept, said)}{guessed} were {measured(value, concept.unit)}{further}, "
        f"instead of {here}."
    )


def flip_in_short(concept: Concept, flip: Flip, now: float) -> str:
    """Name that change on a button, which cuts long names off."""
    name = in_sentence(concept.title)
    name = name if len(name) <= _ON_A_BUTTON else f"{name[: _ON_A_BUTTON - 1].rstrip()}…"
    return f"Set {plain(name)} to {_apart(concept, flip.value, now)[0]}"


def change_of(
    domain: Domain, one: Counterfactual, concepts: Sequence[float], marked: bool = True
) -> str:
    """Say which findings change together, from what to what; for a page, or for paper."""
    told, said = [], plain if marked else str
    for k, value in zip(one.concepts, one.values, strict=True):
        concept = domain.concepts[k]
        now, then = _apart(concept, concepts[k], value)
        guessed = "" if concept.visible else " (only guessed)"
        told.append(
            f"**{said(concept.title)}**{guessed} {now} → {said(measured(then, concept.unit))}"
        )
    return listed(told)


def no_change(domain: Domain, found: Alternatives) -> str:
    """Say that no plausible change of findings changes the answer, and how far was looked."""
    if not found.together:
        return "Every finding is set by you: none is left to change."
    few = "one finding" if found.together == 1 else f"up to {found.together} findings at once"
    said = f"No change of {few} within their usual ranges would change the answer"
    if found.with_all is None:
        return f"{said}; more at once were not tried."
    return f"{said}{'; more at once would.' if found.with_all else ', nor would all together.'}"


def alike_in(domain: Domain, found: Exemplars, near: int) -> str:
    """Name the findings that a known case shares, with the points of similarity they add."""
    shared = found.alike(near)
    return ", ".join(
        f"{domain.concepts[k].title} +{100 * found.shares[near, k]:.0f}" for k in shared
    )


def apart_in(domain: Domain, found: Exemplars, near: int) -> str:
    """Name the finding that sets a known case most apart, with the points that it costs."""
    furthest = found.apart(near)
    if furthest is None:
        return "nothing to speak of"
    lost = 100 * float(found.gaps[near, furthest])
    return f"{domain.concepts[furthest].title} {number(-lost, 0 if lost >= 1 else 1)}"


def few(names: Sequence[str], room: int = 240) -> str:
    """Names in a row as far as the room goes, one at least, with how many more there are."""
    told = [name for k, name in enumerate(names) if not k or len(", ".join(names[: k + 1])) <= room]
    more = len(names) - len(told)
    return in_a_row(told) + (f" and {more:,} more" if more else "")


def in_a_row(names: Sequence[str]) -> str:
    """Names one after another; semicolons part them where they are lists themselves."""
    return ("; " if any(map(_LIST.search, names)) else ", ").join(names)


def counted(many: int, noun: str) -> str:
    """How many there are of a thing: 1 column, 2 columns."""
    return f"{many:,} {noun}{'' if many == 1 else 's'}"


def listed(items: Sequence[str]) -> str:
    """Join words as a sentence does: a, b and c."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def _finding(concept: Concept, value: float, typical: float, said: Callable[[str], str]) -> str:
    """Name a finding, in a word too where the whole scale says the same as the comparison."""
    here, there = _apart(concept, value, typical)
    telling = (value >= 0.6 and value > typical) or (value <= 0.4 and value < typical)
    word = f"{said(concept_word(concept, value))}: " if telling else ""
    return f"{_name(concept, said)} ({word}{measured(here, concept.unit)}, typically {there})"


def _apart(concept: Concept, value: float, other: float) -> tuple[str, str]:
    """Say two values with as many digits as it takes to tell them apart, two more at most."""
    for more in range(3):
        said = concept_value(concept, value, more), concept_value(concept, other, more)
        if said[0] != said[1]:
            break
    return said


def _name(concept: Concept, said: Callable[[str], str]) -> str:
    return f"**{said(in_sentence(concept.title))}**"
