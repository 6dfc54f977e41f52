"""How much of a network is at work: activations of its units, and how sparse they are.

Recorded by ``minspnet.activations``; read here without torch.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

STEM = -1
"""Node of the stem and the base exit, which every case runs."""
_HARDLY = 0.01


@dataclass(frozen=True)
class Layer:
    """Units of one kind, side by side: what is handed on between two mixings of channels.

    Attributes:
        node: Expert it belongs to, or ``STEM``.
        part: Name of that expert, ``stem`` or ``base exit``.
        title: Which layer of the part, and what it does.
        kind: Activation function, as people write it.
        units: Channels, hidden units, or outputs of an exit.
        rests: Whether a unit can be exactly 0; a smooth or linear one never is, but by chance.
        winners: Most units that may be active at a place; 0 where there is no such limit.
        weights: Weights that make the layer, biases and norms left out.
        zeros: How many of them are 0.
        outputs: Of an exit: which output (concept, then residual channel) each unit says.
        sides: Places of a channel: (), (time,) or (height, width).
    """

    node: int
    part: str
    title: str
    kind: str
    units: int
    rests: bool
    winners: int = 0
    weights: int = 0
    zeros: int = 0
    outputs: tuple[int, ...] = ()
    sides: tuple[int, ...] = ()

    @property
    def target(self) -> float | None:
        """Share of its units that may be active at a place; None where there is no target."""
        return self.winners / self.units if self.winners else None

    @property
    def weight_sparsity(self) -> float:
        """Zeros among the weights that make it; NaN where none do."""
        return self.zeros / self.weights if self.weights else float("nan")


@dataclass(frozen=True)
class Activations:
    """One number a unit and case, as if every expert ran; a policy says which did.

    A channel of a picture or signal is told by its mean over places, which is what exits read.

    Attributes:
        layers: In the order of the units.
        case_ids: One per case.
        values: Mean over places, all layers side by side.
        places: Share of places at which the unit is not 0.
    """

    layers: tuple[Layer, ...]
    case_ids: tuple[str, ...]
    values: Float[np.ndarray, "case unit"]
    places: Float[np.ndarray, "case unit"]

    def __post_init__(self) -> None:
        for array in (self.values, self.places):
            array.flags.writeable = False

    @cached_property
    def _ends(self) -> Int[np.ndarray, " end"]:
        return np.cumsum([0, *(layer.units for layer in self.layers)])

    def of(self, layer: int) -> slice:
        """Where a layer's units stand among all."""
        return slice(int(self._ends[layer]), int(self._ends[layer + 1]))

    def ran(self, layer: int, active: Bool[np.ndarray, "case expert"]) -> Bool[np.ndarray, " case"]:
        """For which cases a layer ran."""
        node = self.layers[layer].node
        return np.ones(len(active), bool) if node == STEM else active[:, node]

    def routed(
        self, layers: tuple[int, ...], active: Bool[np.ndarray, "case expert"]
    ) -> Float[np.ndarray, "case unit"]:
        """Values of some layers, NaN where the layer did not run, which is not 0."""
        parts = [
            np.where(self.ran(layer, active)[:, None], self.values[:, self.of(layer)], np.nan)
            for layer in layers
        ]
        return np.concatenate(parts, axis=1)


@dataclass(frozen=True)
class Activity:
    """How much of one layer is at work on the cases that it ran for.

    Attributes:
        cases: For which it ran.
        active: Share of unit x case pairs that are not 0 at some place; NaN if it never ran.
        places: Share of unit x case x place that are not 0: what ``Layer.target`` limits.
        evenness: 1 if all units are equally strong, 1 / units if one works alone; the mean over
            cases. Unlike a count of zeros it tells of smooth units too.
        dead: Units that are 0 on all these cases.
        always: Units that are 0 on none of them.
        still: Units whose value hardly moves: its standard deviation over these cases is below
            a hundredth of the layer's root mean square.
    """

    cases: int
    active: float
    places: float
    evenness: float
    dead: Int[np.ndarray, " dead"]
    always: Int[np.ndarray, " always"]
    still: Int[np.ndarray, " still"]


def activity(
    recorded: Activations, layer: int, active: Bool[np.ndarray, "case expert"]
) -> Activity:
    """Count what is at work in a layer, among the cases that it ran for.

    Source: Treves and Rolls 1991, What determines the capacity of autoassociative memories in
    the brain? (their sparseness, of absolute values).
    """
    rows, units = recorded.ran(layer, active), recorded.of(layer)
    values, places = recorded.values[rows, units], recorded.places[rows, units]
    nothing = np.arange(0)
    if not rows.any():
        nan = float("nan")
        return Activity(0, nan, nan, nan, nothing, nothing, nothing)
    on = places > 0
    square = np.square(values, dtype=np.float64).mean(axis=1)
    busy = square > 0
    even = np.square(np.abs(values[busy], dtype=np.float64).mean(axis=1)) / square[busy]
    strength = np.sqrt(square.mean())
    return Activity(
        int(rows.sum()),
        float(on.mean()),
        float(places.mean()),
        float(even.mean()) if busy.any() else float("nan"),
        np.flatnonzero(~on.any(axis=0)),
        np.flatnonzero(on.all(axis=0)),
        np.flatnonzero(values.std(axis=0) <= _HARDLY * strength),
    )


def draw_cases(count: int, most: int, seed: int = 0) -> Int[np.ndarray, " row"]:
    """Rows of all cases, or of ``most`` drawn at random without replacement, in their order."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))
