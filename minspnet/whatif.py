"""What if the input were different: plausible ranges, small edits, and changes that flip.

The network is run anew on each edited input, so its gates may open and close. What is said is
about the network: in a patient or a machine, measurements that belong together move together.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from minspnet.trace import Decision

Decide = Callable[[Float[np.ndarray, "case feature"]], Decision]
"""Run the network on edited inputs and decide, always under the same policy."""

FEW = 12
"""A column with no more different values than these is taken as steps, not as a scale."""
_STEPS = 40
_TOGETHER = 4
_ROUNDS = 3
_STARTS = 6
"""Columns that a search for several to change starts from, the most helpful ones."""


@dataclass(frozen=True)
class Span:
    """What is known about one input column from the training cases.

    Attributes:
        low: Usual in some class: 9 in 10 of its training cases lie from ``low`` to ``high``.
        high: Its other end.
        least: Smallest training value.
        most: Largest training value.
        spread: Standard deviation.
        values: All values met, if they are few; empty for a scale.
        whole: Whether only whole numbers were met.
    """

    low: float
    high: float
    least: float
    most: float
    spread: float
    values: tuple[float, ...]
    whole: bool = False

    @property
    def tries(self) -> tuple[float, ...]:
        """Plausible values to try, in order."""
        if self.values:
            return tuple(v for v in self.values if self.low <= v <= self.high)
        scale = np.linspace(self.low, self.high, _STEPS + 1)
        return tuple(map(float, np.unique(np.round(scale)) if self.whole else scale))


def spans(
    known: Float[np.ndarray, "case feature"], labels: Int[np.ndarray, " case"]
) -> tuple[Span, ...]:
    """Take the range of every input column over the training cases; missing cells are left out.

    Args:
        known: Inputs of the training cases.
        labels: Class of each; those below 0 have none, and count for the whole range only.
    """
    groups = [labels == one for one in np.unique(labels[labels >= 0])] or [labels < 0]
    found = []
    for column in known.T.astype(np.float64):
        present = ~np.isnan(column)
        ends = [
            np.quantile(column[present & group], [0.05, 0.95])
            for group in groups
            if (present & group).any()
        ]
        if not ends:
            found.append(Span(math.nan, math.nan, math.nan, math.nan, 1.0, ()))
            continue
        values = np.unique(column[present])
        found.append(
            Span(
                float(min(low for low, _ in ends)),
                float(max(high for _, high in ends)),
                float(values[0]),
                float(values[-1]),
                float(column[present].std()) or 1.0,
                tuple(map(float, values)) if len(values) <= FEW else (),
                bool((values == np.round(values)).all()),
            )
        )
    return tuple(found)


@dataclass(frozen=True)
class FeatureChange:
    """Input columns that, set to these values together, change the decision; fewer do not.

    Attributes:
        features: Places of the columns.
        values: What each is set to.
        decided: The class decided for then.
        shift: Sum of the changes, each in standard deviations of the training cases.
    """

    features: tuple[int, ...]
    values: tuple[float, ...]
    decided: int
    shift: float


@dataclass(frozen=True)
class Scan:
    """What each column can do alone, and the changes that flip.

    Attributes:
        swings: How far each column moves the lead of the answer over its plausible values, in
            log-odds; 0 where it is missing.
        changes: Fewest columns first, then the smallest shift. Among single columns none is
            missed on the values tried; sets of several are found by a search that need not
            find the smallest.
    """

    swings: Float[np.ndarray, " feature"]
    changes: tuple[FeatureChange, ...]


def scan(
    values: Float[np.ndarray, " feature"], known: Sequence[Span], decide: Decide, count: int = 3
) -> Scan:
    """Try every column over its plausible values, then several together.

    Args:
        values: The case.
        known: From ``spans``.
        decide: Runs the network.
        count: Most changes to return.
    """
    search = _Search(np.asarray(values, np.float64), known, decide)
    moves = search.moves({})
    swings = np.zeros(len(values))
    changes: list[FeatureChange] = []
    weak: list[tuple[float, int]] = []
    for feature in map(int, np.unique(moves.features)):
        here = moves.features == feature
        reached = np.append(moves.leads[here], search.lead)
        swings[feature] = reached.max() - reached.min()
        if (nearest := search.cheapest(moves, here & moves.flips)) is not None:
            changes.append(search.finish({feature: nearest[1]}))
        else:
            weak.append((float(moves.leads[here].min()), feature))
    alone = {change.features[0] for change in changes}
    for _, first in sorted(weak)[:_STARTS]:
        if len(changes) >= count:
            break
        several = search.climb(first, alone)
        if several and all(several.features != one.features for one in changes):
            changes.append(several)
    changes.sort(key=lambda one: (len(one.features), one.shift))
    return Scan(swings, tuple(changes[:count]))


@dataclass(frozen=True)
class _Moves:
    """Single columns set to other values: what each leads to."""

    features: Int[np.ndarray, " move"]
    values: Float[np.ndarray, " move"]
    leads: Float[np.ndarray, " move"]
    flips: Bool[np.ndarray, " move"]


class _Search:
    """One case, and what the network says of its neighbours."""

    def __init__(
        self, values: Float[np.ndarray, " feature"], known: Sequence[Span], decide: Decide
    ) -> None:
        self.values, self.known, self._decide = values, known, decide
        first = decide(values[None].astype(np.float32))
        self.decided = int(first.predicted[0])
        self.lead = float(self._leads(first)[0])

    def _leads(self, decision: Decision) -> Float[np.ndarray, " case"]:
        logits = decision.class_logits.astype(np.float64)
        others = np.delete(logits, self.decided, axis=1)
        lead: np.ndarray = logits[:, self.decided] - others.max(axis=1)
        return lead

    def moves(self, edits: Mapping[int, float], closed: Collection[int] = ()) -> _Moves:
        """Move each column that is neither edited nor closed nor missing over its values."""
        open_to = [
            (feature, value)
            for feature, span in enumerate(self.known)
            if feature not in edits and feature not in closed
            if not np.isnan(self.values[feature]) and not np.isnan(span.low)
            for value in span.tries
        ]
        features = np.array([feature for feature, _ in open_to], np.intp)
        values = np.array([value for _, value in open_to], np.float64)
        if not open_to:
            return _Moves(features, values, values.copy(), np.zeros(0, bool))
        rows = np.repeat(self.edited(edits)[None], len(open_to), axis=0)
        rows[np.arange(len(open_to)), features] = values
        decision = self._decide(rows.astype(np.float32))
        flips: np.ndarray = decision.predicted != self.decided
        return _Moves(features, values, self._leads(decision), flips)

    def edited(self, edits: Mapping[int, float]) -> Float[np.ndarray, " feature"]:
        """The case with some columns set."""
        row = self.values.copy()
        row[list(edits)] = list(edits.values())
        return row

    def _flips(self, rows: Sequence[Float[np.ndarray, " feature"]]) -> Bool[np.ndarray, " row"]:
        decision = self._decide(np.stack(rows).astype(np.float32))
        flips: np.ndarray = decision.predicted != self.decided
        return flips

    def _shift(self, feature: int, value: float) -> float:
        return float(abs(value - self.values[feature]) / self.known[feature].spread)

    def cheapest(self, moves: _Moves, which: Bool[np.ndarray, " move"]) -> tuple[int, float] | None:
        """Of some moves, the one nearest to the case: column and value."""
        found = [(int(moves.features[m]), float(moves.values[m])) for m in np.flatnonzero(which)]
        return min(found, key=lambda move: self._shift(*move), default=None)

    def climb(self, first: int, closed: Collection[int]) -> FeatureChange | None:
        """Take the move that helps most, column by column, until the answer changes."""
        moves = self.moves({}, closed)
        here = np.flatnonzero(moves.features == first)
        edits = {first: float(moves.values[here[moves.leads[here].argmin()]])}
        while len(edits) < _TOGETHER:
            moves = self.moves(edits, closed)
            if not moves.features.size:
                return None
            if (last := self.cheapest(moves, moves.flips)) is not None:
                return self.finish(edits | dict([last]))
            best = int(moves.leads.argmin())
            edits[int(moves.features[best])] = float(moves.values[best])
        return None

    def finish(self, edits: dict[int, float]) -> FeatureChange:
        """Drop what is not needed, then bring each column as near to the case as it may come."""
        edits = self._needed(edits)
        while True:
            for feature in sorted(edits, key=lambda f: -self._shift(f, edits[f])):
                edits = edits | {feature: self._drawn_in(feature, edits)}
            # A bent function may let a part go only once the others have come nearer.
            fewer = self._needed(edits)
            if len(fewer) == len(edits):
                break
            edits = fewer
        decision = self._decide(self.edited(edits)[None].astype(np.float32))
        assert decision.predicted[0] != self.decided, "what is returned was tried out"
        edits = dict(sorted(edits.items()))
        return FeatureChange(
            tuple(edits),
            tuple(edits.values()),
            int(decision.predicted[0]),
            sum(self._shift(*edit) for edit in edits.items()),
        )

    def _needed(self, edits: dict[int, float]) -> dict[int, float]:
        """Drop edits, the smallest first, until none can be left out alone."""
        for feature in sorted(edits, key=lambda f: self._shift(f, edits[f])):
            fewer = {f: v for f, v in edits.items() if f != feature}
            if fewer and self._flips([self.edited(fewer)])[0]:
                return self._needed(fewer)
        return edits

    def _drawn_in(self, feature: int, edits: Mapping[int, float]) -> float:
        """The value nearest to the case's own that still flips, in as few digits as it takes."""
        own, far, span = float(self.values[feature]), edits[feature], self.known[feature]
        if span.values:
            nearer = [v for v in span.tries if abs(v - own) < abs(far - own)]
            nearer.sort(key=lambda value: abs(value - own))
            kept = self._flips([self.edited({**edits, feature: v}) for v in [*nearer, far]])
            return [*nearer, far][int(kept.argmax())]
        near = own
        for _ in range(_ROUNDS):
            between = np.linspace(near, far, _STEPS + 1)[1:]
            kept = self._flips([self.edited({**edits, feature: v}) for v in between])
            first = int(kept.argmax())
            near, far = (near if first == 0 else float(between[first - 1])), float(between[first])
        # Rounded away from the case, so that what is shown is what was tried.
        up = far > own
        rounded = [_rounded(far, digits, up) for digits in (3, 4, 5, 6)]
        if span.whole:
            rounded = [float(math.ceil(far) if up else math.floor(far))]
        inside = [v for v in rounded if min(span.low, own) <= v <= max(span.high, own)]
        tried = [*inside, far]
        kept = self._flips([self.edited({**edits, feature: value}) for value in tried])
        return tried[int(kept.argmax())]


