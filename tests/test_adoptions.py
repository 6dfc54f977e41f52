"""Which model is in force, and the sets that updates learned from: kept, numbered, checked."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from minspnet.access import Action, Actor, NotAllowedError, Role
from minspnet.errors import UserError
from minspnet.record.reviews import Correction
from minspnet.record.sets import ReviewedCase, ReviewedSet
from minspnet.record.store import Store
from minspnet.record.verify import verify

ADMIN = Actor("Ann", Role.ADMIN)
OLD, NEW, THIRD = ("a" * 64, "old"), ("b" * 64, "new"), ("c" * 64, "third")
WHEN = "2026-01-02T03:04:05+00:00"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'store.sqlite'}")
    yield store
    store.engine.dispose()


def content(value: float = 0.5) -> ReviewedSet:
    case = ReviewedCase("one", "benign", (Correction("size", value),), ("A", "B"), ("r1", "r2"))
    return ReviewedSet("task", (OLD[0],), (case,))


def in_force(store: Store) -> list[str]:
    return [name for _, name in store.adoptions.standing("task").stack]


def test_adopting_and_rolling_back_step_by_step(store: Store) -> None:
    log = store.adoptions
    assert in_force(store) == [] and not log.standing("task").can_roll_back
    log.adopt(ADMIN, "task", NEW, OLD, WHEN, "reads size as we do")
    log.adopt(ADMIN, "task", THIRD, NEW, WHEN)
    assert in_force(store) == ["third", "new", "old"]
    assert log.roll_back(ADMIN, "task", THIRD[0], WHEN, "too bold").name == "new"
    assert log.roll_back(ADMIN, "task", NEW[0], WHEN).name == "old"
    with pytest.raises(UserError, match="must have taken the place of another"):
        log.roll_back(ADMIN, "task", OLD[0], WHEN)
    log.adopt(ADMIN, "task", THIRD, OLD, WHEN)
    assert in_force(store) == ["third", "old"]
    assert log.standing("other task").history == ()
    history = log.standing("task").history
    assert [one.kind for one in history] == ["adopt", "roll back", "roll back", "adopt", "adopt"]
    assert (history[-1].by, history[-1].reason) == ("Ann", "reads size as we do")
    assert [len(store.audit.find(action=a)) for a in (Action.ADOPT_MODEL, Action.ROLL_BACK)] == [
        3,
        2,
    ]
    assert verify(store.engine).findings == ()


def test_a_decision_against_what_is_no_longer_in_force_is_refused(store: Store) -> None:
    store.adoptions.adopt(ADMIN, "task", NEW, OLD, WHEN)
    for decide in (
        lambda: store.adoptions.adopt(ADMIN, "task", THIRD, OLD, WHEN),
        lambda: store.adoptions.roll_back(ADMIN, "task", OLD[0], WHEN),
        lambda: store.adoptions.adopt(ADMIN, "task", NEW, NEW, WHEN),
    ):
        with pytest.raises(UserError):
            decide()
    assert in_force(store) == ["new", "old"] and len(store.audit.find()) == 1


@pytest.mark.parametrize("role", [Role.READER, Role.ENGINEER])
def test_whoever_may_not_changes_nothing(store: Store, role: Role) -> None:
    who = Actor("Bo", role)
    store.adoptions.adopt(ADMIN, "task", NEW, OLD, WHEN)
    with pytest.raises(NotAllowedError):
        store.adoptions.adopt(who, "task", THIRD, NEW, WHEN)
    with pytest.raises(NotAllowedError):
        store.adoptions.roll_back(who, "task", NEW[0], WHEN)
    assert in_force(store) == ["new", "old"]
    if role is Role.READER:
        with pytest.raises(NotAllowedError):
            store.sets.save(who, content(), WHEN)
    assert store.sets.count("task") == 0


def test_a_version_can_always_be_read_again(store: Store) -> None:
    first = store.sets.save(ADMIN, content(), WHEN)
    assert (first.version, first.by, first.content) == (1, "Ann", content())
    assert store.sets.save(ADMIN, content(0.25), WHEN).version == 2
    assert store.sets.save(ADMIN, content(), WHEN).version == 1
    again = Store(str(store.engine.url))
    assert again.sets.version("task", 2).content == content(0.25)
    assert (again.sets.count("task"), again.sets.count("other")) == (2, 0)
    for number in (0, 3, -1):
        with pytest.raises(UserError, match="must be one that was kept"):
            again.sets.version("task", number)
    assert len(store.audit.find(action=Action.TRAIN_MODEL)) == 2
    again.engine.dispose()


@pytest.mark.parametrize(
    ("log", "change"),
    [
        ("adoptions", "UPDATE adoptions SET model_digest = 'x' WHERE number = 1"),
        ("adoptions", "DELETE FROM adoptions WHERE number = 1"),
        ("reviewed_sets", "UPDATE reviewed_sets SET reviewed_set = '{}' WHERE number = 1"),
        ("reviewed_sets", "DELETE FROM reviewed_sets WHERE number = 2"),
    ],
)
def test_a_change_by_hand_is_found(store: Store, log: str, change: str) -> None:
    store.sets.save(ADMIN, content(), WHEN)
    store.sets.save(ADMIN, content(0.25), WHEN)
    store.adoptions.adopt(ADMIN, "task", NEW, OLD, WHEN)
    store.adoptions.roll_back(ADMIN, "task", NEW[0], WHEN)
    assert verify(store.engine).records[log] == 2
    with store.engine.begin() as connection:
        connection.execute(sa.text(change))
    assert [one.log for one in verify(store.engine).findings] == [log]
