"""Tables and image collections from outside: what they become, and how bad ones are refused."""

import dataclasses
import io
import json
import tomllib
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from own_data import LOANS

from minspnet.adapters import Card, read_card, read_cases, read_medmnist, write_card
from minspnet.adapters import medmnist as form
from minspnet.data import UNLABELLED, ConceptScale
from minspnet.domain import DeviationRule, LevelsRule, ScaleRule, SpreadRule
from minspnet.domains import DOMAINS, SAMPLE_DATA, load_cases
from minspnet.errors import UserError

# --- Cards ------------------------------------------------------------------------------

CARD = """
key = "loans"
title = "Loans"
question = "Will this loan be paid back?"
target = "status"
classes = ["paid", "default"]
target_values = ["0", "1"]
id = "loan"
group = "customer"
limits = ["Invented for a test."]

[[features]]
name = "income"
title = "Income"
unit = "EUR a month"

[[features]]
name = "job"
title = "Job"
levels = ["employed", "none"]

[[features]]
name = "age"
title = "Age"

[[concepts]]
name = "means"
title = "Means"
rule = "spread"
columns = ["income"]

[[concepts]]
name = "trust"
title = "Trust"
rule = "scale"
columns = ["officer_rating"]
low = 1
high = 5
shown_low = 1
shown_high = 5
unit = "of 5"

[[concepts]]
name = "odd"
title = "Odd income"
rule = "deviation"
columns = ["income"]
"""

TABLE = """loan,customer,status,income,job,age,officer_rating,note
L1,C1,0,2000,employed,44,5,"pays, always"
L2,C1,0,1500,none,,4,
L3,C2,1,500.5,retired,61,1,
L4,C3,,1e3,NA,nan,2,
"""


def as_card(**changes: Any) -> str:
    """The card with some keys changed or, given None, left out."""
    values = {**tomllib.loads(CARD), **changes}
    plain = {name: value for name, value in values.items() if value is not None}
    tables = ("features", "concepts", "variants")
    lines = [f"{n} = {json.dumps(v)}" for n, v in plain.items() if n not in tables or not v]
    for name in tables:
        for row in plain.get(name, ()):
            lines += [f"[[{name}]]", *(f"{n} = {json.dumps(v)}" for n, v in row.items())]
    return "\n".join(lines)


def entry(table: str, row: int, **changes: Any) -> dict[str, Any]:
    """One table of the card with a row changed, as ``as_card`` takes it."""
    rows = tomllib.loads(CARD)[table]
    rows[row] = {n: v for n, v in {**rows[row], **changes}.items() if v is not None}
    return {table: rows}


def test_a_card_becomes_a_domain() -> None:
    domain = read_card(CARD).domain()
    assert (domain.key, domain.modality, domain.classes) == (
        "loans",
        "tabular",
        ("paid", "default"),
    )
    assert domain.features[1].levels == ("employed", "none")
    assert [concept.rule for concept in domain.concepts] == [
        SpreadRule(("income",)),
        ScaleRule(("officer_rating",), 1, 5),
        DeviationRule(("income",)),
    ]
    assert domain.variant(None).inputs == ("income", "job", "age")
    assert domain.concepts[1].shown(0.5) == 3
    assert domain.licence == "not stated"


def test_a_card_comes_back_from_its_file() -> None:
    card = read_card(CARD)
    assert read_card(write_card(card)) == card


@pytest.mark.parametrize("key", [k for k, d in DOMAINS.items() if d.modality != "signal"])
def test_shipped_tasks_come_back_from_a_card(key: str) -> None:
    card = Card.of(DOMAINS[key], target="label")
    assert read_card(write_card(card)).domain() == DOMAINS[key]


def test_a_domain_of_signals_has_no_card() -> None:
    with pytest.raises(UserError, match=r"^domain of a card must be tabular or image, got signal;"):
        Card.of(DOMAINS["wrist_exercise"], target="label")


def test_a_card_of_pictures_needs_no_features() -> None:
    card = read_card(as_card(modality="image", features=None))
    domain = card.domain()
    assert (domain.modality, domain.features, domain.field_mm) == ("image", (), 0)
    assert domain.variant(None).inputs == ()
    assert read_card(write_card(card)) == card


