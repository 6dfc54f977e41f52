"""The file of roles, and what a sign-in has to say before anybody comes in."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from minspnet.access import NotAllowedError, Role
from minspnet.errors import UserError
from minspnet.membership import Membership, sign_in_of

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
PLAIN = {
    "email": "Anna@Clinic.example",
    "email_verified": True,
    "iat": int(NOW.timestamp()) - 60,
    "groups": ["x", "heads"],
}
FILE = """
readers = ["anna@clinic.example"]
engineers = ["Ben@Clinic.example"]
admins = ["chris@clinic.example"]
"""
GROUPS = 'claim = "groups"\nreader_groups = ["x"]\nadmin_groups = ["heads"]\n'


def read(folder: Path, text: str) -> Membership:
    (folder / "roles.toml").write_text(text, encoding="utf-8")
    return Membership.read(folder / "roles.toml")


def role(members: Membership, **said: Any) -> Role:
    return members.actor(PLAIN | said, NOW).role


def test_an_address_has_the_role_of_its_list_whatever_its_capitals(tmp_path: Path) -> None:
    members = read(tmp_path, FILE)
    found = members.actor(PLAIN, NOW)
    assert (found.name, found.role) == ("anna@clinic.example", Role.READER)
    assert role(members, email=" BEN@clinic.example ") is Role.ENGINEER
    assert role(members, email="chris@clinic.example") is Role.ADMIN
    assert members.listed == ("anna@clinic.example", "ben@clinic.example", "chris@clinic.example")
    # Letters that only look or sound alike are another address.
    for other in ("chri\u017f@clinic.example", "\u0430nna@clinic.example"):
        with pytest.raises(UserError):
            members.actor(PLAIN | {"email": other}, NOW)


def test_a_list_goes_before_the_claim_and_the_claim_before_others(tmp_path: Path) -> None:
    assert role(read(tmp_path, FILE + GROUPS)) is Role.READER
    members = read(tmp_path, FILE + GROUPS + 'others = "engineer"')
    dora = "dora@clinic.example"
    assert role(members, email=dora) is Role.ADMIN
    assert role(members, email=dora, groups="x") is Role.READER
    assert role(members, email=dora, groups=["y"]) is Role.ENGINEER
    assert role(members, email=dora, groups=None) is Role.ENGINEER


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"email": "dora@clinic.example"}, "must have a role here, dora@clinic.example has none"),
        ({"email_verified": False}, "must be verified by the provider"),
        ({"email_verified": "false"}, "must be verified by the provider"),
        ({"email_verified": 1.5}, "must be verified by the provider"),
        ({"email_verified": None}, "must be verified by the provider"),
        ({"email": None}, "must say an e-mail address"),
        ({"email": "a@b\n"}, "must have a role here, a@b has none"),
        ({"email": "a\u202e@b"}, "must say an e-mail address"),
        ({"email": ["anna@clinic.example"]}, "must say an e-mail address"),
        ({"iat": int(NOW.timestamp()) - 12 * 3600 - 1}, "must be at most 12 hours old"),
        ({"iat": None}, "must be at most 12 hours old"),
        ({"iat": True}, "must be at most 12 hours old"),
    ],
)
def test_nobody_else_comes_in(said: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(NotAllowedError, match=sentence):
        role(read(tmp_path, FILE), **said)


def test_an_address_of_which_nothing_is_said_is_believed_only_if_the_file_says_so(
    tmp_path: Path,
) -> None:
    unmarked = {name: value for name, value in PLAIN.items() if name != "email_verified"}
    with pytest.raises(NotAllowedError, match="must be verified"):
        read(tmp_path, FILE).actor(unmarked, NOW)
    trusting = read(tmp_path, FILE + "unmarked_email = true")
    assert trusting.actor(unmarked, NOW).role is Role.READER
    with pytest.raises(NotAllowedError, match="must be verified"):
        role(trusting, email_verified=False)
    assert role(trusting, email_verified="true") is Role.READER


def test_a_sign_in_is_told_from_the_next_and_lasts_as_long_as_the_file_says(
    tmp_path: Path,
) -> None:
    assert sign_in_of(PLAIN) != sign_in_of(PLAIN | {"iat": PLAIN["iat"] + 1})
    old = {"iat": int(NOW.timestamp()) - 20 * 3600}
    assert role(read(tmp_path, FILE + "hours = 24"), **old) is Role.READER


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("readers = [", "the file of roles must be TOML"),
        ("", "the file of roles must let somebody in, got nobody"),
        ('reader = ["a@b.c"]', "must hold only readers, engineers, admins"),
        ('readers = "a@b.c"', "Membership.readers must be a list"),
        ('readers = ["Anna"]', "readers must hold e-mail addresses, got 'Anna'"),
        ('readers = ["a@b.c"]\nadmins = ["A@B.C"]', "must name a@b.c once among all roles"),
        (FILE + 'others = "everybody"', "others must be one of none, reader, engineer, admin"),
        (FILE + "hours = 0", "hours must lie above 0"),
        (FILE + "hours = 1e9", "hours must lie above 0, at most 720"),
        (FILE + 'claim = "groups"', "claim must be given together with groups"),
        (FILE + 'admin_groups = ["x"]', "claim must be given together with groups"),
        (
            FILE + 'claim = "g"\nadmin_groups = ["x"]\nreader_groups = ["x"]',
            "each group must stand for one role",
        ),
        (FILE + "unmarked_email = 1", "unmarked_email must be of type bool"),
    ],
)
def test_a_bad_file_gets_one_sentence(text: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as said:
        read(tmp_path, text)
    assert sentence in str(said.value) and "\n" not in str(said.value)


def test_a_file_that_is_not_there_is_said_without_its_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"must be a file that can be read .* got roles\.toml"):
        Membership.read(tmp_path / "roles.toml")
