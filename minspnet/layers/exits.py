"""Exits and gates: what a node says about the concepts, and how much more is needed."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Exit(nn.Module):
    """Pool the features and read concept logits (and residual channels) off them.

    A picture is pooled to a grid and normalised without learned scale: plain global pooling
    loses where things are, which the base exit needs most.
    """

    writes: Tensor
    written: Tensor

    def __init__(
        self,
        input_shape: tuple[int, ...],
        outputs: int,
        writes: tuple[int, ...] = (),
        grid: int = 1,
    ) -> None:
        super().__init__()
        features = input_shape[0] * (grid**2 if len(input_shape) == 3 else 1)
        self.pool = _pool(input_shape, grid)
        self.read = nn.Linear(features, len(writes) or outputs)
        self.outputs = outputs
        written = torch.tensor([not writes or k in writes for k in range(outputs)])
        self.register_buffer("writes", torch.tensor(writes, dtype=torch.long), persistent=False)
        self.register_buffer("written", written, persistent=False)

    def forward(self, hidden: Float[Tensor, "case hidden *pixels"]) -> Float[Tensor, "case output"]:
        said = self.read(self.pool(hidden))
        if not len(self.writes):
            return said
        return said.new_zeros(len(said), self.outputs).index_copy(1, self.writes, said)


class LearnedGate(nn.Module):
    """A router for one expert: a logistic score of the pooled parent features."""

    def __init__(self, input_shape: tuple[int, ...]) -> None:
        super().__init__()
        self.pool = _pool(input_shape, 1)
        self.read = nn.Linear(input_shape[0], 1)

    def logit(self, hidden: Float[Tensor, "case hidden *pixels"]) -> Float[Tensor, " case"]:
        return self.read(self.pool(hidden)).squeeze(1)

    def forward(self, hidden: Float[Tensor, "case hidden *pixels"]) -> Float[Tensor, " case"]:
        return torch.sigmoid(self.logit(hidden))


def _pool(input_shape: tuple[int, ...], grid: int) -> nn.Module:
    if len(input_shape) == 1:
        return nn.Identity()
    features = input_shape[0] * grid**2
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(grid), nn.Flatten(), nn.BatchNorm1d(features, affine=False)
    )


class ConceptHead(nn.Module):
    """Concept logits to class logits; see ``minspnet.trace.Head`` for the same in numpy."""

    temperature: Tensor
    residual: Tensor

    def __init__(self, concepts: int, outputs: int, classes: int) -> None:
        super().__init__()
        self.concepts = concepts
        self.weights = nn.Parameter(torch.zeros(classes - 1, concepts))
        self.bias = nn.Parameter(torch.zeros(classes - 1))
        self.register_buffer("temperature", torch.ones(()))
        self.register_buffer("residual", torch.eye(classes - 1)[:, : outputs - concepts])

    @property
    def all_weights(self) -> Float[Tensor, "other_class output"]:
        """Learned concept weights, then 1 for each class's own residual channel."""
        return torch.cat([self.weights, self.residual], dim=1)

    def activate(self, outputs: Float[Tensor, "case output"]) -> Float[Tensor, "case output"]:
        """Grade the concepts; residual channels pass unchanged."""
        graded = torch.sigmoid(outputs[:, : self.concepts])
        return torch.cat([graded, outputs[:, self.concepts :]], dim=1)

    def class_logits(
        self, activations: Float[Tensor, "case output"]
    ) -> Float[Tensor, "case class"]:
        """Weigh the concepts; the first class is the reference and stays at 0."""
        others = activations @ self.all_weights.T + self.bias
        return torch.cat([torch.zeros_like(others[:, :1]), others], dim=1)

    def forward(self, outputs: Float[Tensor, "case output"]) -> Float[Tensor, "case class"]:
        return self.class_logits(self.activate(outputs))

    def doubt(self, outputs: Float[Tensor, "case output"]) -> Float[Tensor, " case"]:
        """One minus the confidence of the running decision, scaled so that a guess is 1."""
        probabilities = torch.softmax(self(outputs) / self.temperature, dim=1)
        classes = probabilities.shape[1]
        return (1 - probabilities.amax(dim=1)).clamp_min(0) * (classes / (classes - 1))
