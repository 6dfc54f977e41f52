"""Shrinking: a smaller network that computes what its masked parent does."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import Phase, given, reject, settings
from hypothesis import strategies as st
from test_spec import model_specs
from torch import nn

from minspnet.cost import cost_table
from minspnet.errors import UserError
from minspnet.network import Evidence, Network
from minspnet.sparsity.removal import without_experts, without_layers
from minspnet.sparsity.shrink import masked, settled, shrunk
from minspnet.sparsity.units import Kept, Place, Units, units_of
from minspnet.spec import ExpertSpec, ModelSpec, StemSpec


def random_network(spec: ModelSpec, seed: int = 0) -> Network:
    """Weights, scales and statistics that no two channels share."""
    generator = torch.Generator().manual_seed(seed)
    network = Network(spec).eval()
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith("running_var"):
                tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
            elif tensor.is_floating_point() and "standardise" not in name:
                fan_in = max(1, tensor.shape[1:].numel()) if tensor.ndim > 1 else 4
                tensor.copy_(torch.randn(tensor.shape, generator=generator) / fan_in**0.5)
        network.head.temperature.fill_(1.3)
        network.head.sharpness.fill_(0.7)
    return network


def evidence(network: Network, seed: int = 0) -> Evidence:
    shape = (5, *network.spec.input_shape)
    with torch.no_grad():
        return network.evidence(torch.randn(shape, generator=torch.Generator().manual_seed(seed)))


def assert_same(found: Evidence, expected: Evidence) -> None:
    for name in ("gates", "base", "contributions"):
        torch.testing.assert_close(
            getattr(found, name), getattr(expected, name), atol=1e-5, rtol=1e-5, msg=name
        )


def random_choice(units: Units, seed: int, share: float) -> Kept:
    """Keep a share of the free units, and one wherever a place would be left empty."""
    generator = np.random.default_rng(seed)
    kept = ~units.free | (generator.random(units.count) < share)
    for labels in units.places.values():
        if len(labels) and not kept[labels].any():
            kept[generator.choice(labels)] = True
    return kept


@st.composite
def specs_that_read(draw: st.DrawFn) -> ModelSpec:
    """Any spec; in some, experts read a part of their parent's features."""
    spec = draw(model_specs())
    for index, expert in enumerate(spec.experts):
        shape = Network(spec).experts[index].given_shape
        reads = tuple(draw(st.permutations(range(shape[0]))))[: draw(st.integers(0, shape[0]))]
        experts = list(spec.experts)
        experts[index] = replace(expert, reads=reads)
        spec = replace(spec, experts=tuple(experts))
    return spec


@settings(max_examples=40, phases=[Phase.generate])  # to shrink such specs takes minutes
@given(specs_that_read(), st.integers(0, 999), st.sampled_from([0.2, 0.5, 0.8]), st.booleans())
def test_pruned_networks_equal_their_masked_parents(
    spec: ModelSpec, seed: int, share: float, reads_apart: bool
) -> None:
    parent = random_network(spec, seed)
    units = units_of(parent, reads_apart)
    kept = random_choice(units, seed, share)
    try:
        settled(parent, units, kept)
    except UserError:  # nothing is left that an expert could read
        reject()
    child = shrunk(parent, units, kept)
    assert_same(evidence(child), evidence(masked(parent, units, kept)))
    dropped = (~settled(parent, units, kept)).sum()
    assert child.parameters_count <= parent.parameters_count - dropped
    assert cost_table(child).total <= cost_table(parent).total


def test_what_a_reader_cannot_do_without_is_kept_by_those_it_reads() -> None:
    """A softmax over columns needs all of them, and so must the expert that passes them on."""
    passing = ExpertSpec("passing", "none", 1, reads=(2, 0, 1))
    attending = ExpertSpec("attending", "none", 1, parent="passing", pooling="attention")
    last = ExpertSpec("last", "dense", 2, parent="attending")
    spec = ModelSpec((4,), 1, 2, StemSpec("tabular"), (passing, attending, last))
    units = units_of(random_network(spec), reads_apart=True)
    free = {node: units.free[units.places[Place(node, "reads")]].tolist() for node in range(3)}
    assert free == {0: [False] * 3, 1: [False] * 3, 2: [True] * 3}