@given(st.text(), st.lists(st.text(), max_size=3), st.floats(allow_nan=False, allow_infinity=False))
def test_any_text_and_number_comes_back(text: str, texts: list[str], number: float) -> None:
    card = read_card(CARD)
    concept = dataclasses.replace(card.concepts[0], title=text, shown_low=number)
    changed = dataclasses.replace(
        card, title=text, limits=tuple(texts), concepts=(concept, *card.concepts[1:])
    )
    assert read_card(write_card(changed)) == changed


BAD_CARDS: Mapping[str, tuple[str, str]] = {
    "no TOML": ("key = ", "card must be a TOML file"),
    "nested without end": (f"key = {'[' * 9999}", "card must be a TOML file"),
    "unknown key": (as_card(colour="red"), "Card must hold only"),
    "unknown key of a feature": (
        as_card(**entry("features", 0, kind="number")),
        "Card.features[0] must hold only",
    ),
    "no title": (as_card(title=None), "Card lacks a key"),
    "a title that is none": (as_card(title=3), "Card.title must be of type str"),
    "a key with a slash": (as_card(key="../loans"), "key must be letters, digits and underscores"),
    "one class": (as_card(classes=["paid"], target_values=["0"]), "classes must be at least 2"),
    "the same class twice": (as_card(classes=["paid", "paid"]), "classes must be named once each"),
    "two classes, three values": (
        as_card(target_values=["0", "1", "2"]),
        "target_values must be one per class",
    ),
    "no features": (as_card(features=[]), "features must be at least 1"),
    "features of pictures": (
        as_card(modality="image"),
        "features must be left out for pictures, got 3; remove them.",
    ),
    "a field without end": (
        as_card(modality="image", features=None, field_mm=-1),
        "field_mm must be the millimetres a picture shows, or 0, got -1.0; correct it.",
    ),
    "a field of a table": (as_card(field_mm=3), "field_mm must be the millimetres a picture shows"),
    "a signal": (as_card(modality="signal"), "Card.modality must be one of tabular, image"),
    "no concepts": (as_card(concepts=[]), "concepts must be at least 1"),
    "one level": (as_card(**entry("features", 1, levels=["x"])), "levels of job must be two"),
    "the same feature twice": (
        as_card(**entry("features", 2, name="income")),
        "features must be named once each",
    ),
    "unknown rule": (
        as_card(**entry("concepts", 0, rule="guess")),
        "Card.concepts[0].rule must be one of",
    ),
    "concept of nothing": (as_card(**entry("concepts", 0, columns=[])), "columns of concept means"),
    "concept of levels": (
        as_card(**entry("concepts", 0, columns=["job"])),
        "columns of concepts must be numbers, without levels, got job",
    ),
    "concept of the answer": (
        as_card(**entry("concepts", 0, columns=["status"])),
        "target must be no feature and grade no concept, got status",
    ),
    "feature that is the answer": (
        as_card(**entry("features", 2, name="status")),
        "target must be no feature and grade no concept, got status",
    ),
    "scale without an end": (
        as_card(**entry("concepts", 1, high=None)),
        "high of concept trust must be a number under rule scale, got None; add it.",
    ),
    "spread with an end": (
        as_card(**entry("concepts", 0, low=3)),
        "low of concept means must be left out under rule spread, got 3.0",
    ),
    "scale of no length": (
        as_card(**entry("concepts", 1, high=1)),
        "scale of officer_rating must run from one finite number to another",
    ),
    "levels under another rule": (
        as_card(**entry("concepts", 0, levels=["employed"])),
        "levels of concept means must be left out under rule spread",
    ),
    "no levels": (
        as_card(**entry("concepts", 0, rule="levels")),
        "levels of concept means must name some under rule levels, got none; list them.",
    ),
    "levels of two columns": (
        as_card(**entry("concepts", 0, rule="levels", levels=["x"], columns=["job", "age"])),
        "columns of concept means must be one under rule levels",
    ),
    "levels that the column has not": (
        as_card(**entry("concepts", 0, rule="levels", levels=["rich"], columns=["job"])),
        "levels of concept means must be levels of job, employed, none, got 'rich'",
    ),
    "levels of a number": (
        as_card(**entry("concepts", 0, rule="levels", levels=["rich"])),
        "levels of concept means must be levels of income, which has none, got 'rich'",
    ),
    "concept name with a space": (
        as_card(**entry("concepts", 0, name="my means")),
        "concept name must be letters",
    ),
    "variant of no feature": (
        as_card(variants=[{"name": "v", "title": "V", "meaning": "", "inputs": ["height"]}]),
        "inputs of variants must be features, got height",
    ),
}


