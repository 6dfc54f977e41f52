"""Numbers as the tables print them."""

import numpy as np


def spread(values: list[float]) -> str:
    """Mean and standard deviation over runs."""
    if len(values) < 2:
        return f"{values[0]:.4f}"
    return f"{np.mean(values):.4f} ± {np.std(values, ddof=1):.4f}"


def paired(differences: list[float], overlap: float = 0.2 / 0.64) -> str:
    """Mean difference and its standard error.

    Args:
        differences: Of two models on the same splits.
        overlap: Test cases over training cases where training sets overlap; 0 where only seeds
            differ.

    Source: Nadeau & Bengio 2003; a fold tests .2 and trains on .64 of the cases.
    """
    mean = float(np.mean(differences))
    if len(differences) < 2:
        return f"{mean:+.4f}"
    variance = np.var(differences, ddof=1) * (1 / len(differences) + overlap)
    return f"{mean:+.4f} ± {np.sqrt(variance):.4f}"


def row(*cells: str) -> str:
    """One line of a table in Markdown."""
    return f"| {' | '.join(cells)} |"


def header(*titles: str) -> list[str]:
    """The first two lines of a table in Markdown."""
    return [row(*titles), "|---" * len(titles) + "|"]
