"""A trained model as one folder of plain files, checked by hash, never unpickled.

    model.json           spec, training recipe, domain, policy, cost, hashes of the rest
    weights.safetensors  the network
    evidence.safetensors its traces on the training, validation and test cases
    metrics.json         what the test cases said, and the baselines

A model of a user's own task also holds ``card.toml`` and ``cases.safetensors``, so that its folder
is all it takes to show it (see ``collection``). Reading needs numpy alone, so that a page can show
a model before torch is imported.
"""

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import load_file

from minspnet import collection as collections
from minspnet.aside import aside
from minspnet.collection import CARD, CASES, Collection
from minspnet.data import ConceptScale
from minspnet.domain import Domain
from minspnet.domains import find_domain
from minspnet.errors import UserError, in_a_line, requirement
from minspnet.evidence import head_of, load_evidence, save_arrays, save_evidence
from minspnet.metrics import CostTable
from minspnet.policy import Policy
from minspnet.recipe import TrainSpec
from minspnet.spec import ModelSpec
from minspnet.trace import Trace

if TYPE_CHECKING:
    from minspnet.deploy.forest import Way
    from minspnet.network import Network
    from minspnet.study import Study

SCHEMA_VERSION = 1
WEIGHTS, EVIDENCE, METRICS = FILES = (
    "weights.safetensors",
    "evidence.safetensors",
    "metrics.json",
)
_DESCRIBED = {
    "domain": str,
    "variant": str,
    "seed": int,
    "spec": dict,
    "training": dict,
    "policy": dict,
    "cost": dict,
    "sha256": dict,
}
"""What ``model.json`` holds beside its version, and of which type."""
_OPTIONAL = ("created", "parent")
"""Texts that it may hold: when it was saved, and the digest of the model it goes on from."""


@dataclass(frozen=True)
class Model:
    """A saved model, all but the network itself.

    Attributes:
        folder: Where it lies.
        digest: SHA-256 of ``model.json``, which holds the hashes of the other files.
        domain: The task, shipped or told by the card in the folder.
        variant: The choice of inputs.
        seed: Of split and training.
        spec: Architecture.
        training: Recipe.
        policy: The operating point it was saved with.
        cost: MACs per part.
        scale: How columns become true concepts.
        traces: Evidence on the training, validation and test cases.
        metrics: Test scores and baselines.
        data: Digest of a user's own card and cases; empty if the task ships.
        created: When it was saved, in UTC; empty if that was not noted.
        parent: Digest of the model that its training went on from; empty if there is none.
    """

    folder: Path
    digest: str
    domain: Domain
    variant: str
    seed: int
    spec: ModelSpec
    training: TrainSpec
    policy: Policy
    cost: CostTable
    scale: ConceptScale
    traces: Mapping[str, Trace]
    metrics: Mapping[str, Any]
    data: str = ""
    created: str = ""
    parent: str = ""

    @property
    def domain_key(self) -> str:
        """The task's key."""
        return self.domain.key

    @property
    def name(self) -> str:
        """The folder's name: its key in links."""
        return self.folder.name


def save(
    study: "Study",
    folder: Path,
    metrics: Mapping[str, Any] | None = None,
    collection: Collection | None = None,
    parent: str = "",
) -> None:
    """Write a study as a model folder; a model already there is replaced by a complete one.

    All files are written aside first, so that running out of space or patience leaves the old
    model as it was. Aside means within the folder: what else lies in it stays, and nothing has
    to be writable but the folder itself.

    Args:
        study: What to save.
        folder: Created if missing.
        metrics: In place of the study's own, if they were extended.
        collection: A user's own task, which the folder then holds too.
        parent: Digest of the model that the training went on from.
    """
    folder.mkdir(parents=True, exist_ok=True)
    said = {"parent": parent} if parent else {}
    if collection is not None or parent:
        said["created"] = datetime.now(UTC).isoformat(timespec="seconds")
    with aside(folder, "saving") as room:
        names: tuple[str, ...] = FILES
        if collection is not None:
            collections.save_collection(collection, room)
            names += collections.FILES
        _write(study, room, metrics if metrics is not None else study.metrics, names, said)
        _move_in(room, folder, (*names, "model.json"))


def _write(
    study: "Study",
    folder: Path,
    metrics: Mapping[str, Any],
    names: tuple[str, ...],
    said: Mapping[str, str],
) -> None:
    state = study.network.state_dict()
    save_arrays({name: tensor.numpy() for name, tensor in state.items()}, folder / WEIGHTS)
    save_evidence(study.traces, study.scale, folder / EVIDENCE)
    _write_json(folder / METRICS, metrics)
    _write_json(
        folder / "model.json",
        {
            "schema_version": SCHEMA_VERSION,
            "domain": study.domain.key,
            "variant": study.variant.name,
            "seed": study.seed,
            "spec": study.preset.model.to_dict(),
            "training": study.preset.training.to_dict(),
            "policy": study.policy.without_interventions().to_text(),
            "cost": dataclasses.asdict(study.cost),
            "sha256": {name: _sha256(folder / name) for name in names},
            **said,
        },
    )


def _move_in(room: Path, folder: Path, names: tuple[str, ...]) -> None:
    """Put finished files in place, all or none; the old ones wait in the room until then."""
    old = room / "old"
    old.mkdir()
    before = [name for name in names if (folder / name).exists()]
    for name in before:
        shutil.copy2(folder / name, old / name)
    try:
        for name in names:
            (room / name).replace(folder / name)
    except BaseException:
        for name in names:
            if name in before:
                (old / name).replace(folder / name)
            else:
                (folder / name).unlink(missing_ok=True)
        raise


