"""Write a network and its policy as one ONNX model whose thresholds are inputs.

    inputs              (case, ...)      as the domain gives them
    gate_thresholds     (expert,)        the policy's, unless given
    decision_threshold  ()               the policy's, unless given

    active              (case, expert)   which experts ran
    outputs             (case, output)   concept logits, then residual channels
    concepts            (case, output)   graded concepts, then residual channels
    class_logits        (case, class)
    probabilities       (case, class)
    predicted           (case,)

The model of one case has a branch for each expert that holds its weights; the model of batches
gathers for each expert the cases whose gate opened.
"""

import json
from collections.abc import Sequence

import numpy as np
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper

from minspnet.deploy import head as heads
from minspnet.deploy.forest import Forest, Way
from minspnet.deploy.graph import IR_VERSION, OPSET, Graph, tensor
from minspnet.deploy.session import clamped
from minspnet.errors import requirement
from minspnet.network import Network
from minspnet.policy import Policy

_KINDS = {
    "active": TensorProto.BOOL,
    "outputs": TensorProto.FLOAT,
    "concepts": TensorProto.FLOAT,
    "class_logits": TensorProto.FLOAT,
    "probabilities": TensorProto.FLOAT,
    "predicted": TensorProto.INT64,
}


def export(
    network: Network,
    policy: Policy,
    concept_names: Sequence[str],
    class_names: Sequence[str],
    way: Way = "case",
    digest: str = "",
) -> ModelProto:
    """Build the model.

    Args:
        network: Is put into evaluation mode.
        policy: What the thresholds are unless a run gives others.
        concept_names: Kept with the model.
        class_names: Kept with the model.
        way: ``case`` decides one case a run, ``batch`` any number of them; ``always`` runs every
            expert on them, whatever the thresholds.
        digest: Of the model folder that the network came from, if any.

    Raises:
        UserError: If the policy does not fit the network or holds what-if edits.
    """
    policy.check(network.tree.names, concept_names)
    if policy.interventions:
        raise requirement(
            "policy", "be free of interventions", policy.to_text()["edit"], "reset the edits"
        )
    network.eval()
    spec = network.spec
    graph = Graph(2 if len(spec.input_shape) > 1 else 0)
    active, outputs = Forest(network, way).lay(graph, "inputs", "gate_thresholds")
    decided = heads.decide(network.frozen_head(), graph, outputs, "decision_threshold")
    for name, said in zip(_KINDS, (active, outputs, *decided), strict=True):
        graph.rename(said, name)
    cases = 1 if way == "case" else "case"
    widths = (len(spec.experts), spec.outputs, spec.outputs, spec.classes, spec.classes)
    shapes = [*((cases, width) for width in widths), (cases,)]
    defaults = {
        "gate_thresholds": clamped(policy),
        "decision_threshold": np.array(policy.decision_threshold, dtype=np.float32),
    }
    whole = graph.finish(
        "minspnet",
        [
            tensor("inputs", TensorProto.FLOAT, (cases, *spec.input_shape)),
            *(tensor(name, TensorProto.FLOAT, v.shape) for name, v in defaults.items()),
        ],
        [tensor(name, kind, s) for (name, kind), s in zip(_KINDS.items(), shapes, strict=True)],
    )
    whole.initializer.extend(numpy_helper.from_array(v, name) for name, v in defaults.items())
    model = helper.make_model(
        whole,
        producer_name="minspnet",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    about = {
        "way": way,
        "experts": network.tree.names,
        "parents": network.tree.parents,
        "concepts": tuple(concept_names),
        "classes": tuple(class_names),
        "policy": policy.to_text(),
        "missing": spec.stem.missing or any(spec.stem.levels),
        "model": digest,
    }
    helper.set_model_props(model, {name: json.dumps(value) for name, value in about.items()})
    checker.check_model(model)
    return model
