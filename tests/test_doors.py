"""Who may do what, through the core: every door by every role, and what the log says of it."""

import io
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from own_data import loans
from test_queue import LOANS
from test_record import MODEL, OTHER, REVIEW
from test_store import point

from minspnet import access
from minspnet import doors as behind
from minspnet.access import Action, Actor, NotAllowedError, Role
from minspnet.artifact import load
from minspnet.devices import DEVICES
from minspnet.doors import Doors
from minspnet.errors import UserError
from minspnet.learned import AdapterSpec
from minspnet.policy import Policy
from minspnet.record.queues import ReviewQueue
from minspnet.record.sets import ReviewedCase, ReviewedSet, SavedSet
from minspnet.record.store import Store
from minspnet.record.verify import verify
from minspnet.workspace import SHIPPED_MODELS, Workspace

NAME = "mine"
WHEN = "2026-01-02T03:04:05+00:00"
READER, ENGINEER, ADMIN = Role
LESSON = ReviewedSet("t", (MODEL,), (ReviewedCase("a", None, (), ("Ann",), ("r" * 32,)),))

ROLES = {
    # As the README has it, written out a second time.
    Action.SIGN_IN: "reader engineer admin",
    Action.SIGN_OUT: "reader engineer admin",
    Action.VIEW_CASE: "reader engineer admin",
    Action.DECISION: "reader engineer admin",
    Action.ASSIGN_CASES: "reader engineer admin",
    Action.ASSIGN_TO_OTHERS: "engineer admin",
    Action.READ_REVIEWS: "engineer admin",
    Action.READ_ACCESS_LOG: "admin",
    Action.OPERATING_POINT: "engineer admin",
    Action.DEVICES: "engineer admin",
    Action.BRING_DATA: "engineer admin",
    Action.TRAIN_MODEL: "engineer admin",
    Action.IMPORT_MODEL: "engineer admin",
    Action.RENAME_MODEL: "engineer admin",
    Action.EXPORT_MODEL: "engineer admin",
    Action.ADOPT_MODEL: "admin",
    Action.ROLL_BACK: "admin",
    Action.DELETE_MODEL: "admin",
    Action.RESTORE_MODEL: "admin",
    Action.SCORE_FILE: "reader engineer admin",
    Action.EXPORT: "reader engineer admin",
    Action.REFUSED: "reader engineer admin",
}


def queue(reader: str, by: str, name: str = "Q") -> ReviewQueue:
    return ReviewQueue(name, reader, MODEL, ("a", "b"), by, WHEN)


def job(doors: Doors) -> str:
    """A training that somebody else has put in the queue."""
    return behind.Queue(doors.workspace.jobs).add(LOANS)


def stopped(doors: Doors) -> str:
    job_id = job(doors)
    behind.Queue(doors.workspace.jobs).stop(job_id)
    return job_id


def deleted(doors: Doors) -> str:
    own = doors.workspace.new_model(NAME)
    (own / "model.json").write_text("{}")
    behind.delete(doors.workspace, own.name)
    return own.name


def made(doors: Doors) -> str:
    """A model that is there, as far as its folder goes."""
    own = doors.workspace.new_model(NAME)
    (own / "model.json").write_text("{}")
    return own.name


Ask = Callable[[Doors], Callable[[], object]]
"""Prepares what the door is about, then gives what knocks at it."""


def knock(call: Callable[[Doors], object]) -> Ask:
    return lambda doors: lambda: call(doors)


def about(prepare: Callable[[Doors], Any], call: Callable[[Doors, Any], object]) -> Ask:
    def ask(doors: Doors) -> Callable[[], object]:
        thing = prepare(doors)
        return lambda: call(doors, thing)

    return ask


def adopted(doors: Doors) -> str:
    """A model that was put in force; each time another one."""
    before = doors.store.adoptions.standing("t").stack
    old = before[0] if before else (OTHER, "old")
    new = (f"{len(before):064d}", "new")
    doors.store.adoptions.adopt(Actor("somebody", ADMIN), "t", new, old, WHEN)
    return new[0]


def learn(doors: Doors) -> object:
    model = load(SHIPPED_MODELS / "phishing")
    kept = SavedSet(1, "somebody", WHEN, LESSON)
    return doors.learn(model, model.policy, kept, AdapterSpec(), lambda said: None)


