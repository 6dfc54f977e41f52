"""Reviews of several readers, put together case by case.

Of each reader the newest review of a case counts. An answer holds that most of those who gave one
gave; if two are tied, none does. A finding counts as set right if more than half of the readers of
the case set it right, and then at the median of what they said, unless two of them are further
apart than ``MOST_APART``. What is left out for want of agreement is listed with the set. A finding
that a reader let stand is no statement that it is right, but it keeps a minority from changing it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median

from minspnet.record.reviews import Correction, Review
from minspnet.record.sets import ANSWER, LeftOut, ReviewedCase, ReviewedSet

MOST_APART = 0.5
"""Of two values of a graded finding: half its scale. Their middle would be nobody's opinion."""


def merged(reviews: Iterable[Review], task: str, models: Sequence[str]) -> ReviewedSet:
    """Put reviews together.

    Args:
        reviews: Newest first, as ``Reviews.find`` gives them; of other models than those named
            they are passed over.
        task: Which the models are for.
        models: Digests, first the one that is to learn, then those that it goes on from.
    """
    newest: dict[tuple[str, str], Review] = {}
    for review in reviews:
        if review.model in models:
            newest.setdefault((review.case_id, review.reader), review)
    by_case: dict[str, list[Review]] = {}
    for (case, _), review in sorted(newest.items()):
        by_case.setdefault(case, []).append(review)
    cases, left_out = [], []
    for case, said in by_case.items():
        answer, tied = _answer(case, said)
        findings, disputed = _findings(case, said)
        left_out += [*tied, *disputed]
        cases.append(
            ReviewedCase(
                case,
                answer,
                findings,
                tuple(review.reader for review in said),
                tuple(review.id for review in said),
            )
        )
    return ReviewedSet(task, tuple(models), tuple(cases), tuple(left_out))


def _answer(case: str, said: Sequence[Review]) -> tuple[str | None, list[LeftOut]]:
    votes = Counter(review.opinion for review in said if review.opinion is not None)
    if not votes:
        return None, []
    (first, most), *others = votes.most_common()
    if others and others[0][1] == most:
        tied = sorted(answer for answer, count in votes.items() if count == most)
        return None, [LeftOut(case, ANSWER, f"readers are tied between {' and '.join(tied)}")]
    return first, []


def _findings(case: str, said: Sequence[Review]) -> tuple[tuple[Correction, ...], list[LeftOut]]:
    values: dict[str, list[float]] = {}
    for review in said:
        for one in review.concepts:
            values.setdefault(one.concept, []).append(one.value)
    agreed, disputed = [], []
    for name, given in sorted(values.items()):
        if 2 * len(given) <= len(said):
            why = f"{len(given)} of {len(said)} readers set it right"
            disputed.append(LeftOut(case, name, why))
        elif max(given) - min(given) > MOST_APART:
            why = f"readers' values lie {max(given) - min(given):.2f} of its scale apart"
            disputed.append(LeftOut(case, name, why))
        else:
            agreed.append(Correction(name, float(median(given))))
    return tuple(agreed), disputed
