"""Locks that the system frees when their holder dies, however it dies."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from minspnet.errors import requirement

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Wait for a lock and hold it.

    Raises:
        UserError: If this system has no such locks.
    """
    _check()
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def held_if_free(path: Path) -> Iterator[bool]:
    """Hold a lock if nobody does; gives whether it is held now.

    Raises:
        UserError: If this system has no such locks.
    """
    _check()
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _check() -> None:
    if fcntl is None:
        raise requirement(
            "the training queue",
            "run where files can be locked (Linux, macOS)",
            sys.platform,
            "train with python -m minspnet train instead",
        )
