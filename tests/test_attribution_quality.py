"""Measures of attributions: curves by hand, and what must hold of any method."""

import math

import numpy as np
import pytest
import torch
from forests import make_forest, randomised

from minspnet.attribution import METHODS
from minspnet.attribution.quality import (
    SETS,
    Question,
    area,
    curve,
    infidelity_of,
    measure,
    random_areas,
    sensitivity_of,
    shuffled,
)
from minspnet.attribution.routed import place_sums, places
from minspnet.patches import patch_sums, stretch_sums
from minspnet.spec import ModelSpec, StemSpec
from minspnet.trust import NAMES

WEIGHTS = torch.tensor([3.0, -1.0, 2.0])


def line(present: torch.Tensor) -> torch.Tensor:
    """A logit of 1 and a weight for each place that is there."""
    return 1 + present @ WEIGHTS


# --- Emptying and filling in -------------------------------------------------------------


def test_curves_of_a_line_by_hand() -> None:
    """All there: 5. Without the 3: 2. Without the 2 as well: 0. Nothing: 1."""
    assert curve(line, [0, 2, 1]).tolist() == [5, 2, 0, 1]
    assert curve(line, [0, 2, 1], filling=True).tolist() == [1, 4, 6, 5]
    # Trapezoids: (3.5 + 1 + 0.5) / 3 and (2.5 + 5 + 5.5) / 3.
    assert area(curve(line, [0, 2, 1])) == pytest.approx(5 / 3)
    assert area(curve(line, [0, 2, 1], filling=True)) == pytest.approx(13 / 3)


def test_no_order_empties_a_line_faster_than_its_weights() -> None:
    """And random orders lie at the mean of both ends, (5 + 1) / 2, give or take."""
    best = area(curve(line, [0, 2, 1]))
    for order in ([0, 1, 2], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]):
        assert area(curve(line, order)) >= best
    drawn = np.array([random_areas(line, 3, seed) for seed in range(200)]).mean(axis=0)
    np.testing.assert_allclose(drawn, [3, 3], atol=0.1)


# --- Infidelity and sensitivity ----------------------------------------------------------


def test_the_weights_of_a_line_are_faithful_whatever_their_scale() -> None:
    weights = WEIGHTS.numpy().astype(np.float64)
    assert infidelity_of(line, weights, 0) == pytest.approx(0, abs=1e-5)
    assert infidelity_of(line, -0.01 * weights, 0) == pytest.approx(0, abs=1e-5)
    assert infidelity_of(line, weights[::-1].copy(), 0) > 0.1


def test_infidelity_is_what_is_left_of_a_fit_by_one_number() -> None:
    """Least squares by hand on the same random sets."""
    values = np.array([1.0, 2.0, -1.0])
    emptied = np.random.default_rng(5).random((SETS, 3)) < 0.5
    said, lost = emptied @ values, emptied @ WEIGHTS.numpy()
    scale = (said @ lost) / (said @ said)
    expected = np.mean((scale * said - lost) ** 2)
    assert infidelity_of(line, values, 5) == pytest.approx(expected, rel=1e-4)


def test_a_line_has_the_same_gradient_everywhere() -> None:
    """Saliency does not move with the inputs; input x gradient does, by their share."""
    inputs = np.random.default_rng(0).normal(2, [1, 2, 3], size=(9, 3)).astype(np.float32)
    network = randomised(ModelSpec((3,), 2, 2, StemSpec("tabular")), inputs)
    question = Question(inputs[4], np.zeros(0, bool), "concept:0")
    assert sensitivity_of(network, question, "saliency", 0) == pytest.approx(0, abs=1e-5)
    assert 0 < sensitivity_of(network, question, "input_x_gradient", 0) < 0.2


# --- Shuffled weights --------------------------------------------------------------------


def test_shuffling_keeps_the_numbers_and_the_network_itself() -> None:
    network = make_forest("image").network
    before = {name: value.clone() for name, value in network.named_parameters()}
    other = dict(shuffled(network, 3).named_parameters())
    again = dict(shuffled(network, 3).named_parameters())
    moved = 0
    for name, value in network.named_parameters():
        assert torch.equal(value, before[name])
        assert torch.equal(other[name], again[name])
        assert torch.equal(other[name].flatten().sort()[0], value.flatten().sort()[0])
        moved += not torch.equal(other[name], value)
    assert moved > len(before) / 2


# --- Places ------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4,), (2, 20), (1, 16, 16), (3, 9, 6)])
def test_places_are_columns_stretches_and_squares(shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).normal(size=shape)
    sums = place_sums(values)
    assert sums.sum() == pytest.approx(values.sum())
    assert places(shape).shape == shape
    if len(shape) == 1:
        np.testing.assert_allclose(sums, values)
    elif len(shape) == 2:
        np.testing.assert_allclose(sums, stretch_sums(values).ravel())
    else:
        np.testing.assert_allclose(sums, patch_sums(values.sum(axis=0)).ravel())


# --- All together ------------------------------------------------------------------------


def test_menus_name_all_methods() -> None:
    assert tuple(METHODS) == NAMES


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("kind", ["tabular", "image"])
def test_measuring_every_method(kind: str) -> None:
    """All finite, the same each time, and nobody's random numbers moved."""
    forest = make_forest(kind)
    question = Question(forest.inputs[1], np.ones(4, bool), "class:1")
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = dict(measure(forest.network, question, NAMES, 0))
    assert torch.equal(torch.get_rng_state(), state)
    again = dict(measure(forest.network, question, ["lime", "kernel_shap"], 0))
    for method, found in again.items():
        assert repr(found) == repr(first[method])
    for method, found in first.items():
        assert math.isnan(found.missed) != METHODS[method].promises_sum
        assert found.infidelity >= 0 and found.sensitivity >= 0
        assert 1 <= found.effective <= len(found.values)
        assert -1 <= found.shuffled <= 1
        assert math.isfinite(found.deletion) and math.isfinite(found.insertion)


def test_a_better_order_leads_by_more() -> None:
    """On a linear network the exact values lead, and by both ways of looking."""
    inputs = np.random.default_rng(0).normal(2, [1, 2, 3, 1, 2], size=(4, 5)).astype(np.float32)
    network = randomised(ModelSpec((5,), 2, 2, StemSpec("tabular")), inputs)
    leads = []
    for row in range(len(inputs)):
        question = Question(inputs[row], np.zeros(0, bool), "concept:0")
        found = dict(measure(network, question, NAMES, row))
        exact = found["integrated_gradients"]
        assert exact.deletion > 0 and exact.insertion > 0
        assert all(one.deletion <= exact.deletion + 1e-4 for one in found.values())
        assert exact.infidelity == pytest.approx(0, abs=1e-6)
        assert exact.missed == pytest.approx(0, abs=1e-4)
        leads.append(exact.deletion - found["saliency"].deletion)
    assert np.mean(leads) > 0
