"""Augmentations: what they move, what they leave, and where they are refused."""

import dataclasses

import numpy as np
import pytest
import torch
from forests import forest_spec
from hypothesis import given
from hypothesis import strategies as st

from minspnet.errors import UserError
from minspnet.recipe import TrainSpec
from minspnet.spec import ModelSpec, StemSpec
from minspnet.training.augment import (
    augmentations,
    check_augmentations,
    flipped,
    jittered,
    mixed,
    moved,
    pasted,
    shifted,
    turned,
)
from minspnet.training.data import Batch


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def numbered(cases: int, *sides: int) -> torch.Tensor:
    """Pictures or signals without two equal values."""
    return torch.arange(cases * int(np.prod(sides)), dtype=torch.float32).reshape(cases, *sides)


def test_turns_are_the_eight_symmetries_of_a_square() -> None:
    images = torch.arange(400 * 9, dtype=torch.float32).reshape(400, 1, 3, 3)
    kept = images.clone()
    found = turned(images, seeded())
    assert torch.equal(images, kept)
    symmetries = [torch.rot90(images, k, (-2, -1)) for k in range(4)]
    symmetries += [torch.rot90(images.transpose(-2, -1), k, (-2, -1)) for k in range(4)]
    matches = torch.stack([(found == s).flatten(1).all(dim=1) for s in symmetries])
    assert (matches.sum(dim=0) == 1).all()
    assert (matches.sum(dim=1) > 400 / 8 / 2).all()


def test_flips_mirror_half_of_the_pictures() -> None:
    images = numbered(400, 2, 3, 4)
    found = flipped(images, seeded())
    mirrored = (found == images.flip(-1)).flatten(1).all(dim=1)
    kept = (found == images).flatten(1).all(dim=1)
    assert (mirrored ^ kept).all()
    assert mirrored.float().mean().item() == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize("sides", [(7,), (5, 6)])
def test_shifts_are_crops_of_a_padded_picture_or_signal(sides: tuple[int, ...]) -> None:
    """numpy pads with the edge; every offset up to 2 occurs, and no other."""
    given_cases = numbered(500, 2, *sides)
    found = shifted(2, given_cases, seeded()).numpy()
    padded = np.pad(given_cases.numpy(), [(0, 0), (0, 0)] + [(2, 2)] * len(sides), mode="edge")
    met = np.zeros((500, *[5] * len(sides)), bool)
    for offset in np.ndindex(*met.shape[1:]):
        window = tuple(slice(o, o + side) for o, side in zip(offset, sides, strict=True))
        same = padded[(slice(None), slice(None), *window)] == found
        met[(slice(None), *offset)] = same.reshape(500, -1).all(axis=1)
    assert (met.reshape(500, -1).sum(axis=1) == 1).all()
    assert met.any(axis=0).all()


@pytest.mark.parametrize("move", [turned, flipped, lambda *now: shifted(2, *now)])
def test_masks_move_with_their_pictures(move) -> None:
    images = numbered(50, 1, 4, 4)
    batch = Batch(images, torch.rand(50, 3), torch.rand(50, 2), images[:, 0] / images.max())
    found = moved(move, batch, seeded())
    assert not torch.equal(found.inputs, images)
    assert torch.equal(found.inputs[:, 0] / images.max(), found.masks)
    assert torch.equal(found.truth, batch.truth) and torch.equal(found.targets, batch.targets)
    without = moved(move, batch._replace(masks=None), seeded())
    assert torch.equal(without.inputs, found.inputs) and without.masks is None


def test_jitter_is_in_units_of_each_channel() -> None:
    batch = Batch(torch.zeros(500, 2, 30), torch.rand(500, 3), torch.rand(500, 2))
    found = jittered(0.1 * torch.tensor([1.0, 20.0]), batch, seeded()).inputs
    assert found.std(dim=(0, 2)).tolist() == pytest.approx([0.1, 2.0], rel=0.03)
    assert found.mean(dim=(0, 2)).tolist() == pytest.approx([0, 0], abs=0.06)


@given(st.integers(0, 1000), st.floats(0.05, 4))
def test_mixup_mixes_all_parts_by_the_same_share(seed: int, alpha: float) -> None:
    """One-hot inputs tell from whom each case is made, and how much of either."""
    whose = torch.eye(6)
    counts = torch.arange(6.0)
    batch = Batch(whose, whose.clone(), whose.clone(), whose.clone(), counts)
    found = mixed(alpha, batch, seeded(seed))
    torch.testing.assert_close(found.inputs.sum(dim=1), torch.ones(6))
    assert ((found.inputs > 0).sum(dim=1) <= 2).all()
    assert all(torch.equal(found.inputs, part) for part in found[:4])
    torch.testing.assert_close(found.weights, found.inputs @ counts)


