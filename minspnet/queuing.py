"""The verb that trains what waits in the queue."""

import argparse
from collections.abc import Callable
from typing import Any

from minspnet.queue.worker import stand_back, work
from minspnet.workspace import Workspace

Command = Callable[[argparse.Namespace], dict[str, Any]]
Show = Callable[[dict[str, Any]], list[str]]


def add_verbs(commands: Any) -> list[tuple[argparse.ArgumentParser, Command, Show]]:
    """Describe the verb: its parser, what it does, and how that is shown."""
    parser = commands.add_parser(
        "work", help="train what waits in the queue of the Train page, then end"
    )
    return [(parser, _work, _show)]


def _work(options: argparse.Namespace) -> dict[str, Any]:
    stand_back()
    ended = work(Workspace.from_environment())
    return {"jobs": [{"job": job_id, **state.to_dict()} for job_id, state in ended.items()]}


def _show(result: dict[str, Any]) -> list[str]:
    if not result["jobs"]:
        return ["nothing to do: no job waits, or another process is at them"]
    return [
        f"{job['job']}: {job['status']}{_after(job['model'])}{_after(job['error'])}"
        for job in result["jobs"]
    ]


def _after(said: str) -> str:
    return f", {said}" if said else ""
