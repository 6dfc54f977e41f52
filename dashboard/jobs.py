"""Work that takes longer than a page may wait: done in a thread, seen from outside, stoppable."""

import threading
from collections.abc import Callable, Iterator

from minspnet.errors import UserError, in_a_line

_TURN = threading.Lock()


class Job:
    """Steps under way in a thread of their own.

    One job works at a time, in the order they ask: two on the same cores would both be late. A
    job keeps its results outside of itself, so that a stopped one leaves what it has done.

    Attributes:
        done: Share of the work, from 0 to 1.
        state: Waiting for its turn, working, done, stopped, or failed.
        error: A sentence once it has failed.
    """

    def __init__(self, work: Callable[[], Iterator[float]]) -> None:
        """Start at once.

        Args:
            work: Gives the share done after each step; between steps it can be stopped.
        """
        self.done = 0.0
        self.state = "waiting"
        self.error = ""
        self._work = work
        self._stop = threading.Event()
        # Not a daemon: the runtime must not be cut off in the middle of a run.
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    @property
    def under_way(self) -> bool:
        """Whether anything may still change."""
        return self.state in ("waiting", "working")

    def stop(self) -> None:
        """Ask it to end after the step it is at."""
        self._stop.set()

    def _run(self) -> None:
        try:
            while not _TURN.acquire(timeout=0.2):
                if self._over():
                    self.state = "stopped"
                    return
            try:
                self.state = self._go()
            finally:
                _TURN.release()
        except UserError as error:
            self.error, self.state = str(error), "failed"
        except Exception as error:  # whatever it is, the page says it and goes on
            self.error = f"This could not be worked out ({in_a_line(error)})."
            self.state = "failed"

    def _go(self) -> str:
        self.state = "working"
        if self._over():
            return "stopped"
        for share in self._work():
            self.done = share
            if share < 1 and self._over():
                return "stopped"
        self.done = 1.0
        return "done"

    def _over(self) -> bool:
        # Whoever still works when the program is being stopped gives up.
        return self._stop.is_set() or not threading.main_thread().is_alive()
