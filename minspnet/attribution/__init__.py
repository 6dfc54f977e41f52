"""Attribution of one case's decision to its inputs, with the case's routing held.

Hard gates have no gradient. What is explained is the function that this case was routed
through; why the gates opened is a question of its own, answered by the gate scores.
"""

from minspnet.attribution.explain import Attribution, attribute
from minspnet.attribution.methods import METHODS, STEPS
from minspnet.attribution.routed import RoutedFunction, baseline_of

__all__ = ["METHODS", "STEPS", "Attribution", "RoutedFunction", "attribute", "baseline_of"]
