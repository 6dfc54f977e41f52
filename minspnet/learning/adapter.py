"""What a network learns from reviews by: new biases or low-rank matrices where it reads findings.

Every exit ends in one layer that reads concept logits off its features. Only that layer moves:

    logits = (W + A B) features + w + a        A: findings x rank, B: rank x features

(``bias`` leaves A B out). The features, the gates, the residual channels and the class head stay as
they are, bit by bit, and so does what each finding weighs. A reader's answer can therefore only be
learned by moving findings, through the frozen head. What was fitted is added to the weights: the
new network is of the same recipe as the old one, and nothing that runs it has to know.

As all else is frozen, the features are the same before and after, so they are recorded once, and a
fit is a small problem on them. What nobody set right is held: a finding that readers let stand, and
all that is said of the training cases that are replayed, are to be what they were, on every path
through the forest.

Source: Zaken et al. 2022, BitFit (biases alone); Hu et al. 2022, LoRA (low rank); Buzzega et al.
2020, Dark Experience for General Continual Learning (replay of earlier outputs). Replayed cases
keep their old outputs only, not also their labels: those would move what nobody set right.
"""

import copy
from dataclasses import dataclass
from typing import Self, cast

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from minspnet.data import UNLABELLED
from minspnet.layers.exits import Exit
from minspnet.layers.heads import ConceptHead
from minspnet.learned import AdapterSpec
from minspnet.learning.lessons import Lessons
from minspnet.network import Network
from minspnet.recipe import TrainSpec
from minspnet.training.observe import observe

_RIDGE = 1e-3
"""Half the price of a squared entry of A or B."""
_STEPS, _SMALLEST_STEP = 40, 1e-6
_AT_ONCE = 1024


@dataclass(frozen=True)
class Readings:
    """What the exits of a network were given, and what it said on every way through it.

    Attributes:
        given: Features of each exit, the base exit first.
        logits: Of each way: all experts on, then up to each node.
    """

    given: tuple[Float[Tensor, "case _"], ...]
    logits: Float[Tensor, "way case output"]

    def take(self, rows: Int[np.ndarray, " row"]) -> Self:
        """Keep some cases, in the order given."""
        index = torch.as_tensor(rows, dtype=torch.long)
        return type(self)(tuple(one[index] for one in self.given), self.logits[:, index])


@torch.no_grad()
def readings(network: Network, inputs: Float[np.ndarray, "case *input"]) -> Readings:
    """Run a network in evaluation mode and listen to its exits."""
    network.eval()
    layers = [layer for layer, _ in _readers(network)]
    given: list[list[Tensor]] = [[] for _ in layers]
    logits = []
    for start in range(0, len(inputs), _AT_ONCE):
        batch = torch.as_tensor(inputs[start : start + _AT_ONCE], dtype=torch.float32)
        evidence, heard = observe(network, batch, layers)
        for kept, one in zip(given, heard, strict=True):
            kept.append(one.given.double())
        nodes = [evidence.base]
        for expert, parent in enumerate(network.tree.parents):
            nodes.append(nodes[parent + 1] + evidence.contributions[:, expert])
        everything = evidence.base + evidence.contributions.sum(dim=1)
        logits.append(torch.stack([everything, *nodes]).double())
    return Readings(tuple(torch.cat(kept) for kept in given), torch.cat(logits, dim=1))


