"""Pruning for a budget, regrowth, tickets and selected inputs."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from test_price import two_readers
from test_shrink import assert_same, evidence, random_network

from minspnet.cost import cost_table
from minspnet.errors import UserError
from minspnet.network import Network
from minspnet.recipe import TrainSpec
from minspnet.sparsity.compress import (
    cheapest_first,
    cost_shares,
    initial,
    lottery,
    prune_and_tune,
    pruned,
    steps_down,
    taylor_of,
)
from minspnet.sparsity.importance import magnitude
from minspnet.sparsity.price import price_of
from minspnet.sparsity.regrowth import Regrowth, random_units
from minspnet.sparsity.selection import GroupLasso, selected
from minspnet.sparsity.shrink import shrunk
from minspnet.sparsity.units import Place, units_of
from minspnet.spec import ExpertSpec, ModelSpec, StemSpec
from minspnet.training.train import TrainingData, train

SHORT = TrainSpec(epochs=3, batch_size=32, learning_rate=0.02)
PICTURES = ModelSpec(
    (1, 12, 12),
    2,
    2,
    StemSpec("image", 8),
    (
        ExpertSpec("a", "inverted_bottleneck", 8, squeeze=2, repeats=2),
        ExpertSpec("b", "inverted_bottleneck", 6, parent="a", stride=2),
    ),
)


def test_the_unit_that_matters_least_per_mac_goes_first() -> None:
    """Four units cost 3 MACs each; dropping one leaves 7, a second on the other side 5."""
    network = two_readers()
    units = units_of(network)
    price = price_of(network, units)
    columns, inner = units.places[Place(-1, "columns")], units.places[Place(0, "out")]
    scores = np.full(units.count, 9.0)
    scores[columns], scores[inner] = [4, 3], [1, 2]
    kept = cheapest_first(network, units, price, scores, 7)
    assert kept[inner].tolist() == [False, True] and kept[columns].all()
    kept = cheapest_first(network, units, price, scores, 6)
    assert kept[inner].tolist() == [False, True] and kept[columns].tolist() == [True, False]
    assert price.macs(kept) == 5
    with pytest.raises(UserError, match=r"^budget of MACs must be 5 or more for this network, got"):
        cheapest_first(network, units, price, scores, 4)


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_pruned_networks_keep_to_their_budget(share: float) -> None:
    network = random_network(PICTURES)
    total = cost_table(network).total
    child = pruned(network, magnitude, share * total)
    assert 0.8 * share * total < cost_table(child).total <= share * total


def test_budgets_fall_by_equal_shares() -> None:
    network = random_network(PICTURES)
    total = cost_table(network).total
    np.testing.assert_allclose(steps_down(network, total / 8, 3), [total / 2, total / 4, total / 8])


def test_pruning_keeps_what_matters(training_data: TrainingData) -> None:
    """Only 3 of 5 columns say anything: half the network must do as well, on those columns."""
    spec = ModelSpec((5,), 3, 2, StemSpec("tabular", 12), (ExpertSpec("e", "dense", 12),))
    recipe = replace(SHORT, epochs=20)
    costs = cost_shares(Network(spec))
    network = train(spec, recipe, training_data, costs, seed=0)
    taylor = taylor_of(recipe, training_data, classes=2, seed=0)
    budgets = steps_down(network, cost_table(network).total / 3, 2)
    child = prune_and_tune(network, taylor, budgets, recipe, training_data, seed=0)
    assert cost_table(child).total <= budgets[-1]
    assert {0, 1, 2} <= set(child.spec.stem.reads or range(5))
    inputs = torch.from_numpy(training_data.inputs)
    with torch.no_grad():
        found = child.evidence(inputs)
        outputs = found.base + found.contributions.sum(1)
    concepts = torch.sigmoid(outputs).numpy()
    for k in range(3):
        assert np.corrcoef(concepts[:, k], training_data.concepts[:, k])[0, 1] > 0.9


# --- Tickets -----------------------------------------------------------------------------


def test_the_first_weights_are_those_that_training_begins_with(
    small_spec: ModelSpec, training_data: TrainingData
) -> None:
    still = replace(SHORT, epochs=1, learning_rate=0.0, weight_decay=0.0)
    shares = np.array([0.3, 0.2])
    trained = train(small_spec, still, training_data, shares, seed=5)
    first = initial(small_spec, still, training_data, seed=5)
    for (name, one), other in zip(first.named_parameters(), trained.parameters(), strict=True):
        assert name.startswith("head") or torch.equal(one, other), name


@pytest.mark.parametrize("rewind", [0, 4])
def test_a_ticket_holds_early_weights_of_units_that_matter_late(
    rewind: int, small_spec: ModelSpec, training_data: TrainingData
) -> None:
    """Each row of the ticket's block is a row of the early one, at the columns that are left."""
    total = cost_table(Network(small_spec)).total
    early, trained = lottery(
        small_spec, magnitude, [0.7 * total, 0.4 * total], SHORT, training_data, 3, rewind
    )
    assert early.spec == trained.spec != small_spec
    assert cost_table(early).total <= 0.4 * total
    first = initial(small_spec, SHORT, training_data, seed=3)

    def rows(network: Network) -> np.ndarray:
        return network.get_parameter("stem.widen.0.bias").detach().numpy()

    found = np.isin(rows(early), rows(first))
    assert found.all() if rewind == 0 else not found.any()
    assert not np.isin(rows(trained), rows(early)).any()


