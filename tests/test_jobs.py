"""Work in the background: seen, stopped, failing in one sentence."""

import threading
from collections.abc import Iterator

import pytest

from dashboard.jobs import Job
from minspnet.errors import UserError


def test_a_job_runs_to_its_end_and_says_how_far_it_is() -> None:
    seen, go = threading.Event(), threading.Event()

    def work() -> Iterator[float]:
        yield 0.25
        seen.set()
        go.wait(5)
        yield 0.75

    job = Job(work)
    assert seen.wait(5)
    assert job.under_way and job.done == 0.25
    go.set()
    job.thread.join(5)
    assert (job.state, job.done, job.error) == ("done", 1.0, "")
    assert not job.under_way


def test_a_stopped_job_ends_after_its_step_and_keeps_what_is_done() -> None:
    found: list[int] = []
    first = threading.Event()

    def work() -> Iterator[float]:
        for step in range(100_000):
            found.append(step)
            first.set()
            yield step / 100_000

    job = Job(work)
    assert first.wait(5)
    job.stop()
    job.thread.join(5)
    assert job.state == "stopped" and not job.thread.is_alive()
    assert 0 < len(found) < 100_000 and job.done < 1
    kept = len(found)
    assert found == list(range(kept))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (UserError("inputs must be finite, got NaN; drop them."), "inputs must be finite, got NaN"),
        (ZeroDivisionError("by\nzero"), "Something went wrong inside the program"),
    ],
)
def test_a_failed_job_says_why_in_one_sentence(error: Exception, said: str) -> None:
    def work() -> Iterator[float]:
        yield 0.5
        raise error

    job = Job(work)
    job.thread.join(5)
    assert job.state == "failed" and job.done == 0.5
    assert said in job.error and "\n" not in job.error


def test_jobs_take_turns() -> None:
    """A long one never keeps a short one waiting for its end."""
    over = threading.Event()

    def long() -> Iterator[float]:
        while not over.is_set():
            yield 0.0

    first = Job(long)
    second = Job(lambda: iter((0.5, 1.0)))
    second.thread.join(5)
    assert second.state == "done" and first.under_way
    over.set()
    first.thread.join(5)
    assert first.state == "done"


def test_a_job_is_no_daemon_even_if_the_page_that_starts_it_is_one() -> None:
    started: list[Job] = []
    page = threading.Thread(target=lambda: started.append(Job(lambda: iter([1.0]))), daemon=True)
    page.start()
    page.join()
    assert not started[0].thread.daemon
    started[0].thread.join()
