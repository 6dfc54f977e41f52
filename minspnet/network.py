"""The network: a stem, a base exit and a forest of additive experts.

Shapes, with E experts, K concepts and R residual channels (output = K + R):

    x            [case, feature] or [case, channel, height, width]
    h  = stem(x)
    b  = base_exit(h)                                   [case, output]
    for each expert, its parent's state (h_p, z_p) known:
        g_e  = doubt(z_p) or learned_gate(h_p)           [case]
        h_e  = block_e(h_p)
        z_e  = exit_e(h_e)  or  z_p + exit_e(h_e)        [case, output]
        u_e  = z_e - z_p                                 [case, output]
    y  = head(b + sum of active u_e)                     [case, class]
"""

from typing import NamedTuple, cast

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from tqdm import tqdm

from minspnet.errors import requirement
from minspnet.layers.blocks import build_block
from minspnet.layers.exits import ConceptHead, Exit, LearnedGate
from minspnet.layers.stems import build_stem
from minspnet.spec import ExpertSpec, ModelSpec
from minspnet.trace import ExpertTree, Head, Trace


class State(NamedTuple):
    """What a node hands to its children: features, and the concept logits said so far."""

    hidden: Tensor
    logits: Tensor


class Evidence(NamedTuple):
    """One pass through every expert; no threshold has touched it."""

    gates: Float[Tensor, "case expert"]
    base: Float[Tensor, "case output"]
    contributions: Float[Tensor, "case expert output"]


class Expert(nn.Module):
    """One node of the forest: block and exit; its gate belongs to the node before it."""

    def __init__(
        self, spec: ExpertSpec, parent_shape: tuple[int, ...], outputs: int, dropout: float
    ) -> None:
        super().__init__()
        self.replaces = spec.reading == "replace"
        self.block = build_block(spec, parent_shape, dropout)
        self.output_shape = self.block.output_shape
        self.exit = Exit(self.output_shape, outputs, spec.concepts)
        self.learned_gate = LearnedGate(parent_shape) if spec.gate == "learned" else None

    def forward(self, parent: State) -> State:
        hidden = self.block(parent.hidden)
        said = self.exit(hidden)
        if self.replaces:
            return State(hidden, torch.where(self.exit.written, said, parent.logits))
        return State(hidden, parent.logits + said)


class Network(nn.Module):
    """Built from a ``ModelSpec`` and nothing else."""

    def __init__(self, spec: ModelSpec, dropout: float = 0.0) -> None:
        super().__init__()
        self.spec = spec
        self.stem = build_stem(spec.stem, spec.input_shape)
        shape: tuple[int, ...] = self.stem.output_shape
        self.base_exit = Exit(shape, spec.outputs, grid=spec.base_grid if len(shape) == 3 else 1)
        self.head = ConceptHead(spec.concepts, spec.outputs, spec.classes)
        self.tree = ExpertTree(tuple(e.name for e in spec.experts), spec.parents)
        # A ModuleList holds experts and nothing else, which its own type cannot say.
        self.experts = cast("list[Expert]", nn.ModuleList())
        shapes = {-1: shape}
        for index, (expert, parent) in enumerate(zip(spec.experts, spec.parents, strict=True)):
            self.experts.append(Expert(expert, shapes[parent], spec.outputs, dropout))
            shapes[index] = self.experts[index].output_shape

    def trunk(self, inputs: Float[Tensor, "case *input"]) -> State:
        """Stem and base exit: what every case pays for."""
        hidden = self.stem(inputs)
        return State(hidden, self.base_exit(hidden))

    def gate(self, expert: int, parent: State) -> Float[Tensor, " case"]:
        """Score in [0, 1] from what is known before the expert runs."""
        learned = self.experts[expert].learned_gate
        return self.head.doubt(parent.logits) if learned is None else learned(parent.hidden)

    def evidence(self, inputs: Float[Tensor, "case *input"]) -> Evidence:
        """Run everything once and record what each expert would add."""
        states = {-1: self.trunk(inputs)}
        gates, contributions = [], []
        for expert, parent in enumerate(self.tree.parents):
            before = states[parent]
            gates.append(self.gate(expert, before))
            states[expert] = self.experts[expert](before)
            contributions.append(states[expert].logits - before.logits)
        base = states[-1].logits
        if not gates:
            return Evidence(base.new_zeros(len(base), 0), base, base[:, None][:, :0])
        return Evidence(torch.stack(gates, 1), base, torch.stack(contributions, 1))

    def forward(
        self, inputs: Float[Tensor, "case *input"], active: Bool[np.ndarray, " expert"]
    ) -> Float[Tensor, "case output"]:
        """Concept logits (and residual channels) with one routing held for all inputs.

        Only the active experts run, so that a gradient sees the function that was computed.
        """
        states = {-1: self.trunk(inputs)}
        outputs = states[-1].logits
        for expert, parent in enumerate(self.tree.parents):
            if active[expert]:
                states[expert] = self.experts[expert](states[parent])
                outputs = outputs + states[expert].logits - states[parent].logits
        return outputs

    def frozen_head(self) -> Head:
        """The class head as data, for a trace."""
        return Head(
            self.head.all_weights.detach().numpy().copy(),
            self.head.bias.detach().numpy().copy(),
            float(self.head.temperature),
            self.spec.concepts,
        )

    @property
    def parameters_count(self) -> int:
        """Trained numbers; normalisation statistics are not counted."""
        return sum(parameter.numel() for parameter in self.parameters())


