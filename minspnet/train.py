"""Training: every path through the forest practised, so that thresholds may move later."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from minspnet.data import UNLABELLED
from minspnet.errors import requirement
from minspnet.losses import (
    class_loss,
    concept_deviance,
    null_deviance,
    randomly_corrected,
    straight_through_gates,
)
from minspnet.network import Evidence, Network, check_inputs
from minspnet.recipe import TrainSpec
from minspnet.spec import ModelSpec


@dataclass(frozen=True)
class TrainingData:
    """Training cases only.

    Attributes:
        inputs: As the domain gives them.
        concepts: Graded truth in [0, 1].
        labels: Class index, or ``UNLABELLED``: such a case teaches concepts only.
    """

    inputs: Float[np.ndarray, "case *input"]
    concepts: Float[np.ndarray, "case concept"]
    labels: Int[np.ndarray, " case"]


Progress = Callable[[int, dict[str, float]], None]
"""Called after each epoch with its number and the mean of each loss term."""

StepHook = Callable[[Network, int, int], None]
"""Called with the network, gradients still in place, the steps done and the steps in all."""


def train(
    spec: ModelSpec,
    recipe: TrainSpec,
    data: TrainingData,
    expert_costs: Float[np.ndarray, " expert"],
    seed: int,
    on_epoch: Progress | None = None,
    start: Network | None = None,
    after_step: StepHook | None = None,
) -> Network:
    """Train a network, from scratch or from given weights.

    Args:
        spec: Architecture.
        recipe: How to train it.
        data: Training cases; normalisation and class head are fitted on them alone.
        expert_costs: Each expert's share of all MACs, the price of its learned gate.
        seed: Gives the same weights again on the same machine.
        on_epoch: Told the loss terms after each epoch.
        start: Begin with a copy of its weights and normalisation, in place of random ones.
        after_step: Called after each step of the optimiser.

    Raises:
        UserError: If the data do not fit the spec or hold a single class.
    """
    _check(spec, recipe, data)
    inputs = torch.as_tensor(data.inputs, dtype=torch.float32)
    truth = torch.as_tensor(data.concepts, dtype=torch.float32)
    labels = torch.as_tensor(data.labels, dtype=torch.long)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = Network(spec, recipe.dropout)
        network.stem.standardise.fit(inputs)
        if start is not None:
            network.load_state_dict(start.state_dict())
        if recipe.concept_training != "joint":
            fit_head(network, data.concepts, data.labels, recipe.head_strength)
        objective = Objective(network, recipe, expert_costs, null_deviance(truth), seed)
        generator = torch.Generator().manual_seed(seed)
        batches = max(1, len(inputs) // recipe.batch_size)
        steps = batches * recipe.epochs
        optimiser, schedule = _optimiser(network, recipe, steps)
        step = 0
        for epoch in range(recipe.epochs):
            network.train()
            totals: dict[str, float] = {}
            for rows in torch.randperm(len(inputs), generator=generator).tensor_split(batches):
                batch = turned(inputs[rows], generator) if recipe.augment else inputs[rows]
                terms = objective(network.evidence(batch), truth[rows], labels[rows])
                optimiser.zero_grad(set_to_none=True)
                torch.stack(list(terms.values())).sum().backward()
                optimiser.step()
                schedule.step()
                step += 1
                if after_step is not None:
                    after_step(network, step, steps)
                for name, term in terms.items():
                    totals[name] = totals.get(name, 0.0) + float(term.detach()) / batches
            if on_epoch is not None:
                on_epoch(epoch, totals)
    return network.eval()


class Objective:
    """The loss of one batch, term by term, over many ways through the forest."""

    def __init__(
        self,
        network: Network,
        recipe: TrainSpec,
        expert_costs: Float[np.ndarray, " expert"],
        unexplained: Float[Tensor, " concept"],
        seed: int,
    ) -> None:
        self.unexplained = unexplained
        self.head = network.head
        self.recipe = recipe
        self.concepts = network.spec.concepts
        self.parents = network.tree.parents
        self.generator = torch.Generator().manual_seed(seed + 1)
        self.costs = torch.as_tensor(expert_costs, dtype=torch.float32)
        self.learned = torch.tensor([e.gate == "learned" for e in network.spec.experts])
        experts = len(self.parents)
        paths = torch.zeros(experts + 1, experts)
        for expert in range(experts):
            paths[expert + 1, list(network.tree.path(expert))] = 1
        self.partial_paths = paths

    def __call__(
        self,
        evidence: Evidence,
        truth: Float[Tensor, "case concept"],
        labels: Int[Tensor, " case"],
    ) -> dict[str, Float[Tensor, ""]]:
        """Weigh all experts on, every partial path, a random subset, and the router's choice."""
        everything = torch.ones(len(truth), len(self.parents))
        ways = [(1.0, everything)]
        if self.recipe.path_weight and self.parents:
            partial = [path.expand(len(truth), -1) for path in self.partial_paths]
            subset = (torch.rand(everything.shape, generator=self.generator) < 0.5).float()
            partial.append(self._close(subset))
            if self.learned.any():
                partial.append(self._router_choice(evidence.gates))
            ways += [(self.recipe.path_weight, way) for way in partial]
        terms = {"concept": truth.new_zeros(()), "class": truth.new_zeros(())}
        total = sum(weight for weight, _ in ways)
        for weight, active in ways:
            outputs = evidence.base + torch.einsum("ne,neo->no", active, evidence.contributions)
            share = weight / total
            terms["concept"] = terms["concept"] + share * self._concept_term(outputs, truth)
            terms["class"] = terms["class"] + share * self._class_term(outputs, truth, labels)
        if self.learned.any():
            open_share = (evidence.gates * self.costs)[:, self.learned].sum(1).mean()
            terms["router"] = self.recipe.router_cost * open_share
        return terms

    def _concept_term(self, outputs: Tensor, truth: Tensor) -> Tensor:
        deviance = concept_deviance(outputs[:, : self.concepts], truth)
        return self.recipe.concept_weight * (deviance / self.unexplained).mean()

    def _class_term(self, outputs: Tensor, truth: Tensor, labels: Tensor) -> Tensor:
        if self.recipe.concept_training == "independent" or not self.recipe.task_weight:
            return outputs.new_zeros(())
        activations = self.head.activate(outputs)
        if self.recipe.correction_rate:
            activations = randomly_corrected(
                activations, truth, self.recipe.correction_rate, self.generator
            )
        return self.recipe.task_weight * class_loss(self.head.class_logits(activations), labels)

    def _router_choice(self, gates: Tensor) -> Tensor:
        sampled = straight_through_gates(gates, self.generator)
        return self._close(torch.where(self.learned, sampled, torch.ones_like(sampled)))

    def _close(self, active: Tensor) -> Tensor:
        """An expert needs its parent; products keep the gradient of soft gates."""
        columns: list[Tensor] = []
        for expert, parent in enumerate(self.parents):
            column = active[:, expert]
            columns.append(column * columns[parent] if parent >= 0 else column)
        return torch.stack(columns, dim=1)