def refused(action: Callable[[], object]) -> str:
    """The one sentence that an action is refused with."""
    with pytest.raises(UserError) as refusal:
        action()
    told = str(refusal.value)
    assert told.endswith(".") and "\n" not in told
    return told


@pytest.mark.parametrize("bad", BAD_CARDS)
def test_a_bad_card_is_refused_in_one_sentence(bad: str) -> None:
    text, told = BAD_CARDS[bad]
    assert told in refused(lambda: read_card(text))


# --- Tables -----------------------------------------------------------------------------


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str | bytes], Path]:
    def write_table(content: str | bytes) -> Path:
        path = tmp_path / "table.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_table


def test_a_table_becomes_cases(write: Callable[[str], Path]) -> None:
    cases = read_cases(read_card(CARD), write(TABLE))
    assert cases.ids == ("L1", "L2", "L3", "L4")
    assert cases.groups == ("C1", "C1", "C2", "C3")
    assert cases.labels.tolist() == [0, 0, 1, UNLABELLED]
    nan = float("nan")
    # Income, job by its level, age: what is missing or of no known level is NaN.
    np.testing.assert_array_equal(
        cases.inputs,
        np.float32([[2000, 0, 44], [1500, 1, nan], [500.5, nan, 61], [1000, nan, nan]]),
    )
    assert cases.inputs.dtype == np.float32
    assert set(cases.columns) == {"income", "job", "age", "officer_rating"}
    truth = ConceptScale.fit(read_card(CARD).domain().concepts, cases).truth(cases.columns)
    np.testing.assert_allclose(truth[:, 1], [1, 0.75, 0, 0.25])


def test_windows_files_and_blank_lines_at_the_end_are_read(write: Callable[[bytes], Path]) -> None:
    content = b"\xef\xbb\xbf" + TABLE.replace("\n", "\r\n").encode() + b"\r\n\r\n"
    assert read_cases(read_card(CARD), write(content)).ids == ("L1", "L2", "L3", "L4")


def test_a_table_may_be_told_as_spreadsheets_do(write: Callable[[bytes], Path]) -> None:
    """Other separators, decimal commas, thousands and encodings: the same cases."""
    known = read_cases(read_card(CARD), write(TABLE.encode()))
    table = TABLE.replace('"pays, always"', "é").replace(",", ";").replace("500.5", "500,5")
    for number, written in (("2000", "2.000,00"), (";1e3;", ";1000;"), (";nan;", ";n/a;")):
        assert number in table
        table = table.replace(number, written)
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
        cases = read_cases(read_card(CARD), write(table.encode(encoding)))
        np.testing.assert_array_equal(cases.inputs, known.inputs)
        assert cases.labels.tolist() == known.labels.tolist()


def test_a_missing_answer_may_be_written_in_several_ways(write: Callable[[str], Path]) -> None:
    for told in ("", "?", "NA"):
        cases = read_cases(read_card(CARD), write(TABLE.replace("C3,,", f"C3,{told},")))
        assert cases.labels.tolist() == [0, 0, 1, UNLABELLED]


def test_a_missing_grade_is_that_of_the_middle_training_case(write: Callable[[str], Path]) -> None:
    cases = read_cases(read_card(CARD), write(TABLE.replace(",4,\n", ",?,\n")))
    truth = ConceptScale.fit(read_card(CARD).domain().concepts, cases).truth(cases.columns)
    # Known are 5, 1 and 2 on a scale from 1 to 5.
    np.testing.assert_allclose(truth[:, 1], [1, 0.25, 0, 0.25])


