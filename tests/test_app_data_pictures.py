"""The Data page with pictures: from a zip or an npz to a saved task."""

import io
from pathlib import Path

import numpy as np
import pytest
from picture_files import Files, encoded, folder, npz, two_classes, zipped
from PIL import Image
from streamlit.testing.v1 import AppTest
from test_app import open_app, own_store
from test_app_data import bring, press, said, table, workspace
from test_pictures import in_parts

from dashboard import card_form, picture_drafts
from dashboard.widgets import upload
from minspnet.adapters import picture_cases, read_card, read_pictures, write_card
from minspnet.errors import UserError
from minspnet.workspace import Workspace

__all__ = ["own_store", "workspace"]


def dull_and_bright() -> Files:
    """Twenty of each, one of which cannot be read, and a copy in the wrong folder."""
    files = two_classes(20) | {"dull/broken.png": b"no picture", "notes.txt": b"x"}
    return files | {"dull/twin.png": files["bright/00.png"]}


def contact_sheet(app: AppTest) -> Image.Image:
    """The picture on the page, as the browser would get it."""
    return Image.open(io.BytesIO(picture_drafts_of(app).profile.sheet))


def picture_drafts_of(app: AppTest) -> picture_drafts.PictureDraft:
    told = app.session_state[upload.DRAFT]
    assert isinstance(told, picture_drafts.PictureDraft)
    return told


# --- Journeys ---------------------------------------------------------------------------


def test_a_zip_becomes_a_task_with_one_click(workspace: Workspace) -> None:
    app = bring(open_app("data"), zipped(dull_and_bright()), "tissue.zip")
    assert not app.error
    assert "tissue.zip: 41 pictures, 28 x 28 pixels, grey; each came with 28 x 28." in said(app)
    assert "Classes are the folders" in said(app) and "left aside: notes.txt" in said(app)
    warned = app.warning[0].value.replace("\\", "")
    assert "1 picture found under more than one class, such as" in warned
    left_out = next(frame.value for frame in app.dataframe if "Why" in frame.value)
    assert left_out["Picture"].tolist() == ["dull/broken.png"]
    assert "it is no PNG" in left_out["Why"].iloc[0]
    counts = next(frame.value for frame in app.dataframe if "Pictures" in frame.value)
    assert dict(zip(counts["Class"], counts["Pictures"], strict=True)) == {"bright": 20, "dull": 21}
    assert "A row a class, from the top: bright, dull." in said(app)
    assert contact_sheet(app).format == "PNG"
    press(app, "data-save")
    assert app.selectbox(key="train-data").value == "tissue"
    kept = workspace.collection("tissue")
    assert kept.source == "tissue.zip" and kept.cases.inputs.shape == (41, 1, 28, 28)
    assert np.bincount(kept.cases.labels).tolist() == [20, 21]


def test_official_parts_are_counted(workspace: Workspace) -> None:
    app = bring(open_app("data"), zipped(in_parts()), "parts.zip")
    counts = next(frame.value for frame in app.dataframe if "Pictures" in frame.value)
    assert {"Train", "Validation", "Test"} <= set(counts)
    total = counts[["Train", "Validation", "Test"]].to_numpy().sum()
    assert total == counts["Pictures"].sum()
    press(app, "data-save")
    assert workspace.collection("parts").split is not None


def test_words_and_classes_outlive_a_visit_to_another_page(workspace: Workspace) -> None:
    app = bring(open_app("data"), zipped(two_classes(20)), "tissue.zip")
    next(field for field in app.text_input if field.label == "Title").set_value("Slides").run()
    press(app, "data-swap")
    assert "One of 2 classes: dull, bright" in said(app)
    app.switch_page("../pages/overview.py").run()
    app.switch_page("../pages/data.py").run()
    press(app, "data-save")
    kept = workspace.collection("tissue")
    assert kept.card.title == "Slides" and kept.card.classes == ("dull", "bright")
    brightness = kept.cases.inputs.mean(axis=(1, 2, 3))
    assert brightness[kept.cases.labels == 1].mean() > brightness[kept.cases.labels == 0].mean()


