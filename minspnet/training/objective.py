"""The loss of one batch: a sum of named terms, over many ways through the forest."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from minspnet.errors import requirement
from minspnet.network import Evidence, Network
from minspnet.recipe import TrainSpec
from minspnet.training.attention import attending_exits
from minspnet.training.data import Batch
from minspnet.training.distillation import Teacher
from minspnet.training.gain import gain_experts, gain_loss, gain_targets, gains, gate_readers
from minspnet.training.gating import chosen_rival, open_probability, practised_gates
from minspnet.training.losses import (
    class_loss,
    concept_deviance,
    distillation_loss,
    gate_imbalance,
    misplaced_attention,
    randomly_corrected,
)
from minspnet.training.observe import Heard, observe

_WITHOUT_CLASS = ("independent", "sequential")
Terms = dict[str, Float[Tensor, ""]]


class Objective:
    """Weigh what a network says of a batch against the truth.

    Args:
        network: Which is trained.
        recipe: Weights of the terms; a term of weight 0 is left out.
        expert_costs: Each expert's share of all MACs.
        unexplained: Null deviance of each concept over the training cases.
        seed: Of random paths, gates and corrections.
        teacher: For distillation.

    Raises:
        UserError: If a term has a weight but nothing to act on.
    """

    def __init__(
        self,
        network: Network,
        recipe: TrainSpec,
        expert_costs: Float[np.ndarray, " expert"],
        unexplained: Float[Tensor, " concept"],
        seed: int,
        teacher: Teacher | None = None,
    ) -> None:
        self.network = network
        self.recipe = recipe
        self.teacher = teacher
        self.device = next(network.parameters()).device
        self.unexplained = unexplained.to(self.device)
        self.head = network.head
        self.concepts = network.spec.concepts
        self.parents = network.tree.parents
        self.generator = torch.Generator().manual_seed(seed + 1)
        self.costs = torch.as_tensor(expert_costs, dtype=torch.float32).to(self.device)
        kinds = [expert.gate for expert in network.spec.experts]
        self.learned = torch.tensor([k in ("learned", "choice") for k in kinds], device=self.device)
        self.choice = torch.tensor([k == "choice" for k in kinds], device=self.device)
        self.rivals = sorted({group for group in network.rivals if group})
        experts = len(self.parents)
        paths = torch.zeros(experts + 1, experts, device=self.device)
        for expert in range(experts):
            paths[expert + 1, list(network.tree.path(expert))] = 1
        self.partial_paths = paths
        _check(recipe, network, self.costs, teacher)
        self.attending = attending_exits(network) if recipe.alignment_weight else []
        self.gained = gain_experts(network) if recipe.gain_weight else []
        self.listened: list[nn.Module] = [exit.score for exit in self.attending]
        self.listened += gate_readers(network, self.gained)

    def __call__(self, batch: Batch) -> tuple[Evidence, Terms]:
        """Run the network on a batch, in half precision on a GPU, and weigh what it says."""
        with torch.autocast(self.device.type, enabled=self.device.type == "cuda"):
            evidence, heard = observe(self.network, batch.inputs, self.listened)
        evidence = Evidence(*(part.float() for part in evidence))
        return evidence, self.terms(batch, evidence, heard)

    def terms(self, batch: Batch, evidence: Evidence, heard: list[Heard]) -> Terms:
        """Weigh each way's decision, then what concerns the network as a whole.

        Args:
            batch: The truth.
            evidence: Of the batch.
            heard: What the layers in ``listened`` were given and said.
        """
        taught = self.teacher(batch.inputs) if self.teacher else None
        ways = self._ways(evidence)
        total = sum(weight for weight, _ in ways)
        terms: Terms = {}
        for weight, active in ways:
            outputs = evidence.base + torch.einsum("ne,neo->no", active, evidence.contributions)
            for name, term in self._decision_terms(outputs, batch, taught).items():
                terms[name] = terms.get(name, term.new_zeros(())) + weight / total * term
        recipe = self.recipe
        if self.learned.any():
            # One rival is always open; how often it is this one, its gate says as it is.
            chances = torch.where(
                self.choice, evidence.gates, open_probability(evidence.gates, recipe.gate_noise)
            )
            price = (chances * self.costs)[:, self.learned].sum(1).mean()
            terms["router"] = recipe.router_cost * price
        if recipe.activity_weight:
            terms["activity"] = recipe.activity_weight * evidence.activity.mean()
        if recipe.balance_weight:
            imbalance = gate_imbalance(evidence.gates[:, self.learned])
            terms["balance"] = recipe.balance_weight * imbalance
        if self.attending:
            said = heard[: len(self.attending)]
            terms["alignment"] = recipe.alignment_weight * self._misplaced(batch, said)
        if self.gained:
            said = heard[len(self.attending) :]
            terms["gain"] = recipe.gain_weight * self._gain_term(batch, evidence, said)
        return terms

    def _ways(self, evidence: Evidence) -> list[tuple[float, Tensor]]:
        """All experts on, every partial path, a random subset, and the router's choice."""
        if self.recipe.practice == "router":
            return [(1.0, self._router_choice(evidence.gates))]
        everything = torch.ones_like(evidence.gates)
        ways = [(1.0, everything)]
        if self.recipe.path_weight and self.parents:
            partial = [path.expand_as(everything) for path in self.partial_paths]
            coins = torch.rand(everything.shape, generator=self.generator).to(self.device)
            partial.append(self._close((coins < 0.5).float()))
            if self.learned.any():
                partial.append(self._router_choice(evidence.gates))
            ways += [(self.recipe.path_weight, way) for way in partial]
        return ways

    def _decision_terms(self, outputs: Tensor, batch: Batch, taught: Tensor | None) -> Terms:
        deviance = concept_deviance(outputs[:, : self.concepts], batch.truth, batch.weights)
        terms = {
            "concept": self.recipe.concept_weight * (deviance / self.unexplained).mean(),
            "class": self._class_term(outputs, batch),
        }
        if taught is not None:
            apart = distillation_loss(
                self.head(outputs), taught, self.recipe.distillation_temperature
            )
            terms["distillation"] = self.recipe.distillation_weight * apart
        return terms

    def _class_term(self, outputs: Tensor, batch: Batch) -> Tensor:
        if self.recipe.concept_training in _WITHOUT_CLASS or not self.recipe.task_weight:
            return outputs.new_zeros(())
        activations = self.head.activate(outputs)
        if self.recipe.correction_rate:
            activations = randomly_corrected(
                activations, batch.truth, self.recipe.correction_rate, self.generator
            )
        logits = self.head.class_logits(activations)
        return self.recipe.task_weight * class_loss(logits, batch.targets)

    def _misplaced(self, batch: Batch, said: list[Heard]) -> Tensor:
        assert batch.masks is not None
        losses = [
            misplaced_attention(one.said.float().flatten(1), exit.fit(batch.masks))
            for exit, one in zip(self.attending, said, strict=True)
        ]
        return torch.stack(losses).mean()

    def _gain_term(self, batch: Batch, evidence: Evidence, said: list[Heard]) -> Tensor:
        known = batch.targets.sum(dim=1) > 0
        gained = gains(self.network, evidence, batch.targets, self.costs)[:, self.gained]
        wanted = gain_targets(gained, known, self.recipe.gain_target)
        readers = gate_readers(self.network, self.gained)
        # Once more on detached features: a gate reads them and must not bend them.
        logits = [
            reader(one.given.detach().float()) for reader, one in zip(readers, said, strict=True)
        ]
        return gain_loss(torch.cat(logits, dim=1), wanted, known)

    def _router_choice(self, gates: Tensor) -> Tensor:
        practised = practised_gates(gates, self.recipe.gate_noise, self.generator)
        for group in map(list, self.rivals):
            chosen = chosen_rival(gates[:, group], self.recipe.gate_noise, self.generator)
            practised = practised.index_copy(1, torch.tensor(group, device=self.device), chosen)
        return self._close(torch.where(self.learned, practised, torch.ones_like(practised)))

    def _close(self, active: Tensor) -> Tensor:
        """An expert needs its parent; products keep the gradient of soft gates."""
        columns: list[Tensor] = []
        for expert, parent in enumerate(self.parents):
            column = active[:, expert]
            columns.append(column * columns[parent] if parent >= 0 else column)
        return torch.stack(columns, dim=1)


