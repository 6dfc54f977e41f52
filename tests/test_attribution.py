"""Attribution explains the function a case was routed through, and nothing else."""

import copy
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from forests import CONCEPTS, Forest, make_forest, randomised

from minspnet.attribution import METHODS, Attribution, attribute, baseline_of
from minspnet.errors import UserError
from minspnet.network import Network, run
from minspnet.patches import PATCH, STRETCH
from minspnet.policy import Policy
from minspnet.spec import ModelSpec, StemSpec
from minspnet.trace import Decision, replay

FORESTS = {kind: make_forest(kind) for kind in ("tabular", "image")}


def decided(forest: Forest) -> tuple[Policy, Decision]:
    """Gates at their medians, so that some experts run and some do not."""
    policy = Policy(tuple(map(float, np.median(forest.trace.gates, axis=0))))
    return policy, replay(forest.trace, policy)


def one_case_a_route(kind: str) -> list[int]:
    """A case for every set of experts that some case ran."""
    _, cases = np.unique(decided(FORESTS[kind])[1].active, axis=0, return_index=True)
    return cases.tolist()


def explain(forest: Forest, case: int, **options: object) -> Attribution:
    active = decided(forest)[1].active[case]
    return attribute(forest.network, forest.inputs[case], active, **options)


def outputs_of(forest: Forest, inputs: np.ndarray, case: int) -> torch.Tensor:
    """Concept logits and residual channels of other inputs, on the routing of a case."""
    active = decided(forest)[1].active[case]
    with torch.no_grad():
        return forest.network(torch.from_numpy(inputs[None]), active)[0]


def logit_of(forest: Forest, inputs: np.ndarray, case: int) -> float:
    """The logit of class 1 of other inputs, on the routing of a case."""
    return float(forest.network.head(outputs_of(forest, inputs, case)[None])[0, 1].detach())


# --- Sums -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FORESTS)
@pytest.mark.parametrize("target", ["class:1", "concept:2"])
def test_integrated_gradients_add_up_with_the_routing_held(kind: str, target: str) -> None:
    """256 steps leave 1e-5 of a logit where all is smooth (SiLU), 0.02 where ReLUs kink."""
    forest = FORESTS[kind]
    tolerance = 1e-5 if kind == "tabular" else 0.02
    for case in one_case_a_route(kind):
        found = explain(forest, case, target=target)
        assert found.convergence_delta is not None
        assert abs(found.convergence_delta) < tolerance
        difference = found.logit - found.baseline_logit
        assert found.values.sum() == pytest.approx(difference, abs=tolerance)


@pytest.mark.parametrize("kind", FORESTS)
def test_logits_are_those_of_replay(kind: str) -> None:
    """What is explained is what was decided: class logit, concept logit, and interventions."""
    forest = FORESTS[kind]
    policy, decision = decided(forest)
    for case in one_case_a_route(kind):
        by_class = explain(forest, case, method="saliency", target="class:1")
        assert by_class.logit == pytest.approx(decision.class_logits[case, 1], abs=1e-5)
        by_concept = explain(forest, case, method="saliency", target="concept:1")
        assert by_concept.logit == pytest.approx(decision.outputs[case, 1], abs=1e-5)
        edited = replay(forest.trace, policy.intervene(CONCEPTS[1], 0.9))
        held = explain(forest, case, method="saliency", interventions=((1, 0.9),))
        assert held.logit == pytest.approx(edited.class_logits[case, 1], abs=1e-5)
        baseline = baseline_of(forest.network)[0].numpy()
        assert by_class.baseline_logit == pytest.approx(logit_of(forest, baseline, case), abs=1e-5)


@pytest.mark.parametrize("kind", FORESTS)
def test_the_routes_differ(kind: str) -> None:
    """Else the tests of this file would try one route only."""
    routes = decided(FORESTS[kind])[1].active[one_case_a_route(kind)]
    assert len(routes) >= 4
    assert routes.any(axis=0).all() and not routes.all(axis=0).any()


# --- A network that is one line -----------------------------------------------------------


