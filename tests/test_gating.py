"""Gates in training: as often open as they say, and with a gradient."""

import numpy as np
import pytest
import torch
from scipy.special import expit, logit

from minspnet.training.gating import (
    chosen_rival,
    hard_concrete_gates,
    open_probability,
    practised_gates,
    straight_through_gates,
)


@pytest.mark.parametrize("gate", [0.1, 0.5, 0.9])
def test_straight_through_gates_open_as_often_as_they_say(gate: float) -> None:
    gates = torch.full((4000, 1), gate, requires_grad=True)
    opened = straight_through_gates(gates, torch.Generator().manual_seed(0))
    assert torch.allclose(opened, opened.round(), atol=1e-6)
    assert opened.mean().item() == pytest.approx(gate, abs=0.02)
    opened.sum().backward()
    assert (gates.grad >= 0).all() and gates.grad.mean() > 0.1


def test_certain_gates_stay_finite() -> None:
    gates = torch.tensor([[0.0, 1.0]], requires_grad=True)
    opened = straight_through_gates(gates, torch.Generator().manual_seed(0))
    assert opened.round().tolist() == [[0, 1]]
    opened.sum().backward()
    assert torch.isfinite(gates.grad).all()


@pytest.mark.parametrize("gate", [0.1, 0.5, 0.9])
def test_hard_concrete_gates_are_shut_open_and_between_as_often_as_the_paper_says(
    gate: float,
) -> None:
    """Louizos et al.: with u uniform, z = clip(1.2 sigmoid((logit u + logit g) 3/2) - 0.1, 0, 1).

    So z > 0 where the sigmoid exceeds 1/12, which is where logit u > 2/3 logit(1/12) - logit g.
    """
    gates = torch.full((20000, 1), gate, requires_grad=True)
    opened = hard_concrete_gates(gates, torch.Generator().manual_seed(0))
    chances = {
        "open": expit(logit(gate) - 2 / 3 * logit(1 / 12)),
        "full": expit(logit(gate) - 2 / 3 * logit(11 / 12)),
    }
    assert (opened > 0).float().mean().item() == pytest.approx(chances["open"], abs=0.01)
    assert (opened == 1).float().mean().item() == pytest.approx(chances["full"], abs=0.01)
    said = open_probability(gates.detach()[:1], "hard_concrete").item()
    assert said == pytest.approx(chances["open"], rel=1e-5)
    opened.sum().backward()
    between = (opened > 0) & (opened < 1)
    assert (gates.grad[between] > 0).all() and (gates.grad[~between] == 0).all()


def test_soft_gates_weigh_and_draw_nothing() -> None:
    gates = torch.tensor([[0.2, 0.7]])
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    assert torch.equal(practised_gates(gates, "sigmoid", generator), gates)
    assert torch.equal(generator.get_state(), before)
    for noise in ("sigmoid", "straight_through"):
        assert torch.equal(open_probability(gates, noise), gates)


def test_the_recipe_names_the_noise() -> None:
    gates = torch.from_numpy(np.linspace(0.05, 0.95, 50, dtype=np.float32))[:, None]
    named = {
        noise: practised_gates(gates, noise, torch.Generator().manual_seed(1))
        for noise in ("straight_through", "hard_concrete")
    }
    again = torch.Generator().manual_seed(1)
    assert torch.equal(named["straight_through"], straight_through_gates(gates, again))
    assert torch.equal(
        named["hard_concrete"], hard_concrete_gates(gates, torch.Generator().manual_seed(1))
    )


def test_one_rival_is_chosen_as_often_as_its_gate_says() -> None:
    gates = torch.tensor([[0.2, 0.5, 0.3]]).repeat(6000, 1).requires_grad_()
    opened = chosen_rival(gates, "straight_through", torch.Generator().manual_seed(0))
    assert torch.allclose(opened.sum(dim=1), torch.ones(6000), atol=1e-5)
    assert torch.allclose(opened, opened.round(), atol=1e-5)
    assert opened.mean(dim=0).tolist() == pytest.approx([0.2, 0.5, 0.3], abs=0.02)
    (opened[:, 1] * 3.0).sum().backward()
    assert gates.grad[:, 1].mean() > 0.1
    assert chosen_rival(gates, "sigmoid", torch.Generator()) is gates


def test_a_rival_that_is_out_of_the_question_is_never_chosen() -> None:
    gates = torch.tensor([[0.0, 1.0]]).repeat(500, 1).requires_grad_()
    opened = chosen_rival(gates, "straight_through", torch.Generator().manual_seed(0))
    assert opened[:, 1].min().item() == pytest.approx(1)
    opened[:, 0].sum().backward()
    assert torch.isfinite(gates.grad).all()
