"""The jobs of a folder: who is at it, who waits, and what may be asked of whom."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from minspnet.errors import UserError, requirement
from minspnet.queue.job import RESUMABLE, UNDER_WAY, Job, State, is_id, new_id
from minspnet.queue.locks import held, held_if_free

STOP, STARTED = "stop", "started"
_LOCK, _TURN = "lock", "turn"
_START = 15.0
"""Seconds that a process may take until it is at the queue."""


@dataclass(frozen=True)
class Entry:
    """One job of the queue.

    Attributes:
        id: Name of its folder.
        folder: Where it lies.
        job: What it trains.
        state: How it stands: ``interrupted`` where the process that was at it is gone.
        stopping: It was asked to stop and has not yet.
    """

    id: str
    folder: Path
    job: Job
    state: State
    stopping: bool = False


class Queue:
    """The jobs in a folder, which is made if missing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            must = f"be a folder that can be written ({error.strerror or error})"
            raise requirement(
                "the folder of jobs", must, folder.name, "make room for it"
            ) from error

    # --- What a page asks -----------------------------------------------------------------

    def entries(self) -> tuple[list[Entry], dict[str, str]]:
        """List all jobs: under way, waiting in their order, then the rest, newest first.

        Returns:
            The jobs, and by id a sentence about each whose files cannot be read.
        """
        found, unreadable = [], {}
        with held(self.folder / _TURN):
            worked_on = self._is_worked_on()
            for job_id in self._ids():
                try:
                    found.append(self._entry(job_id, worked_on))
                except UserError as error:
                    unreadable[job_id] = str(error)
        found.sort(key=lambda entry: entry.id, reverse=True)
        return sorted(found, key=_rank), unreadable

    def entry(self, job_id: str) -> Entry:
        """Find one job.

        Raises:
            UserError: If there is none, or its files cannot be read.
        """
        with held(self.folder / _TURN):
            return self._entry(job_id, self._is_worked_on())

    def is_worked_on(self) -> bool:
        """Whether a process is at the queue now."""
        with held(self.folder / _TURN):
            return self._is_worked_on()

    def is_starting(self) -> bool:
        """Whether a process was started so lately that it may not yet be at the queue."""
        try:
            started = (self.folder / STARTED).stat().st_mtime
        except OSError:
            return False
        return time.time() - started < _START and self.has_waiting()

    def add(self, job: Job) -> str:
        """Put a job at the end of the queue; gives its id."""
        with held(self.folder / _TURN):
            job_id = new_id(datetime.now(UTC))
            # Listed only once it is whole.
            room = self.folder / f".{job_id}"
            room.mkdir()
            job.write(room)
            State("waiting", self._last_place() + 1, _now()).write(room)
            room.rename(self.folder / job_id)
        return job_id

    def stop(self, job_id: str) -> None:
        """Have a job end after the step it is at; one that waits stops at once."""
        with held(self.folder / _TURN):
            entry = self._entry(job_id, self._is_worked_on())
            if entry.state.status in UNDER_WAY:
                (entry.folder / STOP).touch()
            else:
                _demand(entry, "stop", ("waiting",))
                _change(entry.folder, entry.state, status="stopped")

    def resume(self, job_id: str) -> None:
        """Put a job that ended early at the end of the queue again."""
        with held(self.folder / _TURN):
            entry = self._entry(job_id, self._is_worked_on())
            _demand(entry, "resume", RESUMABLE)
            (entry.folder / STOP).unlink(missing_ok=True)
            place = self._last_place() + 1
            _change(entry.folder, entry.state, status="waiting", place=place, error="")

    def move(self, job_id: str, earlier: bool) -> None:
        """Let a waiting job change places with the one before or behind it, if there is one."""
        with held(self.folder / _TURN):
            entry = self._entry(job_id, worked_on=True)
            _demand(entry, "move", ("waiting",))
            waiting = self._waiting()
            here = [other.id for other in waiting].index(job_id)
            there = here - 1 if earlier else here + 1
            if 0 <= there < len(waiting):
                other = waiting[there]
                replace(entry.state, place=other.state.place).write(entry.folder)
                replace(other.state, place=entry.state.place).write(other.folder)

    def remove(self, job_id: str) -> None:
        """Delete a job with all it has kept; the model it became stays."""
        with held(self.folder / _TURN):
            folder = self._folder(job_id)
            status = ""  # of what cannot be read, which can still be removed
            with suppress(UserError):
                status = self._entry(job_id, self._is_worked_on()).state.status
            if status in UNDER_WAY:
                must = "be stopped before it is removed"
                raise requirement(f"job {job_id}", must, status, "stop it first")
            shutil.rmtree(folder)

    # --- What the process that trains asks ------------------------------------------------

    @contextmanager
    def taken_over(self) -> Iterator[bool]:
        """Be the one process that trains, if there is no other; gives whether it is.

        The lock says the number of the process, for whoever looks into the folder.
        """
        with ExitStack() as kept:
            with held(self.folder / _TURN):
                ours = kept.enter_context(held_if_free(self.folder / _LOCK))
                if ours:
                    (self.folder / _LOCK).write_text(f"{os.getpid()}\n")
            yield ours

    def mark_interrupted(self) -> None:
        """Say of each job that a process was at that it is no more: for the next process."""
        with held(self.folder / _TURN):
            for job_id in self._ids():
                folder = self.folder / job_id
                try:
                    state = State.read(folder)
                except UserError:
                    continue
                if state.status in UNDER_WAY:
                    _change(folder, state, status="interrupted")

    def take(self) -> Entry | None:
        """Take the first of those waiting; None if nobody waits."""
        with held(self.folder / _TURN):
            waiting = self._waiting()
            if not waiting:
                return None
            first = waiting[0]
            (first.folder / STOP).unlink(missing_ok=True)
            state = _change(first.folder, first.state, status="training", baseline="")
            return replace(first, state=state)

    def has_waiting(self) -> bool:
        """Whether any job waits."""
        with held(self.folder / _TURN):
            return bool(self._waiting())

    # --- Within a turn --------------------------------------------------------------------

    def _is_worked_on(self) -> bool:
        with held_if_free(self.folder / _LOCK) as free:
            return not free

    def _ids(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir() if is_id(path.name))

    def _folder(self, job_id: str) -> Path:
        if not is_id(job_id) or not (self.folder / job_id).is_dir():
            raise requirement("job", "be one of the queue", repr(job_id), "reload the page")
        return self.folder / job_id

    def _entry(self, job_id: str, worked_on: bool) -> Entry:
        folder = self._folder(job_id)
        state = State.read(folder)
        if state.status in UNDER_WAY and not worked_on:
            state = replace(state, status="interrupted")
        stopping = state.status in UNDER_WAY and (folder / STOP).exists()
        return Entry(job_id, folder, Job.read(folder), state, stopping)

    def _waiting(self) -> list[Entry]:
        found = []
        for job_id in self._ids():
            try:
                entry = self._entry(job_id, worked_on=True)
            except UserError:
                continue
            if entry.state.status == "waiting":
                found.append(entry)
        return sorted(found, key=_rank)

    def _last_place(self) -> int:
        return max((entry.state.place for entry in self._waiting()), default=0)


def _rank(entry: Entry) -> tuple[int, int]:
    group = 0 if entry.state.status in UNDER_WAY else 1 + (entry.state.status != "waiting")
    return group, entry.state.place if group == 1 else 0


def _demand(entry: Entry, wish: str, statuses: tuple[str, ...]) -> None:
    if entry.state.status not in statuses:
        must = f"be {' or '.join(statuses)} to {wish}"
        raise requirement(f"job {entry.id}", must, entry.state.status, "reload the page")


def _change(folder: Path, state: State, **changes: object) -> State:
    changed = replace(state, since=_now(), **changes)  # type: ignore[arg-type]
    changed.write(folder)
    return changed


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