def score(doors: Doors) -> object:
    model = load(SHIPPED_MODELS / "phishing")
    nothing = Path("none.csv")
    return doors.score(model, nothing, [nothing], nothing, model.policy, None)  # type: ignore[arg-type]


KNOCKS: dict[str, tuple[Action, Ask, int]] = {
    # By door: what it asks for, how it is knocked at, and whether it leaves an entry.
    "sign_in": (Action.SIGN_IN, knock(lambda d: d.sign_in("now")), True),
    "sign_out": (Action.SIGN_OUT, knock(lambda d: d.sign_out("now")), True),
    "has_signed_out": (Action.SIGN_IN, knock(lambda d: d.has_signed_out("now")), False),
    "view_cases": (Action.VIEW_CASE, knock(lambda d: d.view_cases(MODEL, ["a"])), True),
    "has_seen": (Action.VIEW_CASE, knock(lambda d: d.has_seen(MODEL, "a")), False),
    "record": (
        Action.DECISION,
        knock(lambda d: d.record(replace(REVIEW, reader=d.actor.name, id=d.actor.role))),
        True,
    ),
    "draft": (Action.DECISION, knock(lambda d: d.draft(MODEL, "a")), False),
    "save_draft": (Action.DECISION, knock(lambda d: d.save_draft(MODEL, "a", {})), False),
    "reviews_of": (Action.READ_REVIEWS, knock(lambda d: d.reviews_of(None)), False),
    "assign": (
        Action.ASSIGN_TO_OTHERS,
        knock(lambda d: d.assign(queue("somebody", d.actor.name))),
        True,
    ),
    "queues": (Action.ASSIGN_CASES, knock(lambda d: d.queues(MODEL)), False),
    "open_cases": (
        Action.READ_REVIEWS,
        knock(lambda d: d.open_cases(queue("somebody", "x"))),
        False,
    ),
    "colleagues": (Action.READ_REVIEWS, knock(lambda d: d.colleagues()), False),
    "save_operating_point": (
        Action.OPERATING_POINT,
        knock(lambda d: d.save_operating_point(point(MODEL, Policy((0.5,))))),
        True,
    ),
    "save_devices": (Action.DEVICES, knock(lambda d: d.save_devices(DEVICES[:1])), True),
    "bring_data": (Action.BRING_DATA, knock(lambda d: d.bring_data("a\x00.csv")), True),
    "save_data": (Action.BRING_DATA, knock(lambda d: d.save_data(loans(20))), True),
    "submit": (Action.TRAIN_MODEL, knock(lambda d: d.submit(LOANS)), True),
    "begin_training": (Action.TRAIN_MODEL, knock(lambda d: d.begin_training()), False),
    "stop_training": (Action.TRAIN_MODEL, about(job, lambda d, one: d.stop_training(one)), True),
    "resume_training": (
        Action.TRAIN_MODEL,
        about(stopped, lambda d, one: d.resume_training(one)),
        True,
    ),
    "move_training": (
        Action.TRAIN_MODEL,
        about(lambda d: (job(d), job(d))[1], lambda d, one: d.move_training(one, earlier=True)),
        True,
    ),
    "remove_training": (
        Action.TRAIN_MODEL,
        about(job, lambda d, one: d.remove_training(one)),
        True,
    ),
    "rename_model": (
        Action.RENAME_MODEL,
        about(made, lambda d, name: d.rename_model(name, f"Of {d.actor.name}")),
        True,
    ),
    "delete_model": (Action.DELETE_MODEL, about(made, lambda d, name: d.delete_model(name)), True),
    "restore_model": (
        Action.RESTORE_MODEL,
        about(deleted, lambda d, name: d.restore_model(name)),
        True,
    ),
    "import_model": (
        Action.IMPORT_MODEL,
        knock(lambda d: d.import_model(io.BytesIO(), "a.minspnet")),
        2,
    ),
    "export_model": (Action.EXPORT_MODEL, knock(lambda d: d.export_model("phishing")), True),
    "score": (Action.SCORE_FILE, knock(score), True),
    "keep_set": (
        Action.TRAIN_MODEL,
        knock(lambda d: d.keep_set(replace(LESSON, task=str(d.actor.role)))),
        True,
    ),
    "learn": (Action.TRAIN_MODEL, knock(learn), 2),
    "adopt_model": (
        Action.ADOPT_MODEL,
        knock(lambda d: d.adopt_model("t", (MODEL, "new"), (OTHER, "old"), "")),
        True,
    ),
    "roll_back": (
        Action.ROLL_BACK,
        about(adopted, lambda d, seen: d.roll_back("t", seen, "")),
        True,
    ),
    "export": (Action.EXPORT, knock(lambda d: d.export("reviews", file="a.csv")), True),
    "access_log": (Action.READ_ACCESS_LOG, knock(lambda d: d.access_log()), False),
    "known_actors": (Action.READ_ACCESS_LOG, knock(lambda d: d.known_actors()), False),
}
OPEN = {
    "reviews": "gives one's own decisions, or everybody's, as the role lets one",
    "readers": "names those",
}
ELSEWHERE = {Action.ASSIGN_CASES, Action.REFUSED}
"""Asked for by other parts of the core, or tried below."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path / 'record.sqlite'}")


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[Workspace]:
    """No process is started, and no file is read as a model."""
    begun: list[Workspace] = []
    monkeypatch.setattr(behind, "start", begun.append)
    monkeypatch.setattr("minspnet.learning.update.learn", lambda *given: "learned")
    monkeypatch.setattr(behind, "unpack", lambda file, called, workspace: made_in(workspace))
    return begun


def made_in(workspace: Workspace) -> str:
    return workspace.new_model("brought").name


def doors_of(role: Role, store: Store, folder: Path, name: str = "") -> Doors:
    return Doors(Actor(name or f"{role}@clinic.example", role), store, Workspace(folder / "home"))


def content(folder: Path) -> dict[str, bytes]:
    """All files of a workspace but locks."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "turn")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def rows(store: Store) -> dict[str, int]:
    """How many records each log holds; the audit log is told apart."""
    counted = dict(verify(store.engine).records)
    counted.pop("audit_entries")
    counted.pop("journal", None)
    return counted


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", Action)
def test_a_role_may_do_what_is_written_down_and_nothing_else(action: Action, role: Role) -> None:
    assert Actor("Ann", role).may(action) == (role in ROLES[action].split())


