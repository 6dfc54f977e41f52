"""Results are kept by their arguments, computed once whoever asks, and forgotten on request."""

import threading
import time

import pytest

from dashboard.keep import forget_all, kept


def test_a_result_is_computed_once_for_each_key() -> None:
    asked = []

    @kept()
    def double(number: float, times: int = 1) -> float:
        asked.append((number, times))
        return 2 * number * times

    assert [double(1.5), double(1.5), double(2.0), double(1.5, times=3)] == [3.0, 3.0, 4.0, 9.0]
    assert asked == [(1.5, 1), (2.0, 1), (1.5, 3)]


def test_those_asked_for_last_are_kept_the_longest() -> None:
    asked = []

    @kept(2)
    def same(name: str) -> str:
        asked.append(name)
        return name

    for name in "abacba":
        same(name)
    # c drives out b, which was not asked for since; b then drives out a.
    assert asked == ["a", "b", "c", "b", "a"]


def test_what_fails_is_asked_again_and_holds_nobody_up() -> None:
    turns = iter([True, False])

    @kept()
    def shaky(name: str) -> str:
        if next(turns):
            raise ValueError(name)
        return name

    with pytest.raises(ValueError, match="x"):
        shaky("x")
    assert shaky("x") == "x"


def test_whoever_asks_at_the_same_time_waits_for_the_first() -> None:
    begun, found = [], []

    @kept()
    def slow(name: str) -> object:
        begun.append(name)
        time.sleep(0.05)
        return object()

    threads = [threading.Thread(target=lambda: found.append(slow("x"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert begun == ["x"] and len(set(map(id, found))) == 1


def test_everything_is_forgotten_on_request() -> None:
    asked = []
    once, twice = (kept()(lambda name: asked.append(name)) for _ in range(2))
    for forget in (once.clear, forget_all):
        once("a"), twice("b")
        forget()
    once("a"), twice("b")
    assert asked == ["a", "b", "a", "a", "b"]


def test_what_cannot_be_a_key_is_refused() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        kept()(len)([1, 2])
