"""Evidence and decisions: all that a decision needs, recorded before any threshold.

A ``Trace`` holds what a network found in cases. ``replay`` turns it into a ``Decision``
under a ``Policy`` without running the network again, exactly:

    active = gate >= gate threshold, and the parent is active
    concept logits z = base + sum over active experts of their contributions
    concepts c = sigmoid(z)          (residual channels pass as they are)
    class logits y = [0, W c + V s(c) + w0]   (the first class is the reference)

where s(c) are similarities to prototypes, if the head has any.
"""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from jaxtyping import Bool, Float, Int

from minspnet.policy import Policy


def comparable(gate_threshold: float) -> np.float32:
    """A gate threshold in the precision of gates.

    No gate exceeds 1: a larger threshold says the same as 2, and fits.
    """
    return np.float32(min(gate_threshold, 2.0))


@dataclass(frozen=True)
class ExpertTree:
    """Names and parents of the experts; parents come before children, -1 is the stem."""

    names: tuple[str, ...]
    parents: tuple[int, ...]

    def path(self, expert: int) -> tuple[int, ...]:
        """The expert and all that must have run before it, from the stem on."""
        parent = self.parents[expert]
        return (*(self.path(parent) if parent >= 0 else ()), expert)

    def open(
        self, gates: Float[np.ndarray, "case expert"], gate_thresholds: tuple[float, ...]
    ) -> Bool[np.ndarray, "case expert"]:
        """Say which experts run: the gate reaches its threshold, and the parent runs."""
        active = np.empty(gates.shape, dtype=bool, order="F")
        for expert, parent in enumerate(self.parents):
            threshold = comparable(gate_thresholds[expert])
            np.greater_equal(gates[:, expert], threshold, out=active[:, expert])
            if parent >= 0:
                active[:, expert] &= active[:, parent]
        return active


@dataclass(frozen=True)
class Prototypes:
    """Training cases that stand for their class; see ``minspnet.layers.heads``.

    Attributes:
        concepts: True concepts of each.
        weights: Class logits per similarity of 1.
        sharpness: How fast similarity falls with the squared distance.
    """

    concepts: Float[np.ndarray, "prototype concept"]
    weights: Float[np.ndarray, "other_class prototype"]
    sharpness: float

    def similarity(
        self, concepts: Float[np.ndarray, "case concept"]
    ) -> Float[np.ndarray, "case prototype"]:
        """How alike a case's concepts are to each prototype's, from 0 to 1."""
        sharpness = np.float32(self.sharpness)
        # One prototype at a time: all differences at once would not fit for many cases.
        columns = [np.square(concepts - one).sum(axis=1) for one in self.concepts]
        return np.exp(-sharpness * np.stack(columns, axis=1))


@dataclass(frozen=True)
class Head:
    """From concepts to classes.

    Attributes:
        weights: Class logits per concept (and 1 for a class's own residual channel).
        bias: Class logits of a case whose concepts are all 0.
        temperature: Fitted on validation cases; above 1 it tempers overconfidence. It never
            changes which class is the most probable, but it moves gates of doubt and cut-offs
            other than one half.
        concepts: Number of leading outputs that are concepts.
        prototypes: Known cases that a case is compared with, if the head has any.
        binary: A concept is present or absent.
    """

    weights: Float[np.ndarray, "other_class output"]
    bias: Float[np.ndarray, " other_class"]
    temperature: float
    concepts: int
    prototypes: Prototypes | None = None
    binary: bool = False

    def activate(
        self, outputs: Float[np.ndarray, "case output"]
    ) -> Float[np.ndarray, "case output"]:
        """Turn concept logits into graded concepts; residual channels pass unchanged."""
        activations = np.array(outputs, dtype=outputs.dtype)
        graded = activations[:, : self.concepts]
        if self.binary:
            np.greater_equal(graded, 0, out=graded, casting="unsafe")
            return activations
        # The logistic function as a tanh: it cannot overflow, and needs one pass.
        np.multiply(graded, 0.5, out=graded)
        np.tanh(graded, out=graded)
        np.multiply(graded, 0.5, out=graded)
        np.add(graded, 0.5, out=graded)
        return activations

    def read(self, truth: Float[np.ndarray, "case concept"]) -> Float[np.ndarray, "case concept"]:
        """True graded concepts as this head takes them: binary ones are cut at one half."""
        return (truth >= 0.5).astype(truth.dtype) if self.binary else truth

    def class_logits(
        self, activations: Float[np.ndarray, "case output"]
    ) -> Float[np.ndarray, "case class"]:
        """Weigh the concepts; column 0, the reference class, is 0."""
        others = activations @ self.weights.T + self.bias
        if self.prototypes is not None:
            alike = self.prototypes.similarity(activations[:, : self.concepts])
            others = others + alike @ self.prototypes.weights.T
        return np.concatenate([np.zeros_like(others[:, :1]), others], axis=1)

    def probabilities(
        self, class_logits: Float[np.ndarray, "case class"]
    ) -> Float[np.ndarray, "case class"]:
        """Softmax of the class logits at the head's temperature."""
        # Class by class over all cases: few classes make a slow inner axis.
        scaled = np.array(class_logits.T, order="C")
        scaled /= np.float32(self.temperature)
        scaled -= scaled.max(axis=0)
        np.exp(scaled, out=scaled)
        scaled /= scaled.sum(axis=0)
        return scaled.T


