"""Which model of a task is in force: adopted by somebody, and what opens first."""

from dashboard import cache
from minspnet.errors import UserError
from minspnet.record.adoptions import Standing


def standing(task: str) -> Standing:
    """What was adopted and rolled back for a task; nothing if that cannot be read."""
    try:
        return cache.store().adoptions.standing(task)
    except UserError:
        return Standing((), ())


def in_force(task: str) -> str | None:
    """Name of the model in force, or of the one before it that is still there; None if neither."""
    stack = standing(task).stack
    if not stack:
        return None
    names = {cache.model(name).digest: name for name in cache.models().get(task, ())}
    return next((names[digest] for digest, _ in stack if digest in names), None)


def first_of(task: str) -> str:
    """The model that opens first for a task: the one in force, or else the first there is."""
    return in_force(task) or cache.models()[task][0]


def was_replaced(task: str, name: str) -> bool:
    """Whether a model was in force until a newer one took its place."""
    digest = cache.model(name).digest
    return any(digest == older for older, _ in standing(task).stack[1:])
