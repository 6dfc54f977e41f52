"""Which model is in force: adopted by somebody for a task and a choice of its inputs.

Models that read other inputs stand beside each other; only those that read the same can take each
other's place.
"""

from dashboard import cache
from minspnet.errors import UserError
from minspnet.record.adoptions import Standing
from minspnet.record.checks import in_utc


def scope_of(name: str) -> str:
    """Task and choice of inputs of a model: what another can take its place for."""
    return f"{cache.task_of(name)}/{cache.model(name).variant}"


def alike(name: str) -> tuple[str, ...]:
    """Models of the same task that read the same inputs, in the order of menus."""
    scope = scope_of(name)
    return tuple(one for one in cache.models()[cache.task_of(name)] if scope_of(one) == scope)


def by_digest(name: str) -> dict[str, str]:
    """Names of a model and those alike, by their digests."""
    return {cache.model(one).digest: one for one in alike(name)}


def standing(name: str) -> Standing:
    """What was adopted and rolled back among a model and those alike; nothing if unreadable."""
    return _asked(name)[0]


def trouble(name: str) -> str:
    """Why what was adopted cannot be read, in a sentence; empty where it can."""
    return _asked(name)[1]


def _asked(name: str) -> tuple[Standing, str]:
    try:
        return cache.store().adoptions.standing(scope_of(name)), ""
    except UserError as error:
        return Standing((), ()), str(error)


def in_force(name: str) -> str | None:
    """Of a model and those alike, the one in force; None if none was ever adopted.

    One that is no longer there passes that on to the one before it.
    """
    stack = standing(name).stack
    names = by_digest(name) if stack else {}
    return next((names[digest] for digest, _ in stack if digest in names), None)


def usual(name: str) -> str:
    """The one in force, or else the first of those alike."""
    return in_force(name) or alike(name)[0]


def first_of(task: str) -> str:
    """The model that opens first for a task: adopted last, or else the first there is."""
    names = cache.models()[task]
    decided = [(newest_at(name), name) for name in {scope_of(one): one for one in names}.values()]
    at, name = max(decided)
    return (in_force(name) if at else None) or names[0]


def newest_at(name: str) -> str:
    """When the model in force last changed, in UTC; empty if it never did."""
    history = standing(name).history
    return in_utc("at", history[0].at) if history else ""


def was_replaced(name: str) -> bool:
    """Whether a model was in force until a newer one took its place."""
    digest = cache.model(name).digest
    return any(digest == older for older, _ in standing(name).stack[1:])
