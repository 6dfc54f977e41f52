"""A reviewed set as targets: what a network is to say of which cases."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Bool, Float, Int

from minspnet.artifact import Model
from minspnet.data import PARTS, UNLABELLED, Cases
from minspnet.domain import Domain
from minspnet.errors import requirement
from minspnet.estimate import FEWEST_UNITS
from minspnet.record.sets import ReviewedSet


@dataclass(frozen=True)
class Lessons:
    """Reviewed cases as a network is taught them.

    Attributes:
        ids: Of the cases.
        inputs: As the network reads them.
        findings: What readers set right, in [0, 1]; NaN where nothing was.
        labels: The answer that readers agree on, or ``UNLABELLED``.
        groups: What belongs together, such as the patient.
    """

    ids: tuple[str, ...]
    inputs: Float[np.ndarray, "case *input"]
    findings: Float[np.ndarray, "case concept"]
    labels: Int[np.ndarray, " case"]
    groups: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def corrected(self) -> Bool[np.ndarray, "case concept"]:
        """Which findings were set right."""
        return ~np.isnan(self.findings)

    def take(self, rows: Int[np.ndarray, " row"]) -> Self:
        """Keep some cases, in the order given."""
        return type(self)(
            tuple(self.ids[i] for i in rows),
            self.inputs[rows],
            self.findings[rows],
            self.labels[rows],
            tuple(self.groups[i] for i in rows),
        )

    def differing(self, predicted: Int[np.ndarray, " case"]) -> Bool[np.ndarray, " case"]:
        """Which answers of readers differ from what was decided."""
        return (self.labels != UNLABELLED) & (self.labels != predicted)


def lessons(content: ReviewedSet, domain: Domain, cases: Cases) -> Lessons:
    """Look up the cases of a set, and say its words in numbers.

    Args:
        content: What readers said.
        domain: The task.
        cases: All of it, with the inputs that the network reads.

    Raises:
        UserError: If a case, a finding or an answer is none of the task's.
    """
    ids = tuple(case.case_id for case in content.cases)
    known = cases.take(cases.rows_of(ids))
    names, classes = domain.concept_names, domain.classes
    findings = np.full((len(ids), len(names)), np.nan, dtype=np.float32)
    labels = np.full(len(ids), UNLABELLED, dtype=np.intp)
    for row, case in enumerate(content.cases):
        for one in case.findings:
            findings[row, _place("finding", one.concept, names)] = one.value
        if case.answer is not None:
            labels[row] = _place("answer", case.answer, classes)
    return Lessons(ids, known.inputs, findings, labels, known.groups)


def _place(what: str, name: str, known: tuple[str, ...]) -> int:
    if name not in known:
        must = f"be one of {', '.join(known)}"
        raise requirement(f"reviewed {what}", must, name, "review the case anew")
    return known.index(name)


def parts_after(model: Model, cases: Cases, given: Lessons) -> dict[str, Cases]:
    """The parts of the new model's split: what was learned from, with its groups, is for training.

    Raises:
        UserError: If too few cases would be left to choose by or to score.
    """
    groups = np.array(cases.groups)
    seen = np.isin(groups, np.unique(np.array(given.groups)))
    rows = {part: cases.rows_of(model.traces[part].case_ids) for part in PARTS}
    moved = [rows[part][seen[rows[part]]] for part in PARTS[1:]]
    parts = {"train": cases.take(np.concatenate([rows["train"], *moved]))}
    for part in PARTS[1:]:
        left = cases.take(rows[part][~seen[rows[part]]])
        classes = len(np.unique(cases.labels[rows[part]]))
        if len(left) < FEWEST_UNITS or len(np.unique(left.labels)) < classes:
            noun = model.domain.group_noun or model.domain.case_noun
            raise requirement(
                f"{part} cases nobody has reviewed",
                f"number {FEWEST_UNITS} or more, of every class and of other {noun}s",
                f"{len(left)} of {len(np.unique(left.labels))} classes",
                f"have fewer {part} cases reviewed, or learn on a model with more of them",
            )
        parts[part] = left
    return parts


def check_enough(given: Lessons, differing: Bool[np.ndarray, " case"]) -> None:
    """Refuse what is too little to learn from.

    Args:
        given: What readers said.
        differing: Which of their answers are not the network's.

    Raises:
        UserError: If so.
    """
    units = len(set(given.groups))
    if units < FEWEST_UNITS:
        must = f"number {FEWEST_UNITS} or more, of different groups where cases come in groups"
        given_ = f"{len(given)} of {units} groups" if units < len(given) else units
        raise requirement("reviewed cases", must, given_, "review more")
    if not given.corrected.any() and not differing.any():
        raise requirement(
            "reviewed cases",
            "set a finding right or answer otherwise than the network somewhere",
            "agreement on all of them",
            "there is nothing to learn from them",
        )
