"""What the Train page keeps: data as they are saved now, recipes for them, and what those cost."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dashboard import heavy
from dashboard.keep import kept
from minspnet.budgets import budget_preset
from minspnet.collection import CARD, CASES, Collection
from minspnet.data import UNLABELLED
from minspnet.errors import UserError
from minspnet.presets import Preset
from minspnet.queue.progress import PROGRESS, Record, read_progress
from minspnet.queue.queue import Entry, Queue
from minspnet.workspace import Workspace

if TYPE_CHECKING:
    from minspnet.queue.preview import Preview

Stamp = tuple[int, int]
"""When the two files of a collection were written."""


@dataclass(frozen=True)
class Saved:
    """Saved data, as a menu names them.

    Attributes:
        key: Of the collection.
        title: Of its card.
        stamp: When they were written.
    """

    key: str
    title: str
    stamp: Stamp


def queue() -> Queue:
    """The trainings of the workspace."""
    return Queue(Workspace.from_environment().jobs)


def saved() -> tuple[list[Saved], list[str]]:
    """All saved data whose card can be read, and a sentence about each other one."""
    workspace = Workspace.from_environment()
    found, unreadable = [], []
    for key in workspace.collections():
        try:
            found.append(Saved(key, _title(key, stamp := _stamp(key)), stamp))
        except UserError as error:
            unreadable.append(f"{error} The data {key} are left out.")
    return found, unreadable


def _stamp(key: str) -> Stamp:
    folder = Workspace.from_environment().data / key
    try:
        card, cases = (os.stat(folder / name).st_mtime_ns for name in (CARD, CASES))
    except OSError:
        return 0, 0
    return card, cases


@kept(256)
def _title(key: str, stamp: Stamp) -> str:
    return Workspace.from_environment().card(key).title


@kept(4)
def collection(chosen: Saved) -> Collection:
    """The data themselves; raises what cannot be read of them."""
    return Workspace.from_environment().collection(chosen.key)


@kept(4)
def digest(chosen: Saved) -> str:
    """What a job is bound to."""
    return collection(chosen).digest


@kept(16)
def counts(chosen: Saved) -> tuple[int, int]:
    """How many cases there are, and how many of them have a label."""
    labels = collection(chosen).cases.labels
    return len(labels), int((labels != UNLABELLED).sum())


@kept(64)
def recipe(chosen: Saved, variant: str, budget: str) -> Preset:
    """The recipe of a budget for these data."""
    known = collection(chosen)
    domain = known.card.domain()
    return budget_preset(domain, domain.variant(variant), known.of_variant(variant), budget)


@kept(256)
def preview(preset: Preset) -> "Preview":
    """What a network will cost; raises what architecture and recipe do not allow."""
    heavy.load()
    from minspnet.queue.preview import preview as build

    return build(preset)


def progress(entry: Entry) -> list[Record]:
    """What the epochs of a job said so far; the list of jobs is drawn once a second."""
    try:
        found = os.stat(entry.folder / PROGRESS)
    except OSError:
        return []
    return _progress(str(entry.folder), found.st_mtime_ns, found.st_size)


@kept(128)
def _progress(folder: str, written: int, size: int) -> list[Record]:
    return read_progress(Path(folder))
