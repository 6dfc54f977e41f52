"""Real conditional execution: an expert that no gate opens does not run."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from minspnet.network import Network, check_inputs
from minspnet.policy import Policy
from minspnet.trace import Decision, comparable, decide


@torch.no_grad()
def dispatch(
    network: Network,
    inputs: Float[np.ndarray, "case *input"],
    policy: Policy,
    concept_names: tuple[str, ...],
) -> Decision:
    """Decide live, gathering for each expert only the cases whose gate opened.

    Raises:
        UserError: If inputs or policy do not fit the network.
    """
    check_inputs(network.spec, inputs)
    policy.check(network.tree.names, concept_names)
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
    head = network.frozen_head()
    concepts = head.activate(outputs.numpy())
    for name, value in policy.interventions:
        concepts[:, concept_names.index(name)] = value
    return decide(head, policy, active, outputs.numpy(), concepts)
