"""Studies and model folders that several tests share."""

import dataclasses
from functools import cache
from pathlib import Path

import torch

from minspnet.artifact import Model, load
from minspnet.cost import cost_table
from minspnet.data import Cases, ConceptScale, Split, folds
from minspnet.domains import SAMPLE_DATA, find_domain, load_cases
from minspnet.network import Network, run
from minspnet.policy import Policy
from minspnet.presets import Preset, preset
from minspnet.spec import Gate
from minspnet.study import PARTS, Study, conduct, summarise
from minspnet.trace import ExpertTree

SHIPPED = sorted(path.parent for path in (SAMPLE_DATA / "models").glob("*/model.json"))
NAMES = [folder.name for folder in SHIPPED]
CYTOLOGY = find_domain("breast_cytology")
VARIANT = CYTOLOGY.variants[0]


@cache
def cases_of(domain_key: str, variant: str | None = None) -> Cases:
    """Read the cases of a domain once."""
    return load_cases(find_domain(domain_key), variant)


@cache
def shipped(folder: Path) -> Model:
    """Open a shipped model once."""
    return load(folder)


def part_of(model: Model, part: str) -> Cases:
    """The cases behind one of a model's traces, in the trace's order."""
    cases = cases_of(model.domain_key, model.variant)
    return cases.take(cases.rows_of(model.traces[part].case_ids))


def two_epochs(cases: Cases, split: Split, seed: int) -> Study:
    """Train on breast cytology for two epochs, in strides long enough to learn something."""
    recipe = preset(CYTOLOGY, VARIANT)
    training = dataclasses.replace(recipe.training, epochs=2, learning_rate=0.03)
    short = Preset(recipe.model, training)
    return conduct(CYTOLOGY, VARIANT, short, cases, split, seed, baselines=False)


def untrained(seed: int, residual: bool = False) -> Study:
    """The shipped shape with its weights as they were drawn; every expert is on."""
    cases = cases_of("breast_cytology")
    split = next(folds(cases, seed))
    recipe = preset(CYTOLOGY, VARIANT)
    recipe = Preset(dataclasses.replace(recipe.model, residual=residual), recipe.training)
    parts = {name: cases.take(getattr(split, name)) for name in PARTS}
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        network = Network(recipe.model)
        network.head.weights.normal_()
    network.stem.standardise.fit(torch.from_numpy(parts["train"].inputs))
    names = CYTOLOGY.concept_names
    return Study(
        CYTOLOGY,
        VARIANT,
        recipe,
        seed,
        network,
        ConceptScale.fit(CYTOLOGY.concepts, parts["train"]),
        cost_table(network),
        Policy.shared(0, len(recipe.model.experts)),
        {name: run(network, part.ids, part.inputs, names) for name, part in parts.items()},
        {"parameters": network.parameters_count},
    )


@cache
def tiny_wrist() -> Study:
    """Seven classes, signals, and an expert behind each kind of gate; three epochs of training."""
    domain = find_domain("wrist_exercise")
    cases = cases_of(domain.key)
    recipe = preset(domain, domain.variants[0])
    kinds: tuple[Gate, ...] = ("doubt", "learned", "gain", "choice", "choice")
    first, *_ = recipe.model.experts
    experts = tuple(
        dataclasses.replace(first, name=f"{gate} {place}", width=4, gate=gate)
        for place, gate in enumerate(kinds)
    )
    recipe = Preset(
        dataclasses.replace(recipe.model, experts=experts),
        dataclasses.replace(recipe.training, epochs=3),
    )
    split = next(folds(cases, 0))
    study = conduct(domain, domain.variants[0], recipe, cases, split, 0, baselines=False)
    spread = {"runs": 1, "scores": summarise([study.metrics])}
    return dataclasses.replace(
        study, metrics={**study.metrics, "baselines": {}, "over_splits": spread}
    )


def without_experts(study: Study) -> Study:
    """The same task with a stem and a base exit alone, as they were drawn."""
    spec = dataclasses.replace(study.preset.model, experts=())
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Network(spec)
    cases = cases_of(study.domain.key)
    traces = {}
    for name, trace in study.traces.items():
        part = cases.take(cases.rows_of(trace.case_ids))
        traces[name] = run(network, part.ids, part.inputs, study.domain.concept_names)
    return dataclasses.replace(
        study,
        preset=Preset(spec, study.preset.training),
        network=network,
        cost=cost_table(network),
        policy=Policy(()),
        traces=traces,
    )


def renamed(study: Study, name: str) -> Study:
    """The same study, its first expert under another name."""
    first, *others = study.preset.model.experts
    experts = (dataclasses.replace(first, name=name), *others)
    traces = {
        part: dataclasses.replace(
            trace, tree=ExpertTree(tuple(e.name for e in experts), trace.tree.parents)
        )
        for part, trace in study.traces.items()
    }
    model = dataclasses.replace(study.preset.model, experts=experts)
    return dataclasses.replace(study, preset=Preset(model, study.preset.training), traces=traces)
