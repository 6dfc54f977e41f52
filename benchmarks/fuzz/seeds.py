"""Sound files of every kind that can be brought in, small, made of real data: what fuzzing changes.

They are made once a campaign, into a folder; everything else only reads them.
"""

import io
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.datasets import load_digits

from minspnet.adapters import write_card
from minspnet.adapters.pictures import read_pictures
from minspnet.artifact import load, save
from minspnet.behind import cases_of
from minspnet.budgets import budget_preset
from minspnet.collection import Collection
from minspnet.data import folds
from minspnet.domains import SAMPLE_DATA
from minspnet.intake import draft, profile, sniff
from minspnet.operating import OperatingPoint
from minspnet.package import pack
from minspnet.sweep import Outcomes
from minspnet.workspace import SHIPPED_MODELS, Workspace

TABULAR, PICTURES, SIGNAL = "phishing", "lung_nodules", "wrist_exercise"
"""Models that ship, one of each kind of input."""
OWN = "own-digits"
"""A model on data of one's own, pictures."""
_ROWS = 60


def make(folder: Path) -> None:
    """Write all seeds, a folder a kind, and a workspace with data and a model of one's own."""
    tables = _tables()
    archives = _archives()
    _write(folder / "tables", tables)
    _write(folder / "archives", archives)
    cards = {}
    for name, content in tables.items():
        table = sniff(content)
        found = profile(table)
        cards[name.replace(".csv", ".toml")] = write_card(draft(table, found, "label")).encode()
    pictures = read_pictures(archives["digits.zip"], "digits.zip")
    cards["digits.toml"] = write_card(pictures.card).encode()
    _write(folder / "cards", cards)
    workspace = Workspace(folder / "home")
    own = Collection(pictures.card, pictures.cases, pictures.split, pictures.source)
    workspace.save(own)
    _train(own, workspace)
    packed = {f"{name}.minspnet": _packed(SHIPPED_MODELS / name) for name in (TABULAR, PICTURES)}
    packed["own.minspnet"] = _packed(workspace.models / OWN)
    _write(folder / "models", packed)
    _write(folder / "points", {"point.json": _point(SHIPPED_MODELS / TABULAR)})
    shelf = (SHIPPED_MODELS, SHIPPED_MODELS, SHIPPED_MODELS, workspace.models)
    names = (TABULAR, PICTURES, SIGNAL, OWN)
    shapes = {n: load(s / n).spec.input_shape for n, s in zip(names, shelf, strict=True)}
    _write(folder / "cases", _new_cases(shapes))


def read(folder: Path, kind: str) -> dict[str, bytes]:
    """Seeds of one kind by name."""
    return {path.name: path.read_bytes() for path in sorted((folder / kind).iterdir())}


def home_from(folder: Path, home: Path) -> Workspace:
    """Begin a data folder anew: data and a model of one's own are in it, nothing else."""
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(folder / "home", home)
    return Workspace(home)


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def _tables() -> dict[str, bytes]:
    found = {}
    for name, key in (("phishing", "phishing"), ("cytology", "breast_cytology")):
        frame = pd.read_csv(SAMPLE_DATA / key / "cases.csv", dtype=str)
        # Every nth, so that each class is among them.
        frame = frame.iloc[:: max(1, len(frame) // _ROWS)].iloc[:, :12]
        found[f"{name}.csv"] = frame.to_csv(index=False).encode()
    return found


def _archives() -> dict[str, bytes]:
    digits = load_digits()
    chosen = [row for kind in (3, 8) for row in np.flatnonzero(digits.target == kind)[:14]]
    shades = np.round(digits.images[chosen] / 16 * 255).astype(np.uint8).repeat(2, 1).repeat(2, 2)
    labels = digits.target[chosen]
    kinds = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
    folders, flat, lines = {}, {}, ["file,label,roundness,patient"]
    for place, (picture, label) in enumerate(zip(shades, labels, strict=True)):
        kind = kinds[place % len(kinds)]
        out = io.BytesIO()
        Image.fromarray(picture).save(out, kind)
        name = f"{place:02d}.{kind.lower()}"
        folders[f"digit {label}/{name}"] = flat[name] = out.getvalue()
        lines.append(f"{name},{label},{place % 5},p{place // 2}")
    flat["labels.csv"] = "\n".join(lines).encode()
    arrays, official = io.BytesIO(), io.BytesIO()
    np.savez_compressed(arrays, images=shades, labels=labels)
    big = shades.repeat(2, 1)[:, :28].repeat(2, 2)[:, :, :28]
    parts = {"train": slice(None, None, 2), "val": slice(1, None, 4), "test": slice(3, None, 4)}
    said = {f"{part}_images": big[rows] for part, rows in parts.items()}
    said |= {f"{part}_labels": (labels[rows, None] == 8) for part, rows in parts.items()}
    np.savez_compressed(official, **{n: v.astype(np.uint8) for n, v in said.items()})
    return {
        "digits.zip": _zip(folders),
        "labelled.zip": _zip(flat),
        "digits.npz": arrays.getvalue(),
        "official.npz": official.getvalue(),
    }


def _zip(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def _train(own: Collection, workspace: Workspace) -> None:
    from minspnet.study import conduct

    domain = own.card.domain()
    variant = domain.variants[0]
    usual = budget_preset(domain, variant, own.cases, "tiny")
    quick = replace(usual, training=replace(usual.training, epochs=2))
    split = own.split or next(folds(own.cases, 0))
    study = conduct(domain, variant, quick, own.cases, split, 0, baselines=False)
    save(study, workspace.models / OWN, collection=own)


def _packed(folder: Path) -> bytes:
    out = io.BytesIO()
    pack(folder, out)
    return out.getvalue()


def _point(folder: Path) -> bytes:
    model = load(folder)
    everything = cases_of(model)
    scored = [
        Outcomes(trace, everything.take(everything.rows_of(trace.case_ids)).labels, model.cost)
        for trace in (model.traces["validation"], model.traces["test"])
    ]
    when = datetime.now(UTC).isoformat(timespec="seconds")
    papers = ("Cheaper", "B. Example", "Half the work for the same answers", when)
    return OperatingPoint.of(model.policy, model.digest, *scored, *papers).to_json().encode()


def _new_cases(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, bytes]:
    """Files to score, named after their model, whose inputs have a shape."""
    found = {}
    frame = pd.read_csv(SAMPLE_DATA / "phishing" / "cases.csv").iloc[:40]
    found[f"{TABULAR}.csv"] = frame.to_csv(index=False).encode()
    out = io.BytesIO()
    frame.to_parquet(out)
    found[f"{TABULAR}.parquet"] = out.getvalue()
    for name, shape in shapes.items():
        chances = np.random.default_rng(0).random((6, *shape), dtype=np.float32)
        array, arrays = io.BytesIO(), io.BytesIO()
        np.save(array, chances)
        np.savez_compressed(arrays, inputs=chances, ids=np.array([f"case {k}" for k in range(6)]))
        found |= {f"{name}.npy": array.getvalue(), f"{name}.npz": arrays.getvalue()}
    pictures = {}
    for place in range(4):
        out = io.BytesIO()
        shades = np.random.default_rng(place).integers(0, 255, (40, 40), dtype=np.uint8)
        Image.fromarray(shades).save(out, "PNG")
        pictures[f"ward {place % 2}/{place}.png"] = out.getvalue()
    return found | {f"{name}.zip": _zip(pictures) for name in (PICTURES, OWN)}
