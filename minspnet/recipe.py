"""How a network is trained. Data only."""

from dataclasses import dataclass
from typing import Literal

from minspnet.errors import requirement
from minspnet.strict import Recipe

ConceptTraining = Literal["anchored", "independent", "sequential", "joint"]
Practice = Literal["paths", "router"]
ClassWeights = Literal["none", "balanced"]
GateNoise = Literal["straight_through", "hard_concrete", "sigmoid"]
GainTarget = Literal["squashed", "ranked"]
Schedule = Literal["cosine", "step"]

_ABOVE_ZERO = ("epochs", "batch_size", "head_strength", "distillation_temperature")
_NOT_NEGATIVE = (
    "learning_rate",
    "weight_decay",
    "concept_weight",
    "task_weight",
    "router_cost",
    "path_weight",
    "activity_weight",
    "balance_weight",
    "alignment_weight",
    "gain_weight",
    "distillation_weight",
    "shift",
    "jitter",
    "mixup",
    "cutmix",
    "patience",
    "cluster_weight",
    "separation_weight",
)
_SHARES = (("correction_rate", 1), ("dropout", 0.99), ("label_smoothing", 0.99))


@dataclass(frozen=True)
class TrainSpec(Recipe):
    """How a network is trained; with a seed and a split it gives the same weights.

    Attributes:
        epochs: Passes over the training cases.
        batch_size: Cases per step.
        learning_rate: Peak of AdamW's schedule, reached after a warm-up.
        weight_decay: Decoupled weight decay.
        concept_training: ``anchored`` fits the class head on true concepts, freezes it and
            trains concepts and decision through it under random corrections; ``independent``
            leaves the decision out of that training; ``sequential`` does too and fits the head
            afterwards, on what the network says; ``joint`` trains the head along (leaks).
        concept_weight: Weight of the concept loss.
        task_weight: Weight of the class loss (0 under ``independent`` and ``sequential``).
        correction_rate: Share of concepts replaced by their true value in the class loss, on
            average, so that the network learns to live with corrections.
        head_strength: Inverse L2 penalty of the class head's logistic regression.
        router_cost: Price of an open learned gate, as loss per share of all MACs.
        path_weight: Weight of every partial path and random subset, beside 1 for all experts
            on; 0 trains a static net.
        augment: Turn and mirror pictures at random.
        dropout: Share of a block's features left out in training.
        schedule: ``cosine`` falls to 0; ``step`` divides by 10 at one half and at three
            quarters of the steps.
        label_smoothing: Share of every label that is spread evenly over the classes.
        class_weights: ``balanced`` lets every class count as much as any other, where the
            decision is taught and where concepts are.
        gate_noise: How learned gates open in training: at random with the gradient of a soft
            gate, as hard-concrete variables, or not at random: each contribution is weighed.
        activity_weight: Weight of the experts' mean absolute features.
        balance_weight: Weight of the imbalance between learned gates.
        alignment_weight: Weight of attention that lies outside the evidence masks.
        gain_weight: Weight of the loss that teaches gates of gain what their experts bring.
        gain_target: What such a gate learns: the gain per MAC ``squashed`` into [0, 1], or how
            the pair of case and expert is ``ranked`` by it within the batch.
        distillation_weight: Weight of the distance to a teacher's decision.
        distillation_temperature: Softens both decisions before they are compared.
        flip: Mirror pictures left to right at random.
        shift: Move pictures and signals by up to this many pixels or samples.
        jitter: Standard deviation of noise added to pictures and signals, in units of each
            channel's own standard deviation.
        mixup: Of the beta distribution that shares are drawn from when two cases are mixed.
        cutmix: The same, when a part of one picture is pasted into another.
        patience: Epochs without a lower validation loss after which training stops; 0 never
            stops it.
        freeze: Parts that stay as they are: ``stem``, ``base_exit``, ``head``, ``experts``, or
            an expert's name.
        practice: Which ways through the forest are practised: all experts on and every partial
            path (``paths``), or only those that the router chooses (``router``), which lets
            experts specialise and gives up that any threshold may be moved.
        cluster_weight: Weight of a case's distance to the nearest prototype of its class.
        separation_weight: Weight of its nearness to those of the other classes.
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
    schedule: Schedule = "cosine"
    label_smoothing: float = 0.0
    class_weights: ClassWeights = "none"
    gate_noise: GateNoise = "straight_through"
    activity_weight: float = 0.0
    balance_weight: float = 0.0
    alignment_weight: float = 0.0
    gain_weight: float = 0.0
    gain_target: GainTarget = "squashed"
    distillation_weight: float = 0.0
    distillation_temperature: float = 2.0
    flip: bool = False
    shift: int = 0
    jitter: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0
    patience: int = 0
    freeze: tuple[str, ...] = ()
    practice: Practice = "paths"
    cluster_weight: float = 0.8
    separation_weight: float = 0.08

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in _ABOVE_ZERO:
            if not getattr(self, name) > 0:
                raise requirement(name, "be more than 0", getattr(self, name), "correct it")
        for name in _NOT_NEGATIVE:
            if not getattr(self, name) >= 0:
                raise requirement(name, "be 0 or more", getattr(self, name), "correct it")
        for name, most in _SHARES:
            if not 0 <= getattr(self, name) <= most:
                raise requirement(
                    name, f"lie between 0 and {most}", getattr(self, name), "correct it"
                )