class Adapter(nn.Module):
    """What is added to the layers that read findings off."""

    def __init__(self, network: Network, spec: AdapterSpec) -> None:
        super().__init__()
        self.concepts = network.spec.concepts
        self.parents = network.tree.parents
        self.rank = spec.rank if spec.kind == "low_rank" else 0
        self.biases, self.outer, self.inner = (nn.ParameterList() for _ in range(3))
        self.replaces = [True, *(expert.replaces for expert in network.experts)]
        self.places: list[Tensor] = []
        self.rows: list[Tensor] = []
        generator = torch.Generator().manual_seed(spec.seed)
        for layer, exit in _readers(network):
            written = exit.writes if len(exit.writes) else torch.arange(exit.outputs)
            rows = torch.nonzero(written < self.concepts).flatten()
            self.rows.append(rows)
            self.places.append(written[rows])
            count, features = len(rows), layer.in_features
            self.biases.append(torch.zeros(count, dtype=torch.float64))
            self.outer.append(torch.zeros(count, self.rank, dtype=torch.float64))
            start = torch.randn(self.rank, features, generator=generator, dtype=torch.float64)
            self.inner.append(start / features**0.5)
        for parameters in (self.outer, self.inner):
            parameters.requires_grad_(self.rank > 0)

    @property
    def fitted(self) -> int:
        """How many numbers are free."""
        return sum(one.numel() for one in self.parameters() if one.requires_grad)

    @property
    def size(self) -> Float[Tensor, ""]:
        """Sum of the squared entries of A and B."""
        squares = [one.square().sum() for one in (*self.outer, *self.inner)]
        return torch.stack(squares).sum() if self.rank else torch.zeros((), dtype=torch.float64)

    def forward(self, found: Readings) -> Float[Tensor, "way case concept"]:
        """How far each way's concept logits move."""
        nodes: list[Tensor] = []
        for node, given in enumerate(found.given):
            moved = self.biases[node].expand(len(given), -1)
            if self.rank:
                moved = moved + given @ self.inner[node].T @ self.outer[node].T
            said = given.new_zeros(len(given), self.concepts)
            said = said.index_copy(1, self.places[node], moved)
            if node:
                before = nodes[self.parents[node - 1] + 1]
                written = torch.zeros(self.concepts, dtype=torch.bool)
                written[self.places[node]] = True
                added = before + said
                said = torch.where(written, said, before) if self.replaces[node] else added
            nodes.append(said)
        everything = nodes[0]
        for expert, parent in enumerate(self.parents):
            everything = everything + nodes[expert + 1] - nodes[parent + 1]
        return torch.stack([everything, *nodes])

    @torch.no_grad()
    def folded(self, network: Network) -> Network:
        """A copy of the network with the additions in its weights."""
        new = copy.deepcopy(network)
        for node, (layer, _) in enumerate(_readers(new)):
            rows = self.rows[node]
            layer.bias[rows] += self.biases[node].float()
            if self.rank:
                layer.weight[rows] += (self.outer[node] @ self.inner[node]).float()
        return new.eval()


@dataclass(frozen=True)
class Taught:
    """Reviewed cases, as the fit reads them.

    Attributes:
        found: In them before.
        lessons: What is to be said of them.
    """

    found: Readings
    lessons: Lessons

    def take(self, rows: Int[np.ndarray, " row"]) -> Self:
        """Keep some cases, in the order given."""
        return type(self)(self.found.take(rows), self.lessons.take(rows))


