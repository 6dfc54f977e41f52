"""The Data page: from a file to a saved task, as someone who knows no code would."""

import csv
import io
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from test_app import open_app, own_store
from test_intake import relapses

from dashboard import card_form, drafts
from dashboard.widgets import card_file, upload
from minspnet.adapters import read_card, write_card
from minspnet.errors import UserError
from minspnet.workspace import Workspace

__all__ = ["own_store"]


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("MINSPNET_HOME", str(tmp_path))
    return Workspace(tmp_path)


def table(**changes: list[str]) -> bytes:
    columns = {**relapses(), **changes}
    out = io.StringIO()
    csv.writer(out, delimiter=";").writerows([[*columns], *zip(*columns.values(), strict=True)])
    return out.getvalue().encode()


def bring(app: AppTest, content: bytes, name: str = "relapses.csv") -> AppTest:
    app.file_uploader(key="data-file").upload(name, content, "text/csv").run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    told = (*app.markdown, *app.caption, *app.warning, *app.error, *app.success)
    return " ".join(element.value for element in told).replace("\\", "").replace("**", "")


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click().run()
    assert not app.exception
    return app


# --- Journeys ---------------------------------------------------------------------------


def test_a_file_becomes_a_task_with_one_click(workspace: Workspace) -> None:
    app = bring(open_app("data"), table())
    assert not app.error
    assert "400 rows, 15 columns" in said(app) and "a semicolon between cells" in said(app)
    assert "letter is outcome in other words" in app.warning[0].value.replace("\\", "")
    assert "What is the outcome of this case?" in said(app)
    assert "4 columns (9 left out) of 400 cases, kept together by patient_id" in said(app)
    press(app, "data-save")
    assert app.title[0].value == "Train a network on your data"
    assert app.selectbox(key="train-data").value == "relapses"
    assert app.session_state[card_file.SAVED] == "relapses"
    kept = workspace.collection("relapses")
    assert kept.source == "relapses.csv" and len(kept.cases) == 400
    assert [feature.name for feature in kept.card.features][:2] == ["age (years)", "salt_mg"]
    assert kept.card.group == "patient_id" and len(set(kept.cases.groups)) == 136


def test_what_was_said_outlives_a_visit_to_another_page(workspace: Workspace) -> None:
    app = bring(open_app("data"), table())
    word = next(field for field in app.text_input if field.label == "Title")
    word.set_value("Relapses at home").run()
    group = next(box for box in app.selectbox if box.label == "Which rows belong together?")
    group.set_value("(each row stands alone)").run()
    app.switch_page("../pages/overview.py").run()
    app.switch_page("../pages/data.py").run()
    assert not app.exception
    assert "kept together" not in said(app)
    assert next(f for f in app.text_input if f.label == "Title").value == "Relapses at home"
    press(app, "data-save")
    assert workspace.card("relapses").title == "Relapses at home"


def test_another_answer_is_another_task() -> None:
    app = bring(open_app("data"), table())
    answer = next(box for box in app.selectbox if box.label == "Which column holds the answer?")
    answer.set_value("job").run()
    assert "What is the job of this case?" in said(app) and "One of 3 classes" in said(app)
    answer = next(box for box in app.selectbox if box.label == "Which column holds the answer?")
    answer.set_value("country").run()
    assert app.error[0].value.startswith("target country must hold 2 to 50 different values")
    assert not [button for button in app.button if button.key == "data-save"]


def test_what_would_be_replaced_is_said(workspace: Workspace) -> None:
    press(bring(open_app("data"), table()), "data-save")
    app = bring(open_app("data"), table())
    assert "saving replaces them" not in said(app)
    key = next(field for field in app.text_input if field.label == "Key")
    assert key.value == "relapses_2"
    key.set_value("relapses").run()
    assert "There are data under this key already: saving replaces them." in said(app)
    assert workspace.collections() == ("relapses",)


def test_of_two_classes_the_other_may_be_looked_for(workspace: Workspace) -> None:
    app = press(bring(open_app("data"), table()), "data-swap")
    assert "One of 2 classes: relapse, healthy" in said(app)
    press(app, "data-save")
    assert workspace.card("relapses").classes == ("relapse", "healthy")


def test_a_card_edited_by_hand_is_followed(workspace: Workspace) -> None:
    app = bring(open_app("data"), table())
    area = next(field for field in app.text_area if field.label == "The card")
    before = read_card(area.value)
    area.set_value(area.value.replace('title = "Job: none"', 'title = "Out of work"')).run()
    press(app, "data-follow")
    assert "Out of work" in said(app) and not app.error
    press(app, "data-save")
    kept = workspace.card("relapses")
    assert [c.title for c in kept.concepts] == [
        c.title.replace("Job: none", "Out of work") for c in before.concepts
    ]
    app.switch_page("../pages/data.py").run()
    area = next(field for field in app.text_area if field.label == "The card")
    area.set_value(area.value.replace('target = "outcome"', 'target = "none"')).run()
    press(app, "data-follow")
    assert app.error[0].value.startswith("table must have a column none")
    assert workspace.card("relapses") == kept


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "table must have a header line, got an empty file"),
        (b"PK\x03\x04" + bytes(99), "table must be text with one case a line, got a zip archive"),
        (b"a,b\n1\n", "row 2 must have 2 cells, got 1"),
        (b"a,b\n1,\0\n", "table must be plain text, got NUL bytes in line 2"),
    ],
)
def test_a_bad_file_leaves_the_page_as_it_was(content: bytes, told: str) -> None:
    app = bring(open_app("data"), content, "bad.csv")
    assert app.error[0].value.replace("\\", "").startswith(told) and len(app.error) == 1
    assert not app.selectbox(key="sidebar-model").disabled
    bring(app, table())
    assert not app.error
    bring(app, content, "bad.csv")
    assert len(app.error) == 1
    assert "400 rows, 15 columns" in said(app) and app.button(key="data-save")


