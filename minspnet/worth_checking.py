"""Which concept of a case is worth checking next, before anyone has looked.

What a check would show is not known, but how far the network tends to be off is: cases whose
true concepts are known say so. Each error seen on a case of a like grade is laid on the grade of
the case at hand, and gives one value that a check may find. A concept is worth checking if the
answer depends on which of them it will be.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from minspnet.errors import requirement
from minspnet.policy import Policy
from minspnet.trace import Head, predicted_class

GUESSES = 24
"""Values that a check of a concept may find, all equally likely."""
_SHARE, _LEAST = 0.2, 20
"""Of the known cases, those of the nearest grade; no fewer than the second number."""
_BLOCK = 1024


@dataclass(frozen=True)
class Worth:
    """What a check of each concept of each case is worth, given what is known so far.

    Attributes:
        bits: Expected fall of the answer's entropy, in bits: the mutual information of the
            concept's true value and the class.
        changes: Chance that the answer changes.
        shift: Expected distance by which the chance of the class decided for moves.
    """

    bits: Float[np.ndarray, "case concept"]
    changes: Float[np.ndarray, "case concept"]
    shift: Float[np.ndarray, "case concept"]


def likely_values(
    predicted: Float[np.ndarray, "known concept"],
    truth: Float[np.ndarray, "known concept"],
    given: Float[np.ndarray, "case concept"],
    themselves: bool = False,
) -> Float[np.ndarray, "case concept guess"]:
    """Say what a check may find: the grade given, plus an error seen at a like grade.

    Args:
        predicted: Grades of cases that the network was not trained on.
        truth: Their true grades.
        given: Grades of the cases at hand.
        themselves: The cases at hand are the known ones, in the same order: a case then learns
            nothing from its own error.

    Returns:
        Quantiles in [0, 1], from the lowest on.

    Raises:
        UserError: If there are too few known cases to learn errors from.
    """
    known, concepts = predicted.shape
    if known < 3:
        raise requirement("known cases", "number 3 or more", known, "measure on more of them")
    wanted = min(max(_LEAST, round(_SHARE * known)), known - 1)
    width = wanted + 1 if themselves else wanted
    picked = ((np.arange(GUESSES) + 0.5) / GUESSES * wanted).astype(np.intp)
    found = np.empty((len(given), concepts, GUESSES), np.float32)
    for k in range(concepts):
        order = np.argsort(predicted[:, k], kind="stable")
        grades, errors = predicted[order, k], (truth - predicted)[order, k]
        # The middle of equal grades, where there are any.
        middle = np.searchsorted(grades, given[:, k], "left")
        middle = (middle + np.searchsorted(grades, given[:, k], "right")) // 2
        near = np.clip(middle - width // 2, 0, known - width)[:, None] + np.arange(width)
        if themselves:
            own = near == np.argsort(order, kind="stable")[:, None]
            own[:, -1] |= ~own.any(axis=1)
            near = near[~own].reshape(len(given), wanted)
        values = np.clip(given[:, k, None] + errors[near], 0, 1)
        found[:, k] = np.sort(values, axis=1)[:, picked]
    return found


def worth(
    head: Head,
    policy: Policy,
    activations: Float[np.ndarray, "case output"],
    values: Float[np.ndarray, "case concept guess"],
) -> Worth:
    """Weigh what a check of each concept may find by what it would do to the answer.

    The other concepts are held at what is known of them. The answer before the check is the mean
    over what the check may find, so that looking never loses: a check that cannot change the
    chances is worth 0 bits.

    Source: Lindley 1956, On a measure of the information provided by an experiment.

    Args:
        head: From concepts to classes.
        policy: Its cut-off decides between two classes.
        activations: Concepts (then residual channels) as they stand now.
        values: From ``likely_values``.
    """
    cases, concepts, guesses = values.shape
    bits, changes, shift = (np.zeros((cases, concepts)) for _ in range(3))
    for start in range(0, cases, _BLOCK):
        rows = slice(start, start + _BLOCK)
        here, block = activations[rows], len(activations[rows])
        before = head.probabilities(head.class_logits(here))
        decided = predicted_class(before, policy)
        for k in range(concepts):
            tried = np.repeat(here, guesses, axis=0)
            tried[:, k] = values[rows, k].ravel()
            chances = head.probabilities(head.class_logits(tried))
            other = predicted_class(chances, policy).reshape(block, guesses) != decided[:, None]
            chances = chances.reshape(block, guesses, -1)
            told = chances[np.arange(block), :, decided]
            known = before[np.arange(block), decided]
            mean = chances.mean(axis=1)
            bits[rows, k] = np.maximum(_entropy(mean) - _entropy(chances).mean(axis=1), 0)
            changes[rows, k] = other.mean(axis=1)
            shift[rows, k] = np.abs(told - known[:, None]).mean(axis=1)
    return Worth(bits, changes, shift)


def ranks_by_worth(
    head: Head,
    policy: Policy,
    activations: Float[np.ndarray, "case output"],
    truth: Float[np.ndarray, "case concept"],
    values: Float[np.ndarray, "case concept guess"],
) -> Int[np.ndarray, "case concept"]:
    """Check what is worth most, take in what is found, and weigh the rest anew.

    Args:
        head: From concepts to classes.
        policy: Its cut-off decides between two classes.
        activations: What the network found.
        truth: What a check finds.
        values: From ``likely_values``.

    Returns:
        When each concept is checked: 0 is the first.
    """
    now, known = np.array(activations), head.read(truth)
    cases, concepts = known.shape
    ranks = np.full((cases, concepts), concepts)
    rows = np.arange(cases)
    for step in range(concepts):
        left = np.where(ranks < concepts, -1.0, worth(head, policy, now, values).bits)
        chosen = left.argmax(axis=1)
        ranks[rows, chosen] = step
        now[rows, chosen] = known[rows, chosen]
    return ranks


def ranks_by_doubt(
    values: Float[np.ndarray, "case concept guess"],
) -> Int[np.ndarray, "case concept"]:
    """Check first where the network is most likely to be far off, whatever hangs on it.

    The doubt about a graded concept is the standard deviation of what a check may find; of a
    binary one, it is largest where the error rate is one half.
    """
    doubt = values.astype(np.float64).std(axis=2)
    return np.argsort(-doubt, axis=1, kind="stable").argsort(axis=1)


def _entropy(chances: Float[np.ndarray, "*any class"]) -> Float[np.ndarray, "*any"]:
    """In bits, over the last axis."""
    exact = chances.astype(np.float64)
    entropy: np.ndarray = -(exact * np.log2(np.maximum(exact, 1e-300))).sum(axis=-1)
    return entropy
