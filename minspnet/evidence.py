"""Evidence and weights as files of plain arrays, the part of a model that replay needs."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from minspnet.data import PARTS, ConceptScale
from minspnet.errors import requirement
from minspnet.spec import ModelSpec
from minspnet.trace import ExpertTree, Head, Prototypes, Trace


def save_evidence(traces: Mapping[str, Trace], scale: ConceptScale, path: Path) -> None:
    """Write the traces of all parts, and the spreads that concepts are graded by."""
    arrays = {f"spreads.{name}": values for name, values in scale.spreads.items()}
    for part, trace in traces.items():
        for name in ("gates", "base", "contributions"):
            arrays[f"{part}.{name}"] = np.ascontiguousarray(getattr(trace, name))
    first = next(iter(traces.values()))
    said = {part: list(trace.case_ids) for part, trace in traces.items()}
    # One entry: the file format writes several in no particular order.
    about = {"cases": said, "concepts": first.concept_names}
    save_arrays(arrays, path, {"about": json.dumps(about)})


def load_evidence(
    path: Path, spec: ModelSpec, head: Head
) -> tuple[dict[str, Trace], dict[str, np.ndarray]]:
    """Read traces by part, and spreads by column.

    Raises:
        UserError: If they do not fit the spec; other errors if the file is none of ours.
    """
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


def save_arrays(
    arrays: Mapping[str, np.ndarray], path: Path, metadata: dict[str, str] | None = None
) -> None:
    """Write arrays by name, always in the same bytes."""
    save_file(dict(sorted(arrays.items())), path, metadata)
    # The library writes for the owner alone; a model folder is read like any other file.
    path.chmod(0o644)


def head_of(weights: Mapping[str, np.ndarray], spec: ModelSpec) -> Head:
    """The class head, read off a network's stored numbers."""
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
