"""The verbs for pictures of one's own, as a person types them."""

import json
from pathlib import Path

import pytest
from picture_files import folder, two_classes, zipped
from test_pictures import in_parts

from minspnet.adapters import read_card, read_pictures
from minspnet.cli import main

Said = pytest.CaptureFixture[str]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tissue.zip"
    path.write_bytes(zipped(two_classes(20) | {"dull/broken.png": b"no picture"}))
    return path


def test_a_check_says_what_a_zip_or_a_folder_holds(
    file: Path, tmp_path: Path, capsys: Said
) -> None:
    assert main(["domain", "check", str(file)]) == 0
    said = capsys.readouterr().out
    assert "tissue.zip: 40 pictures, 28 x 28 pixels, grey." in said
    assert "left out: dull/broken.png: it is no PNG" in said
    assert main(["domain", "check", str(folder(tmp_path / "parts", in_parts())), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told["parts"]) == {"train", "validation", "test"} and "card" not in told


def test_a_drafted_card_fits_and_another_does_not(file: Path, tmp_path: Path, capsys: Said) -> None:
    card = tmp_path / "tissue.toml"
    assert main(["domain", "draft", str(file), "--out", str(card)]) == 0
    assert "40 cases of 2 classes (bright, dull)" in capsys.readouterr().out
    assert read_card(card.read_text()) == read_pictures(file, file.name).card
    assert main(["domain", "check", str(file), "--card", str(card)]) == 0
    assert capsys.readouterr().out.endswith("The card tissue fits this file.\n")
    card.write_text(card.read_text().replace('"dull"', '"dim"'))
    assert main(["domain", "check", str(file), "--card", str(card)]) == 1
    told = capsys.readouterr().out.splitlines()[-1]
    assert told.startswith("The card tissue does not fit: classes of tissue must be those of")


@pytest.mark.parametrize(
    ("verb", "told"),
    [
        ("check {file} --target class", "--target must be left out for pictures, got class;"),
        ("draft {file} --group a --out {new}", "--group must be left out for pictures, got a;"),
        ("draft {file} --out {folder}/no/card.toml", "--out must be a file that can be written"),
        ("draft {table} --out {new}", "--target must name the column of the answer, got none;"),
        ("check {table}", "table must have"),
        ("check {one}", "classes must be two or more, got only 'a'; add"),
        ("check {folder}/none.zip", "file must be a whole zip archive, a folder or an .npz, got"),
    ],
)
def test_a_refusal_is_one_sentence(
    verb: str, told: str, file: Path, tmp_path: Path, capsys: Said
) -> None:
    (tmp_path / "t.csv").write_text("a\n")
    dull = two_classes(1)["dull/00.png"]
    (tmp_path / "one.zip").write_bytes(zipped({f"a/{number}.png": dull for number in range(6)}))
    places = {
        "file": file,
        "new": tmp_path / "new.toml",
        "folder": tmp_path,
        "table": tmp_path / "t.csv",
        "one": tmp_path / "one.zip",
    }
    asked = [word.format(**places) for word in verb.split()]
    assert main(["domain", *asked]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"minspnet: {told}") and said.count("\n") == 1
    assert not (tmp_path / "new.toml").exists()
