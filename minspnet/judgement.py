"""What a reader has filled in on a case so far, and the review that it becomes."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from minspnet.errors import requirement
from minspnet.policy import Policy
from minspnet.record.checks import (
    LONGEST_LINE,
    LONGEST_TEXT,
    check_id,
    check_line,
    check_text,
    in_utc,
    now,
)
from minspnet.record.reviews import Correction, Review, Verdict, new_id
from minspnet.strict import Recipe

LONGEST_PAUSE = 300.0
"""Seconds: whoever does nothing for longer was not at the case all that while."""


@dataclass(frozen=True)
class Said:
    """What a model said of a case, by itself, and where that is written down.

    Attributes:
        domain: Key of the task.
        model: Digest of the model.
        trace: Digest of the evidence.
        policy: In force, without corrections by hand.
        predicted: A class by its name.
        probability: That the model gave it, in [0, 1].
    """

    domain: str
    model: str
    trace: str
    policy: Policy
    predicted: str
    probability: float


@dataclass(frozen=True)
class Judgement(Recipe):
    """A review in the making; each change gives a new one.

    Attributes:
        id: Of the review that it becomes, so that it becomes one only.
        started_at: When the case was opened, in ISO 8601 with the time zone.
        shown_at: When the model's answer was shown, likewise; None while it is hidden.
        seconds: Spent on the case so far.
        own_opinion: The answer before the model's was shown; None if that was not asked.
        own_confidence: How sure, in [0, 1].
        verdict: What the reader thinks of the model's answer.
        opinion: The reader's own answer in the end, where it is not the model's.
        reason: Why, in one line.
        text: Anything else.
        edit: Findings set right, as ``Policy.to_text`` says them.
    """

    id: str
    started_at: str
    shown_at: str | None = None
    seconds: float = 0.0
    own_opinion: str | None = None
    own_confidence: float | None = None
    verdict: Verdict | None = None
    opinion: str | None = None
    reason: str = ""
    text: str = ""
    edit: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_id("id", self.id)
        for what in ("started_at", "shown_at"):
            if getattr(self, what) is not None:
                in_utc(what, getattr(self, what))
        check_line("reason", self.reason, LONGEST_LINE, empty=True)
        check_text("text", self.text, LONGEST_TEXT)
        if not 0 <= self.seconds < float("inf"):
            raise requirement("seconds", "be 0 or more", self.seconds, "count them anew")
        _ = self.corrections

    @classmethod
    def begin(cls) -> Self:
        """Open a case now."""
        return cls(new_id(), now())

    @property
    def corrections(self) -> tuple[Correction, ...]:
        """The findings set right."""
        return tuple(Correction(*one) for one in Policy.from_text(edit=self.edit).interventions)

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing yet that one would not want to lose."""
        filled = (self.own_opinion, self.verdict, self.opinion, self.reason, self.text, self.edit)
        return not any(filled)

    def after(self, last: str, time: str) -> Self:
        """Count the time since the reader last did something; a long pause counts in part.

        Args:
            last: When that was, in ISO 8601 with the time zone.
            time: Now, likewise.
        """
        gap = (datetime.fromisoformat(time) - datetime.fromisoformat(last)).total_seconds()
        return replace(self, seconds=self.seconds + min(max(gap, 0.0), LONGEST_PAUSE))

    def reveal(self, time: str) -> Self:
        """Have the model's answer shown; the own opinion is fixed from here on.

        Raises:
            UserError: If the reader has not said what they think, and how surely.
        """
        if self.own_opinion is None or self.own_confidence is None:
            raise requirement(
                "your own opinion",
                "be given first, with how sure you are",
                "none" if self.own_opinion is None else self.own_opinion,
                "pick both",
            )
        return replace(self, shown_at=self.shown_at or time)

    @property
    def own_is_fixed(self) -> bool:
        """Whether an own opinion was given and the model's answer shown after it."""
        return self.own_opinion is not None and self.shown_at is not None

    def lacks(self) -> str:
        """What is missing before it can be recorded, in words; empty if nothing is."""
        if self.verdict is None:
            return "whether you agree"
        if self.verdict == "disagree" and self.opinion is None:
            return "your own answer"
        return ""

    def review(self, reader: str, case: str, said: Said, decided_at: str) -> Review:
        """The review that it becomes.

        An answer that was never shown counts as shown with the decision.

        Args:
            reader: Who decides.
            case: On which case.
            said: What the model said of it.
            decided_at: When, in ISO 8601 with the time zone.

        Raises:
            UserError: If something is missing or does not fit.
        """
        if lacking := self.lacks():
            raise requirement("the review", f"say {lacking}", "nothing", "pick one")
        gates = said.policy.without_interventions().to_text()
        return Review(
            id=self.id,
            reader=reader,
            case_id=case,
            domain=said.domain,
            model=said.model,
            trace=said.trace,
            gates=gates["gates"],
            cut=gates["cut"],
            predicted=said.predicted,
            probability=said.probability,
            verdict=self.verdict or "unsure",
            opinion=said.predicted if self.verdict == "agree" else self.opinion,
            started_at=self.started_at,
            shown_at=self.shown_at or decided_at,
            decided_at=decided_at,
            seconds=round(self.seconds, 1),
            own_opinion=self.own_opinion if self.own_is_fixed else None,
            own_confidence=self.own_confidence if self.own_is_fixed else None,
            reason=self.reason,
            concepts=self.corrections,
            text=self.text,
        )