def _rounded(value: float, digits: int, up: bool) -> float:
    """Keep some significant digits, towards larger values or smaller ones."""
    if value == 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(abs(value))) + 1 - digits)
    return round((math.ceil if up else math.floor)(value / step) * step, 12)


def resized(
    picture: Float[np.ndarray, "row column"], factor: float
) -> Float[np.ndarray, "row column"]:
    """Show what a picture shows larger or smaller about its centre; nothing comes in from outside.

    Args:
        picture: Something on an empty ground; see ``stands_free``.
        factor: 1 changes nothing, 2 doubles every length.
    """
    places = [
        (np.arange(side) - (side - 1) / 2) / factor + (side - 1) / 2 for side in picture.shape
    ]
    rows, columns = (
        _weights(place, side) for place, side in zip(places, picture.shape, strict=True)
    )
    grown: np.ndarray = rows @ picture @ columns.T
    return grown.astype(picture.dtype)


def _weights(places: Float[np.ndarray, " to"], side: int) -> Float[np.ndarray, "to side"]:
    """How much each pixel of a line counts at each place: linear in between, nothing outside."""
    apart = np.abs(places[:, None] - np.arange(side)[None])
    weights: np.ndarray = np.clip(1 - apart, 0, None)
    return weights


def stands_free(picture: Float[np.ndarray, "row column *channel"]) -> bool:
    """Whether a picture is empty along its edge, so that its content can be made smaller."""
    edge = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    return bool((edge == 0).all())


def silenced(
    signal: Float[np.ndarray, "channel sample"], channels: Collection[int]
) -> Float[np.ndarray, "channel sample"]:
    """Hold some channels at their own mean, as a sensor that is stuck there would."""
    still = np.array(signal)
    for channel in channels:
        still[channel] = signal[channel].mean()
    return still
