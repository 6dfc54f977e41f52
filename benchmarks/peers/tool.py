"""What is asked of a tool: how it starts, and how a person does each action in it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Page

SERVERS = Path(__file__).parent / "servers"
Act = Callable[[int], Callable[[], object]]
"""Told which turn it is, brings a person to the point of acting; what it gives is then timed."""
Prepare = Callable[[Page], Act]
"""Goes where an action is."""


@dataclass(frozen=True)
class Action:
    """Something a person does.

    Attributes:
        prepare: Goes there.
        answer: A selector of what it is done for: a prediction, or the scores.
    """

    prepare: Prepare
    answer: str


ACTIONS = {
    "start": "process start to first plot",
    "case": "another case",
    "cut": "cut-off moved",
    "cut 3000": "cut-off moved, 3,000 cases",
    "what if": "what-if",
    "gate": "gate threshold moved",
}
CASES = {"cut 3000": 3000}
FEW = 171


@dataclass(frozen=True)
class Tool:
    """A dashboard.

    Attributes:
        title: With its version.
        command: Starts it, given the folder of environments, a port and a number of cases.
        first_plot: Waits for it on a page just opened.
        actions: Those it has, by their name in ``ACTIONS``.
        environment: File of exact versions, of those that have an environment of their own.
        path: Of the page to open first.
        part: A selector of what is watched for changes.
        prints_address: Whether that page is elsewhere, as its server says.
    """

    title: str
    command: Callable[[Path, int, int], list[str]]
    first_plot: Callable[[Page], object]
    actions: dict[str, Action] = field(default_factory=dict)
    environment: str | None = None
    path: str = ""
    part: str = "body"
    prints_address: bool = False


def script(name: str) -> Callable[[Path, int, int], list[str]]:
    """The command of a peer: its own Python on our small script."""

    def command(peers: Path, port: int, cases: int) -> list[str]:
        python = peers / name / "bin" / "python"
        return [str(python), "-u", str(SERVERS / f"{name}_app.py"), str(port), str(cases)]

    return command
