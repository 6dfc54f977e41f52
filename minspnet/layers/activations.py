"""Activation functions, one of them learned, and a limit on how many units may be active."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from minspnet.spec import Activation


class LearnedSiLU(nn.Module):
    """SiLU with a learned slope per channel: ``x * sigmoid(slope * x)``.

    A slope of 1 is SiLU, 0 is linear, and a large one approaches ReLU.

    Source: Ramachandran et al. 2017, Searching for Activation Functions (Swish).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.ones(width))

    def forward(self, given: Float[Tensor, "case hidden *sides"]) -> Tensor:
        slope = self.slope.view(1, -1, *(1,) * (given.ndim - 2))
        return given * torch.sigmoid(slope * given)


class Winners(nn.Module):
    """Keep the strongest units of each case (at each position) and silence the rest.

    Exactly ``winners`` of the channels are kept; where several tie, the first ones are.

    Source: Ahmad & Scheinkman 2019, How Can We Be So Dense? (k-winners), without boosting.
    """

    def __init__(self, width: int, share: float) -> None:
        super().__init__()
        self.winners = max(1, round(share * width))

    def forward(self, given: Float[Tensor, "case hidden *sides"]) -> Tensor:
        kept = given.abs().topk(self.winners, dim=1).indices
        return given * torch.zeros_like(given).scatter(1, kept, 1.0)


def activation(kind: Activation, width: int) -> nn.Module:
    """Build the activation that a spec names."""
    if kind == "learned":
        return LearnedSiLU(width)
    return {"relu": nn.ReLU, "relu6": nn.ReLU6, "silu": nn.SiLU}[kind]()


def winners(share: float, width: int) -> nn.Module:
    """Limit the active units, if the share is below 1."""
    return Winners(width, share) if share < 1 else nn.Identity()
