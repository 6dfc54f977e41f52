"""Who acts in this session, and what they may do.

Where sign-in is configured, that is whoever the provider vouches for, in the role that the file of
roles gives them; what is half configured lets nobody in. Otherwise everybody is an admin under the
name that they type, as on a machine of one's own.
"""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import streamlit as st

from dashboard import cache, cache_roles, text
from minspnet.access import LEAST, Action, Actor, Role
from minspnet.doors import Doors
from minspnet.errors import UserError, requirement
from minspnet.membership import Membership, email_of
from minspnet.record.audit import AuditEntry
from minspnet.record.checks import LONGEST_NAME, now
from minspnet.workspace import Workspace

ROLES = "MINSPNET_ROLES"
"""Names the file of roles, where people sign in."""
UNNAMED = "unnamed"
COOKIE = "minspnet_reader"
"""Where nobody signs in, this browser remembers the name that was typed."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_NAME, _OPENED, _TURNED_AWAY = "reader", "cases-opened", "turned-away"


def providers() -> tuple[str, ...]:
    """Whom one can sign in with, as Streamlit's secrets name them; none where nobody signs in.

    Raises:
        UserError: If sign-in is configured in part: then nobody may come in.
    """
    readable = st.secrets.load_if_toml_exists()
    if not readable and any(Path(path).exists() for path in st.get_option("secrets.files")):
        raise requirement(
            "secrets.toml", "be TOML that can be read", "something else", "correct it"
        )
    said = st.secrets.get("auth") if readable else None
    if said is None and not os.environ.get(ROLES):
        return ()
    if not isinstance(said, Mapping) or not os.environ.get(ROLES):
        got = f"only {ROLES}" if os.environ.get(ROLES) else "only [auth] in secrets.toml"
        raise requirement(
            "sign-in", f"be configured by [auth] in secrets.toml and {ROLES}", got, "add the other"
        )
    parts = {"default": said} | {n: part for n, part in said.items() if isinstance(part, Mapping)}
    found = tuple(name for name, part in parts.items() if "client_id" in part)
    if not found:
        raise requirement(
            "[auth] in secrets.toml", "name a provider with a client_id", "none", "add one"
        )
    return found


def members() -> Membership | None:
    """The file of roles; None where nobody signs in.

    Raises:
        UserError: If sign-in is configured in part, or the file cannot be used.
    """
    return cache_roles.members(os.environ[ROLES]) if providers() else None


def listed() -> tuple[str, ...]:
    """Who may sign in by name; nobody where nobody signs in."""
    known = members()
    return known.listed if known is not None else ()


def claims() -> dict[str, Any]:
    """What the provider says of whoever uses this session; nothing before they sign in."""
    said = st.user.to_dict()
    return said if said.get("is_logged_in") is True else {}


def actor_of(said: Mapping[str, Any], typed: str) -> Actor:
    """Who acts, outside of a session too.

    Args:
        said: By the provider.
        typed: The name to go by where nobody signs in; may be empty.

    Raises:
        UserError: If nobody may act.
    """
    known = members()
    if known is None:
        return Actor(typed or UNNAMED, Role.ADMIN)
    return known.actor(said, datetime.now(UTC))


def actor() -> Actor:
    """Who acts in this session.

    Raises:
        UserError: If nobody may.
    """
    return actor_of(claims(), _typed())


def doors() -> Doors:
    """All that may be asked, in the name of whoever acts in this session.

    Raises:
        UserError: If nobody may act.
    """
    return doors_of(actor())


def doors_of(one: Actor) -> Doors:
    """The same for somebody."""
    return Doors(one, cache.store(), Workspace.from_environment())


def _drawn_for() -> Actor:
    """Who acts; where nobody may any more, the whole page is drawn anew and says why."""
    try:
        return actor()
    except UserError:
        st.rerun()
        raise  # within a callback, Streamlit goes on


def must_be_here() -> None:
    """At the head of a part of a page that asks for nothing else: it does not outlive a sign-in."""
    _drawn_for()


def may(action: Action) -> bool:
    """Whether whoever acts may do something: to draw what does it, or not."""
    return _drawn_for().may(action)


def why_not(action: Action) -> str:
    """What a page says in place of what somebody may not do; empty if they may."""
    one = _drawn_for()
    if one.may(action):
        return ""
    return f"This takes the role {LEAST[action]}; yours is {one.role}."


def reader() -> str:
    """The name that stands in records; empty until somebody says theirs."""
    return _drawn_for().name if is_signed_in() else _typed()


def is_signed_in() -> bool:
    """Whether the name is that of a sign-in, which nobody can type over."""
    return members() is not None


def _typed() -> str:
    if _NAME not in st.session_state:
        st.session_state[_NAME] = _remembered()
    return str(st.session_state[_NAME])


def _remembered() -> str:
    return _clean(unquote(st.context.cookies.get(COOKIE, "")))


def be(name: str) -> None:
    """Go by a name from now on, where nobody signs in."""
    st.session_state[_NAME] = _clean(name)


def _clean(name: str) -> str:
    words = " ".join(name.split())
    return "".join(one for one in words if one.isprintable())[:LONGEST_NAME].strip()


def to_remember() -> str | None:
    """The name for this browser to remember, as a cookie holds it; None if it does."""
    if is_signed_in() or _NAME not in st.session_state:
        return None
    return None if _typed() == _remembered() else quote(_typed(), safe="")


def open_cases(model: str, *cases: str, hidden: bool = False) -> None:
    """Note that cases come on the screen, once until others do; what cannot be noted is not shown.

    Args:
        model: Name of the model.
        cases: Their ids.
        hidden: Whether its answers are not shown yet; that they are is noted anew.
    """
    digest = cache.model(model).digest
    before = st.session_state.get(_OPENED, ())
    # Whoever says their name in front of a case has it on the screen under that name.
    how = digest, hidden, reader()
    shown = tuple((case, how) for case in cases)
    fresh = [case for case in cases if (case, how) not in before]
    if fresh:
        try:
            doors().view_cases(digest, fresh, hidden)
        except UserError as error:
            st.error(text.plain(str(error)))
            st.stop()
    st.session_state[_OPENED] = shown


def turn_away() -> None:
    """Note, once a session, that somebody signed in elsewhere and may not come in here."""
    said = claims()
    name = email_of(said) or _clean(str(said.get("sub", ""))) or UNNAMED
    if st.session_state.get(_TURNED_AWAY) != name:
        st.session_state[_TURNED_AWAY] = name
        detail = {"wanted": str(Action.SIGN_IN)}
        cache.store().audit.append(AuditEntry(now(), name, "none", Action.REFUSED, "", detail))


def is_here() -> bool:
    """Whether this server is for this very machine, and whoever asks sits at it."""
    host = urlsplit(f"//{st.context.headers.get('Host', '')}").hostname
    forwarded = any(name in st.context.headers for name in ("X-Forwarded-For", "Forwarded"))
    return st.get_option("server.address") in LOOPBACK and host in LOOPBACK and not forwarded


def is_open_to_others() -> bool:
    """Whether somebody at another computer could be looking at this; a test has no browser."""
    return bool(st.context.headers) and not is_here()
