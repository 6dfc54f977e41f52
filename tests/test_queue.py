"""The queue: its order, what may be asked of a job, and its files when they are spoiled."""

import json
import math
import os
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from minspnet.errors import UserError
from minspnet.queue import locks
from minspnet.queue.job import JOB, MOST_SEED, STATE, Job, State, is_id, new_id
from minspnet.queue.locks import held, held_if_free
from minspnet.queue.progress import PROGRESS, ProgressFile, read_progress, seconds_left
from minspnet.queue.queue import STARTED, STOP, Queue
from minspnet.recipe import TrainSpec
from minspnet.spec import ModelSpec, StemSpec

MODEL = ModelSpec((3,), 2, 2, StemSpec("tabular"))
LOANS = Job(
    "loans", "f" * 64, "all_features", MODEL, TrainSpec(), 0, "Loans", "2026-01-01T00:00:00"
)


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    return Queue(tmp_path / "jobs")


def three(queue: Queue) -> list[str]:
    return [queue.add(replace(LOANS, title=title)) for title in ("first", "second", "third")]


def listed(queue: Queue) -> list[str]:
    return [entry.job.title for entry in queue.entries()[0]]


def status(queue: Queue, job_id: str) -> str:
    return queue.entry(job_id).state.status


# --- Order ------------------------------------------------------------------------------


def test_jobs_are_taken_in_the_order_they_came(queue: Queue) -> None:
    ids = three(queue)
    assert listed(queue) == ["first", "second", "third"]
    with queue.taken_over() as ours:
        assert ours
        taken = [queue.take(), queue.take()]
        assert [entry.id for entry in taken if entry] == ids[:2]
        assert [status(queue, one) for one in ids] == ["training", "training", "waiting"]
        assert listed(queue)[-1] == "third"
        assert queue.take() is not None
        assert queue.take() is None and not queue.has_waiting()


def test_a_job_comes_back_as_it_was_put_in(queue: Queue) -> None:
    assert queue.entry(queue.add(LOANS)).job == LOANS


def test_waiting_jobs_change_places(queue: Queue) -> None:
    first, second, third = three(queue)
    queue.move(third, earlier=True)
    assert listed(queue) == ["first", "third", "second"]
    queue.move(first, earlier=False)
    assert listed(queue) == ["third", "first", "second"]
    queue.move(third, earlier=True)
    queue.move(second, earlier=False)
    assert listed(queue) == ["third", "first", "second"]


def test_what_ended_stands_behind_what_waits_newest_first(queue: Queue) -> None:
    first, second, third = three(queue)
    queue.stop(first)
    queue.stop(second)
    behind = sorted((first, second), reverse=True)
    assert [entry.id for entry in queue.entries()[0]] == [third, *behind]
    queue.resume(first)
    assert [entry.id for entry in queue.entries()[0]] == [third, first, second]


# --- What may be asked ------------------------------------------------------------------


def test_a_job_under_way_is_asked_to_stop(queue: Queue) -> None:
    job_id = queue.add(LOANS)
    with queue.taken_over():
        queue.take()
        assert not queue.entry(job_id).stopping
        queue.stop(job_id)
        assert queue.entry(job_id).stopping
        assert (queue.folder / job_id / STOP).exists()
        assert status(queue, job_id) == "training"


def test_a_process_that_is_gone_leaves_its_job_interrupted(queue: Queue) -> None:
    job_id = queue.add(LOANS)
    with queue.taken_over():
        queue.take()
        assert queue.is_worked_on()
    assert not queue.is_worked_on()
    assert status(queue, job_id) == "interrupted"
    with queue.taken_over():
        # A new process is at the queue, but not at this job.
        queue.mark_interrupted()
        assert status(queue, job_id) == "interrupted"
    queue.resume(job_id)
    assert status(queue, job_id) == "waiting"