@pytest.fixture(scope="module")
def linear() -> tuple[Network, np.ndarray]:
    """No experts: a concept logit is weight * (input - mean) / scale + bias."""
    inputs = np.random.default_rng(0).normal(2, [1, 2, 3], size=(9, 3)).astype(np.float32)
    return randomised(ModelSpec((3,), 2, 2, StemSpec("tabular")), inputs), inputs


HAND_RESULTS = {
    "integrated_gradients": lambda slope, case, mean, scale: slope * (case - mean),
    "gradient_shap": lambda slope, case, mean, scale: slope * (case - mean),
    "deep_lift": lambda slope, case, mean, scale: slope * (case - mean),
    "kernel_shap": lambda slope, case, mean, scale: slope * (case - mean),
    "feature_ablation": lambda slope, case, mean, scale: slope * (case - mean),
    "occlusion": lambda slope, case, mean, scale: slope * (case - mean),
    "input_x_gradient": lambda slope, case, mean, scale: slope * case,
    "saliency": lambda slope, case, mean, scale: np.abs(slope) * scale,
}


# LIME shrinks what it fits; tests/test_attribution_opinions.py solves it by hand.
@pytest.mark.parametrize("method", HAND_RESULTS)
def test_a_linear_network_by_hand(method: str, linear: tuple[Network, np.ndarray]) -> None:
    """Weight times what differs from the mean case; the gradient per spread is the weight."""
    network, inputs = linear
    mean, scale = inputs.mean(axis=0), inputs.std(axis=0)
    for concept in (0, 1):
        slope = network.base_exit.read.weight[concept].detach().numpy() / scale
        found = attribute(network, inputs[4], np.zeros(0, bool), method, f"concept:{concept}")
        expected = HAND_RESULTS[method](slope, inputs[4], mean, scale)
        np.testing.assert_allclose(found.values, expected, rtol=1e-4, atol=1e-5)
        bias = float(network.base_exit.read.bias[concept].detach())
        assert found.baseline_logit == pytest.approx(bias, abs=1e-5)
        assert found.logit == pytest.approx(bias + slope @ (inputs[4] - mean), abs=1e-4)


# --- All methods ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FORESTS)
@pytest.mark.parametrize("method", METHODS)
def test_every_method_runs(method: str, kind: str) -> None:
    """Values of the input's shape, finite and not all 0; the delta where a sum is promised."""
    forest = FORESTS[kind]
    targets = ["class:1", "concept:0", "class:2"][: len(forest.trace.head.bias) + 1]
    for target in targets:
        found = explain(forest, 0, method=method, target=target)
        assert found.values.shape == forest.inputs[0].shape
        assert np.isfinite(found.values).all() and found.values.any()
        assert (found.method, found.target) == (method, target)
        assert (found.convergence_delta is not None) == METHODS[method][1]
        if method == "saliency":
            assert (found.values >= 0).all()


def test_two_classes_against_each_other() -> None:
    """Integration is linear: what speaks for one against the other is the difference."""
    forest = next(f for f in FORESTS.values() if len(f.trace.head.bias) > 1)
    both, first, second = (
        explain(forest, 0, target=target) for target in ("class:2:1", "class:2", "class:1")
    )
    np.testing.assert_allclose(both.values, first.values - second.values, atol=1e-5)
    assert both.logit == pytest.approx(first.logit - second.logit, abs=1e-5)


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("method", METHODS)
def test_the_same_question_has_the_same_answer(method: str) -> None:
    """A page is drawn again at every click; and nobody's random numbers are moved."""
    forest = FORESTS["tabular"]
    torch.manual_seed(1)
    np.random.seed(1)
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    first = explain(forest, 1, method=method).values
    assert torch.equal(torch.get_rng_state(), torch_state)
    np.testing.assert_array_equal(explain(forest, 1, method=method).values, first)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)


@pytest.mark.parametrize("kind", FORESTS)
def test_gradient_shap_comes_near_integrated_gradients(kind: str) -> None:
    """The same integral at random in place of regular points."""
    forest = FORESTS[kind]
    for case in one_case_a_route(kind)[:2]:
        exact = explain(forest, case).values
        drawn = explain(forest, case, method="gradient_shap").values
        assert np.corrcoef(exact.ravel(), drawn.ravel())[0, 1] > 0.98
        assert drawn.sum() == pytest.approx(exact.sum(), abs=0.1)


