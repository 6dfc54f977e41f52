"""Who may do what, through the app: every page by every role, the sign-in page, the access log."""

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from test_app import APP, TABULAR, open_app, own_store
from test_queue import LOANS
from test_record import REVIEW

from dashboard import cache, who
from dashboard.widgets.download import offer, offer_model
from minspnet.access import Action, NotAllowedError, Role
from minspnet.membership import sign_in_of
from minspnet.queue.queue import Queue
from minspnet.registry import delete
from minspnet.workspace import SHIPPED_MODELS, Workspace

__all__ = ["own_store"]
AUTH = {"auth": {"client_id": "minspnet", "redirect_uri": "x", "cookie_secret": "y"}}
FILE = """
readers = ["reader@clinic.example"]
engineers = ["engineer@clinic.example"]
admins = ["admin@clinic.example"]
"""
OWN, GONE = "mine", "gone"


@pytest.fixture
def roles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of roles, a workspace with a model, a deleted one, and a training that waits."""
    monkeypatch.setenv("MINSPNET_HOME", str(tmp_path / "home"))
    path = tmp_path / "roles.toml"
    path.write_text(FILE)
    monkeypatch.setenv(who.ROLES, str(path))
    workspace = Workspace(tmp_path / "home")
    for name in (OWN, GONE):
        shutil.copytree(SHIPPED_MODELS / "phishing", workspace.models / name)
    delete(workspace, GONE)
    Queue(workspace.jobs).add(LOANS)
    return path


def visit(claims: dict[str, Any] | None = None, **secrets: Any) -> AppTest:
    """Come to the app as somebody of whom the provider says this; None before a sign-in."""
    app = AppTest.from_file(APP, default_timeout=60)
    app.secrets = secrets or AUTH
    app.user = {"is_logged_in": False} if claims is None else {"is_logged_in": True} | claims
    app.query_params["model"] = OWN
    return app.run()


def said_of(role: str) -> dict[str, Any]:
    address = f"{role}@clinic.example"
    now = int(time.time())
    return {"email": address, "email_verified": True, "iat": now, "name": f"The *{role}*"}


def usable(app: AppTest) -> set[str]:
    """Keys of the controls that are drawn and can be used."""
    drawn = (*app.button, *app.selectbox, *app.text_input)
    known = {one.key for one in drawn if one.key and not one.disabled}
    for kind in ("file_uploader", "download_button", "data_editor"):
        known |= {one.proto.id.split("-", 2)[-1] for one in app.get(kind) if not one.proto.disabled}
    return known


def review_these(app: AppTest) -> None:
    app.session_state["review-these"] = True


def tab(key: str, title: str) -> Callable[[AppTest], None]:
    def choose(app: AppTest) -> None:
        app.session_state[key] = title

    return choose


def nothing(app: AppTest) -> None:
    """The page as it opens."""


PAGES: list[tuple[str, Callable[[AppTest], None], dict[str, Role]]] = [
    # Page, what is opened on it, and by key of a control the least role that can use it.
    (
        "models",
        nothing,
        {
            "model-open": Role.READER,
            f"model-title-{OWN}": Role.ENGINEER,
            "model-export": Role.ENGINEER,
            "model-file-0": Role.ENGINEER,
            "model-delete": Role.ADMIN,
            "model-trash": Role.ADMIN,
        },
    ),
    ("data", nothing, {"data-file": Role.ENGINEER}),
    ("train", nothing, {"train-to-data": Role.ENGINEER, "train-remove-": Role.ENGINEER}),
    ("reviews", nothing, {"log-csv": Role.READER, "log-reader": Role.ENGINEER}),
    ("reviews", tab("reviews-tab", "Access log"), {"access-who": Role.ADMIN}),
    ("score", nothing, {f"score-file-{OWN}": Role.READER}),
    (
        "cases",
        review_these,
        {
            "queue-start": Role.READER,
            "download-cases": Role.READER,
            "queue-reader": Role.ENGINEER,
        },
    ),
    ("case", nothing, {"verdict-agree": Role.READER, "report-pdf": Role.READER}),
    ("routing", tab("routing-tab", "Operating points"), {"save-point": Role.ENGINEER}),
    ("routing", tab("routing-tab", "Devices"), {"keep-devices": Role.ENGINEER}),
]
FIRST_TYPED = {"reader-name", "reader-other"}
"""Fields for a name that is typed: of no use to whoever signs in."""


@pytest.mark.parametrize("role", Role)
def test_every_page_offers_a_role_what_it_may_and_nothing_else(role: Role, roles: Path) -> None:
    mine = replace(REVIEW, reader=f"{role}@clinic.example", model=cache.model(OWN).digest)
    cache.store().reviews.append(mine)
    cache.store().reviews.append(replace(mine, id="two", reader="Somebody", case_id="other"))
    app = visit(said_of(role))
    assert any(f"**The \\*{role}\\***, {role}" in one.value for one in app.sidebar.markdown)
    for page, begin, controls in PAGES:
        app.switch_page(f"../pages/{page}.py").run()
        if begin is not nothing:
            begin(app)
            app.run()
        assert not app.exception and not app.error, page
        offered = usable(app)
        for key, least in controls.items():
            there = any(one.startswith(key) for one in offered)
            assert there == (list(Role).index(role) >= list(Role).index(least)), (page, key)
        assert not offered & FIRST_TYPED
        if page == "reviews" and begin is nothing:
            names = {"Somebody", mine.reader} if role is not Role.READER else {mine.reader}
            assert {*app.dataframe[0].value["Who"]} == names
    said = [(one.action, one.who) for one in cache.store().audit.find(most=None)]
    assert said[-1] == (Action.SIGN_IN, mine.reader)
    assert [one for one, _ in said].count(Action.SIGN_IN) == 1
    assert [one for one, _ in said].count(Action.VIEW_CASE) == 1
    assert Action.REFUSED not in {one for one, _ in said}


def test_a_role_that_was_taken_away_is_asked_for_at_the_click(roles: Path) -> None:
    app = visit(said_of("admin")).switch_page("../pages/models.py").run()
    # The page still offers it; in the meantime, the file of roles has changed.
    roles.write_text(FILE.replace("admin@", "another@").replace("reader@", "admin@"))
    app.button(key="model-delete").click().run()
    said = app.error[0].value.replace("\\", "")
    assert "must be admin for this (delete model), it is reader; ask an admin" in said
    assert (Workspace.from_environment().models / OWN).is_dir()
    (entry,) = cache.store().audit.find(action=Action.REFUSED)
    assert (entry.who, entry.role, entry.object) == ("admin@clinic.example", "reader", OWN)
    roles.write_text(FILE.replace("admin@", "another@"))
    app.run()
    assert not app.sidebar.selectbox and "must have a role here" in app.error[0].value


def test_a_part_of_a_page_does_not_outlive_the_sign_in(
    roles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fragments are drawn without the page around them, which would have said so."""
    begun: list[str] = []
    monkeypatch.setattr(who, "providers", lambda: ("default",))
    monkeypatch.setattr(who, "claims", lambda: said_of("nobody"))
    monkeypatch.setattr(who.st, "rerun", lambda: begun.append("anew"))
    for ask in (who.reader, lambda: who.may(Action.EXPORT), lambda: who.why_not(Action.EXPORT)):
        with pytest.raises(NotAllowedError):
            ask()
    assert len(begun) == 3