# --- Regrowth ----------------------------------------------------------------------------


def test_density_never_changes_and_nothing_dropped_is_grown(training_data: TrainingData) -> None:
    spec = ModelSpec(
        (5,), 3, 2, StemSpec("tabular", 12), (ExpertSpec("e", "dense", 12, repeats=2),)
    )
    network = initial(spec, SHORT, training_data, seed=0)
    units = units_of(network)
    hook = Regrowth(network, random_units(units, 0.5, seed=1), interval=3, fraction=0.5)
    hook.silence(network)
    price = price_of(network, units)
    macs, was, counts = price.macs(hook.kept), hook.kept.copy(), []

    def after(network: Network, step: int, steps: int) -> None:
        before = hook.kept.copy()
        hook(network, step, steps)
        assert price.macs(hook.kept) == macs
        counts.append((before & ~hook.kept).sum())
        assert counts[-1] == (hook.kept & ~before).sum()

    recipe = replace(SHORT, epochs=6)
    trained = train(spec, recipe, training_data, np.ones(1), 0, start=network, after_step=after)
    assert (hook.kept != was).any()
    for dropped, grown in hook.updates:
        assert len(dropped) == len(grown) and not set(dropped) & set(grown)
    exchanged = [len(dropped) for dropped, _ in hook.updates]
    assert exchanged[0] > exchanged[-1]
    assert len(exchanged) == len([s for s in range(1, 30) if s % 3 == 0 and s < 0.75 * 30])
    child = shrunk(trained, units, hook.kept)
    assert cost_table(child).total == macs
    assert_same(evidence(child), evidence(trained))


def test_the_unit_that_the_loss_asks_for_grows() -> None:
    """Four units, two on with weights 1 and 3; of those off, the last one's gradient is larger."""
    network = Network(ModelSpec((1,), 1, 2, StemSpec("tabular", 4)))
    units = units_of(network)
    place = Place(-1, "out")
    hook = Regrowth(network, units.keep({place: (0, 1)}))
    reader = network.base_exit.read.weight
    with torch.no_grad():
        reader.copy_(torch.tensor([[1.0, 3.0, 0.0, 0.0]]))
    reader.grad = torch.tensor([[9.0, 9.0, 0.1, -0.5]])
    hook.exchange(network, 0.5)
    assert hook.kept[units.places[place]].tolist() == [False, True, False, True]
    hook.silence(network)
    assert reader.tolist() == [[0, 3, 0, 0]]


def test_random_units_keep_a_share_of_every_width() -> None:
    network = random_network(PICTURES)
    units = units_of(network)
    kept = random_units(units, 0.5, seed=0)
    child = shrunk(network, units, kept)
    assert child.spec.stem.width == 4 and child.spec.stem.inner == (2,)
    assert [(e.width, e.inner) for e in child.spec.experts] == [(4, 0), (3, 0)]
    with pytest.raises(UserError, match=r"^density must be more than 0"):
        random_units(units, 0, seed=0)
    with pytest.raises(UserError, match=r"^interval, fraction and until must be"):
        Regrowth(network, kept, interval=0)


# --- Selected inputs ---------------------------------------------------------------------


def test_soft_thresholding_on_paper() -> None:
    """Columns are read with norms 5 and sqrt(5); a threshold of 2.5 halves one, ends the other."""
    network = two_readers()
    GroupLasso(network, 2.5)(network, 1, 1)
    assert network.base_exit.read.weight.tolist() == [[1.5, 0]]
    assert network.get_parameter("experts.0.block.steps.0.layers.0.weight").tolist() == [
        [2, 0],
        [0, 0],
    ]
    child = selected(network)
    assert child.spec.stem.reads == (0,)
    torch.testing.assert_close(
        child.evidence(torch.ones(1, 2)).base, network.evidence(torch.ones(1, 2)).base
    )


def test_each_expert_stops_reading_on_its_own() -> None:
    """The block's columns have norms 4 and sqrt(5), and only these are touched."""
    network = two_readers()
    GroupLasso(network, 3.0, per_expert=True)(network, 1, 1)
    assert network.base_exit.read.weight.tolist() == [[3, 0]]
    child = selected(network, per_expert=True)
    assert child.spec.experts[0].reads == (0,) and child.spec.stem.reads == ()
    assert_same(evidence(child), evidence(network))
    spared = two_readers()
    GroupLasso(spared, 100.0, per_expert=True, spare=1)(spared, 1, 1)
    assert spared.get_parameter("experts.0.block.steps.0.layers.0.weight").tolist() == [
        [4, 0],
        [0, 0],
    ]
    with pytest.raises(UserError, match=r"^threshold must be 0 or more"):
        GroupLasso(network, -1.0)


def test_lasso_finds_the_columns_that_say_something(training_data: TrainingData) -> None:
    """Concepts are graded by the first three columns, the other two are noise."""
    spec = ModelSpec((5,), 3, 2, StemSpec("tabular"), (ExpertSpec("e", "dense", 6),))
    lasso = GroupLasso(Network(spec), 0.01)
    recipe = replace(SHORT, epochs=30)
    trained = train(spec, recipe, training_data, np.ones(1) / 2, 0, after_step=lasso)
    child = selected(trained)
    assert child.spec.stem.reads == (0, 1, 2)
    assert_same(evidence(child), evidence(trained))
    assert {*selected(trained, at_most=2).spec.stem.reads} < {0, 1, 2}
