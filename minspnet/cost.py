"""What a case costs: each part of the network counted once by torch's own counter."""

from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from minspnet.metrics import CostTable
from minspnet.network import Network


@torch.no_grad()
def cost_table(network: Network) -> CostTable:
    """Count the MACs of stem, base exit, gates, experts and head for one case."""
    was_training = network.training
    network.eval()
    inputs = torch.zeros(1, *network.spec.input_shape)
    stem, hidden = _count(network.stem, inputs)
    base_exit, logits = _count(network.base_exit, hidden)
    head, _ = _count(network.head, logits)
    states = {-1: network.trunk(inputs)}
    # The gates behind a node are paid for by the cases that the node has run on.
    behind, _ = _count(network.gates_behind, -1, states[-1])
    nodes, gates = [], behind
    parts = [("stem", stem), ("base exit", base_exit), ("class head", head)]
    for expert, parent in enumerate(network.tree.parents):
        macs, states[expert] = _count(network.experts[expert], states[parent])
        further, _ = _count(network.gates_behind, expert, states[expert])
        parts.append((network.tree.names[expert], macs))
        nodes.append(macs + further)
        gates += further
    network.train(was_training)
    parts.append(("gates", gates))
    return CostTable(stem + base_exit + head + behind, tuple(nodes), tuple(parts))


def _count(call: Callable[..., Any], *given: Any) -> tuple[int, Any]:
    with FlopCounterMode(display=False) as counter:
        result = call(*given)
    return counter.get_total_flops() // 2, result
