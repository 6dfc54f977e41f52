"""A graph of ONNX nodes under construction, and the branches inside it."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import numpy as np
from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

OPSET, IR_VERSION = 20, 10


class Graph:
    """Nodes and constants of one graph; names are unique across it and its branches.

    Args:
        sides: Axes behind the channels of the features: columns 0, pictures 2. Signals are
            laid out as pictures one pixel high, for which there are faster kernels.
        numbers: What names are made of; a branch continues those of the graph around it.
    """

    def __init__(self, sides: int, numbers: Iterator[int] | None = None) -> None:
        self.sides = sides
        self.nodes: list[NodeProto] = []
        self._numbers = count() if numbers is None else numbers
        self._known: dict[tuple[str, tuple[str, ...], str], str] = {}
        self._constants: dict[tuple[str, tuple[int, ...], bytes], TensorProto] = {}

    def call(self, operator: str, *given: str, **attributes: Any) -> str:
        """Add a node with one output, unless an equal one is there, and name it."""
        key = (operator, given, repr(attributes))
        if key not in self._known:
            self._known[key] = self.calls(operator, *given, outputs=1, **attributes)[0]
        return self._known[key]

    def calls(self, operator: str, *given: str, outputs: int, **attributes: Any) -> tuple[str, ...]:
        """Add a node with several outputs."""
        names = tuple(f"{operator.lower()}_{next(self._numbers)}" for _ in range(outputs))
        self.nodes.append(helper.make_node(operator, given, names, **attributes))
        return names

    def constant(self, value: object, kind: type = np.float32) -> str:
        """Keep a constant in this very graph; equal ones are kept once.

        Kernels arrange their weights beforehand only if these stand in the graph of the node
        that reads them, so that a branch must hold its own.
        """
        array: np.ndarray = np.asarray(value, dtype=kind, order="C")
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            name = f"constant_{next(self._numbers)}"
            self._constants[key] = numpy_helper.from_array(array, name)
        return self._constants[key].name

    def branch(self) -> "Graph":
        """Begin a graph that may read every name of this one."""
        return Graph(self.sides, self._numbers)

    def rename(self, name: str, to: str) -> None:
        """Give a tensor of this graph the name that the outside knows it by."""
        for node in self.nodes:
            for names in (node.input, node.output):
                names[:] = [to if one == name else one for one in names]

    def finish(
        self, name: str, inputs: list[ValueInfoProto], outputs: list[ValueInfoProto]
    ) -> GraphProto:
        """Say the graph in ONNX's own form."""
        constants = list(self._constants.values())
        return helper.make_graph(self.nodes, name, inputs, outputs, constants)


def tensor(name: str, kind: int, shape: tuple[str | int, ...] | None = None) -> ValueInfoProto:
    """Describe an input or output: its name, kind and axes."""
    return helper.make_tensor_value_info(name, kind, shape)
