"""The Models page: open, compare, rename, delete, take back, hand on, bring in."""

import io
from pathlib import Path

import pytest
from own_data import loans, trained_on_loans
from streamlit.testing.v1 import AppTest
from test_app import open_app, own_store

from dashboard import cache
from minspnet.artifact import save
from minspnet.package import pack
from minspnet.workspace import Workspace

__all__ = ["own_store"]
NAME = "loans-shelf"
ZIP = "application/zip"


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("packed") / NAME
    save(trained_on_loans(), folder, collection=loans())
    file = io.BytesIO()
    pack(folder, file)
    return file.getvalue()


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("MINSPNET_HOME", str(tmp_path))
    return Workspace(tmp_path)


@pytest.fixture
def own(workspace: Workspace) -> str:
    folder = workspace.new_model(NAME)
    save(trained_on_loans(), folder, collection=loans())
    return folder.name


def shelf(**link: str) -> AppTest:
    return open_app("models", **link)


def listed(app: AppTest) -> list[str]:
    return list(app.dataframe[0].value["Model"])


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click().run()
    assert not app.exception
    return app


def bring(app: AppTest, content: bytes, name: str = f"{NAME}.minspnet") -> AppTest:
    app.get("file_uploader")[0].set_value((name, content, ZIP)).run()
    return press(app, "model-import")


def test_own_models_come_first_and_say_what_they_are(own: str) -> None:
    app = shelf(model=own)
    table = app.dataframe[0].value
    assert listed(app)[0] == own
    assert len(table) == 1 + sum(map(len, cache.models().values())) - 1
    row = table.iloc[0]
    assert row["Hash"] == cache.model(own).digest[:12]
    assert row["Cases"] == "128 + 32 + 40"
    assert app.header[0].value.replace("\\", "") == own
    assert "holds the cases" in " ".join(one.value for one in app.caption)


def test_what_ships_can_be_handed_on_but_not_deleted() -> None:
    app = shelf()
    keys = [button.key for button in app.button]
    assert "model-open" in keys
    assert not {"model-delete", "model-rename"} & set(keys)
    assert app.get("download_button")
    assert "holds the cases" not in " ".join(one.value for one in app.caption)


@pytest.mark.parametrize(
    ("key", "title"),
    [("model-open", "A network"), ("model-compare", "Compare"), ("model-facts", "Model facts")],
)
def test_a_model_is_opened_elsewhere(own: str, key: str, title: str) -> None:
    app = press(shelf(model=own), key)
    assert app.title[0].value.startswith(title)
    assert app.query_params["model"] == own
    if key == "model-compare":
        assert app.selectbox(key="compare-first").value.startswith(f"{own}/")


def test_another_title_is_shown_everywhere(own: str) -> None:
    app = shelf(model=own)
    digest = cache.model(own).digest
    app.text_input(key=f"model-title-{own}").set_value("Loans of 2024").run()
    press(app, "model-rename")
    assert listed(app)[0] == "Loans of 2024"
    assert "Loans of 2024" in app.sidebar.selectbox[1].options
    assert cache.model(own).digest == digest
    app.text_input(key=f"model-title-{own}").set_value("![x](http://evil.example)").run()
    assert "no link or picture" in press(app, "model-rename").error[0].value


def test_deleted_and_taken_back(own: str) -> None:
    app = shelf(model=own)
    press(app, "model-delete")
    assert own not in listed(app)
    assert app.query_params["model"] != own
    assert not app.warning
    press(app, "model-undo")
    assert own in listed(app)
    assert app.query_params["model"] == own
    assert "is back" in app.success[0].value
    press(app, "model-open")
    assert app.query_params["model"] == own


def test_after_a_deletion_the_task_stays(own: str, workspace: Workspace) -> None:
    other = workspace.new_model("loans-other")
    save(trained_on_loans(), other, collection=loans())
    task = cache.task_of(own)
    app = press(shelf(model=own), "model-delete")
    assert cache.task_of(app.query_params["model"]) == task


def test_the_same_model_brought_in_twice_is_said(own: str) -> None:
    file = io.BytesIO()
    pack(cache.folder_of(own), file)
    app = bring(shelf(), file.getvalue())
    assert "It is the same model as" in app.success[0].value


def test_a_model_is_brought_back_in_another_session(own: str, workspace: Workspace) -> None:
    press(shelf(model=own), "model-delete")
    app = press(shelf(), "model-restore")
    assert own in listed(app)


def test_an_imported_model_opens_on_every_page(packed: bytes) -> None:
    app = bring(shelf(), packed)
    assert "now among the models" in app.success[0].value
    assert "same model" not in app.success[0].value
    assert app.query_params["model"] == NAME
    assert app.get("file_uploader")[0].value is None
    for page in ("overview", "case", "compare"):
        app.switch_page(f"../pages/{page}.py").run()
        assert not app.exception
        assert not app.error
        assert app.query_params["model"] == NAME


@pytest.mark.parametrize("content", [b"", b"zip", b"PK\3\4" + b"\0" * 100])
def test_a_bad_file_is_told_and_changes_nothing(content: bytes, workspace: Workspace) -> None:
    app = shelf()
    before = listed(app)
    bring(app, content, "x.minspnet")
    assert "must be a whole .minspnet file" in app.error[0].value.replace("\\", "")
    assert listed(app) == before
    assert not list(workspace.models.iterdir())


def test_a_cut_file_is_told(packed: bytes) -> None:
    app = bring(shelf(), packed[:-200])
    assert app.error
    assert NAME not in listed(app)