WORKS = {
    "name": "works",
    "title": "Has work",
    "rule": "levels",
    "columns": ["job"],
    "levels": ["employed"],
}


def test_a_level_can_be_a_concept(write: Callable[[str], Path]) -> None:
    card = read_card(as_card(concepts=[WORKS]))
    assert card.domain().concepts[0].rule == LevelsRule(("job",), (0,))
    assert read_card(write_card(card)) == card
    assert Card.of(card.domain(), "status", "loan", "customer").concepts == card.concepts
    cases = read_cases(card, write(TABLE))
    truth = ConceptScale.fit(card.domain().concepts, cases).truth(cases.columns)
    # Retired is no level of the card, and the last is missing: the middle of 1 and 0.
    assert truth[:, 0].tolist() == [1, 0, 0.5, 0.5]


def test_a_card_may_go_without_ids_groups_and_values(write: Callable[[str], Path]) -> None:
    text = as_card(id=None, group=None, target_values=None)
    table = TABLE.replace(",0,", ",paid,").replace(",1,5", ",default,5")
    cases = read_cases(read_card(text), write(table))
    assert cases.ids == cases.groups == ("case-1", "case-2", "case-3", "case-4")
    assert cases.labels.tolist() == [0, 0, 1, UNLABELLED]


def test_a_variant_picks_the_inputs(write: Callable[[str], Path]) -> None:
    only_age = {"name": "age_only", "title": "Age", "meaning": "", "inputs": ["age"]}
    card = read_card(as_card(variants=[only_age]))
    cases = read_cases(card, write(TABLE), "age_only")
    np.testing.assert_array_equal(cases.inputs[:, 0], cases.columns["age"])
    assert cases.inputs.shape == (4, 1)


@pytest.mark.parametrize("key", ["breast_cytology", "phishing"])
def test_a_shipped_table_reads_the_same_through_its_card(key: str) -> None:
    """Second opinion: the domain's own loader."""
    card = Card.of(DOMAINS[key], target="label", id="case_id")
    told, known = read_cases(card, SAMPLE_DATA / key / "cases.csv"), load_cases(DOMAINS[key])
    assert told.ids == known.ids and told.groups == known.groups
    np.testing.assert_array_equal(told.labels, known.labels)
    np.testing.assert_array_equal(told.inputs, known.inputs)
    assert set(told.columns) == set(known.columns)


BAD_TABLES: Mapping[str, tuple[str | bytes, str]] = {
    "nothing": ("", "table must have a header line, got an empty file; add one."),
    "a header alone": (TABLE.splitlines()[0], "table must have rows below its header"),
    "no column": (
        TABLE.replace("age", "years"),
        "table must have a column age, got loan,",
    ),
    "a column twice": (TABLE.replace("note", "age"), "columns must be named once each, got 'age'"),
    "a short row": (TABLE + "L5,C4\n", "row 6 must have 8 cells, got 2"),
    "a row in pieces": (
        TABLE.replace('"pays, always"', "pays, always"),
        "row 2 must have 8 cells, got 9; quote cells that hold the separator.",
    ),
    "a blank line between": (TABLE.replace("\nL3", "\n\nL3"), "row 4 must have 8 cells, got 0"),
    "a word for a number": (
        TABLE.replace(",61,", ",old,"),
        "column age in row 4 must be a finite number or empty, got 'old'; write it with a point",
    ),
    "words for numbers": (
        TABLE.replace(",44,", ",young,").replace(",61,", ",old,"),
        "column age in rows 2, 4 must be a finite number or empty, got 'young', 'old'; write it",
    ),
    "points and commas in one column": (
        TABLE.replace("1500", '"1,5"').replace("2000", '"2,5"'),
        "column income in row 4 must be a finite number or empty, got '500.5'",
    ),
    "infinity": (TABLE.replace(",61,", ",inf,"), "column age in row 4 must be a finite number"),
    "more than fits": (TABLE.replace(",61,", ",1e39,"), "column age in row 4 must be a finite"),
    "a line under a digit": (
        TABLE.replace(",61,", ",6_1,"),
        "column age in row 4 must be a finite",
    ),
    "another class": (
        TABLE.replace("C2,1", "C2,2"),
        "column status in row 4 must be one of 0, 1, or empty, got '2'; correct it, or add",
    ),
    "one class alone": (TABLE.replace("C2,1", "C2,0"), "column status must hold the class default"),
    "an id twice": (
        TABLE.replace("L3", "L1"),
        "column loan in row 4 must not occur above",
    ),
    "no id": (TABLE.replace("L3", " "), "column loan in row 4 must not be empty, got ''"),
    "no group": (TABLE.replace("C2", ""), "column customer in row 4 must not be empty, got ''"),
    "an open quote": (TABLE + 'L5,"C4', "row 6 must have its quotes in pairs"),
    "a cell without end": (
        TABLE.replace("pays, always", "x" * 20_000),
        "column note in row 2 must be at most 10,000 characters long, got 20,000; shorten it.",
    ),
}


