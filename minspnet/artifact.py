"""A trained model as one folder of plain files, checked by hash, never unpickled.

    model.json           spec, training recipe, domain, policy, cost, hashes of the rest
    weights.safetensors  the network
    evidence.safetensors its traces on the training, validation and test cases
    metrics.json         what the test cases said, and the baselines

Reading a model needs numpy alone, so that a page can show it before torch is imported.
"""

import dataclasses
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from minspnet.data import PARTS, ConceptScale
from minspnet.domain import Domain
from minspnet.errors import UserError, in_a_line, requirement
from minspnet.metrics import CostTable
from minspnet.policy import Policy
from minspnet.recipe import TrainSpec
from minspnet.spec import ModelSpec
from minspnet.trace import ExpertTree, Head, Prototypes, Trace

if TYPE_CHECKING:
    from minspnet.deploy.forest import Way
    from minspnet.network import Network
    from minspnet.study import Study

SCHEMA_VERSION = 1
WEIGHTS, EVIDENCE, METRICS = _FILES = (
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


@dataclass(frozen=True)
class Model:
    """A saved model, all but the network itself.

    Attributes:
        folder: Where it lies.
        digest: SHA-256 of ``model.json``, which holds the hashes of the other files.
        domain_key: The task.
        variant: The choice of inputs.
        seed: Of split and training.
        spec: Architecture.
        training: Recipe.
        policy: The operating point it was saved with.
        cost: MACs per part.
        scale: How columns become true concepts.
        traces: Evidence on the training, validation and test cases.
        metrics: Test scores and baselines.
    """

    folder: Path
    digest: str
    domain_key: str
    variant: str
    seed: int
    spec: ModelSpec
    training: TrainSpec
    policy: Policy
    cost: CostTable
    scale: ConceptScale
    traces: Mapping[str, Trace]
    metrics: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The folder's name: its key in links."""
        return self.folder.name


def save(study: "Study", folder: Path, metrics: Mapping[str, Any] | None = None) -> None:
    """Write a study as a model folder; a model already there is replaced by a complete one.

    All files are written aside first, so that running out of space or patience leaves the old
    model as it was. Aside means within the folder: what else lies in it stays, and nothing has
    to be writable but the folder itself.

    Args:
        study: What to save.
        folder: Created if missing.
        metrics: In place of the study's own, if they were extended.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".saving-") as room:
        _write(study, Path(room), metrics if metrics is not None else study.metrics)
        _move_in(Path(room), folder)


def _write(study: "Study", folder: Path, metrics: Mapping[str, Any]) -> None:
    state = study.network.state_dict()
    _save_arrays({name: tensor.numpy() for name, tensor in state.items()}, folder / WEIGHTS)
    _save_evidence(study.traces, study.scale, folder / EVIDENCE)
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
            "sha256": {name: _sha256(folder / name) for name in _FILES},
        },
    )


def _move_in(room: Path, folder: Path) -> None:
    """Put finished files in place, all or none; the old ones wait in the room until then."""
    names = (*_FILES, "model.json")
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


def load(folder: Path, domain: Domain | None = None) -> Model:
    """Read a model folder and check every file against its hash.

    Args:
        folder: As ``save`` wrote it.
        domain: The task, to read concept rules from; needed for ``Model.scale``.

    Raises:
        UserError: If a file is missing, altered, of another version, or holds something else.
    """
    described = read_description(folder)
    _check_files(folder, described["sha256"])
    with _named("model.json", folder):
        spec = ModelSpec.from_dict(described["spec"])
        training = TrainSpec.from_dict(described["training"])
        policy = Policy.from_text(**described["policy"])
        policy.check([expert.name for expert in spec.experts], ())
        cost = _cost(described["cost"], spec)
        domain_key, variant, seed = (described[key] for key in ("domain", "variant", "seed"))
    with _named(WEIGHTS, folder):
        head = _head(load_file(folder / WEIGHTS), spec)
    with _named(EVIDENCE, folder):
        traces, spreads = _load_evidence(folder / EVIDENCE, spec, head)
    with _named(METRICS, folder):
        metrics = json.loads((folder / METRICS).read_text())
    return Model(
        folder,
        _sha256(folder / "model.json"),
        domain_key,
        variant,
        seed,
        spec,
        training,
        policy,
        cost,
        ConceptScale(domain.concepts if domain else (), spreads),
        traces,
        metrics,
    )


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
    if not isinstance(hashes, Mapping) or set(hashes) != set(_FILES):
        raise requirement(
            f"sha256 in model.json of {folder.name}",
            f"name exactly {', '.join(_FILES)}",
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
        raise requirement("model", "be a folder with a model.json", str(folder), "train one first")
    try:
        described = json.loads(path.read_text())
        version = described["schema_version"]
        missing = set(_DESCRIBED) - set(described)
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{path} is not a model description ({error}); retrain it.") from error
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


def _save_evidence(traces: Mapping[str, Trace], scale: ConceptScale, path: Path) -> None:
    arrays = {f"spreads.{name}": values for name, values in scale.spreads.items()}
    for part, trace in traces.items():
        for name in ("gates", "base", "contributions"):
            arrays[f"{part}.{name}"] = np.ascontiguousarray(getattr(trace, name))
    first = next(iter(traces.values()))
    said = {part: list(trace.case_ids) for part, trace in traces.items()}
    # One entry: the file format writes several in no particular order.
    about = {"cases": said, "concepts": first.concept_names}
    _save_arrays(arrays, path, {"about": json.dumps(about)})


def _load_evidence(
    path: Path, spec: ModelSpec, head: Head
) -> tuple[dict[str, Trace], dict[str, np.ndarray]]:
    with safe_open(path, "np") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        about = json.loads(file.metadata()["about"])
    tree = ExpertTree(tuple(e.name for e in spec.experts), spec.parents)
    concepts = tuple(map(str, about["concepts"]))
    if len(concepts) != spec.concepts:
        raise requirement(
            f"concepts in {path.name} of model {path.parent.name}",
            f"have {spec.concepts} names",
            len(concepts),
            "retrain it",
        )
    traces = {}
    for part in PARTS:
        ids = tuple(about["cases"][part])
        gates, base, contributions = (
            arrays[f"{part}.{name}"] for name in ("gates", "base", "contributions")
        )
        shapes = [
            (len(ids), len(tree.names)),
            (len(ids), spec.outputs),
            (len(ids), len(tree.names), spec.outputs),
        ]
        if [gates.shape, base.shape, contributions.shape] != shapes:
            raise requirement(
                f"{path.name} of model {path.parent.name}",
                f"hold evidence of {len(ids)} {part} cases",
                base.shape,
                "retrain it",
            )
        traces[part] = Trace(ids, gates, base, contributions, tree, head, concepts)
    prefix = "spreads."
    spreads = {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
    return traces, spreads


def _save_arrays(
    arrays: Mapping[str, np.ndarray], path: Path, metadata: dict[str, str] | None = None
) -> None:
    save_file(dict(sorted(arrays.items())), path, metadata)
    # The library writes for the owner alone; a model folder is read like any other file.
    path.chmod(0o644)


def _head(weights: Mapping[str, np.ndarray], spec: ModelSpec) -> Head:
    return Head(
        np.concatenate([weights["head.weights"], weights["head.residual"]], axis=1),
        weights["head.bias"],
        float(weights["head.temperature"]),
        spec.concepts,
        _prototypes(weights) if spec.prototypes else None,
        spec.binary,
    )


def _prototypes(weights: Mapping[str, np.ndarray]) -> Prototypes:
    points = weights["head.prototypes"]
    return Prototypes(points, weights["head.prototype_weights"], float(weights["head.sharpness"]))


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
