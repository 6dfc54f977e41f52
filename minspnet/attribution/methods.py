"""The methods, all captum's: a function, a case and a baseline to what each input adds."""

import copy
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import torch
from captum._utils.models.linear_model import SkLearnRidge
from captum.attr import (
    DeepLift,
    FeatureAblation,
    GradientShap,
    InputXGradient,
    IntegratedGradients,
    KernelShap,
    Lime,
    Occlusion,
    Saliency,
)
from captum.attr._core.deep_lift import SUPPORTED_NON_LINEAR, nonlinear
from jaxtyping import Int
from torch import Tensor, nn

from minspnet.attribution.routed import RoutedFunction, places
from minspnet.layers.stems import TabularStem
from minspnet.network import Network
from minspnet.patches import PATCH, STRETCH

STEPS = 256
_TOGETHER = 64
_GAME_SETS, _LINE_SETS = 8, 4
"""Random sets of places per place; Shapley values need more than a line fitted nearby."""
_DRAWING = threading.Lock()
_LIME_WIDTH = 0.75
# DeepLift's rescale rule holds for any function of one number; captum does not list this one.
SUPPORTED_NON_LINEAR.setdefault(nn.SiLU, nonlinear)

_Attribute = Callable[[RoutedFunction, Tensor, Tensor], Tensor]


@contextmanager
def _seeded() -> Iterator[None]:
    """Draw the same each time: captum draws from the global generators of torch and numpy.

    Both are put back; and one caller at a time, or threads would draw from each other's.
    """
    with _DRAWING, torch.random.fork_rng(devices=[]):
        before = np.random.get_state()
        torch.manual_seed(0)
        np.random.seed(0)
        try:
            yield
        finally:
            np.random.set_state(before)


def _integrated_gradients(function: RoutedFunction, case: Tensor, baseline: Tensor) -> Tensor:
    return IntegratedGradients(function).attribute(
        case, baseline, n_steps=STEPS, internal_batch_size=64
    )


def _saliency(function: RoutedFunction, case: Tensor, baseline: Tensor) -> Tensor:
    # Per standard deviation of the training cases: raw units would rank columns by their scale.
    stem = function.network.stem
    scale = stem.standardise.scale
    if isinstance(stem, TabularStem):
        count = len(stem.numbers)
        scale = torch.cat([scale[stem.numbers], scale.new_ones(case.shape[1] - count)])
    shape = (1, -1) + (1,) * (case.ndim - 2)
    return Saliency(function).attribute(case) * scale.view(shape)


def _input_x_gradient(function: RoutedFunction, case: Tensor, baseline: Tensor) -> Tensor:
    return InputXGradient(function).attribute(case)


def _deep_lift(function: RoutedFunction, case: Tensor, baseline: Tensor) -> Tensor:
    # It hangs hooks on the modules, which others may be running at the same time.
    own = copy.deepcopy(function)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Setting forward, backward hooks")
        return DeepLift(own).attribute(case, baseline)


def _gradient_shap(function: RoutedFunction, case: Tensor, baseline: Tensor) -> Tensor:
    with _seeded():
        # One baseline makes this integrated gradients at random in place of regular steps.
        return GradientShap(function).attribute(case, baseline, n_samples=STEPS)


def _feature_ablation(function: RoutedFunction, case: Tensor, baseline: Tensor) -> Tensor:
    mask = _left_out_together(function.network, case)
    values = FeatureAblation(function).attribute(
        case, baseline, feature_mask=mask, perturbations_per_eval=_TOGETHER
    )
    return _spread(values, mask)


def _occlusion(function: RoutedFunction, case: Tensor, baseline: Tensor) -> Tensor:
    if case.ndim == 2:
        # A window over one column leaves it out.
        return _feature_ablation(function, case, baseline)
    sides = case.shape[1:]
    asked = (1, STRETCH) if len(sides) == 2 else (sides[0], PATCH, PATCH)
    window = tuple(map(min, asked, sides))
    # Windows overlap by half, so that what lies across an edge is covered as a whole too.
    strides = (window[0], *(max(1, side // 2) for side in window[1:]))
    with torch.no_grad():
        values = Occlusion(function).attribute(
            case, window, strides, baseline, perturbations_per_eval=_TOGETHER
        )
    return values / float(np.prod(window))


def _kernel_shap(function: RoutedFunction, case: Tensor, baseline: Tensor) -> Tensor:
    return _by_coalitions(KernelShap(function), _GAME_SETS, function, case, baseline)


def _lime(function: RoutedFunction, case: Tensor, baseline: Tensor) -> Tensor:
    ridge = SkLearnRidge(alpha=1.0)
    lime = Lime(function, ridge, _nearness)
    return _by_coalitions(lime, _LINE_SETS, function, case, baseline)


def _nearness(case: Tensor, other: Tensor, present: Tensor, **_: Any) -> Tensor:
    """How near a case with some places left out is to the whole one.

    Source: Ribeiro et al. 2016, with the kernel and width of their package.
    """
    squared = (1 - present.float()).square().sum()
    width = _LIME_WIDTH * present.shape[1] ** 0.5
    return torch.exp(-squared / (2 * width**2))


def _by_coalitions(
    method: Lime, sets: int, function: RoutedFunction, case: Tensor, baseline: Tensor
) -> Tensor:
    places = _left_out_together(function.network, case).expand(case.shape)
    differs = torch.bincount(places.flatten(), (case != baseline).flatten().double()) > 0
    if differs.sum() < 2:
        return _feature_ablation(function, case, baseline)
    # What equals the baseline adds nothing, and as a player of its own only adds noise: it goes
    # along with the first that differs, and gets no part of what that one adds.
    mask = torch.where(differs, differs.cumsum(0) - 1, 0)[places]
    with _seeded(), torch.no_grad():
        values = method.attribute(
            case,
            baseline,
            feature_mask=mask,
            n_samples=max(STEPS, sets * int(differs.sum())),
            perturbations_per_eval=_TOGETHER,
        )
    counts = torch.bincount(places.flatten())[places]
    return torch.where(differs[places], values / counts, 0)


def _left_out_together(network: Network, case: Tensor) -> Int[Tensor, "1 *sides"]:
    """Number what goes as one, from 0 without gaps."""
    if isinstance(network.stem, TabularStem):
        # Counted anew: a network may not read every column.
        return network.stem.columns.unique(return_inverse=True)[1][None]
    return torch.as_tensor(places(tuple(case.shape[1:])))[None]


def _spread(values: Tensor, mask: Tensor) -> Tensor:
    """Divide what leaving several inputs out takes away evenly among them, so that values sum."""
    return values / torch.bincount(mask.flatten())[mask]


class Method(NamedTuple):
    """One method.

    Attributes:
        compute: Function, case and baseline to values.
        promises_sum: Whether its values promise to sum to the difference of the logits; see
            ``Attribution.convergence_delta`` for an exception.
        signed: Whether it says in which direction an input pushes.
    """

    compute: _Attribute
    promises_sum: bool
    signed: bool = True


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "integrated_gradients": Method(_integrated_gradients, True),
        "gradient_shap": Method(_gradient_shap, True),
        "deep_lift": Method(_deep_lift, True),
        "kernel_shap": Method(_kernel_shap, True),
        "lime": Method(_lime, False),
        "feature_ablation": Method(_feature_ablation, False),
        "occlusion": Method(_occlusion, False),
        "input_x_gradient": Method(_input_x_gradient, False),
        "saliency": Method(_saliency, False, signed=False),
    }
)
"""Each method by name. Source: captum 0.9, ``captum.attr``."""
