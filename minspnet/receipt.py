"""The compute receipt of one case: which parts ran, which did not and why, and what each cost."""

import json
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from minspnet.latency import Latency
from minspnet.metrics import CostTable
from minspnet.policy import Policy
from minspnet.strict import Recipe
from minspnet.trace import ExpertTree, Trace, replay

TRUNK = "stem, base exit and class head"


@dataclass(frozen=True)
class Item(Recipe):
    """One line.

    Attributes:
        part: The trunk, or an expert.
        ran: Whether it did.
        reason: Why not; empty where it ran.
        gate: Its score; None for the trunk, which every case pays.
        gate_threshold: What the gate had to reach; None for the trunk, and where it is off.
        macs: Spent, the gates behind the part included; 0 where it did not run.
        macs_if_run: What it would have cost.
        microseconds: Measured for such a part, 0 where it did not run; None without a measurement.
    """

    part: str
    ran: bool
    reason: str
    gate: float | None
    gate_threshold: float | None
    macs: int
    macs_if_run: int
    microseconds: float | None


@dataclass(frozen=True)
class Receipt(Recipe):
    """All lines of a case; they add up to what it cost.

    Attributes:
        case: Id.
        items: The trunk, then each expert.
        macs: Spent by the case; FLOPs are twice as many.
        total_macs: With every expert on.
        microseconds: Measured for exactly the experts that ran, as a whole; the lines are what
            each adds on average, and need not sum to it.
        machine: Where it was measured.
    """

    case: str
    items: tuple[Item, ...]
    macs: int
    total_macs: int
    microseconds: float | None
    machine: str | None

    def to_json(self) -> str:
        """Write it for a file."""
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False)


def receipt(case: Trace, policy: Policy, cost: CostTable, latency: Latency | None) -> Receipt:
    """List what one case ran and what it cost.

    Args:
        case: A trace of one case.
        policy: Under which it is decided.
        cost: MACs per part.
        latency: Of the same network, if it was measured.
    """
    assert len(case) == 1, "a receipt is for one case"
    active = replay(case, policy).active
    reasons = why_skipped(case.tree, policy, active[0])
    items = [
        Item(TRUNK, True, "", None, None, cost.base, cost.base, _microseconds(latency, True, None))
    ]
    for expert, name in enumerate(case.tree.names):
        ran = bool(active[0, expert])
        threshold = policy.gate_thresholds[expert]
        items.append(
            Item(
                name,
                ran,
                reasons[expert],
                float(case.gates[0, expert]),
                None if threshold > 1 else threshold,
                cost.experts[expert] if ran else 0,
                cost.experts[expert],
                _microseconds(latency, ran, expert),
            )
        )
    machine = latency.machine if latency else None
    return Receipt(
        case.case_ids[0],
        tuple(items),
        sum(item.macs for item in items),
        cost.total,
        1000 * float(latency.of(active)[0]) if latency else None,
        f"{machine.processor}, ONNX Runtime {machine.runtime}, {machine.threads} thread"
        if machine
        else None,
    )


def why_skipped(
    tree: ExpertTree, policy: Policy, active: Bool[np.ndarray, " expert"]
) -> tuple[str, ...]:
    """Say of each expert why it did not run for one case; nothing where it did."""
    reasons = []
    for expert, parent in enumerate(tree.parents):
        if active[expert]:
            reasons.append("")
        elif parent >= 0 and not active[parent]:
            reasons.append(f"not reached: no {tree.names[parent]}")
        else:
            off = policy.gate_thresholds[expert] > 1
            reasons.append("switched off" if off else "gate is lower")
    return tuple(reasons)


def _microseconds(latency: Latency | None, ran: bool, expert: int | None) -> float | None:
    if latency is None:
        return None
    milliseconds = latency.base if expert is None else latency.added[expert]
    return 1000 * milliseconds if ran else 0.0
