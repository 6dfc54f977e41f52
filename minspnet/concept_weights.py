"""What a concept means for the answer: the exact weights of a linear class head."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from minspnet.trace import Head

_USUAL = (0.1, 0.9)


@dataclass(frozen=True)
class ClassWeights:
    """Log-odds that each output adds to each class, against what is compared with.

    Attributes:
        steps: Added as a concept goes from the low end of its scale to the high one, all else
            held; of a residual channel, for each 1 of it. Before calibration: the chance shown
            is that of the log-odds divided by the head's temperature.
        swings: Added as an output goes from the lower to the upper end of its usual range, which
            leaves a tenth of the known cases on either side.
    """

    steps: Float[np.ndarray, "class output"]
    swings: Float[np.ndarray, "class output"]


def class_weights(
    head: Head, known: Float[np.ndarray, "case output"], against: int | None = None
) -> ClassWeights | None:
    """Read the weights off the head.

    Only differences between classes mean anything: which class is the reference is chosen here.

    Args:
        head: From concepts to classes.
        known: Concepts (then residual channels) of cases, for their usual range.
        against: The class compared with; None for the mean of all classes.

    Returns:
        None where the head has no weights of concepts: it compares with prototypes alone.
    """
    if not head.weights[:, : head.concepts].any():
        return None
    all_classes = np.concatenate([np.zeros_like(head.weights[:1]), head.weights]).astype(float)
    reference = all_classes.mean(axis=0) if against is None else all_classes[against]
    steps = all_classes - reference
    low, high = np.quantile(known, _USUAL, axis=0)
    return ClassWeights(steps, steps * (high - low))
