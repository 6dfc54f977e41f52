"""Orders in which cases are worth looking at."""

import re
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from jaxtyping import Float, Int

from minspnet.trace import Decision, Trace

ORDERS: Mapping[str, str] = MappingProxyType(
    {
        "id": "by id",
        "uncertain": "most uncertain first",
        "wrong": "wrong answers only",
        "gates": "gates disagree most",
    }
)


LISTINGS: Mapping[str, str] = MappingProxyType(
    {
        "uncertain": "most uncertain first",
        "wrong": "wrong answers first, the surest on top",
        "costly": "most compute first",
        "gates": "gates disagree most",
        "id": "by id",
    }
)
"""Orders of all cases: like ``ORDERS``, but none is left out."""


def list_cases(
    listing: str,
    trace: Trace,
    decision: Decision,
    labels: Int[np.ndarray, " case"],
    macs: Float[np.ndarray, " case"],
) -> Int[np.ndarray, " row"]:
    """List all rows of a trace in one of ``LISTINGS``; ties go by doubt.

    Args:
        listing: Which order.
        trace: The cases.
        decision: What is made of them.
        labels: Their known classes.
        macs: What each costs.
    """
    doubtful = order_cases("uncertain", trace, decision, labels)
    if listing == "wrong":
        first = order_cases("wrong", trace, decision, labels)
        return np.concatenate([first, doubtful[~np.isin(doubtful, first)]])
    if listing == "costly":
        return doubtful[np.argsort(-macs[doubtful], kind="stable")]
    return order_cases(listing, trace, decision, labels)


def order_cases(
    order: str, trace: Trace, decision: Decision, labels: Int[np.ndarray, " case"]
) -> Int[np.ndarray, " row"]:
    """List rows of a trace in one of ``ORDERS``.

    ``uncertain`` starts where the two most probable classes are closest, ``wrong`` keeps only
    wrong decisions, the most confident first, and ``gates`` starts where the most open and the
    most closed gate of a case are furthest apart.
    """
    if order == "uncertain":
        return np.argsort(_margin(decision), kind="stable")
    if order == "wrong":
        wrong = np.flatnonzero(decision.predicted != labels)
        return wrong[np.argsort(-_margin(decision)[wrong], kind="stable")]
    if order == "gates" and trace.gates.shape[1]:
        return np.argsort(-np.ptp(trace.gates, axis=1), kind="stable")
    rows = sorted(range(len(trace)), key=lambda row: _as_read(trace.case_ids[row]))
    return np.array(rows, dtype=np.intp)


def changed_cases(before: Decision, after: Decision) -> Int[np.ndarray, " row"]:
    """Rows whose decision differs, the largest shift of probability first."""
    rows = np.flatnonzero(before.predicted != after.predicted)
    shift = np.abs(after.probabilities[rows] - before.probabilities[rows]).max(axis=1)
    return rows[np.argsort(-shift, kind="stable")]


def _as_read(case_id: str) -> list[str | int]:
    """Compare numbers in an id as numbers: 2 before 10."""
    # Words and numbers alternate, so that like is only ever compared with like.
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", case_id)]


def _margin(decision: Decision) -> Float[np.ndarray, " case"]:
    ordered = np.sort(decision.probabilities, axis=1)
    margin: np.ndarray = ordered[:, -1] - ordered[:, -2]
    return margin
