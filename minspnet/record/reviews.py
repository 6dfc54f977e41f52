"""What readers decided on cases: on which evidence, before and after the model was shown."""

import json
import math
import uuid
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from minspnet.errors import requirement
from minspnet.policy import Policy
from minspnet.record.audit import AuditEntry, add_entry
from minspnet.record.chain import append
from minspnet.record.checks import (
    LONGEST_LINE,
    LONGEST_TEXT,
    check_id,
    check_line,
    check_text,
    in_utc,
    unreadable,
)
from minspnet.record.database import Database
from minspnet.record.schema import DRAFTS, REVIEWS
from minspnet.strict import Recipe

Verdict = Literal["agree", "disagree", "unsure"]
MOST_CORRECTIONS = 200
LONGEST_GATES = 5_000


def new_id() -> str:
    """An id that no other record has; make it before the first try, and keep it for the next."""
    return uuid.uuid4().hex


@dataclass(frozen=True)
class Correction(Recipe):
    """A concept that the reader set right.

    Attributes:
        concept: Its name.
        value: What it should be, in [0, 1].
    """

    concept: str
    value: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_line("concept", self.concept)
        _check_share(f"the corrected {self.concept}", self.value)


@dataclass(frozen=True)
class Review(Recipe):
    """One decision of one reader on one case.

    Attributes:
        id: Given by the writer, so that the same review sent twice is one record.
        reader: Who decided.
        case_id: On which case.
        domain: Key of the task.
        model: Digest of the model that was shown.
        trace: Digest of the evidence that it was shown on.
        gates: Gate thresholds in force, as ``Policy.to_text`` says them.
        cut: Decision threshold in force, likewise.
        predicted: What the model said: a class by its name.
        probability: That the model gave that class, in [0, 1].
        verdict: What the reader thinks of it.
        opinion: The reader's own answer in the end, a class by its name; None if there is none.
        started_at: When the case was opened, in ISO 8601 with the time zone.
        shown_at: When the model's answer was shown, likewise.
        decided_at: When the reader decided, likewise.
        seconds: Spent on the case, as the writer counts them.
        own_opinion: The reader's answer before the model's was shown, a class by its name; None
            if the model's was shown at once.
        own_confidence: How sure the reader was of it, in [0, 1]; None likewise.
        reason: Why, in one line.
        concepts: What the reader set right, each concept once.
        text: Anything else, in as many lines as it takes.
    """

    id: str
    reader: str
    case_id: str
    domain: str
    model: str
    trace: str
    gates: str
    cut: str
    predicted: str
    probability: float
    verdict: Verdict
    opinion: str | None
    started_at: str
    shown_at: str
    decided_at: str
    seconds: float
    own_opinion: str | None = None
    own_confidence: float | None = None
    reason: str = ""
    concepts: tuple[Correction, ...] = ()
    text: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_id("id", self.id)
        for what in ("reader", "case_id", "domain", "predicted"):
            check_line(what, getattr(self, what))
        for what in ("model", "trace"):
            check_line(what, getattr(self, what), 64)
        for what in ("opinion", "own_opinion"):
            if getattr(self, what) is not None:
                check_line(what, getattr(self, what))
        check_line("gates", self.gates, LONGEST_GATES, empty=True)
        check_line("cut", self.cut, 40)
        check_line("reason", self.reason, LONGEST_LINE, empty=True)
        check_text("text", self.text, LONGEST_TEXT)
        for what in ("started_at", "shown_at", "decided_at"):
            in_utc(what, getattr(self, what))
        _check_share("probability", self.probability)
        if not (math.isfinite(self.seconds) and self.seconds >= 0):
            raise requirement("seconds", "be 0 or more", self.seconds, "count them anew")
        if (self.own_opinion is None) != (self.own_confidence is None):
            raise requirement(
                "own_confidence",
                "be given with own_opinion, or neither",
                self.own_confidence,
                "say how sure the reader was",
            )
        if self.own_confidence is not None:
            _check_share("own_confidence", self.own_confidence)
        if self.verdict != "unsure" and (self.verdict == "agree") != (
            self.opinion == self.predicted
        ):
            raise requirement(
                "verdict",
                f"fit the opinion {self.opinion!r} on a model that said {self.predicted!r}",
                self.verdict,
                "correct one of them",
            )
        names = [one.concept for one in self.concepts]
        if len(names) > MOST_CORRECTIONS or len(set(names)) < len(names):
            must = f"name at most {MOST_CORRECTIONS} concepts, each once"
            raise requirement("concepts", must, ", ".join(names), "leave the rest out")
        _ = self.policy

    @property
    def policy(self) -> Policy:
        """The thresholds in force, ready for use."""
        return Policy.from_text(self.gates, self.cut)

    @property
    def revised(self) -> bool | None:
        """Whether the answer changed once the model's was shown; None if not judged before."""
        return None if self.own_opinion is None else self.own_opinion != self.opinion


