"""One job from its data to its model."""

import time
import traceback
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minspnet.collection import Collection
from minspnet.data import folds
from minspnet.errors import UserError, in_a_line, requirement
from minspnet.presets import Preset
from minspnet.queue.job import Job, State
from minspnet.queue.progress import ProgressFile, read_progress
from minspnet.queue.queue import STOP, Entry
from minspnet.registry import free_title, rename
from minspnet.spread import summarise
from minspnet.workspace import Workspace

if TYPE_CHECKING:
    from minspnet.network import Network
    from minspnet.study import Study

LOG, CHECKPOINT = "log.txt", "checkpoint"
_LOOK = 0.2
"""Seconds between two looks at whether the job was asked to stop."""


class _Stopped(Exception):
    """It was asked to stop."""


def carry_out(entry: Entry, workspace: Workspace) -> State:
    """Train a job that was taken from the queue, or go on with it; whatever happens is said.

    Args:
        entry: Its status is ``training``.
        workspace: Where its data lie and its model goes.

    Returns:
        How it ended: done, stopped or failed.
    """
    try:
        state = _Run(entry, workspace).to_model()
    except _Stopped:
        (entry.folder / STOP).unlink(missing_ok=True)
        state = _ended(entry, "stopped")
    except UserError as error:
        state = _ended(entry, "failed", str(error))
    except Exception as error:  # whatever it is, the page says it and the next job is done
        _log(entry.folder, traceback.format_exc())
        state = _ended(entry, "failed", f"This could not be trained ({in_a_line(error)}).")
    _log(entry.folder, f"{state.status} {state.model}{state.error}")
    return state


class _Run:
    """What the hooks of a training share."""

    def __init__(self, entry: Entry, workspace: Workspace) -> None:
        self.entry, self.workspace = entry, workspace
        self.state = entry.state
        self.progress = ProgressFile(entry.folder)
        self.steps, self.looked = 0, 0.0
        self.epoch_began = time.monotonic()

    def to_model(self) -> State:
        from minspnet.study import DRIFT, conduct

        job = self.entry.job
        _log(self.entry.folder, f"training {job.collection}, seed {job.seed}")
        collection = _data(job, self.workspace)
        cases = collection.of_variant(job.variant)
        domain = collection.card.domain()
        study = conduct(
            domain,
            domain.variant(job.variant),
            Preset(job.model, job.training),
            cases,
            collection.split or next(folds(cases, job.seed)),
            job.seed,
            on_epoch=self.after_epoch,
            checkpoint=self.entry.folder / CHECKPOINT,
            watch=True,
            after_step=self.after_step,
            on_baseline=self.before_baseline,
            hurry=True,
            drift=DRIFT,
        )
        self.look()
        return self.keep(study, collection)

    def after_step(self, network: "Network", step: int, steps: int) -> None:
        self.steps += 1
        if time.monotonic() - self.looked > _LOOK:
            self.look()

    def after_epoch(self, epoch: int, said: dict[str, float]) -> None:
        now = time.monotonic()
        # Epochs of before the interruption are told again: without a step.
        self.progress.add(epoch, now - self.epoch_began if self.steps else 0.0, said)
        self.epoch_began, self.steps = now, 0

    def before_baseline(self, name: str) -> None:
        self.look()
        self.change(status="baselines", baseline=name)

    def look(self) -> None:
        """Give up if that was asked for."""
        self.looked = time.monotonic()
        if (self.entry.folder / STOP).exists():
            raise _Stopped

    def change(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)
        self.state.write(self.entry.folder)

    def keep(self, study: "Study", collection: Collection) -> State:
        """Save the model under a name that is written down first, should saving be cut short."""
        import torch

        from minspnet.artifact import save

        if not self.state.model:
            self.change(model=self.workspace.new_model(collection.card.key).name)
        folder = self.workspace.model_folder(self.state.model)
        added = {
            "over_splits": {"runs": 1, "scores": summarise([study.metrics])},
            "trained": {
                "on": f"processor, {torch.get_num_threads()} threads",
                "seconds": sum(one["seconds"] for one in read_progress(self.entry.folder)),
            },
        }
        try:
            save(study, folder, {**study.metrics, **added}, collection)
        except BaseException:
            with suppress(OSError):
                folder.rmdir()  # where nothing is in it
            raise
        with suppress(UserError):  # a title that cannot be shown is no reason to fail
            title = free_title(self.workspace, self.entry.job.title, self.state.model)
            rename(self.workspace, self.state.model, title)
        self.change(status="done", baseline="", since=_now())
        return self.state


def _data(job: Job, workspace: Workspace) -> Collection:
    collection = workspace.collection(job.collection)
    if collection.digest != job.digest:
        raise requirement(
            f"data {job.collection}",
            f"be as they were when this was asked for ({job.digest[:12]})",
            collection.digest[:12],
            "start a new training on what they are now",
        )
    return collection


def _ended(entry: Entry, status: str, error: str = "") -> State:
    """Say how it ended, and keep what was said of it meanwhile."""
    known = entry.state
    with suppress(UserError):
        known = State.read(entry.folder)
    state = replace(known, status=status, baseline="", error=error, since=_now())  # type: ignore[arg-type]
    state.write(entry.folder)
    return state


def _log(folder: Path, said: str) -> None:
    with (folder / LOG).open("a", encoding="utf-8") as file:
        file.write(f"{_now()} {said.rstrip()}\n")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
