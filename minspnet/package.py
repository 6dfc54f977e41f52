"""A model as one file to hand on: a zip of its plain files, read without trust.

What the file says of itself is checked before anything is unpacked: only names from a short list,
each once, sizes within bounds and none far larger than its packed form. What is unpacked is read no
further than declared. A model enters the workspace once it could be opened there as any other.
"""

import os
import shutil
import stat
import zipfile
from io import BufferedReader, BufferedWriter, BytesIO
from pathlib import Path

from minspnet import collection
from minspnet.adapters.archive import DAMAGED, check_directory, check_places
from minspnet.artifact import FILES, Model, load, read_weights
from minspnet.aside import aside
from minspnet.behind import cases_of
from minspnet.errors import UserError, in_a_line, requirement
from minspnet.registry import TITLE, checked_title, entry_of, settle_title
from minspnet.reported import check_metrics
from minspnet.trace import replay
from minspnet.wording import check_words
from minspnet.workspace import Workspace, as_name

SUFFIX = ".minspnet"
MOST = {
    "model.json": 2**20,
    "weights.safetensors": 2**28,
    "evidence.safetensors": 2**29,
    "metrics.json": 2**24,
    collection.CARD: collection.LONGEST_CARD,
    collection.CASES: 2**29,
    TITLE: 2**10,
}
"""Bytes that each file may take unpacked; no other is let in."""
_DENSEST = 200
"""How many times its packed form a file may be; ids and empty columns pack to a hundredth."""
_SMALL = 2**20
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_CHUNK = 2**20
_DATE = (1980, 1, 1, 0, 0, 0)
_REGULAR = (stat.S_IFREG | 0o644) << 16
_REMEDY = "export the model again"


def pack(folder: Path, file: BytesIO | BufferedWriter) -> None:
    """Write a model's folder as one file, always in the same bytes; its cases go along.

    Raises:
        UserError: If the model cannot be read.
    """
    model = load(folder)
    names = [*FILES, "model.json", *(collection.FILES if model.data else ())]
    names += [TITLE] if (folder / TITLE).is_file() else []
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(names):
            about = zipfile.ZipInfo(name, _DATE)
            about.compress_type, about.external_attr = zipfile.ZIP_DEFLATED, _REGULAR
            about.file_size = (folder / name).stat().st_size
            with archive.open(about, "w") as packed, (folder / name).open("rb") as source:
                shutil.copyfileobj(source, packed, _CHUNK)


def unpack(file: BytesIO | BufferedReader, called: str, workspace: Workspace) -> str:
    """Bring a packed model into the workspace, whole or not at all.

    Args:
        file: What ``pack`` wrote, from wherever it came.
        called: Name of the file, which the model is named after.
        workspace: Where to.

    Returns:
        The model's name, with a number added if it was taken.

    Raises:
        UserError: In one sentence, if the file is anything else; nothing is kept of it then.
    """
    wanted = as_name(Path(called).name.removesuffix(SUFFIX))
    try:
        workspace.models.mkdir(parents=True, exist_ok=True)
        with aside(workspace.models, "importing") as room:
            folder = room / wanted
            folder.mkdir()
            check_directory(file)
            with zipfile.ZipFile(file) as archive:
                check_places(archive)
                _unpack_into(folder, archive, _checked_members(archive))
            check_whole(load(folder))
            target = workspace.new_model(wanted)
            os.replace(folder, target)
        settle_title(workspace, target.name)
        return target.name
    except UserError:
        raise
    except OSError as error:
        raise UserError(
            f"The model could not be kept ({error.strerror or error}); make room, and try again."
        ) from error
    except DAMAGED as error:
        raise requirement("file", f"be a whole {SUFFIX} file", in_a_line(error), _REMEDY) from error


def _checked_members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Look at the archive's directory alone."""
    members = archive.infolist()
    if len(members) > len(MOST):
        raise requirement("file", f"hold {len(MOST)} files at most", len(members), _REMEDY)
    names = [member.filename for member in members]
    for member in members:
        name = member.filename
        if name not in MOST:
            raise requirement(
                "file", f"hold nothing but {', '.join(MOST)}", repr(name), "take another file"
            )
        if names.count(name) > 1:
            raise requirement("file", f"hold {name} once", f"{names.count(name)}", _REMEDY)
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            raise requirement(name, "be a plain file", "a link or the like", "take another file")
        if member.flag_bits & 1 or member.compress_type not in _PACKINGS:
            raise requirement(name, "be stored or deflated, without a password", "another", _REMEDY)
        most = min(MOST[name], max(_SMALL, _DENSEST * member.compress_size))
        if member.file_size > most:
            raise requirement(
                name, f"unpack to at most {most:,} bytes", f"{member.file_size:,}", "do not open it"
            )
    for name in (*FILES, "model.json"):
        if name not in names:
            raise requirement("file", f"hold {name}", ", ".join(names) or "nothing", _REMEDY)
    return members


def _unpack_into(folder: Path, archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> None:
    for member in members:
        left = member.file_size
        with archive.open(member) as packed, (folder / member.filename).open("wb") as target:
            while chunk := packed.read(min(_CHUNK, left + 1)):
                left -= len(chunk)
                if left < 0:
                    raise requirement(
                        member.filename, f"be {member.file_size:,} bytes", "more", "do not open it"
                    )
                target.write(chunk)
        if left:
            raise requirement(
                member.filename,
                f"be {member.file_size:,} bytes",
                f"{member.file_size - left:,}",
                _REMEDY,
            )


def check_whole(model: Model) -> None:
    """Try what pages will ask of a model, so that one that cannot answer stays outside.

    Raises:
        UserError: If its parts do not go together.
    """
    try:
        _check_parts(model)
        check_words("names of experts", [expert.name for expert in model.spec.experts])
        check_metrics(model.metrics)
        entry_of(model)
        _check_weights(model)
    except UserError:
        raise
    except Exception as error:  # whatever parts that do not fit make go wrong
        raise requirement(
            "parts of the model", "go together", in_a_line(error), "take another file"
        ) from error


def _check_parts(model: Model) -> None:
    if (model.folder / TITLE).is_file():
        checked_title((model.folder / TITLE).read_text(encoding="utf-8"))
    everything = cases_of(model)
    for part, trace in model.traces.items():
        cases = everything.take(everything.rows_of(trace.case_ids))
        truth = model.scale.truth(cases.columns)
        _same(f"concepts of the {part} cases", truth.shape[1], len(trace.concept_names))
        chances = replay(trace, model.policy).probabilities
        _same(f"classes of the {part} cases", chances.shape[1], len(model.domain.classes))
    names = model.domain.concept_names, model.traces["test"].concept_names
    _same("names of concepts", *names)
    _same("shape of inputs", everything.inputs.shape[1:], model.spec.input_shape)


def _check_weights(model: Model) -> None:
    """Hold what the network would be against what came, before any of it takes memory."""
    import torch

    from minspnet.network import Network

    weights = {name: values.shape for name, values in read_weights(model).items()}
    with torch.device("meta"):
        network = Network(model.spec)
    shapes = {name: tuple(values.shape) for name, values in network.state_dict().items()}
    for name in sorted(shapes.keys() | weights.keys()):
        _same(f"shape of {name}", weights.get(name), shapes.get(name))


def _same(what: str, got: object, must: object) -> None:
    if got != must:
        raise requirement(what, f"be {must}, as the network's", got, _REMEDY)
