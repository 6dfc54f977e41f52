"""Price and importance of units: torch's own counter, finite differences, hand-made weights."""

import numpy as np
import pytest
import torch
from hypothesis import Phase, given, reject, settings
from hypothesis import strategies as st
from test_shrink import evidence, random_choice, random_network, specs_that_read

from minspnet.cost import cost_table
from minspnet.errors import UserError
from minspnet.network import Network
from minspnet.sparsity.importance import magnitude, norm_scale, reading_norms, taylor
from minspnet.sparsity.price import price_of
from minspnet.sparsity.shrink import settled, shrunk
from minspnet.sparsity.units import Place, units_of
from minspnet.spec import ExpertSpec, ModelSpec, StemSpec


@settings(phases=[Phase.generate])  # to shrink such specs takes minutes
@given(specs_that_read(), st.integers(0, 99))
def test_price_is_that_of_the_network_that_is_left(spec: ModelSpec, seed: int) -> None:
    """Against torch's counter, run on the smaller network itself."""
    network = random_network(spec, seed)
    units = units_of(network)
    price = price_of(network, units)
    try:
        kept = settled(network, units, random_choice(units, seed, 0.6))
    except UserError:
        reject()
    total = cost_table(network).total
    assert price.macs(np.ones(units.count, dtype=bool)) == total
    assert price.macs(kept) == cost_table(shrunk(network, units, kept)).total


def two_readers() -> Network:
    """Two columns, a base exit and a dense expert of two units, weights set by hand."""
    spec = ModelSpec((2,), 1, 2, StemSpec("tabular"), (ExpertSpec("e", "dense", 2, reading="add"),))
    network = Network(spec).eval()
    state = {
        "base_exit.read.weight": [[3.0, 0.0]],
        "experts.0.block.steps.0.layers.0.weight": [[4.0, 1.0], [0.0, 2.0]],
        "experts.0.block.steps.0.layers.0.bias": [1.0, 0.0],
        "experts.0.exit.read.weight": [[2.0, -1.0]],
    }
    with torch.no_grad():
        for name, values in state.items():
            network.get_parameter(name).copy_(torch.tensor(values))
    return network


def test_norms_of_weights_are_those_on_paper() -> None:
    """Column 0 is read by 3, 4 and 0, column 1 by 0, 1 and 2; the units by 2 and -1.

    A unit's L1 norm counts its row and bias too: 4 + 1 + 1 + 2 and 0 + 2 + 0 + 1.
    """
    network = two_readers()
    units = units_of(network)
    columns, inner = units.places[Place(-1, "columns")], units.places[Place(0, "out")]
    norms = reading_norms(network, units)
    np.testing.assert_allclose(norms[columns] ** 2, [25, 5])
    np.testing.assert_allclose(norms[inner], [2, 1])
    np.testing.assert_allclose(magnitude(network, units, power=1)[inner], [8 / 5.5, 3 / 5.5])


def test_price_of_two_readers_on_paper() -> None:
    """Base 2 + block 4 + exit 2 MACs, and 1 each for the head and the doubt.

    Without a column 1 + 2 are saved, without a unit 2 + 1.
    """
    network = two_readers()
    units = units_of(network)
    price = price_of(network, units)
    everything = np.ones(units.count, dtype=bool)
    assert price.macs(everything) == 10
    free = np.flatnonzero(units.free)
    np.testing.assert_array_equal(price.savings(everything)[free], [3, 3, 3, 3])


@pytest.mark.parametrize("kind", ["tabular", "image"])
def test_taylor_is_the_slope_towards_silence(kind: str) -> None:
    """Against a finite difference: every weight that reads the unit is scaled by 1 - h."""
    shape = (4,) if kind == "tabular" else (1, 8, 8)
    block = "dense" if kind == "tabular" else "inverted_bottleneck"
    experts = (ExpertSpec("a", block, 5, activation="silu"), ExpertSpec("b", block, 5, parent="a"))
    network = random_network(ModelSpec(shape, 2, 2, StemSpec(kind, 5), experts)).double()
    inputs = torch.randn(6, *shape, generator=torch.Generator().manual_seed(1)).double()

    def loss(network: Network) -> torch.Tensor:
        found = network.evidence(inputs)
        return (found.base + found.contributions.sum(1)).square().mean()

    units = units_of(network)
    scores = taylor(network, units, loss)
    assert (scores[units.free] > 0).mean() > 0.7
    step = 1e-5
    for unit in np.flatnonzero(units.free)[::3]:
        values = []
        for scale in (1 - step, 1 + step):
            copy = random_network(network.spec).double()
            with torch.no_grad():
                for name, parameter in copy.named_parameters():
                    axes = units.axes.get(name, ())
                    if len(axes) > 1 and axes[1] is not None:
                        parameter[:, axes[1] == unit] *= scale
                values.append(float(loss(copy)))
        slope = (values[1] - values[0]) / (2 * step)
        assert scores[unit] == pytest.approx(slope**2, rel=1e-4, abs=1e-12)


def test_norm_scale_ranks_by_scale_and_refuses_tables() -> None:
    network = random_network(ModelSpec((1, 8, 8), 1, 2, StemSpec("image", 3, 2)))
    with torch.no_grad():
        network.stem.layers[1].weight.copy_(torch.tensor([0.5, -2.0, 0.5]))
    units = units_of(network)
    scores = norm_scale(network, units)[units.places[Place(-1, "out")]]
    np.testing.assert_allclose(scores, [0.5, 2, 0.5])
    table = two_readers()
    with pytest.raises(UserError, match=r"^units scored by their norm's scale must be normalised"):
        norm_scale(table, units_of(table))


def test_watching_leaves_no_trace() -> None:
    network = two_readers()
    before = evidence(network)
    price_of(network, units_of(network))
    assert not any(module._forward_hooks for module in network.modules())
    torch.testing.assert_close(evidence(network).base, before.base)
