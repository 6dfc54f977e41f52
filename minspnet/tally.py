"""Count what a policy makes of many cases, one bit a case and question.

The forest has few sets of experts that can be active together. For each of them one bit a case
says whether the case would be decided as labelled; a gate threshold becomes one more row of bits.
A policy is then counted by combining such rows, 64 cases at a time:

    right = sum over sets of  popcount(cases in the set & right under the set)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int, UInt64

from minspnet.errors import requirement
from minspnet.policy import Policy
from minspnet.trace import ExpertTree, Trace, comparable, predicted_class

MOST_SETS = 256
"""More reachable sets than this would cost more memory than replaying costs time."""
_BLOCK = 1 << 16
_WORD = 64


def reachable_sets(tree: ExpertTree) -> Bool[np.ndarray, "set expert"]:
    """List every set of experts in which no expert lacks its parent."""
    sets: list[tuple[bool, ...]] = [()]
    for parent in tree.parents:
        sets = [
            (*done, active)
            for done in sets
            for active in ((False, True) if parent < 0 or done[parent] else (False,))
        ]
    return np.array(sets, dtype=bool).reshape(len(sets), len(tree.names))


def count_sets(tree: ExpertTree) -> int:
    """Count what ``reachable_sets`` lists, without listing it."""
    ways_with = [1] * len(tree.parents)
    total = 1
    for expert in reversed(range(len(tree.parents))):
        parent = tree.parents[expert]
        if parent >= 0:
            ways_with[parent] *= 1 + ways_with[expert]
        else:
            total *= 1 + ways_with[expert]
    return total


def bits(flags: Bool[np.ndarray, " case"]) -> UInt64[np.ndarray, " word"]:
    """Pack a flag a case into words of 64; what is left of the last word is 0."""
    packed = np.packbits(flags, bitorder="little")
    if over := len(packed) % 8:
        packed = np.concatenate([packed, np.zeros(8 - over, np.uint8)])
    return packed.view(np.uint64)


def flags(words: UInt64[np.ndarray, " word"], cases: int) -> Bool[np.ndarray, " case"]:
    """Unpack what ``bits`` has packed."""
    return np.unpackbits(words.view(np.uint8), count=cases, bitorder="little").view(bool)


def popcount(words: UInt64[np.ndarray, " word"]) -> int:
    """Count the cases whose bit is set."""
    return int(np.bitwise_count(words).sum(dtype=np.uint32))


@dataclass(frozen=True)
class Tally:
    """Which cases are right under which sets of experts, for one decision threshold.

    Attributes:
        tree: The experts.
        gates: One row an expert, so that a threshold reads one of them from end to end.
        sets: All sets that can be active together.
        right: The cases that are decided as labelled under each set.
        members: The cases of each class.
    """

    tree: ExpertTree
    gates: Float[np.ndarray, "expert case"]
    sets: Bool[np.ndarray, "set expert"]
    right: UInt64[np.ndarray, "set word"]
    members: UInt64[np.ndarray, "class word"]

    @property
    def cases(self) -> int:
        """How many are counted."""
        return self.gates.shape[1]

    @cached_property
    def everyone(self) -> UInt64[np.ndarray, " word"]:
        """All cases."""
        return np.bitwise_or.reduce(self.members, axis=0)

    @cached_property
    def present(self) -> Int[np.ndarray, " class"]:
        """How many cases of each class there are."""
        return np.array([popcount(members) for members in self.members])

    @cached_property
    def varying(self) -> UInt64[np.ndarray, " word"]:
        """Cases that some sets get right and others wrong: routing decides them."""
        some, all_sets = (np.bitwise_or, np.bitwise_and)
        return some.reduce(self.right, axis=0) & ~all_sets.reduce(self.right, axis=0)

    @cached_property
    def stops(self) -> Bool[np.ndarray, "set node"]:
        """Where each set ends: column 0 is the base exit, then one column an expert."""
        parents = np.array(self.tree.parents)
        ran = np.column_stack([np.ones(len(self.sets), dtype=bool), self.sets])
        stops = []
        for node in range(-1, len(parents)):
            children = self.sets[:, parents == node]
            ends_here = ran[:, node + 1] & ~children.any(axis=1)
            stops.append(ends_here & bool(children.shape[1]))
        return np.stack(stops, axis=1)

    def passing(self, gate_thresholds: tuple[float, ...]) -> Iterator[UInt64[np.ndarray, " word"]]:
        """Per expert, the cases whose gate reaches its threshold, whether or not its parent ran."""
        for gates, gate_threshold in zip(self.gates, gate_thresholds, strict=True):
            yield bits(gates >= comparable(gate_threshold))

    def by_set(self, gate_thresholds: tuple[float, ...]) -> list[UInt64[np.ndarray, " word"]]:
        """Per set, the cases that run exactly these experts."""
        found: list[tuple[tuple[bool, ...], np.ndarray]] = [((), self.everyone)]
        experts = zip(self.tree.parents, self.passing(gate_thresholds), strict=True)
        for parent, passing in experts:
            longer = []
            for done, cases in found:
                if parent < 0 or done[parent]:
                    runs = cases & passing
                    longer += [((*done, False), cases ^ runs), ((*done, True), runs)]
                else:
                    longer.append(((*done, False), cases))
            found = longer
        return [cases for _, cases in found]

    def right_among(self, by_set: list[UInt64[np.ndarray, " word"]]) -> UInt64[np.ndarray, " word"]:
        """The cases that are decided as labelled, each under its own set."""
        total = np.zeros_like(self.everyone)
        for cases, right in zip(by_set, self.right, strict=True):
            total |= cases & right
        return total


def tally(trace: Trace, labels: Int[np.ndarray, " case"], decision_threshold: float = 0.5) -> Tally:
    """Work out once under which sets each case is decided as labelled.

    Evidence is read block by block, so that it may be larger than memory.

    Raises:
        UserError: If labels do not fit or are unknown, or the forest reaches too many sets.
    """
    if len(labels) != len(trace):
        raise requirement("labels", f"have {len(trace)} values", len(labels), "match the trace")
    if (labels < 0).any():
        raise requirement("labels", "be known", "unlabelled cases", "leave these cases out")
    if (reachable := count_sets(trace.tree)) > MOST_SETS:
        raise requirement(
            "the forest",
            f"reach at most {MOST_SETS} sets of active experts",
            reachable,
            "use replay instead",
        )
    sets = reachable_sets(trace.tree)
    blocks = []
    for start in range(0, max(len(trace), 1), _BLOCK):
        rows = slice(start, start + _BLOCK)
        decided = _decided_under(trace, sets, rows, Policy((), decision_threshold))
        blocks.append(np.stack([bits(row == labels[rows]) for row in decided]))
    classes = len(trace.head.bias) + 1
    return Tally(
        trace.tree,
        trace.gates.T,
        sets,
        np.concatenate(blocks, axis=1),
        np.stack([bits(labels == k) for k in range(classes)]),
    )


def _decided_under(
    trace: Trace, sets: Bool[np.ndarray, "set expert"], rows: slice, policy: Policy
) -> Iterator[Int[np.ndarray, " row"]]:
    """The class that each set of experts decides for, in the order of ``sets``."""
    base, contributions = trace.base[rows], trace.contributions[rows]
    for active in sets:
        outputs = np.array(base)
        for expert in np.flatnonzero(active):  # in the order of replay, to the last bit
            outputs += contributions[:, expert]
        concepts = trace.head.activate(outputs)
        probabilities = trace.head.probabilities(trace.head.class_logits(concepts))
        yield predicted_class(probabilities, policy)