def _check(recipe: TrainSpec, network: Network, costs: Tensor, teacher: Teacher | None) -> None:
    """Refuse weights that nothing would listen to."""
    experts = network.spec.experts
    if len(costs) != len(experts):
        raise requirement(
            "expert_costs", f"have {len(experts)} values", len(costs), "give one an expert"
        )
    if recipe.activity_weight and not experts:
        raise requirement(
            "activity_weight", "be 0 without experts", recipe.activity_weight, "set it to 0"
        )
    if recipe.balance_weight and sum(e.gate in ("learned", "choice") for e in experts) < 2:
        raise requirement(
            "balance_weight",
            "be 0 unless two gates or more are learned",
            recipe.balance_weight,
            "set it to 0",
        )
    if recipe.gain_weight and not (costs > 0).all():
        raise requirement(
            "expert_costs",
            "be more than 0 for gates of gain",
            float(costs.min()),
            "count the MACs",
        )
    if recipe.practice == "router" and all(e.gate not in ("learned", "choice") for e in experts):
        raise requirement(
            "practice", "be paths where no gate is learned", recipe.practice, "set it to paths"
        )
    if network.spec.residual and recipe.concept_training in _WITHOUT_CLASS:
        raise requirement(
            "residual",
            f"be off in {recipe.concept_training} training, which leaves such channels untrained",
            True,
            "switch it off or train anchored",
        )
    if (recipe.distillation_weight > 0) != (teacher is not None):
        raise requirement(
            "distillation_weight and teacher",
            "be given together",
            f"{recipe.distillation_weight} and {'a' if teacher else 'no'} teacher",
            "give the other or leave out both",
        )
    if teacher is not None and recipe.concept_training in _WITHOUT_CLASS:
        raise requirement(
            "distillation_weight",
            f"be 0 in {recipe.concept_training} training, which leaves the decision out",
            recipe.distillation_weight,
            "set it to 0",
        )
