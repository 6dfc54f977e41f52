"""From concepts to classes; see ``minspnet.trace.Head`` for the same in numpy."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from minspnet.spec import ModelSpec


class ConceptHead(nn.Module):
    """Weigh concepts, similarities to prototypes, or both, into class logits.

    A prototype is a point in the space of graded concepts, set to a real training case before
    the head is done. Its similarity to a case falls with the squared distance of their
    concepts: 1 for equal findings, and one half at the distance of two random training cases.

    Source: Li et al. 2018 (prototype layer in a latent space), Chen et al. 2019, ProtoPNet
    (push onto training cases); here the space is that of the concepts, so that a corrected
    concept changes the similarity as well.
    """

    temperature: Tensor
    residual: Tensor
    prototypes: Tensor
    prototype_rows: Tensor
    sharpness: Tensor

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        others = spec.classes - 1
        count = spec.prototypes * spec.classes
        self.concepts = spec.concepts
        self.binary = spec.binary
        self.linear = spec.head != "prototypes"
        self.weights = nn.Parameter(torch.zeros(others, spec.concepts), self.linear)
        self.bias = nn.Parameter(torch.zeros(others))
        self.prototype_weights = nn.Parameter(torch.zeros(others, count), count > 0)
        self.register_buffer("prototypes", torch.full((count, spec.concepts), 0.5))
        # Which training cases they are, as rows of the training part.
        rows = torch.zeros(count, dtype=torch.long)
        self.register_buffer("prototype_rows", rows, persistent=count > 0)
        self.register_buffer("sharpness", torch.ones(()))
        self.register_buffer("temperature", torch.ones(()))
        self.register_buffer("residual", torch.eye(others)[:, : spec.outputs - spec.concepts])

    @property
    def all_weights(self) -> Float[Tensor, "other_class output"]:
        """Learned concept weights, then 1 for each class's own residual channel."""
        return torch.cat([self.weights, self.residual], dim=1)

    def activate(self, outputs: Float[Tensor, "case output"]) -> Float[Tensor, "case output"]:
        """Grade the concepts; residual channels pass unchanged.

        A binary concept is present or absent; its gradient is that of the grade.

        Source: Bengio et al. 2013 (straight-through estimator).
        """
        graded = torch.sigmoid(outputs[:, : self.concepts])
        if self.binary:
            present = (outputs[:, : self.concepts] >= 0).to(graded)
            graded = present + (graded - graded.detach())
        return torch.cat([graded, outputs[:, self.concepts :]], dim=1)

    def similarity(
        self, activations: Float[Tensor, "case output"]
    ) -> Float[Tensor, "case prototype"]:
        """How alike a case's concepts are to each prototype's, from 0 to 1."""
        apart = activations[:, None, : self.concepts] - self.prototypes[None]
        return torch.exp(-self.sharpness * apart.square().sum(dim=2))

    def class_logits(
        self, activations: Float[Tensor, "case output"]
    ) -> Float[Tensor, "case class"]:
        """Weigh the concepts; the first class is the reference and stays at 0."""
        others = activations @ self.all_weights.T + self.bias
        if len(self.prototypes):
            others = others + self.similarity(activations) @ self.prototype_weights.T
        return torch.cat([torch.zeros_like(others[:, :1]), others], dim=1)

    def forward(self, outputs: Float[Tensor, "case output"]) -> Float[Tensor, "case class"]:
        return self.class_logits(self.activate(outputs))

    def doubt(self, outputs: Float[Tensor, "case output"]) -> Float[Tensor, " case"]:
        """One minus the confidence of the running decision, scaled so that a guess is 1."""
        probabilities = torch.softmax(self(outputs) / self.temperature, dim=1)
        classes = probabilities.shape[1]
        return (1 - probabilities.amax(dim=1)).clamp_min(0) * (classes / (classes - 1))
