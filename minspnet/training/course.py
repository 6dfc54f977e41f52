"""One training under way: its epochs, steps and what each of them says."""

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from minspnet.errors import requirement
from minspnet.network import Evidence, Network
from minspnet.recipe import TrainSpec
from minspnet.training.augment import augmentations
from minspnet.training.checkpoint import TrainingState
from minspnet.training.data import Batch, TrainingData, as_batch, target_weights
from minspnet.training.distillation import Teacher
from minspnet.training.losses import null_deviance
from minspnet.training.objective import Objective, Terms
from minspnet.training.transfer import frozen_parts

StepHook = Callable[[Network, int, int], None]
"""Called with the network, gradients still in place, the steps done and the steps in all."""

_CHUNK = 1024
_WATCHED = "validation_loss"


class Course:
    """Take a network through its epochs.

    Args:
        network: As it begins, on the device it is trained on.
        recipe: How it is trained.
        data: Training cases.
        expert_costs: Each expert's share of all MACs.
        seed: Of the order of cases, their augmentation, and the objective's draws. Torch's
            global random numbers are drawn on for dropout.
        validation: Held-out cases.
        teacher: For distillation.
    """

    def __init__(
        self,
        network: Network,
        recipe: TrainSpec,
        data: TrainingData,
        expert_costs: Float[np.ndarray, " expert"],
        seed: int,
        validation: TrainingData | None = None,
        teacher: Teacher | None = None,
    ) -> None:
        self.network = network
        self.recipe = recipe
        self.seed = seed
        self.device = next(network.parameters()).device
        weights = target_weights(data, recipe, network.spec.classes)
        self.cases = as_batch(data, weights, recipe.label_smoothing)
        self.held_out = (
            None if validation is None else as_batch(validation, weights, recipe.label_smoothing)
        )
        unexplained = null_deviance(self.cases.truth, self.cases.weights)
        # The referee weighs validation cases by the same random paths after every epoch.
        self.objective, self.referee = (
            Objective(network, recipe, expert_costs, unexplained, seed, teacher) for _ in range(2)
        )
        self.augmentations = augmentations(recipe, network.stem.standardise.scale.cpu())
        self.frozen = frozen_parts(network, recipe.freeze)
        self.generator = torch.Generator().manual_seed(seed)
        self.batches = max(1, len(self.cases.inputs) // recipe.batch_size)
        self.state = TrainingState(
            network,
            _optimiser(network, recipe),
            torch.amp.GradScaler(self.device.type, enabled=self.device.type == "cuda"),
            {"cases": self.generator, "objective": self.objective.generator},
        )

    def tensors(self) -> list[Tensor]:
        """All cases: what a checkpoint is bound to."""
        parts = [self.cases] + ([] if self.held_out is None else [self.held_out])
        return [tensor for part in parts for tensor in part if tensor is not None]

    def taught(self) -> list[Tensor]:
        """What the teacher says of the first cases: it is bound to them as well."""
        if self.objective.teacher is None:
            return []
        first = self.cases.inputs[:_CHUNK].to(self.device)
        return [self.objective.teacher(first).cpu()]

    def run_epoch(self, after_step: StepHook | None = None) -> None:
        """Pass over the training cases once, then say how it went in the state's records."""
        record: dict[str, float] = {}
        self.network.train()
        for part in self.frozen:
            part.eval()
        steps = self.batches * self.recipe.epochs
        step = self.batches * len(self.state.records)
        for batch in self._shuffled():
            rate = self.recipe.learning_rate * rate_factor(step, steps, self.recipe)
            evidence, terms = self._step(batch, rate)
            step += 1
            if after_step is not None:
                after_step(self.network, step, steps)
            said = {name: float(term.detach()) for name, term in terms.items()}
            said |= self._open_share(evidence)
            for name, value in said.items():
                record[name] = record.get(name, 0.0) + value / self.batches
        record["learning_rate"] = rate
        self._finish(record | self._validate())

    def is_stale(self) -> bool:
        """Whether the validation loss has not fallen for as long as the recipe's patience."""
        losses = [record.get(_WATCHED, math.inf) for record in self.state.records]
        if not self.recipe.patience or not losses:
            return False
        return len(losses) - 1 - losses.index(min(losses)) >= self.recipe.patience

    def _finish(self, record: dict[str, float]) -> None:
        earlier = [one[_WATCHED] for one in self.state.records if _WATCHED in one]
        if self.recipe.patience and record[_WATCHED] < min(earlier, default=math.inf):
            weights = self.network.state_dict()
            self.state.best = {name: tensor.clone() for name, tensor in weights.items()}
        self.state.records.append(record)

    def _shuffled(self) -> Iterator[Batch]:
        order = torch.randperm(len(self.cases.inputs), generator=self.generator)
        for rows in order.tensor_split(self.batches):
            batch = _take(self.cases, rows)
            for augmentation in self.augmentations:
                batch = augmentation(batch, self.generator)
            yield self._to_device(batch)

    def _step(self, batch: Batch, rate: float) -> tuple[Evidence, Terms]:
        """Move the weights once; gradients stay in place, at their true scale."""
        optimiser, scaler = self.state.optimiser, self.state.scaler
        for group in optimiser.param_groups:
            group["lr"] = rate
        evidence, terms = self.objective(batch)
        loss = self._total(terms, "training")
        optimiser.zero_grad(set_to_none=True)
        scaler.scale(loss).backward()
        scaler.unscale_(optimiser)
        scaler.step(optimiser)
        scaler.update()
        return evidence, terms

    @torch.no_grad()
    def _validate(self) -> dict[str, float]:
        """Weigh the held-out cases by the same objective, with the same draws each time."""
        if self.held_out is None:
            return {}
        self.network.eval()
        self.referee.generator.manual_seed(self.seed)
        cases = len(self.held_out.inputs)
        record: dict[str, float] = {}
        right: list[Tensor] = []
        for rows in torch.arange(cases).split(_CHUNK):
            batch = self._to_device(_take(self.held_out, rows))
            evidence, terms = self.referee(batch)
            self._total(terms, "validation")
            for name, term in terms.items():
                key = f"validation_{name}"
                record[key] = record.get(key, 0.0) + float(term) * len(rows) / cases
            right.append(self._right(evidence, batch))
        record[_WATCHED] = sum(record.values())
        answered = torch.cat(right)
        if len(answered):
            record["validation_accuracy"] = float(answered.float().mean())
        return record

    def _right(self, evidence: Evidence, batch: Batch) -> Tensor:
        """Which labelled cases are decided rightly by the experts that were practised."""
        gate_threshold = 0.5 if self.recipe.practice == "router" else 0.0
        tree = self.network.tree
        ran = tree.open(evidence.gates.cpu().numpy(), (gate_threshold,) * len(tree.names))
        active = torch.as_tensor(ran, dtype=torch.float32, device=self.device)
        outputs = evidence.base + torch.einsum("ne,neo->no", active, evidence.contributions)
        known = batch.targets.sum(dim=1) > 0
        told = self.network.head(outputs)[known].argmax(dim=1)
        return told == batch.targets[known].argmax(dim=1)

    def _open_share(self, evidence: Evidence) -> dict[str, float]:
        tree = self.network.tree
        if not tree.names:
            return {}
        gates = evidence.gates.detach().cpu().numpy()
        return {"open_share": float(tree.open(gates, (0.5,) * len(tree.names)).mean())}

    def _total(self, terms: Terms, part: str) -> Tensor:
        """Sum the terms, and stop if that is no number any more."""
        loss = torch.stack(list(terms.values())).sum()
        if not torch.isfinite(loss):
            wrong = {n: float(t.detach()) for n, t in terms.items() if not torch.isfinite(t)}
            raise requirement(
                f"{part} loss",
                "stay finite",
                f"{wrong} in epoch {len(self.state.records)}",
                f"lower learning_rate, now {self.recipe.learning_rate}, or that term's weight",
            )
        return loss

    def _to_device(self, batch: Batch) -> Batch:
        return batch.each(lambda one: one.to(self.device))


def rate_factor(step: int, steps: int, recipe: TrainSpec) -> float:
    """Share of the peak learning rate at a step: a linear warm-up, then the schedule.

    Source: Loshchilov & Hutter 2017, SGDR, equation 5 without restarts (cosine); He et al. 2016
    (division by 10 at fixed steps).
    """
    warm_up = max(1, steps // 20)
    if step < warm_up:
        return (step + 1) / warm_up
    if recipe.schedule == "step":
        return 0.1 ** ((2 * step >= steps) + (4 * step >= 3 * steps))
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def _take(batch: Batch, rows: Tensor) -> Batch:
    return batch.each(lambda one: one[rows])


def _optimiser(network: Network, recipe: TrainSpec) -> torch.optim.Optimizer:
    """AdamW, which lets matrices decay and leaves biases and scales alone.

    Source: Loshchilov & Hutter 2019, Decoupled Weight Decay Regularization.
    """
    trained = [p for p in network.parameters() if p.requires_grad]
    if not trained:
        raise requirement("freeze", "leave something to train", recipe.freeze, "name fewer parts")
    return torch.optim.AdamW(
        [
            {"params": [p for p in trained if p.ndim > 1], "weight_decay": recipe.weight_decay},
            {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
        ],
        lr=recipe.learning_rate,
    )
