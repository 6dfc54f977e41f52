"""The one process that trains: it takes jobs in their order and ends when none is left."""

import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from minspnet.queue.job import State
from minspnet.queue.queue import STARTED, Queue
from minspnet.queue.training import carry_out
from minspnet.workspace import Workspace

OUTPUT = "worker.txt"
_ROOT = Path(__file__).resolve().parents[2]
_KINDNESS = 10
"""How far it stands back, as ``nice`` counts, where the dashboard wants the processor too."""
_MOST_THREADS = 4
"""More do not pay for networks of this size."""


def work(workspace: Workspace) -> dict[str, State]:
    """Train whatever waits, unless another process does already.

    Args:
        workspace: Whose jobs.

    Returns:
        By id, how each job ended.
    """
    queue = Queue(workspace.jobs)
    ended: dict[str, State] = {}
    # Once more after the lock is free again: what was put in meanwhile found it held.
    while queue.has_waiting():
        with queue.taken_over() as ours:
            if not ours:
                break
            queue.mark_interrupted()
            while (entry := queue.take()) is not None:
                ended[entry.id] = carry_out(entry, workspace)
    return ended


def stand_back() -> None:
    """Leave the processor to others, and a core to the dashboard; call before torch is loaded."""
    threads = min(_MOST_THREADS, max(1, (os.cpu_count() or 2) - 1))
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    with suppress(OSError):
        os.nice(_KINDNESS)


def start(workspace: Workspace) -> None:
    """Start the process on its own: it outlives the page, and the server.

    It ends at once if another one is at the queue.
    """
    queue = Queue(workspace.jobs)
    (queue.folder / STARTED).touch()
    with (queue.folder / OUTPUT).open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "minspnet", "work"],
            cwd=_ROOT,
            env=os.environ | {"MINSPNET_HOME": str(workspace.root.resolve())},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # Whoever started a process must take note of its end.
    threading.Thread(target=process.wait, daemon=True).start()
