"""Two axes that spread cases as far apart as a plane can: principal components."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Plane:
    """A plane through the mean of known cases.

    Attributes:
        mean: Of the cases it was fitted on.
        axes: Two directions of length 1; what weighs most on each points to the positive side.
    """

    mean: Float[np.ndarray, " column"]
    axes: Float[np.ndarray, "2 column"]

    @classmethod
    def fit(cls, known: Float[np.ndarray, "case column"]) -> Self:
        """Take the first two principal components.

        Source: Pearson 1901. No column is scaled: all are to be graded alike, from 0 to 1.
        """
        mean = known.mean(axis=0, dtype=np.float64)
        _, _, directions = np.linalg.svd(known - mean, full_matrices=False)
        axes = np.zeros((2, known.shape[1]))
        axes[: min(2, len(directions))] = directions[:2]
        heaviest = np.abs(axes).argmax(axis=1)
        axes *= np.where(axes[np.arange(2), heaviest] < 0, -1.0, 1.0)[:, None]
        return cls(mean, axes)

    @classmethod
    def of_columns(cls, known: Float[np.ndarray, "case column"], x: int, y: int) -> Self:
        """Take two columns as they are; places count from their means."""
        axes = np.zeros((2, known.shape[1]))
        axes[[0, 1], [x, y]] = 1.0
        return cls(known.mean(axis=0, dtype=np.float64), axes)

    def place(self, cases: Float[np.ndarray, "case column"]) -> Float[np.ndarray, "case 2"]:
        """Put cases on the plane, the mean at the origin."""
        return np.asarray((cases - self.mean) @ self.axes.T)

    def held(self, cases: Float[np.ndarray, "case column"]) -> float:
        """Share of the spread of some cases that the plane holds; NaN if they are all alike.

        The spread is the sum over columns of the variance; of two columns as axes, once where
        both are the same.
        """
        spread = float(cases.var(axis=0, dtype=np.float64).sum())
        axes = self.axes[:1] if np.allclose(*self.axes) else self.axes
        kept = float((cases @ axes.T).var(axis=0, dtype=np.float64).sum())
        return kept / spread if spread > 0 else float("nan")
