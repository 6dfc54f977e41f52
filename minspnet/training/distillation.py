"""Teachers: what a network may learn from beside the truth."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from minspnet.errors import requirement
from minspnet.network import Network

Teacher = Callable[[Tensor], Tensor]
"""Gives class logits, shape [case, class], for inputs as the domain gives them."""


def ensemble_teacher(networks: Sequence[Network]) -> Teacher:
    """Mean of the networks' class logits, every expert on; one network is its own ensemble.

    Args:
        networks: Trained on the same classes; set to evaluation mode.

    Raises:
        UserError: If there are none, or their classes differ.

    Source: Hinton et al. 2015, section 2; the mean is that of logits, a geometric mean of
    probabilities.
    """
    classes = {network.spec.classes for network in networks}
    if len(classes) != 1:
        raise requirement(
            "the teachers", "be one or more, of the same classes", sorted(classes), "correct them"
        )
    for network in networks:
        network.eval()

    @torch.no_grad()
    def teach(inputs: Float[Tensor, "case *input"]) -> Float[Tensor, "case class"]:
        return torch.stack([_decide(network, inputs) for network in networks]).mean(dim=0)

    return teach


def _decide(network: Network, inputs: Tensor) -> Tensor:
    home = next(network.parameters()).device
    evidence = network.evidence(inputs.to(home))
    outputs = evidence.base + evidence.contributions.sum(dim=1)
    return network.head(outputs).to(inputs.device)
