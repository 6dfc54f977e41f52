"""A plain convolutional network, to compare with: full convolutions, one exit, no concepts."""

import math
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.tasks import Parts
from minspnet.metrics import accuracy, mean_auc
from minspnet.recipe import TrainSpec
from minspnet.training.augment import augmentations
from minspnet.training.course import rate_factor
from minspnet.training.data import as_batch, target_weights
from minspnet.training.losses import class_loss

_WIDTHS = (16, 32, 64, 64, 48)
_RATE = 0.003
"""Peak learning rate: full convolutions with one exit bear less than ours; not tuned further."""


def plain_cnn(classes: int, channels: int = 1, size: float = 1) -> nn.Sequential:
    """Five 3x3 convolutions, the second, third and fifth of stride 2, then the mean over places.

    Args:
        classes: To tell apart.
        channels: Of a picture.
        size: By how much all widths are multiplied; parameters grow with its square.
    """
    layers: list[nn.Module] = []
    given = channels
    widths = [round(size * width) for width in _WIDTHS]
    for width, stride in zip(widths, (1, 2, 2, 1, 2), strict=True):
        layers += [
            nn.Conv2d(given, width, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        ]
        given = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(given, classes))


def size_of(parameters: int, classes: int, channels: int = 1) -> float:
    """By how much the widths must be multiplied for about so many parameters."""
    usual = sum(p.numel() for p in plain_cnn(classes, channels).parameters())
    return math.sqrt(parameters / usual)


def plain_cnn_scores(parts: Parts, recipe: TrainSpec, seed: int, size: float = 1) -> dict[str, Any]:
    """Train on as many epochs, with the same augmentation and class weights, and score once."""
    data, test = parts["train"], parts["test"]
    classes = int(data.labels.max()) + 1
    mean, scale = float(data.inputs.mean()), float(data.inputs.std())
    whole = as_batch(data, target_weights(data, recipe, classes), recipe.label_smoothing)
    ways = augmentations(recipe, torch.tensor([scale]))
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = plain_cnn(classes, data.inputs.shape[1], size)
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=_RATE, weight_decay=recipe.weight_decay
        )
        batches = len(data.inputs) // recipe.batch_size
        for step in range(recipe.epochs * batches):
            if step % batches == 0:
                order = torch.randperm(len(data.inputs), generator=generator).tensor_split(batches)
            rows = order[step % batches]
            batch = whole.each(lambda part, rows=rows: part[rows])
            for way in ways:
                batch = way(batch, generator)
            for group in optimiser.param_groups:
                group["lr"] = _RATE * rate_factor(step, recipe.epochs * batches, recipe)
            optimiser.zero_grad(set_to_none=True)
            class_loss(network((batch.inputs - mean) / scale), batch.targets).backward()
            optimiser.step()
    network.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        logits = network((torch.from_numpy(test.inputs) - mean) / scale)
    probabilities = functional.softmax(logits, dim=1).numpy()
    return {
        "parameters": sum(p.numel() for p in network.parameters()),
        "macs": counter.get_total_flops() / 2 / len(test.inputs),
        "all_on": {
            "accuracy": accuracy(probabilities.argmax(axis=1), test.labels),
            "auc": mean_auc(probabilities, test.labels),
        },
    }
