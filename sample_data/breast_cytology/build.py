"""Rebuild ``cases.csv`` of the breast cytology data from scikit-learn's copy.

Source: Wolberg, Street, Mangasarian, "Breast Cancer Wisconsin (Diagnostic)",
UCI Machine Learning Repository, CC BY 4.0, as shipped by
``sklearn.datasets.load_breast_cancer``.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

from sklearn.datasets import load_breast_cancer

HERE = Path(__file__).resolve().parent

_STATISTICS = {"mean": "mean", "error": "se", "worst": "worst"}


def column_name(source_name: str) -> str:
    """Translate one of scikit-learn's feature names to ``statistic_trait``.

    Args:
        source_name: For example ``"concave points error"`` or ``"mean radius"``.

    Returns:
        For example ``"se_concave_points"`` or ``"mean_radius"``.
    """
    words = source_name.split()
    # The source puts "mean" and "worst" first but "error" last.
    position = -1 if words[-1] == "error" else 0
    statistic = _STATISTICS[words.pop(position)]
    return "_".join([statistic, *words])


def rows() -> list[list[str]]:
    """Return the table as text, header first, in the order of the source."""
    source = load_breast_cancer()
    names = [str(name) for name in source.feature_names]
    table = [["case_id", "label", *map(column_name, names)]]
    for number, (measurements, target) in enumerate(
        zip(source.data, source.target, strict=True), start=1
    ):
        label = str(source.target_names[target])
        # repr of a float is the shortest text that reads back to the same float.
        values = [repr(float(value)) for value in measurements]
        table.append([f"FNA-{number:03d}", label, *values])
    return table


def build(out: Path) -> None:
    """Write the table to ``out`` as CSV with Unix line ends."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description="Rebuild the breast cytology table from scikit-learn's copy of the "
        "Wisconsin (Diagnostic) data."
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=HERE / "cases.csv",
        help="file to write (default: cases.csv beside this script)",
    )
    build(parser.parse_args(arguments).out)


if __name__ == "__main__":
    main()
