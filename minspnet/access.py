"""Who may do what: roles, and the one question that every action asks before it acts."""

from dataclasses import dataclass
from enum import StrEnum

from minspnet.errors import UserError


class Role(StrEnum):
    """What somebody is here for; each role may do what those before it may."""

    READER = "reader"
    ENGINEER = "engineer"
    ADMIN = "admin"


class Action(StrEnum):
    """What somebody may do, and what an audit entry may be about."""

    SIGN_IN = "sign-in"
    SIGN_OUT = "sign-out"
    VIEW_CASE = "view case"
    DECISION = "decision"
    ASSIGN_CASES = "assign cases"
    ASSIGN_TO_OTHERS = "assign cases to others"
    READ_REVIEWS = "read reviews of others"
    READ_ACCESS_LOG = "read access log"
    OPERATING_POINT = "operating point"
    DEVICES = "devices"
    BRING_DATA = "bring data"
    TRAIN_MODEL = "train model"
    IMPORT_MODEL = "import model"
    RENAME_MODEL = "rename model"
    EXPORT_MODEL = "export model"
    ADOPT_MODEL = "adopt model"
    ROLL_BACK = "roll back"
    DELETE_MODEL = "delete model"
    RESTORE_MODEL = "restore model"
    SCORE_FILE = "score file"
    EXPORT = "export"
    REFUSED = "refused"


LEAST = {
    Action.SIGN_IN: Role.READER,
    Action.SIGN_OUT: Role.READER,
    Action.VIEW_CASE: Role.READER,
    Action.DECISION: Role.READER,
    Action.ASSIGN_CASES: Role.READER,
    Action.ASSIGN_TO_OTHERS: Role.ENGINEER,
    Action.READ_REVIEWS: Role.ENGINEER,
    Action.READ_ACCESS_LOG: Role.ADMIN,
    Action.OPERATING_POINT: Role.ENGINEER,
    Action.DEVICES: Role.ENGINEER,
    Action.BRING_DATA: Role.ENGINEER,
    Action.TRAIN_MODEL: Role.ENGINEER,
    Action.IMPORT_MODEL: Role.ENGINEER,
    Action.RENAME_MODEL: Role.ENGINEER,
    Action.EXPORT_MODEL: Role.ENGINEER,
    Action.ADOPT_MODEL: Role.ADMIN,
    Action.ROLL_BACK: Role.ADMIN,
    Action.DELETE_MODEL: Role.ADMIN,
    Action.RESTORE_MODEL: Role.ADMIN,
    Action.SCORE_FILE: Role.READER,
    Action.EXPORT: Role.READER,
    Action.REFUSED: Role.READER,
}
"""The least role that may do each."""


class NotAllowedError(UserError):
    """Somebody asked for what their role does not let them do."""


@dataclass(frozen=True)
class Actor:
    """Who acts.

    Attributes:
        name: As records hold it: the e-mail address signed in with, or the name typed where nobody
            signs in.
        role: What they are here for.
    """

    name: str
    role: Role

    def may(self, action: Action) -> bool:
        """Whether their role lets them."""
        ranks = list(Role)
        return ranks.index(self.role) >= ranks.index(LEAST[action])

    def must_be_allowed(self, action: Action) -> None:
        """Go on only if their role lets them.

        Raises:
            NotAllowedError: If it does not.
        """
        if not self.may(action):
            raise NotAllowedError(
                f"Your role must be {_at_least(LEAST[action])} for this ({action}), it is "
                f"{self.role}; ask an admin."
            )


def _at_least(role: Role) -> str:
    return f"{role} or more" if role != list(Role)[-1] else str(role)
