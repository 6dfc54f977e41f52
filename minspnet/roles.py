"""What each expert is for: whom it serves, what it moves, and what is lost without it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from minspnet.policy import Policy
from minspnet.sweep import Outcomes, Score
from minspnet.tally import popcount
from minspnet.trace import replay


@dataclass(frozen=True)
class Roles:
    """The part that each expert plays under one policy, on labelled cases.

    Attributes:
        load: Share of each class's cases for which the expert runs.
        lost: Accuracy lost, by class, when it is switched off, and with it all that need it;
            below 0, the class is better off without.
        lost_overall: The same over all cases.
        macs_saved: Mean MACs per case that switching it off saves.
        moved: Mean distance by which it moves each concept, in [0, 1], where it runs; NaN if it
            never does.
    """

    load: Float[np.ndarray, "expert class"]
    lost: Float[np.ndarray, "expert class"]
    lost_overall: Float[np.ndarray, " expert"]
    macs_saved: Float[np.ndarray, " expert"]
    moved: Float[np.ndarray, "expert concept"]


def roles(outcomes: Outcomes, policy: Policy) -> Roles:
    """Switch the experts off one at a time, and see who is decided otherwise.

    Nothing is estimated: each ablation is a policy of its own, counted over all cases.
    """
    trace, plain = outcomes.trace, policy.without_interventions()
    with_it, score = replay(trace, plain), outcomes.score(plain)
    count, named = len(trace.tree.names), len(trace.concept_names)
    moved = np.full((count, named), np.nan)
    without: list[Score] = []
    for expert in range(count):
        ablated = plain.ablate(expert)
        without.append(outcomes.score(ablated))
        ran = with_it.active[:, expert]
        if ran.any():
            gone = replay(trace, ablated).concepts[ran, :named]
            moved[expert] = np.abs(with_it.concepts[ran, :named] - gone).mean(axis=0)
    counted = outcomes.tally(plain.decision_threshold)
    by_set = counted.by_set(plain.gate_thresholds)
    classes = counted.present
    per_set = np.array([[popcount(c & members) for c in by_set] for members in counted.members])
    load = (per_set @ counted.sets).T / np.maximum(classes, 1)
    recalls = np.array([s.recalls for s in without]).reshape(count, len(classes))
    return Roles(
        np.where(classes, load, np.nan),
        np.array(score.recalls) - recalls,
        score.accuracy - np.array([s.accuracy for s in without]),
        score.mean_macs - np.array([s.mean_macs for s in without]),
        moved,
    )


def routing_entropy(set_shares: tuple[float, ...]) -> float:
    """How varied the routing is, in bits: 0 if all cases run the same experts.

    Source: Shannon 1948, of the shares of cases that run each set of experts.
    """
    shares = np.array([share for share in set_shares if share > 0])
    return float(-(shares * np.log2(shares)).sum()) + 0.0