def test_a_card_edited_by_hand_is_followed(workspace: Workspace) -> None:
    app = bring(open_app("data"), zipped(two_classes(20)), "tissue.zip")
    area = next(field for field in app.text_area if field.label == "The card")
    card = read_card(area.value)
    area.set_value(area.value.replace('title = "Brightness"', 'title = "Glow"')).run()
    press(app, "data-follow")
    assert "Glow" in said(app) and not app.error
    area = next(field for field in app.text_area if field.label == "The card")
    area.set_value(area.value.replace('"dull"', '"dim"')).run()
    press(app, "data-follow")
    assert (
        app.error[0]
        .value.replace("\\", "")
        .startswith(
            "classes of tissue must be those of the pictures, bright, dull, got bright, dim; list"
        )
    )
    press(app, "data-save")
    assert workspace.card("tissue").concepts[0].title == "Glow"
    assert len(workspace.card("tissue").concepts) == len(card.concepts)


def test_an_array_and_a_folder_become_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shades = np.random.default_rng(0).integers(0, 17, (60, 8, 8)).astype(float)
    app = bring(open_app("data"), npz(images=shades, labels=np.arange(60) % 3), "marks.npz")
    assert not app.error and "marks.npz: 60 pictures" in said(app)
    assert "Numbers from 0 (black) to 16 (white)" in said(app)
    there = folder(tmp_path / "slides", two_classes(20))
    monkeypatch.setattr(upload, "may_read_paths", lambda: True)
    app.run()
    app.text_input(key="data-path").set_value(str(there)).run()
    assert not app.error and "slides: 40 pictures" in said(app)


BAD = {
    "a table that calls itself a zip": (table(), "file must be a whole zip archive"),
    "a zip of a table": (zipped({"a.csv": table()}), "archive or folder must hold PNG"),
    "a zip within a zip": (zipped({"a.zip": zipped(two_classes())}), "archive or folder must hold"),
    "one class": (zipped({f"a/{n}.png": encoded(np.eye(28) > 0) for n in range(9)}), "classes"),
    "a name that leaves": (zipped({"../a/1.png": b""}), "names in the archive must be relative"),
    "objects": (npz(images=np.array([{}, {}]), labels=np.arange(2)), "images must hold numbers"),
    "cut short": (zipped(two_classes())[:-40], "file must be a whole zip archive"),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_file_leaves_the_page_as_it_was(bad: str) -> None:
    content, told = BAD[bad]
    app = bring(open_app("data"), zipped(two_classes(20)), "tissue.zip")
    bring(app, content, "bad.zip")
    assert len(app.error) == 1 and app.error[0].value.replace("\\", "").startswith(told)
    assert "\n" not in app.error[0].value
    assert "tissue.zip: 40 pictures" in said(app) and app.button(key="data-save")


# --- Drafts -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def begun() -> picture_drafts.PictureDraft:
    return picture_drafts.begin("tissue.zip", zipped(two_classes(20)), ("tissue",))


def test_a_draft_is_what_was_proposed_until_someone_writes(
    begun: picture_drafts.PictureDraft,
) -> None:
    card = picture_drafts.card_of(begun)
    assert card == begun.proposed and card.key == "tissue_2"
    assert picture_drafts.write_words(begun, card_form.words_of(begun)) == begun
    assert picture_drafts.card_of(picture_drafts.follow(begun, card)) == card


def test_a_finding_that_is_unticked_is_not_learned_and_can_be_ticked_again(
    begun: picture_drafts.PictureDraft,
) -> None:
    first, *rest = begun.concepts
    less = picture_drafts.replace(begun, concepts=({**first, "use": False}, *rest))
    card = picture_drafts.card_of(less)
    assert [concept.name for concept in card.concepts] == [row["name"] for row in rest]
    again = picture_drafts.follow(begun, card)
    assert {row["name"]: row["use"] for row in again.concepts} == {
        row["name"]: row["name"] != first["name"] for row in begun.concepts
    }
    none = picture_drafts.replace(
        begun, concepts=tuple({**row, "use": False} for row in begun.concepts)
    )
    with pytest.raises(UserError, match=r"^concepts must be at least 1, got 0; add one"):
        picture_drafts.card_of(none)


def test_classes_of_a_card_are_those_of_the_pictures_under_any_title_and_in_any_order() -> None:
    found = read_pictures(zipped(two_classes(20)), "tissue.zip")
    text = write_card(found.card).replace('"bright", "dull"', '"shown", "hidden"')
    card = read_card('target_values = ["dull", "bright"]\n' + text)
    cases = picture_cases(card, found)
    np.testing.assert_array_equal(cases.labels, 1 - found.cases.labels)
    with pytest.raises(UserError, match=r"^classes of tissue must be those of the pictures"):
        picture_cases(read_card(text), found)
