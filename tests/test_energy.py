"""Energy by part: what is counted belongs to who fetches it."""

import numpy as np
import pytest
from forests import Forest

from minspnet.cost import cost_table
from minspnet.energy import energy, weights_by_part
from minspnet.metrics import CostTable
from minspnet.trace import ExpertTree


def test_every_stored_number_is_fetched_by_somebody(forest: Forest) -> None:
    weights = {name: tensor.numpy() for name, tensor in forest.network.state_dict().items()}
    base, experts = weights_by_part(weights, forest.trace.tree)
    assert base + sum(experts) == sum(array.size for array in weights.values())
    assert base > 0 and min(experts) > 0
    assert len(experts) == len(cost_table(forest.network).experts)


def test_gates_belong_to_the_node_before_them() -> None:
    weights = {
        "stem.weight": np.zeros(10),
        "experts.0.block.weight": np.zeros(7),
        "experts.0.learned_gate.read.weight": np.zeros(2),
        "experts.1.block.weight": np.zeros(5),
        "experts.1.learned_gate.read.weight": np.zeros(3),
    }
    assert weights_by_part(weights, ExpertTree(("a", "b"), (-1, 0))) == (12, (10, 5))


def test_energy_by_hand() -> None:
    """1,000 MACs are 4.6 nJ, 100 weights 64 nJ."""
    price = energy(CostTable(1000, (2000,)), 100, (10,))
    assert price.unit == "nJ"
    assert (price.base, *price.experts) == pytest.approx((68.6, 15.6))
    assert price.of(np.array([[False], [True]])) == pytest.approx([68.6, 84.2])
