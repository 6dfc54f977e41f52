"""Which stage or expert carried the answer, and where the network attended."""

import math
from collections.abc import Mapping

import numpy as np
import torch
from captum.attr import LayerConductance
from jaxtyping import Bool, Float

from minspnet.attribution.explain import check_target
from minspnet.attribution.methods import STEPS
from minspnet.attribution.routed import RoutedFunction, baseline_of, unfolded
from minspnet.layers.pooling import AttentionPool
from minspnet.layers.stems import TabularStem
from minspnet.network import Network, check_inputs

BASE = "stem and base exit"


def stage_conductance(
    network: Network,
    inputs: Float[np.ndarray, "*input"],
    active: Bool[np.ndarray, " expert"],
    target: str = "class:1",
    interventions: tuple[tuple[int, float], ...] = (),
    known: Float[np.ndarray, "train *input"] | None = None,
) -> Mapping[str, Float[np.ndarray, " output"]]:
    """What flowed from the inputs to the logit through each part, and through each concept.

    The way from the baseline to the case is cut where the base exit and the active experts add
    their concept logits, so that all values sum to the difference of the two logits (unless
    concepts are present or absent; see ``Attribution.convergence_delta``).

    Args:
        network: Trained.
        inputs: One case, without the batch axis.
        active: The experts that ran for it; held fixed.
        target: As in ``Attribution``.
        interventions: Concepts held by hand, as (index, value).
        known: As in ``attribute``.

    Returns:
        A row for the base exit, then one for each active expert, by name.

    Source: Dhamdhere et al. 2018, How Important Is a Neuron? (eq. 2), by captum.
    """
    check_inputs(network.spec, inputs[None])
    check_target(network, target)
    network.eval()
    # It hangs hooks on this function's own parts, not on the network's modules.
    function = RoutedFunction(network, active, target, interventions)
    found = LayerConductance(function, function.parts).attribute(
        unfolded(network, inputs).requires_grad_(),
        baseline_of(network, known),
        n_steps=STEPS,
        internal_batch_size=64,
    )
    names = [name for name, ran in zip(network.tree.names, active, strict=True) if ran]
    return dict(zip((BASE, *names), found.detach()[0].numpy(), strict=True))


@torch.no_grad()
def attention_maps(
    network: Network,
    inputs: Float[np.ndarray, "*input"],
    active: Bool[np.ndarray, " expert"],
) -> Mapping[str, Float[np.ndarray, "*position"]]:
    """How much each position counts where a part that ran pools by attention.

    Returns:
        By part, weights that sum to 1, laid out as that part's features are: a grid, a row of
        times, or one weight a feature for columns. Empty for a network that does not attend.
    """
    check_inputs(network.spec, inputs[None])
    network.eval()
    stem = network.stem
    case = unfolded(network, inputs)
    hidden = stem.widen(stem.scaled(case)) if isinstance(stem, TabularStem) else stem(case)
    features = {-1: hidden}
    pools = {-1: network.base_exit.pool}
    for expert, parent in enumerate(network.tree.parents):
        if active[expert]:
            features[expert] = network.experts[expert].block(features[parent])
            pools[expert] = network.experts[expert].exit.pool
    found = {}
    for part, pool in pools.items():
        if isinstance(pool.collect, AttentionPool):
            weights = pool.collect.weights(features[part])[0]
            sides = features[part].shape[2:] or weights.shape
            assert math.prod(sides) == len(weights)
            found[network.tree.names[part] if part >= 0 else BASE] = weights.view(sides).numpy()
    return found
