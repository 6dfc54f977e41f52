"""Dynamic sparse training: a fixed budget of units whose members change while training."""

import math

import numpy as np
import torch

from minspnet.errors import requirement
from minspnet.network import Network
from minspnet.sparsity.importance import reading_labels, reading_norms
from minspnet.sparsity.shrink import along, settled
from minspnet.sparsity.units import Kept, Units, units_of


class Regrowth:
    """Hook for ``train``: drop the weakest units, grow those that the loss asks for.

    A unit that is off is not read: the weights that read it are 0, those that make it stay, so
    that the gradient of the former tells what reading it would bring. In each group of units
    that live at the same places the number that is on never changes, and so neither do MACs.
    What is dropped is not grown in the same update; what is grown starts at 0.

    Source: Evci et al. 2020, Rigging the Lottery (RigL; alg. 1, with whole units for blocks).
    Momentum of what is off is not reset, which no hook can reach. Where only some units may win,
    one that is off can still hold a winner's place, until ``shrink`` makes the choice physical.

    Attributes:
        units: Of the network that is trained.
        kept: Which of them are on.
        updates: Pairs of what was dropped and grown at each update.
    """

    def __init__(
        self,
        network: Network,
        kept: Kept,
        interval: int = 20,
        fraction: float = 0.3,
        until: float = 0.75,
    ) -> None:
        """Begin with some units on, see ``random_units``.

        Args:
            network: Of the spec that will be trained.
            kept: Units that are on at first.
            interval: Steps between updates.
            fraction: Share of a group's units that is exchanged at first; falls as a cosine.
            until: Share of the training after which nothing changes any more.
        """
        if interval < 1 or not 0 <= fraction <= 1 or not 0 <= until <= 1:
            raise requirement(
                "interval, fraction and until",
                "be 1 or more, and between 0 and 1",
                (interval, fraction, until),
                "20, 0.3 and 0.75 are usual",
            )
        self.units = units_of(network)
        self.kept = settled(network, self.units, kept)
        self.interval, self.fraction, self.until = interval, fraction, until
        self.updates: list[tuple[np.ndarray, np.ndarray]] = []

    def __call__(self, network: Network, step: int, steps: int) -> None:
        """Keep what is off at 0; every so often, exchange units."""
        last = self.until * steps
        if step % self.interval == 0 and step < last:
            self.exchange(network, self.fraction / 2 * (1 + math.cos(math.pi * step / last)))
        self.silence(network)

    @torch.no_grad()
    def exchange(self, network: Network, fraction: float) -> None:
        """Drop the weakest share of each group, and grow as many of those that were off."""
        strength = reading_norms(network, self.units)
        wanted = reading_norms(network, self.units, gradients=True)
        dropped, grown = [], []
        for group in self.units.groups:
            on, off = group[self.kept[group]], group[~self.kept[group]]
            count = min(math.floor(fraction * len(on)), len(off))
            dropped.append(on[np.argsort(strength[on], kind="stable")[:count]])
            grown.append(off[np.argsort(-wanted[off], kind="stable")[:count]])
        self.updates.append((np.concatenate(dropped), np.concatenate(grown)))
        self.kept[self.updates[-1][0]] = False
        self.kept[self.updates[-1][1]] = True

    @torch.no_grad()
    def silence(self, network: Network) -> None:
        """Set to 0 what reads a unit that is off."""
        for name, parameter in network.named_parameters():
            labels = reading_labels(self.units, name)
            if labels is not None:
                parameter.mul_(along(1, self.kept[labels], parameter))


def random_units(units: Units, density: float, seed: int) -> Kept:
    """Keep the same share of every group, at least one unit each, at random.

    Source: Mocanu et al. 2018 (sparse from the start); uniform over layers, as in Evci et al.
    """
    if not 0 < density <= 1:
        raise requirement("density", "be more than 0 and at most 1", density, "0.5 keeps half")
    generator = np.random.default_rng(seed)
    kept = ~units.free
    for group in units.groups:
        count = max(1, round(density * len(group)))
        kept[generator.choice(group, count, replace=False)] = True
    return kept
