"""What the Case page keeps between reruns; the rules are those of ``dashboard.cache``."""

import numpy as np

from dashboard import cache_uncertain, heavy
from dashboard.cache import (
    case_inputs,
    case_place,
    domain_of,
    explained,
    model,
    network,
    one_case,
    part,
    similar_cases,
    truth,
    typical,
    waterfall,
)
from dashboard.cache_routing import case_receipt
from dashboard.keep import kept
from minspnet import caution
from minspnet.counterfactual import Alternatives, alternatives, plausible_grades
from minspnet.data import levels_given
from minspnet.policy import Policy
from minspnet.report import CaseReport, Cautions, Neighbours, assemble
from minspnet.trace import Decision, Trace, replay
from minspnet.whatif import Scan, Span, resized, scan, silenced, spans

Edits = tuple[tuple[int, float], ...]
"""Columns set to other values, channels silenced, or the one size of a picture."""


@kept()
def plausible(name: str) -> tuple[tuple[float, ...], ...]:
    """Grades of each concept that are usual in some class."""
    domain, labels = domain_of(name), part(name, "train").labels
    binary = model(name).traces["train"].head.binary
    return plausible_grades(
        truth(name, "train"),
        [labels == k for k in range(len(domain.classes))],
        [(0.0, 1.0) if binary else concept.grades for concept in domain.concepts],
    )


@kept(256)
def changes(name: str, case_id: str, policy: Policy) -> Alternatives:
    """The smallest sets of findings that change one answer."""
    visible = [concept.visible for concept in domain_of(name).concepts]
    spread = truth(name, "train").std(axis=0).astype(np.float64)
    return alternatives(one_case(name, case_id), policy, plausible(name), spread, visible)


@kept()
def ranges(name: str) -> tuple[Span, ...]:
    """What is known of each input column."""
    known = part(name, "train")
    return spans(known.inputs, known.labels)


def _run(name: str, inputs: np.ndarray) -> Trace:
    """The network itself on new inputs; imports torch."""
    heavy.load()
    from minspnet.network import run

    ids = tuple(map(str, range(len(inputs))))
    return run(network(name), ids, inputs, domain_of(name).concept_names)


@kept(128)
def scanned(name: str, case_id: str, policy: Policy) -> Scan:
    """What each column can do to one answer, and the smallest changes that change it."""

    def decide(inputs: np.ndarray) -> Decision:
        return replay(_run(name, inputs), policy)

    return scan(case_inputs(name, case_id), ranges(name), decide)


def edited_inputs(name: str, case_id: str, edits: Edits) -> np.ndarray:
    """A case with columns set, channels silenced, or its picture resized."""
    inputs = np.array(case_inputs(name, case_id))
    modality = domain_of(name).modality
    if modality == "tabular":
        for column, value in edits:
            inputs[column] = value
    elif modality == "signal":
        inputs = silenced(inputs, [channel for channel, _ in edits])
    else:
        for _, factor in edits:
            inputs = np.stack([resized(plane, factor) for plane in inputs])
    return inputs


@kept(128)
def edited(name: str, case_id: str, edits: Edits) -> Trace:
    """The evidence on an edited case, every expert run anew."""
    return _run(name, edited_inputs(name, case_id, edits)[None])


def given(name: str, case_id: str) -> dict[int, str]:
    """Of findings that ask for levels of an input, the level that the data hold."""
    if domain_of(name).modality != "tabular":
        return {}
    names = domain_of(name).variant(model(name).variant).inputs
    return levels_given(domain_of(name), names, case_inputs(name, case_id))


def measured(name: str, case_id: str) -> dict[int, float]:
    """Of findings that are graded from inputs alone, the grade that these give; NaN for none."""
    if domain_of(name).modality != "tabular":
        return {}
    names = domain_of(name).variant(model(name).variant).inputs
    return model(name).scale.measured(names, case_inputs(name, case_id))


def cautions(name: str, case_id: str, policy: Policy, coverage: float) -> Cautions:
    """What speaks against the answer to a case, in words without markup."""
    domain = domain_of(name)
    inside = cache_uncertain.set_of(name, case_id, policy, coverage).tolist()
    found, familiar = cache_uncertain.unusual(name, case_id), cache_uncertain.familiar(name)
    titles = cache_uncertain.measured_traits(name, "test").titles
    features = cache_uncertain.features_of(name)
    said = caution.warnings(domain, found, titles, familiar, features, inside, coverage)
    return Cautions(caution.the_set(domain, inside, coverage), said, given(name, case_id))


def report(name: str, case_id: str, policy: Policy, coverage: float) -> CaseReport:
    """All that a printed page says of a case; its parts are kept already."""
    part_name, row = case_place(name, case_id) or ("test", 0)
    near = similar_cases(name, case_id, policy)
    return assemble(
        one_case(name, case_id),
        policy,
        model(name).policy,
        (part_name, int(part(name, part_name).labels[row])),
        typical(name, policy.without_interventions()),
        explained(name, case_id, policy),
        waterfall(name, case_id, policy),
        changes(name, case_id, policy),
        Neighbours(near.ids, near.labels, near.found),
        case_receipt(name, case_id, policy),
        cautions(name, case_id, policy, coverage),
    )