@given(specs_that_read(), st.booleans())
def test_keeping_everything_changes_nothing(spec: ModelSpec, reads_apart: bool) -> None:
    parent = random_network(spec)
    units = units_of(parent, reads_apart)
    child = shrunk(parent, units, np.ones(units.count, dtype=bool))
    assert child.spec == spec
    for one, other in zip(child.state_dict().values(), parent.state_dict().values(), strict=True):
        assert torch.equal(one, other)


# --- Whole layers and whole experts -----------------------------------------------------


def dropping_layers(network: Network, node: int, layers: tuple[int, ...]) -> None:
    """Let some layers of a block add nothing, in place."""
    for index in layers:
        step = network.experts[node].block.steps[index]
        step.layers.append(Zero())


class Zero(nn.Module):
    def forward(self, given: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(given)


DEEP = ExpertSpec("deep", "inverted_bottleneck", 4, stride=1, repeats=4, squeeze=2, inner=6)


@pytest.mark.parametrize("layers", [(1,), (2, 3), (0, 1, 3)])
def test_a_layer_less_is_a_layer_that_adds_nothing(layers: tuple[int, ...]) -> None:
    after = ExpertSpec("after", "separable", 3, parent="deep", fuse=True)
    parent = random_network(
        ModelSpec((1, 12, 12), 2, 2, StemSpec("image", 4), (DEEP, after), residual=True)
    )
    child = without_layers(parent, "deep", *layers)
    assert child.spec.experts[0].repeats == 4 - len(layers)
    assert child.parameters_count < parent.parameters_count
    dropping_layers(parent, 0, layers)
    assert_same(evidence(child), evidence(parent))


def test_a_shared_layer_is_applied_less_often() -> None:
    shared = replace(DEEP, shared=True)
    parent = random_network(ModelSpec((1, 12, 12), 2, 2, StemSpec("image", 4), (shared,)))
    child = without_layers(parent, "deep", 3)
    block = parent.experts[0].block
    block.steps = nn.ModuleList(list(block.steps)[:3])
    assert_same(evidence(child), evidence(parent))


def test_layers_that_do_not_add_stay() -> None:
    parent = random_network(
        ModelSpec((4,), 2, 2, StemSpec("tabular"), (ExpertSpec("a", "dense", 4, repeats=2),))
    )
    with pytest.raises(UserError, match=r"^layers dropped from a must be among \[1\], which add"):
        without_layers(parent, "a", 0)


@given(specs_that_read(), st.data())
def test_an_expert_less_leaves_the_others_as_they_are(spec: ModelSpec, data: st.DataObject) -> None:
    parent = random_network(spec)
    names = tuple(expert.name for expert in spec.experts)
    going = data.draw(st.sets(st.sampled_from(names))) if names else set()
    child = without_experts(parent, *going)
    stay = [n for n in range(len(names)) if not {names[a] for a in parent.tree.path(n)} & going]
    assert child.tree.names == tuple(names[n] for n in stay)
    found, whole = evidence(child), evidence(parent)
    torch.testing.assert_close(found.base, whole.base)
    # Rivals share one softmax: where one of them is gone, the others' gates rise.
    bereaved = {e.parent for e in spec.experts if e.name in going and e.gate == "choice"}
    kept = [
        place
        for place, n in enumerate(stay)
        if spec.experts[n].gate != "choice" or spec.experts[n].parent not in bereaved
    ]
    torch.testing.assert_close(found.gates[:, kept], whole.gates[:, [stay[k] for k in kept]])
    torch.testing.assert_close(found.contributions, whole.contributions[:, stay])


def test_rivals_of_an_expert_that_goes_share_its_gate() -> None:
    rivals = tuple(ExpertSpec(name, "dense", 4, gate="choice") for name in "abc")
    parent = random_network(ModelSpec((4,), 2, 2, StemSpec("tabular"), rivals))
    left, whole = evidence(without_experts(parent, "a")).gates, evidence(parent).gates[:, 1:]
    torch.testing.assert_close(left, whole / whole.sum(dim=1, keepdim=True))


def test_unknown_experts_are_refused() -> None:
    parent = random_network(
        ModelSpec((4,), 2, 2, StemSpec("tabular"), (ExpertSpec("a", "dense", 4),))
    )
    for refuse in (lambda: without_experts(parent, "b"), lambda: without_layers(parent, "b", 0)):
        with pytest.raises(UserError, match=r"^expert must be one of a, got b; check the spelling"):
            refuse()


def test_an_expert_whose_weights_another_uses_stays() -> None:
    experts = (ExpertSpec("a", "dense", 4), ExpertSpec("b", "dense", 4, weights_of="a"))
    parent = random_network(ModelSpec((4,), 2, 2, StemSpec("tabular"), experts))
    with pytest.raises(UserError, match=r"^dropped experts must hold no weights that b uses"):
        without_experts(parent, "a")
    assert without_experts(parent, "b").tree.names == ("a",)


# --- Masks on features, a second opinion ------------------------------------------------


def test_units_dropped_are_features_set_to_zero() -> None:
    """The mask on weights against hooks that silence the features themselves.

    The stem gives channels 0 to 5; "keep" adds to them, so that both lose the same ones, and
    "use" applies the block of "keep" again. "part" reads stem channels 1, 2 and 5.
    """
    block = "inverted_bottleneck"
    experts = (
        ExpertSpec("keep", block, 6, inner=8, squeeze=2),
        ExpertSpec("use", block, 6, "keep", inner=8, squeeze=2, weights_of="keep", fuse=True),
        ExpertSpec("part", "separable", 4, reads=(1, 2, 5), gate="learned", rank=2, hidden=3),
    )
    parent = random_network(ModelSpec((2, 16, 16), 2, 3, StemSpec("image", 6), experts))
    units = units_of(parent)
    places = {Place(-1, "out"): (0, 2, 5), Place(0, "inner"): (1, 3, 4, 6), Place(2, "out"): (3,)}
    kept = units.keep(places)
    child = shrunk(parent, units, kept)
    assert [e.width for e in child.spec.experts] == [3, 3, 1]
    assert [e.inner for e in child.spec.experts] == [4, 4, 0]
    assert child.spec.stem.width == 3
    assert child.spec.experts[2].reads == (1, 2)

    def silence(module: nn.Module, stay: tuple[int, ...], grid: int = 1) -> None:
        def hook(_: nn.Module, __: object, out: torch.Tensor) -> torch.Tensor:
            mask = torch.zeros(out.shape[1] // grid)
            mask[list(stay)] = 1
            return out * mask.repeat_interleave(grid).view(1, -1, *(1,) * (out.ndim - 2))

        module.register_forward_hook(hook)

    stem, inner = (0, 2, 5), (1, 3, 4, 6)
    silence(parent.stem, stem)
    silence(parent.base_exit.pool, stem, grid=9)
    layers = parent.experts[0].block.steps[0].layers
    silence(layers[5], inner)
    settle = settled(parent, units, kept)
    silence(layers[6].gate[1], tuple(np.flatnonzero(settle[units.places[Place(0, "squeeze")]])))
    for expert in parent.experts[:2]:
        silence(expert.exit.pool, stem)
    silence(parent.experts[0].block, stem)
    silence(parent.experts[2].block.steps[0].layers[2], (1, 2))
    silence(parent.experts[2].block, (3,))
    silence(parent.experts[2].exit.pool, (3,))
    silence(parent.experts[2].learned_gate.pool, stem)
    assert_same(evidence(child), evidence(parent))


def test_who_shares_a_block_reads_as_little_of_it() -> None:
    experts = (ExpertSpec("a", "dense", 3), ExpertSpec("b", "dense", 3, weights_of="a"))
    parent = random_network(ModelSpec((4,), 2, 2, StemSpec("tabular"), experts))
    units = units_of(parent, reads_apart=True)
    kept = units.keep({Place(0, "reads"): (0, 2, 3)})
    child = shrunk(parent, units, kept)
    assert [e.reads for e in child.spec.experts] == [(0, 2, 3), (0, 2, 3)]
    assert child.experts[0].block is child.experts[1].block
    assert_same(evidence(child), evidence(masked(parent, units, kept)))


def test_what_must_stay_is_refused() -> None:
    parent = random_network(
        ModelSpec((3,), 1, 2, StemSpec("tabular", 4), base_pooling="attention", base_grid=1)
    )
    units = units_of(parent)
    with pytest.raises(UserError, match=r"^dropped units must be free to go"):
        units.keep({Place(-1, "out"): (0,)})
    with pytest.raises(UserError, match=r"^kept channels must leave one or more at every place"):
        units.keep({Place(-1, "columns"): ()})
    with pytest.raises(UserError, match=r"be among the 3 that it has, got \(3,\)"):
        units.keep({Place(-1, "columns"): (3,)})
    assert shrunk(parent, units, units.keep({Place(-1, "columns"): (2,)})).spec.stem.reads == (2,)
