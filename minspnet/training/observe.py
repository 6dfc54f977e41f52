"""What chosen layers are given and say during one pass, without a lasting hook or cache."""

from collections.abc import Sequence
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from minspnet.network import Evidence, Network


class Heard(NamedTuple):
    """Input and output of one layer."""

    given: Tensor
    said: Tensor


def observe(
    network: Network, inputs: Float[Tensor, "case *input"], layers: Sequence[nn.Module]
) -> tuple[Evidence, list[Heard]]:
    """Run everything once, as ``Network.evidence`` does, and listen to some layers on the way.

    Args:
        network: In either mode.
        inputs: As the domain gives them.
        layers: Of the network, each called once in a pass with one tensor.
    """
    heard: dict[int, Heard] = {}

    def listen(place: int, layer: nn.Module) -> RemovableHandle:
        def keep(_: nn.Module, given: tuple[Tensor, ...], said: Tensor) -> None:
            heard[place] = Heard(given[0], said)

        return layer.register_forward_hook(keep)

    handles = [listen(place, layer) for place, layer in enumerate(layers)]
    try:
        evidence = network.evidence(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return evidence, [heard[place] for place in range(len(layers))]
