"""Pictures from outside: zips, folders and arrays become tasks, pixel by pixel as they should."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from picture_files import Files, blob, encoded, folder, npz, two_classes, zipped
from PIL import ExifTags, Image

from minspnet.adapters import check_pictures, read_card, read_pictures, write_card
from minspnet.adapters.decoding import decode, read_header
from minspnet.adapters.framing import common_side, frame, largest_side
from minspnet.adapters.naming import key_of, natural, safe_ids, shown_name, shown_names
from minspnet.adapters.pictures import Pictures
from minspnet.data import UNLABELLED, ConceptScale, folds

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (20, 30), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8)
STORED: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: np.rot90,
    7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
    8: lambda p: np.rot90(p, -1),
}
"""EXIF orientation -> how a camera stores an upright picture."""


def read(files: Files, name: str = "my_things.zip") -> Pictures:
    return read_pictures(zipped(files), name)


# --- One picture ------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_every_orientation_is_turned_upright(orientation: int, kind: str) -> None:
    stored = STORED[orientation](COLOUR)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    content = encoded(np.ascontiguousarray(stored), kind, exif=exif, **options)
    header, pixels = read_header(content), decode(content, 64).pixels
    np.testing.assert_allclose(pixels * 255, COLOUR, atol=1e-3)
    assert (header.rows, header.columns) == (20, 30)
    assert header.turned == (orientation > 1)


DEEP = GREY.astype(np.uint16) * 257
MODES: dict[str, tuple[Any, str, dict[str, Any]]] = {
    "grey": (GREY, "PNG", {}),
    "16 bits": (DEEP, "PNG", {}),
    "16 bits in TIFF": (DEEP, "TIFF", {}),
    "16 bits, compressed": (DEEP, "TIFF", {"compression": "tiff_deflate"}),
    "shares": (GREY.astype(np.float32) / 255, "TIFF", {}),
    "grey saved as RGB": (np.dstack([GREY] * 3), "BMP", {}),
    "grey in a palette": (Image.fromarray(GREY).convert("P"), "GIF", {}),
    "opaque": (np.dstack([GREY, np.full_like(GREY, 255)]), "PNG", {}),
    "WebP": (np.dstack([GREY] * 3), "WEBP", {"lossless": True}),
    "interlaced": (GREY, "GIF", {"interlace": 1}),
}


@pytest.mark.parametrize("mode", MODES)
def test_the_same_shades_are_read_from_every_kind_of_file(mode: str) -> None:
    pixels, kind, options = MODES[mode]
    picture = decode(encoded(pixels, kind, **options), 64)
    assert picture.pixels.shape == (20, 30, 1) and picture.pixels.dtype == np.float32
    np.testing.assert_allclose(picture.pixels[..., 0] * 255, GREY, atol=1e-3)
    assert picture.deep == mode.startswith("16") and not picture.clear


def test_colours_survive_cmyk_and_palettes() -> None:
    exact = decode(encoded(Image.fromarray(COLOUR).convert("CMYK"), "TIFF"), 64)
    np.testing.assert_allclose(exact.pixels * 255, COLOUR, atol=1e-3)
    smooth = np.asarray(Image.fromarray(COLOUR[:2, :2]).resize((32, 32), Image.Resampling.BICUBIC))
    jpeg = decode(encoded(Image.fromarray(smooth).convert("CMYK"), "JPEG", quality=98), 64)
    assert np.abs(jpeg.pixels * 255 - smooth).mean() < 6
    few = Image.fromarray(COLOUR).quantize(8)
    np.testing.assert_allclose(
        decode(encoded(few, "PNG"), 64).pixels * 255, np.asarray(few.convert("RGB")), atol=1e-3
    )


def test_transparent_parts_are_black() -> None:
    alpha = np.full((20, 30), 255, np.uint8)
    alpha[:, :15], alpha[:, 15:20] = 0, 128
    picture = decode(encoded(np.dstack([COLOUR, alpha])), 64)
    assert picture.clear and not picture.pixels[:, :15].any()
    expected = COLOUR[:, 15:20] * (128 / 255)
    np.testing.assert_allclose(picture.pixels[:, 15:20] * 255, expected, atol=1e-2)
    np.testing.assert_allclose(picture.pixels[:, 20:] * 255, COLOUR[:, 20:], atol=1e-3)


def test_the_first_frame_is_taken() -> None:
    frames = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert read_header(content).several
    np.testing.assert_allclose(decode(content, 64).pixels[..., 0] * 255, GREY, atol=1e-3)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_large_picture_is_near_its_mean_over_areas(kind: str) -> None:
    """Second opinion: blocks of 10 x 10 averaged by numpy."""
    rows = np.linspace(0, 255, 640)
    large = np.add.outer(rows, rows[::-1]) / 2
    large[::7] *= 0.8
    content = encoded(large.astype(np.uint8), kind)
    blocks = large.reshape(64, 10, 64, 10).mean(axis=(1, 3)) / 255
    found = frame(decode(content, 64).pixels, 64)[0]
    assert np.abs(found - blocks).max() < 0.03


# --- One size ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("longer", "side"),
    [([8], 28), ([28], 28), ([29], 32), ([33, 40, 500], 48), ([60], 64), ([3000], 64)],
)
def test_the_median_picture_sets_the_side(longer: list[int], side: int) -> None:
    assert common_side(longer) == side


def test_many_pictures_are_kept_small() -> None:
    assert (largest_side(1_000), largest_side(30_000), largest_side(10**6)) == (64, 48, 28)


def test_small_pictures_grow_by_whole_pixels_and_are_padded_with_their_border() -> None:
    """4 x 6 doubles to 8 x 12 in a square of 14: one column and three rows more on each side."""
    small = np.full((4, 6, 1), 0.25, np.float32)
    small[1:3, 2:4] = RNG.random((2, 2, 1))
    framed = frame(small, 14)
    assert framed.shape == (1, 14, 14)
    np.testing.assert_array_equal(framed[0, 3:11, 1:13], small[..., 0].repeat(2, 0).repeat(2, 1))
    assert (framed[0, :3] == 0.25).all() and (framed[0, :, 13] == 0.25).all()


@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from([1, 3]))
def test_framing_keeps_shades_within_those_there_were(rows: int, columns: int, many: int) -> None:
    picture = np.random.default_rng(rows * columns).random((rows, columns, many)).astype(np.float32)
    framed = frame(picture, 28)
    assert framed.shape == (many, 28, 28) and framed.dtype == np.float32
    assert framed.min() >= picture.min() - 1e-6 and framed.max() <= picture.max() + 1e-6


def test_a_picture_of_the_right_size_is_not_touched() -> None:
    picture = RNG.random((28, 28, 3)).astype(np.float32)
    np.testing.assert_array_equal(frame(picture, 28), np.moveaxis(picture, 2, 0))


# --- Names ------------------------------------------------------------------------------


@given(st.lists(st.text(max_size=12), unique=True, max_size=8), st.randoms())
def test_ids_are_safe_unique_and_do_not_depend_on_order(names: list[str], random: Any) -> None:
    names = [name for name in names if name]
    ids = dict(zip(names, safe_ids(names), strict=True))
    assert len(set(ids.values())) == len(names)
    for one in ids.values():
        assert one and not set(one) & set('/\\:<>[]()"%&?# \n') and not one.startswith(".")
    random.shuffle(names)
    assert dict(zip(names, safe_ids(names), strict=True)) == ids


def test_ids_tell_apart_what_would_be_called_the_same() -> None:
    one, two, other = safe_ids(["a/b.png", "a-b.jpg", "a/c.png"])
    assert other == "a-c" and one != two and one.startswith("a-b-") and two.startswith("a-b-")


def test_names_are_shown_without_markup_and_direction_marks() -> None:
    assert shown_name("cats\u202e \n[x](http://a)\x00") == "cats (x)(http://a)"
    assert shown_names(("a ", "a", "b", "\u200b")) == ("a (1)", "a (2)", "b", "without a name")
    assert key_of("7 Träume (neu)") == "n_7_träume_neu" and key_of("!!") == "pictures"
    assert sorted(["10", "9", "b2", "b11"], key=natural) == ["9", "10", "b2", "b11"]


# --- Whole archives ---------------------------------------------------------------------


def test_folders_become_classes(tmp_path: Path) -> None:
    files = two_classes()
    found = read(files)
    assert found.card.classes == ("bright", "dull") and found.split is None
    assert found.cases.inputs.shape == (20, 1, 28, 28)
    assert found.cases.ids[:2] == ("bright-00", "bright-01")
    assert found.cases.labels.tolist() == [0] * 10 + [1] * 10
    np.testing.assert_allclose(found.cases.inputs[0, 0] * 255, blob(100, bright=True), atol=1e-3)
    assert found.card.modality == "image" and found.card.title == "my things"
    assert read_card(write_card(found.card)) == found.card
    on_disk = read_pictures(folder(tmp_path / "set", files), "my_things.zip")
    assert on_disk.cases.ids == found.cases.ids and on_disk.card == found.card
    np.testing.assert_array_equal(on_disk.cases.inputs, found.cases.inputs)


def test_the_order_of_files_does_not_matter() -> None:
    files = two_classes()
    turned = read(dict(reversed(files.items())))
    assert turned.cases.ids == read(files).cases.ids
    np.testing.assert_array_equal(turned.cases.inputs, read(files).cases.inputs)


def test_every_drafted_concept_can_be_graded() -> None:
    found = read(two_classes())
    domain = found.card.domain()
    truth = ConceptScale.fit(domain.concepts, found.cases).truth(found.cases.columns)
    assert truth.shape == (20, len(domain.concepts)) and len(domain.concepts) > 4
    assert (truth.std(axis=0) > 0).all()
    assert len(list(folds(found.cases, seed=0))) == 5


def test_leftovers_and_folders_around_everything_are_passed_over() -> None:
    files = {f"set/inner/{name}": content for name, content in two_classes().items()}
    files |= {"__MACOSX/set/._00.png": b"x", "set/.DS_Store": b"x", "set/Thumbs.db": b"x"}
    files |= {"set/README.md": b"#", "set/inner/": b""}
    found = read(files)
    assert found.card.classes == ("bright", "dull") and not found.unreadable
    assert "1 file is no picture, left aside: set/README.md." in found.notes


def test_a_zip_from_windows_has_folders_too() -> None:
    files = {name.replace("/", "\\"): content for name, content in two_classes().items()}
    assert read(files | {"dull\\": b""}).card.classes == ("bright", "dull")


def test_grey_and_colour_together_are_colour() -> None:
    files = two_classes()
    files["dull/00.png"] = encoded(np.dstack([blob(1), blob(2), blob(3)]))
    found = read(files)
    assert found.cases.inputs.shape[1] == 3 and "warmth" in found.cases.columns
    np.testing.assert_array_equal(found.cases.inputs[0, 0], found.cases.inputs[0, 2])


def test_twelve_of_sixteen_bits_use_the_whole_scale() -> None:
    files = two_classes()
    deep = {
        name: encoded(np.asarray(Image.open(io.BytesIO(content))).astype(np.uint16) * 16)
        for name, content in files.items()
    }
    ratio = read(deep).cases.inputs / np.maximum(read(files).cases.inputs, 1e-6)
    lit = read(files).cases.inputs > 0.1
    np.testing.assert_allclose(ratio[lit], 255 * 16 / 4095, rtol=1e-4)
    assert "20 pictures with 16 bits a pixel, of which white is 4,095." in read(deep).notes


def test_one_unreadable_picture_in_twenty_is_named_and_left_out() -> None:
    files = two_classes(11) | {"dull/bad.png": b"GIF89a but not really"}
    found = read(files)
    assert len(found.cases) == 22 and [one.name for one in found.unreadable] == ["dull/bad.png"]
    assert found.unreadable[0].reason.startswith("it is no PNG")
    assert "1 picture left out, because unreadable." in found.notes


def test_patients_in_folders_within_classes_become_groups() -> None:
    files = {
        f"{name.split('/')[0]}/patient {number % 4}/{number}.png": content
        for number, (name, content) in enumerate(two_classes(12).items())
    }
    found = read(files)
    assert found.card.classes == ("bright", "dull") and found.card.group_noun == "group"
    assert len(set(found.cases.groups)) == 8
    assert all("patient" in group for group in found.cases.groups)


PARTS = {"train": range(0, 20), "val": range(20, 25), "test": range(25, 30)}


def in_parts(parts: dict[str, range] = PARTS) -> Files:
    files = list(two_classes(30).items())
    return {
        f"{part}/{name}": content
        for part, numbers in parts.items()
        for name, content in files
        if int(name[-6:-4]) in numbers
    }


def test_official_parts_are_kept() -> None:
    found = read(in_parts())
    assert found.split is not None and found.card.classes == ("bright", "dull")
    for rows, part in (
        (found.split.train, "train"),
        (found.split.validation, "val"),
        (found.split.test, "test"),
    ):
        assert len(rows) == 2 * len(PARTS[part])
        assert all(found.cases.ids[row].startswith(part) for row in rows)


def test_validation_is_drawn_where_only_train_and_test_came() -> None:
    found = read(in_parts({"train": range(0, 22), "test": range(22, 30)}))
    assert found.split is not None and len(found.split.test) == 16
    assert len(found.split.validation) == 10 and len(found.split.train) == 34
    assert found.cases.labels[found.split.validation].tolist() == [0] * 5 + [1] * 5
    assert any("one in 5 of the training part" in note for note in found.notes)
    assert read(in_parts({"train": range(0, 22), "val": range(22, 30)})).split is None


def table(rows: list[list[Any]], header: str) -> bytes:
    return "\n".join([header, *(",".join(map(str, row)) for row in rows)]).encode()


def with_table(header: str, *columns: Any) -> Files:
    """Pictures in one folder, told apart by a table alone."""
    pictures = list(two_classes(12).values())
    files = {f"images/p{number}.png": content for number, content in enumerate(pictures)}
    rows = [
        [f"p{number}.png", *(column(number) for column in columns)]
        for number in range(len(pictures))
    ]
    return files | {"labels.csv": table(rows, header)}


def test_a_table_tells_class_patient_id_part_and_ratings() -> None:
    files = with_table(
        "File,Diagnosis,patient_id,id,Margin (1-5),Area,note",
        lambda n: "sick" if n >= 12 else "healthy",
        lambda n: f"P{n // 2}",
        lambda n: f"case {n}",
        lambda n: 1 + n % 5,
        lambda n: n / 7,
        lambda n: "x",
    )
    found = read(files)
    assert found.card.classes == ("healthy", "sick")
    assert found.cases.ids[:3] == ("case-0", "case-1", "case-10")
    assert found.cases.groups[1] == "P0" and found.card.group_noun == "group"
    margin, area = found.card.concepts
    assert (margin.title, margin.rule, margin.low, margin.high) == ("Margin (1-5)", "scale", 1, 5)
    assert (area.title, area.rule, area.columns) == ("Area", "spread", ("area",))
    assert found.cases.columns["margin_1_5"].tolist()[:3] == [1, 2, 1]
    assert "brightness" in found.cases.columns
    assert any("1 column of labels.csv not used" in note and "note" in note for note in found.notes)


def test_of_two_classes_the_usual_one_is_the_reference() -> None:
    files = with_table("file,class", lambda n: "cyst" if n < 12 else "Normal")
    assert read(files).card.classes == ("Normal", "cyst")


def test_a_table_may_name_files_without_endings_and_leave_classes_open() -> None:
    files = with_table("file;label", lambda n: "" if n == 3 else n % 2)
    text = files["labels.csv"].decode().replace(".png", "").replace(",", ";")
    found = read(files | {"labels.csv": text.encode("utf-16")})
    assert (found.cases.labels == UNLABELLED).sum() == 1 and found.card.classes == ("0", "1")


def test_a_table_may_add_to_folders_and_lack_rows() -> None:
    files = two_classes(12)
    rows = [[name, n / 3] for n, name in enumerate(files) if not name.endswith("11.png")]
    found = read(files | {"more.csv": table([*rows, ["gone.png", 1]], "file,sharpness")})
    assert len(found.cases) == 22 and found.card.concepts[0].title == "sharpness"
    assert "2 pictures without a row in more.csv left out." in found.notes
    assert "1 row of more.csv without a picture left out." in found.notes


def test_copies_stay_on_one_side() -> None:
    files = two_classes()
    files["dull/copy.png"] = files["dull/03.png"]
    found = read(files)
    row = found.cases.ids.index("dull-copy")
    assert found.cases.groups[row] == "dull-03" and len(set(found.cases.groups)) == 20
    assert not found.card.group_noun


# --- Arrays -----------------------------------------------------------------------------

EIGHTS = RNG.integers(0, 17, (40, 8, 8))
LABELS = np.arange(40) % 3


@pytest.mark.parametrize(
    ("names", "dtype"), [("images labels", float), ("X y", np.uint8), ("x y", np.int64)]
)
def test_digits_saved_as_they_are_become_pictures(names: str, dtype: Any) -> None:
    """8 x 8 shades from 0 to 16: each pixel three times, two more on every side."""
    images, labels = names.split()
    found = read_pictures(npz(**{images: EIGHTS.astype(dtype), labels: LABELS}), "digits.npz")
    assert found.cases.inputs.shape == (40, 1, 28, 28)
    assert found.card.classes == ("class 0", "class 1", "class 2")
    grown = EIGHTS.repeat(3, axis=1).repeat(3, axis=2) / 16
    np.testing.assert_allclose(found.cases.inputs[:, 0, 2:26, 2:26], grown, atol=1e-6)
    assert found.cases.ids[0] == "picture-01" and found.cases.columns


@pytest.mark.parametrize("shape", [(28, 28, 3), (3, 28, 28), (28, 28, 1), (1, 28, 28)])
def test_channels_may_come_first_or_last(shape: tuple[int, ...]) -> None:
    images = RNG.integers(0, 256, (40, *shape), dtype=np.uint8)
    found = read_pictures(npz(images=images, labels=LABELS.astype(str)), "c.npz")
    first = images if shape[0] < 4 else np.moveaxis(images, 3, 1)
    np.testing.assert_allclose(found.cases.inputs * 255, first, atol=1e-4)
    assert found.card.classes == ("0", "1", "2")


def test_medmnist_keeps_its_parts(tmp_path: Path) -> None:
    parts = {"train": 30, "val": 10, "test": 12}
    arrays = {
        f"{part}_images": RNG.integers(0, 256, (count, 64, 64, 3), dtype=np.uint8)
        for part, count in parts.items()
    } | {f"{part}_labels": (np.arange(count) % 2)[:, None] for part, count in parts.items()}
    (tmp_path / "m.npz").write_bytes(npz(**arrays))
    found = read_pictures(tmp_path / "m.npz", "m.npz")
    assert found.cases.inputs.shape == (52, 3, 64, 64) and found.split is not None
    assert [len(part) for part in vars(found.split).values()] == [30, 10, 12]
    assert found.cases.ids[30] == "validation-00001"


# --- What the command line says ---------------------------------------------------------


def test_a_check_says_what_would_become_of_it(tmp_path: Path) -> None:
    (tmp_path / "set.zip").write_bytes(zipped(in_parts()))
    said = json.loads(json.dumps(check_pictures(tmp_path / "set.zip")))
    assert said["classes"] == {"bright": 30, "dull": 30} and said["shape"] == [1, 28, 28]
    assert said["parts"] == {"train": 40, "validation": 10, "test": 10}
    assert read_card(said["card"]).key == "set" and said["unreadable"] == []
