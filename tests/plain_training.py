"""A second, plain training of the default recipe: what every later version must repeat.

One loop, nothing optional, the draws in the order in which shipped models were trained:
weights, then per epoch the order of cases, per batch the turns, a random subset of experts, the
router's coins, and for each way through the forest the corrections.
"""

import math

import numpy as np
import torch
from torch.nn import functional

from minspnet.data import UNLABELLED
from minspnet.network import Network
from minspnet.recipe import TrainSpec
from minspnet.spec import ModelSpec
from minspnet.training.class_head import fit_head
from minspnet.training.train import TrainingData


def plain_training(
    spec: ModelSpec, recipe: TrainSpec, data: TrainingData, costs: np.ndarray, seed: int
) -> Network:
    """Train anchored, with paths and corrections, as the first release did."""
    inputs = torch.as_tensor(data.inputs, dtype=torch.float32)
    truth = torch.as_tensor(data.concepts, dtype=torch.float32)
    labels = torch.as_tensor(data.labels, dtype=torch.long)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = Network(spec, recipe.dropout)
        network.stem.standardise.fit(inputs)
        fit_head(network, data.concepts, data.labels, recipe, seed)
        network.train()
        spread = deviance(torch.logit(truth.mean(0), eps=1e-4).expand_as(truth), truth)
        order, draws = (torch.Generator().manual_seed(seed + k) for k in (0, 1))
        batches = max(1, len(inputs) // recipe.batch_size)
        steps = batches * recipe.epochs
        trained = [p for p in network.parameters() if p.requires_grad]
        groups = [
            {"params": [p for p in trained if p.ndim > 1], "weight_decay": recipe.weight_decay},
            {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
        ]
        optimiser = torch.optim.AdamW(groups, lr=recipe.learning_rate)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda s: cosine(s, steps))
        for _ in range(recipe.epochs):
            for rows in torch.randperm(len(inputs), generator=order).tensor_split(batches):
                batch = symmetries(inputs[rows], order) if recipe.augment else inputs[rows]
                loss = batch_loss(
                    network, recipe, batch, truth[rows], labels[rows], spread, costs, draws
                )
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
    return network.eval()


def batch_loss(network, recipe, batch, truth, labels, spread, costs, draws):
    gates, base, moves, _ = network.evidence(batch)
    cases, experts = gates.shape
    parents = network.tree.parents
    learned = [e for e in range(experts) if network.spec.experts[e].gate == "learned"]

    def closed(active):
        columns = []
        for expert, parent in enumerate(parents):
            column = active[:, expert]
            columns.append(column if parent < 0 else column * columns[parent])
        return torch.stack(columns, 1)

    ways = [(1.0, torch.ones(cases, experts)), (recipe.path_weight, torch.zeros(cases, experts))]
    for expert in range(experts):
        path = torch.zeros(cases, experts)
        path[:, list(network.tree.path(expert))] = 1
        ways.append((recipe.path_weight, path))
    subset = (torch.rand(cases, experts, generator=draws) < 0.5).float()
    ways.append((recipe.path_weight, closed(subset)))
    if learned:
        coins = torch.rand(cases, experts, generator=draws).clamp(1e-6, 1 - 1e-6)
        soft = torch.sigmoid((torch.logit(gates, eps=1e-6) + torch.logit(coins)) / 0.5)
        hard = (soft > 0.5).float() + soft - soft.detach()
        choice = torch.stack(
            [hard[:, e] if e in learned else torch.ones(cases) for e in range(experts)], 1
        )
        ways.append((recipe.path_weight, closed(choice)))
    total = sum(weight for weight, _ in ways)
    concept_loss, class_loss = torch.zeros(()), torch.zeros(())
    for weight, active in ways:
        outputs = base + torch.einsum("ne,neo->no", active, moves)
        logits = outputs[:, : truth.shape[1]]
        concept = recipe.concept_weight * (deviance(logits, truth) / spread).mean()
        activations = network.head.activate(outputs)
        share = 2 * recipe.correction_rate * torch.rand(cases, 1, generator=draws)
        chosen = torch.rand(truth.shape, generator=draws) < share
        known = torch.where(chosen, truth, activations[:, : truth.shape[1]])
        activations = torch.cat([known, activations[:, truth.shape[1] :]], 1)
        labelled = labels != UNLABELLED
        said = network.head.class_logits(activations)[labelled]
        task = functional.cross_entropy(said, labels[labelled])
        concept_loss = concept_loss + weight / total * concept
        class_loss = class_loss + weight / total * (recipe.task_weight * task)
    terms = [concept_loss, class_loss]
    if learned:
        price = (gates * torch.as_tensor(costs).float())[:, learned].sum(1).mean()
        terms.append(recipe.router_cost * price)
    return torch.stack(terms).sum()


def deviance(logits, truth):
    entropy = functional.binary_cross_entropy(truth, truth, reduction="none")
    fit = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    return (fit - entropy).mean(0)


def cosine(step, steps):
    warm_up = max(1, steps // 20)
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def symmetries(pictures, order):
    turns = torch.randint(8, (len(pictures),), generator=order)
    return torch.stack(
        [
            torch.rot90(picture.flip(-1) if turn >= 4 else picture, int(turn) % 4, (-2, -1))
            for picture, turn in zip(pictures, turns, strict=True)
        ]
    )
