"""Which exits attend to which part of the input, and how a mask is brought to their size."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from minspnet.errors import requirement
from minspnet.layers.exits import Exit
from minspnet.layers.pooling import AttentionPool
from minspnet.layers.stems import TabularStem
from minspnet.network import Network


@dataclass(frozen=True)
class AttendingExit:
    """An exit whose attention can be held against a mask.

    Attributes:
        score: The layer that says how much each position counts, before the softmax.
        sides: Of the features it attends to, or none for columns.
        columns: Which columns it attends to, or none for pictures and signals.
    """

    score: nn.Linear
    sides: tuple[int, ...]
    columns: tuple[int, ...]

    def fit(self, masks: Float[Tensor, "case *sides"]) -> Float[Tensor, "case position"]:
        """Bring masks to the positions of this exit: by their mean over the area."""
        if self.columns:
            return masks[:, self.columns]
        # A signal is a picture of height 1.
        height, width = (1, *self.sides)[-2:]
        pictures = masks.reshape(len(masks), 1, -1, masks.shape[-1])
        return functional.adaptive_avg_pool2d(pictures, (height, width)).flatten(1)


def attending_exits(network: Network) -> list[AttendingExit]:
    """Exits with attention over positions of the input.

    Behind a dense layer a feature is no column any more, so that no mask speaks of it; such
    exits are left out.

    Raises:
        UserError: If there are none.
    """
    stem = network.stem
    exits: list[tuple[Exit, tuple[int, ...], tuple[int, ...]]] = []
    columns = {-1: _columns_of(stem) if isinstance(stem, TabularStem) else ()}
    exits.append((network.base_exit, stem.output_shape, columns[-1]))
    for expert, parent in enumerate(network.tree.parents):
        spec, module = network.spec.experts[expert], network.experts[expert]
        read = spec.reads or range(len(columns[parent]))
        columns[expert] = (
            tuple(columns[parent][r] for r in read)
            if spec.block == "none" and columns[parent]
            else ()
        )
        exits.append((module.exit, module.output_shape, columns[expert]))
    found = [
        AttendingExit(exit.pool.collect.score, shape[1:], names)
        for exit, shape, names in exits
        if isinstance(exit.pool.collect, AttentionPool) and (names or shape[1:])
    ]
    if not found:
        raise requirement(
            "alignment_weight",
            "be 0 unless an exit attends to positions of the input",
            "none that does",
            "set pooling to attention, for columns where no dense layer stands before it",
        )
    return found


def _columns_of(stem: TabularStem) -> tuple[int, ...]:
    """Columns behind the stem's features, if each feature is one."""
    plain = isinstance(stem.widen, nn.Identity) and not stem.missing and not stem.levels
    return tuple(stem.numbers.tolist()) if plain else ()
