"""A promise about the loss of a policy, and the certificate that it can be given.

Per case a policy makes right what all experts on get wrong (a gain), wrong what they get right (a
harm), or neither; its loss is the share of harms less that of gains, in new cases.
"""

from dataclasses import dataclass

from minspnet.errors import requirement
from minspnet.policy import Policy


@dataclass(frozen=True)
class Promise:
    """What is to hold for new cases.

    Attributes:
        points_lost: Of accuracy against all experts on, at most, in percentage points.
        confidence: That it holds, over the draw of the calibration cases.
        class_index: A class with a promise of its own, such as the malignant one.
        class_points_lost: Of that class's recall, at most.
    """

    points_lost: float = 1.0
    confidence: float = 0.95
    class_index: int | None = None
    class_points_lost: float | None = None

    def __post_init__(self) -> None:
        for name in ("points_lost", "class_points_lost"):
            points = getattr(self, name)
            if points is not None and not 0 < points < 100:
                raise requirement(
                    name,
                    "lie strictly between 0 and 100",
                    points,
                    "no test can promise a loss of 0",
                )
        if not 0.5 <= self.confidence < 1:
            raise requirement(
                "confidence", "be at least 0.5 and below 1", self.confidence, "0.95 is usual"
            )
        if (self.class_index is None) != (self.class_points_lost is None):
            raise requirement(
                "class_index",
                "come with class_points_lost",
                f"{self.class_index} and {self.class_points_lost}",
                "give both or neither",
            )

    @property
    def error(self) -> float:
        """How likely the promise may be broken."""
        return 1 - self.confidence


@dataclass(frozen=True)
class Rung:
    """A policy of the line-up and what was seen of it.

    Attributes:
        policy: Tested.
        macs: Mean MACs on the calibration cases.
        harms: Labelled cases that it newly gets wrong.
        gains: Labelled cases that it newly gets right.
        changed: Cases, labelled or not, that it decides differently.
        p_value: Of losing more than promised, the greater one of two promises.
        kept: Whether the promise can be given.
    """

    policy: Policy
    macs: float
    harms: int
    gains: int
    changed: int
    p_value: float
    kept: bool


@dataclass(frozen=True)
class Certificate:
    """What can be promised, and on what grounds.

    Attributes:
        promise: As asked for.
        policy: The cheapest that keeps it; None if none that is cheaper than all experts on does.
        share: Its mean MACs on the calibration cases over those of all experts on; else 1.
        cases: Labelled calibration cases.
        unlabelled: Further cases, of which only changed decisions were counted.
        class_cases: Labelled cases of the named class.
        groups: Independent draws, where cases come in groups; the promise is then for the mean
            over groups, each counting alike.
        test: ``exact`` on counts of cases, or ``betting`` on means of groups.
        fresh_starts: Whether testing could go on behind a rung that failed.
        rungs: As tested, from safe to cheap.
        cases_needed: The least number of labelled draws (cases, or groups) with which anything
            could be promised, if not one decision changed.
        cases_likely: With so many, the rung of ``share_likely`` would pass in about four of five
            draws, were its rates as seen; None where no cheaper rung looks that good.
        share_likely: See ``cases_likely``.
    """

    promise: Promise
    policy: Policy | None
    share: float
    cases: int
    unlabelled: int
    class_cases: int | None
    groups: int | None
    test: str
    fresh_starts: bool
    rungs: tuple[Rung, ...]
    cases_needed: int
    cases_likely: int | None
    share_likely: float | None
