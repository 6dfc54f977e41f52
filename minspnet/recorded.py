"""Evidence on more cases than fit in memory: written batch by batch, read where it lies."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from numpy.lib.format import open_memmap

from minspnet.errors import requirement
from minspnet.trace import ExpertTree, Head, Trace

if TYPE_CHECKING:
    from minspnet.network import Network

_FILES = ("gates", "base", "contributions")
_IDS = "cases.json"


def record(
    network: "Network",
    case_ids: tuple[str, ...],
    inputs: Float[np.ndarray, "case *input"],
    concept_names: tuple[str, ...],
    folder: Path,
    batch_size: int = 1024,
    progress: bool = False,
) -> Trace:
    """Do what ``minspnet.network.run`` does, with the evidence in files.

    Args:
        network: In evaluation mode afterwards.
        case_ids: One per case.
        inputs: All cases; may be memory-mapped themselves, since each batch is read on its own.
        concept_names: One per concept of the network.
        folder: Created if missing; a recording already there is replaced.
        batch_size: Bounds the memory of one pass.
        progress: Show a bar.

    Raises:
        UserError: If inputs or names do not fit the network, or an input is NaN or infinite.
    """
    from tqdm import tqdm

    from minspnet.network import check_names, run

    check_names(network.spec, case_ids, inputs, concept_names)
    folder.mkdir(parents=True, exist_ok=True)
    cases, experts, outputs = len(inputs), len(network.experts), network.spec.outputs
    shapes = ((experts, cases), (cases, outputs), (experts, cases, outputs))
    # Into new files: a trace that has the old ones open keeps what it was opened with.
    gates, base, contributions = (
        open_memmap(folder / f"{name}.new", "w+", np.float32, shape)
        for name, shape in zip(_FILES, shapes, strict=True)
    )
    for start in tqdm(range(0, cases, batch_size), desc="evidence", disable=not progress):
        rows = slice(start, start + batch_size)
        part = run(network, case_ids[rows], np.asarray(inputs[rows]), concept_names, batch_size)
        gates[:, rows] = part.gates.T
        base[rows] = part.base
        contributions[:, rows] = np.moveaxis(part.contributions, 1, 0)
    # Without its list of cases a recording does not open: that goes first and comes back last.
    (folder / _IDS).unlink(missing_ok=True)
    for name, array in zip(_FILES, (gates, base, contributions), strict=True):
        array.flush()
        (folder / f"{name}.new").replace(folder / f"{name}.npy")
    head = network.frozen_head()
    about = {"network": _identity(network.tree, head, concept_names), "cases": case_ids}
    (folder / _IDS).write_text(json.dumps(about))
    return reopen(folder, network.tree, head, concept_names)


def reopen(folder: Path, tree: ExpertTree, head: Head, concept_names: tuple[str, ...]) -> Trace:
    """Open a recording of the network that tree and head belong to, without reading it.

    Raises:
        UserError: If it is not there, not complete, or of another network.
    """
    try:
        about = json.loads((folder / _IDS).read_text())
        case_ids = tuple(map(str, about["cases"]))
        gates, base, contributions = (
            np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in _FILES
        )
    except (OSError, ValueError, TypeError, KeyError) as error:
        what = " ".join(str(error).split())[:120]
        raise requirement("recording", f"lie complete in {folder}", what, "record anew") from error
    if about.get("network") != _identity(tree, head, concept_names):
        raise requirement(
            "recording", "be of this network, its head included", "another one", "record anew"
        )
    cases, experts, outputs = len(case_ids), len(tree.names), len(head.weights[0])
    shapes = ((experts, cases), (cases, outputs), (experts, cases, outputs))
    found = tuple(array.shape for array in (gates, base, contributions))
    if found != shapes or {gates.dtype, base.dtype, contributions.dtype} != {np.dtype(np.float32)}:
        raise requirement("recording", f"have arrays of shapes {shapes}", found, "record anew")
    return Trace(
        case_ids, gates.T, base, np.moveaxis(contributions, 0, 1), tree, head, concept_names
    )


def _identity(tree: ExpertTree, head: Head, concept_names: tuple[str, ...]) -> str:
    """Tell networks apart by their forest, head and concepts: those of an empty trace."""
    none = np.zeros((0, len(tree.names)), np.float32)
    outputs = np.zeros((0, len(head.weights[0])), np.float32)
    adds = np.zeros((0, len(tree.names), len(head.weights[0])), np.float32)
    return Trace((), none, outputs, adds, tree, head, concept_names).digest
