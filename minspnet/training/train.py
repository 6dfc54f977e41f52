"""Training: every path through the forest practised, so that thresholds may move later."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from minspnet.errors import requirement
from minspnet.network import Network
from minspnet.recipe import TrainSpec
from minspnet.spec import ModelSpec
from minspnet.training.augment import check_augmentations
from minspnet.training.checkpoint import identity, load_checkpoint, save_checkpoint
from minspnet.training.class_head import fit_head
from minspnet.training.course import Course, StepHook
from minspnet.training.data import TrainingData, check_cases, check_training
from minspnet.training.distillation import Teacher
from minspnet.training.history import Progress

__all__ = ["Progress", "StepHook", "TrainingData", "train"]


def train(
    spec: ModelSpec,
    recipe: TrainSpec,
    data: TrainingData,
    expert_costs: Float[np.ndarray, " expert"],
    seed: int,
    on_epoch: Progress | None = None,
    start: Network | None = None,
    after_step: StepHook | None = None,
    validation: TrainingData | None = None,
    teacher: Teacher | None = None,
    checkpoint: Path | None = None,
    device: str = "cpu",
) -> Network:
    """Train a network, from scratch or from given weights.

    Args:
        spec: Architecture.
        recipe: How to train it.
        data: Training cases; normalisation and class head are fitted on them alone.
        expert_costs: Each expert's share of all MACs, the price of its learned gate.
        seed: Gives the same weights again on the same machine.
        on_epoch: Told the record of each epoch; of a resumed training, those of the epochs
            before the interruption too.
        start: Begin with a copy of its weights and normalisation, in place of random ones.
        after_step: Called after each step of the optimiser.
        validation: Held-out cases, on which the same objective is told after each epoch. With
            ``patience`` it stops the training, and the best epoch's weights are given back.
        teacher: Whom ``distillation_weight`` listens to.
        checkpoint: Folder to keep each epoch in, and to go on from: an interrupted training
            that is called again as before gives the weights that it would have given.
        device: ``cpu``, or ``cuda`` for a GPU in mixed precision.

    Returns:
        The network in evaluation mode, on the CPU.

    Raises:
        UserError: If data or recipe do not fit the spec, or the loss is no number any more.

    Source: Prechelt 1998, Early Stopping - But When? (patience).
    """
    _check(spec, recipe, data, validation, device)
    if "head" in recipe.freeze and start is None:
        raise requirement(
            "freeze", "name the head only with a network to start from", "none", "leave head out"
        )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = _begin(spec, recipe, data, start, seed)
        begun = list(network.state_dict().values())
        course = Course(network.to(device), recipe, data, expert_costs, seed, validation, teacher)
        state = course.state
        if checkpoint is not None:
            described = {
                "spec": spec.to_dict(),
                "recipe": recipe.to_dict(),
                "seed": seed,
                "device": device,
                "expert_costs": np.asarray(expert_costs).tolist(),
            }
            bound = {"start": begun, "data": course.tensors(), "teacher": course.taught()}
            about = identity(described, bound)
            load_checkpoint(checkpoint, state, about)
        for epoch, record in enumerate(state.records):
            if on_epoch is not None:
                on_epoch(epoch, record)
        while len(state.records) < recipe.epochs and not course.is_stale():
            course.run_epoch(after_step)
            if checkpoint is not None:
                save_checkpoint(checkpoint, state, about)
            if on_epoch is not None:
                on_epoch(len(state.records) - 1, state.records[-1])
        if state.best:
            network.load_state_dict(state.best)
        network.cpu()
        if recipe.concept_training == "sequential" and "head" not in recipe.freeze:
            _refit_head(network, data, recipe, seed)
    return network.eval()


def _begin(
    spec: ModelSpec, recipe: TrainSpec, data: TrainingData, start: Network | None, seed: int
) -> Network:
    """The network before its first step."""
    network = Network(spec, recipe.dropout)
    network.stem.standardise.fit(torch.as_tensor(data.inputs, dtype=torch.float32))
    if start is not None:
        network.load_state_dict(start.state_dict())
    joint = recipe.concept_training == "joint"
    if (not joint or spec.prototypes) and "head" not in recipe.freeze:
        fit_head(network, data.concepts, data.labels, recipe, seed)
    if joint:
        for name, parameter in network.head.named_parameters():
            parameter.requires_grad_(name != "weights" or network.head.linear)
    return network


def _refit_head(network: Network, data: TrainingData, recipe: TrainSpec, seed: int) -> None:
    """Fit the head on what the trained network says of its training cases, all experts on."""
    network.eval()
    said = []
    with torch.no_grad():
        for rows in np.array_split(np.arange(len(data.inputs)), -(-len(data.inputs) // 1024)):
            found = network.evidence(torch.as_tensor(data.inputs[rows], dtype=torch.float32))
            outputs = found.base + found.contributions.sum(dim=1)
            said.append(network.head.activate(outputs)[:, : network.spec.concepts].numpy())
    fit_head(network, np.concatenate(said), data.labels, recipe, seed)


def _check(
    spec: ModelSpec,
    recipe: TrainSpec,
    data: TrainingData,
    validation: TrainingData | None,
    device: str,
) -> None:
    check_training(spec, recipe, data)
    check_augmentations(recipe, spec)
    parts = {"training": data}
    if validation is not None:
        check_cases(spec, validation, "validation")
        parts["validation"] = validation
    elif recipe.patience:
        raise requirement(
            "patience", "be 0 without validation cases", recipe.patience, "give some or set it to 0"
        )
    for name, part in parts.items():
        if recipe.alignment_weight and part.masks is None:
            raise requirement(
                f"{name} masks",
                "be given for an alignment_weight",
                "none",
                "give them or set it to 0",
            )
        if not len(part.inputs):
            raise requirement(f"{name} cases", "number 1 or more", 0, "give some")
    if device not in ("cpu", "cuda"):
        raise requirement("device", "be cpu or cuda", device, "pick one")
    if device == "cuda" and not torch.cuda.is_available():
        raise requirement("device", "be cpu where torch finds no GPU", device, "train on the CPU")