def fit(
    network: Network,
    taught: Taught,
    replayed: Readings,
    weight: float,
    unexplained: Float[Tensor, " concept"],
    recipe: TrainSpec,
    spec: AdapterSpec,
) -> tuple[Network, int]:
    """Fit an adapter on reviewed cases and add it to the weights of a copy.

    Args:
        network: Stays as it is.
        taught: What is to be learned.
        replayed: Of the cases to be answered as before.
        weight: How much those count beside the reviewed ones; 0 leaves them out.
        unexplained: Null deviance of each concept over the training cases, as in training.
        recipe: Whose weights of findings, answers and partial paths hold here too.
        spec: What may change.

    Returns:
        The new network, and how many numbers were fitted.
    """
    adapter = Adapter(network, spec)
    head = copy.deepcopy(network.head).double().requires_grad_(False)
    wanted = [_as_taught(head, taught)]
    if weight:
        wanted.append(_as_before(head, replayed).times(weight))
    found = [taught.found, replayed][: len(wanted)]
    together = Readings(
        tuple(torch.cat(parts) for parts in zip(*(one.given for one in found), strict=True)),
        torch.cat([one.logits for one in found], dim=1),
    )
    loss = _Loss(head, together.logits, wanted, unexplained, recipe)
    free = [one for one in adapter.parameters() if one.requires_grad]
    optimiser = torch.optim.LBFGS(
        free,
        max_iter=_STEPS,
        tolerance_change=_SMALLEST_STEP,
        history_size=20,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        optimiser.zero_grad()
        total = loss(adapter(together)) + _RIDGE / 2 * adapter.size
        total.backward()
        return total

    optimiser.step(closure)
    return adapter.folded(network), adapter.fitted


@dataclass(frozen=True)
class _Wanted:
    """What is to be said of cases on every way, and how much each case counts.

    Attributes:
        findings: Graded.
        answers: Chances of the classes; a row of zeros where none is wanted.
        for_finding: Of each case's findings.
        for_answer: Of each case's answer.
    """

    findings: Float[Tensor, "way case concept"]
    answers: Float[Tensor, "way case class"]
    for_finding: Float[Tensor, " case"]
    for_answer: Float[Tensor, " case"]

    def times(self, weight: float) -> "_Wanted":
        """The same, counting more or less."""
        return _Wanted(
            self.findings, self.answers, self.for_finding * weight, self.for_answer * weight
        )


def _as_before(head: ConceptHead, found: Readings) -> _Wanted:
    """All is to be as it was."""
    held = torch.sigmoid(found.logits[..., : head.concepts])
    answers = torch.softmax(_class_logits(head, found.logits), dim=2)
    even = torch.full((held.shape[1],), 1 / max(1, held.shape[1]), dtype=torch.float64)
    return _Wanted(held, answers, even, even)


def _as_taught(head: ConceptHead, taught: Taught) -> _Wanted:
    """What readers set right is to be so, and their answers; other findings as they were."""
    before = _as_before(head, taught.found)
    given = torch.as_tensor(taught.lessons.findings, dtype=torch.float64)
    findings = torch.where(torch.isnan(given), before.findings, given)
    labels = torch.as_tensor(taught.lessons.labels, dtype=torch.long)
    told = (labels != UNLABELLED).double()
    one_hot = nn.functional.one_hot(labels.clamp_min(0), before.answers.shape[2]).double()
    answers = (one_hot * told[:, None]).expand_as(before.answers)
    return _Wanted(findings, answers, before.for_finding, told / told.sum().clamp_min(1))


def _class_logits(
    head: ConceptHead, logits: Float[Tensor, "way case output"]
) -> Float[Tensor, "way case class"]:
    """Weigh findings, at the temperature of the head; a binary finding counts by its grade.

    Without the temperature, findings would be moved to make up for chances that are too sure.
    """
    graded = torch.sigmoid(logits[..., : head.concepts])
    said = torch.cat([graded, logits[..., head.concepts :]], dim=2)
    weighed: Tensor = head.class_logits(said.flatten(0, 1)) / head.temperature
    return weighed.unflatten(0, logits.shape[:2])


class _Loss:
    """The terms of training on recorded logits, but for their least possible values."""

    def __init__(
        self,
        head: ConceptHead,
        before: Float[Tensor, "way case output"],
        wanted: list[_Wanted],
        unexplained: Float[Tensor, " concept"],
        recipe: TrainSpec,
    ) -> None:
        self.head, self.before = head, before
        self.findings = torch.cat([one.findings for one in wanted], dim=1)
        self.answers = torch.cat([one.answers for one in wanted], dim=1)
        self.for_finding = torch.cat([one.for_finding for one in wanted])
        self.for_answer = torch.cat([one.for_answer for one in wanted])
        self.price = recipe.concept_weight / unexplained.double() / len(unexplained)
        # Where training left the answers out, readers' answers are still to be learned.
        self.task_weight = recipe.task_weight or 1.0
        ways = torch.full((len(before),), recipe.path_weight, dtype=torch.float64)
        ways[0] = 1.0
        self.ways = ways / ways.sum()

    def __call__(self, moved: Float[Tensor, "way case concept"]) -> Float[Tensor, ""]:
        logits = torch.cat(
            [
                self.before[..., : self.head.concepts] + moved,
                self.before[..., self.head.concepts :],
            ],
            dim=2,
        )
        apart = nn.functional.binary_cross_entropy_with_logits(
            logits[..., : self.head.concepts], self.findings, reduction="none"
        )
        chances = torch.log_softmax(_class_logits(self.head, logits), dim=2)
        surprise = -(self.answers * chances).sum(dim=2)
        per_way = (apart @ self.price) @ self.for_finding
        per_way = per_way + self.task_weight * (surprise @ self.for_answer)
        return self.ways @ per_way


def _readers(network: Network) -> list[tuple[nn.Linear, Exit]]:
    """The last layer of each exit, the base exit first."""
    exits = [network.base_exit, *(expert.exit for expert in network.experts)]
    found = []
    for exit in exits:
        read = exit.read
        last = read[-1] if isinstance(read, nn.Sequential) else read
        found.append((cast(nn.Linear, last), exit))
    return found