def test_an_old_wish_to_stop_does_not_stop_what_is_resumed(queue: Queue) -> None:
    job_id = queue.add(LOANS)
    with queue.taken_over():
        queue.take()
        queue.stop(job_id)
    queue.resume(job_id)
    with queue.taken_over():
        queue.take()
        assert not queue.entry(job_id).stopping


def test_one_process_at_a_time(queue: Queue) -> None:
    with queue.taken_over() as first, Queue(queue.folder).taken_over() as second:
        assert first and not second
    with queue.taken_over() as again:
        assert again


def test_removed_jobs_leave_nothing(queue: Queue) -> None:
    first, *_ = three(queue)
    queue.remove(first)
    assert listed(queue) == ["second", "third"]
    assert not (queue.folder / first).exists()


REFUSED: dict[str, tuple[Callable[[Queue, str], None], str, str]] = {
    "resume": (lambda queue, one: queue.resume(one), "waiting", "be stopped or failed or interru"),
    "move": (lambda queue, one: queue.move(one, True), "done", "be waiting to move"),
    "stop": (lambda queue, one: queue.stop(one), "done", "be waiting to stop"),
    "remove": (lambda queue, one: queue.remove(one), "training", "be stopped before it is removed"),
}


@pytest.mark.parametrize(("ask", "now", "must"), REFUSED.values(), ids=REFUSED)
def test_what_makes_no_sense_is_refused_in_a_sentence(
    ask: Callable[[Queue, str], None], now: str, must: str, queue: Queue
) -> None:
    job_id = queue.add(LOANS)
    with queue.taken_over():
        State(now).write(queue.folder / job_id)  # type: ignore[arg-type]
        with pytest.raises(UserError) as refused:
            ask(queue, job_id)
    assert re.match(rf"job {job_id} must {must}.*, got {now}; .+\.$", str(refused.value))
    assert (queue.folder / job_id).exists()


@pytest.mark.parametrize("name", ["../loans", "", "20260101-000000-zzzzzzzz", "/etc", "..", "x/y"])
def test_no_other_name_is_used_as_a_path(name: str, queue: Queue) -> None:
    assert not is_id(name)
    with pytest.raises(UserError, match=r"^job must be one of the queue, got "):
        queue.remove(name)


def test_ids_sort_by_time_and_never_meet() -> None:
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    ids = {new_id(now) for _ in range(100)}
    assert len(ids) == 100
    assert all(is_id(one) and one.startswith("20260102-030405-") for one in ids)


def test_a_process_just_started_is_waited_for(queue: Queue) -> None:
    assert not queue.is_starting()
    (queue.folder / STARTED).touch()
    assert not queue.is_starting()
    queue.add(LOANS)
    assert queue.is_starting()
    os.utime(queue.folder / STARTED, (0, 0))
    assert not queue.is_starting()


# --- Files ------------------------------------------------------------------------------

SPOILED: dict[str, tuple[str, str, str]] = {
    "no text": (JOB, "\x00", "job.json of job"),
    "no table": (JOB, "[]", "Job must be a table of keys"),
    "cut": (STATE, '{"status": "wai', "state.json of job"),
    "deep": (STATE, "[" * 100_000, "state.json of job"),
    "long": (STATE, " " * (1 << 20) + "{}", "state.json of job"),
    "unknown status": (STATE, '{"status": "lost"}', "State.status must be one of waiting"),
    "another key": (STATE, '{"status": "done", "run": "rm"}', "State must hold only"),
    "another version": (
        JOB,
        json.dumps(LOANS.to_dict() | {"schema_version": 2}),
        "schema_version must be 1",
    ),
    "seed": (JOB, json.dumps(LOANS.to_dict() | {"seed": -1}), "seed must lie between 0 and"),
}