@torch.no_grad()
def run(
    network: Network,
    case_ids: tuple[str, ...],
    inputs: Float[np.ndarray, "case *input"],
    concept_names: tuple[str, ...],
    batch_size: int = 1024,
    progress: bool = False,
) -> Trace:
    """Record the evidence of a network on cases.

    Args:
        network: In evaluation mode afterwards.
        case_ids: One per case.
        inputs: As the domain gives them; the network standardises them itself.
        concept_names: One per concept of the network.
        batch_size: Bounds the memory of one pass.
        progress: Show a bar.

    Raises:
        UserError: If inputs or names do not fit the network, or an input is NaN or infinite.
    """
    check_inputs(network.spec, inputs)
    check_names(network.spec, case_ids, inputs, concept_names)
    network.eval()
    parts = []
    starts = range(0, max(len(inputs), 1), batch_size)
    for start in tqdm(starts, desc="evidence", disable=not progress, leave=False):
        batch = torch.as_tensor(inputs[start : start + batch_size], dtype=torch.float32)
        parts.append(network.evidence(batch))
    gates, base, contributions = (torch.cat(column).numpy() for column in zip(*parts, strict=True))
    return Trace(
        case_ids, gates, base, contributions, network.tree, network.frozen_head(), concept_names
    )


def check_names(
    spec: ModelSpec,
    case_ids: tuple[str, ...],
    inputs: np.ndarray,
    concept_names: tuple[str, ...],
) -> None:
    """Refuse names that do not match the cases and concepts they name."""
    for what, names, count in (
        ("case_ids", case_ids, len(inputs)),
        ("concept_names", concept_names, spec.concepts),
    ):
        if len(names) != count:
            raise requirement(what, f"number {count}", len(names), "give one name each")


def check_inputs(spec: ModelSpec, inputs: np.ndarray) -> None:
    """Refuse inputs that the network cannot read."""
    if inputs.shape[1:] != tuple(spec.input_shape):
        raise requirement(
            "inputs",
            f"have shape (case, {', '.join(map(str, spec.input_shape))})",
            inputs.shape,
            "check the domain and its variant",
        )
    if not np.isfinite(inputs).all():
        row = int(np.argwhere(~np.isfinite(inputs))[0][0])
        raise requirement("inputs", "be finite", f"NaN or infinity in row {row}", "fill or drop it")