def test_before_the_sign_in_there_is_one_page(roles: Path) -> None:
    app = visit().switch_page("../pages/case.py").run()
    assert [one.key for one in app.button] == ["sign-in-default"]
    assert not app.sidebar.markdown and not app.sidebar.selectbox and not app.dataframe
    assert "phishing" not in str(app.main).lower()
    assert not cache.store().audit.find()
    both = {"auth": AUTH["auth"] | {"other": {"client_id": "z"}}}
    keys = [one.key for one in visit(**both).button]
    assert keys == ["sign-in-default", "sign-in-other"]


def test_whoever_has_no_role_or_has_signed_out_stays_outside(roles: Path) -> None:
    app = visit(said_of("nobody"))
    assert "`nobody@clinic.example` has none" in app.error[0].value
    assert not app.sidebar.selectbox
    app.run()
    (entry,) = cache.store().audit.find()
    assert (entry.who, entry.role, entry.action) == ("nobody@clinic.example", "none", "refused")
    claims = said_of("reader")
    once = visit(claims)
    once.button(key="sign-out").click().run()
    assert [one.key for one in once.button] == ["sign-in-default"]
    left = cache.store().audit.find(action=Action.SIGN_OUT)
    assert [(one.who, one.detail["issued"]) for one in left] == [
        ("reader@clinic.example", sign_in_of(claims))
    ]
    copied = visit(claims)
    assert "has ended" in copied.error[0].value and not copied.sidebar.selectbox
    assert visit(claims | {"iat": claims["iat"] + 1}).sidebar.selectbox


