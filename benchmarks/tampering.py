"""Random edits of logs by hand, each undone before the next: is each found, and rightly named?"""

import random
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from minspnet.access import Action, Actor, Role
from minspnet.devices import DEVICES
from minspnet.operating import Figures, OperatingPoint
from minspnet.record.audit import AuditEntry
from minspnet.record.chain import digest_of
from minspnet.record.queues import ReviewQueue
from minspnet.record.reviews import Correction, Review
from minspnet.record.schema import HEAD, JOURNAL, LOGS
from minspnet.record.sets import ReviewedCase, ReviewedSet
from minspnet.record.store import Store
from minspnet.record.verify import verify

KINDS = ("flip", "drop", "reorder", "insert", "rewrite")
WHEN = "2026-01-02T03:04:05+00:00"
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789,:é"
Row = dict[str, Any]


@dataclass(frozen=True)
class Edit:
    """What was done, and which record is the first that is not as it was written.

    Attributes:
        kind: One of ``KINDS``. Flip changes a character; drop removes a record, reorder swaps two
            and insert puts one in; rewrite changes a record and computes all later digests of its
            own log anew, as somebody does who knows how.
        log: Name of the table.
        number: Of the first record that is wrong.
    """

    kind: str
    log: str
    number: int


def review(id: str, reader: str, case: str) -> Review:
    """A decision; what it says is of no matter here."""
    return Review(
        *(id, reader, case, "a task", "m" * 64, "t" * 64, "0.25,off", "0.5", "benign", 0.75),
        *("disagree", "malignant", WHEN, WHEN, WHEN, 12.5, "benign", 0.5, "the margin is blurred"),
        *((Correction("margin", 0.25),), "See the second picture.\nAsk again."),
    )


def fill(store: Store, reviews: int) -> None:
    """Write some of all that can be written, in an order that mixes the logs."""
    figures = Figures(3, 0.5, 0.75, 10.0)
    point = OperatingPoint("Quick", "a reader", "the pump", WHEN, "m" * 64, "0.5", "0.5", figures,
                           figures)  # fmt: skip
    for number in range(reviews):
        case = f"case {number}"
        entry = AuditEntry(WHEN, "reader", "reader", Action.DECISION, case, {"seconds": 12.5})
        store.reviews.append(review(f"id-{number}", "reader", case), entry if number % 2 else None)
        if number % 5 == 0:
            store.save_operating_point(point)
        if number % 7 == 0:
            store.save_devices(DEVICES[: 1 + number % 2], WHEN)
            cases = (case, "another")
            queue = ReviewQueue(f"q{number}", "reader", "m" * 64, cases, "chief", WHEN)
            store.queues.assign(queue)
            chief, models = Actor("chief", Role.ADMIN), [f"{n:064d}" for n in (number, number + 7)]
            learned = ReviewedCase(case, "benign", (), ("reader",), (f"id-{number}",))
            store.sets.save(chief, ReviewedSet("a task", (models[0],), (learned,)), WHEN)
            store.adoptions.adopt(chief, "a task", (models[1], "new"), (models[0], "old"), WHEN)


def campaign(store: Store, edits: int, seed: int) -> list[dict[str, Any]]:
    """Do random edits of a filled database, one at a time.

    Returns:
        Of each kind: how many were done, found, and named by table and number and nothing else.
    """
    generator = random.Random(seed)
    tables = (*LOGS, JOURNAL, HEAD)
    with store.engine.connect() as connection:
        whole = {table.name: _rows(connection, table) for table in tables}
    assert not verify(store.engine).findings
    counts = {kind: dict.fromkeys(("edits", "found", "named"), 0) for kind in KINDS}
    for _ in range(edits):
        table = generator.choice(tables)
        edit, rows = tamper(table, whole[table.name], generator)
        while _refused(table, rows):
            edit, rows = tamper(table, whole[table.name], generator)
        _replace(store.engine, table, rows)
        findings = verify(store.engine).findings
        _replace(store.engine, table, whole[table.name])
        count = counts[edit.kind]
        count["edits"] += 1
        count["found"] += bool(findings)
        count["named"] += [(one.log, one.number) for one in findings] == [(edit.log, edit.number)]
    assert not verify(store.engine).findings
    return [{"kind": kind, **count} for kind, count in counts.items()]


def tamper(table: sa.Table, before: list[Row], generator: random.Random) -> tuple[Edit, list[Row]]:
    """Edit a log in a random way; returns what was done and the rows as they then are."""
    rows = [dict(row) for row in before]
    kinds = KINDS
    if table is JOURNAL:
        kinds = KINDS[:-1]  # whoever rewrites it is found at its head, which names no record
    elif table is HEAD:
        kinds = ("flip", "drop")  # there is one
    kind = generator.choice(kinds)
    place = generator.randrange(len(rows))
    if kind == "flip":
        column = generator.choice([name for name in rows[0] if name != "number"])
        rows[place][column] = _flipped(rows[place][column], generator)
    elif kind == "drop":
        del rows[place]
    elif kind == "reorder":
        place, other = sorted(generator.sample(range(len(rows)), 2))
        rows[place], rows[other] = rows[other], rows[place]
        rows[place]["number"], rows[other]["number"] = place + 1, other + 1
    elif kind == "insert":
        place = generator.randrange(len(rows) + 1)
        rows.insert(place, _forged(rows, place, generator))
        for later in range(place, len(rows)):
            rows[later]["number"] = later + 1
    else:
        column = generator.choice(
            [name for name in rows[0] if name not in ("number", "previous", "digest")]
        )
        rows[place][column] = _flipped(rows[place][column], generator)
        for later in range(place, len(rows)):
            rows[later]["previous"] = rows[later - 1]["digest"] if later else ""
            rows[later]["digest"] = _digest(rows[later])
    return Edit(kind, table.name, place + 1), rows


def _flipped(value: Any, generator: random.Random) -> Any:
    """One character another, or a number another."""
    if isinstance(value, int):
        return value + generator.randint(1, 9)
    if not value:
        return generator.choice(_LETTERS)
    place = generator.randrange(len(value))
    new = generator.choice([one for one in _LETTERS if one != value[place]])
    return value[:place] + new + value[place + 1 :]


def _forged(rows: list[Row], place: int, generator: random.Random) -> Row:
    """A record like its neighbour, with a digest that is right; the last follows rightly too."""
    row = dict(rows[min(place, len(rows) - 1)])
    if "id" in row:
        row["id"] = f"{generator.getrandbits(64):x}"
    # In the middle, the table itself refuses a second record that follows the same one.
    last = place == len(rows)
    row["previous"] = rows[-1]["digest"] if last else f"{generator.getrandbits(256):064x}"
    row["digest"] = _digest(row)
    return row


def _digest(row: Row) -> str:
    return digest_of({name: one for name, one in row.items() if name not in ("number", "digest")})


def _rows(connection: sa.Connection, table: sa.Table) -> list[Row]:
    rows = connection.execute(sa.select(table).order_by(table.c.number))
    return [dict(row._mapping) for row in rows]


def _refused(table: sa.Table, rows: list[Row]) -> bool:
    """Whether the table itself turns an edit down, as it does a second record of one id."""
    unique = [column.name for column in table.columns if column.unique]
    return any(len({row[name] for row in rows}) < len(rows) for name in unique)


def _replace(engine: sa.Engine, table: sa.Table, rows: list[Row]) -> None:
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(table.delete())
        if rows:
            connection.execute(table.insert(), rows)
