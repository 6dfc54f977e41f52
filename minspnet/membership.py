"""Who has which role: a small file in TOML, held against what a sign-in says of somebody.

readers = ["anna@clinic.example"]
engineers = ["ben@clinic.example"]
admins = ["chris@clinic.example"]
others = "none"            # who signs in and is not listed: none, or a role
hours = 12                 # how long a sign-in lasts
claim = "groups"           # optional: what the provider says of roles
admin_groups = ["minspnet-admins"]
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

from minspnet.access import Actor, NotAllowedError, Role
from minspnet.errors import in_a_line, requirement
from minspnet.strict import Recipe

Others = Literal["none", "reader", "engineer", "admin"]
LONGEST_FILE = 2**20
LONGEST_EMAIL = 200
_MOST_HOURS = 24 * 30
"""Streamlit's cookie is dropped after 30 days in any case."""


@dataclass(frozen=True)
class Membership(Recipe):
    """Roles by e-mail address, or by what a claim of the identity token says.

    An address that is listed has the role of its list, whatever the claim says. Of several groups,
    the one that may most counts.

    Attributes:
        readers: E-mail addresses; capitals do not matter.
        engineers: Likewise.
        admins: Likewise.
        others: Role of everybody else who signs in; "none" for nobody else.
        hours: How long a sign-in lasts, from when the provider vouched for it.
        claim: Of the identity token: a text or a list of texts; empty to go by addresses alone.
        reader_groups: What the claim says of readers.
        engineer_groups: Likewise.
        admin_groups: Likewise.
        unmarked_email: Whether to believe an address of which the provider does not say
            ``email_verified`` at all. One that it says is not verified is never believed.
    """

    readers: tuple[str, ...] = ()
    engineers: tuple[str, ...] = ()
    admins: tuple[str, ...] = ()
    others: Others = "none"
    hours: float = 12.0
    claim: str = ""
    reader_groups: tuple[str, ...] = ()
    engineer_groups: tuple[str, ...] = ()
    admin_groups: tuple[str, ...] = ()
    unmarked_email: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        seen: dict[str, Role] = {}
        for role, addresses in self._addresses.items():
            for address in addresses:
                plain = _plain(address)
                if plain.count("@") != 1 or not plain.isprintable() or " " in plain:
                    must = "hold e-mail addresses"
                    raise requirement(f"{role}s", must, repr(address), "correct the file of roles")
                if plain in seen:
                    must = f"name {plain} once among all roles"
                    got = f"{seen[plain]} and {role}"
                    raise requirement("the file of roles", must, got, "keep one")
                seen[plain] = role
        if not 0 < self.hours <= _MOST_HOURS:
            must = f"lie above 0, at most {_MOST_HOURS} (30 days)"
            raise requirement("hours", must, self.hours, "correct the file of roles")
        groups = [name for names in self._groups.values() for name in names]
        if bool(groups) != bool(self.claim):
            raise requirement(
                "claim",
                "be given together with groups (reader_groups, engineer_groups, admin_groups)",
                self.claim or "none",
                "give both or neither",
            )
        if len(set(groups)) < len(groups):
            must = "stand for one role"
            raise requirement("each group", must, ", ".join(groups), "correct the file of roles")
        if not seen and not groups and self.others == "none":
            raise requirement("the file of roles", "let somebody in", "nobody", "list an admin")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file of roles.

        Raises:
            UserError: If it cannot be read, or says a wrong thing.
        """
        try:
            if path.stat().st_size > LONGEST_FILE:
                raise requirement("the file of roles", "be at most 1 MB", path.name, "shorten it")
            return cls.from_dict(tomllib.loads(path.read_text(encoding="utf-8")))
        except OSError as error:
            must = f"be a file that can be read ({error.strerror or 'no file'})"
            raise requirement("the file of roles", must, path.name, "name another") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            must = f"be TOML ({in_a_line(error)})"
            raise requirement("the file of roles", must, path.name, "correct it") from error

    @property
    def listed(self) -> tuple[str, ...]:
        """Every address that is listed, as records hold it."""
        return tuple(_plain(one) for addresses in self._addresses.values() for one in addresses)

    @property
    def _addresses(self) -> dict[Role, tuple[str, ...]]:
        lists = (self.readers, self.engineers, self.admins)
        return dict(zip(Role, lists, strict=True))

    @property
    def _groups(self) -> dict[Role, tuple[str, ...]]:
        lists = (self.reader_groups, self.engineer_groups, self.admin_groups)
        return dict(zip(Role, lists, strict=True))

    def actor(self, claims: Mapping[str, Any], now: datetime) -> Actor:
        """Say who has signed in, and in which role.

        Args:
            claims: Of the identity token, whose signature was checked.
            now: With its zone.

        Raises:
            NotAllowedError: If they have no role, the address cannot be believed, or the sign-in
                is too old.
        """
        if now.timestamp() - issued_at(claims) > 3600 * self.hours:
            raise NotAllowedError(
                f"A sign-in must be at most {self.hours:g} hours old, yours is older; sign out "
                "and in again."
            )
        address = self._believed(claims)
        role = self._role(address, claims)
        if role is None:
            raise NotAllowedError(
                f"An account must have a role here, {address} has none; ask an admin to add it, or "
                "sign in as somebody else."
            )
        return Actor(address, role)

    def _believed(self, claims: Mapping[str, Any]) -> str:
        address = email_of(claims)
        if not address:
            raise NotAllowedError(
                "A sign-in must say an e-mail address, yours says none; ask an admin to have the "
                "provider send it."
            )
        marked = claims.get("email_verified", self.unmarked_email)
        if marked not in (True, "true"):  # some providers say it in a text
            raise NotAllowedError(
                f"An e-mail address must be verified by the provider, {address} is not; verify it "
                "there, or ask an admin."
            )
        return address

    def _role(self, address: str, claims: Mapping[str, Any]) -> Role | None:
        for role, addresses in self._addresses.items():
            if address in map(_plain, addresses):
                return role
        said = claims.get(self.claim) if self.claim else None
        names = said if isinstance(said, list | tuple) else [said]
        held = [role for role, groups in self._groups.items() if set(groups) & set(map(str, names))]
        if held:
            return held[-1]
        return None if self.others == "none" else Role(self.others)


def email_of(claims: Mapping[str, Any]) -> str:
    """The address that somebody signed in with, as records hold it; empty if it cannot be one."""
    said = claims.get("email")
    plain = _plain(said) if isinstance(said, str) else ""
    return plain if "@" in plain and plain.isprintable() and len(plain) <= LONGEST_EMAIL else ""


def issued_at(claims: Mapping[str, Any]) -> float:
    """When the provider vouched for the sign-in, in seconds since 1970; 0 if it does not say."""
    said = claims.get("iat")
    return float(said) if isinstance(said, int | float) and not isinstance(said, bool) else 0.0


def sign_in_of(claims: Mapping[str, Any]) -> str:
    """What tells one sign-in of somebody from their others: when it was, in ISO 8601."""
    return datetime.fromtimestamp(issued_at(claims), UTC).isoformat(timespec="seconds")


def _plain(address: str) -> str:
    # Letters of other alphabets stay as they are: "ß" is not "ss", nor are their owners one.
    return "".join(one.lower() if one.isascii() else one for one in address.strip())
