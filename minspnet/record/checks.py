"""What may stand in a record: bounded text without control characters, and real times."""

import re
from datetime import UTC, datetime

from minspnet.errors import UserError, requirement

LONGEST_NAME, LONGEST_LINE, LONGEST_TEXT = 200, 500, 10_000
LONGEST_TIME = 40
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")


def check_line(what: str, text: str, longest: int = LONGEST_NAME, empty: bool = False) -> None:
    """Refuse what is not one line of plain text.

    Raises:
        UserError: If it is too long, holds control characters, or says nothing where it must.
    """
    if len(text) > longest:
        raise requirement(what, f"have at most {longest} characters", text, "shorten it")
    if not text.isprintable():
        raise requirement(what, "be one line of plain text", repr(text), "retype it")
    if not empty and not text.strip():
        raise requirement(what, "say something", repr(text), "fill it in")


def check_text(what: str, text: str, longest: int = LONGEST_TEXT) -> None:
    """Refuse free text with control characters other than line ends and tabs; it may be empty.

    Raises:
        UserError: If it is too long or holds such characters.
    """
    if len(text) > longest:
        raise requirement(what, f"have at most {longest:,} characters", text, "shorten it")
    odd = next((one for one in text if not one.isprintable() and one not in "\n\t"), None)
    if odd is not None:
        raise requirement(what, "be plain text", f"the character {odd!r}", "take it out")


def check_id(what: str, text: str) -> None:
    """Refuse what cannot tell one record from all others.

    Raises:
        UserError: If it is not 1 to 64 letters, digits and dashes.
    """
    if not _ID.fullmatch(text):
        raise requirement(
            what, "be 1 to 64 letters, digits and dashes", repr(text), "make one with new_id"
        )


def in_utc(what: str, text: str) -> str:
    """Say a time in UTC to the microsecond, so that texts sort as times do.

    Raises:
        UserError: If it is not a time in ISO 8601 with its zone.
    """
    try:
        when = datetime.fromisoformat(text) if len(text) <= LONGEST_TIME else None
        if when is not None and when.tzinfo is not None:
            return when.astimezone(UTC).isoformat(timespec="microseconds")
    except (ValueError, OverflowError):
        pass
    raise requirement(
        what,
        "be a time with its zone, such as 2026-01-02T03:04:05+00:00",
        repr(text),
        "correct it",
    )


def now() -> str:
    """The time now, as records hold it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def unreadable(record: str) -> UserError:
    """What is said of a record that holds something else than it should."""
    return UserError(f"{record} cannot be read; run python -m minspnet verify-log.")