@dataclass(frozen=True)
class Trace:
    """The recorded evidence of a network on cases; immutable, without labels or metrics.

    Attributes:
        case_ids: One per case.
        gates: Scores in [0, 1], before any threshold.
        base: Concept logits (then residual channels) of the base exit.
        contributions: What each expert adds to the base if it runs. They do not depend on
            which other experts run.
        tree: Names and parents of the experts.
        head: From concepts to classes.
        concept_names: One per concept.
    """

    case_ids: tuple[str, ...]
    gates: Float[np.ndarray, "case expert"]
    base: Float[np.ndarray, "case output"]
    contributions: Float[np.ndarray, "case expert output"]
    tree: ExpertTree
    head: Head
    concept_names: tuple[str, ...]

    def __post_init__(self) -> None:
        # One expert's evidence on all cases lies together: that is how policies read it.
        by_expert = _kept(np.moveaxis(self.contributions, 1, 0))
        object.__setattr__(self, "contributions", np.moveaxis(by_expert, 0, 1))
        object.__setattr__(self, "gates", _kept(self.gates.T).T)
        object.__setattr__(self, "base", _kept(self.base))
        for array in (self.gates, self.base, self.contributions, *self._head_arrays):
            array.flags.writeable = False

    @property
    def _head_arrays(self) -> tuple[np.ndarray, ...]:
        head = self.head
        scalars = np.array([head.temperature, head.concepts, head.binary])
        if (known := head.prototypes) is None:
            return head.weights, head.bias, scalars
        sharpness = np.array(known.sharpness)
        return head.weights, head.bias, scalars, known.concepts, known.weights, sharpness

    def __len__(self) -> int:
        return len(self.case_ids)

    def __getitem__(self, rows: int | slice | Int[np.ndarray, " row"]) -> Self:
        """Keep some cases; a single number keeps the case axis."""
        index = np.arange(len(self))[rows]
        index = index.reshape(-1)
        return type(self)(
            tuple(self.case_ids[i] for i in index),
            self.gates[index],
            self.base[index],
            self.contributions[index],
            self.tree,
            self.head,
            self.concept_names,
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the whole content: equal digests, equal decisions."""
        content = hashlib.sha256()
        for text in (self.case_ids, self.tree.names, self.tree.parents, self.concept_names):
            content.update(repr(text).encode())
        head = self._head_arrays
        for array in (self.gates, self.base, self.contributions, *head):
            content.update(repr((array.shape, array.dtype.str)).encode())
            content.update(np.ascontiguousarray(array).tobytes())
        return content.hexdigest()


def _kept(array: np.ndarray) -> np.ndarray:
    """A copy in rows, so that nobody else can change it; what lies in a file stays there."""
    mapped = isinstance(array, np.memmap) and array.flags.c_contiguous and not array.flags.writeable
    return array if mapped else np.array(array, order="C")


def join(first: Trace, second: Trace) -> Trace:
    """Put the evidence of one network on two sets of cases together."""
    assert (first.tree, first.concept_names) == (second.tree, second.concept_names)
    return replace(
        first,
        case_ids=first.case_ids + second.case_ids,
        gates=np.concatenate([first.gates, second.gates]),
        base=np.concatenate([first.base, second.base]),
        contributions=np.concatenate([first.contributions, second.contributions]),
    )


@dataclass(frozen=True)
class Decision:
    """What a policy makes of a trace.

    Attributes:
        active: Which experts ran.
        outputs: Concept logits (then residual channels) before interventions.
        concepts: Graded concepts (then residual channels) after interventions.
        class_logits: Log-odds against the first class.
        probabilities: At the head's temperature.
        predicted: Index of the class decided for.
    """

    active: Bool[np.ndarray, "case expert"]
    outputs: Float[np.ndarray, "case output"]
    concepts: Float[np.ndarray, "case output"]
    class_logits: Float[np.ndarray, "case class"]
    probabilities: Float[np.ndarray, "case class"]
    predicted: Int[np.ndarray, " case"]


def active_experts(trace: Trace, policy: Policy) -> Bool[np.ndarray, "case expert"]:
    """Open the gates: at or above the threshold, and the parent active."""
    policy.check(trace.tree.names, trace.concept_names)
    return trace.tree.open(trace.gates, policy.gate_thresholds)


def replay(trace: Trace, policy: Policy) -> Decision:
    """Decide from recorded evidence; equals running the network under the policy.

    Raises:
        UserError: If the policy was made for another network.
    """
    active = active_experts(trace, policy)
    outputs = np.array(trace.base)
    for expert in range(active.shape[1]):
        rows = np.flatnonzero(active[:, expert])
        if 2 * rows.size > len(trace):
            outputs += trace.contributions[:, expert] * active[:, expert, None]
        elif rows.size:
            outputs[rows] += trace.contributions[rows, expert]
    concepts = trace.head.activate(outputs)
    for name, value in policy.interventions:
        concepts[:, trace.concept_names.index(name)] = value
    return decide(trace.head, policy, active, outputs, concepts)


def decide(
    head: Head,
    policy: Policy,
    active: Bool[np.ndarray, "case expert"],
    outputs: Float[np.ndarray, "case output"],
    concepts: Float[np.ndarray, "case output"],
) -> Decision:
    """Weigh concepts into classes: the last step, shared by replay and live dispatch."""
    class_logits = head.class_logits(concepts)
    probabilities = head.probabilities(class_logits)
    return Decision(
        active,
        outputs,
        concepts,
        class_logits,
        probabilities,
        predicted_class(probabilities, policy),
    )


def predicted_class(
    probabilities: Float[np.ndarray, "case class"], policy: Policy
) -> Int[np.ndarray, " case"]:
    """Decide: the cut-off with two classes, the most probable one with more."""
    if probabilities.shape[1] == 2:
        return (probabilities[:, 1] >= np.float32(policy.decision_threshold)).astype(np.intp)
    return probabilities.argmax(axis=1)