def load(folder: Path) -> Model:
    """Read a model folder and check every file against its hash.

    Args:
        folder: As ``save`` wrote it.

    Raises:
        UserError: If a file is missing, altered, of another version, or holds something else.
    """
    described = read_description(folder)
    hashes = described["sha256"]
    _check_files(folder, hashes)
    domain = domain_of(folder, described)
    with _named("model.json", folder):
        spec = ModelSpec.from_dict(described["spec"])
        training = TrainSpec.from_dict(described["training"])
        policy = Policy.from_text(**described["policy"])
        policy.check([expert.name for expert in spec.experts], ())
        cost = _cost(described["cost"], spec)
        variant, seed = described["variant"], described["seed"]
    with _named(WEIGHTS, folder):
        head = head_of(load_file(folder / WEIGHTS), spec)
    with _named(EVIDENCE, folder):
        traces, spreads = load_evidence(folder / EVIDENCE, spec, head)
    with _named(METRICS, folder):
        metrics = dict(json.loads((folder / METRICS).read_text()))
    return Model(
        folder,
        _sha256(folder / "model.json"),
        domain,
        variant,
        seed,
        spec,
        training,
        policy,
        cost,
        ConceptScale(domain.concepts, spreads),
        traces,
        metrics,
        collections.digest_of(hashes[CARD], hashes[CASES]) if CARD in hashes else "",
        *(described.get(key, "") for key in _OPTIONAL),
    )


def domain_of(folder: Path, described: Mapping[str, Any]) -> Domain:
    """The task of a model: as the card in its folder says, or a shipped one.

    Args:
        folder: Of the model.
        described: What ``read_description`` said of it.

    Raises:
        UserError: If there is no such task, or the card cannot be used.
    """
    if CARD not in described["sha256"]:
        return find_domain(described["domain"])
    domain = collections.load_card(folder).domain()
    if domain.key != described["domain"]:
        raise requirement(
            f"{CARD} of model {folder.name}",
            f"be that of {described['domain']}",
            domain.key,
            "restore it",
        )
    return domain


@contextmanager
def _named(name: str, folder: Path) -> Iterator[None]:
    """Turn whatever a foreign file makes go wrong into one sentence that names the file."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"{name} of model {folder.name} cannot be read ({in_a_line(error)}); restore or "
            "retrain it."
        ) from error


def _check_files(folder: Path, hashes: object) -> None:
    whole = (set(FILES), {*FILES, *collections.FILES})
    if not isinstance(hashes, Mapping) or set(hashes) not in whole:
        raise requirement(
            f"sha256 in model.json of {folder.name}",
            f"name exactly {', '.join(FILES)}",
            hashes,
            "retrain the model",
        )
    for name, expected in hashes.items():
        if not (folder / name).is_file():
            raise requirement(f"model {folder.name}", "hold all its files", name, "retrain it")
        if _sha256(folder / name) != expected:
            raise requirement(
                f"{name} of model {folder.name}",
                "match the hash in model.json",
                "another content",
                "restore or retrain it",
            )


def _cost(described: Mapping[str, Any], spec: ModelSpec) -> CostTable:
    cost = CostTable(
        described["base"], tuple(described["experts"]), tuple(map(tuple, described["parts"]))
    )
    if len(cost.experts) != len(spec.experts):
        raise requirement(
            "cost.experts in model.json",
            f"have {len(spec.experts)} values",
            len(cost.experts),
            "retrain the model",
        )
    return cost


def read_description(folder: Path) -> dict[str, Any]:
    """Read ``model.json`` alone: enough to list models.

    Raises:
        UserError: If there is none, or it is not one of ours.
    """
    path = folder / "model.json"
    if not path.is_file():
        raise requirement("model", "be a folder with a model.json", folder.name, "train one first")
    try:
        described = json.loads(path.read_text())
        version = described["schema_version"]
        missing = set(_DESCRIBED) - set(described)
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"model.json of {folder.name} is not a model description ({in_a_line(error)}); "
            "retrain it."
        ) from error
    if version != SCHEMA_VERSION or missing:
        raise requirement(
            f"model {folder.name}",
            f"be of version {SCHEMA_VERSION} and complete",
            f"version {version}, missing {sorted(missing) or 'nothing'}",
            "retrain it",
        )
    for key, kind in _DESCRIBED.items():
        if not isinstance(described[key], kind):
            raise requirement(
                f"{key} in model.json of {folder.name}",
                f"be of type {kind.__name__}",
                described[key],
                "retrain the model",
            )
    for key in _OPTIONAL:
        if not isinstance(described.get(key, ""), str):
            raise requirement(
                f"{key} in model.json of {folder.name}", "be a text", described[key], "restore it"
            )
    checked: dict[str, Any] = described
    return checked


def load_network(model: Model) -> "Network":
    """Build the network and fill in its weights; imports torch.

    Raises:
        UserError: If the weights do not fit the spec.
    """
    import torch

    from minspnet.network import Network

    network, weights = Network(model.spec), read_weights(model)
    with _named(WEIGHTS, model.folder):
        network.load_state_dict({name: torch.from_numpy(a) for name, a in weights.items()})
    return network.eval()


def export_network(model: Model, domain: Domain, policy: Policy, way: "Way" = "case") -> bytes:
    """Write the network as an ONNX file; see ``minspnet.deploy.export``; imports torch.

    Args:
        model: Whose network.
        domain: Its task, for the names of concepts and classes.
        policy: What the thresholds are unless a run gives others.
        way: How cases are run.
    """
    from minspnet.deploy.export import export

    names = domain.concept_names, domain.classes
    return export(load_network(model), policy, *names, way, model.digest).SerializeToString()


def read_weights(model: Model) -> dict[str, np.ndarray]:
    """The stored numbers of a network by name, without torch."""
    with _named(WEIGHTS, model.folder):
        return load_file(model.folder / WEIGHTS)


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
