"""The whole network as one graph in which an expert that no gate opens does not run."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from onnx import TensorProto

from minspnet.deploy import head as heads
from minspnet.deploy.graph import Graph, tensor
from minspnet.deploy.parts import emit, read_exit, read_gates
from minspnet.network import Network

Way = Literal["case", "batch", "always"]
"""One case a run, by branches; any number of them, by gathering; or any number without a choice:
every expert runs, which is what skipping them is measured against."""


@dataclass(frozen=True)
class Node:
    """What a node of the forest hands to its children, by name.

    Attributes:
        hidden: Features.
        logits: The concept logits said so far.
        total: The running sum over all experts that equals these logits on the node's cases.
        earlier: Pooled features of the path, if some exit fuses them.
        rows: Which of the cases the node ran on; None for all of them.
        places: Of the logits, which ones are those of the cases; None for all of them.
    """

    hidden: str
    logits: str
    total: str
    earlier: str | None = None
    rows: str | None = None
    places: str | None = None


@dataclass(frozen=True)
class Flags:
    """Whether some experts ran, side by side.

    Attributes:
        experts: Which ones.
        name: Of the tensor, of shape (case, expert).
    """

    experts: tuple[int, ...]
    name: str


class Forest:
    """Lay a network's nodes out, each expert inside the branch that its gate opens.

    Args:
        network: In evaluation mode.
        way: How cases come, and whether experts may be skipped.
    """

    def __init__(self, network: Network, way: Way) -> None:
        self.network = network
        self.way = way
        self.head = network.frozen_head()
        self.thresholds: tuple[str, ...] = ()
        self.cases = ""

    def lay(self, graph: Graph, inputs: str, thresholds: str) -> tuple[str, str]:
        """Add everything up to the concept logits; names the active experts and these."""
        network = self.network
        hidden = emit(network.stem, graph, inputs)
        logits = read_exit(network.base_exit, graph, hidden, None)
        earlier = None if network.remember is None else emit(network.remember, graph, hidden)
        count = len(network.tree.names)
        if self.way != "case":
            self.cases = graph.call("Shape", inputs, start=0, end=1)
        if not count:
            return self._flags(graph, 0, False), logits
        if self.way != "always":
            self.thresholds = graph.calls("Split", thresholds, outputs=count, num_outputs=count)
        total, active = self._behind(graph, -1, Node(hidden, logits, logits, earlier), logits)
        order = [expert for one in active for expert in one.experts]
        flags = graph.call("Concat", *(one.name for one in active), axis=1)
        if order != list(range(count)):
            places = graph.constant(np.argsort(order), np.int64)
            flags = graph.call("Gather", flags, places, axis=1)
        return flags, total

    def _behind(self, graph: Graph, node: int, state: Node, total: str) -> tuple[str, list[Flags]]:
        """All that may run behind a node: the sum with it, and which experts ran."""
        gates = {} if self.way == "always" else self._gates(graph, node, state)
        active: list[Flags] = []
        for expert in self._children(node):
            if self.way == "always":
                total, reached = self._run(graph, expert, state, total)
                total, found = self._behind(graph, expert, reached, total)
                active += [Flags((expert,), self._flags(graph, 1, True)), *found]
            else:
                total, found = self._choice(graph, expert, state, gates[expert], total)
                active += found
        return total, active

    def _choice(
        self, graph: Graph, expert: int, state: Node, gate: str, total: str
    ) -> tuple[str, list[Flags]]:
        """An expert and all behind it, run where its gate opened."""
        opened = graph.call("GreaterOrEqual", gate, self.thresholds[expert])
        if self.way == "case":
            return self._branch(graph, expert, state, opened, opened, total, opened)
        place = graph.call("NonZero", opened)
        places = graph.call("Gather", place, graph.constant(0, np.int64), axis=0)
        some = graph.call("Cast", graph.call("Size", places), to=TensorProto.BOOL)
        flag = opened
        if state.rows is not None:
            none = self._flags(graph, 1, False)
            flag = graph.call("ScatterND", none, _tall(graph, state.rows), opened)
        return self._branch(graph, expert, state, some, flag, total, places)

    def _branch(
        self, graph: Graph, expert: int, state: Node, when: str, flag: str, total: str, places: str
    ) -> tuple[str, list[Flags]]:
        then, otherwise = graph.branch(), graph.branch()
        taken = state if self.way == "case" else _take(then, state, places)
        further, reached = self._run(then, expert, taken, total)
        further, behind = self._behind(then, expert, reached, further)
        experts = tuple(one for flags in behind for one in flags.experts)
        outputs, kept, kinds = [further], [otherwise.call("Identity", total)], [TensorProto.FLOAT]
        if experts:
            outputs.append(then.call("Concat", *(one.name for one in behind), axis=1))
            kept.append(self._flags(otherwise, len(experts), False))
            kinds.append(TensorProto.BOOL)
        name = self.network.tree.names[expert]
        branches = [
            branch.finish(f"{name}, {what}", [], list(map(tensor, said, kinds)))
            for branch, what, said in ((then, "run", outputs), (otherwise, "left", kept))
        ]
        total, *more = graph.calls(
            "If", when, outputs=len(outputs), then_branch=branches[0], else_branch=branches[1]
        )
        return total, [Flags((expert,), flag), *(Flags(experts, one) for one in more)]

    def _flags(self, graph: Graph, experts: int, ran: bool) -> str:
        """Of so many experts, that all or none ran, for every case."""
        if self.way == "case":
            return graph.call("Identity", graph.constant(np.full((1, experts), ran), np.bool_))
        width = graph.constant([experts], np.int64)
        shape = graph.call("Concat", self.cases, width, axis=0)
        value = TensorProto(data_type=TensorProto.BOOL, dims=[1], raw_data=bytes([ran]))
        return graph.call("ConstantOfShape", shape, value=value)

    def _run(self, graph: Graph, expert: int, given: Node, total: str) -> tuple[str, Node]:
        """One expert on the cases at hand: the sum with it, and what it hands on."""
        module = self.network.experts[expert]
        hidden = emit(module.block, graph, given.hidden)
        said = read_exit(module.exit, graph, hidden, given.earlier)
        # Where the sum is the path's own logits, those of the expert stand in for it.
        whole = given.total == total
        logits = added = said
        if not module.replaces:
            if whole or self._children(expert):
                logits = graph.call("Add", self._logits(graph, given), said)
        else:
            if len(module.exit.writes):
                written = graph.constant(module.exit.written.numpy(), np.bool_)
                logits = graph.call("Where", written, said, self._logits(graph, given))
            if not whole:
                added = graph.call("Sub", logits, self._logits(graph, given))
        if given.rows is not None:
            rows = _tall(graph, given.rows)
            kind = {} if whole else {"reduction": "add"}
            total = graph.call("ScatterND", total, rows, logits if whole else added, **kind)
        else:
            total = logits if whole else graph.call("Add", total, added)
        earlier = given.earlier
        if module.remember is not None and earlier is not None:
            pooled = emit(module.remember, graph, hidden)
            earlier = graph.call("Concat", earlier, pooled, axis=1)
        return total, Node(hidden, logits, total if whole else "", earlier, given.rows)

    def _logits(self, graph: Graph, given: Node) -> str:
        """A parent's logits for the cases at hand; gathered only if something reads them."""
        if given.places is None:
            return given.logits
        return graph.call("Gather", given.logits, given.places, axis=0)

    def _gates(self, graph: Graph, node: int, state: Node) -> dict[int, str]:
        """Gates of the experts behind a node, each of shape (case, 1)."""
        learned = {e: self.network.experts[e].learned_gate for e in self._children(node)}
        groups: dict[str, list[int]] = {"doubt": [], "hears": [], "rivals": [], "alone": []}
        for expert, gate in learned.items():
            if gate is None:
                groups["doubt"].append(expert)
            elif gate.hears:
                groups["hears"].append(expert)
            else:
                groups["rivals" if self.network.rivals[expert] else "alone"].append(expert)
        gates = {}
        if groups["doubt"] or groups["hears"]:
            doubt = heads.doubt(self.head, graph, state.logits)
            gates = dict.fromkeys(groups["doubt"], doubt)
        for kind in ("hears", "rivals", "alone"):
            if not (experts := groups[kind]):
                continue
            said = heads.said(self.head, graph, state.logits, doubt) if kind == "hears" else None
            modules = [gate for e in experts if (gate := learned[e]) is not None]
            logits = read_gates(modules, graph, state.hidden, said)
            scores = (
                graph.call("Softmax", logits, axis=1)
                if kind == "rivals"
                else graph.call("Sigmoid", logits)
            )
            count = len(experts)
            columns = (
                graph.calls("Split", scores, outputs=count, axis=1, num_outputs=count)
                if count > 1
                else (scores,)
            )
            gates |= dict(zip(experts, columns, strict=True))
        return gates

    def _children(self, node: int) -> list[int]:
        return [e for e, parent in enumerate(self.network.tree.parents) if parent == node]


def _take(graph: Graph, state: Node, places: str) -> Node:
    """The chosen among a node's cases."""
    hidden = graph.call("Gather", state.hidden, places, axis=0)
    earlier, rows = state.earlier, places
    if earlier is not None:
        earlier = graph.call("Gather", earlier, places, axis=0)
    if state.rows is not None:
        rows = graph.call("Gather", state.rows, places, axis=0)
    return Node(hidden, state.logits, state.total, earlier, rows, places)


def _tall(graph: Graph, rows: str) -> str:
    return graph.call("Unsqueeze", rows, graph.constant([1], np.int64))
