"""Rebuild ``cases.csv`` of the web sites from the table inside the PyPI package ``river``.

Source: Abdelhamid, Ayesh, Thabtah, "Website Phishing", UCI Machine Learning Repository, 2014,
CC BY 4.0, as packaged by river 0.26.1 (BSD 3-clause). The README says why the label and one
column are turned round.
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
MEMBER = "river/datasets/phishing.csv.gz"
MEMBER_SHA256 = "d8a6d44bd9672e852b8a53ad2c64229f81972158a77d981073a98b17c27af7a9"

COLUMNS = {
    "suspicious_form": "empty_server_form_handler",
    "popup_window": "popup_window",
    "weak_certificate": "https",
    "foreign_content": "request_from_other_domain",
    "foreign_links": "anchor_from_other_domain",
    "little_traffic": "is_popular",
    "long_address": "long_url",
    "young_domain": "age_of_domain",
    "ip_address": "ip_in_url",
}
"""Column of ``cases.csv`` -> column of the source."""


def rows(source: str) -> list[list[str]]:
    """Turn the source's table into ours: header first, the order kept."""
    table = [["case_id", "label", *COLUMNS]]
    for number, row in enumerate(csv.DictReader(io.StringIO(source)), start=1):
        # The source marks with 1 the 548 sites that its authors count as legitimate.
        label = "legitimate" if row["is_phishing"] == "1" else "phishing"
        signs = {name: float(row[column]) for name, column in COLUMNS.items()}
        signs["little_traffic"] = 1 - signs["little_traffic"]
        table.append([f"SITE-{number:04d}", label, *(f"{sign:g}" for sign in signs.values())])
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
    """Write ``cases.csv`` into the folder ``out``, with Unix line ends."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "cases.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows(source))


def download(folder: Path) -> Path:
    """Fetch the wheel with pip and return its path."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", PACKAGE]
    subprocess.run([*command, "--dest", str(folder)], check=True)
    return next(folder.glob("river-*.whl"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=f"Rebuild the phishing table from the one inside {PACKAGE}."
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