def test_a_wide_table_is_shown_a_page_at_a_time() -> None:
    extra = {f"x{k}": [str((7 * row + k) % 31) for row in range(400)] for k in range(60)}
    app = bring(open_app("data"), table(**extra))
    columns = next(frame.value for frame in app.dataframe if "Holds" in frame.value)
    assert len(columns) == 40 and columns["Column"].iloc[0] == "patient_id"
    assert "400 rows, 75 columns" in said(app) and "8 findings" in said(app)


def test_words_of_a_file_are_no_markup() -> None:
    cells = ["**bold** [x](http://evil.example)" if row % 2 else "<b>y</b>" for row in range(400)]
    app = bring(open_app("data"), table(**{"![p](http://evil.example)": cells}), "*n*.csv")
    for element in (*app.markdown, *app.caption, *app.warning, *app.error):
        assert "](" not in element.value.replace("\\]\\(", "")


@pytest.mark.parametrize(
    ("allowed", "address", "host", "forwarded", "may"),
    [
        ("1", "localhost", "localhost:8501", False, True),
        ("", "localhost", "localhost:8501", False, False),
        ("1", "0.0.0.0", "localhost:8501", False, False),
        ("1", "localhost", "[::1]:8501", False, True),
        ("1", "localhost", "example.org", False, False),
        ("1", "localhost", "localhost.example.org:8501", False, False),
        ("1", "localhost", "", False, False),
        ("1", "localhost", "localhost:8501", True, False),
    ],
)
def test_a_path_is_read_only_where_it_was_allowed_and_on_this_machine(
    allowed: str,
    address: str,
    host: str,
    forwarded: bool,
    may: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    headers = {"Host": host} | ({"X-Forwarded-For": "10.0.0.1"} if forwarded else {})
    monkeypatch.setenv(upload.LOCAL_FILES, allowed)
    monkeypatch.setattr(upload.st, "get_option", lambda name: address)
    monkeypatch.setattr(type(upload.st.context), "headers", headers)
    assert upload.may_read_paths() == may


def test_a_path_becomes_a_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "relapses.csv"
    file.write_bytes(table())
    monkeypatch.setattr(upload, "may_read_paths", lambda: True)
    app = open_app("data")
    app.text_input(key="data-path").set_value(str(tmp_path / "none.csv")).run()
    assert app.error[0].value.replace("\\", "").startswith("table must be a file that can be read")
    app.text_input(key="data-path").set_value(str(file)).run()
    assert not app.error and "400 rows, 15 columns" in said(app)


# --- Drafts -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def begun() -> drafts.Draft:
    return drafts.begin("relapses.csv", table(), ("relapses",))


def test_a_draft_is_what_was_proposed_until_someone_writes(begun: drafts.Draft) -> None:
    card = drafts.card_of(begun)
    assert card == begun.proposed and card.key == "relapses_2"
    assert drafts.write_words(begun, card_form.words_of(begun)) == begun
    assert drafts.tick(begun, begun.features) == begun
    assert drafts.card_of(drafts.follow(begun, card)) == card


def test_ticks_change_the_concepts_that_nobody_has_touched(begun: drafts.Draft) -> None:
    rows = [{**row, "use": row["use"] and row["column"] != "job"} for row in begun.features]
    ticked = drafts.card_of(drafts.tick(begun, rows))
    assert [concept.title for concept in ticked.concepts] == ["Age", "Salt and pressure"]
    assert ticked.summary == "400 cases with 3 columns to learn from."
    mine = [{**begun.concepts[0], "title": "Years"}]
    changed = drafts.replace(begun, concepts=tuple(mine))
    card = drafts.card_of(drafts.tick(changed, rows))
    assert [concept.title for concept in card.concepts] == ["Years"]
    assert card.concept_note.startswith("Chosen by whoever brought the data.")


def test_new_rows_are_filled_in(begun: drafts.Draft) -> None:
    row = dict.fromkeys(begun.concepts[0]) | {"title": "Salt load", "columns": ("salt_mg",)}
    added = drafts.replace(begun, concepts=(*begun.concepts, row, {**row, "title": "salt load"}))
    *_, one, two = drafts.card_of(added).concepts
    assert (one.name, one.rule, one.high_word) == ("salt_load", "spread", "high")
    assert (two.name, two.columns) == ("salt_load_2", ("salt_mg",))
    assert read_card(write_card(drafts.card_of(added))) == drafts.card_of(added)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"title": None}, "title of each finding must say something, got an empty cell"),
        ({"columns": ()}, "columns of concept age must name at least one column, got none"),
        ({"rule": "scale"}, "low of concept age must be a number under rule scale"),
        ({"rule": "levels"}, "levels of concept age must name some under rule levels"),
    ],
)
def test_a_row_that_cannot_be_is_said(
    change: dict[str, object], told: str, begun: drafts.Draft
) -> None:
    bad = drafts.replace(begun, concepts=({**begun.concepts[0], **change},))
    with pytest.raises(UserError) as refusal:
        drafts.card_of(bad)
    assert str(refusal.value).startswith(told)
