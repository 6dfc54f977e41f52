"""What is lost without one unit: the network run anew with that unit at 0.

Intervals and tests take cases as independent: where several belong to one group, they are too
narrow.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from minspnet.activations import silenced
from minspnet.metrics import accuracy, mean_auc, sign_test
from minspnet.network import Network, run
from minspnet.policy import Policy
from minspnet.selectivity import auc_influence, paired_interval
from minspnet.trace import Trace, replay


@dataclass(frozen=True)
class Ablation:
    """What changes when one unit is switched off, under one policy.

    Attributes:
        layer: Place among the network's layers.
        unit: Place within the layer.
        cases: On which it was tried.
        accuracy: With the unit.
        accuracy_change: Without it, less with it.
        accuracy_interval: Of the change, 95 %, paired; too narrow where few cases change.
        accuracy_p: Of an exact sign test on the cases made right against those made wrong.
        auc: With the unit.
        auc_change: Without it, less with it; NaN if a class is missing.
        auc_interval: Of the change, 95 %, paired.
        flipped: Rows of the cases decided otherwise.
        now: The class that each of them gets without the unit.
        rerouted: Cases for which another set of experts runs: gates are evidence, too.
        moved: Mean change of each concept logit (then residual channel).
        moved_interval: Of that mean, 95 %.
        strength: Mean absolute change of the concept logits, over cases and concepts.
    """

    layer: int
    unit: int
    cases: int
    accuracy: float
    accuracy_change: float
    accuracy_interval: tuple[float, float]
    accuracy_p: float
    auc: float
    auc_change: float
    auc_interval: tuple[float, float]
    flipped: Int[np.ndarray, " flip"]
    now: Int[np.ndarray, " flip"]
    rerouted: int
    moved: Float[np.ndarray, " output"]
    moved_interval: Float[np.ndarray, "output 2"]
    strength: float


def ablate(
    network: Network,
    before: Trace,
    inputs: Float[np.ndarray, "case *input"],
    labels: Int[np.ndarray, " case"],
    policy: Policy,
    layer: int,
    unit: int,
) -> Ablation:
    """Run a network whole, gates included, with one unit at 0, and decide under the same policy.

    Args:
        network: Left as it is.
        before: Its evidence on the inputs, by ``minspnet.network.run`` on this machine, so that
            nothing but the unit makes a difference.
        inputs: Of the same cases.
        labels: True classes.
        policy: Without interventions, which would hide what the unit does.
        layer: Place among ``minspnet.activations.layers_of``.
        unit: Place within the layer.

    Raises:
        UserError: If there is no such unit.
    """
    with silenced(network, layer, unit) as without:
        trace = run(without, before.case_ids, inputs, before.concept_names)
    plain = policy.without_interventions()
    was, now = replay(before, plain), replay(trace, plain)
    right = (was.predicted == labels).astype(np.float64), (now.predicted == labels).astype(float)
    areas = [mean_auc(decided.probabilities, labels) for decided in (was, now)]
    pulls = auc_influence(now.probabilities, labels) - auc_influence(was.probabilities, labels)
    change = areas[1] - areas[0]
    moved = now.outputs.astype(np.float64) - was.outputs
    flipped = np.flatnonzero(was.predicted != now.predicted)
    return Ablation(
        layer,
        unit,
        len(labels),
        accuracy(was.predicted, labels),
        float((right[1] - right[0]).mean()),
        paired_interval(right[1] - right[0]),
        sign_test(int((right[1] > right[0]).sum()), int((right[1] < right[0]).sum())),
        areas[0],
        change,
        paired_interval(pulls + change),
        flipped,
        now.predicted[flipped],
        int((was.active != now.active).any(axis=1).sum()),
        moved.mean(axis=0),
        np.array([paired_interval(column) for column in moved.T]),
        float(np.abs(moved).mean()),
    )
