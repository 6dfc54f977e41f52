"""Fine-tuning: what a new network takes over from a trained one, and what stays as it is."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from minspnet.errors import requirement
from minspnet.network import Network, check_inputs
from minspnet.spec import ModelSpec


@dataclass(frozen=True)
class Transfer:
    """A network made of known and of new parts.

    Attributes:
        network: To be trained on, by ``train(..., start=network)``.
        copied: Parts that came from the source, such as ``second look.block``.
        new: Parts with random weights.
    """

    network: Network
    copied: tuple[str, ...]
    new: tuple[str, ...]


def transfer(
    source: Network, spec: ModelSpec, inputs: Float[np.ndarray, "case *input"], seed: int = 0
) -> Transfer:
    """Build a network and copy every part whose name and shapes the source has too.

    Experts are found by their name, and their block, exit and gate are parts of their own, so
    that a block serves on where the concepts change. Normalisation of the inputs is fitted
    anew. A part that fits by its shapes need not fit by its meaning: an exit for as many other
    concepts is copied as well.

    Args:
        source: Trained.
        spec: Of the new network.
        inputs: Training cases of the new domain.
        seed: Of the new parts' random weights.

    Raises:
        UserError: If nothing fits, or the inputs do not fit the spec.

    Source: Yosinski et al. 2014, How transferable are features in deep neural networks?
    """
    check_inputs(spec, inputs)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = Network(spec)
    known = dict(parts(source))
    copied: list[str] = []
    new: list[str] = []
    for name, part in parts(network):
        fits = name in known and _shapes(part) == _shapes(known[name])
        if fits:
            part.load_state_dict(known[name].state_dict())
        (copied if fits else new).append(name)
    if not copied:
        raise requirement(
            "the source", "share a part with the new network", "none that fits", "train it afresh"
        )
    network.stem.standardise.fit(torch.as_tensor(inputs, dtype=torch.float32))
    return Transfer(network.eval(), tuple(copied), tuple(new))


def parts(network: Network) -> Iterator[tuple[str, nn.Module]]:
    """Name what can be copied on its own; what has no weights is no part."""
    named: list[tuple[str, nn.Module | None]] = [
        ("stem", network.stem),
        ("base_exit", network.base_exit),
        ("head", network.head),
    ]
    for name, expert in zip(network.tree.names, network.experts, strict=True):
        named.append((f"{name}.block", expert.block))
        named.append((f"{name}.exit", expert.exit))
        named.append((f"{name}.gate", expert.learned_gate))
    for name, part in named:
        if part is not None and list(part.parameters()):
            yield name, part


def frozen_parts(network: Network, names: tuple[str, ...]) -> list[nn.Module]:
    """Keep parts from being trained, and say which: their statistics must hold still too.

    Args:
        network: Whose parts are frozen.
        names: ``stem``, ``base_exit``, ``head``, ``experts`` for all of them, or an expert.

    Raises:
        UserError: If a name is none of these.
    """
    known: dict[str, list[nn.Module]] = {
        **{name: [e] for name, e in zip(network.tree.names, network.experts, strict=True)},
        "stem": [network.stem],
        "base_exit": [network.base_exit],
        "head": [network.head],
        "experts": list(network.experts),
    }
    for name in names:
        if name not in known:
            raise requirement("freeze", f"name parts among {', '.join(known)}", name, "correct it")
    found = [module for name in names for module in known[name]]
    for module in found:
        module.requires_grad_(False)
    return found


def _shapes(part: nn.Module) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in part.state_dict().items()}
