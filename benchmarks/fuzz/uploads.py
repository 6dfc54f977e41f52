"""Every file that can be brought in, given bad ones: through the entry that its page calls."""

import hashlib
import io
import json
import random
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.fuzz import mutations as change
from benchmarks.fuzz import seeds
from benchmarks.fuzz.mutations import Mutate, spliced
from benchmarks.fuzz.words import word
from dashboard import drafts, picture_drafts
from minspnet.adapters import read_card, write_card
from minspnet.artifact import Model, load, load_network
from minspnet.errors import UserError
from minspnet.network import Network
from minspnet.operating import OperatingPoint, read
from minspnet.package import unpack
from minspnet.predict import predict
from minspnet.registry import delete, folder_of
from minspnet.workspace import Workspace

LARGEST = 2**21
"""Bytes of a changed file: more would only take longer to make."""
_KEPT = 0.1
"""Share of what is taken that is also saved, as a visitor would."""


@dataclass(frozen=True)
class Place:
    """Where a campaign lies.

    Attributes:
        seeds: Sound files.
        workspace: The data folder.
        outside: A folder beside it that is none of the product's business.
    """

    seeds: Path
    workspace: Workspace
    outside: Path


@dataclass(frozen=True)
class Upload:
    """One way in.

    Attributes:
        kind: Folder of its seeds.
        change: What makes a sound file a bad one, by the ending of its name.
        give: Hands a file over; raises a sentence, or returns.
    """

    kind: str
    change: dict[str, Mutate]
    give: Callable[[str, bytes, random.Random, Place], object]


def bad_file(entry: Upload, chance: random.Random, place: Place) -> tuple[str, bytes]:
    """A name and content made from one of the seeds; now and then a sound one, or another kind."""
    known = _seeds(place.seeds, entry.kind)
    name = chance.choice(sorted(known))
    content = known[name]
    ending = name[name.rindex(".") :]
    kind = chance.random()
    if kind < 0.02:
        others = _seeds(place.seeds, chance.choice(("tables", "archives", "models", "cards")))
        content = chance.choice(sorted(others.values()))
    elif kind < 0.06:
        content = spliced(content, known[chance.choice(sorted(known))], chance)
    elif kind < 0.08:
        content = chance.randbytes(chance.choice((0, 1, 100, 5_000)))
    elif kind > 0.1:
        content = entry.change[ending](content, chance, place.outside)
    if chance.random() < 0.1:
        name = f"{word(chance, place.outside)[:200]}{ending}"
    return name, content[:LARGEST]


@cache
def _seeds(folder: Path, kind: str) -> dict[str, bytes]:
    return seeds.read(folder, kind)


# --- What pages do with a file ----------------------------------------------------------


def _give_table(name: str, content: bytes, chance: random.Random, place: Place) -> None:
    told = drafts.begin(name, content, place.workspace.collections())
    drafts.card_of(told)
    if chance.random() < _KEPT:
        place.workspace.save(drafts.collection_of(told))


def _give_pictures(name: str, content: bytes, chance: random.Random, place: Place) -> None:
    told = picture_drafts.begin(name, content, place.workspace.collections())
    picture_drafts.card_of(told)
    if chance.random() < _KEPT:
        place.workspace.save(picture_drafts.collection_of(told))


@cache
def _described(folder: Path) -> tuple[drafts.Draft, ...]:
    return tuple(drafts.begin(n, c) for n, c in sorted(_seeds(folder, "tables").items()))


@cache
def _pictured(folder: Path) -> picture_drafts.PictureDraft:
    return picture_drafts.begin("digits.zip", _seeds(folder, "archives")["digits.zip"])


