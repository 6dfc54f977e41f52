"""How many numbers have to be held at once while a case runs."""

from typing import Any

import torch
from torch import Tensor, nn

from minspnet.network import Network


@torch.no_grad()
def peak_features(network: Network) -> int:
    """Count the features that the widest step holds, what it reads and what it writes together.

    Every module without parts of its own is one step; what a parent keeps for its children is
    held beside it. An implementation that fuses steps needs less, one that copies needs more.
    """
    widest = 0

    def watch(_: nn.Module, given: tuple[Any, ...], said: Any) -> None:
        nonlocal widest
        tensors = [one for one in (*given, said) if isinstance(one, Tensor)]
        widest = max(widest, sum(one[0].numel() for one in tensors))

    steps = [module for module in network.modules() if not any(module.children())]
    hooks = [module.register_forward_hook(watch) for module in steps]
    was_training = network.training
    network.eval()
    try:
        network.evidence(torch.zeros(1, *network.spec.input_shape))
    finally:
        for hook in hooks:
            hook.remove()
        network.train(was_training)
    kept = [network.stem.output_shape, *(expert.output_shape for expert in network.experts)]
    parents = {*network.tree.parents} - {-1}
    held = sum(int(torch.Size(kept[place + 1]).numel()) for place in parents | {-1})
    return widest + held
