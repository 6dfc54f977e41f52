"""How good an attribution is: what emptying, shaking and shuffling say about it."""

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from captum.metrics import infidelity, sensitivity_max
from jaxtyping import Bool, Float
from torch import Tensor

from minspnet.attribution.explain import Attribution, attribute
from minspnet.attribution.routed import (
    PresenceFunction,
    RoutedFunction,
    baseline_of,
    place_sums,
    unfolded,
)
from minspnet.layers.stems import TabularStem
from minspnet.network import Network
from minspnet.trust import Measured, effective_places, rank_correlation

ORDERS = 8
"""Random orders that a method's order is compared with."""
SETS = 64
"""Random sets of places, each empty with a chance of one half, behind an infidelity."""
SHAKES = 4
"""Changed inputs behind a sensitivity."""
SHAKE = 0.05
"""How far they are changed at most, in standard deviations of the training cases."""

Present = Callable[[Float[Tensor, "some place"]], Float[Tensor, " some"]]


@dataclass(frozen=True)
class Question:
    """What is explained of which case; see ``attribute`` for the parts."""

    inputs: Float[np.ndarray, "*input"]
    active: Bool[np.ndarray, " expert"]
    target: str
    known: Float[np.ndarray, "train *input"] | None = None

    def ask(
        self, network: Network, method: str, inputs: Float[np.ndarray, "*input"] | None = None
    ) -> Attribution:
        """Attribute by one method; of other inputs, with the routing still held, if given."""
        given = self.inputs if inputs is None else inputs
        return attribute(network, given, self.active, method, self.target, known=self.known)


@torch.no_grad()
def curve(
    present: Present, order: Sequence[int], filling: bool = False
) -> Float[np.ndarray, " step"]:
    """The logit while one place after another is emptied, or filled in; the ends included."""
    steps = torch.ones(len(order) + 1, len(order))
    for step, place in enumerate(order):
        steps[step + 1 :, place] = 0
    found: np.ndarray = present(1 - steps if filling else steps).numpy().astype(np.float64)
    return found


def area(values: Float[np.ndarray, " step"]) -> float:
    """Mean height of a curve: its area over a base of length 1."""
    return float(np.trapezoid(values) / (len(values) - 1))


def random_areas(present: Present, places: int, seed: int) -> tuple[float, float]:
    """Mean area of the curves of random orders: emptied, and filled in."""
    generator = np.random.default_rng(seed)
    orders = [generator.permutation(places).tolist() for _ in range(ORDERS)]
    emptied, filled = (
        float(np.mean([area(curve(present, order, filling)) for order in orders]))
        for filling in (False, True)
    )
    return emptied, filled


def infidelity_of(present: Present, values: Float[np.ndarray, " place"], seed: int) -> float:
    """Captum's infidelity, scaled at best, over random sets of emptied places.

    Source: Yeh et al. 2019, On the (In)fidelity and Sensitivity of Explanations (eq. 1 and 2.4).
    """
    generator = np.random.default_rng(seed)

    def empty(whole: Tensor) -> tuple[Tensor, Tensor]:
        emptied = torch.as_tensor(generator.random(whole.shape) < 0.5).to(whole)
        return emptied, whole - emptied

    whole = torch.ones(1, len(values))
    shares = torch.as_tensor(values[None], dtype=torch.float32)
    with torch.no_grad():
        found = infidelity(present, empty, whole, shares, n_perturb_samples=SETS, normalize=True)
    # Rounding may leave a little less than nothing.
    return max(0.0, float(found))


def sensitivity_of(network: Network, question: Question, method: str, seed: int) -> float:
    """Captum's largest relative change of the values under small changes of the numbers.

    Levels of a category and the empty parts of a picture stay, and so does the routing.
    """
    generator = np.random.default_rng(seed)
    stem = network.stem
    scale = stem.standardise.scale.clone()
    tabular = isinstance(stem, TabularStem)
    if isinstance(stem, TabularStem):
        scale[stem.categories] = 0
    scale = scale.view(-1, *(1,) * (question.inputs.ndim - 1))

    # Captum asks with gradients switched off, of the case itself in a tuple, and wants one back.
    @torch.enable_grad()
    def explain(given: Tensor | tuple[Tensor]) -> tuple[Tensor]:
        cases = given if isinstance(given, Tensor) else given[0]
        asked = [question.ask(network, method, case.numpy()) for case in cases.detach()]
        return (torch.as_tensor(np.stack([place_sums(found.values) for found in asked])),)

    def shake(case: Tensor) -> Tensor:
        noise = torch.as_tensor(generator.uniform(-SHAKE, SHAKE, size=case.shape)).to(case)
        return case + noise * scale * (tabular | (case != 0))

    case = torch.as_tensor(question.inputs[None], dtype=torch.float32)
    return float(sensitivity_max(explain, case, shake, n_perturb_samples=SHAKES))


def shuffled(network: Network, seed: int) -> Network:
    """A copy in which every trained tensor has its numbers in another order.

    Source: Adebayo et al. 2018, Sanity Checks for Saliency Maps (parameters of all layers at
    once; they draw anew, here the spread of each layer stays as it is).
    """
    other = copy.deepcopy(network).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in other.parameters():
            order = torch.randperm(parameter.numel(), generator=generator)
            parameter.copy_(parameter.flatten()[order].view_as(parameter))
    return other


def measure(
    network: Network, question: Question, methods: Sequence[str], seed: int
) -> Iterator[tuple[str, Measured]]:
    """Measure methods on one case, one after the other.

    Args:
        network: Trained.
        question: What is explained.
        methods: Names from ``METHODS``.
        seed: Of everything that is drawn; the same for all methods.
    """
    function = RoutedFunction(network.eval(), question.active, question.target)
    case, baseline = unfolded(network, question.inputs), baseline_of(network, question.known)
    present = PresenceFunction(function, case, baseline)
    apart = present.apart()
    places = len(apart)
    emptied, filled = random_areas(present, places, seed)
    other = shuffled(network, seed)
    for method in methods:
        found = question.ask(network, method)
        values = place_sums(found.values)
        order = np.argsort(-values, kind="stable").tolist()
        after = place_sums(question.ask(other, method).values)
        gap, delta = found.logit - found.baseline_logit, found.convergence_delta
        yield (
            method,
            Measured(
                values,
                emptied - area(curve(present, order)),
                area(curve(present, order, filling=True)) - filled,
                infidelity_of(present, values, seed),
                sensitivity_of(network, question, method, seed),
                effective_places(values),
                rank_correlation(abs(values[apart]), abs(after[apart])),
                math.nan if delta is None or not gap else abs(delta / gap),
            ),
        )
