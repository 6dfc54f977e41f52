"""Each module of a network as ONNX nodes, its normalisation folded into the weights.

The graph says what the module computes in evaluation mode, in as few nodes as can say it: for
a small network at batch 1 a node costs more than its arithmetic.
"""

from functools import singledispatch

import numpy as np
from onnx import TensorProto
from torch import Tensor, nn

from minspnet.deploy.graph import Graph
from minspnet.layers.activations import LearnedSiLU, Winners
from minspnet.layers.axes import GridMean
from minspnet.layers.blocks import Block, Layer, SqueezeExcitation
from minspnet.layers.exits import Exit, LearnedGate
from minspnet.layers.pooling import AttentionPool, Pool
from minspnet.layers.stems import ConvolutionalStem, TabularStem

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
_REGISTER = 16
"""Channels that the widest kernels work on at a time."""


@singledispatch
def emit(module: nn.Module, graph: Graph, given: str) -> str:
    """Add what a module computes of one tensor, and name the result."""
    raise TypeError(f"{type(module).__name__} has no form in ONNX")


@emit.register(nn.Identity)
@emit.register(nn.Dropout)
@emit.register(nn.Dropout1d)
@emit.register(nn.Dropout2d)
def _as_it_is(module: nn.Module, graph: Graph, given: str) -> str:
    return given


@emit.register
def _relu(module: nn.ReLU, graph: Graph, given: str) -> str:
    return graph.call("Relu", given)


@emit.register
def _relu6(module: nn.ReLU6, graph: Graph, given: str) -> str:
    return graph.call("Clip", given, graph.constant(0.0), graph.constant(6.0))


@emit.register
def _sigmoid(module: nn.Sigmoid, graph: Graph, given: str) -> str:
    return graph.call("Sigmoid", given)


@emit.register
def _silu(module: nn.SiLU, graph: Graph, given: str) -> str:
    return graph.call("Mul", given, graph.call("Sigmoid", given))


@emit.register
def _learned_silu(module: LearnedSiLU, graph: Graph, given: str) -> str:
    slope = graph.constant(over_sides(module.slope, graph))
    return graph.call("Mul", given, graph.call("Sigmoid", graph.call("Mul", given, slope)))


@emit.register
def _winners(module: Winners, graph: Graph, given: str) -> str:
    count = graph.constant([module.winners], np.int64)
    _, kept = graph.calls("TopK", graph.call("Abs", given), count, outputs=2, axis=1)
    silent = graph.call("Sub", given, given)
    # What is kept is read off the tensor itself, so that nothing but places is compared.
    said = graph.call("GatherElements", given, kept, axis=1)
    return graph.call("ScatterElements", silent, kept, said, axis=1)


@emit.register
def _linear(module: nn.Linear, graph: Graph, given: str) -> str:
    return affine(graph, given, *weights_of(module))


@emit.register
def _sequence(module: nn.Sequential, graph: Graph, given: str) -> str:
    return chain(list(module), graph, given)


def chain(layers: list[nn.Module], graph: Graph, given: str) -> str:
    """Layers one after another; a norm behind a convolution is folded into it."""
    flat = [one for layer in layers for one in flattened(layer)]
    for before, layer, after in zip([None, *flat], flat, [*flat[1:], None], strict=False):
        if isinstance(layer, CONVOLUTIONS):
            given = convolve(graph, given, layer, *folded(layer, after), groups=layer.groups)
        elif not (isinstance(layer, NORMS) and isinstance(before, CONVOLUTIONS)):
            given = emit(layer, graph, given)
    return given


def flattened(module: nn.Module) -> list[nn.Module]:
    """The layers of a sequence of sequences."""
    if isinstance(module, nn.Sequential):
        return [one for layer in module for one in flattened(layer)]
    return [module]


def folded(layer: nn.Module, after: nn.Module | None) -> tuple[np.ndarray, np.ndarray]:
    """Weight and bias of a convolution and the norm behind it, if that is what stands there."""
    assert isinstance(layer, CONVOLUTIONS)
    weight = array(layer.weight)
    if not isinstance(after, NORMS):
        return weight, np.zeros(len(weight))
    factor, bias = norm_of(after)
    return weight * factor.reshape(-1, *(1,) * (weight.ndim - 1)), bias