@pytest.mark.parametrize("door", KNOCKS)
def test_a_door_opens_to_whom_it_should_and_does_nothing_for_others(
    door: str, store: Store, tmp_path: Path, begun: list[Workspace]
) -> None:
    action, ask, entries_left = KNOCKS[door]
    for role in Role:
        doors = doors_of(role, store, tmp_path)
        go = ask(doors)
        before = content(doors.workspace.root), rows(store), len(begun)
        entries = store.audit.find(most=None)
        if role in ROLES[action].split():
            go()
            new = store.audit.find(most=None)[: -len(entries) or None]
            said = [(one.who, one.role, one.action) for one in new]
            assert said == [(doors.actor.name, role, action)] * entries_left
            continue
        with pytest.raises(NotAllowedError, match=f"it is {role}; ask an admin"):
            go()
        assert (content(doors.workspace.root), rows(store), len(begun)) == before
        new = store.audit.find(most=None)[: -len(entries) or None]
        assert [(one.who, one.role, one.action) for one in new] == [
            (doors.actor.name, role, Action.REFUSED)
        ]
        assert new[0].detail == {"wanted": str(action)}


@pytest.mark.parametrize("door", KNOCKS)
def test_a_door_asks_for_its_own_action(
    door: str,
    store: Store,
    tmp_path: Path,
    begun: list[Workspace],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever the roles are said to be: they are asked for each time."""
    action, ask, _ = KNOCKS[door]
    doors = doors_of(READER, store, tmp_path)
    go = ask(doors)
    for one in Action:
        monkeypatch.setitem(access.LEAST, one, ADMIN if one is action else READER)
    with pytest.raises(NotAllowedError):
        go()
    for one in Action:
        monkeypatch.setitem(access.LEAST, one, READER if one is action else ADMIN)
    go()


def test_no_door_and_no_action_is_left_out() -> None:
    public = {name for name in vars(Doors) if not name.startswith("_")}
    assert public == {*KNOCKS, *OPEN}
    assert {action for action, _, _ in KNOCKS.values()} | ELSEWHERE == set(Action)
    assert set(ROLES) == set(Action)


def test_nobody_decides_or_assigns_as_somebody_else(store: Store, tmp_path: Path) -> None:
    admin = doors_of(ADMIN, store, tmp_path)
    for go in (
        lambda: admin.record(replace(REVIEW, reader="Ann")),
        lambda: admin.assign(queue("Ben", "Ann")),
    ):
        with pytest.raises(NotAllowedError, match=r"must be admin@clinic\.example"):
            go()
    assert not store.reviews.find() and not store.queues.all()
    assert [one.object for one in store.audit.find(action=Action.REFUSED)] == ["Ann", "Ann"]


def test_a_reader_sees_own_decisions_drafts_and_queues_alone(store: Store, tmp_path: Path) -> None:
    ann, ben = (doors_of(READER, store, tmp_path, name) for name in ("Ann", "Ben"))
    for doors in (ann, ben):
        doors.record(replace(REVIEW, id=doors.actor.name, reader=doors.actor.name))
        doors.save_draft(MODEL, "a", {"text": doors.actor.name})
        doors.assign(queue(doors.actor.name, doors.actor.name))
    for doors in (ann, ben):
        name = doors.actor.name
        assert [one.reader for one in doors.reviews(MODEL)] == [name]
        assert [one.reader for one in doors.reviews_of(name)] == [name]
        assert doors.readers() == (name,)
        assert doors.draft(MODEL, "a") == {"text": name}
        assert [one.reader for one in doors.queues(MODEL)] == [name]
        assert doors.open_cases(doors.queues(MODEL)[0]) == ("a", "b")
    engineer = doors_of(ENGINEER, store, tmp_path)
    assert {one.reader for one in engineer.reviews(MODEL)} == {"Ann", "Ben"}
    assert engineer.readers() == ("Ann", "Ben") and not engineer.reviews(OTHER)
    assert engineer.draft(MODEL, "a") is None


def test_a_sign_in_is_noted_once_and_ends_for_good(store: Store, tmp_path: Path) -> None:
    ann, ben = (doors_of(READER, store, tmp_path, name) for name in ("Ann", "Ben"))
    for issued in ("one", "one", "two"):
        ann.sign_in(issued)
    assert len(store.audit.find(action=Action.SIGN_IN)) == 2
    ann.sign_out("one")
    assert ann.has_signed_out("one")
    assert not ann.has_signed_out("two") and not ben.has_signed_out("one")


def test_what_fails_is_not_noted_and_what_cannot_be_noted_is_not_done(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = doors_of(ADMIN, store, tmp_path)
    with pytest.raises(UserError, match="of your own"):
        admin.delete_model("phishing")
    assert not store.audit.find()
    name = made(admin)
    folder = admin.workspace.models / name
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE audit_entries")
    for go in (
        lambda: admin.delete_model(name),
        lambda: admin.submit(LOANS),
        lambda: admin.export_model("phishing"),
    ):
        with pytest.raises(UserError, match="did not confirm"):
            go()
    assert folder.is_dir() and not behind.Queue(admin.workspace.jobs).entries()[0]
    shutil.rmtree(folder)


def test_cases_opened_together_are_noted_together(store: Store, tmp_path: Path) -> None:
    doors_of(READER, store, tmp_path).view_cases(MODEL, ["a", "b"])
    found = store.audit.find(action=Action.VIEW_CASE)
    assert [one.object for one in found] == ["b", "a"]
    assert {one.detail["model"] for one in found} == {MODEL}
    reader, other = doors_of(READER, store, tmp_path), doors_of(Role.ADMIN, store, tmp_path)
    reader.view_cases(MODEL, ["c"], hidden=True)
    seen = [reader.has_seen(MODEL, case) for case in ("a", "c", "d")]
    assert seen == [True, False, False]
    assert not reader.has_seen("0" * 64, "a") and not other.has_seen(MODEL, "a")
    reader.view_cases(MODEL, ["c"])
    assert reader.has_seen(MODEL, "c")
    assert not verify(store.engine).findings
