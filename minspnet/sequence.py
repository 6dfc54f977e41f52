"""Testing many hypotheses in an order fixed beforehand, all of them at one level of error."""

import numpy as np
from jaxtyping import Bool, Float

_FIRST = 0.5
_STRIDE = 3


def levels(hypotheses: int, error: float, fresh_starts: bool) -> Float[np.ndarray, " hypothesis"]:
    """Share out the error before anything is tested.

    Args:
        hypotheses: How many, in the order of testing.
        error: To be shared out.
        fresh_starts: Keep half of it for later starts, every third hypothesis, so that one
            failure does not end everything. Without, the first has all of it: a fixed sequence.
    """
    first = np.zeros(hypotheses)
    starts = np.arange(_STRIDE, hypotheses, _STRIDE)
    spread = fresh_starts and len(starts) > 0
    if spread:
        first[starts] = (1 - _FIRST) * error / len(starts)
    first[:1] = _FIRST * error if spread else error
    return first


def rejected(
    p_values: Float[np.ndarray, " hypothesis"], first: Float[np.ndarray, " hypothesis"]
) -> Bool[np.ndarray, " hypothesis"]:
    """Say which hypotheses fall; that a true one is among them is as likely as the levels' sum.

    Whatever falls hands its level to the next that stands, and the last one to the first. With
    all of the level on the first this is testing in a fixed sequence, up to the first failure.

    Source: Bretz et al. 2009, A graphical approach to sequentially rejective multiple test
    procedures, with one ring as the graph; Angelopoulos et al. 2021, Learn then Test, test
    policies in this way.
    """
    level = np.array(first)
    fallen = np.zeros(len(level), dtype=bool)
    while (ready := np.flatnonzero(~fallen & (level > 0) & (p_values <= level))).size:
        place = int(ready[0])
        fallen[place] = True
        standing = np.flatnonzero(~fallen)
        if not standing.size:
            break
        later = standing[standing > place]
        level[later[0] if later.size else standing[0]] += level[place]
        level[place] = 0
    return fallen
