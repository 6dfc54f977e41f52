"""Fit the temperature that makes probabilities mean what they say."""

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import brentq, minimize_scalar
from scipy.special import logsumexp, softmax

from minspnet.errors import requirement

_LOWEST, _HIGHEST = 0.05, 20.0


def fit_temperature(
    class_logits: Float[np.ndarray, "case class"], labels: Int[np.ndarray, " case"]
) -> float:
    """Find the temperature with the least log loss on held-out cases.

    Chances promise no fewer errors among them than 1 in n + 2 on average, which is what to expect
    of the next case if none of n was wrong; only the highest temperature may fall short. Cases
    that are all right would be given ever larger chances else: the log loss has no minimum then.

    Args:
        class_logits: Of cases that were not trained on.
        labels: Class indices.

    Returns:
        A temperature between 0.05 and 20.

    Raises:
        UserError: If there are no cases.

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks; the bound is Laplace's rule
    of succession.
    """
    if not len(labels):
        raise requirement("validation cases", "number 1 or more", 0, "use a larger data set")
    chosen = class_logits[np.arange(len(labels)), labels].astype(np.float64)

    def log_loss(log_temperature: float) -> float:
        scale = np.exp(-log_temperature)
        return float((logsumexp(class_logits * scale, axis=1) - chosen * scale).mean())

    def promised(temperature: float) -> float:
        """Errors that chances promise, less those that they have to."""
        largest = softmax(class_logits.astype(np.float64) / temperature, axis=1).max(axis=1)
        return float((1 - largest).mean()) - 1 / (len(labels) + 2)

    bounds = np.log(_LOWEST), np.log(_HIGHEST)
    best = minimize_scalar(log_loss, bounds=bounds, method="bounded")
    found = float(np.exp(best.x))
    if promised(found) >= 0:
        return found
    return brentq(promised, found, _HIGHEST) if promised(_HIGHEST) > 0 else _HIGHEST
