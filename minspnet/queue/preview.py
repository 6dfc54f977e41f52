"""What a network will cost, and whether its training can begin: before anything is trained."""

from dataclasses import dataclass

import numpy as np
import torch

from minspnet.cost import cost_table
from minspnet.errors import requirement
from minspnet.metrics import CostTable
from minspnet.network import Network
from minspnet.presets import Preset
from minspnet.study import check_forest
from minspnet.training.augment import check_augmentations
from minspnet.training.objective import Objective
from minspnet.training.transfer import frozen_parts


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