def test_attribution_leaves_the_network_alone() -> None:
    forest = FORESTS["image"]
    before = {name: value.clone() for name, value in forest.network.state_dict().items()}
    for method in METHODS:
        explain(forest, 0, method=method)
    assert not forest.network.training
    assert all(parameter.grad is None for parameter in forest.network.parameters())
    for name, value in forest.network.state_dict().items():
        assert torch.equal(value, before[name]), name


# --- Routing held -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", FORESTS)
@pytest.mark.parametrize("method", METHODS)
def test_an_expert_that_did_not_run_has_no_influence(method: str, kind: str) -> None:
    """Other weights of a skipped expert change nothing; those of an active one do."""
    forest = FORESTS[kind]
    routes = decided(forest)[1].active
    case = int(np.flatnonzero(routes[:, 1] & ~routes[:, 2])[0])  # "far" ran, "left" did not
    active = routes[case]
    np.random.seed(0)  # where captum draws its random points from
    plain = attribute(forest.network, forest.inputs[case], active, method).values
    for changed in (~active, active):
        other = copy.deepcopy(forest.network)
        with torch.no_grad():
            for expert in np.flatnonzero(changed):
                for parameter in other.experts[int(expert)].parameters():
                    parameter.add_(0.5)
        np.random.seed(0)
        again = attribute(other, forest.inputs[case], active, method).values
        assert np.array_equal(again, plain) == (changed is not active)


# --- Interventions held -----------------------------------------------------------------


def test_concepts_held_by_hand_take_no_part() -> None:
    """The class logit is a sum over concepts, and so is its attribution.

    What is left of the class with one concept held, and with all but that one held, add up
    to the whole; with every concept held nothing is left; and the value it is held at only
    moves the logit.
    """
    forest = FORESTS["tabular"]
    for case in one_case_a_route("tabular")[:3]:
        whole = explain(forest, case).values
        for concept in range(3):
            others = tuple((k, 0.4) for k in range(3) if k != concept)
            held = explain(forest, case, interventions=((concept, 0.1),))
            alone = explain(forest, case, interventions=others)
            np.testing.assert_allclose(held.values + alone.values, whole, atol=1e-5)
            assert np.abs(alone.values).max() > 1e-3
            higher = explain(forest, case, interventions=((concept, 0.8),))
            np.testing.assert_allclose(higher.values, held.values, atol=1e-6)
            weight = float(forest.network.head.weights[0, concept].detach())
            assert higher.logit - held.logit == pytest.approx(0.7 * weight, abs=1e-4)
        everything = tuple((k, 0.4) for k in range(3))
        assert not explain(forest, case, interventions=everything).values.any()


def test_residual_channels_cannot_be_held() -> None:
    """With every concept held, an image still reaches class 1 through its residual channel."""
    forest = FORESTS["image"]
    held = tuple((k, 0.5) for k in range(3))
    found = explain(forest, 0, method="feature_ablation", interventions=held).values
    expected = squares_left_out(forest.inputs[0], lambda x: float(outputs_of(forest, x, 0)[3]))
    assert np.abs(expected).max() > 1e-4
    np.testing.assert_allclose(found, expected, atol=1e-6)


# --- Ablation ---------------------------------------------------------------------------


@pytest.mark.parametrize("case", one_case_a_route("tabular"))
def test_ablation_of_columns_equals_a_loop(case: int) -> None:
    """Replace one column by its mean: what the logit loses is that column's value."""
    forest = FORESTS["tabular"]
    mean = forest.inputs.mean(axis=0)
    whole = logit_of(forest, forest.inputs[case], case)
    expected = []
    for column in range(5):
        without = forest.inputs[case].copy()
        without[column] = mean[column]
        expected.append(whole - logit_of(forest, without, case))
    found = explain(forest, case, method="feature_ablation").values
    np.testing.assert_allclose(found, expected, atol=1e-5)


