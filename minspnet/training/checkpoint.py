"""An interrupted training, kept so that it goes on as if nothing had happened.

    checkpoint.json           what is being trained, the history, and the name of the next file
    state-000012.safetensors  weights, optimiser state and random numbers after 12 epochs

The tensors are written first, under a name of their own; replacing the one JSON file is what
makes them count. Whatever interrupts this, the folder holds one whole checkpoint. Nothing is
pickled.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from minspnet.errors import UserError, in_a_line, requirement
from minspnet.network import Network

INDEX = "checkpoint.json"
SCHEMA_VERSION = 1


@dataclass
class TrainingState:
    """All that the epochs to come depend on.

    Attributes:
        network: In training.
        optimiser: AdamW over its parameters.
        scaler: Of gradients in half precision; it does nothing elsewhere.
        generators: Sources of random numbers by name; torch's global ones are kept too.
        records: What each epoch said; their number is that of the epochs done.
        best: Weights with the lowest validation loss so far, if that is watched.
    """

    network: Network
    optimiser: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    generators: Mapping[str, torch.Generator]
    records: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)


def identity(
    described: Mapping[str, Any], tensors: Mapping[str, Sequence[Tensor]]
) -> dict[str, Any]:
    """Say what is being trained, and on what, so that a checkpoint fits nothing else.

    Args:
        described: Plain data.
        tensors: Said by their hash.
    """
    hashes = {}
    for name, group in tensors.items():
        content = hashlib.sha256()
        for tensor in group:
            content.update(repr((tuple(tensor.shape), tensor.dtype)).encode())
            content.update(tensor.contiguous().numpy().tobytes())
        hashes[name] = content.hexdigest()
    about = {**described, **hashes, "schema_version": SCHEMA_VERSION}
    plain: dict[str, Any] = json.loads(json.dumps(about))
    return plain


def save_checkpoint(folder: Path, state: TrainingState, about: Mapping[str, Any]) -> None:
    """Write the state after an epoch, in place of that of the epoch before.

    Args:
        folder: Made if missing.
        state: To be kept.
        about: See ``identity``.

    Raises:
        UserError: If the folder cannot be written to.
    """
    name = f"state-{len(state.records):06d}.safetensors"
    index = {"about": about, "state": name, "records": state.records}
    index["scaler"] = state.scaler.state_dict()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / name, lambda path: save_file(_tensors(state), path))
        index["sha256"] = _sha256(folder / name)
        _replace(folder / INDEX, lambda path: path.write_text(json.dumps(index, indent=1)))
        for old in set(folder.glob("state-*.safetensors")) - {folder / name}:
            old.unlink()
    except OSError as error:
        raise requirement(
            "checkpoint folder",
            "be writable",
            f"{folder.name} ({in_a_line(error)})",
            "name another",
        ) from error


def load_checkpoint(folder: Path, state: TrainingState, about: Mapping[str, Any]) -> None:
    """Bring a fresh state to where the checkpoint stands; without one it stays fresh.

    Raises:
        UserError: If the checkpoint is damaged or was made by another training.
    """
    if not (folder / INDEX).exists():
        return
    try:
        index = json.loads((folder / INDEX).read_text())
        found, scale = dict(index["about"]), dict(index["scaler"])
        records = [dict(record) for record in index["records"]]
        path = folder / Path(index["state"]).name
        intact = _sha256(path) == index["sha256"]
        tensors = load_file(path) if intact else {}
    except (OSError, ValueError, LookupError, TypeError, SafetensorError) as error:
        raise UserError(
            f"checkpoint {folder.name} cannot be read ({in_a_line(error)}); delete it "
            "and train from the start."
        ) from error
    if found != about:
        differing = sorted(key for key in about if found.get(key) != about[key])
        raise requirement(
            f"checkpoint {folder.name}",
            "be of the same training",
            f"another {', '.join(differing)}",
            "name another folder or repeat the training it was made by",
        )
    if not intact:
        raise requirement(
            f"checkpoint {folder.name}",
            "match its own hash",
            path.name,
            "delete it and start again",
        )
    _restore(state, tensors)
    state.records[:] = records
    state.scaler.load_state_dict(scale)


def _tensors(state: TrainingState) -> dict[str, Tensor]:
    """Every tensor of the state under a flat name, each with memory of its own."""
    tensors = {f"network.{name}": t for name, t in state.network.state_dict().items()}
    tensors |= {f"best.{name}": t for name, t in state.best.items()}
    for index, moments in state.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": t for name, t in moments.items()}
    tensors |= {f"random.{name}": g.get_state() for name, g in state.generators.items()}
    tensors["random.torch"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    return {name: t.detach().cpu().clone().contiguous() for name, t in tensors.items()}


def _restore(state: TrainingState, tensors: Mapping[str, Tensor]) -> None:
    def part(prefix: str) -> dict[str, Tensor]:
        return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}

    state.network.load_state_dict(part("network."))
    state.best = part("best.")
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in part("optimiser.").items():
        index, _, moment = name.partition(".")
        moments.setdefault(int(index), {})[moment] = tensor
    groups = state.optimiser.state_dict()["param_groups"]
    state.optimiser.load_state_dict({"state": moments, "param_groups": groups})
    random = part("random.")
    for name, generator in state.generators.items():
        generator.set_state(random[name])
    torch.set_rng_state(random["torch"])
    if "cuda" in random and torch.cuda.is_available():
        torch.cuda.set_rng_state(random["cuda"])


def _replace(path: Path, write: Any) -> None:
    """Write beside the file, then put the new one in its place in one step."""
    aside = path.with_name(f"{path.name}.part")
    write(aside)
    os.replace(aside, path)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
