"""How learned gates open while they are trained, and how often each way opens them."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from minspnet.recipe import GateNoise

_CONCRETE_TEMPERATURE = 2 / 3
_LOW, _HIGH = -0.1, 1.1
"""Ends that a hard-concrete gate is stretched to before it is clipped to [0, 1]."""


def practised_gates(
    gates: Float[Tensor, "case expert"], noise: GateNoise, generator: torch.Generator
) -> Float[Tensor, "case expert"]:
    """Open each gate as the recipe says: how much of the contribution counts, in [0, 1]."""
    if noise == "straight_through":
        return straight_through_gates(gates, generator)
    if noise == "hard_concrete":
        return hard_concrete_gates(gates, generator)
    return gates


def open_probability(
    gates: Float[Tensor, "case expert"], noise: GateNoise
) -> Float[Tensor, "case expert"]:
    """Chance that a practised gate lets anything through: what an open gate's price is paid on.

    Soft gates let everything through; their price is paid on the share that counts.

    Source: Louizos et al. 2018, equation 12 (hard concrete).
    """
    if noise != "hard_concrete":
        return gates
    margin = _CONCRETE_TEMPERATURE * math.log(-_LOW / _HIGH)
    return torch.sigmoid(torch.logit(gates, eps=1e-6) - margin)


def straight_through_gates(
    gates: Float[Tensor, "case expert"], generator: torch.Generator, temperature: float = 0.5
) -> Float[Tensor, "case expert"]:
    """Open or close each gate at random, with the gradient of a soft one.

    Source: Maddison et al. 2017 (binary concrete), Bengio et al. 2013 (straight-through).
    """
    soft = _concrete(gates, generator, temperature)
    hard = (soft > 0.5).to(soft.dtype)
    return hard + soft - soft.detach()


def chosen_rival(
    gates: Float[Tensor, "case rival"], noise: GateNoise, generator: torch.Generator
) -> Float[Tensor, "case rival"]:
    """Open exactly one of the rivals, at random by their gates, with the gradient of soft ones.

    Source: Jang et al. 2017, Categorical Reparameterization with Gumbel-Softmax
    (straight-through). Soft gates are not drawn: each counts as much as it is open.
    """
    if noise == "sigmoid":
        return gates
    even = torch.rand(gates.shape, generator=generator).clamp(1e-9, 1 - 1e-7).to(gates.device)
    soft = torch.softmax(torch.log(gates.clamp_min(1e-9)) - torch.log(-torch.log(even)), dim=1)
    hard = nn.functional.one_hot(soft.argmax(dim=1), gates.shape[1]).to(soft.dtype)
    return hard + soft - soft.detach()


def hard_concrete_gates(
    gates: Float[Tensor, "case expert"], generator: torch.Generator
) -> Float[Tensor, "case expert"]:
    """Stretch a binary concrete variable beyond [0, 1] and clip it: often exactly 0 or 1.

    Source: Louizos et al. 2018, Learning Sparse Neural Networks through L0 Regularization,
    equations 10 and 11, with the gate's logit as log alpha.
    """
    soft = _concrete(gates, generator, _CONCRETE_TEMPERATURE)
    return (soft * (_HIGH - _LOW) + _LOW).clamp(0, 1)


def _concrete(gates: Tensor, generator: torch.Generator, temperature: float) -> Tensor:
    noise = torch.rand(gates.shape, generator=generator).clamp(1e-6, 1 - 1e-6).to(gates.device)
    return torch.sigmoid((torch.logit(gates, eps=1e-6) + torch.logit(noise)) / temperature)