@pytest.mark.parametrize("bad", BAD_TABLES)
def test_a_bad_table_is_refused_with_its_place(
    bad: str, write: Callable[[str | bytes], Path]
) -> None:
    content, told = BAD_TABLES[bad]
    assert told in refused(lambda: read_cases(read_card(CARD), write(content)))


def test_a_table_that_is_not_there_is_refused(tmp_path: Path) -> None:
    told = refused(lambda: read_cases(read_card(CARD), tmp_path / "none.csv"))
    assert told.startswith("table must be a file that can be read (No such file or directory)")


# --- Image collections ------------------------------------------------------------------

Arrays = dict[str, np.ndarray]


def collection(shape: tuple[int, ...] = (28, 28), counts: tuple[int, ...] = (6, 4, 5)) -> Arrays:
    """Arrays of a small collection with three classes."""
    generator = np.random.default_rng(0)
    arrays = {}
    for part, count in zip(("train", "val", "test"), counts, strict=True):
        arrays[f"{part}_images"] = generator.integers(0, 256, (count, *shape), dtype=np.uint8)
        arrays[f"{part}_labels"] = (np.arange(count, dtype=np.uint8) % 3)[:, None]
    return arrays


def archive(path: Path, arrays: Arrays) -> Path:
    np.savez_compressed(path, **arrays)
    return path


@pytest.mark.parametrize("shape", [(28, 28), (30, 64), (224, 224), (28, 28, 3), (64, 28, 3)])
@pytest.mark.parametrize("flat", [False, True])
def test_a_collection_becomes_cases_and_its_official_split(
    shape: tuple[int, ...], flat: bool, tmp_path: Path
) -> None:
    arrays = collection(shape)
    if flat:
        arrays |= {n: a.reshape(-1).astype(np.int64) for n, a in arrays.items() if "labels" in n}
    read = read_medmnist(archive(tmp_path / "c.npz", arrays), ("a", "b", "c"))
    assert read.classes == ("a", "b", "c")
    assert read.cases.ids[5:8] == ("train-00006", "validation-00001", "validation-00002")
    assert read.cases.groups == read.cases.ids and read.cases.columns == {}
    rows = (read.split.train, read.split.validation, read.split.test)
    assert [part.tolist() for part in rows] == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9], [*range(10, 15)]]
    assert read.cases.inputs.shape == (15, *(shape[2:] or (1,)), *shape[:2])
    assert read.cases.inputs.dtype == np.float32
    for part, name in zip(rows, ("train", "val", "test"), strict=True):
        np.testing.assert_array_equal(read.cases.labels[part], arrays[f"{name}_labels"].reshape(-1))
        pictures = arrays[f"{name}_images"].reshape(len(part), *shape[:2], -1)
        for channel in range(pictures.shape[3]):
            np.testing.assert_allclose(
                read.cases.inputs[part, channel] * 255, pictures[..., channel], atol=1e-4
            )


def test_classes_without_titles_are_numbered(tmp_path: Path) -> None:
    read = read_medmnist(archive(tmp_path / "c.npz", collection()))
    assert read.classes == ("class 0", "class 1", "class 2")


def test_arrays_that_are_not_part_of_the_form_are_not_read(tmp_path: Path) -> None:
    more = {"extra": np.array([{"a": "pickle"}], dtype=object)}
    assert len(read_medmnist(archive(tmp_path / "c.npz", collection() | more)).cases) == 15


