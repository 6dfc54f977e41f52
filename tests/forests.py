"""Small forests and random traces that the core's tests share."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from hypothesis import strategies as st

from minspnet.network import Network, run
from minspnet.policy import CLOSED, Policy
from minspnet.spec import ExpertSpec, ModelSpec, StemSpec
from minspnet.trace import ExpertTree, Head, Prototypes, Trace

CONCEPTS = ("size", "shape", "edge")
CASES = 24


@dataclass(frozen=True)
class Forest:
    """A network with the cases it was run on and what it found in them."""

    network: Network
    inputs: np.ndarray
    trace: Trace


def forest_spec(kind: str) -> ModelSpec:
    """A spine of two replacing stages, then two parallel experts that add.

    In the ``competing`` forest of columns, exits fuse what their path found, the second stage
    stands behind a gate of gain, and the parallel experts compete.
    """
    if kind == "competing":
        plain = forest_spec("tabular")
        gates = ("doubt", "gain", "choice", "choice")
        experts = tuple(
            replace(e, gate=g, fuse=True) for e, g in zip(plain.experts, gates, strict=True)
        )
        return replace(plain, experts=experts)
    flat = kind == "tabular"
    block, smooth = ("dense", "silu") if flat else ("inverted_bottleneck", "relu")
    experts = (
        ExpertSpec("near", block, 6, activation=smooth),
        ExpertSpec("far", block, 8, "near", stride=1 if flat else 2, activation=smooth),
        ExpertSpec(
            "left",
            block,
            5,
            parent="far",
            reading="add",
            gate="learned",
            concepts=(0, 2),
            activation=smooth,
        ),
        ExpertSpec("right", "none", 8, parent="far", reading="add", gate="learned"),
    )
    if kind == "tabular":
        return ModelSpec((5,), 3, 2, StemSpec("tabular", 6), experts)
    return ModelSpec((1, 16, 16), 3, 3, StemSpec("image", 6), experts, base_grid=2, residual=True)


def randomised(spec: ModelSpec, inputs: np.ndarray) -> Network:
    """Build a network with random weights, which has seen the inputs but is not trained."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(4)
        network = Network(spec).train()
        for parameter in network.parameters():
            fan_in = parameter[0].numel() if parameter.ndim > 1 else 4
            parameter.add_(torch.randn_like(parameter) * 1.5 / fan_in**0.5)
        network.head.weights.mul_(3)
        network.head.temperature.fill_(1.7)
        network.stem.standardise.fit(torch.from_numpy(inputs))
        for _ in range(10):  # normalisation statistics, neither new nor quite those of the inputs
            network.evidence(torch.from_numpy(inputs))
        found = network.eval().evidence(torch.from_numpy(inputs))
        logits = network.head(found.base + found.contributions.sum(dim=1))
        network.head.bias.sub_(logits[:, 1:].median(dim=0).values)  # so that every class is met
    return network


def random_inputs(shape: tuple[int, ...]) -> np.ndarray:
    """Columns, or pictures of patches: noise alone would pool to the same grey."""
    generator = np.random.default_rng(0)
    if len(shape) == 1:
        return generator.normal(size=(CASES, *shape)).astype(np.float32)
    patches = generator.normal(size=(CASES, 1, 4, 4)) * generator.exponential(size=(CASES, 1, 1, 1))
    pictures = np.kron(patches, np.ones((4, 4))) + generator.normal(0, 0.2, (CASES, *shape))
    return pictures.astype(np.float32)


def make_forest(kind: str) -> Forest:
    """Run a random forest on random cases."""
    spec = forest_spec(kind)
    inputs = random_inputs(spec.input_shape)
    network = randomised(spec, inputs)
    ids = tuple(f"case {n}" for n in range(CASES))
    return Forest(network, inputs, run(network, ids, inputs, CONCEPTS))


def thresholds_between_gates(gates: np.ndarray) -> list[float]:
    """Gate thresholds that lie further than 1e-4 from every gate, from all open to none."""
    values = np.sort(gates.astype(np.float64))
    wide = np.flatnonzero(np.diff(values) > 2.1e-4)
    return [0.0, *((values[wide] + values[wide + 1]) / 2).tolist(), 1.01, CLOSED]


@st.composite
def clear_policies(draw: st.DrawFn, trace: Trace) -> Policy:
    """Policies whose gates float noise cannot flip."""
    gates = tuple(
        draw(st.sampled_from(thresholds_between_gates(column))) for column in trace.gates.T
    )
    return Policy(gates, 0.5, draw(interventions(trace.concept_names)))


@st.composite
def policies(draw: st.DrawFn, trace: Trace) -> Policy:
    """Any policy: thresholds at gates (ties), between them, closed, with and without edits."""
    gates = tuple(
        draw(st.sampled_from([0.0, *map(float, column), CLOSED]) | st.floats(0, 1.1))
        for column in trace.gates.T
    )
    return Policy(gates, draw(st.floats(0.01, 0.99)), draw(interventions(trace.concept_names)))


def interventions(names: tuple[str, ...]) -> st.SearchStrategy[tuple[tuple[str, float], ...]]:
    """Some concepts set by hand, sorted by name."""
    edits = st.dictionaries(st.sampled_from(names), st.floats(0, 1))
    return edits.map(lambda chosen: tuple(sorted(chosen.items())))


@st.composite
def trees(draw: st.DrawFn, most: int = 5) -> ExpertTree:
    """Forests of none to ``most`` experts, parents before children."""
    count = draw(st.integers(0, most))
    parents = tuple(draw(st.integers(-1, expert - 1)) for expert in range(count))
    return ExpertTree(tuple(f"expert {e}" for e in range(count)), parents)


@st.composite
def any_head(draw: st.DrawFn, trace: Trace) -> Trace:
    """The same evidence under a head that may have prototypes or binary concepts."""
    count, others = draw(st.integers(0, 3)), len(trace.head.bias)
    generator = np.random.default_rng(draw(st.integers(0, 99)))
    known = Prototypes(
        generator.random((count, len(CONCEPTS)), dtype=np.float32),
        generator.normal(scale=3, size=(others, count)).astype(np.float32),
        float(np.float32(generator.uniform(0.3, 3))),
    )
    prototypes = known if count else None
    head = replace(trace.head, prototypes=prototypes, binary=draw(st.booleans()))
    return replace(trace, head=head)


@st.composite
def traces(draw: st.DrawFn, least: int = 1) -> Trace:
    """Random evidence of at least ``least`` cases, two or three classes, residual or not."""
    tree = draw(trees())
    cases = draw(st.integers(least, least + 8))
    classes, residual = draw(st.integers(2, 3)), draw(st.booleans())
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    outputs = len(CONCEPTS) + (classes - 1 if residual else 0)

    def normal(*shape: int) -> np.ndarray:
        return generator.normal(scale=2, size=shape).astype(np.float32)

    weights = normal(classes - 1, len(CONCEPTS))
    weights = np.concatenate([weights, np.eye(classes - 1)[:, : outputs - len(CONCEPTS)]], axis=1)
    head = Head(
        weights.astype(np.float32),
        normal(classes - 1),
        float(np.float32(generator.uniform(0.5, 2))),
        len(CONCEPTS),
    )
    return Trace(
        tuple(f"case {n}" for n in range(cases)),
        generator.random((cases, len(tree.names)), dtype=np.float32),
        normal(cases, outputs),
        normal(cases, len(tree.names), outputs),
        tree,
        head,
        CONCEPTS,
    )