@pytest.mark.parametrize(
    ("secrets", "path", "sentence"),
    [
        (AUTH, None, "got only auth in secrets.toml"),
        ({"x": "y"}, "roles.toml", "got only MINSPNET_ROLES"),
        ({"auth": {"redirect_uri": "x"}}, "roles.toml", "must name a provider with a client_id"),
        (AUTH, "none.toml", "the file of roles must be a file that can be read"),
    ],
)
def test_what_is_half_configured_lets_nobody_in(
    secrets: dict[str, Any],
    path: str | None,
    sentence: str,
    roles: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(who.ROLES)
    if path is not None:
        monkeypatch.setenv(who.ROLES, str(roles.parent / path))
    app = visit(said_of("admin"), **secrets)
    said = app.error[0].value.replace("\\", "").replace("[", "").replace("]", "")
    assert sentence in said and not app.sidebar.selectbox and not app.exception


def test_secrets_that_cannot_be_read_let_nobody_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "secrets.toml"
    broken.write_text("[auth")
    unread = SimpleNamespace(load_if_toml_exists=lambda: False)
    monkeypatch.setattr(who.st, "secrets", unread)
    monkeypatch.setattr(who.st, "get_option", lambda name: [str(broken)])
    with pytest.raises(ValueError, match=r"secrets\.toml must be TOML that can be read"):
        who.providers()


def test_where_nobody_signs_in_everybody_is_an_admin_and_is_told_if_others_can_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    headers = {"Host": "minspnet.clinic.example"}
    monkeypatch.setattr(type(who.st.context), "headers", headers)
    app = open_app("reviews", model=TABULAR)
    assert "whoever reaches it may do everything" in app.sidebar.warning[0].value
    assert [one.label for one in app.tabs] == ["Reviews", "Access log"]
    monkeypatch.setattr(type(who.st.context), "cookies", {who.COOKIE: "Dr%20%C3%89%0A"})
    assert "Reader: **Dr É**" in " ".join(one.value for one in open_app("case").caption)


def test_what_is_taken_along_is_noted_at_the_click(roles: Path) -> None:
    offered: dict[str, Callable[[], Any]] = {}
    place = SimpleNamespace(
        download_button=lambda label, data, **options: offered.update({label: data})
    )

    def draw() -> None:
        offer("File", lambda: "content", "cases", "a.csv", "text/csv", "a", place)
        offer_model("Model", "phishing", "phishing.minspnet", "b", place)
        needs = Action.READ_ACCESS_LOG
        offer("Log", lambda: "log", "access log", "l.csv", "text/csv", "c", place, needs)

    for role in ("admin", "reader"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(who, "claims", lambda role=role: said_of(role))
            patch.setattr(who, "providers", lambda: ("default",))
            draw()
            assert offered["File"]() == "content"
            if role == "admin":
                assert offered["Model"]()[:2] == b"PK"
                assert offered["Log"]() == "log"
                continue
            with pytest.raises(NotAllowedError, match="must be engineer or more"):
                offered["Model"]()
            with pytest.raises(NotAllowedError, match="must be admin"):
                offered["Log"]()
    entries = cache.store().audit.find()
    assert [(one.who.split("@")[0], one.action, one.object) for one in entries] == [
        ("reader", Action.REFUSED, "access log"),
        ("reader", Action.REFUSED, "phishing"),
        ("reader", Action.EXPORT, "cases"),
        ("admin", Action.EXPORT, "access log"),
        ("admin", Action.EXPORT_MODEL, "phishing"),
        ("admin", Action.EXPORT, "cases"),
    ]
