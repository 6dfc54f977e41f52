"""Second opinions on attributions: the shap and lime packages, and ridge solved by hand."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from forests import Forest, make_forest, randomised
from scipy.stats import spearmanr

from minspnet.attribution import attribute, baseline_of
from minspnet.attribution.routed import PresenceFunction, RoutedFunction, place_sums, unfolded
from minspnet.attribution.stages import BASE, attention_maps, stage_conductance
from minspnet.errors import UserError
from minspnet.spec import ExpertSpec, ModelSpec, StemSpec
from minspnet.trust import left_out

with warnings.catch_warnings():
    # Their plots use what matplotlib is about to drop.
    warnings.simplefilter("ignore")
    import shap
    from lime.lime_base import LimeBase

FOREST = make_forest("tabular")
ALL = np.ones(4, bool)
CASES = range(6)


def presence(forest: Forest, case: int, target: str = "class:1") -> PresenceFunction:
    """Presence of each place to the logit."""
    function = RoutedFunction(forest.network.eval(), ALL, target)
    inputs = unfolded(forest.network, forest.inputs[case])
    return PresenceFunction(function, inputs, baseline_of(forest.network))


def answers(present: PresenceFunction, sets: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return present(torch.as_tensor(sets, dtype=torch.float32)).numpy().astype(float)


@pytest.mark.parametrize("case", CASES)
def test_kernel_shap_agrees_with_the_shap_package(case: int) -> None:
    """Five columns have 32 sets: theirs is exact, ours comes from 256 drawn ones."""
    mean = baseline_of(FOREST.network).numpy()
    function = RoutedFunction(FOREST.network.eval(), ALL, "class:1")

    def logit(columns: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return function(torch.as_tensor(columns, dtype=torch.float32)).numpy()

    explainer = shap.KernelExplainer(logit, mean)
    theirs = explainer.shap_values(FOREST.inputs[case], nsamples=2**5, l1_reg=False, silent=True)
    ours = attribute(FOREST.network, FOREST.inputs[case], ALL, "kernel_shap")
    size = np.abs(theirs).max()
    np.testing.assert_allclose(ours.values, theirs, atol=0.05 * size)
    assert ours.convergence_delta == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("case", CASES)
def test_lime_agrees_with_the_lime_package(case: int) -> None:
    """Their fit on sets of their own drawing, with the same kernel and ridge."""
    sets = np.random.default_rng(7).integers(0, 2, size=(2000, 5)).astype(float)
    sets[0] = 1
    width = 0.75 * 5**0.5
    base = LimeBase(lambda distance: np.sqrt(np.exp(-(distance**2) / width**2)), random_state=0)
    labels = answers(presence(FOREST, case), sets)[:, None]
    distances = np.sqrt((1 - sets).sum(axis=1))
    _, fitted, _, _ = base.explain_instance_with_data(
        sets, labels, distances, 0, 5, feature_selection="none"
    )
    theirs = np.array([dict(fitted)[column] for column in range(5)])
    ours = attribute(FOREST.network, FOREST.inputs[case], ALL, "lime").values
    np.testing.assert_allclose(ours, theirs, atol=0.15 * np.abs(theirs).max())
    assert spearmanr(ours, theirs).statistic > 0.85


def test_lime_of_a_line_is_the_line_shrunk_a_little() -> None:
    """Ridge on a linear function by hand: near weight times difference, never beyond its sum."""
    inputs = np.random.default_rng(0).normal(2, [1, 2, 3], size=(9, 3)).astype(np.float32)
    network = randomised(ModelSpec((3,), 2, 2, StemSpec("tabular")), inputs)
    slope = network.base_exit.read.weight[0].detach().numpy() / inputs.std(axis=0)
    expected = slope * (inputs[4] - inputs.mean(axis=0))
    found = attribute(network, inputs[4], np.zeros(0, bool), "lime", "concept:0").values
    np.testing.assert_allclose(found, expected, atol=0.06 * np.abs(expected).max())
    assert np.abs(found - expected).max() > 1e-4


# --- DeepLift ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tabular", "image"])
@pytest.mark.parametrize("target", ["class:1", "concept:1"])
def test_deep_lift_adds_up_on_the_forest(kind: str, target: str) -> None:
    """Through SiLU, which captum has no rule for, ReLU, and the grading of concepts."""
    forest = make_forest(kind)
    for case in range(4):
        found = attribute(forest.network, forest.inputs[case], ALL, "deep_lift", target)
        assert found.convergence_delta == pytest.approx(0, abs=2e-3)
        assert np.abs(found.values).max() > 1e-3


@pytest.mark.parametrize(
    ("changed", "refused"),
    [({"repeats": 4, "shared": True}, True), ({"repeats": 4}, False), ({}, False)],
)
def test_deep_lift_is_refused_where_layers_run_twice(
    changed: dict[str, object], refused: bool
) -> None:
    """Where it is not, it adds up."""
    inputs = np.random.default_rng(2).normal(size=(24, 5)).astype(np.float32)
    expert = ExpertSpec("again", "dense", 8, activation="silu", **changed)
    spec = ModelSpec((5,), 3, 2, StemSpec("tabular", 6), (expert,))
    network = randomised(spec, inputs)
    assert ("deep_lift" in left_out(spec)) is refused
    if refused:
        with pytest.raises(UserError, match="layers more than once, which it cannot follow, got"):
            attribute(network, inputs[0], np.ones(1, bool), "deep_lift")
    else:
        found = attribute(network, inputs[0], np.ones(1, bool), "deep_lift")
        assert found.convergence_delta == pytest.approx(0, abs=2e-3)


def test_deep_lift_tells_what_it_misses_where_it_is_unsound() -> None:
    """Attention multiplies two things that both depend on the input, which no rule covers."""
    inputs = np.random.default_rng(2).normal(size=(24, 5)).astype(np.float32)
    expert = ExpertSpec("near", "dense", 8, pooling="attention", activation="silu")
    spec = ModelSpec((5,), 3, 2, StemSpec("tabular", 6), (expert,), base_grid=1)
    spec = replace(spec, base_pooling="attention")
    network = randomised(spec, inputs)
    missed = [
        attribute(network, case, np.ones(1, bool), "deep_lift").convergence_delta
        for case in inputs[:8]
    ]
    assert max(map(abs, missed)) > 0.05


# --- Stages ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tabular", "image"])
@pytest.mark.parametrize("active", [(True,) * 4, (True, True, False, True), (False,) * 4])
def test_stages_carry_the_whole_difference(kind: str, active: tuple[bool, ...]) -> None:
    """To the first order in 256 steps."""
    forest = make_forest(kind)
    for case in range(3):
        ran = np.array(active)
        found = stage_conductance(forest.network, forest.inputs[case], ran)
        names = [n for n, on in zip(forest.network.tree.names, active, strict=True) if on]
        assert list(found) == [BASE, *names]
        whole = attribute(forest.network, forest.inputs[case], ran)
        total = sum(float(values.sum()) for values in found.values())
        assert total == pytest.approx(whole.logit - whole.baseline_logit, rel=0.02, abs=0.03)


def test_a_stage_carries_what_it_adds_to_a_concept() -> None:
    """Of a concept's logit each part carries just the change of what it says of that concept."""
    network = FOREST.network
    function = RoutedFunction(network.eval(), ALL, "concept:1")
    said = []
    function.parts.register_forward_hook(lambda module, given, found: said.append(found[0]))
    with torch.no_grad():
        function(unfolded(network, FOREST.inputs[0]))
        function(baseline_of(network))
    change = (said[0] - said[1]).numpy()
    found = stage_conductance(network, FOREST.inputs[0], ALL, "concept:1")
    values = np.stack(list(found.values()))
    np.testing.assert_allclose(values[:, 1], change[:, 1], atol=1e-4)
    assert not values[:, [0, 2]].any()
    # "left" writes concepts 0 and 2 only.
    assert not found["left"].any()


