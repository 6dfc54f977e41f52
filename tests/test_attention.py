"""Attention held against evidence: which exits, at which size, and whether it is learned."""

import dataclasses

import numpy as np
import pytest
import torch

from minspnet.errors import UserError
from minspnet.network import Network
from minspnet.recipe import TrainSpec
from minspnet.spec import ExpertSpec, ModelSpec, StemSpec
from minspnet.training.attention import attending_exits
from minspnet.training.observe import observe
from minspnet.training.train import TrainingData, train

ATTENTION = {"base_pooling": "attention", "base_grid": 1}
PICTURES = ModelSpec(
    (1, 16, 16),
    1,
    2,
    StemSpec("image", 6, downsample=2),
    (
        ExpertSpec("near", "inverted_bottleneck", 6, stride=2, pooling="attention"),
        ExpertSpec("far", "inverted_bottleneck", 6, parent="near"),
    ),
    **ATTENTION,
)


def test_masks_are_brought_to_each_exits_size_by_their_mean() -> None:
    """16 pixels become 8 behind the stem and 4 behind the first block; the last is a mean."""
    network = Network(PICTURES)
    exits = attending_exits(network)
    assert [exit.sides for exit in exits] == [(8, 8), (4, 4)]
    masks = torch.rand(3, 16, 16)
    for exit, side in zip(exits, (2, 4), strict=True):
        blocks = masks.reshape(3, 16 // side, side, 16 // side, side).mean(dim=(2, 4))
        torch.testing.assert_close(exit.fit(masks), blocks.flatten(1))
    with torch.no_grad():
        _, heard = observe(network, torch.rand(3, 1, 16, 16), [exit.score for exit in exits])
    assert [one.said.flatten(1).shape for one in heard] == [(3, 64), (3, 16)]


def test_signals_are_brought_to_size_too() -> None:
    spec = ModelSpec((2, 12), 1, 2, StemSpec("signal", 4), **ATTENTION)
    (exit,) = attending_exits(Network(spec))
    masks = torch.rand(5, 12)
    torch.testing.assert_close(exit.fit(masks), masks.reshape(5, 3, 4).mean(dim=2))


def test_columns_are_followed_to_where_a_dense_layer_mixes_them() -> None:
    experts = (
        ExpertSpec("some", "none", 3, reads=(2, 0), pooling="attention"),
        ExpertSpec("mixes", "dense", 4, parent="some", pooling="attention"),
        ExpertSpec("one", "none", 1, parent="some", reads=(1,), pooling="attention"),
    )
    spec = ModelSpec((5,), 1, 2, StemSpec("tabular", reads=(4, 1, 3)), experts, **ATTENTION)
    exits = attending_exits(Network(spec))
    assert [exit.columns for exit in exits] == [(4, 1, 3), (3, 4), (4,)]
    masks = torch.rand(2, 5)
    assert torch.equal(exits[1].fit(masks), masks[:, [3, 4]])


def test_nothing_that_attends_is_refused() -> None:
    widened = ModelSpec((5,), 1, 2, StemSpec("tabular", 4), **ATTENTION)
    for spec in (widened, dataclasses.replace(PICTURES, base_pooling="mean", experts=())):
        with pytest.raises(UserError, match=r"^alignment_weight must be 0 unless an exit attends"):
            attending_exits(Network(spec))


@pytest.fixture(scope="module")
def corners() -> TrainingData:
    """A bright and a dim square in every picture; the bright one alone decides."""
    generator = np.random.default_rng(0)
    inputs = generator.normal(0, 0.1, size=(80, 1, 16, 16)).astype(np.float32)
    masks = np.zeros((80, 16, 16), np.float32)
    labels = np.arange(80) % 2
    for case, (y, x) in enumerate(generator.integers(0, 3, size=(80, 2)) * 5):
        inputs[case, 0, y : y + 4, x : x + 4] += 2 + 2 * labels[case]
        masks[case, y : y + 4, x : x + 4] = 1
    masks[:8] = 0
    return TrainingData(inputs, labels[:, None].astype(np.float64), labels, masks)


@torch.no_grad()
def attention_inside(network: Network, data: TrainingData) -> float:
    exits = attending_exits(network)
    _, heard = observe(network, torch.from_numpy(data.inputs), [exit.score for exit in exits])
    inside = [
        (torch.softmax(one.said.flatten(1), 1) * exit.fit(torch.from_numpy(data.masks))).sum(1)
        for exit, one in zip(exits, heard, strict=True)
    ]
    return float(torch.stack(inside)[:, 8:].mean())


def test_training_moves_attention_into_the_evidence(corners: TrainingData) -> None:
    recipe = TrainSpec(epochs=6, batch_size=16, learning_rate=0.02, flip=True)
    said: list[dict[str, float]] = []
    found = []
    for weight in (0.0, 2.0):
        weighed = dataclasses.replace(recipe, alignment_weight=weight)
        network = train(
            PICTURES, weighed, corners, np.full(2, 0.3), 0, lambda _, now: said.append(now)
        )
        found.append(attention_inside(network, corners))
    assert found[1] > found[0] + 0.2
    assert said[-1]["alignment"] < 0.8 * said[6]["alignment"] and "alignment" not in said[5]


def test_alignment_needs_masks_that_fit(corners: TrainingData) -> None:
    recipe = TrainSpec(epochs=1, alignment_weight=1)
    for changed, sentence in (
        (None, "training masks must be given for an alignment_weight, got none; "),
        (corners.masks[:, :8], r"training masks must have shape \(80, 16, 16\), got \(80, 8, 16\)"),
        (2 * corners.masks, "training masks must lie between 0 and 1, got 2.0; "),
    ):
        data = dataclasses.replace(corners, masks=changed)
        with pytest.raises(UserError, match=f"^{sentence}"):
            train(PICTURES, recipe, data, np.full(2, 0.3), 0)
