"""Putting something together aside, so that it takes its place whole or not at all."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LONGEST = 24 * 60 * 60
"""Seconds that nothing takes to put together: what is older was left by a program cut off."""


@contextmanager
def aside(folder: Path, doing: str) -> Iterator[Path]:
    """Lend a room within a folder; it goes with all that was not moved out of it.

    Args:
        folder: Where the result will lie, so that moving it there is one step.
        doing: A word for the room's name; older rooms of that name are cleared away.
    """
    prefix = f".{doing}-"
    for left in folder.glob(f"{prefix}*"):
        with suppress(FileNotFoundError):  # its own program is done with it
            if time.time() - left.stat().st_mtime > _LONGEST:
                shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=prefix) as room:
        yield Path(room)
