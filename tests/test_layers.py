"""Each layer by hand, or against the simplest thing that must give the same."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from minspnet.cost import cost_table
from minspnet.errors import UserError
from minspnet.layers.activations import LearnedSiLU, Winners, activation
from minspnet.layers.axes import GridMean
from minspnet.layers.blocks import Block, SqueezeExcitation, pointwise
from minspnet.layers.pooling import AttentionPool
from minspnet.layers.stems import Standardise, TabularStem, build_stem
from minspnet.network import Network, run
from minspnet.spec import ExpertSpec, ModelSpec, StemSpec


def numbers(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


# --- Activations ------------------------------------------------------------------------


def test_learned_activation_is_silu_at_first_and_learns_a_slope_per_channel() -> None:
    """x * s(slope * x): at slope 1 SiLU; at 0 it is x / 2; at a large one ReLU."""
    given = numbers(4, 3, 5)
    layer = LearnedSiLU(3)
    torch.testing.assert_close(layer(given), nn.functional.silu(given))
    with torch.no_grad():
        layer.slope.copy_(torch.tensor([0.0, 1.0, 1e6]))
    said = layer(given)
    torch.testing.assert_close(said[:, 0], given[:, 0] / 2)
    torch.testing.assert_close(said[:, 2], given[:, 2].relu())
    said.sum().backward()
    assert layer.slope.grad is not None
    assert layer.slope.grad[0] != 0


def test_named_activations() -> None:
    given = torch.tensor([[-1.0, 2.0, 7.0]])
    assert activation("relu", 3)(given).tolist() == [[0, 2, 7]]
    assert activation("relu6", 3)(given).tolist() == [[0, 2, 6]]


def test_winners_keep_the_strongest_units_of_each_position() -> None:
    """Four units, half may win: the two largest by absolute value, signs kept."""
    layer = Winners(4, 0.5)
    assert layer(torch.tensor([[1.0, -3.0, 2.0, 0.5]])).tolist() == [[0, -3, 2, 0]]
    signal = torch.tensor([[[1.0, 0.0], [5.0, 1.0], [2.0, 4.0], [0.0, 3.0]]])
    assert layer(signal).tolist() == [[[0, 0], [5, 0], [2, 4], [0, 3]]]
    assert (Winners(5, 0.01)(numbers(3, 5)) != 0).sum(dim=1).tolist() == [1, 1, 1]


# --- Pooling ----------------------------------------------------------------------------


def test_attention_by_hand() -> None:
    """Positions score (0, ln 3), so they weigh 1/4 and 3/4: (0 + 3 ln 3, 4 + 24) / 4."""
    pool = AttentionPool((2, 2))
    with torch.no_grad():
        pool.score.weight.copy_(torch.tensor([[1.0, 0.0]]))
        pool.score.bias.fill_(7.0)  # the same everywhere, so it cancels
    hidden = torch.tensor([[[0.0, math.log(3)], [4.0, 8.0]]])
    torch.testing.assert_close(pool.weights(hidden), torch.tensor([[0.25, 0.75]]))
    torch.testing.assert_close(pool(hidden), torch.tensor([[0.75 * math.log(3), 7.0]]))


def test_even_attention_to_columns_changes_nothing() -> None:
    pool = AttentionPool((3,))
    with torch.no_grad():
        pool.score.weight.zero_()
        pool.score.bias.zero_()
    given = numbers(4, 3)
    torch.testing.assert_close(pool(given), given)
    with torch.no_grad():
        pool.score.bias.copy_(torch.tensor([0.0, 0.0, math.log(2)]))
    torch.testing.assert_close(pool(given), given * torch.tensor([0.75, 0.75, 1.5]))


def test_grid_means_regions_in_order() -> None:
    picture = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert GridMean((1, 4, 4), 2)(picture).tolist() == [[2.5, 4.5, 10.5, 12.5]]
    assert GridMean((1, 4), 2)(torch.arange(4.0).reshape(1, 1, 4)).tolist() == [[0.5, 2.5]]
    assert GridMean((3,), 5).features == 3


# --- Blocks -----------------------------------------------------------------------------


def test_squeeze_and_excitation_by_hand() -> None:
    """Means (1, 3); inner relu(1 + 3) = 4; gates s(0) = 1/2 and s(ln 3) = 3/4."""
    layer = SqueezeExcitation(2, 2)
    with torch.no_grad():
        layer.gate[0].weight.copy_(torch.ones(1, 2))
        layer.gate[0].bias.zero_()
        layer.gate[2].weight.copy_(torch.tensor([[0.0], [math.log(3) / 4]]))
        layer.gate[2].bias.zero_()
    hidden = torch.tensor([[[0.0, 2.0], [3.0, 3.0]]])
    torch.testing.assert_close(layer(hidden), torch.tensor([[[0.0, 1.0], [2.25, 2.25]]]))


@pytest.mark.parametrize("axes", [0, 1, 2])
def test_low_rank_is_one_layer_whose_matrix_is_a_product(axes: int) -> None:
    low = pointwise(axes, 6, 5, rank=2)
    full = pointwise(axes, 6, 5)
    first, second = low[0], low[1]
    product = second.weight.flatten(1) @ first.weight.flatten(1)
    assert torch.linalg.matrix_rank(product) == 2
    with torch.no_grad():
        full.weight.copy_(product.view_as(full.weight))
        if axes == 0:
            full.bias.copy_(second.bias)
    given = numbers(3, 6, *[4] * axes)
    torch.testing.assert_close(low(given), full(given))
    weights = sum(p.numel() for p in low.parameters()) - (5 if axes == 0 else 0)
    assert weights == 2 * (6 + 5)


def expert(block: str = "separable", **options: object) -> ExpertSpec:
    return ExpertSpec("a", block, 4, **options)  # type: ignore[arg-type]


def parameters(spec: ExpertSpec, given: tuple[int, ...] = (4, 8, 8)) -> int:
    return sum(p.numel() for p in Block(spec, given, 0.0).parameters())


def test_shared_repeats_cost_parameters_once_and_compute_each_time() -> None:
    once, twice = parameters(expert(repeats=2)), parameters(expert(repeats=5, shared=True))
    assert twice == once
    assert parameters(expert(repeats=5)) == 5 * parameters(expert())
    block = Block(expert(repeats=3, shared=True), (4, 8, 8), 0.0).eval()
    given = numbers(2, 4, 8, 8)
    first = block.steps[0](given)
    torch.testing.assert_close(block(given), block.steps[1](block.steps[1](first)))


@pytest.mark.parametrize("kind", ["separable", "inverted_bottleneck"])
def test_separable_costs_what_its_factors_cost(kind: str) -> None:
    """Filters 3 x 3 alone, mixing alone: 4 x 9 + 4 x 4, or 4 x 8 + 8 x 9 + 8 x 4, and norms."""
    expected = {"separable": 36 + 16 + 2 * 8, "inverted_bottleneck": 32 + 72 + 32 + 2 * 20}[kind]
    assert parameters(expert(kind)) == expected
    assert parameters(expert(kind, kernel=5)) - expected == 16 * {"separable": 4}.get(kind, 8)


def test_a_full_convolution_by_hand() -> None:
    """4 channels to 6 through 3 x 3 filters, and norms; with rank 2, 4 x 9 x 2 and 2 x 6."""
    wide = replace(expert("convolution"), width=6)
    assert parameters(wide) == 4 * 9 * 6 + 2 * 6
    assert parameters(replace(wide, rank=2)) == 4 * 9 * 2 + 2 * 6 + 2 * 6
    block = Block(expert("convolution", adds=False), (4, 8, 8), 0.0).eval()
    weight = next(m for m in block.modules() if isinstance(m, torch.nn.Conv2d)).weight
    given = numbers(2, 4, 8, 8)
    at = torch.einsum("nchw,kchw->nk", given[:, :, 2:5, 3:6], weight) / (1 + 1e-5) ** 0.5
    torch.testing.assert_close(block(given)[:, :, 3, 4], torch.relu(at))


def test_a_layer_adds_to_what_it_was_given_where_shapes_agree() -> None:
    given = numbers(2, 4, 8, 8)
    for options, adds in (({}, True), ({"stride": 2}, False)):
        step = Block(expert("inverted_bottleneck", **options), (4, 8, 8), 0.0).eval().steps[0]
        assert step.adds == adds
        plain = step.layers(given)
        torch.testing.assert_close(step(given), given + plain if adds else plain)


def test_strided_layers_stop_at_a_side_of_one() -> None:
    block = Block(expert(kernel=5, stride=2, repeats=4), (4, 5, 3), 0.0).eval()
    assert [step.output_shape[1:] for step in block.steps] == [(3, 2), (2, 1), (1, 1), (1, 1)]
    assert block(numbers(2, 4, 5, 3)).shape == (2, 4, 1, 1)


def test_an_expert_reads_only_the_features_it_may() -> None:
    block = Block(expert("dense", reads=(2, 0)), (3,), 0.0).eval()
    given = numbers(5, 3)
    changed = given.clone()
    changed[:, 1] = 99
    torch.testing.assert_close(block(given), block(changed))
    assert (block(given) - block(given.flip(1))).abs().max() > 0.01
    with pytest.raises(UserError) as refused:
        Block(expert("dense", reads=(3,)), (3,), 0.0)
    assert str(refused.value) == (
        "reads of a must be indices below 3, each once, got (3,); correct them."
    )


# --- Stems ------------------------------------------------------------------------------


def test_missing_cells_are_left_out_of_the_scale() -> None:
    """Column means over what is there: (1 + 3) / 2, deviation 1; the other never varies."""
    layer = Standardise(3)
    layer.fit(torch.tensor([[1.0, 5, math.nan], [3.0, 5, math.nan], [math.nan, 5, math.nan]]))
    assert layer.mean.tolist() == [2, 5, 0]
    assert layer.scale.tolist() == [1, 1, 1]


@pytest.mark.parametrize("value", [0.1, -3.3e4, 1e-9])
def test_a_column_that_never_varies_keeps_scale_1(value: float) -> None:
    """The mean of a thousand equal cells is off by a rounding, in units of which they would count.

    A large number that varies little is no constant.
    """
    inputs = torch.full((1000, 2), value)
    inputs[3, 0] = math.nan
    inputs[:, 1] = 1e6 + torch.arange(1000) % 2
    layer = Standardise(2)
    layer.fit(inputs)
    assert layer.scale[0] == 1
    assert layer.scale[1].item() == pytest.approx(0.5, rel=0.1)
    torch.testing.assert_close(layer(inputs)[:3, 0], torch.zeros(3), atol=0.01, rtol=0)


def test_tabular_encoding_by_hand() -> None:
    """Number, three levels, number; missing numbers become 0 and raise their indicator."""
    stem = TabularStem(StemSpec("tabular", levels=(0, 3, 0), missing=True), (3,))
    stem.standardise.fit(torch.tensor([[0.0, 0, 10], [2.0, 1, 30]]))
    encoded = stem(torch.tensor([[2.0, 2, 20], [math.nan, 7, 30], [1.0, math.nan, math.nan]]))
    assert encoded.tolist() == [
        [1, 0, 0, 0, 0, 0, 1],
        [0, 1, 1, 0, 0, 0, 0],
        [0, 0, 0, 1, 0, 0, 0],
    ]
    assert stem.output_shape == (7,)


def test_a_stem_may_read_a_few_columns_only() -> None:
    stem = TabularStem(StemSpec("tabular", levels=(0, 2, 0), reads=(1, 2)), (3,))
    assert stem(torch.tensor([[5.0, 1.0, 3.0]])).tolist() == [[3, 0, 1]]


@pytest.mark.parametrize(
    ("kind", "shape", "downsample", "expected"),
    [
        ("image", (3, 224, 224), 16, (8, 14, 14)),
        ("image", (1, 28, 28), 4, (8, 7, 7)),
        ("image", (3, 28, 30), 2, (8, 14, 15)),
        ("signal", (6, 100), 8, (8, 13)),
    ],
)
def test_stems_shorten_every_side(
    kind: str, shape: tuple[int, ...], downsample: int, expected: tuple[int, ...]
) -> None:
    stem = build_stem(StemSpec(kind, 8, downsample), shape).eval()  # type: ignore[arg-type]
    assert stem.output_shape == expected
    assert stem(numbers(2, *shape)).shape == (2, *expected)


# --- In the network ---------------------------------------------------------------------


def test_experts_may_share_a_block() -> None:
    first = ExpertSpec("a", "dense", 6, activation="silu")
    second = ExpertSpec("b", "dense", 6, reading="add", weights_of="a", activation="silu")
    both = Network(ModelSpec((5,), 2, 2, StemSpec("tabular"), (first, second)))
    assert both.experts[0].block is both.experts[1].block
    alone = Network(ModelSpec((5,), 2, 2, StemSpec("tabular"), (first,)))
    assert both.parameters_count - alone.parameters_count == 6 * 2 + 2  # the second exit
    again = Network(both.spec)
    again.load_state_dict(both.state_dict())
    given = numbers(3, 5)
    torch.testing.assert_close(
        again.eval().evidence(given).contributions, both.eval().evidence(given).contributions
    )
    child = ExpertSpec("c", "dense", 6, parent="a", weights_of="a")
    with pytest.raises(UserError, match="block of c must equal that of a, whose weights it uses"):
        Network(ModelSpec((5,), 2, 2, StemSpec("tabular"), (first, child)))


@pytest.mark.parametrize(
    "change",
    [
        *({"kernel": 5}, {"activation": "silu"}, {"squeeze": 2}, {"rank": 1}, {"winners": 0.5}),
        *({"expansion": 3}, {"reads": (0, 1)}, {"shared": True}, {"adds": False}),
    ],
    ids=str,
)
def test_who_uses_the_weights_of_another_is_built_like_it(change: dict[str, object]) -> None:
    owner = expert("inverted_bottleneck")
    user = replace(owner, name="b", weights_of="a", gate="learned", hidden=3, concepts=(0,))
    for experts in ((owner, user), (replace(owner, **change), replace(user, **change))):
        Network(ModelSpec((1, 8, 8), 2, 2, StemSpec("image", 4), experts))
    with pytest.raises(UserError) as refused:
        other = replace(user, **change)
        Network(ModelSpec((1, 8, 8), 2, 2, StemSpec("image", 4), (owner, other)))
    assert str(refused.value) == (
        "block of b must equal that of a, whose weights it uses, and be given as much, "
        f"got another {next(iter(change))}; make both alike."
    )


def test_fused_exits_read_every_depth_before_them() -> None:
    """Stem 8, first stage 4, second stage 6 channels: the last exit reads 18 numbers."""
    experts = (
        ExpertSpec("a", "separable", 4, stride=2),
        ExpertSpec("b", "separable", 6, parent="a", fuse=True),
    )
    network = Network(ModelSpec((1, 16, 16), 2, 2, StemSpec("image", 8), experts)).eval()
    assert network.experts[1].exit.read.in_features == 8 + 4 + 6
    assert network.experts[0].exit.read.in_features == 4
    given = numbers(3, 1, 16, 16)
    with torch.no_grad():
        trunk = network.trunk(given)
        first = network.experts[0](trunk)
        pooled = [state.hidden.mean(dim=(2, 3)) for state in (trunk, first)]
        torch.testing.assert_close(first.earlier, torch.cat(pooled, dim=1))


def test_rival_gates_share_one_case_among_them() -> None:
    """Two rivals on the stem and one below: gates of rivals sum to 1, alone it is 1."""
    experts = (
        ExpertSpec("a", "dense", 3, gate="choice"),
        ExpertSpec("b", "dense", 3, gate="choice"),
        ExpertSpec("c", "dense", 3, parent="a", gate="choice"),
        ExpertSpec("d", "dense", 3, gate="learned"),
    )
    network = Network(ModelSpec((5,), 2, 2, StemSpec("tabular"), experts)).eval()
    with torch.no_grad():
        gates = network.evidence(numbers(6, 5)).gates
    torch.testing.assert_close(gates[:, 0] + gates[:, 1], torch.ones(6))
    torch.testing.assert_close(gates[:, 2], torch.ones(6))
    assert gates[:, 0].std() > 0.01


def test_a_gain_gate_hears_the_running_decision() -> None:
    experts = (ExpertSpec("a", "dense", 3, gate="gain"),)
    network = Network(ModelSpec((5,), 2, 2, StemSpec("tabular"), experts)).eval()
    gate = network.experts[0].learned_gate
    assert gate is not None
    assert gate.read.in_features == 5 + 2 + 1
    with torch.no_grad():
        network.head.weights.fill_(2.0)
        gate.read.weight.zero_()
        gate.read.weight[0, -1] = 1.0
        gate.read.bias.zero_()
        trunk = network.trunk(numbers(4, 5))
        expected = torch.sigmoid(network.head.doubt(trunk.logits))
        torch.testing.assert_close(network.gates_behind(-1, trunk)[0], expected)
    # Base exit 5 x 2, head 2, the gate 8, and one more head for the doubt that it hears.
    assert cost_table(network).base == 10 + 2 + 8 + 2


def test_missing_inputs_reach_only_stems_that_take_them() -> None:
    lacking = np.array([[1, math.nan, 3]], np.float32)
    for missing in (True, False):
        network = Network(ModelSpec((3,), 1, 2, StemSpec("tabular", missing=missing)))
        if missing:
            assert np.isfinite(run(network, ("a",), lacking, ("one",)).base).all()
        else:
            with pytest.raises(UserError, match="inputs must be finite, got NaN"):
                run(network, ("a",), lacking, ("one",))


@pytest.mark.parametrize("missing", [True, False])
def test_a_number_may_be_missing_only_where_the_stem_takes_it(missing: bool) -> None:
    """A column with levels says a missing cell by itself; the numbers beside it do not."""
    spec = ModelSpec((2,), 1, 2, StemSpec("tabular", levels=(0, 3), missing=missing))
    run(Network(spec), ("a",), np.array([[1, math.nan]], np.float32), ("one",))
    number = np.array([[math.nan, 1]], np.float32)
    if missing:
        assert np.isfinite(run(Network(spec), ("a",), number, ("one",)).base).all()
    else:
        with pytest.raises(UserError, match="inputs must be finite, got NaN or infinity in row 0"):
            run(Network(spec), ("a",), number, ("one",))


def test_a_number_too_large_for_the_network_is_refused() -> None:
    """It is read in single precision, where it would be infinite."""
    network = Network(ModelSpec((1,), 1, 2, StemSpec("tabular")))
    with pytest.raises(UserError, match="inputs must be finite, got NaN or infinity in row 1"):
        run(network, ("a", "b"), np.array([[1.0], [1e300]]), ("one",))


def test_a_binary_concept_is_exactly_0_or_1_and_learns_as_a_graded_one() -> None:
    spec = ModelSpec((3,), 1, 2, StemSpec("tabular"), binary=True, residual=True)
    outputs = torch.linspace(-4, 4, 161)[:, None].repeat(1, 2).requires_grad_()
    activations = Network(spec).head.activate(outputs)
    assert torch.equal(activations[:, 0], (outputs[:, 0] >= 0).float())
    assert torch.equal(activations[:, 1], outputs[:, 1])
    activations[:, 0].sum().backward()
    graded = torch.sigmoid(outputs.detach()[:, 0])
    torch.testing.assert_close(outputs.grad[:, 0], graded * (1 - graded))
