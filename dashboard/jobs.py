"""Work that takes longer than a page may wait: done in a thread, seen from outside, stoppable."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Literal

from dashboard import faults
from minspnet.errors import UserError

_TURN = threading.Lock()
_PAUSE = 0.002
"""Seconds between steps, in which pages and other jobs get their turn."""


class Job:
    """Steps under way in a thread of their own.

    Jobs take turns, a step each: on the same cores they would only slow each other down. A job
    keeps its results outside of itself, so that a stopped one leaves what it has done.

    Attributes:
        done: Share of the work, from 0 to 1.
        state: ``working`` until it is done, stopped or has failed.
        error: A sentence once it has failed.
    """

    def __init__(self, work: Callable[[], Iterator[float]]) -> None:
        """Start at once.

        Args:
            work: Gives the share done after each step; between steps it can be stopped.
        """
        self.done = 0.0
        self.state: Literal["working", "done", "stopped", "failed"] = "working"
        self.error = ""
        self._work = work
        self._stop = threading.Event()
        # Not a daemon, though the thread that asks may be one: the runtime must not be cut off in
        # the middle of a run.
        self.thread = threading.Thread(target=self._run, daemon=False)
        self.thread.start()

    @property
    def under_way(self) -> bool:
        """Whether anything may still change."""
        return self.state == "working"

    def stop(self) -> None:
        """Ask it to end after the step it is at."""
        self._stop.set()

    def _run(self) -> None:
        try:
            self.state = "done" if self._finished() else "stopped"
        except UserError as error:
            self.error, self.state = str(error), "failed"
        except Exception as error:  # whatever it is, the page says it and goes on
            self.error, self.state = faults.noted(error), "failed"

    def _finished(self) -> bool:
        steps = self._work()
        # Whoever still works when the program is being stopped gives up.
        while not self._stop.is_set() and threading.main_thread().is_alive():
            with _TURN:
                share = next(steps, None)
            if share is None:
                self.done = 1.0
                return True
            self.done = share
            time.sleep(_PAUSE)
        return False
