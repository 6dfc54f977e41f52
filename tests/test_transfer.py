"""Modular transfer and freezing: what is taken over, what is new, what stays."""

import dataclasses

import numpy as np
import pytest
import torch
from forests import forest_spec, make_forest

from minspnet.errors import UserError
from minspnet.network import Network
from minspnet.recipe import TrainSpec
from minspnet.spec import ModelSpec, StemSpec
from minspnet.training.train import TrainingData, train
from minspnet.training.transfer import transfer

COSTS = np.full(4, 0.2)


@pytest.fixture(scope="module")
def source() -> Network:
    return make_forest("image").network


def coloured(cases: int = 24) -> np.ndarray:
    return np.random.default_rng(5).normal(2, 3, (cases, 3, 16, 16)).astype(np.float32)


def other_task(**changes: object) -> ModelSpec:
    """Colour in place of grey, five concepts for three, two classes for three."""
    experts = tuple(dataclasses.replace(e, concepts=()) for e in forest_spec("image").experts)
    values = {"input_shape": (3, 16, 16), "concepts": 5, "classes": 2, "experts": experts}
    return dataclasses.replace(forest_spec("image"), **values | changes)


def weights(module: torch.nn.Module) -> list[torch.Tensor]:
    return list(module.state_dict().values())


def equal(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    pairs = zip(weights(one), weights(other), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_experts_are_kept_where_stem_and_head_change(source: Network) -> None:
    moved = transfer(source, other_task(), coloured())
    names = ("near", "far", "left", "right")
    assert set(moved.copied) == {
        *(f"{name}.block" for name in names if name != "right"),
        *(f"{name}.gate" for name in ("left", "right")),
    }
    assert set(moved.new) == {"stem", "base_exit", "head", *(f"{name}.exit" for name in names)}
    for expert in range(4):
        known, found = source.experts[expert], moved.network.experts[expert]
        assert equal(known.block, found.block) and not equal_shapes(known.exit, found.exit)
    mean = moved.network.stem.standardise.mean
    np.testing.assert_allclose(mean, coloured().mean(axis=(0, 2, 3)), rtol=1e-4)


def equal_shapes(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    return [t.shape for t in weights(one)] == [t.shape for t in weights(other)]


def test_experts_are_found_by_name_not_by_place(source: Network) -> None:
    """The spine alone, under a new first expert: places move, names do not."""
    near, far, *_ = forest_spec("image").experts
    spec = dataclasses.replace(
        forest_spec("image"), experts=(dataclasses.replace(near, name="first"), near, far)
    )
    moved = transfer(source, spec, coloured()[:, :1])
    assert {"first.block", "first.exit"} == set(moved.new)
    assert equal(moved.network.experts[1], source.experts[0])
    assert equal(moved.network.experts[2], source.experts[1])
    assert not equal(moved.network.experts[0].block, source.experts[0].block)


def test_the_same_task_is_copied_whole_but_for_its_normalisation(source: Network) -> None:
    before = {name: tensor.clone() for name, tensor in source.state_dict().items()}
    grey = coloured()[:, :1]
    moved = transfer(source, source.spec, grey)
    assert moved.new == ()
    differing = {n for n, t in moved.network.state_dict().items() if not torch.equal(t, before[n])}
    assert differing == {"stem.standardise.mean", "stem.standardise.scale"}
    assert all(torch.equal(t, before[name]) for name, t in source.state_dict().items())
    moved.network.head.bias.data.fill_(9)
    assert not torch.equal(source.head.bias, moved.network.head.bias), "memory is shared"


def test_new_parts_follow_the_seed(source: Network) -> None:
    one, same, other = (
        transfer(source, other_task(), coloured(), seed).network for seed in (1, 1, 2)
    )
    assert equal(one, same) and not equal(one.stem, other.stem)
    assert equal(one.experts[0].block, other.experts[0].block)


def test_nothing_in_common_is_said(source: Network) -> None:
    strange = ModelSpec((5,), 2, 2, StemSpec("tabular"))
    with pytest.raises(UserError) as refused:
        transfer(source, strange, np.zeros((4, 5), np.float32))
    assert str(refused.value) == (
        "the source must share a part with the new network, got none that fits; train it afresh."
    )


# --- Freezing ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data() -> TrainingData:
    generator = np.random.default_rng(0)
    return TrainingData(coloured(), generator.random((24, 5)), np.arange(24) % 2)


@pytest.mark.parametrize(
    "freeze", [("experts",), ("stem", "far"), ("base_exit",), ("head",), ("left", "right")]
)
def test_frozen_parts_do_not_move_and_the_others_do(
    freeze: tuple[str, ...], source: Network, data: TrainingData
) -> None:
    """Neither weights nor the statistics of normalisation, under dropout too."""
    start = transfer(source, other_task(), data.inputs).network
    recipe = TrainSpec(epochs=1, batch_size=8, freeze=freeze, concept_training="joint", dropout=0.1)
    found = train(other_task(), recipe, data, COSTS, 0, start=start)
    for name, before, after in zip(
        ("stem", "base_exit", "head", *start.tree.names),
        (start.stem, start.base_exit, start.head, *start.experts),
        (found.stem, found.base_exit, found.head, *found.experts),
        strict=True,
    ):
        held = name in freeze or ("experts" in freeze and name in start.tree.names)
        assert equal(before, after) == held, name


def test_freezing_refuses_unknown_parts_and_everything(source: Network, data: TrainingData) -> None:
    start = transfer(source, other_task(), data.inputs).network
    for freeze, sentence in (
        (("trunk",), "freeze must name parts among near, far, left, right, stem, base_exit, "),
        (("stem", "experts", "base_exit", "head"), "freeze must leave something to train, got "),
    ):
        with pytest.raises(UserError) as refused:
            train(other_task(), TrainSpec(epochs=1, freeze=freeze), data, COSTS, 0, start=start)
        assert str(refused.value).startswith(sentence)


def test_a_transferred_network_learns_on(source: Network, data: TrainingData) -> None:
    start = transfer(source, other_task(), data.inputs).network
    told: list[dict[str, float]] = []
    recipe = TrainSpec(epochs=8, batch_size=12, freeze=("experts",))
    train(*(other_task(), recipe, data, COSTS, 0), lambda _, now: told.append(now), start=start)
    assert told[-1]["concept"] < told[0]["concept"]


@pytest.mark.parametrize("way", ["anchored", "independent", "sequential", "joint"])
def test_a_frozen_head_is_the_one_that_was_given(
    way: str, source: Network, data: TrainingData
) -> None:
    """Neither fitted before the training nor after it."""
    spec = dataclasses.replace(other_task(), residual=False)
    start = transfer(source, spec, data.inputs).network
    with torch.no_grad():
        start.head.weights.fill_(0.7)
    recipe = TrainSpec(epochs=1, batch_size=8, freeze=("head",), concept_training=way)
    found = train(spec, recipe, data, COSTS, 0, start=start)
    assert equal(start.head, found.head)
    with pytest.raises(UserError) as refused:
        train(spec, recipe, data, COSTS, 0)
    assert str(refused.value) == (
        "freeze must name the head only with a network to start from, got none; leave head out."
    )
