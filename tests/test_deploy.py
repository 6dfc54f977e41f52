"""An exported network decides what the core decides, whatever it is built of."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from forests import CONCEPTS, Forest, clear_policies, random_inputs, randomised
from hypothesis import given, settings
from hypothesis import strategies as st
from studies import cases_of

from minspnet.artifact import load, load_network
from minspnet.deploy.export import export
from minspnet.deploy.forest import Way
from minspnet.deploy.session import Exported
from minspnet.dispatch import dispatch
from minspnet.domains import SAMPLE_DATA, find_domain, load_cases
from minspnet.errors import UserError
from minspnet.network import Network, run
from minspnet.policy import CLOSED, Policy
from minspnet.search import pareto_front
from minspnet.spec import ExpertSpec, ModelSpec, StemSpec
from minspnet.sweep import breakpoints
from minspnet.tally import tally
from minspnet.trace import Decision, Trace, replay

WAYS: tuple[Way, ...] = ("case", "batch")
MODELS = sorted(path.name for path in (SAMPLE_DATA / "models").iterdir())


def opened(network: Network, way: Way, policy: Policy | None = None) -> Exported:
    """Export with names made up, and read it back."""
    policy = policy or Policy.shared(0.1, len(network.tree.names))
    classes = tuple(f"class {k}" for k in range(network.spec.classes))
    names = tuple(f"concept {k}" for k in range(network.spec.concepts))
    return Exported.open(export(network, policy, names, classes, way).SerializeToString())


def assert_same(said: Decision, core: Decision, policy: Policy) -> None:
    """Equal but for float noise, which may flip only a case on the very threshold."""
    np.testing.assert_array_equal(said.active, core.active)
    for name in ("outputs", "concepts", "class_logits"):
        one, other = getattr(said, name), getattr(core, name)
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(said.probabilities, core.probabilities, atol=1e-5)
    if core.probabilities.shape[1] == 2:
        margin = np.abs(core.probabilities[:, 1] - policy.decision_threshold)
    else:
        first, second = np.sort(core.probabilities, axis=1)[:, :-3:-1].T
        margin = first - second
    clear = margin > 1e-5
    np.testing.assert_array_equal(said.predicted[clear], core.predicted[clear])


@pytest.mark.parametrize("way", WAYS)
def test_every_policy_decides_as_replayed(forest: Forest, way: Way) -> None:
    """Property: mixed thresholds, closed experts, all and none."""
    exported = opened(forest.network, way)

    @settings(max_examples=25)
    @given(clear_policies(forest.trace), st.floats(0.05, 0.95))
    def decides_alike(policy: Policy, cut: float) -> None:
        policy = replace(policy.without_interventions(), decision_threshold=cut)
        said = exported.decide(forest.inputs, policy)
        assert_same(said, replay(forest.trace, policy), policy)

    decides_alike()


def test_without_branches_everything_runs(forest: Forest) -> None:
    exported = opened(forest.network, "always")
    everything = Policy.shared(0, len(forest.network.tree.names))
    said = exported.decide(forest.inputs, everything)
    assert_same(said, replay(forest.trace, everything), everything)
    shut = exported.decide(forest.inputs, Policy.shared(CLOSED, len(everything.gate_thresholds)))
    np.testing.assert_array_equal(shut.active, said.active)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", MODELS)
def test_shipped_models_decide_as_replayed(name: str, way: Way) -> None:
    domain = find_domain(name.split("-")[0])
    model = load(SAMPLE_DATA / "models" / name)
    trace = model.traces["test"][:40]
    cases = cases_of(model.domain_key, model.variant)
    inputs = cases.inputs[cases.rows_of(trace.case_ids)]
    made = export(load_network(model), model.policy, domain.concept_names, domain.classes, way)
    exported = Exported.open(made.SerializeToString())
    *plain, mixed = clear_of_gates(trace)
    for policy in (model.policy, *plain, mixed, model.policy.ablate(0), mixed.ablate(1)):
        assert_same(exported.decide(inputs, policy), replay(trace, policy), policy)


def picture_spec(*experts: ExpertSpec, **others: object) -> ModelSpec:
    """Pictures that make three concepts and three classes."""
    plain = ModelSpec((1, 16, 16), 3, 3, StemSpec("image", 6), experts, base_grid=2)
    return replace(plain, **others)


B = "inverted_bottleneck"
TWO = (ExpertSpec("near", B, 6), ExpertSpec("far", B, 8, "near", stride=2))
TABLE = ModelSpec((5,), 3, 2, StemSpec("tabular", 6), (ExpertSpec("near", "dense", 6),))
KINDS: dict[str, ModelSpec] = {
    "no experts": picture_spec(),
    "no experts, columns": replace(TABLE, experts=()),
    "a grid that does not divide the side": picture_spec(*TWO, base_grid=3),
    "a full convolution": picture_spec(ExpertSpec("a", "convolution", 6, kernel=5, squeeze=2)),
    "a factored convolution": picture_spec(ExpertSpec("a", "convolution", 6, rank=3)),
    "separable, repeated": picture_spec(ExpertSpec("a", "separable", 7, repeats=3, squeeze=4)),
    "shared layers": picture_spec(
        ExpertSpec("a", B, 6, repeats=3, shared=True, rank=2, squeeze=3, inner=9)
    ),
    "another's weights": picture_spec(
        ExpertSpec("a", B, 6), ExpertSpec("b", B, 6, "a", weights_of="a")
    ),
    "relu6": picture_spec(ExpertSpec("a", B, 6, activation="relu6")),
    "learned activation": picture_spec(ExpertSpec("a", B, 6, activation="learned")),
    "silu": picture_spec(ExpertSpec("a", "separable", 6, activation="silu")),
    "winners": picture_spec(ExpertSpec("a", B, 6, winners=0.4)),
    "attention": picture_spec(
        ExpertSpec("a", B, 6, pooling="attention"), base_pooling="attention", base_grid=1
    ),
    "a hidden layer": picture_spec(ExpertSpec("a", B, 6, hidden=5, rank=2, concepts=(2, 0))),
    "reads some": picture_spec(ExpertSpec("a", B, 6, reads=(4, 1))),
    "fuses": picture_spec(*(replace(e, fuse=True) for e in TWO)),
    "doubt with a residual": picture_spec(*TWO, residual=True, base_rank=2),
    "choices": picture_spec(
        *(ExpertSpec(n, B, 4, gate="choice", reading="add") for n in "abc"),
        ExpertSpec("d", "none", 1, "b", gate="choice"),
    ),
    "gains": picture_spec(
        *(
            ExpertSpec(n, B, 4, gate="gain", reading="add", concepts=(k,))
            for k, n in enumerate("ab")
        ),
        residual=True,
    ),
    "a bush": picture_spec(
        ExpertSpec("a", B, 4, gate="learned"),
        ExpertSpec("b", B, 4),
        ExpertSpec("c", B, 4, "a", concepts=(1,)),
        ExpertSpec("d", "none", 1, "b", gate="learned", reading="add"),
        ExpertSpec("e", B, 4, "c", gate="learned"),
    ),
    "prototypes": picture_spec(*TWO, head="both", prototypes=2, residual=True),
    "prototypes alone": replace(TABLE, head="prototypes", prototypes=2),
    "binary": picture_spec(*TWO, binary=True),
    "a deep, narrow stem": picture_spec(
        *TWO, stem=StemSpec("image", 5, downsample=8, inner=(1, 3)), base_grid=1
    ),
    "a wide stem": picture_spec(*TWO, stem=StemSpec("image", 20, inner=(18,))),
    "a signal": ModelSpec(
        (3, 30),
        3,
        2,
        StemSpec("signal", 6),
        (
            ExpertSpec("a", B, 6, kernel=5, squeeze=2, pooling="attention"),
            ExpertSpec("b", "separable", 8, "a", stride=2, gate="learned", winners=0.5),
        ),
        base_grid=3,
    ),
    "columns with attention": replace(
        TABLE,
        experts=(
            ExpertSpec("a", "dense", 6, pooling="attention", activation="learned", rank=2),
            ExpertSpec("b", "dense", 6, "a", repeats=3, shared=True, winners=0.5, reads=(1, 5)),
        ),
    ),
    "levels and missing cells": replace(
        TABLE, stem=StemSpec("tabular", 0, levels=(0, 3, 0, 2, 0), missing=True)
    ),
    "some columns": replace(TABLE, stem=StemSpec("tabular", 4, reads=(3, 0))),
}


def inputs_of(spec: ModelSpec) -> np.ndarray:
    """Random cases; levels are whole numbers, and cells that may be missing sometimes are."""
    if len(spec.input_shape) == 2:
        return np.random.default_rng(0).normal(size=(24, *spec.input_shape)).astype(np.float32)
    inputs = random_inputs(spec.input_shape)
    for column, levels in enumerate(spec.stem.levels):
        if levels:
            inputs[:, column] = np.arange(len(inputs)) % (levels + 1)
    if spec.stem.missing:
        inputs[::5, 0] = inputs[::7, 1] = np.nan
    return inputs


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_part_decides_as_dispatched(kind: str, way: Way) -> None:
    spec = KINDS[kind]
    inputs = inputs_of(spec)
    network = randomised(spec, inputs)
    if spec.prototypes:
        with torch.no_grad():
            network.head.prototypes.uniform_()
            network.head.sharpness.fill_(1.3)
    names = tuple(f"concept {k}" for k in range(spec.concepts))
    trace = run(network, tuple(map(str, range(len(inputs)))), inputs, names)
    exported = opened(network, way)
    for policy in clear_of_gates(trace):
        core = dispatch(network, inputs, policy, names)
        assert_same(exported.decide(inputs, policy), core, policy)


@pytest.mark.parametrize("name", ["lung_nodules", "phishing", "shuttle"])
def test_thresholds_that_the_product_offers_route_alike(name: str) -> None:
    """None stands on the gate of a case that it was found with, where float noise decides."""
    model = load(SAMPLE_DATA / "models" / name)
    domain = find_domain(model.domain_key)
    cases = load_cases(domain, model.variant)
    trace = model.traces["validation"][:200]
    inputs = cases.inputs[cases.rows_of(trace.case_ids)].astype(np.float32)
    labels = cases.labels[cases.rows_of(trace.case_ids)]
    front = pareto_front(tally(trace, labels), model.cost.price)
    vectors = list(front.gate_thresholds[:4])
    vectors += [(t,) * len(trace.tree.names) for t in breakpoints(trace, 12)]
    exported = Exported.open(
        export(
            load_network(model), model.policy, domain.concept_names, domain.classes, "batch"
        ).SerializeToString()
    )
    for vector in vectors:
        policy = Policy(vector)
        said = exported.decide(inputs, policy).active
        np.testing.assert_array_equal(said, replay(trace, policy).active)


def clear_of_gates(trace: Trace) -> list[Policy]:
    """All, none, and some thresholds between gates, so that float noise opens none."""
    count = len(trace.tree.names)
    between = []
    for share in (0.3, 0.6):
        thresholds = []
        for column in trace.gates.T:
            values = np.sort(column.astype(np.float64))
            wide = np.flatnonzero(np.diff(values) > 1e-4)
            at = wide[int(share * len(wide))] if len(wide) else None
            thresholds.append(2.0 if at is None else (values[at] + values[at + 1]) / 2)
        between.append(Policy(tuple(thresholds), 0.4))
    return [Policy.shared(0, count), Policy.shared(CLOSED, count), *between]


def guessing(spec: ModelSpec) -> Network:
    """A network whose head says nothing, so that every gate of doubt is exactly 1."""
    network = Network(spec).eval()
    with torch.no_grad():
        network.head.weights.zero_()
    return network


@pytest.mark.parametrize("way", WAYS)
def test_a_gate_at_its_threshold_opens(way: Way) -> None:
    """By hand: a guess between two classes leaves a doubt of 1, which meets 1 and no more."""
    exported = opened(guessing(TABLE), way)
    inputs = random_inputs((5,))
    above = float(np.nextafter(np.float32(1), np.float32(2)))
    assert exported.decide(inputs, Policy((1.0,))).active.all()
    assert not exported.decide(inputs, Policy((above,))).active.any()
    tied = exported.decide(inputs, Policy((1.0,), 0.5))
    assert (tied.probabilities == 0.5).all() and (tied.predicted == 1).all()


@pytest.mark.parametrize("way", WAYS)
def test_thresholds_left_out_are_those_of_the_policy(way: Way, forest: Forest) -> None:
    count = len(forest.network.tree.names)
    policy = Policy((0.05, *[CLOSED] * (count - 1)), 0.7)
    exported = opened(forest.network, way, policy)
    assert exported.policy == policy
    case = forest.inputs[:1]
    active, predicted = exported.session.run(["active", "predicted"], {"inputs": case})
    said = exported.decide(case, policy)
    np.testing.assert_array_equal(active, said.active)
    np.testing.assert_array_equal(predicted, said.predicted)


def test_a_case_may_stand_alone_in_a_batch(forest: Forest) -> None:
    exported = opened(forest.network, "batch")
    policy = exported.policy
    whole = exported.decide(forest.inputs, policy)
    for case in range(3):
        alone = exported.decide(forest.inputs[case : case + 1], policy)
        np.testing.assert_array_equal(alone.active[0], whole.active[case])
        np.testing.assert_allclose(alone.probabilities[0], whole.probabilities[case], atol=1e-5)


def test_more_cases_than_one_run_takes(forest: Forest) -> None:
    """Runs of a batch are put together in order, the last one however short."""
    exported = opened(forest.network, "batch")
    times = exported.rows // len(forest.inputs) + 2
    policy = clear_of_gates(forest.trace)[3]
    many = exported.decide(np.concatenate([forest.inputs] * times), policy)
    once = exported.decide(forest.inputs, policy)
    np.testing.assert_array_equal(many.active, np.concatenate([once.active] * times))
    again = np.concatenate([once.probabilities] * times)
    np.testing.assert_allclose(many.probabilities, again, atol=1e-5)


def test_a_branch_holds_its_own_weights(forest: Forest) -> None:
    """Weights outside a branch would be rearranged in every run."""
    made = export(
        forest.network,
        Policy.shared(0, 4),
        CONCEPTS,
        ("no", "yes", "so")[: forest.network.spec.classes],
    )

    def branches(graph: onnx.GraphProto) -> list[onnx.GraphProto]:
        inner = [a.g for node in graph.node for a in node.attribute if a.HasField("g")]
        return inner + [deeper for one in inner for deeper in branches(one)]

    heavy = {"Conv", "Gemm"}
    holding = [g for g in branches(made.graph) if heavy & {node.op_type for node in g.node}]
    assert len(holding) == 4
    for graph in holding:
        own = {tensor.name for tensor in graph.initializer}
        for node in graph.node:
            if node.op_type in heavy:
                assert node.input[1] in own


def test_the_file_says_what_it_is(forest: Forest, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    classes = tuple("abc"[: forest.network.spec.classes])
    made = export(forest.network, Policy.shared(0.25, 4), CONCEPTS, classes, "batch", "digest")
    onnx.save(made, path)
    read = Exported.open(path)
    assert read.tree == forest.network.tree
    assert (read.concept_names, read.class_names) == (CONCEPTS, classes)
    assert (read.policy, read.batches, read.digest) == (Policy.shared(0.25, 4), True, "digest")


def test_what_does_not_fit_is_refused(forest: Forest, tmp_path: Path) -> None:
    exported = opened(forest.network, "case")
    fits = exported.policy
    edited = fits.intervene("concept 0", 0.5)
    with pytest.raises(
        UserError, match=r"policy must be free of interventions, got concept 0:0\.5"
    ):
        exported.decide(forest.inputs, edited)
    with pytest.raises(UserError, match="policy must be free of interventions"):
        export(forest.network, fits.intervene("size", 0.5), CONCEPTS, ("a", "b"))
    with pytest.raises(UserError, match="gate_thresholds must have 4 values"):
        exported.decide(forest.inputs, Policy.shared(0, 3))
    with pytest.raises(UserError, match="inputs must be one case or more of shape"):
        exported.decide(forest.inputs[:0], fits)
    with pytest.raises(UserError, match="inputs must be one case or more of shape"):
        exported.decide(forest.inputs[:, :, None], fits)
    for wrong in (np.nan, np.inf):
        inputs = np.array(forest.inputs)
        inputs[3] = wrong
        with pytest.raises(UserError, match="inputs must be finite, got NaN or infinity"):
            exported.decide(inputs, fits)
    (tmp_path / "text.onnx").write_text("text")
    with pytest.raises(UserError, match="is not an exported model"):
        Exported.open(tmp_path / "text.onnx")
    other = onnx.helper.make_model(onnx.helper.make_graph([], "other", [], []))
    with pytest.raises(UserError, match="is not an exported model"):
        Exported.open(other.SerializeToString())
