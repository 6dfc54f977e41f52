"""Rebuild ``cases.csv.gz`` from the shuttle table inside the PyPI package ``river``.

Source: Statlog (Shuttle), UCI Machine Learning Repository, CC BY 4.0, as an anomaly task by the
ODDS library and packaged by river 0.26.1 (BSD 3-clause).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent

PACKAGE = "river==0.26.1"
MEMBER = "river/datasets/shuttle.csv.gz"
MEMBER_SHA256 = "1ed4bfa77233d95bff2c8ab2482725d2d800410daedf5919ad80ec6faf60ff59"

SENSORS = tuple(f"sensor_{number}" for number in range(1, 10))


def rows(source: str) -> list[list[str]]:
    """Turn the source's table into ours: header first, the order kept."""
    table = [[*SENSORS, "anomaly"]]
    table += list(csv.reader(io.StringIO(source)))[1:]
    return table


def read_origin(wheel: Path) -> str:
    """Return the table inside a river wheel.

    Raises:
        ValueError: If it is not the one that the shipped file comes from.
    """
    with zipfile.ZipFile(wheel) as archive:
        content = archive.read(MEMBER)
    digest = hashlib.sha256(content).hexdigest()
    if digest != MEMBER_SHA256:
        raise ValueError(
            f"wheel must hold the table of {PACKAGE} (SHA-256 {MEMBER_SHA256[:12]}...), "
            f"got {digest[:12]}...; leave --wheel out to download it."
        )
    return gzip.decompress(content).decode()


def build(source: str, out: Path) -> None:
    """Write ``cases.csv.gz`` into the folder ``out``, with Unix line ends and no time stamp."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows(source))
    out.mkdir(parents=True, exist_ok=True)
    packed = gzip.compress(text.getvalue().encode(), compresslevel=9, mtime=0)
    (out / "cases.csv.gz").write_bytes(packed)


def download(folder: Path) -> Path:
    """Fetch the wheel with pip and return its path."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", PACKAGE]
    subprocess.run([*command, "--dest", str(folder)], check=True)
    return next(folder.glob("river-*.whl"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=f"Rebuild the shuttle table from the one inside {PACKAGE}."
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
            source = read_origin(wheel)
        except (ValueError, OSError, KeyError, zipfile.BadZipFile) as problem:
            parser.error(str(problem))
        build(source, options.out)


if __name__ == "__main__":
    main()
