"""What a model can learn from reviews: the set of them, updates made, and making one."""

from collections.abc import Callable

import numpy as np

from dashboard import cache, heavy, state, who
from dashboard.in_force import alike, by_digest, scope_of, standing, usual
from minspnet.learned import Account, AdapterSpec, account_of
from minspnet.learning.lessons import Lessons, check_enough, lessons, parts_after
from minspnet.learning.merging import merged
from minspnet.record.checks import in_utc
from minspnet.record.sets import ReviewedSet
from minspnet.trace import replay


def proposed(name: str) -> ReviewedSet:
    """What reviews of a model, and of those that it goes on from, add up to now.

    Raises:
        UserError: If a review cannot be read.
    """
    digests = lineage(name)
    found = [one for digest in digests for one in who.doors().reviews_of(None, digest)]
    found.sort(key=lambda one: in_utc("decided_at", one.decided_at), reverse=True)
    return merged(found, scope_of(name), digests)


def lineage(name: str) -> tuple[str, ...]:
    """Digests of a model and of those that it was learned from, newest first."""
    names = by_digest(name)
    loaded = cache.model(name)
    found = [loaded.digest]
    while loaded.parent and loaded.parent not in found:
        found.append(loaded.parent)
        if loaded.parent not in names:
            break
        loaded = cache.model(names[loaded.parent])
    return tuple(found)


def updates_of(name: str) -> tuple[str, ...]:
    """Names of the models that learned from reviews of a model."""
    digest = cache.model(name).digest
    return tuple(one for one in alike(name) if cache.model(one).parent == digest and account(one))


def parent_of(name: str) -> str | None:
    """Name of the model that one was learned from; None if it is not there."""
    parent = cache.model(name).parent
    return next((one for one in alike(name) if parent and cache.model(one).digest == parent), None)


def account(name: str) -> Account | None:
    """What is known of a model as an update; None if it is none."""
    return account_of(cache.model(name).metrics)


def looked_up(name: str, content: ReviewedSet) -> tuple[Lessons, int]:
    """A set in numbers, and how many of its answers differ from the model's.

    Raises:
        UserError: If it names what the task has not, is too little to learn from, or would leave
            too few cases to score an update.
    """
    loaded = cache.model(name)
    given = lessons(content, loaded.domain, cache.cases(name))
    answers = _answers(name)
    said = np.array([answers.get(case, -1) for case in given.ids], dtype=np.intp)
    differing = given.differing(said) & (said >= 0)
    check_enough(given, differing)
    parts_after(loaded, cache.cases(name), given)
    return given, int(differing.sum())


def _answers(name: str) -> dict[str, int]:
    """What a model decides on every case that it has evidence of."""
    policy = state.operating_point(name).without_interventions()
    return {
        case: int(answer)
        for trace in cache.model(name).traces.values()
        for case, answer in zip(trace.case_ids, replay(trace, policy).predicted, strict=True)
    }


def learn(name: str, content: ReviewedSet, kind: AdapterSpec, say: Callable[[str], None]) -> str:
    """Keep the set, fit an update on it and put that on the shelf; gives its name.

    Raises:
        UserError: If the role does not allow it, or it cannot be learned from.
    """
    heavy.load()
    doors = who.doors()
    kept = doors.keep_set(content)
    return doors.learn(cache.model(name), state.operating_point(name), kept, kind, say)


def to_replace(name: str) -> tuple[str, str]:
    """Digest and name of the model that one would take the place of."""
    stack, first = standing(name).stack, usual(name)
    return stack[0] if stack else (cache.model(first).digest, first)


def adopt(name: str, before: tuple[str, str], reason: str = "") -> None:
    """Put a model in force.

    Args:
        name: Of it.
        before: What it takes the place of, as it was shown; from ``to_replace``.
        reason: Why.

    Raises:
        UserError: If the role does not allow it, or another came into force meanwhile.
    """
    model = cache.model(name).digest, name
    who.doors().adopt_model(scope_of(name), model, before, reason)


def roll_back(name: str, seen: str, reason: str = "") -> None:
    """Put the model back that the one in force took the place of.

    Args:
        name: Of the one in force, or of one alike.
        seen: Digest of the model in force, as it was shown.
        reason: Why.

    Raises:
        UserError: If the role does not allow it, or another came into force meanwhile.
    """
    who.doors().roll_back(scope_of(name), seen, reason)
