"""Whether a file has the columns that a model reads."""

from collections.abc import Sequence
from dataclasses import dataclass

from minspnet.domain import Domain, Feature
from minspnet.errors import requirement
from minspnet.sheets.marks import Marks
from minspnet.spec import ModelSpec

ID = "id"
"""The column whose cells are passed through, unless a card names another one."""


@dataclass(frozen=True)
class Need:
    """A column that the model reads.

    Attributes:
        feature: What it holds.
        may_lack: Whether training had empty cells in it, so that the network knows what one
            says; a level that is missing is always known.
    """

    feature: Feature
    may_lack: bool

    @property
    def marks(self) -> Marks:
        """What some of its cells count as."""
        return Marks(self.feature.missing, self.feature.beyond)


@dataclass(frozen=True)
class Answers:
    """Where a file may say the true answers.

    Attributes:
        column: Its name.
        cells: What it holds for each class.
        missing: Cells that are no answer.
    """

    column: str
    cells: tuple[str, ...]
    missing: tuple[str, ...] = ()


def needs(domain: Domain, variant: str, spec: ModelSpec) -> tuple[Need, ...]:
    """List what a model reads of each case, in the order of its inputs."""
    known = {feature.name: feature for feature in domain.features}
    return tuple(
        Need(known[name], spec.stem.missing or bool(known[name].levels))
        for name in domain.variant(variant).inputs
    )


def missing(needed: tuple[Need, ...], header: Sequence[str]) -> list[str]:
    """Names of the columns that a table lacks."""
    return [need.feature.name for need in needed if need.feature.name not in header]


def check_header(
    needed: tuple[Need, ...],
    header: Sequence[str],
    id_name: str = ID,
    answers: Answers | None = None,
) -> tuple[str, ...]:
    """Name the columns to read: those that the model needs, then ids and answers if there are any.

    Raises:
        UserError: If one is missing, or there twice.
    """
    if lacking := missing(needed, header):
        named = ", ".join(lacking[:8]) + (f" and {len(lacking) - 8} more" if lacking[8:] else "")
        raise requirement(
            "table",
            f"have the columns that the model reads; {len(lacking)} of {len(needed)} are "
            f"missing ({named})",
            ", ".join(header) or "no columns",
            "add or rename them",
        )
    names = tuple(need.feature.name for need in needed)
    for name in (id_name, answers.column if answers else ""):
        if name in header and name not in names:
            names += (name,)
    for name in names:
        if list(header).count(name) > 1:
            raise requirement("columns", "be named once each", repr(name), "rename one")
    return names
