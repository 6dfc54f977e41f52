"""What is known of an update, as plain data that stays with the model."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from scipy.stats import hypergeom

from minspnet.errors import UserError, requirement
from minspnet.strict import Recipe

Kind = Literal["bias", "low_rank"]
METRIC = "learned"
"""Under which name a model's metrics hold its account."""


@dataclass(frozen=True)
class AdapterSpec(Recipe):
    """What of a network may change, and what holds it.

    Attributes:
        kind: ``bias`` moves each finding at each exit by a constant of its log-odds;
            ``low_rank`` also adds a matrix of low rank to what reads findings off.
        rank: Of that matrix.
        replay: Training cases that are to be answered as before.
        seed: Of the sample of those, of where a fit begins, and of who is held out.
    """

    kind: Kind = "bias"
    rank: int = 1
    replay: int = 256
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rank < 1 or self.replay < 1 or self.seed < 0:
            raise requirement(
                "rank, replay and seed",
                "be 1 or more, 1 or more and 0 or more",
                (self.rank, self.replay, self.seed),
                "correct them",
            )


@dataclass(frozen=True)
class Difference(Recipe):
    """A measure before and after, on the same cases.

    Attributes:
        before: Of the old model.
        after: Of the new one.
        low: Lower end of the 95 % interval of after less before; NaN if it cannot be told.
        high: Upper end.
        count: What it is measured on: cases, or corrected findings.
        units: Groups of cases that are redrawn for the interval.
    """

    before: float
    after: float
    low: float
    high: float
    count: int
    units: int

    @property
    def change(self) -> float:
        """After less before."""
        return self.after - self.before


@dataclass(frozen=True)
class ConceptShift(Recipe):
    """How far one finding's part in the reasons moved.

    Attributes:
        concept: Its name, or that of another part of the reasons.
        moved: Mean distance of its share of the reasons, over unseen cases.
        corrected: Reviewed cases in which readers set it right.
    """

    concept: str
    moved: float
    corrected: int


@dataclass(frozen=True)
class ReasonShift(Recipe):
    """How far the reasons of unseen cases moved; see ``minspnet.learning.shift``.

    Attributes:
        mean: Mean distance over the cases, from 0 (alike) to 1.
        leading: Cases whose first reason is another one.
        cases: On which it is measured.
        undisputed: The same means for updates by cases that nobody disputes.
        concepts: Finding by finding, those that moved most first.
    """

    mean: float
    leading: int
    cases: int
    undisputed: tuple[float, ...]
    concepts: tuple[ConceptShift, ...]

    @property
    def limit(self) -> float:
        """The largest shift that such an update brought about."""
        return max(self.undisputed, default=math.inf)


@dataclass(frozen=True)
class Account(Recipe):
    """One update, and what it changed.

    Attributes:
        version: Of the reviewed set.
        content: Digest of it.
        task: Of it.
        by: Who asked for it.
        adapter: What was free to change.
        fitted: How many numbers were.
        replay_weight: How much the cases to be answered as before count beside the reviewed.
        replayed: How many they are.
        reviewed: Cases in the set.
        readers: How many people reviewed them.
        findings: Findings set right.
        answers: Answers that differ from the old model's.
        moved_validation: Validation cases that no longer count as unseen: those learned from, here
            or by the models that this one goes on from, and others of their groups.
        moved_test: Test cases likewise.
        held_findings: Mean distance to what readers set findings to, of cases held out of the fit.
        held_answers: Share of readers' answers met, likewise.
        accuracy: On test cases nobody learned from, against the answers known for them.
        log_loss: Likewise.
        concept_error: Mean distance to the findings known for those test cases.
        reasons: How far reasons moved on those test cases.
        compute: Mean MACs a case on them; thresholds stay, but gates read what was moved. None, as
            what follows, in accounts written before it was measured.
        test_cases: All test cases that there were before anything was learned from reviews.
        test_right: Of those, decided rightly by the model of that time.
    """

    version: int
    content: str
    task: str
    by: str
    adapter: AdapterSpec
    fitted: int
    replay_weight: float
    replayed: int
    reviewed: int
    readers: int
    findings: int
    answers: int
    moved_validation: int
    moved_test: int
    held_findings: Difference | None
    held_answers: Difference | None
    accuracy: Difference
    log_loss: Difference
    concept_error: Difference
    reasons: ReasonShift
    compute: Difference | None = None
    test_cases: int | None = None
    test_right: int | None = None

    @property
    def accuracy_holds(self) -> bool:
        """Whether the new model is not measurably less accurate than the old one."""
        return not self.accuracy.high < 0

    @property
    def is_rest_easier(self) -> bool:
        """Whether the old model does so well on the test cases left that chance hardly explains it.

        Readers were given what it got wrong, most likely. At 5 %, one-sided; cases of a group are
        taken as independent.

        Source: Fisher 1935, The Logic of Inductive Inference (the exact test).
        """
        if self.test_cases is None or self.test_right is None:
            return False
        left = self.accuracy.count
        wrong = round((1 - self.accuracy.before) * left)
        of_all = self.test_cases - self.test_right
        return bool(hypergeom.cdf(wrong, self.test_cases, of_all, left) < 0.05)

    @property
    def reasons_shifted(self) -> bool:
        """Whether reasons moved further than by any update of undisputed cases."""
        return self.reasons.mean > self.reasons.limit

    @property
    def is_flagged(self) -> bool:
        """Whether reasons shifted although accuracy holds, so that scores alone would not tell."""
        return self.accuracy_holds and self.reasons_shifted


def account_of(metrics: Mapping[str, Any]) -> Account | None:
    """The account among a model's metrics; None if it learned from no reviews, or says it ill."""
    try:
        return Account.from_dict(metrics[METRIC]) if METRIC in metrics else None
    except UserError:
        return None
