"""Gates of gain: how much of the class loss an expert takes away, for what it costs.

Every case teaches each gate what running its expert would have brought,

    gain = (class loss along the path before - class loss behind the expert) / MACs,

and the gate learns to tell it from what is known before the expert runs. The features that a
gate hears are not moved by it.
"""

import copy

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from minspnet.errors import requirement
from minspnet.layers.exits import LearnedGate
from minspnet.network import Evidence, Network
from minspnet.recipe import GainTarget
from minspnet.training.data import TrainingData, check_cases
from minspnet.training.losses import class_surprise, class_targets
from minspnet.training.observe import observe

_CHUNK = 1024


def gain_experts(network: Network) -> list[int]:
    """Experts behind a gate of gain.

    Raises:
        UserError: If there are none.
    """
    found = [e for e, spec in enumerate(network.spec.experts) if spec.gate == "gain"]
    if not found:
        raise requirement(
            "the network", "have an expert with gate gain", "none", "name one in the spec"
        )
    return found


def gate_readers(network: Network, experts: list[int]) -> list[nn.Linear]:
    """The layer of each expert's gate that weighs what the gate hears."""
    gates = [network.experts[e].learned_gate for e in experts]
    return [gate.read for gate in gates if isinstance(gate, LearnedGate)]


@torch.no_grad()
def gains(
    network: Network,
    evidence: Evidence,
    targets: Float[Tensor, "case class"],
    costs: Float[Tensor, " expert"],
) -> Float[Tensor, "case expert"]:
    """Class loss that each expert takes away on its path, in nats per share of all MACs."""
    found = []
    for expert in range(len(network.tree.parents)):
        path = list(network.tree.path(expert))
        after = evidence.base + evidence.contributions[:, path].sum(dim=1)
        before = after - evidence.contributions[:, expert]
        lost = [class_surprise(network.head(outputs), targets) for outputs in (before, after)]
        found.append((lost[0] - lost[1]) / costs[expert])
    return torch.stack(found, dim=1)


def gain_targets(
    gained: Float[Tensor, "case gate"], known: Bool[Tensor, " case"], kind: GainTarget
) -> Float[Tensor, "case gate"]:
    """Bring gains into [0, 1], comparable between experts, so that one threshold fits all.

    ``squashed`` is the logistic function of the gain over its root mean square: one half says
    that nothing is gained. ``ranked`` is the place among all labelled pairs of case and
    expert, ties sharing theirs: it stays spread where a well-fitted case leaves little to gain.

    Args:
        gained: See ``gains``.
        known: Which cases have a label; the others neither scale nor rank.
        kind: Of target.
    """
    pairs = gained[known].flatten()
    if kind == "squashed":
        return torch.sigmoid(gained / pairs.square().mean().sqrt().clamp_min(1e-8))
    order = pairs.sort().values
    below = torch.searchsorted(order, gained.contiguous())
    up_to = torch.searchsorted(order, gained.contiguous(), right=True)
    return (below + up_to).to(gained) / (2 * max(len(order), 1))


def gain_loss(
    gate_logits: Float[Tensor, "case gate"],
    wanted: Float[Tensor, "case gate"],
    known: Bool[Tensor, " case"],
) -> Float[Tensor, ""]:
    """Cross-entropy of gates against the gains that they should tell; 0 without labels."""
    if not known.any():
        return gate_logits.new_zeros(())
    return functional.binary_cross_entropy_with_logits(gate_logits[known], wanted[known])


def fit_gain_gates(
    network: Network,
    data: TrainingData,
    expert_costs: Float[np.ndarray, " expert"],
    kind: GainTarget = "squashed",
    penalty: float = 1e-2,
) -> Network:
    """Fit the gates of gain alone, on cases that the network was not trained on.

    Trained cases are fitted too well to say what an expert would bring to a new one. Each gate
    is a logistic regression on graded targets, so that the optimum is the only one.

    Args:
        network: Trained; it is left as it is.
        data: Held-out cases; only inputs and labels are read.
        expert_costs: Each expert's share of all MACs.
        kind: Of target; see ``gain_targets``.
        penalty: Half of it times the squared weights is added to the mean loss of a gate.

    Returns:
        A copy of the network in evaluation mode, which differs in its gates of gain only.

    Raises:
        UserError: If no gate is one of gain, or no case has a label.
    """
    check_cases(network.spec, data, "held-out")
    network = copy.deepcopy(network).eval()
    experts = gain_experts(network)
    readers = gate_readers(network, experts)
    costs = torch.as_tensor(expert_costs, dtype=torch.float32)
    labels = torch.as_tensor(data.labels, dtype=torch.long)
    targets = class_targets(labels, torch.ones(network.spec.classes))
    known = targets.sum(dim=1) > 0
    if not known.any():
        raise requirement("held-out labels", "name a class", "none", "give labelled cases")
    heard, gained = [], []
    with torch.no_grad():
        for rows in torch.arange(len(labels)).split(_CHUNK):
            batch = torch.as_tensor(data.inputs[rows.numpy()], dtype=torch.float32)
            evidence, said = observe(network, batch, readers)
            heard.append([one.given for one in said])
            gained.append(gains(network, evidence, targets[rows], costs)[:, experts])
    wanted = gain_targets(torch.cat(gained), known, kind)[known].double()
    for place, reader in enumerate(readers):
        known_features = torch.cat([one[place] for one in heard])[known].double()
        _fit_logistic(reader, known_features, wanted[:, place], penalty)
    return network


def _fit_logistic(
    reader: nn.Linear,
    features: Float[Tensor, "case feature"],
    wanted: Float[Tensor, " case"],
    penalty: float,
) -> None:
    weights = torch.zeros(features.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [weights, bias], max_iter=500, tolerance_grad=1e-9, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimiser.zero_grad()
        fit = functional.binary_cross_entropy_with_logits(features @ weights + bias, wanted)
        total = fit + penalty / 2 * weights.square().sum()
        total.backward()
        return total

    optimiser.step(loss)
    with torch.no_grad():
        reader.weight.copy_(weights[None])
        reader.bias.copy_(bias[None])
