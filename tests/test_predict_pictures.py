"""New pictures, scored by a model that learned from pictures: as training would have read them."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from picture_files import Files, blob, encoded, folder, npz, two_classes, zipped
from studies import SHIPPED, shipped
from test_predict import ask

from minspnet.adapters import Pictures, read_pictures
from minspnet.artifact import Model, load, load_network, save
from minspnet.batch import arrays, pictures
from minspnet.budgets import budget_preset
from minspnet.collection import Collection
from minspnet.data import folds
from minspnet.errors import UserError
from minspnet.network import run
from minspnet.predict import open_cases, scale_of
from minspnet.study import conduct
from minspnet.trace import replay

LUNG = next(folder for folder in SHIPPED if folder.name == "lung_nodules")
DIGITS = np.random.default_rng(3).integers(0, 17, (60, 8, 9)).astype(float)


def scans() -> Files:
    """Grey pictures that are no squares; the bright ones have twelve of sixteen bits."""
    files = two_classes(16, rows=20, columns=26)
    for number in range(16):
        deep = blob(100 + number, 20, 26, bright=True).astype(np.uint16) * 16
        files[f"bright/{number:02d}.png"] = encoded(deep)
    return files


def own_model(found: Pictures, place: Path) -> Path:
    """Train for a moment on pictures."""
    collection = Collection(found.card, found.cases, source=found.source)
    domain = found.card.domain()
    preset = budget_preset(domain, domain.variants[0], found.cases, "tiny")
    preset = replace(preset, training=replace(preset.training, epochs=1))
    split = next(folds(found.cases, 0))
    given = (domain, domain.variants[0], preset, found.cases, split, 0)
    save(conduct(*given, baselines=False), place, collection=collection)
    return place


@pytest.fixture(scope="module")
def on_scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = read_pictures(zipped(scans()), "scans.zip")
    return own_model(found, tmp_path_factory.mktemp("scans") / "model")


def chances(model: Model, inputs: np.ndarray) -> np.ndarray:
    """Of the last class, as run and replay have it."""
    ids = tuple(map(str, range(len(inputs))))
    trace = run(load_network(model), ids, inputs, model.domain.concept_names)
    return replay(trace, model.policy).probabilities[:, -1]


@pytest.mark.parametrize("form", ["zip", "folder"])
def test_files_are_read_as_training_read_them(
    form: str, on_scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "_BYTES", 7 * 32 * 28**2)  # some chunks of seven
    files = scans() | {"labels.csv": b"seen,by\nme,you\n"}
    source = tmp_path / "new.zip"
    source.write_bytes(zipped(files))
    if form == "folder":
        source = folder(tmp_path / "new", files)
    model = load(on_scans)
    table = ask(on_scans, source, tmp_path).table
    assert table["id"].tolist() == sorted(scans())
    assert table["row"].tolist() == list(range(1, 33))
    inputs = read_pictures(zipped(scans()), "scans.zip").cases.inputs
    title = model.domain.classes[-1]
    np.testing.assert_allclose(table[f"chance_{title}"], chances(model, inputs), atol=1e-6)


def test_a_picture_is_scored_alone_as_among_others(on_scans: Path, tmp_path: Path) -> None:
    """What is white in 16 bits was settled in training: it does not depend on the file."""
    files = scans()
    dark = min(files, key=lambda name: len(files[name]))
    for name, some in (("all.zip", files), ("one.zip", {dark: files[dark]})):
        (tmp_path / name).write_bytes(zipped(some))
    every = ask(on_scans, tmp_path / "all.zip", tmp_path).table.set_index("id")
    alone = ask(on_scans, tmp_path / "one.zip", tmp_path).table.set_index("id")
    numbers = alone.select_dtypes("number").columns.drop("row")
    np.testing.assert_allclose(alone.loc[dark, numbers], every.loc[dark, numbers], atol=1e-5)


def test_pictures_that_cannot_be_read_are_listed(on_scans: Path, tmp_path: Path) -> None:
    bad = {
        "a.png": b"no picture",
        "b.png": encoded(np.random.default_rng(0).integers(0, 99, (9, 9, 3), dtype=np.uint8)),
        "c.png": zipped(two_classes(1)),
        "d.png": b"",
        "e.svg": b"<svg/>",
    }
    (tmp_path / "new.zip").write_bytes(zipped(bad | {"z.png": encoded(blob(1))}))
    answer = ask(on_scans, tmp_path / "new.zip", tmp_path)
    assert answer.table["id"].tolist() == ["z.png"] and answer.table["row"].tolist() == [6]
    told = {row[2]: row[3] for row in answer.rejects}
    assert list(told) == list(bad)
    for name, reason in zip(bad, ("no PNG", "colour", "archive", "empty", "SVG"), strict=True):
        assert told[name].startswith("be a picture that the model can read (")
        assert reason in told[name]
    (tmp_path / "bad.zip").write_bytes(zipped(bad))
    assert ask(on_scans, tmp_path / "bad.zip", tmp_path).progress.rejected == 5


def test_a_shipped_model_takes_files_of_eight_bits(tmp_path: Path) -> None:
    model = shipped(LUNG)
    deep = encoded(blob(2, 32, 32).astype(np.uint16) * 200)
    files = {"a.png": encoded(blob(1, 32, 32)), "b.png": deep}
    (tmp_path / "new.zip").write_bytes(zipped(files))
    answer = ask(LUNG, tmp_path / "new.zip", tmp_path)
    expected = chances(model, blob(1, 32, 32)[None, None].astype(np.float32) / 255)
    np.testing.assert_allclose(answer.table["chance_malignant"], expected, atol=1e-6)
    assert "it has 16 bits a pixel, and the model learned from 8" in answer.rejects[0][3]


@pytest.mark.parametrize("kind", [np.float64, np.uint8, np.int64])
def test_arrays_keep_the_scale_and_size_that_they_were_learned_with(
    kind: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = npz(images=DIGITS.astype(kind), labels=np.arange(60) % 3)
    found = read_pictures(content, "digits.npz")
    model = load(own_model(found, tmp_path / "model"))
    assert scale_of(model) == (0, 16)
    (tmp_path / "new.npz").write_bytes(content)
    monkeypatch.setattr(arrays, "_BYTES", 7 * 32 * 72)
    table = ask(tmp_path / "model", tmp_path / "new.npz", tmp_path).table
    title = model.domain.classes[-1]
    np.testing.assert_allclose(
        table[f"chance_{title}"], chances(model, found.cases.inputs), atol=1e-6
    )
    brighter = DIGITS[:4].copy()
    brighter[2, 3, 3] = 20
    np.save(tmp_path / "new.npy", brighter)
    answer = ask(tmp_path / "model", tmp_path / "new.npy", tmp_path)
    expected = [["3", "inputs", "20", "lie between 0 and 16", "correct the case"]]
    assert answer.rejects == expected and answer.table["row"].tolist() == [1, 2, 4]


@pytest.mark.parametrize(
    ("name", "make", "told"),
    [
        ("a.zip", lambda: zipped({"a.csv": b"a"}), "archive or folder must hold PNG"),
        ("a.zip", lambda: b"PK", "file must be a whole zip archive"),
        ("a.zip", lambda: zipped({"../a.png": b""}), "names in the archive must be relative"),
        ("a.png", lambda: encoded(blob(1)), "file of cases must be a zip or folder of pictures"),
        ("a.npy", lambda: saved(np.zeros((2, 500, 500))), "array must have shape"),
        ("a.npy", lambda: saved(np.zeros((2, 20, 20, 3))), "array must have shape"),
    ],
)
def test_a_file_that_is_none_gets_a_sentence(
    name: str, make: Callable[[], bytes], told: str, on_scans: Path, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(make())
    with pytest.raises(UserError) as refusal:
        open_cases(tmp_path / name, load(on_scans))
    assert str(refusal.value).startswith(told) and "\n" not in str(refusal.value)


def saved(array: np.ndarray) -> bytes:
    room = io.BytesIO()
    np.save(room, array)
    return room.getvalue()


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    cytology = next(one for one in SHIPPED if "cytology" in one.name)
    with pytest.raises(UserError, match=r"^file of cases must be there"):
        open_cases(tmp_path, shipped(cytology))
