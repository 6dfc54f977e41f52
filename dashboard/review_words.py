"""Reviews in words: reasons to pick from, what was decided, what was corrected."""

from collections.abc import Sequence

from dashboard import text
from dashboard.format import measured, percent
from minspnet.domain import Domain
from minspnet.record.queues import ReviewQueue
from minspnet.record.reviews import Correction, Review

REASONS = {
    "agree": (
        "The findings and the answer fit",
        "The answer is right, but for other reasons",
        "The answer is right, some findings are not",
    ),
    "disagree": (
        "A finding is read wrong",
        "The findings are right, what follows from them is not",
        "Something matters that the network was not given",
        "The input is of poor quality",
    ),
    "unsure": (
        "It could be either",
        "Something matters that the network was not given",
        "The input is of poor quality",
        "This is outside of what I know",
    ),
}
"""By verdict, the usual ones first."""
WITHHELD = REASONS["unsure"]
"""Whatever the verdict: others would tell whether the withheld answer was met."""


def corrections(domain: Domain, concepts: Sequence[Correction]) -> str:
    """Findings set right, as one reads them."""
    known = {concept.name: concept for concept in domain.concepts}
    said = []
    for one in concepts:
        concept = known.get(one.concept)
        if concept is None:
            said.append(f"{one.concept} {one.value:.2g}")
            continue
        value = measured(text.concept_value(concept, one.value), concept.unit)
        said.append(f"{concept.title} {value}")
    return ", ".join(said)


def decided(domain: Domain, review: Review) -> str:
    """One earlier review in a line; every word of a reader is plain text."""
    answer = "no answer" if review.opinion is None else review.opinion
    parts = [f"**{text.plain(review.reader)}** {_verb(review)} ({text.plain(answer)})"]
    if review.own_opinion is not None and review.own_confidence is not None:
        sure = percent(review.own_confidence)
        parts.append(f"before seeing it: {text.plain(review.own_opinion)}, {sure} sure")
    if review.concepts:
        parts.append(f"set {text.plain(corrections(domain, review.concepts))}")
    parts += [text.plain(one) for one in (review.reason, " ".join(review.text.split())) if one]
    return f"{when(review.decided_at)} UTC · " + " · ".join(parts)


def _verb(review: Review) -> str:
    verbs = {"agree": "agreed", "disagree": "disagreed", "unsure": "was unsure"}
    return f"{verbs[review.verdict]} with {text.plain(review.predicted)}"


def when(time: str) -> str:
    """A time to the minute."""
    return time[:16].replace("T", " ")


def progress(queue: ReviewQueue, waiting: Sequence[str]) -> str:
    """How far a reader is with a queue."""
    done, everything = len(queue.cases) - len(waiting), len(queue.cases)
    name = text.plain(queue.name)
    if not waiting:
        return f"Queue **{name}**: all {everything:,} reviewed."
    return f"Queue **{name}**: {done:,} of {everything:,} reviewed, next: {text.plain(waiting[0])}"
