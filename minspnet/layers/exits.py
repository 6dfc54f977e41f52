"""Exits and gates: what a node says about the concepts, and whether more is needed."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from minspnet.layers.blocks import pointwise
from minspnet.layers.pooling import Pool
from minspnet.spec import ExpertSpec, ModelSpec


class Exit(nn.Module):
    """Pool the features and read concept logits (and residual channels) off them.

    Pictures are pooled and normalised without learned scale: plain global pooling loses where
    things are, which the base exit needs most.
    """

    writes: Tensor
    written: Tensor

    def __init__(
        self,
        pool: Pool,
        outputs: int,
        writes: tuple[int, ...] = (),
        earlier: int = 0,
        hidden: int = 0,
        rank: int = 0,
    ) -> None:
        super().__init__()
        features = pool.features + earlier
        self.pool = pool
        self.fuses = earlier > 0
        self.think = (
            nn.Sequential(nn.Linear(features, hidden), nn.SiLU()) if hidden else nn.Identity()
        )
        self.read = pointwise(0, hidden or features, len(writes) or outputs, rank)
        self.outputs = outputs
        written = torch.tensor([not writes or k in writes for k in range(outputs)])
        self.register_buffer("writes", torch.tensor(writes, dtype=torch.long), persistent=False)
        self.register_buffer("written", written, persistent=False)

    def forward(
        self,
        hidden: Float[Tensor, "case hidden *sides"],
        earlier: Float[Tensor, "case earlier"] | None = None,
    ) -> Float[Tensor, "case output"]:
        pooled = self.pool(hidden)
        if self.fuses:
            assert earlier is not None
            pooled = torch.cat([pooled, earlier], dim=1)
        said = self.read(self.think(pooled))
        if not len(self.writes):
            return said
        return said.new_zeros(len(said), self.outputs).index_copy(1, self.writes, said)


def base_exit(spec: ModelSpec, shape: tuple[int, ...]) -> Exit:
    """The exit on the stem."""
    return Exit(Pool(shape, spec.base_pooling, spec.base_grid), spec.outputs, rank=spec.base_rank)


def expert_exit(spec: ExpertSpec, shape: tuple[int, ...], outputs: int, earlier: int) -> Exit:
    """The exit behind an expert's block."""
    pool = Pool(shape, spec.pooling)
    return Exit(pool, outputs, spec.concepts, earlier if spec.fuse else 0, spec.hidden, spec.rank)


class LearnedGate(nn.Module):
    """A router for one expert: a logistic score of what is known before the expert runs.

    It reads the pooled parent features and, for a gate of gain, also the running concepts and
    the doubt they leave.
    """

    def __init__(self, shape: tuple[int, ...], said: int = 0) -> None:
        super().__init__()
        self.pool = Pool(shape)
        self.hears = said > 0
        self.read = nn.Linear(self.pool.features + said, 1)

    def logit(
        self,
        hidden: Float[Tensor, "case hidden *sides"],
        said: Float[Tensor, "case said"] | None = None,
    ) -> Float[Tensor, " case"]:
        known = self.pool(hidden)
        if self.hears:
            assert said is not None
            known = torch.cat([known, said], dim=1)
        return self.read(known).squeeze(1)

    def forward(
        self,
        hidden: Float[Tensor, "case hidden *sides"],
        said: Float[Tensor, "case said"] | None = None,
    ) -> Float[Tensor, " case"]:
        return torch.sigmoid(self.logit(hidden, said))