def test_mixup_draws_its_shares_from_the_beta_distribution() -> None:
    """Mean one half, variance 1 / (4 (2 alpha + 1)), seen where each case has another partner."""
    batch = Batch(torch.eye(3000), torch.rand(3000, 1), torch.rand(3000, 2))
    share = mixed(0.3, batch, seeded()).inputs.diagonal()
    assert share.mean().item() == pytest.approx(0.5, abs=0.03)
    assert share.var().item() == pytest.approx(1 / (4 * 1.6), rel=0.1)


def test_a_case_without_label_wants_its_partners_share_only() -> None:
    targets = torch.tensor([[0.0, 0.0], [0.0, 1.0]])
    found = mixed(1.0, Batch(torch.eye(2), torch.rand(2, 1), targets), seeded(3))
    torch.testing.assert_close(found.targets[:, 1], found.inputs[:, 1])


def test_cutmix_mixes_by_the_area_that_was_pasted() -> None:
    """Pictures of one grey each: the mean of a pasted one is the mixture of the two."""
    grey = torch.linspace(0, 1, 300)
    images = grey[:, None, None, None].expand(300, 1, 9, 12).contiguous()
    batch = Batch(images, grey[:, None], torch.stack([grey, 1 - grey], 1), images[:, 0], grey)
    found = pasted(1.0, batch, seeded())
    torch.testing.assert_close(found.weights, found.truth[:, 0])
    torch.testing.assert_close(found.inputs.mean(dim=(1, 2, 3)), found.truth[:, 0])
    torch.testing.assert_close(found.targets, torch.cat([found.truth, 1 - found.truth], 1))
    assert torch.equal(found.masks, found.inputs[:, 0])
    foreign = (found.inputs[:, 0] != images[:, 0]).float()
    assert ((foreign > 0).flatten(1).any(dim=1)).float().mean() > 0.8
    boxes = foreign.amax(dim=1)[:, None, :] * foreign.amax(dim=2)[:, :, None]
    assert torch.equal(foreign, boxes), "what is pasted is no rectangle"
    # Uniform shares: a centred box would cover half on average, one cut by the edge less.
    assert 0.25 < foreign.mean() < 0.5


def test_nothing_is_done_by_default_and_everything_in_order() -> None:
    assert augmentations(TrainSpec(), torch.ones(1)) == []
    recipe = TrainSpec(augment=True, flip=True, shift=1, jitter=0.1, mixup=0.2, cutmix=0.2)
    ways = augmentations(recipe, torch.full((1,), 3.0))
    assert len(ways) == 6
    batch = Batch(torch.rand(8, 1, 6, 6), torch.rand(8, 3), torch.rand(8, 2))
    for way in ways:
        found = way(batch, seeded())
        assert not torch.equal(found.inputs, batch.inputs)
        assert torch.equal(way(batch, seeded()).inputs, found.inputs), "not repeatable"


SIGNAL = ModelSpec((2, 12), 3, 2, StemSpec("signal", 6))
LEVELS = ModelSpec((2,), 3, 2, StemSpec("tabular", levels=(0, 3)))
OBLONG = dataclasses.replace(forest_spec("image"), input_shape=(1, 16, 12))
REFUSED = [
    (OBLONG, {"augment": True}, "augment must be off unless pictures are square, got (1, 16, 12)"),
    (SIGNAL, {"flip": True}, "flip must be off for inputs of kind signal, got True"),
    (SIGNAL, {"augment": True}, "augment must be off for inputs of kind signal, got True"),
    (SIGNAL, {"cutmix": 1.0}, "cutmix must be off for inputs of kind signal, got 1.0"),
    (forest_spec("tabular"), {"jitter": 0.1}, "jitter must be off for inputs of kind tabular"),
    (forest_spec("tabular"), {"shift": 2}, "shift must be off for inputs of kind tabular, got 2"),
    (LEVELS, {"mixup": 0.2}, "mixup must be off where columns have levels, got 0.2"),
    (OBLONG, {"shift": 12}, "shift must be less than the shortest side, 12, got 12"),
]


@pytest.mark.parametrize(("spec", "asked", "sentence"), REFUSED)
def test_what_a_modality_does_not_allow_is_refused(
    spec: ModelSpec, asked: dict[str, object], sentence: str
) -> None:
    with pytest.raises(UserError) as refused:
        check_augmentations(TrainSpec(**asked), spec)
    assert str(refused.value).startswith(sentence)


def test_what_a_modality_allows_is_not_refused() -> None:
    check_augmentations(TrainSpec(shift=11, jitter=0.1, mixup=1), SIGNAL)
    check_augmentations(TrainSpec(mixup=1), forest_spec("tabular"))
    check_augmentations(TrainSpec(flip=True, shift=3, jitter=1, mixup=1, cutmix=1), OBLONG)
