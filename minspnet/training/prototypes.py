"""Prototypes: known cases that stand for their class, in the space of true concepts."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.spatial.distance import pdist
from torch.nn import functional

from minspnet.errors import requirement

_STEPS = 300
_LEARNING_RATE = 0.02
_MOST_PAIRS = 1000


@dataclass(frozen=True)
class PrototypeLosses:
    """The terms at the end of learning, each on its own.

    Attributes:
        classes: Cross-entropy of the class by likeness alone, in nats.
        cluster: Mean squared distance to the nearest prototype of a case's own class.
        separation: Mean squared distance to the nearest one of another class, negated.
    """

    classes: float
    cluster: float
    separation: float


@dataclass(frozen=True)
class LearnedPrototypes:
    """Prototypes, each pushed onto a training case of its class.

    Attributes:
        rows: Which training case each one is; class after class.
        concepts: True concepts of those cases.
        sharpness: Makes two training cases at the median distance alike by one half.
        losses: Before the push.
    """

    rows: Int[np.ndarray, " prototype"]
    concepts: Float[np.ndarray, "prototype concept"]
    sharpness: float
    losses: PrototypeLosses


def learn_prototypes(
    concepts: Float[np.ndarray, "case concept"],
    labels: Int[np.ndarray, " case"],
    per_class: int,
    classes: int,
    cluster: float,
    separation: float,
    seed: int,
) -> LearnedPrototypes:
    """Learn points near their class and far from others, then push each onto a real case.

    Args:
        concepts: True graded concepts of labelled training cases.
        labels: Class indices.
        per_class: Prototypes of each class.
        classes: Number of classes.
        cluster: Weight of being near a prototype of the own class.
        separation: Weight of being far from those of the others.
        seed: Of the starting points.

    Raises:
        UserError: If a class has fewer cases than prototypes.

    Source: Chen et al. 2019, This Looks Like That (cluster and separation terms, eq. 2, and the
    push, eq. 4), in concept space; the separation is bounded by the unit cube, so it needs no
    margin.
    """
    given = torch.as_tensor(concepts, dtype=torch.float32)
    known = torch.as_tensor(labels, dtype=torch.long)
    owner = torch.arange(classes).repeat_interleave(per_class)
    sharpness = _sharpness(concepts, seed)
    points = torch.tensor(_starts(concepts, labels, per_class, classes, seed), requires_grad=True)
    own = owner[None] == known[:, None]
    optimiser = torch.optim.Adam([points], _LEARNING_RATE)
    with torch.enable_grad():
        for _ in range(_STEPS):
            squared = (given[:, None] - points[None]).square().sum(dim=2)
            alike = torch.exp(-sharpness * squared)
            by_class = alike @ functional.one_hot(owner, classes).float() / per_class
            terms = (
                functional.cross_entropy(by_class / 0.1, known),
                squared.masked_fill(~own, torch.inf).amin(dim=1).mean(),
                -squared.masked_fill(own, torch.inf).amin(dim=1).mean(),
            )
            loss = terms[0] + cluster * terms[1] + separation * terms[2]
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
    rows = _push(concepts, labels, points.detach().numpy(), owner.numpy())
    losses = PrototypeLosses(*(float(term.detach()) for term in terms))
    return LearnedPrototypes(rows, concepts[rows].astype(np.float32), sharpness, losses)


def _starts(
    concepts: np.ndarray, labels: np.ndarray, per_class: int, classes: int, seed: int
) -> np.ndarray:
    """Centres of each class's clusters."""
    from sklearn.cluster import KMeans

    centres = []
    for label in range(classes):
        of_class = concepts[labels == label]
        if len(of_class) < per_class:
            raise requirement(
                "prototypes per class",
                f"be at most {len(of_class)}, the training cases of class {label}",
                per_class,
                "ask for fewer",
            )
        centres.append(
            KMeans(per_class, n_init=1, random_state=seed).fit(of_class).cluster_centers_
        )
    return np.concatenate(centres).astype(np.float32)


def _sharpness(concepts: np.ndarray, seed: int) -> float:
    """Half the likeness at the median distance of two cases; 1 if they hardly differ."""
    chosen = np.random.default_rng(seed).permutation(len(concepts))[:_MOST_PAIRS]
    median = float(np.median(pdist(concepts[chosen], "sqeuclidean"))) if len(chosen) > 1 else 0.0
    return float(np.log(2) / median) if median > 1e-6 else 1.0


def _push(
    concepts: np.ndarray, labels: np.ndarray, points: np.ndarray, owner: np.ndarray
) -> Int[np.ndarray, " prototype"]:
    """The nearest training case of its class that no prototype before it has taken."""
    rows: list[int] = []
    for point, label in zip(points, owner, strict=True):
        apart = np.square(concepts - point).sum(axis=1)
        apart[labels != label] = np.inf
        apart[rows] = np.inf
        rows.append(int(apart.argmin()))
    return np.array(rows, dtype=np.intp)
