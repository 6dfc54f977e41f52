"""Augmentation: each way to vary a batch is a function from batch to batch."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from minspnet.errors import requirement
from minspnet.recipe import TrainSpec
from minspnet.spec import ModelSpec
from minspnet.training.data import Batch

Augmentation = Callable[[Batch, torch.Generator], Batch]
Move = Callable[[Tensor, torch.Generator], Tensor]

_ALLOWED = {
    "tabular": {"mixup"},
    "signal": {"shift", "jitter", "mixup"},
    "image": {"augment", "flip", "shift", "jitter", "mixup", "cutmix"},
}


def augmentations(recipe: TrainSpec, scale: Float[Tensor, " channel"]) -> list[Augmentation]:
    """List what the recipe asks for: moves first, then noise, then mixtures."""
    ways: list[Augmentation] = []
    if recipe.augment:
        ways.append(partial(moved, turned))
    if recipe.flip:
        ways.append(partial(moved, flipped))
    if recipe.shift:
        ways.append(partial(moved, partial(shifted, recipe.shift)))
    if recipe.jitter:
        ways.append(partial(jittered, recipe.jitter * scale))
    if recipe.mixup:
        ways.append(partial(mixed, recipe.mixup))
    if recipe.cutmix:
        ways.append(partial(pasted, recipe.cutmix))
    return ways


def check_augmentations(recipe: TrainSpec, spec: ModelSpec) -> None:
    """Refuse what the modality does not allow.

    Raises:
        UserError: If it makes no sense for such inputs, or moves them out of their frame.
    """
    kind, sides = spec.stem.kind, spec.input_shape[1:]
    if recipe.augment and len(set(sides)) != 1:
        raise requirement(
            "augment", "be off unless pictures are square", spec.input_shape, "switch it off"
        )
    for name in sorted(_ALLOWED["image"] - _ALLOWED[kind]):
        if getattr(recipe, name):
            raise requirement(
                name, f"be off for inputs of kind {kind}", getattr(recipe, name), "switch it off"
            )
    if recipe.mixup and any(spec.stem.levels):
        raise requirement(
            "mixup", "be off where columns have levels", recipe.mixup, "there is no level between"
        )
    if sides and recipe.shift >= min(sides):
        raise requirement(
            "shift", f"be less than the shortest side, {min(sides)}", recipe.shift, "lower it"
        )


def moved(move: Move, batch: Batch, generator: torch.Generator) -> Batch:
    """Move inputs, and the masks along with them, as one more channel."""
    if batch.masks is None:
        return batch._replace(inputs=move(batch.inputs, generator))
    both = move(torch.cat([batch.inputs, batch.masks[:, None]], dim=1), generator)
    return batch._replace(inputs=both[:, :-1], masks=both[:, -1])


def turned(
    images: Float[Tensor, "case channel height width"], generator: torch.Generator
) -> Float[Tensor, "case channel height width"]:
    """Turn each picture by a multiple of 90 degrees and mirror it, at random."""
    turns = torch.randint(8, (len(images),), generator=generator)
    result = images.clone()
    for turn in range(1, 8):
        rows = turns == turn
        image = images[rows].flip(-1) if turn >= 4 else images[rows]
        result[rows] = torch.rot90(image, turn % 4, (-2, -1))
    return result


def flipped(
    images: Float[Tensor, "case channel height width"], generator: torch.Generator
) -> Float[Tensor, "case channel height width"]:
    """Mirror every other picture left to right."""
    mirrored = torch.randint(2, (len(images), 1, 1, 1), generator=generator).bool()
    return torch.where(mirrored, images.flip(-1), images)


def shifted(
    most: int, given: Float[Tensor, "case channel *sides"], generator: torch.Generator
) -> Float[Tensor, "case channel *sides"]:
    """Move each case along every side by up to ``most``; its edge fills what comes in.

    Source: He et al. 2016, Deep Residual Learning (random crops of a padded picture).
    """
    for axis in range(2, given.ndim):
        side = given.shape[axis]
        by = torch.randint(-most, most + 1, (len(given), 1), generator=generator)
        source = (torch.arange(side) + by).clamp(0, side - 1)
        shape = [len(given), *(side if a == axis else 1 for a in range(1, given.ndim))]
        given = given.gather(axis, source.view(shape).expand_as(given))
    return given


def jittered(
    deviation: Float[Tensor, " channel"], batch: Batch, generator: torch.Generator
) -> Batch:
    """Add noise to inputs.

    Source: Um et al. 2017, Data Augmentation of Wearable Sensor Data (jitter).
    """
    noise = torch.randn(batch.inputs.shape, generator=generator)
    scale = deviation.view(1, -1, *(1,) * (noise.ndim - 2))
    return batch._replace(inputs=batch.inputs + scale * noise)


def mixed(alpha: float, batch: Batch, generator: torch.Generator) -> Batch:
    """Mix each case with another of the batch: inputs, concepts, classes and masks alike.

    A cell that either of the two lacks is missing.

    Source: Zhang et al. 2018, mixup: Beyond Empirical Risk Minimization, with a share drawn
    per case.
    """
    share, partner = _shares(alpha, batch, generator)
    return batch.each(lambda one: _blend(one, partner, share))


def pasted(alpha: float, batch: Batch, generator: torch.Generator) -> Batch:
    """Paste a part of another picture; concepts and classes are mixed by its share of the area.

    Source: Yun et al. 2019, CutMix, equations 1 and 2.
    """
    drawn, partner = _shares(alpha, batch, generator)
    height, width = (
        _stretch(side, (1 - drawn).sqrt(), generator) for side in batch.inputs.shape[2:]
    )
    kept = ~(height[:, :, None] & width[:, None, :])
    share = kept.flatten(1).float().mean(dim=1)
    masks = None if batch.masks is None else torch.where(kept, batch.masks, batch.masks[partner])
    return Batch(
        torch.where(kept[:, None], batch.inputs, batch.inputs[partner]),
        _blend(batch.truth, partner, share),
        _blend(batch.targets, partner, share),
        masks,
        None if batch.weights is None else _blend(batch.weights, partner, share),
    )


def _stretch(side: int, share: Tensor, generator: torch.Generator) -> Tensor:
    """Which places of a side lie in a stretch of that share, around a random centre."""
    centre = side * torch.rand(len(share), 1, generator=generator)
    return (torch.arange(side) + 0.5 - centre).abs() < side * share[:, None] / 2


def _shares(alpha: float, batch: Batch, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """How much of each case is kept, and which case fills the rest."""
    cases = len(batch.inputs)
    # torch draws from a beta distribution with its global random numbers alone.
    seed = int(torch.randint(2**62, (), generator=generator))
    drawn = np.random.default_rng(seed).beta(alpha, alpha, cases)
    partner = torch.randperm(cases, generator=generator)
    return torch.from_numpy(drawn).float(), partner


def _blend(one: Tensor, partner: Tensor, share: Tensor) -> Tensor:
    weight = share.view(-1, *(1,) * (one.ndim - 1))
    return weight * one + (1 - weight) * one[partner]
