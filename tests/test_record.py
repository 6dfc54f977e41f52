"""Reviews, drafts, queues and audit entries: what goes in comes back, once, and is plain."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from minspnet.access import Action
from minspnet.errors import UserError
from minspnet.policy import CLOSED, Policy
from minspnet.record.audit import AuditEntry
from minspnet.record.queues import ReviewQueue
from minspnet.record.reviews import Correction, Review, new_id
from minspnet.record.schema import AUDIT, DRAFTS, REVIEWS
from minspnet.record.store import Store
from minspnet.record.verify import verify

MODEL, OTHER = "m" * 64, "n" * 64
REVIEW = Review(
    id="one",
    reader="Ann",
    case_id="case 1",
    domain="breast_cytology",
    model=MODEL,
    trace="t" * 64,
    gates="0.25,off",
    cut="0.5",
    predicted="benign",
    probability=0.75,
    verdict="disagree",
    opinion="malignant",
    started_at="2026-01-02T03:04:05+00:00",
    shown_at="2026-01-02T03:04:15+00:00",
    decided_at="2026-01-02T03:04:25+00:00",
    seconds=20.0,
    own_opinion="benign",
    own_confidence=0.5,
    reason="the margin is blurred",
    concepts=(Correction("margin", 0.1 + 0.2),),
    text="First line.\n\tSecond, with an é and a 漢.",
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path / 'record.sqlite'}")


def another(**changes: Any) -> Review:
    return dataclasses.replace(REVIEW, **({"id": new_id()} | changes))


def entry(**changes: Any) -> AuditEntry:
    plain = AuditEntry(REVIEW.decided_at, "Ann", "reader", Action.DECISION, "case 1", {"n": [1]})
    return dataclasses.replace(plain, **changes)


def count(store: Store, table: sa.Table) -> int:
    with store.engine.connect() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


# --- Reviews ----------------------------------------------------------------------------


def test_a_review_comes_back_exactly(store: Store) -> None:
    assert store.reviews.append(REVIEW) == 1
    assert store.reviews.find() == (REVIEW,)
    assert REVIEW.policy == Policy((0.25, CLOSED), 0.5)
    assert REVIEW.revised is True
    assert another(own_opinion=None, own_confidence=None).revised is None


def test_the_same_review_twice_is_one_record(store: Store) -> None:
    """The entry of the audit log is not written twice either."""
    assert [store.reviews.append(REVIEW, entry()) for _ in range(3)] == [1, 1, 1]
    assert store.reviews.append(another()) == 2
    assert store.reviews.append(REVIEW) == 1
    assert (count(store, REVIEWS), count(store, AUDIT)) == (2, 1)


def test_another_review_under_a_known_id_is_refused(store: Store) -> None:
    """It is not dropped in silence: it would be a decision that was lost."""
    store.reviews.append(REVIEW)
    with pytest.raises(UserError, match="id must belong to one review alone, got one; make a new"):
        store.reviews.append(another(id="one", text="otherwise"))
    assert store.reviews.find() == (REVIEW,)


def test_reviews_are_found_by_all_that_is_asked_for(store: Store) -> None:
    half_past, midnight = "2026-01-01T00:30:00+00:00", "2026-01-01T01:00:00+01:00"
    assert half_past < midnight  # as texts only
    kept = [
        another(reader="Ann", case_id="a", decided_at=midnight),
        another(reader="Ben", case_id="a", decided_at=half_past),
        another(reader="Ann", case_id="b", decided_at=half_past),
        another(reader="Ann", case_id="a", decided_at=half_past, model=OTHER),
    ]
    for one in kept:
        store.reviews.append(one)
    find, whole = store.reviews.find, kept[::-1]
    assert find() == tuple(whole)
    assert find(reader="Ann") == tuple(one for one in whole if one.reader == "Ann")
    assert find(case="a", model=MODEL) == (kept[1], kept[0])
    assert find(since="2026-01-01T00:30:00Z") == tuple(one for one in whole if one is not kept[0])
    assert find(since="2026-01-01T02:00:00+02:00") == tuple(whole)
    assert find(most=2) == tuple(whole[:2])
    assert find(most=2, skip=1) == tuple(whole[1:3])
    assert find(most=None, reader="nobody") == ()
    assert store.reviews.count() == 4
    assert store.reviews.count(reader="Ann", case="a") == 2
    with pytest.raises(UserError, match="since must be a time with its zone"):
        find(since="2026-01-01T00:30:00")


def test_the_newest_review_of_each_case_holds(store: Store) -> None:
    kept = [another(case_id=case) for case in ("a", "b", "a", "c", "b")]
    for one in (*kept, another(case_id="a", reader="Ben"), another(case_id="c", model=OTHER)):
        store.reviews.append(one)
    newest = store.reviews.newest_by_case(MODEL, "Ann")
    assert newest == {"a": kept[2], "c": kept[3], "b": kept[4]}
    assert store.reviews.newest_by_case(MODEL, "nobody") == {}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"id": ""}, "id must be 1 to 64 letters"),
        ({"id": "a b"}, "id must be 1 to 64 letters"),
        ({"id": "x" * 65}, "id must be 1 to 64 letters"),
        ({"reader": " "}, "reader must say something"),
        ({"reader": "A\nB"}, "reader must be one line"),
        ({"case_id": "x" * 201}, "case_id must have at most 200 characters"),
        ({"model": "x" * 65}, "model must have at most 64 characters"),
        ({"trace": ""}, "trace must say something"),
        ({"gates": "often"}, "gates must be a plain number"),
        ({"cut": "1"}, "decision_threshold must lie strictly"),
        ({"probability": math.nan}, "probability must lie between 0 and 1"),
        ({"probability": 1.5}, "probability must lie between 0 and 1"),
        ({"seconds": math.inf}, "seconds must be 0 or more"),
        ({"seconds": -1.0}, "seconds must be 0 or more"),
        ({"own_confidence": None}, "own_confidence must be given with own_opinion"),
        ({"own_opinion": None}, "own_confidence must be given with own_opinion"),
        ({"own_confidence": 2.0}, "own_confidence must lie between"),
        ({"verdict": "agree"}, "verdict must fit the opinion"),
        ({"opinion": "benign"}, "verdict must fit the opinion"),
        ({"opinion": ""}, "opinion must say something"),
        ({"reason": "x" * 501}, "reason must have at most 500 characters"),
        ({"reason": "a\tb"}, "reason must be one line"),
        ({"text": "a\x00b"}, "text must be plain text"),
        ({"text": "a\x1b[31m"}, "text must be plain text"),
        ({"text": "\ud800"}, "text must be plain text"),
        ({"text": "x" * 10_001}, "text must have at most 10,000 characters"),
        ({"decided_at": "yesterday"}, "decided_at must be a time with its zone"),
        ({"shown_at": "2026-01-02T03:04:05"}, "shown_at must be a time with its zone"),
        ({"started_at": "0001-01-01T00:00:00+23:00"}, "started_at must be a time with its zone"),
        ({"concepts": (Correction("a", 0.5),) * 2}, "concepts must name at most 200 concepts"),
    ],
)
def test_what_cannot_be_a_review_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said) as refused:
        another(**changes)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("name", "value"), [("", 0.5), ("a\nb", 0.5), ("a", math.nan), ("a", -1)])
def test_what_cannot_be_a_correction_is_refused(name: str, value: float) -> None:
    with pytest.raises(UserError, match="must"):
        Correction(name, value)


def test_an_unsure_reader_may_have_any_opinion_or_none() -> None:
    for opinion in (None, "benign", "malignant"):
        assert another(verdict="unsure", opinion=opinion).opinion == opinion


def test_an_unknown_verdict_is_refused() -> None:
    with pytest.raises(UserError, match=r"Review.verdict must be one of agree, disagree, unsure"):
        Review.from_dict(REVIEW.to_dict() | {"verdict": "maybe"})


LINES = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=40)


@given(reader=LINES, text=LINES, value=st.floats(0, 1), seconds=st.floats(0, 1e9))
def test_any_plain_review_comes_back_and_is_sealed(
    reader: str, text: str, value: float, seconds: float
) -> None:
    store = Store("sqlite://")
    one = another(reader=reader, text=text, seconds=seconds, probability=value,
                  concepts=(Correction(text, value),))  # fmt: skip
    store.reviews.append(one)
    assert store.reviews.find(reader=reader) == (one,)
    assert verify(store.engine).findings == ()
    store.engine.dispose()


def test_a_review_changed_by_hand_is_said(store: Store) -> None:
    store.reviews.append(REVIEW)
    with store.engine.execution_options(writes=True).begin() as connection:
        connection.execute(REVIEWS.update().values(review="{}"))
    with pytest.raises(UserError, match="Review 1 cannot be read; run python -m minspnet verify"):
        store.reviews.find()


# --- Drafts -----------------------------------------------------------------------------


def test_a_draft_is_overwritten_kept_and_discarded(store: Store) -> None:
    drafts = store.drafts
    assert drafts.load("Ann", MODEL, "a") is None
    drafts.save("Ann", MODEL, "a", {"text": "beg"})
    drafts.save("Ann", MODEL, "b", {"text": "other"})
    drafts.save("Ben", MODEL, "a", {"text": "his"})
    drafts.save("Ann", MODEL, "a", {"text": "begun\n", "concepts": {"margin": 0.25}})
    again = Store(str(store.engine.url)).drafts
    assert again.load("Ann", MODEL, "a") == {"text": "begun\n", "concepts": {"margin": 0.25}}
    assert again.cases("Ann", MODEL) == ("a", "b")
    drafts.discard("Ann", MODEL, "a")
    assert again.load("Ann", MODEL, "a") is None
    assert again.load("Ben", MODEL, "a") == {"text": "his"}
    assert again.cases("Ann", MODEL) == ("b",)


def test_a_decision_takes_its_own_draft_along_and_no_later_one(store: Store) -> None:
    for case in ("case 1", "case 2"):
        store.drafts.save("Ann", MODEL, case, {"text": case})
    store.reviews.append(REVIEW)
    assert store.drafts.cases("Ann", MODEL) == ("case 2",)
    store.drafts.save("Ann", MODEL, "case 1", {"text": "on second thought"})
    store.reviews.append(REVIEW)  # a retry says nothing of what was typed since
    assert store.drafts.load("Ann", MODEL, "case 1") == {"text": "on second thought"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"a": math.nan}, "draft must be plain data"),
        ({"a": object()}, "draft must be plain data"),
        ({"a": "x" * 50_000}, "draft must have at most 50,000 characters"),
    ],
)
def test_what_cannot_be_a_draft_is_refused(store: Store, content: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        store.drafts.save("Ann", MODEL, "a", content)
    assert count(store, DRAFTS) == 0


def test_a_draft_changed_by_hand_is_said(store: Store) -> None:
    store.drafts.save("Ann", MODEL, "a", {})
    with store.engine.execution_options(writes=True).begin() as connection:
        connection.execute(DRAFTS.update().values(content="[1"))
    with pytest.raises(UserError, match="discard it"):
        store.drafts.load("Ann", MODEL, "a")


# --- Queues -----------------------------------------------------------------------------


def queue(cases: tuple[str, ...], **changes: Any) -> ReviewQueue:
    plain = ReviewQueue("Monday", "Ann", MODEL, cases, "chief", "2026-01-02T03:04:05.000000+00:00")
    return dataclasses.replace(plain, **changes)


def test_a_queue_is_resumed_where_it_was_left(store: Store) -> None:
    given = queue(("c", "a", "b"))
    store.queues.assign(given, entry(action=Action.ASSIGN_CASES))
    assert store.queues.of("Ann") == (given,)
    assert store.queues.next_case(given) == "c"
    store.reviews.append(another(case_id="c", reader="Ben"))
    store.reviews.append(another(case_id="c", model=OTHER))
    assert store.queues.next_case(given) == "c"
    store.reviews.append(another(case_id="a"))
    store.reviews.append(another(case_id="c"))
    assert Store(str(store.engine.url)).queues.next_case(given) == "b"
    assert store.queues.open_cases(given) == ("b",)
    store.reviews.append(another(case_id="b"))
    assert store.queues.next_case(given) is None
    assert store.audit.find()[0].action == Action.ASSIGN_CASES


def test_of_queues_of_one_name_the_newest_holds(store: Store) -> None:
    first, second, third = queue(("a",)), queue(("b",)), queue(("c",), name="Tuesday")
    his, other = queue(("d",), reader="Ben"), queue(("e",), name="Other", model=OTHER)
    for one in (first, third, second, his, other):
        store.queues.assign(one)
    assert store.queues.of("Ann") == (other, second, third)
    assert store.queues.of("Ann", MODEL) == (second, third)
    assert store.queues.all() == (other, his, second, third)
    store.queues.assign(queue(()))
    assert store.queues.of("Ann") == (other, third)


@pytest.mark.parametrize(
    "changes",
    [{"cases": ("a", "a")}, {"cases": ("a\n",)}, {"name": ""}, {"reader": "x" * 201},
     {"created_at": "today"}, {"cases": tuple(map(str, range(10_001)))}],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_a_queue_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="must"):
        dataclasses.replace(queue(("a",)), **changes)


# --- The audit log ----------------------------------------------------------------------


def test_entries_come_back_newest_first(store: Store) -> None:
    kept = [
        entry(),
        entry(who="Ben", action=Action.VIEW_CASE),
        entry(action=Action.SIGN_IN, object="", detail={}),
    ]
    for one in kept:
        store.audit.append(one)
    said = [dataclasses.asdict(one) | {"at": one.at.replace("+", ".000000+")} for one in kept]
    find = store.audit.find
    assert [dataclasses.asdict(one) for one in find()] == said[::-1]
    assert [one.action for one in find(who="Ann")] == [Action.SIGN_IN, Action.DECISION]
    assert [one.who for one in find(action=Action.VIEW_CASE)] == ["Ben"]
    assert len(find(object="case 1")) == 2
    assert len(find(since="2026-01-02T03:04:25Z")) == 3
    assert find(since="2026-01-02T03:04:26Z") == ()
    assert len(find(most=1, skip=1)) == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"who": ""}, "who must say something"),
        ({"at": "now"}, "at must be a time"),
        ({"object": "a\r"}, "object must be one line"),
        ({"detail": {"x": "y" * 4_000}}, "detail must have at most 4,000 characters"),
        ({"detail": {"x": math.inf}}, "detail must be plain data"),
    ],
)
def test_what_cannot_be_an_entry_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        entry(**changes)


def test_a_decision_and_its_entry_stand_or_fall_together(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise sa.exc.OperationalError("INSERT", {}, Exception("disk full"))

    monkeypatch.setattr("minspnet.record.reviews.add_entry", fail)
    with pytest.raises(UserError, match="did not confirm that this was saved"):
        store.reviews.append(REVIEW, entry())
    assert (count(store, REVIEWS), count(store, AUDIT)) == (0, 0)
    monkeypatch.undo()
    store.reviews.append(REVIEW, entry())
    assert (count(store, REVIEWS), count(store, AUDIT)) == (1, 1)
    assert json.loads(store.audit.find()[0].detail_text) == {"n": [1]}