def without(name: str) -> Arrays:
    return {n: a for n, a in collection().items() if n != name}


def changed(name: str, array: Any) -> Arrays:
    return collection() | {name: np.asarray(array)}


ONES = np.ones((4, 1), np.uint8)
BAD_COLLECTIONS: Mapping[str, tuple[Arrays, str]] = {
    "no part": (without("val_labels"), "file must hold val_labels, got train_images.npy"),
    "floats": (
        changed("train_images", np.zeros((6, 28, 28))),
        "train_images must hold uint8 pixels, got float64",
    ),
    "wide pixels": (
        changed("test_images", np.zeros((5, 28, 28), np.uint16)),
        "test_images must hold uint8 pixels, got uint16",
    ),
    "a pickle": (
        changed("train_labels", np.array([[{}]] * 6, dtype=object)),
        "train_labels must hold whole numbers, got object",
    ),
    "labels in words": (changed("val_labels", ["a"] * 4), "val_labels must hold whole numbers"),
    "labels by halves": (changed("val_labels", np.ones((4, 1))), "val_labels must hold whole num"),
    "flat pictures": (
        changed("val_images", np.zeros((4, 784), np.uint8)),
        "val_images must be pictures of 28 to 224 pixels a side, grey or RGB, got shape (4, 784)",
    ),
    "small pictures": (
        collection((8, 28)),
        "train_images must be pictures of 28 to 224 pixels a side, grey or RGB, got shape",
    ),
    "large pictures": (collection((28, 225)), "train_images must be pictures of 28 to 224 pixels"),
    "four channels": (collection((28, 28, 4)), "train_images must be pictures of 28 to 224 pixels"),
    "volumes": (collection((28, 28, 28)), "train_images must be pictures of 28 to 224 pixels"),
    "parts of two sizes": (
        collection() | {"test_images": np.zeros((5, 28, 30), np.uint8)},
        "pictures must be of one size, got [(28, 28), (28, 30)]",
    ),
    "parts of two kinds": (
        collection() | {"test_images": np.zeros((5, 28, 28, 3), np.uint8)},
        "pictures must be of one size",
    ),
    "many labels a picture": (
        changed("train_labels", np.zeros((6, 14), np.uint8)),
        "train_labels must be one label for each of 6 pictures, got shape (6, 14); take"
        " a collection with single labels.",
    ),
    "too few labels": (changed("test_labels", ONES), "test_labels must be one label for each of 5"),
    "an empty part": (collection(counts=(6, 0, 5)), "val_labels must be one label for each of 0"),
    "a part of one class": (
        changed("val_labels", ONES),
        "val_labels must hold two classes or more",
    ),
    "a class never taught": (
        changed("train_labels", np.uint8([0, 3, 1, 0, 1, 3])),
        "train_labels must hold each class from 0 to 3, got [0 1 3]",
    ),
    "a class for the test alone": (
        changed("test_labels", np.uint8([0, 1, 2, 3, 0])),
        "test_labels must lie between 0 and 2, got 0 to 3",
    ),
    "a negative class": (
        changed("val_labels", np.int64([-1, 0, 1, 2])),
        "val_labels must lie between 0 and 2, got -1 to 2",
    ),
}


@pytest.mark.parametrize("bad", BAD_COLLECTIONS)
def test_a_bad_collection_is_refused_in_one_sentence(bad: str, tmp_path: Path) -> None:
    arrays, told = BAD_COLLECTIONS[bad]
    assert told in refused(lambda: read_medmnist(archive(tmp_path / "c.npz", arrays)))


def test_titles_must_cover_the_classes(tmp_path: Path) -> None:
    path = archive(tmp_path / "c.npz", collection())
    assert "train_labels must lie between 0 and 1, got 0 to 2" in refused(
        lambda: read_medmnist(path, ("a", "b"))
    )
    assert "train_labels must hold each class from 0 to 3" in refused(
        lambda: read_medmnist(path, ("a", "b", "c", "d"))
    )


# --- Image collections made to harm -----------------------------------------------------


