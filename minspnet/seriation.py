"""Orders of units and cases in which a heat map shows what structure there is."""

import numpy as np
from jaxtyping import Bool, Float, Int


def scale_units(values: Float[np.ndarray, "case unit"]) -> Float[np.ndarray, "case unit"]:
    """Share of each unit's largest absolute value, from -1 to 1; NaN stays, as does a dead unit."""
    largest = np.abs(np.nan_to_num(values)).max(axis=0, initial=0)
    return values / np.where(largest > 0, largest, 1)


def arrange_cases(
    values: Float[np.ndarray, "case unit"],
    active: Bool[np.ndarray, "case expert"],
    predicted: Int[np.ndarray, " case"],
    labels: Int[np.ndarray, " case"],
) -> Int[np.ndarray, " case"]:
    """Rows by class, then decision, then the experts that ran, then alike ones together.

    Alike: along the first principal component of the units, where NaN counts as the mean.
    """
    centred = np.nan_to_num(values - mean_that_ran(values))
    along = np.zeros(len(values))
    if centred.any():
        along = centred @ np.linalg.svd(centred, full_matrices=False)[2][0]
    experts = tuple(~active[:, e] for e in reversed(range(active.shape[1])))
    return np.lexsort((along, *experts, predicted, labels))


def arrange_units(auc: Float[np.ndarray, "unit class"]) -> Int[np.ndarray, " unit"]:
    """Units by the class they are strongest in, the clearest first; of two classes, by one AUC."""
    known = np.nan_to_num(auc, nan=0.5)
    if auc.shape[1] == 2:
        return np.argsort(-known[:, 0], kind="stable")
    return np.lexsort((-known.max(axis=1), known.argmax(axis=1)))


def mean_that_ran(values: Float[np.ndarray, "case unit"]) -> Float[np.ndarray, " unit"]:
    """Mean over the cases that are not NaN; NaN where all are."""
    counts = (~np.isnan(values)).sum(axis=0)
    return np.where(counts, np.nansum(values, axis=0) / np.maximum(counts, 1), np.nan)


def merge_neighbours(
    order: Int[np.ndarray, " shown"], kinds: Int[np.ndarray, "case key"], most: int
) -> tuple[Int[np.ndarray, " _"], ...]:
    """Groups of neighbours of one kind, as few to a group as makes about ``most`` groups.

    Kinds are told apart by the leading keys only where all of them would make too many groups.

    Args:
        order: Rows, or some of them, equal kinds side by side.
        kinds: Of each row; the keys that must not be mixed come first: class and decision.
        most: At least one group a kind is made, whatever it says.
    """
    for keys in (kinds.shape[1], 2):
        ordered = kinds[order, :keys]
        cuts = np.flatnonzero((ordered[1:] != ordered[:-1]).any(axis=1)) + 1
        if len(cuts) < most:
            break
    blocks = np.split(order, cuts)
    largest = max(map(len, blocks))
    for size in range(1, largest + 1):
        if sum(-(-len(block) // size) for block in blocks) <= most:
            break
    return tuple(piece for b in blocks for piece in np.array_split(b, -(-len(b) // size)))
