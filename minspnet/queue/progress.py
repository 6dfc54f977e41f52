"""What each epoch of a job said, and how long the rest will take."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

PROGRESS = "progress.jsonl"
_RECENT = 8
"""Epochs whose median time stands for those to come."""

Record = Mapping[str, float]
"""``epoch`` from 0 on, ``seconds``, and what ``minspnet.training.history.Progress`` is told."""


def read_progress(folder: Path) -> list[Record]:
    """Read what is known so far: whole lines, in order from the first epoch on.

    A line that was cut off, when the process died over it, ends what is known.
    """
    return _read(folder / PROGRESS)[0]


def _read(path: Path) -> tuple[list[Record], int]:
    """The records, and how many bytes they take."""
    records: list[Record] = []
    length = 0
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except OSError:
        return records, length
    for line in lines:
        try:
            record = {str(name): float(value) for name, value in json.loads(line).items()}
        except (ValueError, TypeError, AttributeError, RecursionError):
            break
        if record.get("epoch") != len(records) or "seconds" not in record:
            break
        records.append(record)
        length += len(line) + 1
    return records, length


class ProgressFile:
    """Writes one line an epoch; epochs that it holds already are not written again."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / PROGRESS
        known, length = _read(self._path)
        self._known = len(known)
        # Whatever was cut off goes, so that the next line stands alone.
        with self._path.open("ab") as file:
            file.truncate(length)

    def add(self, epoch: int, seconds: float, said: Mapping[str, float]) -> None:
        """Say what an epoch said.

        Args:
            epoch: From 0 on.
            seconds: What it took.
            said: By the training.
        """
        if epoch < self._known:
            return
        with self._path.open("a") as file:
            file.write(json.dumps({"epoch": epoch, "seconds": round(seconds, 4), **said}) + "\n")
        self._known = epoch + 1


def seconds_left(records: Sequence[Record], epochs: int) -> float:
    """Estimate how long the epochs to come take; NaN before the first one is over."""
    # Those that a resumed training tells again took no time.
    known = [record["seconds"] for record in records if record["seconds"] > 0]
    if not known:
        return math.nan
    return median(known[-_RECENT:]) * max(0, epochs - len(records))