def npy(shape: str, dtype: str = "|u1", data: bytes = b"", length: int | None = None) -> bytes:
    """An .npy file whose header says what it likes."""
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    told = len(header) if length is None else length
    return b"\x93NUMPY\x02\x00" + told.to_bytes(4, "little") + header + data


def with_member(path: Path, name: str, content: bytes, packing: int = zipfile.ZIP_DEFLATED) -> Path:
    """The small collection with one file of the archive replaced."""
    good = archive(path.with_suffix(".good.npz"), collection())
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(path, "w", packing) as target:
        for member in source.namelist():
            target.writestr(member, content if member == name else source.read(member))
    return path


@pytest.mark.parametrize(
    ("content", "told"),
    [
        # Few bytes, and a shape that asks for 50 GB.
        (npy("(1000000, 224, 224)"), "train_images must be as long as its header says, 50,"),
        (npy("(6, 28, 28)", data=b"0" * 5000), "train_images must be as long as its header says"),
        (npy("(-6, -28, 28)", data=b"0" * 4704), "train_images must be pictures of"),
        (npy("(6, 28, 28)", "|O"), "train_images must hold uint8 pixels, got object"),
        (npy("(6, 28, 28)", "[('a', '|u1')]"), "train_images.npy must be a plain array"),
        (npy("__import__('os')"), "train_images.npy must be a plain array"),
        (npy("(" * 3000), "train_images.npy must be a plain array"),
        (npy("(6, 28, 28)", length=2**31), "train_images.npy must be a plain array"),
        (b"\x93NUMPY\x09\x00", "train_images.npy must be a plain array"),
        (b"", "train_images.npy must be a plain array"),
    ],
)
def test_a_lying_header_is_refused(content: bytes, told: str, tmp_path: Path) -> None:
    path = with_member(tmp_path / "c.npz", "train_images.npy", content)
    assert told in refused(lambda: read_medmnist(path))


def test_a_bomb_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a megabyte that would unpack to half a gigabyte, and one with an endless header."""
    count = form.LARGEST // (224 * 224)
    arrays = collection((224, 224))
    header = npy(f"({count}, 224, 224)")
    labels = npy(f"({count},)", data=bytes(count))
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, array)
            content = {"train_labels": labels}.get(name, buffer.getvalue())
            if name != "train_images":
                target.writestr(f"{name}.npy", content)
        with target.open("train_images.npy", "w") as file:
            file.write(header)
            for _ in range(count):
                file.write(bytes(224 * 224))
    assert path.stat().st_size < 4 * 2**20
    monkeypatch.setattr(form, "read_array", lambda *_: pytest.fail("unpacked"))
    assert "pictures must take at most 536,870,912 bytes" in refused(lambda: read_medmnist(path))


def test_an_unknown_packing_is_refused(tmp_path: Path) -> None:
    content = npy("(6, 28, 28)", data=bytes(4704))
    path = with_member(tmp_path / "c.npz", "train_images.npy", content, zipfile.ZIP_LZMA)
    assert "must be packed as numpy does" in refused(lambda: read_medmnist(path))


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    """Cut short anywhere, or with any one byte changed: read as before, or one sentence."""
    path = archive(tmp_path / "c.npz", collection())
    content = path.read_bytes()
    generator = np.random.default_rng(0)
    damaged = [content[:end] for end in (0, 3, 100, len(content) // 2, len(content) - 1)]
    for place in generator.integers(0, len(content), 150):
        changed_byte = bytes([content[place] ^ 0xFF])
        damaged.append(content[:place] + changed_byte + content[place + 1 :])
    told = 0
    for bad in damaged:
        path.write_bytes(bad)
        try:
            assert len(read_medmnist(path).cases) == 15
        except UserError as error:
            told += str(error).endswith(".")
    assert told > 100


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    told = refused(lambda: read_medmnist(tmp_path / "none.npz"))
    assert "must be a whole zip archive" in told and "got No such file or directory;" in told


def test_a_card_of_many_classes_is_checked_at_once() -> None:
    classes = [str(number) for number in range(50_000)]
    card = LOANS.to_dict() | {"classes": [*classes, "7"]}
    with pytest.raises(UserError, match="classes must be named once each, got '7'"):
        Card.from_dict(card)
