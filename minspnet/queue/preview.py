"""What a network will cost, and whether its training can begin: before anything is trained."""

from dataclasses import dataclass

import numpy as np
import torch

from minspnet.cost import cost_table
from minspnet.errors import requirement
from minspnet.memory import peak_features
from minspnet.metrics import CostTable
from minspnet.network import Network
from minspnet.presets import Preset
from minspnet.spec import ModelSpec
from minspnet.study import check_forest
from minspnet.training.augment import check_augmentations
from minspnet.training.objective import Objective
from minspnet.training.transfer import frozen_parts

MOST_NUMBERS = 50_000_000
"""Of weights and features together: 200 MB, before the optimiser's and the batch's share."""


@dataclass(frozen=True)
class Preview:
    """A network before its first step.

    Attributes:
        parameters: Trained numbers.
        cost: MACs of each part.
    """

    parameters: int
    cost: CostTable


def preview(preset: Preset) -> Preview:
    """Build the network of a preset and count.

    Raises:
        UserError: If architecture and recipe do not fit together, or ask for what a job has not:
            a teacher, evidence masks, weights to start from.
    """
    _check_size(preset.model)
    check_forest(preset.model)
    recipe = preset.training
    with torch.random.fork_rng():
        network = Network(preset.model, recipe.dropout)
    cost = cost_table(network)
    check_augmentations(recipe, preset.model)
    shares = np.asarray(cost.experts, dtype=np.float64) / cost.total
    Objective(network, recipe, shares, torch.ones(preset.model.concepts), 0)
    frozen_parts(network, recipe.freeze)
    if "head" in recipe.freeze:
        raise requirement("freeze", "not name the head in a new network", "head", "leave it out")
    if recipe.alignment_weight:
        must = "be 0 without evidence masks"
        raise requirement("alignment_weight", must, recipe.alignment_weight, "set it to 0")
    return Preview(network.parameters_count, cost)


def _check_size(spec: ModelSpec) -> None:
    """Count on a device that holds nothing, so that what is far too large takes no memory."""
    with torch.device("meta"), torch.random.fork_rng():
        network = Network(spec)
        count = sum(one.numel() for one in (*network.parameters(), *network.buffers()))
        # A layer for columns gives no more features than it has weights.
        if spec.stem.kind != "tabular" and count <= MOST_NUMBERS:
            count += peak_features(network)
    if count > MOST_NUMBERS:
        must = f"hold at most {MOST_NUMBERS:,} weights and features"
        raise requirement("the network", must, f"{count:,}", "lower its widths")
