"""The network: a stem, a base exit and a forest of additive experts.

Shapes, with E experts, K concepts and R residual channels (output = K + R):

    x            [case, feature], [case, channel, time] or [case, channel, height, width]
    h  = stem(x)
    b  = base_exit(h)                                   [case, output]
    for each expert, its parent's state (h_p, z_p) known:
        g_e  = doubt(z_p) or gate(h_p) or gate(h_p, z_p) [case]
        h_e  = block_e(h_p)
        z_e  = exit_e(h_e)  or  z_p + exit_e(h_e)        [case, output]
        u_e  = z_e - z_p                                 [case, output]
    y  = head(b + sum of active u_e)                     [case, class]
"""

from functools import cached_property
from typing import NamedTuple, cast

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from tqdm import tqdm

from minspnet.errors import requirement
from minspnet.layers.axes import GridMean
from minspnet.layers.blocks import Block
from minspnet.layers.exits import LearnedGate, base_exit, expert_exit
from minspnet.layers.heads import ConceptHead
from minspnet.layers.stems import build_stem
from minspnet.spec import ExpertSpec, ModelSpec
from minspnet.trace import ExpertTree, Head, Prototypes, Trace


class State(NamedTuple):
    """What a node hands to its children.

    Attributes:
        hidden: Features.
        logits: The concept logits said so far.
        earlier: Pooled features of the stem and of every expert on the path, side by side; of
            no width unless some exit fuses them.
    """

    hidden: Tensor
    logits: Tensor
    earlier: Tensor

    def take(self, rows: Tensor) -> "State":
        """Keep some cases."""
        return State(self.hidden[rows], self.logits[rows], self.earlier[rows])


class Evidence(NamedTuple):
    """One pass through every expert; no threshold has touched it.

    Attributes:
        gates: Scores in [0, 1].
        base: Concept logits (then residual channels) of the base exit.
        contributions: What each expert adds.
        activity: Mean absolute feature of each expert's block: what sparse activations lower.
    """

    gates: Float[Tensor, "case expert"]
    base: Float[Tensor, "case output"]
    contributions: Float[Tensor, "case expert output"]
    activity: Float[Tensor, "case expert"]


class Expert(nn.Module):
    """One node of the forest: block and exit; its gate belongs to the node before it."""

    def __init__(
        self,
        spec: ExpertSpec,
        model: ModelSpec,
        parent_shape: tuple[int, ...],
        earlier: int,
        dropout: float,
        block: Block | None,
    ) -> None:
        super().__init__()
        self.replaces = spec.reading == "replace"
        self.block = Block(spec, parent_shape, dropout) if block is None else block
        self.given_shape = tuple(parent_shape)
        self.output_shape = self.block.output_shape
        self.exit = expert_exit(spec, self.output_shape, model.outputs, earlier)
        said = model.concepts + 1 if spec.gate == "gain" else 0
        self.learned_gate = None if spec.gate == "doubt" else LearnedGate(parent_shape, said)
        self.remember = GridMean(self.output_shape) if _fuses(model) else None

    def forward(self, parent: State) -> State:
        hidden = self.block(parent.hidden)
        said = self.exit(hidden, parent.earlier)
        logits = (
            torch.where(self.exit.written, said, parent.logits)
            if self.replaces
            else parent.logits + said
        )
        if self.remember is None:
            return State(hidden, logits, parent.earlier)
        return State(hidden, logits, torch.cat([parent.earlier, self.remember(hidden)], dim=1))