def test_attention_is_shown_where_there_is_any() -> None:
    inputs = np.random.default_rng(0).normal(size=(8, 1, 16, 16)).astype(np.float32)
    expert = ExpertSpec("near", "inverted_bottleneck", 6, stride=2, pooling="attention")
    spec = ModelSpec((1, 16, 16), 2, 2, StemSpec("image", 6), (expert,), base_grid=1)
    network = randomised(replace(spec, base_pooling="attention"), inputs)
    found = attention_maps(network, inputs[0], np.ones(1, bool))
    assert {part: one.shape for part, one in found.items()} == {BASE: (4, 4), "near": (2, 2)}
    assert all(one.sum() == pytest.approx(1, abs=1e-5) for one in found.values())
    assert list(attention_maps(network, inputs[0], np.zeros(1, bool))) == [BASE]
    assert attention_maps(FOREST.network, FOREST.inputs[0], ALL) == {}


# --- Places ------------------------------------------------------------------------------


def test_an_empty_square_has_no_part_in_a_game() -> None:
    """What equals the baseline gets exactly nothing from the methods that leave places out."""
    forest = make_forest("image")
    picture = forest.inputs[0].copy()
    picture[:, :, :8] = 0
    for method in ("kernel_shap", "lime", "feature_ablation", "integrated_gradients"):
        found = attribute(forest.network, picture, ALL, method)
        np.testing.assert_allclose(found.values[:, :, :8], 0, atol=1e-6)
        assert len(np.unique(place_sums(found.values))) > 4
    shared = attribute(forest.network, picture, ALL, "kernel_shap")
    assert shared.convergence_delta == pytest.approx(0, abs=1e-2)


def test_a_single_place_has_it_all() -> None:
    forest = make_forest("image")
    picture = np.zeros_like(forest.inputs[0])
    picture[:, :4, :4] = 1
    for method in ("kernel_shap", "lime"):
        found = attribute(forest.network, picture, ALL, method)
        assert place_sums(found.values)[0] == pytest.approx(
            found.logit - found.baseline_logit, abs=1e-4
        )