def _give_card(name: str, content: bytes, chance: random.Random, place: Place) -> None:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise UserError("The card must be text in UTF-8; save it as such.") from error
    card = read_card(text)
    assert read_card(write_card(card)) == card, "a card that does not come back as it was"
    card.domain()
    if card.modality == "image":
        picture_drafts.card_of(picture_drafts.follow(_pictured(place.seeds), card))
    for told in _described(place.seeds):
        with suppress(UserError):
            drafts.card_of(drafts.follow(told, card))


def _give_model(name: str, content: bytes, chance: random.Random, place: Place) -> None:
    taken = unpack(io.BytesIO(content), name, place.workspace)
    delete(place.workspace, taken)


def _give_cases(name: str, content: bytes, chance: random.Random, place: Place) -> None:
    model, network = loaded(_model_of(name), place.workspace)
    folder = place.workspace.root / "scored"
    folder.mkdir(exist_ok=True)
    source = folder / f"cases{name[name.rindex('.') :]}"
    source.write_bytes(content)
    outs = [folder / "results.parquet", folder / "results.csv"]
    for _ in predict(model, source, outs, folder / "rejects.csv", None, network):
        pass


def _model_of(name: str) -> str:
    stem = name[: name.rindex(".")]
    known = (seeds.TABULAR, seeds.PICTURES, seeds.SIGNAL, seeds.OWN)
    return stem if stem in known else seeds.TABULAR


@cache
def loaded(name: str, workspace: Workspace) -> tuple[Model, "Network"]:
    """A model that ships or is one's own, with its network."""
    model = load(folder_of(workspace, name))
    return model, load_network(model)


def _give_point(name: str, content: bytes, chance: random.Random, place: Place) -> None:
    model, _ = loaded(seeds.TABULAR, place.workspace)
    point = read(content, model.digest, model.traces["test"].tree.names)
    assert OperatingPoint.from_dict(point.to_dict()) == point, "a point that does not come back"


_ARCHIVE = change.in_zip(change.any_of(change.in_picture, change.in_text))
_ARRAYS = change.in_zip(change.in_array)
_TABLE = change.any_of(change.in_table, change.in_table, change.in_text, change.in_bytes)


def _packed(content: bytes, chance: random.Random, outside: Path) -> bytes:
    """A packed model whose files are changed; mostly the hashes are made to fit again."""

    def inner(held: bytes, chance: random.Random, outside: Path) -> bytes:
        if held[:1] == b"{":
            return change.in_json(held, chance, outside)
        return change.any_of(change.in_tensors, change.in_text)(held, chance, outside)

    packed = change.in_zip(inner)(content, chance, outside)
    return _resealed(packed) if chance.random() < 0.8 else packed


def _resealed(content: bytes) -> bytes:
    """Do what someone would who knows how the files are checked."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        said = json.loads(files["model.json"])
        for name in said["sha256"]:
            said["sha256"][name] = hashlib.sha256(files[name]).hexdigest()
    except Exception:  # too damaged to be made to fit
        return content
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, held in (files | {"model.json": json.dumps(said).encode()}).items():
            archive.writestr(zipfile.ZipInfo(name), held, zipfile.ZIP_DEFLATED)
    return out.getvalue()


UPLOADS = {
    "Data: table": Upload("tables", {".csv": _TABLE}, _give_table),
    "Data: pictures": Upload("archives", {".zip": _ARCHIVE, ".npz": _ARRAYS}, _give_pictures),
    "Data: card": Upload(
        "cards", {".toml": change.any_of(change.in_text, change.in_bytes)}, _give_card
    ),
    "Models: import": Upload("models", {".minspnet": _packed}, _give_model),
    "Score: file": Upload(
        "cases",
        {
            ".csv": _TABLE,
            ".parquet": change.in_bytes,
            ".npy": change.in_array,
            ".npz": _ARRAYS,
            ".zip": _ARCHIVE,
        },
        _give_cases,
    ),
    "Routing: operating point": Upload(
        "points",
        {".json": change.any_of(change.in_json, change.in_json, change.in_bytes)},
        _give_point,
    ),
}
"""By page and field."""
