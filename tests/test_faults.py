"""What a page says when the program itself fails: a sentence and a number, no insides."""

import logging
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from test_app import IMAGE, TABULAR, own_store

from dashboard import faults, state
from dashboard.jobs import Job
from dashboard.widgets import answer
from minspnet.errors import UserError, in_a_line, requirement

__all__ = ["own_store"]
CONFIG = Path(__file__).resolve().parents[1] / "dashboard" / ".streamlit" / "config.toml"
SECRET = "/srv/hidden/secret.py [x](http://evil.example)"
"""What a fault says to itself."""


def fail(*_: object) -> None:
    raise ZeroDivisionError(SECRET)


def refuse(*_: object) -> None:
    raise requirement("[x](http://evil.example)", "be <b>there</b>", 3, "look again")


@pytest.fixture
def logged() -> Iterator[list[logging.LogRecord]]:
    """What goes into the server's log; Streamlit's loggers hand nothing on."""
    found: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = found.append  # type: ignore[method-assign]
    faults._LOG.disabled = False  # import-linter, in another test, silences what was there before
    faults._LOG.addHandler(handler)
    yield found
    faults._LOG.removeHandler(handler)


def check_told(app: AppTest, logged: list[logging.LogRecord]) -> None:
    """One sentence with a number, under which the log has the traceback; nothing else of it."""
    (told,) = app.exception
    number = re.search(r"fault ([0-9a-f]{8});", told.message)[1]
    assert not told.proto.stack_trace and not told.proto.type
    assert not told.proto.message_is_markdown
    words = " ".join(str(one.value) for kind in ("error", "markdown") for one in app.get(kind))
    assert "/srv/" not in f"{told.message}{words}" and "ZeroDivision" not in told.message
    (record,) = logged
    assert record.getMessage() == f"Fault {number}"
    assert record.exc_info and SECRET in str(record.exc_info[1])
    logged.clear()


def test_a_fault_in_a_page_its_part_or_a_click_is_told_by_a_number(
    monkeypatch: pytest.MonkeyPatch, logged: list[logging.LogRecord]
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(answer, "show_answer", fail)
        app = AppTest.from_file(str(CONFIG.parents[1] / "app.py"), default_timeout=60)
        app.query_params["model"] = TABULAR
        app.run()
        check_told(app.switch_page("../pages/case.py").run(), logged)
    assert not app.run().exception
    box = app.selectbox(key="sidebar-domain")
    with monkeypatch.context() as broken:
        broken.setattr(state, "open_model", fail)
        check_told(box.set_value(IMAGE).run(), logged)
    assert not app.run().exception
    # A sentence for users, raised where no page catches it, is one all the same.
    with monkeypatch.context() as broken:
        broken.setattr(answer, "show_answer", refuse)
        app.run()
    assert not app.exception and not logged
    (said,) = app.error
    assert "must be \\<b\\>there\\</b\\>, got 3; look again." in said.value
    assert "](http" not in said.value


def test_work_in_the_background_that_fails_is_told_by_a_number(
    logged: list[logging.LogRecord],
) -> None:
    def steps() -> Iterator[float]:
        yield 0.5
        fail()

    job = Job(steps)
    job.thread.join(timeout=10)
    assert job.state == "failed" and "/srv/" not in job.error
    assert logged[0].getMessage().split()[1] in job.error


def test_sentences_name_no_paths_of_the_server() -> None:
    missing = FileNotFoundError(2, "No such file or directory", "/srv/hidden/file")
    assert in_a_line(missing) == "FileNotFoundError: No such file or directory"
    assert in_a_line(ValueError("a\nb")) == "ValueError: a b"
    assert in_a_line(OSError("no number")) == "OSError: no number"
    assert isinstance(requirement("a", "b", "c", "d"), UserError)


def test_the_configuration_shows_nothing_and_lets_nobody_steer() -> None:
    """It stands beside the entry, so that it counts from whatever folder that is started."""
    told = tomllib.loads(CONFIG.read_text())
    assert told["client"]["showErrorDetails"] == "none"
    assert told["client"]["showErrorLinks"] is False and told["client"]["allowedOrigins"] == []
    assert told["server"]["maxUploadSize"] == 50
    assert not {"enableXsrfProtection", "enableCORS", "enableAgentApi"} & set(told["server"])
