"""What may change without retraining: the thresholds and the what-if edits."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from minspnet.errors import requirement

CLOSED = math.inf
"""The gate threshold that no gate reaches: the expert is ablated."""


@dataclass(frozen=True)
class Policy:
    """Turn evidence into decisions; hashable, so that it can key a cache.

    Attributes:
        gate_thresholds: One per expert, in the network's order. An expert is active where
            its gate is at least its threshold and its parent is active; ``CLOSED`` ablates it.
        decision_threshold: Probability in (0, 1) of the second class from which a two-class
            network decides for it. With more classes the most probable one is taken.
        interventions: Concepts set by hand, as (name, value in [0, 1]) sorted by name.
    """

    gate_thresholds: tuple[float, ...]
    decision_threshold: float = 0.5
    interventions: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        # Plain floats, so that the text form never depends on who made the policy.
        object.__setattr__(self, "gate_thresholds", tuple(map(float, self.gate_thresholds)))
        object.__setattr__(self, "decision_threshold", float(self.decision_threshold))
        edits = sorted((name, float(value)) for name, value in dict(self.interventions).items())
        object.__setattr__(self, "interventions", tuple(edits))
        for threshold in self.gate_thresholds:
            if math.isnan(threshold) or threshold < 0:
                raise requirement(
                    "gate_thresholds", "be 0 or more", threshold, "use 0 to always run the expert"
                )
        if not 0 < self.decision_threshold < 1:
            raise requirement(
                "decision_threshold",
                "lie strictly between 0 and 1",
                self.decision_threshold,
                "0.5 takes the more probable class",
            )
        for concept, value in self.interventions:
            if not 0 <= value <= 1:
                raise requirement(
                    f"intervention on {concept}", "lie between 0 and 1", value, "scale it first"
                )

    @classmethod
    def shared(cls, gate_threshold: float, experts: int) -> Self:
        """Give every expert the same gate threshold; 0 runs them all."""
        return cls((gate_threshold,) * experts)

    def with_gate(self, expert: int, gate_threshold: float) -> Self:
        """Move one expert's gate threshold."""
        thresholds = list(self.gate_thresholds)
        thresholds[expert] = gate_threshold
        return replace(self, gate_thresholds=tuple(thresholds))

    def ablate(self, expert: int) -> Self:
        """Switch an expert off, and with it all experts that need it."""
        return self.with_gate(expert, CLOSED)

    def with_cut(self, decision_threshold: float) -> Self:
        """Move the decision threshold."""
        return replace(self, decision_threshold=decision_threshold)

    def intervene(self, concept: str, value: float) -> Self:
        """Set a concept by hand, replacing an earlier edit of the same one."""
        edits = dict(self.interventions) | {concept: value}
        return replace(self, interventions=tuple(edits.items()))

    def without_interventions(self) -> Self:
        """Drop every what-if edit: the policy that may be saved as an operating point."""
        return replace(self, interventions=())

    def check(self, experts: Sequence[str], concepts: Sequence[str]) -> None:
        """Refuse a policy made for another network.

        Raises:
            UserError: On a wrong number of gate thresholds or an unknown concept.
        """
        if len(self.gate_thresholds) != len(experts):
            raise requirement(
                "gate_thresholds",
                f"have {len(experts)} values (one per expert: {', '.join(experts)})",
                len(self.gate_thresholds),
                "give one each, or leave them out",
            )
        for concept, _ in self.interventions:
            if concept not in concepts:
                raise requirement(
                    "interventions", f"name one of {', '.join(concepts)}", concept, "reset the edit"
                )

    def to_text(self) -> dict[str, str]:
        """Say the policy in short strings that survive a URL or a JSON file exactly."""
        gates = ",".join("off" if math.isinf(t) else repr(t) for t in self.gate_thresholds)
        text = {"gates": gates, "cut": repr(self.decision_threshold)}
        if self.interventions:
            text["edit"] = ",".join(f"{name}:{value!r}" for name, value in self.interventions)
        return text

    @classmethod
    def from_text(
        cls, gates: str = "", cut: str = "0.5", edit: str = "", **unknown: object
    ) -> Self:
        """Read what ``to_text`` wrote.

        Raises:
            UserError: On anything that is not such a text.
        """
        if unknown:
            raise requirement(
                "policy", "hold only gates, cut and edit", ", ".join(unknown), "remove the rest"
            )
        thresholds = tuple(
            CLOSED if part == "off" else _number("gates", part) for part in gates.split(",") if part
        )
        edits = []
        for part in edit.split(","):
            if part:
                name, _, value = part.partition(":")
                edits.append((name, _number(f"edit of {name}", value)))
        return cls(thresholds, _number("cut", cut), tuple(edits))


def _number(parameter: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise requirement(parameter, "be a plain number", repr(text), "correct it or leave it out")
    return number
