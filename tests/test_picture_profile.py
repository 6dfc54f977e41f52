"""The look over a user's pictures: counts, contact sheet, copies and suspicions."""

import io

import numpy as np
from picture_files import Files, blob, encoded, two_classes, zipped
from PIL import Image

from minspnet.adapters import Pictures, picture_profile, read_pictures


def read(files: Files) -> Pictures:
    return read_pictures(zipped(files), "set.zip")


def test_a_clean_set_is_counted_and_shown() -> None:
    found = picture_profile(read(two_classes(12)), examples=5)
    assert found.counts == (12, 12) and found.unlabelled == 0
    assert found.sizes == ((28, 28, 24),) and found.copies == () and found.suspicions == ()
    assert [len(row) for row in found.examples] == [5, 5]
    sheet = np.asarray(Image.open(io.BytesIO(found.sheet)))
    assert sheet.shape == (2 * 60 + 4, 5 * 60 + 4, 3)
    first = sheet[4:60:2, 4:60:2, 0]
    np.testing.assert_array_equal(first, blob(100, bright=True))


def test_copies_and_torn_labels_are_suspect() -> None:
    files = two_classes()
    files["bright/copy.png"] = files["dull/03.png"]
    found = picture_profile(read(files))
    assert found.copies == (("bright-copy", "dull-03"),)
    (said,) = found.suspicions
    assert said == (
        "1 picture found under more than one class, such as bright-copy and dull-03: one of the "
        "labels must be wrong."
    )


def test_the_same_pixels_in_train_and_test_are_suspect() -> None:
    files = {
        f"{'test' if n % 3 == 0 else 'train'}/{name}": content
        for n, (name, content) in enumerate(two_classes(30).items())
    }
    files["test/dull/copy.png"] = files["train/dull/01.png"]
    said = picture_profile(read(files)).suspicions
    assert said[0].startswith("1 picture of the official test part also in training or validation,")
    assert "test-dull-copy" in said[0] and "too good" in said[0]


def test_imbalance_is_said() -> None:
    files = two_classes(100)
    files = {name: content for name, content in files.items() if name[:4] == "dull" or "/0" in name}
    (said,) = picture_profile(read(files)).suspicions
    assert said.startswith("dull has 10 times as many pictures as bright")


def test_a_class_told_by_the_size_of_its_files_is_suspect() -> None:
    files = two_classes()
    for number in range(10):
        files[f"bright/{number:02d}.png"] = encoded(blob(number, 30, 40))
    (said,) = picture_profile(read(files)).suspicions
    assert said.startswith("The size of a file alone tells the class of 100% of the pictures")
