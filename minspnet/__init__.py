"""MINSPNET: a small network whose explanation is its computation.

Four nouns (``Domain``, ``ModelSpec``, ``Policy``, ``Trace``) and two verbs: ``run`` records
the evidence of a network on cases, ``replay`` decides from it.
"""

from typing import TYPE_CHECKING, Any

from minspnet.domain import Domain
from minspnet.errors import UserError
from minspnet.policy import Policy
from minspnet.recipe import TrainSpec
from minspnet.spec import ModelSpec
from minspnet.trace import Decision, Trace, replay

if TYPE_CHECKING:
    from minspnet.network import Network, run

__all__ = [
    "Decision",
    "Domain",
    "ModelSpec",
    "Network",
    "Policy",
    "Trace",
    "TrainSpec",
    "UserError",
    "replay",
    "run",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import torch only for those who run networks: reading traces does not need it."""
    if name in ("Network", "run"):
        from minspnet import network

        return getattr(network, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
