"""The named networks: what the guide's example is made of, and what its size is."""

import pytest
import torch

from minspnet.domains import DOMAINS
from minspnet.layers.blocks import SqueezeExcitation
from minspnet.network import Network
from minspnet.presets import guide, preset


def test_every_task_has_a_recipe_that_builds() -> None:
    for domain in DOMAINS.values():
        for variant in domain.variants:
            recipe = preset(domain, variant)
            assert recipe.model.concepts == len(domain.concepts)
            assert recipe.model.classes == len(domain.classes)
            Network(recipe.model)


@pytest.mark.parametrize("side", [16, 28, 224])
def test_the_guide_is_what_it_says(side: int) -> None:
    """Stem halves once; three fine layers keep the side; four coarse ones halve it, down to 1."""
    network = Network(guide((3, side, side), 2, 3)).eval()
    fine, coarse = (expert.block.steps for expert in network.experts)
    assert network.stem.output_shape == (16, side // 2, side // 2)
    assert [step.output_shape for step in fine] == [(16, side // 2, side // 2)] * 3
    assert all(step.adds for step in fine)
    assert all(any(isinstance(m, SqueezeExcitation) for m in step.modules()) for step in fine)
    kernels = [
        next(m.kernel_size for m in step.modules() if isinstance(m, torch.nn.Conv2d))
        for steps in (fine, coarse)
        for step in steps
    ]
    assert kernels == [(3, 3)] * 3 + [(5, 5)] * 4
    sides = [step.output_shape[1] for step in coarse]
    expected, now = [], side // 2
    for _ in range(4):
        now = -(-now // 2)
        expected.append(now)
    assert sides == expected
    assert network.experts[1].exit.think[0].out_features == 256
    with torch.no_grad():
        assert torch.isfinite(network.evidence(torch.randn(2, 3, side, side)).base).all()