def fit_head(
    network: Network,
    concepts: Float[np.ndarray, "case concept"],
    labels: Int[np.ndarray, " case"],
    strength: float,
) -> None:
    """Fit the class head on true concepts and freeze it: corrections then mean what they say.

    Source: Koh et al. 2020, Concept Bottleneck Models (independent training).
    """
    from sklearn.linear_model import LogisticRegression

    labelled = labels != UNLABELLED
    model = LogisticRegression(C=strength, max_iter=2000)
    model.fit(concepts[labelled].astype(np.float64), labels[labelled])
    weights, bias = model.coef_, model.intercept_
    if len(weights) > 1:
        weights, bias = weights[1:] - weights[:1], bias[1:] - bias[:1]
    with torch.no_grad():
        network.head.weights.copy_(torch.from_numpy(weights))
        network.head.bias.copy_(torch.from_numpy(bias))
    network.head.requires_grad_(False)


def turned(
    images: Float[Tensor, "case channel height width"], generator: torch.Generator
) -> Float[Tensor, "case channel height width"]:
    """Turn each picture by a multiple of 90 degrees and mirror it, at random."""
    turns = torch.randint(8, (len(images),), generator=generator)
    result = images.clone()
    for turn in range(1, 8):
        rows = turns == turn
        image = images[rows].flip(-1) if turn >= 4 else images[rows]
        result[rows] = torch.rot90(image, turn % 4, (-2, -1))
    return result


def _optimiser(
    network: Network, recipe: TrainSpec, steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    trained = [p for p in network.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(
        [
            {"params": [p for p in trained if p.ndim > 1], "weight_decay": recipe.weight_decay},
            {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
        ],
        lr=recipe.learning_rate,
    )
    warm_up = max(1, steps // 20)

    def factor(step: int) -> float:
        if step < warm_up:
            return (step + 1) / warm_up
        return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))

    return optimiser, torch.optim.lr_scheduler.LambdaLR(optimiser, factor)


def _check(spec: ModelSpec, recipe: TrainSpec, data: TrainingData) -> None:
    check_inputs(spec, data.inputs)
    if recipe.batch_size < 2 or len(data.inputs) < 2:
        raise requirement(
            "batch_size and training cases",
            "be 2 or more",
            (recipe.batch_size, len(data.inputs)),
            "normalisation takes its statistics over a batch",
        )
    if not ((data.concepts >= 0) & (data.concepts <= 1)).all():
        bad = data.concepts[~((data.concepts >= 0) & (data.concepts <= 1))][0]
        raise requirement(
            "training concepts", "lie between 0 and 1", bad, "fill missing ones and scale the rest"
        )
    if recipe.augment and len(set(spec.input_shape[1:])) != 1:
        raise requirement(
            "augment", "be off unless pictures are square", spec.input_shape, "switch it off"
        )
    if data.labels.shape != (len(data.inputs),):
        raise requirement(
            "training labels", f"number {len(data.inputs)}", data.labels.shape, "give one each"
        )
    if data.concepts.shape != (len(data.inputs), spec.concepts):
        raise requirement(
            "training concepts",
            f"have shape {(len(data.inputs), spec.concepts)}",
            data.concepts.shape,
            "check the domain",
        )
    known = set(np.unique(data.labels)) - {UNLABELLED}
    if known != set(range(spec.classes)):
        raise requirement(
            "training labels",
            f"hold each of the {spec.classes} classes",
            sorted(int(k) for k in known),
            "add cases of the missing class",
        )
