"""From concept logits to classes, and the doubt they leave, as ONNX nodes."""

import numpy as np
from onnx import TensorProto

from minspnet.deploy.graph import Graph
from minspnet.trace import Head


def activate(head: Head, graph: Graph, outputs: str) -> str:
    """Grade the concepts; residual channels pass unchanged."""
    if head.weights.shape[1] == head.concepts:
        return _graded(head, graph, outputs)
    graded = _graded(head, graph, _columns(graph, outputs, 0, head.concepts))
    passing = _columns(graph, outputs, head.concepts, head.weights.shape[1])
    return graph.call("Concat", graded, passing, axis=1)


def class_logits(head: Head, graph: Graph, outputs: str, temperature: float = 1.0) -> str:
    """Log-odds against the first class over a temperature; column 0 is 0."""
    graded = _graded(head, graph, outputs)
    weights = head.weights.astype(np.float64)
    said = _weighed(graph, graded, weights, head.concepts, temperature, head.bias)
    if weights.shape[1] > head.concepts:
        # Read off the logits themselves, with weights of 0 for the concepts among them.
        passing = np.array(weights)
        passing[:, : head.concepts] = 0
        said = _weighed(graph, outputs, passing, weights.shape[1], temperature, said)
    if head.prototypes is not None:
        known = head.prototypes
        concepts = graded
        if weights.shape[1] > head.concepts:
            concepts = _columns(graph, graded, 0, head.concepts)
        one_by_one = graph.call("Unsqueeze", concepts, graph.constant([1], np.int64))
        apart = graph.call("Sub", one_by_one, graph.constant(known.concepts))
        distance = graph.call("ReduceSumSquare", apart, graph.constant([2], np.int64), keepdims=0)
        nearness = graph.call("Mul", distance, graph.constant(-known.sharpness))
        alike = graph.call("Exp", nearness)
        count = len(known.concepts)
        said = _weighed(graph, alike, known.weights, count, temperature, said)
    return said


def doubt(head: Head, graph: Graph, outputs: str) -> str:
    """One minus the confidence of the running decision, a guess being 1; of shape (case, 1)."""
    logits = class_logits(head, graph, outputs, head.temperature)
    probabilities = graph.call("Softmax", logits, axis=1)
    classes = len(head.bias) + 1
    across = graph.constant([1], np.int64)
    if classes == 2:
        left = graph.call("ReduceMin", probabilities, across, keepdims=1)
    else:
        surest = graph.call("ReduceMax", probabilities, across, keepdims=1)
        left = graph.call("Relu", graph.call("Sub", graph.constant(1.0), surest))
    return graph.call("Mul", left, graph.constant(classes / (classes - 1)))


def said(head: Head, graph: Graph, outputs: str, doubt: str) -> str:
    """The running concepts and the doubt that they leave."""
    graded = _graded(head, graph, outputs)
    if head.weights.shape[1] > head.concepts:
        graded = _columns(graph, graded, 0, head.concepts)
    return graph.call("Concat", graded, doubt, axis=1)


def decide(head: Head, graph: Graph, outputs: str, cut: str) -> tuple[str, str, str, str]:
    """Concepts, class logits, probabilities and the class decided for.

    Args:
        head: From concepts to classes.
        graph: Where to.
        outputs: Concept logits (then residual channels) of the experts that ran.
        cut: The decision threshold, which counts with two classes only.
    """
    concepts = activate(head, graph, outputs)
    logits = class_logits(head, graph, outputs)
    tempered = graph.call("Div", logits, graph.constant(head.temperature))
    probabilities = graph.call("Softmax", tempered, axis=1)
    if len(head.bias) == 1:
        second = graph.call("Gather", probabilities, graph.constant(1, np.int64), axis=1)
        decided = graph.call("GreaterOrEqual", second, cut)
        predicted = graph.call("Cast", decided, to=TensorProto.INT64)
    else:
        predicted = graph.call("ArgMax", probabilities, axis=1, keepdims=0)
    return concepts, logits, probabilities, predicted


def _graded(head: Head, graph: Graph, outputs: str) -> str:
    """Grade every column; whoever reads more than concepts weighs the rest with 0."""
    if head.binary:
        present = graph.call("GreaterOrEqual", outputs, graph.constant(0.0))
        return graph.call("Cast", present, to=TensorProto.FLOAT)
    return graph.call("Sigmoid", outputs)


def _columns(graph: Graph, given: str, first: int, behind: int) -> str:
    ends = [graph.constant([end], np.int64) for end in (first, behind, 1)]
    return graph.call("Slice", given, *ends)


def _weighed(
    graph: Graph,
    given: str,
    weights: np.ndarray,
    read: int,
    temperature: float,
    rest: np.ndarray | str,
) -> str:
    """Weigh the first columns into all classes, the reference class by 0, and add the rest."""
    whole = np.zeros((len(weights) + 1, weights.shape[1]))
    whole[1:, :read] = weights[:, :read] / temperature
    if not isinstance(rest, str):
        rest = graph.constant(np.concatenate([[0], rest]) / temperature)
    return graph.call("Gemm", given, graph.constant(whole), rest, transB=1)