class Network(nn.Module):
    """Built from a ``ModelSpec`` and nothing else."""

    def __init__(self, spec: ModelSpec, dropout: float = 0.0) -> None:
        super().__init__()
        self.spec = spec
        self.stem = build_stem(spec.stem, spec.input_shape)
        shape: tuple[int, ...] = self.stem.output_shape
        self.base_exit = base_exit(spec, shape)
        self.head = ConceptHead(spec)
        self.tree = ExpertTree(tuple(e.name for e in spec.experts), spec.parents)
        self.remember = GridMean(shape) if _fuses(spec) else None
        # A ModuleList holds experts and nothing else, which its own type cannot say.
        self.experts = cast("list[Expert]", nn.ModuleList())
        shapes = {-1: shape}
        widths = {-1: shape[0]}
        for index, (expert, parent) in enumerate(zip(spec.experts, spec.parents, strict=True)):
            block = self._shared_block(expert, shapes[parent])
            self.experts.append(
                Expert(expert, spec, shapes[parent], widths[parent], dropout, block)
            )
            shapes[index] = self.experts[index].output_shape
            widths[index] = widths[parent] + shapes[index][0]

    @cached_property
    def rivals(self) -> tuple[tuple[int, ...], ...]:
        """Of each expert: which ones compete for a case with it, itself included."""
        kinds = [
            (e.gate, parent) for e, parent in zip(self.spec.experts, self.tree.parents, strict=True)
        ]
        return tuple(
            tuple(other for other, its in enumerate(kinds) if its == kind)
            if kind[0] == "choice"
            else ()
            for kind in kinds
        )

    def _shared_block(self, expert: ExpertSpec, shape: tuple[int, ...]) -> Block | None:
        """The block of the expert whose weights this one uses too."""
        if expert.weights_of is None:
            return None
        place = self.tree.names.index(expert.weights_of)
        owner = self.spec.experts[place]
        differing = expert.block_differences(owner)
        given = self.experts[place].given_shape
        if differing or given != shape:
            raise requirement(
                f"block of {expert.name}",
                f"equal that of {owner.name}, whose weights it uses, and be given as much",
                f"another {', '.join(differing)}" if differing else f"{shape} in place of {given}",
                "make both alike",
            )
        return self.experts[place].block

    def trunk(self, inputs: Float[Tensor, "case *input"]) -> State:
        """Stem and base exit: what every case pays for."""
        return self._start(self.stem(inputs))

    def _start(self, hidden: Float[Tensor, "case hidden *sides"]) -> State:
        earlier = hidden.new_zeros(len(hidden), 0)
        if self.remember is not None:
            earlier = self.remember(hidden)
        return State(hidden, self.base_exit(hidden), earlier)

    def gates_behind(self, node: int, state: State) -> dict[int, Float[Tensor, " case"]]:
        """Gates of the experts behind a node (-1: the stem), each in [0, 1].

        All at once, as soon as the node has run: rivals share a case among them, and what the
        node's cases pay for is what is computed here.
        """
        behind = [expert for expert, parent in enumerate(self.tree.parents) if parent == node]
        learned = {expert: self.experts[expert].learned_gate for expert in behind}
        gates, contested = {}, {}
        if any(gate is None or gate.hears for gate in learned.values()):
            doubt = self.head.doubt(state.logits)
        if any(gate is not None and gate.hears for gate in learned.values()):
            said = self.said(state, doubt)
        for expert, gate in learned.items():
            if gate is None:
                gates[expert] = doubt
            elif self.rivals[expert]:
                contested[expert] = gate.logit(state.hidden)
            else:
                gates[expert] = gate(state.hidden, said if gate.hears else None)
        if contested:
            shares = torch.softmax(torch.stack([*contested.values()], 1), 1)
            gates |= dict(zip(contested, shares.unbind(1), strict=True))
        return gates

    def said(self, parent: State, doubt: Float[Tensor, " case"]) -> Float[Tensor, "case said"]:
        """The running concepts and the doubt that they leave."""
        graded = self.head.activate(parent.logits)[:, : self.spec.concepts]
        return torch.cat([graded, doubt[:, None]], dim=1)

    def evidence(self, inputs: Float[Tensor, "case *input"]) -> Evidence:
        """Run everything once and record what each expert would add."""
        states = {-1: self.trunk(inputs)}
        gates = self.gates_behind(-1, states[-1])
        contributions, activity = [], []
        for expert, parent in enumerate(self.tree.parents):
            before = states[parent]
            states[expert] = self.experts[expert](before)
            gates |= self.gates_behind(expert, states[expert])
            contributions.append(states[expert].logits - before.logits)
            activity.append(states[expert].hidden.abs().flatten(1).mean(dim=1))
        base = states[-1].logits
        if not gates:
            none = base.new_zeros(len(base), 0)
            return Evidence(none, base, base[:, None][:, :0], none)
        scores = torch.stack([gates[expert] for expert in range(len(gates))], 1)
        return Evidence(scores, base, torch.stack(contributions, 1), torch.stack(activity, 1))

    def forward(
        self, inputs: Float[Tensor, "case *input"], active: Bool[np.ndarray, " expert"]
    ) -> Float[Tensor, "case output"]:
        """Concept logits (and residual channels) with one routing held for all inputs.

        Only the active experts run, so that a gradient sees the function that was computed.
        """
        return self.follow(self.stem(inputs), active)

    def follow(
        self, hidden: Float[Tensor, "case hidden *sides"], active: Bool[np.ndarray, " expert"]
    ) -> Float[Tensor, "case output"]:
        """Go one routing, as ``forward``, from the stem's features on."""
        return self.by_part(hidden, active).sum(dim=1)

    def by_part(
        self, hidden: Float[Tensor, "case hidden *sides"], active: Bool[np.ndarray, " expert"]
    ) -> Float[Tensor, "case part output"]:
        """What the base exit says, then what each active expert adds, on one routing."""
        states = {-1: self._start(hidden)}
        added = [states[-1].logits]
        for expert, parent in enumerate(self.tree.parents):
            if active[expert]:
                states[expert] = self.experts[expert](states[parent])
                added.append(states[expert].logits - states[parent].logits)
        return torch.stack(added, dim=1)

    def frozen_head(self) -> Head:
        """The class head as data, for a trace."""
        head = self.head
        return Head(
            head.all_weights.detach().numpy().copy(),
            head.bias.detach().numpy().copy(),
            float(head.temperature),
            self.spec.concepts,
            self._frozen_prototypes() if self.spec.prototypes else None,
            self.spec.binary,
        )

    def _frozen_prototypes(self) -> Prototypes:
        head = self.head
        weights = head.prototype_weights.detach().numpy().copy()
        return Prototypes(head.prototypes.numpy().copy(), weights, float(head.sharpness))

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
    gates, base, contributions, _ = (
        torch.cat(column).numpy() for column in zip(*parts, strict=True)
    )
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
    # Categorical columns say a missing cell by a value that is no level.
    categorical = np.array(spec.stem.levels, dtype=bool) if spec.stem.levels else np.array(False)
    may_lack = np.broadcast_to(categorical | spec.stem.missing, inputs.shape)
    with np.errstate(over="ignore"):
        read = inputs.astype(np.float32, copy=False)
    wrong = np.isinf(read) | (np.isnan(read) & ~may_lack)
    if wrong.any():
        first = tuple(np.argwhere(wrong)[0])
        raise requirement(
            "inputs",
            "be finite or missing" if may_lack[first] else "be finite",
            f"NaN or infinity in row {first[0]}",
            "fill or drop it",
        )


def _fuses(spec: ModelSpec) -> bool:
    return any(expert.fuse for expert in spec.experts)
