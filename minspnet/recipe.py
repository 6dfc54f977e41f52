"""How a network is trained. Data only."""

from dataclasses import dataclass
from typing import Literal

from minspnet.errors import requirement
from minspnet.strict import Recipe

ConceptTraining = Literal["anchored", "independent", "joint"]


@dataclass(frozen=True)
class TrainSpec(Recipe):
    """How a network is trained; with a seed and a split it gives the same weights.

    Attributes:
        epochs: Passes over the training cases.
        batch_size: Cases per step.
        learning_rate: Peak of the warm-up and cosine schedule of AdamW.
        weight_decay: Decoupled weight decay.
        concept_training: ``anchored`` fits the class head on true concepts, freezes it and
            trains concepts and decision through it under random corrections; ``independent``
            leaves the decision out of that training; ``joint`` trains the head along (leaks).
        concept_weight: Weight of the concept loss.
        task_weight: Weight of the class loss (0 under ``independent``).
        correction_rate: Share of concepts replaced by their true value in the class loss, on
            average, so that the network learns to live with corrections.
        head_strength: Inverse L2 penalty of the class head's logistic regression.
        router_cost: Price of an open learned gate, as loss per share of all MACs.
        path_weight: Weight of every partial path and random subset, beside 1 for all experts
            on; 0 trains a static net.
        augment: Turn and mirror pictures at random.
        dropout: Share of a block's features left out in training.
    """

    epochs: int = 120
    batch_size: int = 64
    learning_rate: float = 0.01
    weight_decay: float = 1e-3
    concept_training: ConceptTraining = "anchored"
    concept_weight: float = 2.0
    task_weight: float = 1.0
    correction_rate: float = 0.25
    head_strength: float = 10.0
    router_cost: float = 0.02
    path_weight: float = 0.5
    augment: bool = False
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "head_strength"):
            if not getattr(self, name) > 0:
                raise requirement(name, "be more than 0", getattr(self, name), "correct it")
        for name in (
            "learning_rate",
            "weight_decay",
            "concept_weight",
            "task_weight",
            "router_cost",
            "path_weight",
        ):
            if not getattr(self, name) >= 0:
                raise requirement(name, "be 0 or more", getattr(self, name), "correct it")
        for name, most in (("correction_rate", 1), ("dropout", 0.99)):
            if not 0 <= getattr(self, name) <= most:
                raise requirement(
                    name, f"lie between 0 and {most}", getattr(self, name), "correct it"
                )