def squares_left_out(picture: np.ndarray, logit: Callable[[np.ndarray], float]) -> np.ndarray:
    """Empty one square of pixels after another; spread what the logit loses over it."""
    whole = logit(picture)
    values = np.zeros_like(picture)
    for top in range(0, picture.shape[1], PATCH):
        for left in range(0, picture.shape[2], PATCH):
            square = (slice(None), slice(top, top + PATCH), slice(left, left + PATCH))
            without = picture.copy()
            without[square] = 0
            values[square] = (whole - logit(without)) / without[square].size
    return values


@pytest.mark.parametrize("case", one_case_a_route("image"))
def test_ablation_of_squares_equals_a_loop(case: int) -> None:
    forest = FORESTS["image"]
    found = explain(forest, case, method="feature_ablation").values
    expected = squares_left_out(forest.inputs[case], lambda x: logit_of(forest, x, case))
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 10, 14), (2, 8, 8), (3, 9, 6)])
def test_ablation_of_other_pictures_equals_a_loop(shape: tuple[int, ...]) -> None:
    """Squares cut off at the edges, and squares through several channels."""
    inputs = np.random.default_rng(0).normal(size=(6, *shape)).astype(np.float32)
    network = randomised(ModelSpec(shape, 3, 2, StemSpec("image", 4), base_grid=2), inputs)
    found = attribute(network, inputs[2], np.zeros(0, bool), "feature_ablation").values

    def logit(picture: np.ndarray) -> float:
        trace = run(network, ("a",), picture[None], CONCEPTS)
        return float(replay(trace, Policy(())).class_logits[0, 1])

    expected = squares_left_out(inputs[2], logit)
    assert np.abs(expected).max() > 1e-4
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_ablation_of_signals_equals_a_loop() -> None:
    """Stretches of one channel, the last one shorter."""
    inputs = np.random.default_rng(0).normal(size=(6, 2, 2 * STRETCH + 3)).astype(np.float32)
    spec = ModelSpec(inputs.shape[1:], 3, 2, StemSpec("signal", 4, downsample=2), base_grid=2)
    network = randomised(spec, inputs)
    expected = np.zeros_like(inputs[2])

    def logit(signal: np.ndarray) -> float:
        trace = run(network, ("a",), signal[None], CONCEPTS)
        return float(replay(trace, Policy(())).class_logits[0, 1])

    for channel in range(2):
        for start in range(0, inputs.shape[2], STRETCH):
            without = inputs[2].copy()
            stretch = without[channel, start : start + STRETCH]
            size = stretch.size
            stretch[:] = 0
            lost = logit(inputs[2]) - logit(without)
            expected[channel, start : start + STRETCH] = lost / size
    found = attribute(network, inputs[2], np.zeros(0, bool), "feature_ablation").values
    assert np.abs(expected).max() > 1e-4
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_runs_on_signals(method: str) -> None:
    inputs = np.random.default_rng(0).normal(size=(6, 2, 20)).astype(np.float32)
    spec = ModelSpec((2, 20), 3, 3, StemSpec("signal", 4, downsample=2), base_grid=2)
    found = attribute(randomised(spec, inputs), inputs[1], np.zeros(0, bool), method, "class:2")
    assert found.values.shape == (2, 20)
    assert found.values.any() and np.isfinite(found.values).all()


# --- Missing cells and categories -----------------------------------------------------------


@pytest.fixture(scope="module")
def mixed() -> tuple[Network, np.ndarray]:
    """A number, a category of three levels, another number that may lack; the last is not read."""
    generator = np.random.default_rng(3)
    inputs = generator.normal(2, 1, size=(40, 4)).astype(np.float32)
    inputs[:, 1] = generator.integers(0, 3, 40)
    inputs[::3, 2] = np.nan
    stem = StemSpec("tabular", 6, levels=(0, 3, 0, 0), missing=True, reads=(0, 1, 2))
    return randomised(ModelSpec((4,), 2, 2, stem), inputs), inputs