def convolve(
    graph: Graph,
    given: str,
    layer: nn.Module,
    weight: np.ndarray,
    bias: np.ndarray,
    groups: int = 1,
) -> str:
    """A convolution that strides and pads as the layer does, with other weights."""
    assert isinstance(layer, CONVOLUTIONS)
    padding = [side // 2 for side in layer.kernel_size]
    strides = list(layer.stride)
    if len(strides) < graph.sides:
        weight, padding, strides = weight[:, :, None], [0, *padding], [1, *strides]
    return graph.call(
        "Conv",
        given,
        graph.constant(weight),
        graph.constant(bias),
        kernel_shape=weight.shape[2:],
        strides=strides,
        pads=padding * 2,
        group=groups,
    )


@emit.register
def _squeeze(module: SqueezeExcitation, graph: Graph, given: str) -> str:
    scale = graph.call("GlobalAveragePool", given)
    for layer in module.gate:
        if isinstance(layer, nn.Linear):
            weight, bias = weights_of(layer)
            # As a convolution, so that the picture's axes need not be taken off and put back.
            kernel = weight.reshape(*weight.shape, *(1,) * graph.sides)
            scale = graph.call("Conv", scale, graph.constant(kernel), graph.constant(bias))
        else:
            scale = emit(layer, graph, scale)
    return graph.call("Mul", given, scale)


@emit.register
def _layer(module: Layer, graph: Graph, given: str) -> str:
    said = emit(module.layers, graph, given)
    return graph.call("Add", given, said) if module.adds else said


@emit.register
def _block(module: Block, graph: Graph, given: str) -> str:
    if len(module.reads):
        rows = graph.constant(module.reads.numpy(), np.int64)
        given = graph.call("Gather", given, rows, axis=1)
    for step in module.steps:
        given = emit(step, graph, given)
    return given


@emit.register
def _grid_mean(module: GridMean, graph: Graph, given: str) -> str:
    if not graph.sides:
        return given
    grid = module.grid
    if grid == 1:
        sides = graph.constant(np.arange(2, 2 + graph.sides), np.int64)
        return graph.call("ReduceMean", given, sides, keepdims=0)
    if all(side % grid == 0 for side in module.sides):
        region = [1] * (graph.sides - len(module.sides))
        region += [side // grid for side in module.sides]
        means = graph.call("AveragePool", given, kernel_shape=region, strides=region)
        return graph.call("Flatten", means)
    regions = _regions(module.sides, grid)
    flat = graph.call("Reshape", given, graph.constant([0, 0, -1], np.int64))
    return graph.call("Flatten", graph.call("MatMul", flat, graph.constant(regions)))


def _regions(sides: tuple[int, ...], grid: int) -> np.ndarray:
    """Share of each position in the mean of each region, as torch cuts them."""
    cuts = []
    for side in sides:
        starts = [(place * side) // grid for place in range(grid)]
        ends = [-(-(place + 1) * side // grid) for place in range(grid)]
        cut = np.zeros((side, grid))
        for place, (start, end) in enumerate(zip(starts, ends, strict=True)):
            cut[start:end, place] = 1 / (end - start)
        cuts.append(cut)
    shares: np.ndarray = np.ones((1, 1))
    for cut in cuts:
        shares = np.kron(shares, cut)
    return shares


@emit.register
def _attention(module: AttentionPool, graph: Graph, given: str) -> str:
    weight, bias = weights_of(module.score)
    if module.flat:
        weights = graph.call("Softmax", affine(graph, given, weight, bias), axis=1)
        scaled = graph.call("Mul", weights, graph.constant(float(module.features)))
        return graph.call("Mul", given, scaled)
    flat = graph.call("Reshape", given, graph.constant([0, 0, -1], np.int64))
    scores = graph.call("MatMul", graph.constant(weight[None]), flat)
    # A bias moves all scores alike, which the softmax does not see.
    weights = graph.call("Softmax", scores, axis=2)
    last = graph.constant([2], np.int64)
    return graph.call("ReduceSum", graph.call("Mul", flat, weights), last, keepdims=0)


@emit.register
def _column_stem(module: TabularStem, graph: Graph, given: str) -> str:
    """Numbers, indicators of missing ones, levels; then the dense layer, if there is one."""
    numbers = _columns(module.numbers, graph, given)
    mean, scale = (
        array(statistic)[module.numbers.numpy()]
        for statistic in (module.standardise.mean, module.standardise.scale)
    )
    centre = graph.constant(mean)
    parts = []
    if module.missing:
        lacking = graph.call("IsNaN", numbers)
        numbers = graph.call("Where", lacking, centre, numbers)
        parts = [graph.call("Cast", lacking, to=TensorProto.FLOAT)]
    centred = graph.call("Sub", numbers, centre)
    parts = [graph.call("Div", centred, graph.constant(scale)), *parts]
    for place, count in zip(module.categories.tolist(), module.levels, strict=True):
        column = graph.call("Gather", given, graph.constant([place], np.int64), axis=1)
        level = graph.call("Equal", column, graph.constant(np.arange(count)))
        parts.append(graph.call("Cast", level, to=TensorProto.FLOAT))
    encoded = parts[0] if len(parts) == 1 else graph.call("Concat", *parts, axis=1)
    return emit(module.widen, graph, encoded)


def _columns(chosen: Tensor, graph: Graph, given: str) -> str:
    return graph.call("Gather", given, graph.constant(chosen.numpy(), np.int64), axis=1)


@emit.register
def _convolutional_stem(module: ConvolutionalStem, graph: Graph, given: str) -> str:
    """The standardised inputs through the convolutions, none of them narrower than a register.

    Narrow layers are filled up with channels of 0: kernels work on that many at a time anyway,
    and rearrange the features before and behind a layer that has fewer.
    """
    mean, scale = array(module.standardise.mean), array(module.standardise.scale)
    if len(module.output_shape) == 2:
        given = graph.call("Unsqueeze", given, graph.constant([2], np.int64))
    # Only the scale can be folded: the border is padded with the mean, not with 0.
    given = graph.call("Sub", given, graph.constant(over_sides(mean, graph)))
    layers = list(module.layers)
    places = [place for place, one in enumerate(layers) if isinstance(one, CONVOLUTIONS)]
    channels = len(mean)
    for order, place in enumerate(places):
        weight, bias = folded(layers[place], layers[place + 1])
        if not order:
            weight = weight / scale.reshape(1, -1, *(1,) * (weight.ndim - 2))
        # Behind the first, depthwise layers and mixing ones take turns.
        depthwise = order % 2 == 1
        last = place == places[-1]
        width = len(weight) if last else max(len(weight), _REGISTER)
        weight = _filled(_filled(weight, width, 0), 1 if depthwise else channels, 1)
        bias = _filled(bias, width, 0)
        groups = width if depthwise else 1
        given = graph.call("Relu", convolve(graph, given, layers[place], weight, bias, groups))
        channels = width
    return given


def _filled(values: np.ndarray, length: int, axis: int) -> np.ndarray:
    """Zeros behind the values along one axis."""
    room = [(0, length - size if place == axis else 0) for place, size in enumerate(values.shape)]
    return np.pad(values, room)


def read_exit(module: Exit, graph: Graph, hidden: str, earlier: str | None) -> str:
    """Concept logits off the features; outputs that the exit may not write are 0."""
    pooled = emit(module.pool.collect, graph, hidden)
    if module.fuses:
        assert earlier is not None
        pooled = graph.call("Concat", pooled, earlier, axis=1)
    layers = [layer for part in (module.think, module.read) for layer in flattened(part)]
    weights = {place: weights_of(one) for place, one in enumerate(layers) if type(one) is nn.Linear}
    first, last = min(weights), max(weights)
    weights[first] = _behind_norm(module.pool, *weights[first])
    if len(module.writes):
        weight, bias = weights[last]
        weights[last] = _spread(weight, module), _spread(bias, module)
    for place, layer in enumerate(layers):
        if place in weights:
            pooled = affine(graph, pooled, *weights[place])
        else:
            pooled = emit(layer, graph, pooled)
    return pooled


def _spread(values: np.ndarray, module: Exit) -> np.ndarray:
    spread = np.zeros((module.outputs, *values.shape[1:]))
    spread[module.writes.numpy()] = values
    return spread


def read_gates(gates: list[LearnedGate], graph: Graph, hidden: str, said: str | None) -> str:
    """Logits of learned gates that know the same, side by side."""
    known = emit(gates[0].pool.collect, graph, hidden)
    if said is not None:
        known = graph.call("Concat", known, said, axis=1)
    rows = [_behind_norm(gate.pool, *weights_of(gate.read)) for gate in gates]
    weight, bias = (np.concatenate(column) for column in zip(*rows, strict=True))
    return affine(graph, known, weight, bias)


def _behind_norm(pool: Pool, weight: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fold the norm of pooled features into the layer that reads them first."""
    if not isinstance(pool.norm, NORMS):
        return weight, bias
    factor, shift = norm_of(pool.norm)
    pooled = weight[:, : len(factor)]
    moved = np.concatenate([pooled * factor, weight[:, len(factor) :]], axis=1)
    return moved, bias + pooled @ shift


def affine(graph: Graph, given: str, weight: np.ndarray, bias: np.ndarray) -> str:
    """A weighted sum of columns and a bias."""
    return graph.call("Gemm", given, graph.constant(weight), graph.constant(bias), transB=1)


def weights_of(layer: nn.Module) -> tuple[np.ndarray, np.ndarray]:
    """Weight and bias of a linear layer; no bias is one of 0."""
    assert isinstance(layer, nn.Linear)
    bias = np.zeros(layer.out_features) if layer.bias is None else array(layer.bias)
    return array(layer.weight), bias


def norm_of(norm: nn.Module) -> tuple[np.ndarray, np.ndarray]:
    """What a batch norm multiplies by and then adds, in evaluation mode."""
    assert isinstance(norm, NORMS)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    factor = 1 / np.sqrt(array(norm.running_var) + norm.eps)
    shift = -array(norm.running_mean) * factor
    if norm.affine:
        return factor * array(norm.weight), shift * array(norm.weight) + array(norm.bias)
    return factor, shift


def over_sides(values: np.ndarray | Tensor, graph: Graph) -> np.ndarray:
    """One value a channel, in the shape that meets every position."""
    known = array(values) if isinstance(values, Tensor) else values
    return known.reshape(-1, *(1,) * graph.sides)


def array(values: Tensor) -> np.ndarray:
    """Weights in double precision, so that folding rounds once."""
    return values.detach().numpy().astype(np.float64)
