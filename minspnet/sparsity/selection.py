"""Group-sparse selection of inputs: what is read is part of the explanation."""

from dataclasses import dataclass, field

import numpy as np
import torch

from minspnet.errors import requirement
from minspnet.network import Network
from minspnet.sparsity.importance import reading_labels, reading_norms
from minspnet.sparsity.shrink import along, shrunk
from minspnet.sparsity.units import Labels, Units, units_of


@dataclass
class GroupLasso:
    """Hook for ``train``: shrink all weights that read an input towards 0, together.

    After every step the norm of each group of weights is lowered by a fixed amount, and the
    group is set to 0 if its norm is less.

    Source: Yuan & Lin 2006 (group lasso); Parikh & Boyd 2014, Proximal Algorithms, section 6.5
    (block soft thresholding). The threshold does not follow AdamW's own step sizes.

    Attributes:
        network: Any one of the spec that is trained.
        threshold: By how much norms are lowered in each step.
        per_expert: A group is what one expert's block reads of its parent; else it is all that
            reads a column of the table.
        spare: How many of the strongest groups (of each expert) are left as they are.
    """

    network: Network
    threshold: float
    per_expert: bool = False
    spare: int = 0
    units: Units = field(init=False)

    def __post_init__(self) -> None:
        if not self.threshold >= 0:
            raise requirement("threshold", "be 0 or more", self.threshold, "0.001 is small")
        self.units = units_of(self.network, reads_apart=self.per_expert)

    @torch.no_grad()
    def __call__(self, network: Network, step: int, steps: int) -> None:
        """Lower the norm of every group."""
        norms = reading_norms(network, self.units)
        factors = np.ones(self.units.count)
        for inputs in _inputs(self.units, self.per_expert):
            weaker = inputs[np.argsort(-norms[inputs], kind="stable")[self.spare :]]
            left = np.maximum(norms[weaker] - self.threshold, 0)
            factors[weaker] = left / np.maximum(norms[weaker], 1e-12)
        for name, parameter in network.named_parameters():
            labels = reading_labels(self.units, name)
            if labels is not None:
                parameter.mul_(along(1, factors[labels], parameter))


def selected(network: Network, per_expert: bool = False, at_most: int | None = None) -> Network:
    """Stop reading the inputs whose weights are 0, and all but the strongest ones.

    Args:
        network: After training under ``GroupLasso``.
        per_expert: Narrow what each expert reads of its parent; else which columns the stem does.
        at_most: Inputs to keep (of each expert); one is kept in any case.

    Returns:
        A network whose spec says what is read.
    """
    units = units_of(network, reads_apart=per_expert)
    norms = reading_norms(network, units)
    kept = np.ones(units.count, dtype=bool)
    for inputs in _inputs(units, per_expert):
        most = min(int((norms[inputs] > 0).sum()), at_most or len(inputs))
        kept[inputs[np.argsort(-norms[inputs], kind="stable")[max(1, most) :]]] = False
    return shrunk(network, units, kept)


def _inputs(units: Units, per_expert: bool) -> list[Labels]:
    """Units of the inputs that may be given up: of each expert, or of the table."""
    part = "reads" if per_expert else "columns"
    found = [np.unique(labels) for place, labels in units.places.items() if place.part == part]
    return [labels[units.free[labels]] for labels in found]
