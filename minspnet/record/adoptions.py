"""Which model is in force for a task: adopted by somebody, and taken back step by step."""

import json
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from minspnet.access import Action, Actor
from minspnet.errors import requirement
from minspnet.record.audit import AuditEntry, add_entry
from minspnet.record.chain import append
from minspnet.record.checks import LONGEST_LINE, check_line, in_utc, unreadable
from minspnet.record.database import Database
from minspnet.record.schema import ADOPTIONS
from minspnet.strict import Recipe

_ACTIONS = {"adopt": Action.ADOPT_MODEL, "roll back": Action.ROLL_BACK}


@dataclass(frozen=True)
class Adoption(Recipe):
    """One change of the model in force.

    Attributes:
        task: For which it is.
        model: Digest of the model in force from now on.
        name: Its name.
        replaced: Digest of the model in force until now.
        replaced_name: Its name.
        by: Who decided.
        at: When, in ISO 8601 with the time zone.
        kind: Whether a model was adopted, or the one before it taken back.
        reason: Why, in one line.
    """

    task: str
    model: str
    name: str
    replaced: str
    replaced_name: str
    by: str
    at: str
    kind: Literal["adopt", "roll back"] = "adopt"
    reason: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        for what in ("task", "name", "replaced_name", "by"):
            check_line(what, getattr(self, what))
        for what in ("model", "replaced"):
            check_line(what, getattr(self, what), 64)
        check_line("reason", self.reason, LONGEST_LINE, empty=True)
        in_utc("at", self.at)
        if self.model == self.replaced:
            raise requirement("model", "be another than the one in force", self.name, "pick one")


@dataclass(frozen=True)
class Standing:
    """How a task stands after all that was adopted and rolled back.

    Attributes:
        history: All changes, newest first.
        stack: (Digest, name) of the model in force and of those it goes back to, in force first.
    """

    history: tuple[Adoption, ...]
    stack: tuple[tuple[str, str], ...]

    @property
    def in_force(self) -> str:
        """Digest of the model in force; empty if none was ever adopted."""
        return self.stack[0][0] if self.stack else ""

    @property
    def can_roll_back(self) -> bool:
        """Whether there is a model to go back to."""
        return len(self.stack) > 1


class Adoptions:
    """All changes of the models in force of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def adopt(
        self,
        actor: Actor,
        task: str,
        model: tuple[str, str],
        replaced: tuple[str, str],
        at: str,
        reason: str = "",
    ) -> Adoption:
        """Put a model in force.

        Args:
            actor: Who decides.
            task: For which.
            model: Its digest and name.
            replaced: Those of the model in force, as the decision was made against it.
            at: When, in ISO 8601 with the time zone.
            reason: Why, in one line.

        Raises:
            NotAllowedError: If their role may not.
            UserError: If another model came into force meanwhile, or the database does not
                confirm it.
        """
        actor.must_be_allowed(Action.ADOPT_MODEL)
        made = Adoption(task, *model, *replaced, actor.name, at, "adopt", reason)
        with self._database.writing() as connection:
            before = _standing(connection, task)
            if before.stack and before.in_force != made.replaced:
                must = "be the one in force, against which it was compared"
                raise requirement(
                    "the model to be replaced", must, made.replaced_name, "reload and look again"
                )
            _add(connection, actor, made)
        return made

    def roll_back(self, actor: Actor, task: str, seen: str, at: str, reason: str = "") -> Adoption:
        """Put the model back in force that the one in force took the place of.

        Args:
            actor: Who decides.
            task: For which.
            seen: Digest of the model in force, as the one who decides saw it.
            at: When, in ISO 8601 with the time zone.
            reason: Why, in one line.

        Raises:
            NotAllowedError: If their role may not.
            UserError: If there is nothing to go back to, another model came into force meanwhile,
                or the database does not confirm it.
        """
        actor.must_be_allowed(Action.ROLL_BACK)
        with self._database.writing() as connection:
            before = _standing(connection, task)
            if not before.can_roll_back or before.in_force != seen:
                must = "have taken the place of another and be in force still"
                raise requirement("the model to roll back", must, seen[:12], "reload the page")
            (model, name), (older, older_name) = before.stack[:2]
            made = Adoption(
                task, older, older_name, model, name, actor.name, at, "roll back", reason
            )
            _add(connection, actor, made)
        return made

    def standing(self, task: str) -> Standing:
        """What is in force for a task, and how that came about.

        Raises:
            UserError: If a record cannot be read.
        """
        with self._database.reading() as connection:
            return _standing(connection, task)


def _add(connection: sa.Connection, actor: Actor, made: Adoption) -> None:
    values = {
        "saved_at": in_utc("at", made.at),
        "task": made.task,
        "model_digest": made.model,
        "adoption": json.dumps(made.to_dict(), sort_keys=True),
    }
    append(connection, ADOPTIONS, values)
    detail = {"task": made.task, "model": made.model, "replaced": made.replaced}
    action = _ACTIONS[made.kind]
    entry = AuditEntry(
        made.at, made.by, str(actor.role), action, made.name, detail | {"reason": made.reason}
    )
    add_entry(connection, entry)


def _standing(connection: sa.Connection, task: str) -> Standing:
    table = ADOPTIONS.c
    query = sa.select(table.number, table.adoption).where(table.task == task)
    history: list[Adoption] = []
    stack: list[tuple[str, str]] = []
    for number, text in connection.execute(query.order_by(table.number)):
        one = _read(number, text)
        if one.kind == "adopt":
            stack = stack or [(one.replaced, one.replaced_name)]
            stack.append((one.model, one.name))
        else:
            del stack[-1:]
        history.append(one)
    return Standing(tuple(history[::-1]), tuple(stack[::-1]))


def _read(number: int, text: str) -> Adoption:
    try:
        return Adoption.from_dict(json.loads(text))
    except ValueError as error:
        raise unreadable(f"Adoption {number}") from error
