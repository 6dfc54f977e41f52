"""A named operating point: a policy that people agreed on, with who, why, and what it is worth."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from minspnet.errors import UserError, requirement
from minspnet.policy import Policy
from minspnet.strict import Recipe
from minspnet.sweep import Outcomes

SCHEMA_VERSION = 1
LONGEST_NAME, LONGEST_REASON, LONGEST_GUARANTEE = 60, 500, 2000
LONGEST_AUTHOR = 200
"""As long as the name of whoever signs in may be."""
LARGEST_FILE = 100_000


@dataclass(frozen=True)
class Figures(Recipe):
    """What a policy was worth on one part when it was saved.

    Attributes:
        cases: How many were scored.
        accuracy: Share decided as labelled.
        auc: Area under the ROC curve.
        mean_macs: Per case.
    """

    cases: int
    accuracy: float
    auc: float
    mean_macs: float

    @classmethod
    def of(cls, outcomes: Outcomes, policy: Policy) -> Self:
        """Score a policy."""
        score = outcomes.score(policy)
        area = outcomes.auc(policy)
        return cls(len(outcomes.trace), score.accuracy, area, score.mean_macs)


@dataclass(frozen=True)
class OperatingPoint(Recipe):
    """A policy with its papers; a file of it can be read by people and by ``read``.

    Attributes:
        name: As people call it.
        author: Who decided for it; earlier versions did not ask.
        reason: Why; likewise.
        saved_at: When, in ISO 8601 with the time zone.
        model: Hash of the model that it was made for.
        gates: Gate thresholds as ``Policy.to_text`` says them.
        cut: Decision threshold likewise.
        validation: On the cases it was chosen by.
        test: On cases that neither training nor choice has seen.
        guarantee: What was promised of it when it was saved, in words; empty if nothing was.
        schema_version: Of the file.
    """

    name: str
    author: str
    reason: str
    saved_at: str
    model: str
    gates: str
    cut: str
    validation: Figures
    test: Figures
    guarantee: str = ""
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.schema_version != SCHEMA_VERSION:
            raise requirement(
                "schema_version", f"be {SCHEMA_VERSION}", self.schema_version, "export it anew"
            )
        for what, longest in (
            ("name", LONGEST_NAME),
            ("author", LONGEST_AUTHOR),
            ("reason", LONGEST_REASON),
            ("guarantee", LONGEST_GUARANTEE),
            ("saved_at", LONGEST_NAME),
        ):
            text = getattr(self, what)
            if len(text) > longest:
                raise requirement(what, f"have at most {longest} characters", text, "shorten it")
            if any(not letter.isprintable() for letter in text):
                raise requirement(what, "be one line of plain text", repr(text), "retype it")
        if not self.name.strip():
            raise requirement("name", "say something", repr(self.name), "fill it in")
        _ = self.policy

    @property
    def policy(self) -> Policy:
        """The thresholds, ready for use."""
        return Policy.from_text(self.gates, self.cut)

    @classmethod
    def of(
        cls,
        policy: Policy,
        model: str,
        validation: Outcomes,
        test: Outcomes,
        name: str,
        author: str,
        reason: str,
        saved_at: str,
        guarantee: str = "",
    ) -> Self:
        """Score a policy on both parts and write its papers; what-if edits are left out.

        Raises:
            UserError: If nobody, or no reason, stands behind it.
        """
        for what, text in (("Name", name), ("Who decided", author), ("Why", reason)):
            if not text.strip():
                raise requirement(what, "say something", repr(text), "fill it in")
        plain = policy.without_interventions()
        said = plain.to_text()
        return cls(
            name.strip(),
            author.strip(),
            " ".join(reason.split()),
            saved_at,
            model,
            said["gates"],
            said["cut"],
            Figures.of(validation, plain),
            Figures.of(test, plain),
            guarantee,
        )

    def to_json(self) -> str:
        """Write the file."""
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")


def _by_hash(model: str) -> str:
    return f"the model with hash {model[:12]}"


def read(
    content: bytes,
    model: str,
    experts: tuple[str, ...],
    called: Callable[[str], str] = _by_hash,
) -> OperatingPoint:
    """Read the file of an operating point.

    Its figures are what somebody wrote: measure them anew before they are shown.

    Args:
        content: Of the file.
        model: Hash of the model it is wanted for.
        experts: Names of that model's experts.
        called: What people call the model with a hash.

    Raises:
        UserError: If it is no such file, or was made for another model.
    """
    if len(content) > LARGEST_FILE:
        raise requirement(
            "the file",
            f"have at most {LARGEST_FILE:,} bytes",
            f"{len(content):,}",
            "give one that was exported here",
        )
    try:
        plain = json.loads(content.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise UserError(
            "The file is not an operating point: it holds no JSON; give one that was exported here."
        ) from error
    point = OperatingPoint.from_dict(plain)
    if point.model != model:
        raise requirement(
            "the operating point",
            f"be of {called(model)}",
            f"one of {called(point.model)}",
            "open the model it was made for",
        )
    point.policy.check(experts, ())
    return point
