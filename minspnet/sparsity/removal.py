"""Leave out whole layers and whole experts."""

from dataclasses import replace

from minspnet.errors import requirement
from minspnet.network import Network


def without_experts(network: Network, *names: str) -> Network:
    """Leave out experts and all that stand behind them.

    The others' gates and contributions stay as they are.

    Raises:
        UserError: If an expert is unknown, or another one goes on using its weights.
    """
    tree, spec = network.tree, network.spec
    going = {_node(network, name) for name in names}
    stay = [node for node in range(len(tree.names)) if not going & {*tree.path(node)}]
    experts = tuple(spec.experts[node] for node in stay)
    left = {expert.name for expert in experts}
    for expert in experts:
        if expert.weights_of is not None and expert.weights_of not in left:
            raise requirement(
                "dropped experts",
                f"hold no weights that {expert.name} uses",
                expert.weights_of,
                "keep the one or drop both",
            )
    smaller = Network(replace(spec, experts=experts))
    state = network.state_dict()
    before = {f"experts.{new}.": f"experts.{old}." for new, old in enumerate(stay)}
    smaller.load_state_dict({name: state[_renamed(name, before)] for name in smaller.state_dict()})
    return smaller.eval()


def without_layers(network: Network, name: str, *layers: int) -> Network:
    """Leave out layers of a repeated block, as if each gave nothing to add.

    Raises:
        UserError: If the expert is unknown, a layer is not there or does not add to what it got,
            or none is left.
    """
    node = _node(network, name)
    steps = network.experts[node].block.steps
    able = [index for index, step in enumerate(steps) if step.adds]
    stay = [index for index in range(len(steps)) if index not in layers]
    if not {*layers} <= {*able} or not stay:
        raise requirement(
            f"layers dropped from {name}",
            f"be among {able}, which add to what they get, and leave one",
            layers,
            "drop the expert, or other layers",
        )
    users = [n for n, e in enumerate(network.experts) if e.block is network.experts[node].block]
    experts = [
        replace(expert, repeats=len(stay)) if place in users else expert
        for place, expert in enumerate(network.spec.experts)
    ]
    smaller = Network(replace(network.spec, experts=tuple(experts)))
    state = network.state_dict()
    before = {
        f"experts.{user}.block.steps.{new}.": f"experts.{user}.block.steps.{old}."
        for user in users
        for new, old in enumerate(stay)
    }
    smaller.load_state_dict({key: state[_renamed(key, before)] for key in smaller.state_dict()})
    return smaller.eval()


def _node(network: Network, name: str) -> int:
    names = network.tree.names
    if name not in names:
        raise requirement("expert", f"be one of {', '.join(names)}", name, "check the spelling")
    return names.index(name)


def _renamed(name: str, prefixes: dict[str, str]) -> str:
    for new, old in prefixes.items():
        if name.startswith(new):
            return old + name.removeprefix(new)
    return name