@pytest.mark.parametrize(("file", "content", "said"), SPOILED.values(), ids=SPOILED)
def test_a_spoiled_job_is_said_and_can_be_removed(
    file: str, content: str, said: str, queue: Queue
) -> None:
    """The others go on as if it were not there."""
    first, second, _ = three(queue)
    (queue.folder / first / file).write_text(content)
    entries, unreadable = queue.entries()
    assert [entry.job.title for entry in entries] == ["second", "third"]
    assert list(unreadable) == [first]
    assert unreadable[first].startswith(said) and "\n" not in unreadable[first]
    taken = queue.take()
    assert taken is not None and taken.id == second
    queue.remove(first)
    assert not queue.entries()[1]


def test_other_things_in_the_folder_are_left_alone(queue: Queue) -> None:
    (queue.folder / "mine").mkdir()
    (queue.folder / "notes.txt").write_text("x")
    assert queue.entries() == ([], {})


def test_a_state_is_written_in_one_step(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = queue.add(LOANS)
    folder = queue.folder / job_id

    def full(*given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("minspnet.queue.job.os.replace", full)
    with pytest.raises(OSError, match="No space"):
        State("done").write(folder)
    assert State.read(folder).status == "waiting"
    assert sorted(path.name for path in folder.iterdir()) == [JOB, STATE]


def test_a_folder_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"^the folder of jobs must be a folder that can be "):
        Queue(tmp_path / "file" / "jobs")


def test_the_largest_seed_can_be_used() -> None:
    assert replace(LOANS, seed=MOST_SEED).seed == MOST_SEED
    with pytest.raises(UserError, match=r"^seed must lie between 0 and "):
        replace(LOANS, seed=MOST_SEED + 1)


def test_a_system_without_locks_gets_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "fcntl", None)
    for lock in (held, held_if_free):
        with (
            pytest.raises(UserError, match=r"^the training queue must run where files can be lo"),
            lock(tmp_path / "lock"),
        ):
            pass


# --- Progress ---------------------------------------------------------------------------


def test_progress_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    file = ProgressFile(tmp_path)
    for epoch in range(3):
        file.add(epoch, 0.5, {"class": 1.0 - epoch / 10})
    whole = (tmp_path / PROGRESS).read_text()
    (tmp_path / PROGRESS).write_text(whole[:-9])
    assert [record["epoch"] for record in read_progress(tmp_path)] == [0, 1]
    again = ProgressFile(tmp_path)
    for epoch in range(4):
        again.add(epoch, 0.5, {"class": 1.0 - epoch / 10})
    records = read_progress(tmp_path)
    assert [record["epoch"] for record in records] == [0, 1, 2, 3]
    assert [record["class"] for record in records] == [1.0, 0.9, 0.8, 0.7]
    assert (tmp_path / PROGRESS).read_text().startswith(whole)


@pytest.mark.parametrize(
    "line",
    ["[]", '{"epoch": "x"}', '{"epoch": 5, "seconds": 1}', '{"epoch": 1}', "\x00", "{" * 9999],
)
def test_a_spoiled_line_ends_what_is_known(line: str, tmp_path: Path) -> None:
    good = '{"epoch": 0, "seconds": 1}\n'
    (tmp_path / PROGRESS).write_text(f"{good}{line}\n{good}")
    assert read_progress(tmp_path) == [{"epoch": 0, "seconds": 1}]


def test_no_progress_is_none(tmp_path: Path) -> None:
    assert read_progress(tmp_path) == []


def test_the_time_left_follows_the_last_epochs() -> None:
    slow = [{"epoch": n, "seconds": 9.0} for n in range(20)]
    quick = [{"epoch": 20 + n, "seconds": 2.0} for n in range(8)]
    assert seconds_left([*slow, *quick], 38) == pytest.approx(20)
    assert seconds_left(slow, 20) == 0
    # What a resumed training only repeats took no time.
    told_again = [{"epoch": n, "seconds": 0.0} for n in range(5)]
    assert math.isnan(seconds_left(told_again, 10))
    assert math.isnan(seconds_left([], 10))
    assert seconds_left([*told_again, {"epoch": 5, "seconds": 3.0}], 10) == pytest.approx(12)
