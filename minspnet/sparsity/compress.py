"""Prune for a budget of MACs, fine-tune, and rewind."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from minspnet.cost import cost_table
from minspnet.errors import requirement
from minspnet.network import Network
from minspnet.recipe import TrainSpec
from minspnet.sparsity.importance import Scores, taylor
from minspnet.sparsity.price import Price, price_of
from minspnet.sparsity.shrink import settled, shrunk
from minspnet.sparsity.units import Kept, Units, units_of
from minspnet.spec import ModelSpec
from minspnet.training.data import TrainingData, as_batch, target_weights
from minspnet.training.losses import null_deviance
from minspnet.training.objective import Objective
from minspnet.training.train import train

Importance = Callable[[Network, Units], Scores]
"""How much each unit matters; larger is more."""


def cheapest_first(
    network: Network, units: Units, price: Price, importance: Scores, macs: float
) -> Kept:
    """Drop the unit that matters least per MAC saved, again and again, until the rest fits.

    No place is emptied.

    Raises:
        UserError: If even one unit a place costs more.
    """
    kept = np.ones(units.count, dtype=bool)
    while price.macs(kept) > macs:
        last = np.zeros(units.count, dtype=bool)
        for labels in units.places.values():
            alive = np.unique(labels[kept[labels]])
            last[alive] |= len(alive) == 1
        able = np.flatnonzero(units.free & kept & ~last)
        if not len(able):
            raise requirement(
                "budget of MACs",
                f"be {price.macs(settled(network, units, kept))} or more for this network",
                macs,
                "drop layers or experts first",
            )
        loss = importance[able] / np.maximum(price.savings(kept)[able], 1e-9)
        kept[able[loss.argmin()]] = False
    return settled(network, units, kept)


def taylor_of(
    recipe: TrainSpec, data: TrainingData, classes: int, seed: int, cases: int = 512
) -> Importance:
    """Taylor importance under the loss that a recipe trains, on one batch of training cases."""
    whole = as_batch(data, target_weights(data, recipe, classes), recipe.label_smoothing)
    chosen = np.random.default_rng(seed).permutation(len(data.inputs))[:cases]
    rows = torch.as_tensor(chosen)
    batch = whole.each(lambda part: part[rows])
    unexplained = null_deviance(whole.truth, whole.weights)

    def loss(network: Network) -> Tensor:
        objective = Objective(network, recipe, cost_shares(network), unexplained, seed)
        _, terms = objective(batch)
        return torch.stack([*terms.values()]).sum()

    return lambda network, units: taylor(network, units, loss)


def cost_shares(network: Network) -> Float[np.ndarray, " expert"]:
    """Each expert's share of all MACs, the price of its learned gate in training."""
    cost = cost_table(network)
    return np.asarray(cost.experts, dtype=np.float64) / cost.total


def ticket(early: Network, trained: Network, importance: Importance, macs: float) -> Network:
    """Shrink early weights, within a budget, to the units that matter in the trained network."""
    units = units_of(trained)
    price, scores = price_of(trained, units), importance(trained, units)
    return shrunk(early, units, cheapest_first(trained, units, price, scores, macs))


def pruned(network: Network, importance: Importance, macs: float) -> Network:
    """Shrink a trained network to a budget, without any more training."""
    return ticket(network, network, importance, macs)


def prune_and_tune(
    network: Network,
    importance: Importance,
    budgets: Sequence[float],
    recipe: TrainSpec,
    data: TrainingData,
    seed: int,
) -> Network:
    """Prune a trained network to one budget after the other, and fine-tune it each time.

    Args:
        network: Trained.
        importance: Measured anew before every pruning.
        budgets: MACs, falling.
        recipe: Of the training after each pruning.
        data: Training cases.
        seed: Of the fine-tuning.
    """
    for macs in budgets:
        network = pruned(network, importance, macs)
        network = train(network.spec, recipe, data, cost_shares(network), seed, start=network)
    return network


def lottery(
    spec: ModelSpec,
    importance: Importance,
    budgets: Sequence[float],
    recipe: TrainSpec,
    data: TrainingData,
    seed: int,
    rewind: int = 0,
) -> tuple[Network, Network]:
    """Train, prune, put what survives back to its early weights, and train again.

    Source: Frankle & Carbin 2019, The Lottery Ticket Hypothesis; here whole units are pruned.

    Args:
        spec: Of the roomy network.
        importance: Measured on the network trained last.
        budgets: MACs, falling; one round each.
        recipe: Of every training.
        data: Training cases.
        seed: Of every training.
        rewind: Steps of training after which weights count as early; 0 for the random ones.

    Returns:
        The ticket, early weights and all, and the network trained from it.
    """
    snapshot = Snapshot(rewind)
    early = initial(spec, recipe, data, seed)
    costs = cost_shares(early)
    trained = train(spec, recipe, data, costs, seed, start=early, after_step=snapshot)
    early = snapshot.network or early
    for macs in budgets:
        early = ticket(early, trained, importance, macs)
        trained = train(early.spec, recipe, data, cost_shares(early), seed, start=early)
    return early, trained


def steps_down(network: Network, macs: float, steps: int) -> list[float]:
    """Budgets from a network's cost down to a target, each the same share of the one before.

    Source: Renda et al. 2020, Comparing Rewinding and Fine-tuning (iterative pruning).
    """
    return np.geomspace(cost_table(network).total, macs, steps + 1)[1:].tolist()


@dataclass
class Snapshot:
    """Hook for ``train`` that copies the network as it was after a step.

    Attributes:
        at: After how many steps; rewinding to a few per cent of training works better than to
            the very start in larger networks.
        network: The copy, once it was made.

    Source: Frankle et al. 2020, Linear Mode Connectivity and the Lottery Ticket Hypothesis.
    """

    at: int
    network: Network | None = None

    def __call__(self, network: Network, step: int, steps: int) -> None:
        if step == self.at:
            self.network = copy.deepcopy(network)


def initial(spec: ModelSpec, recipe: TrainSpec, data: TrainingData, seed: int) -> Network:
    """The random network that ``train`` begins with for this seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = Network(spec, recipe.dropout)
    network.stem.standardise.fit(torch.as_tensor(data.inputs, dtype=torch.float32))
    return network
