"""Fit the temperature that makes probabilities mean what they say."""

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from minspnet.errors import requirement


def fit_temperature(
    class_logits: Float[np.ndarray, "case class"], labels: Int[np.ndarray, " case"]
) -> float:
    """Find the temperature with the least log loss on held-out cases.

    Args:
        class_logits: Of cases that were not trained on.
        labels: Class indices.

    Returns:
        A temperature between 0.05 and 20.

    Raises:
        UserError: If there are no cases.

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks.
    """
    if not len(labels):
        raise requirement("validation cases", "number 1 or more", 0, "use a larger data set")
    chosen = class_logits[np.arange(len(labels)), labels].astype(np.float64)

    def log_loss(log_temperature: float) -> float:
        scale = np.exp(-log_temperature)
        return float((logsumexp(class_logits * scale, axis=1) - chosen * scale).mean())

    best = minimize_scalar(log_loss, bounds=(np.log(0.05), np.log(20)), method="bounded")
    return float(np.exp(best.x))