@pytest.mark.parametrize("method", METHODS)
def test_a_missing_cell_and_a_level_have_a_part(
    method: str, mixed: tuple[Network, np.ndarray]
) -> None:
    """Case 0 lacks its last number: that it does counts, as the level of its category does."""
    network, inputs = mixed
    found = attribute(network, inputs[0], np.zeros(0, bool), method, known=inputs)
    assert found.values.shape == (4,)
    assert np.isfinite(found.values).all()
    assert found.values[:3].all()
    assert found.values[3] == 0
    if found.convergence_delta is not None:
        tolerance = 1e-4 if method == "integrated_gradients" else 0.3
        assert abs(found.convergence_delta) < tolerance
        assert found.values.sum() == pytest.approx(
            found.logit - found.baseline_logit, abs=tolerance
        )


def test_the_baseline_of_a_category_is_its_shares(mixed: tuple[Network, np.ndarray]) -> None:
    """Numbers at their mean, whether they lack, then the levels; without cases none of these."""
    network, inputs = mixed
    means = np.nanmean(inputs[:, [0, 2]], axis=0)
    shares = [(inputs[:, 1] == level).mean() for level in range(3)]
    baseline = baseline_of(network, inputs)[0]
    np.testing.assert_allclose(baseline, [*means, 0, 14 / 40, *shares], rtol=1e-5)
    np.testing.assert_allclose(baseline_of(network)[0], [*means, 0, 0, 0, 0, 0], rtol=1e-5)


def test_leaving_out_a_level_by_hand(mixed: tuple[Network, np.ndarray]) -> None:
    """Without known cases, a category left out has no level: any value that is none of them."""
    network, inputs = mixed
    whole, without = inputs[1].copy(), inputs[1].copy()
    without[1] = 7
    trace = run(network, ("a", "b"), np.stack([whole, without]), CONCEPTS[:2])
    lost = float(np.diff(replay(trace, Policy(())).class_logits[:, 1])[0])
    found = attribute(network, whole, np.zeros(0, bool), "feature_ablation")
    assert found.values[1] == pytest.approx(-lost, abs=1e-5)


def test_a_class_of_binary_concepts_is_promised_no_sum() -> None:
    """Its logit moves in steps, which a gradient of the grades does not see."""
    forest = FORESTS["tabular"]
    network = randomised(replace(forest.network.spec, binary=True), forest.inputs)
    found = attribute(network, forest.inputs[0], np.ones(4, bool))
    assert found.convergence_delta is None
    by_concept = attribute(network, forest.inputs[0], np.ones(4, bool), target="concept:0")
    assert by_concept.convergence_delta == pytest.approx(0, abs=1e-4)


# --- What cannot be explained -----------------------------------------------------------


def test_unknown_methods_are_refused() -> None:
    with pytest.raises(UserError) as refused:
        explain(FORESTS["tabular"], 0, method="magic")
    assert str(refused.value) == (
        "method must be one of integrated_gradients, gradient_shap, deep_lift, kernel_shap, lime, "
        "feature_ablation, occlusion, input_x_gradient, saliency, got 'magic'; pick one."
    )


@pytest.mark.parametrize(
    "target",
    [
        "class:7",
        "class:1:7",
        "class:1:",
        "class:1:0:0",
        "concept:5",
        "concept:1:0",
        "concept:-1",
        "class",
        "size:1",
    ],
)
def test_unknown_targets_are_refused(target: str) -> None:
    with pytest.raises(UserError):
        explain(FORESTS["tabular"], 0, target=target)


def test_inputs_of_another_shape_are_refused() -> None:
    forest = FORESTS["tabular"]
    with pytest.raises(UserError, match=r"inputs must have shape \(case, 5\), got \(1, 4\);"):
        attribute(forest.network, forest.inputs[0, :4], np.zeros(4, bool))


def test_the_baseline_says_nothing() -> None:
    """The mean training case, or an empty picture; a copy, since it is handed out."""
    tabular, image = FORESTS["tabular"], FORESTS["image"]
    baseline = baseline_of(tabular.network)
    np.testing.assert_allclose(baseline[0], tabular.inputs.mean(axis=0), atol=1e-6)
    baseline.zero_()
    assert tabular.network.stem.standardise.mean.any()
    assert baseline_of(image.network).shape == (1, 1, 16, 16)
    assert not baseline_of(image.network).any()