class Reviews:
    """All reviews of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, review: Review, entry: AuditEntry | None = None) -> int:
        """Add a review and drop the draft it was made from; once returned, it is safe on disk.

        Sending the same review again changes nothing, so a writer that got no answer may.

        Args:
            review: What was decided.
            entry: Of the audit log, added with the review or not at all.

        Returns:
            The number of its record, from 1.

        Raises:
            UserError: If the database does not confirm it, or another review has its id.
        """
        said = json.dumps(review.to_dict(), sort_keys=True, allow_nan=False)
        known = sa.select(REVIEWS.c.number, REVIEWS.c.review).where(REVIEWS.c.id == review.id)
        with self._database.writing() as connection:
            before = connection.execute(known).first()
            if before is not None:
                if before.review != said:
                    raise requirement(
                        "id", "belong to one review alone", review.id, "make a new one"
                    )
                return int(before.number)
            values = {
                "saved_at": in_utc("decided_at", review.decided_at),
                "id": review.id,
                "reader": review.reader,
                "model_digest": review.model,
                "case_id": review.case_id,
                "review": said,
            }
            number = append(connection, REVIEWS, values)
            key = ("reader", "model_digest", "case_id")
            draft = (DRAFTS.c[name] == values[name] for name in key)
            connection.execute(DRAFTS.delete().where(*draft))
            if entry is not None:
                add_entry(connection, entry)
        return number

    def find(
        self,
        model: str | None = None,
        reader: str | None = None,
        case: str | None = None,
        since: str | None = None,
        most: int | None = 100,
        skip: int = 0,
    ) -> tuple[Review, ...]:
        """Reviews that fit all that is asked for, newest first.

        Args:
            model: Digest of the model.
            reader: Who decided.
            case: Id of the case.
            since: Decided then or later, in ISO 8601 with the time zone.
            most: How many; None for all.
            skip: How many of the newest to leave out.

        Raises:
            UserError: If one cannot be read, or ``since`` is no time.
        """
        wanted = _wanted(model, reader, case, since)
        query = sa.select(REVIEWS.c.number, REVIEWS.c.review).where(*wanted)
        return self._read(query.order_by(REVIEWS.c.number.desc()).limit(most).offset(skip))

    def count(
        self,
        model: str | None = None,
        reader: str | None = None,
        case: str | None = None,
        since: str | None = None,
    ) -> int:
        """How many ``find`` would find without a limit."""
        query = sa.select(sa.func.count()).select_from(REVIEWS)
        with self._database.reading() as connection:
            return connection.scalar(query.where(*_wanted(model, reader, case, since))) or 0

    def readers(self) -> tuple[str, ...]:
        """Everybody who ever reviewed a case, by name."""
        query = sa.select(REVIEWS.c.reader).distinct().order_by(REVIEWS.c.reader)
        with self._database.reading() as connection:
            return tuple(connection.scalars(query))

    def newest_by_case(self, model: str, reader: str) -> dict[str, Review]:
        """What a reader thinks now of each case reviewed: the newest review, by case id.

        Raises:
            UserError: If one cannot be read.
        """
        newest = sa.select(sa.func.max(REVIEWS.c.number)).where(*_wanted(model, reader))
        numbers = newest.group_by(REVIEWS.c.case_id)
        query = sa.select(REVIEWS.c.number, REVIEWS.c.review).where(REVIEWS.c.number.in_(numbers))
        found = self._read(query.order_by(REVIEWS.c.number))
        return {review.case_id: review for review in found}

    def _read(self, query: sa.Select[Any]) -> tuple[Review, ...]:
        with self._database.reading() as connection:
            return tuple(_read(row.number, row.review) for row in connection.execute(query))


def _wanted(
    model: str | None, reader: str | None, case: str | None = None, since: str | None = None
) -> list[sa.ColumnElement[bool]]:
    columns = REVIEWS.c
    wanted = ((columns.model_digest, model), (columns.reader, reader), (columns.case_id, case))
    conditions = [column == value for column, value in wanted if value is not None]
    if since is not None:
        conditions.append(columns.saved_at >= in_utc("since", since))
    return conditions or [sa.true()]


def _read(number: int, text: str) -> Review:
    try:
        return Review.from_dict(json.loads(text))
    except ValueError as error:
        raise unreadable(f"Review {number}") from error


def _check_share(what: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise requirement(what, "lie between 0 and 1", value, "correct it")
