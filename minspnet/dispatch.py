"""Real conditional execution: an expert that no gate opens does not run."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from minspnet.network import Network, check_inputs
from minspnet.policy import Policy
from minspnet.trace import Decision, comparable, decide


class Live(NamedTuple):
    """What was found on the way that each case took, and nothing else.

    Attributes:
        active: Which experts ran.
        base: Concept logits (then residual channels) of the base exit.
        outputs: The same with what each expert added that ran.
    """

    active: Bool[np.ndarray, "case expert"]
    base: Float[np.ndarray, "case output"]
    outputs: Float[np.ndarray, "case output"]


@torch.no_grad()
def run_live(network: Network, inputs: Float[np.ndarray, "case *input"], policy: Policy) -> Live:
    """Run what a policy opens, gathering for each expert only the cases whose gate opened.

    Raises:
        UserError: If the inputs do not fit the network.
    """
    check_inputs(network.spec, inputs)
    network.eval()
    trunk = network.trunk(torch.as_tensor(inputs, dtype=torch.float32))
    outputs = trunk.logits.clone()
    active = np.zeros((len(inputs), len(network.experts)), dtype=bool)
    # Every node keeps its state for the rows it ran on: row number -> place in the state.
    rows_of: dict[int, Tensor] = {-1: torch.arange(len(inputs))}
    states = {-1: trunk}
    gates = network.gates_behind(-1, trunk)
    for expert, parent in enumerate(network.tree.parents):
        if parent not in states:
            continue
        threshold = comparable(policy.gate_thresholds[expert])
        before = states[parent]
        opened = torch.from_numpy(gates[expert].numpy() >= threshold)
        chosen = before.take(opened)
        rows = rows_of[parent][opened]
        if len(rows):
            rows_of[expert] = rows
            states[expert] = network.experts[expert](chosen)
            gates |= network.gates_behind(expert, states[expert])
            outputs[rows] += states[expert].logits - chosen.logits
            active[rows.numpy(), expert] = True
    return Live(active, trunk.logits.numpy(), outputs.numpy())


def dispatch(
    network: Network,
    inputs: Float[np.ndarray, "case *input"],
    policy: Policy,
    concept_names: tuple[str, ...],
) -> Decision:
    """Decide live, running for each case only the experts whose gates opened.

    Raises:
        UserError: If inputs or policy do not fit the network.
    """
    policy.check(network.tree.names, concept_names)
    live = run_live(network, inputs, policy)
    head = network.frozen_head()
    concepts = head.activate(live.outputs)
    for name, value in policy.interventions:
        concepts[:, concept_names.index(name)] = value
    return decide(head, policy, live.active, live.outputs, concepts)
