"""What a case costs: each part of the network counted once by torch's own counter."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from minspnet.layers.exits import LearnedGate
from minspnet.metrics import CostTable
from minspnet.network import Network, State


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
    experts, gates = [], []
    for expert, parent in enumerate(network.tree.parents):
        macs, state = _count(network.experts[expert], states[parent])
        states[expert] = state
        experts.append(macs)
        learned = network.experts[expert].learned_gate
        # A doubt gate weighs the running concepts into classes once more.
        gates.append(
            head if learned is None else _count_gate(network, learned, states[parent], head)
        )
    network.train(was_training)

    def children_gates(node: int) -> int:
        return sum(
            g for g, parent in zip(gates, network.tree.parents, strict=True) if parent == node
        )

    parts = [("stem", stem), ("base exit", base_exit), ("class head", head)]
    parts += list(zip(network.tree.names, experts, strict=True))
    parts.append(("gates", sum(gates)))
    return CostTable(
        stem + base_exit + head + children_gates(-1),
        tuple(macs + children_gates(e) for e, macs in enumerate(experts)),
        tuple(parts),
    )


def _count_gate(network: Network, gate: LearnedGate, parent: State, head: int) -> int:
    """A gate of gain also needs the running decision's doubt."""
    if not gate.hears:
        return _count(gate, parent.hidden)[0]
    with FlopCounterMode(display=False) as counter:
        gate(parent.hidden, network.said(parent))
    return counter.get_total_flops() // 2


def _count(module: nn.Module, given: Tensor | State) -> tuple[int, Any]:
    with FlopCounterMode(display=False) as counter:
        result = module(given)
    return counter.get_total_flops() // 2, result
