"""Budgets: any task gets a network that builds, learns, and is no larger than promised."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_wine

from minspnet.budgets import (
    BUDGETS,
    MOST_PARAMETERS,
    Size,
    budget_preset,
    describe_budget,
    estimate_seconds,
)
from minspnet.cost import cost_table
from minspnet.data import Cases, folds
from minspnet.domain import Concept, Domain, Feature, SpreadRule, Variant
from minspnet.errors import UserError
from minspnet.network import Network
from minspnet.study import conduct
from minspnet.training.augment import check_augmentations


def domain_of(modality: str, features: tuple[Feature, ...], concepts: int, classes: int) -> Domain:
    """A task of that shape; its concepts are graded from columns that need not exist here."""
    column = features[0].name if features else "brightness"
    return Domain(
        key="own",
        title="Own",
        question="Which?",
        modality=modality,
        features=features,
        concepts=tuple(
            Concept(f"c{k}", f"C{k}", "", "low", "high", SpreadRule((column,)), 0, 100, "of 100")
            for k in range(concepts)
        ),
        classes=tuple(f"class {k}" for k in range(classes)),
        variants=(Variant("all", "All", "", tuple(feature.name for feature in features)),),
        case_noun="case",
        group_noun="",
        summary="",
        input_note="",
        field_mm=0,
        concept_reading="",
        concept_note="",
        intended_use="",
        out_of_scope="",
        limits=(),
        source="",
        licence="",
    )


def cases_of(inputs: np.ndarray, classes: int, count: int | None = None) -> Cases:
    """So many cases; all but the first few share their input, which costs no memory."""
    count = count or len(inputs)
    whole = np.broadcast_to(inputs[:1], (count, *inputs.shape[1:]))
    ids = ("same",) * count
    return Cases(ids, whole, np.arange(count) % classes, {}, ids)


@st.composite
def tasks(draw: st.DrawFn) -> tuple[Domain, Cases]:
    modality = draw(st.sampled_from(["tabular", "image", "signal"]))
    concepts, classes = draw(st.integers(1, 20)), draw(st.integers(2, 50))
    count = draw(st.sampled_from([50, 300, 5_000, 60_000]))
    if modality == "image":
        side = draw(st.integers(28, 128))
        inputs = np.zeros((1, draw(st.sampled_from([1, 3])), side, side), np.float32)
        return domain_of("image", (), concepts, classes), cases_of(inputs, classes, count)
    if modality == "signal":
        channels = draw(st.integers(1, 8))
        inputs = np.zeros((1, channels, draw(st.integers(32, 1024))), np.float32)
        features = tuple(Feature(f"f{k}", "F") for k in range(channels))
        return domain_of("signal", features, concepts, classes), cases_of(inputs, classes, count)
    levels = draw(st.lists(st.sampled_from([0, 0, 0, 2, 5, 12]), min_size=1, max_size=30))
    features = tuple(
        Feature(f"f{k}", "F", levels=tuple(f"l{n}" for n in range(number)))
        for k, number in enumerate(levels)
    )
    inputs = np.zeros((1, len(levels)), np.float32)
    if draw(st.booleans()):
        inputs[0, 0] = np.nan
    return domain_of("tabular", features, concepts, classes), cases_of(inputs, classes, count)


@settings(max_examples=25, deadline=None)
@given(task=tasks(), budget=st.sampled_from(BUDGETS))
def test_any_task_gets_a_network_within_its_budget(task: tuple[Domain, Cases], budget: str) -> None:
    domain, cases = task
    variant = domain.variants[0]
    preset = budget_preset(domain, variant, cases, budget)
    assert preset == budget_preset(domain, variant, cases, budget)
    network = Network(preset.model, preset.training.dropout).eval()
    check_augmentations(preset.training, preset.model)
    size = describe_budget(preset)
    assert size == Size(network.parameters_count, cost_table(network).total)
    assert size.parameters <= MOST_PARAMETERS[budget]
    with torch.no_grad():
        evidence = network.evidence(torch.as_tensor(cases.inputs[:2].copy()))
    assert evidence.base.shape == (2, len(domain.concepts) + len(domain.classes) - 1)
    assert torch.isfinite(evidence.contributions).all()


@settings(max_examples=15, deadline=None)
@given(task=tasks())
def test_a_larger_budget_buys_a_larger_network(task: tuple[Domain, Cases]) -> None:
    domain, cases = task
    sizes = [
        describe_budget(budget_preset(domain, domain.variants[0], cases, budget))
        for budget in BUDGETS
    ]
    assert sizes == sorted(sizes)
    assert sizes[0].parameters < sizes[-1].parameters


def test_the_recipe_goes_with_the_number_of_cases() -> None:
    """Few cases are seen often and in small batches; a million only a few times."""
    features = tuple(Feature(f"f{k}", "F") for k in range(10))
    domain = domain_of("tabular", features, 3, 2)
    recipes = [
        budget_preset(
            domain, domain.variants[0], cases_of(np.zeros((1, 10), np.float32), 2, count)
        ).training
        for count in (50, 1_000, 20_000, 200_000, 1_000_000)
    ]
    for fewer, more in pairwise(recipes):
        assert fewer.epochs >= more.epochs
        assert fewer.batch_size <= more.batch_size
        assert fewer.dropout >= more.dropout
    assert recipes[0].batch_size < 64 * recipes[-1].batch_size


def test_an_unknown_budget_is_refused() -> None:
    domain = domain_of("image", (), 1, 2)
    cases = cases_of(np.zeros((2, 1, 28, 28), np.float32), 2)
    with pytest.raises(
        UserError, match="budget must be one of tiny, small, accurate, got 'huge'; pick one"
    ):
        budget_preset(domain, domain.variants[0], cases, "huge")


def wine() -> tuple[Domain, Cases]:
    found = load_wine()
    features = tuple(Feature(f"f{k}", "F") for k in range(13))
    inputs = found.data.astype(np.float32)
    columns = {feature.name: inputs[:, k] for k, feature in enumerate(features)}
    ids = tuple(f"wine-{k}" for k in range(len(inputs)))
    domain = domain_of("tabular", features, 4, 3)
    concepts = tuple(
        replace(concept, rule=SpreadRule((f"f{k}", f"f{k + 5}")))
        for k, concept in enumerate(domain.concepts)
    )
    cases = Cases(ids, inputs, found.target.astype(np.intp), columns, ids)
    return replace(domain, concepts=concepts), cases


def test_a_file_of_wines_is_learned() -> None:
    domain, cases = wine()
    preset = budget_preset(domain, domain.variants[0], cases)
    split = next(folds(cases, 0))
    study = conduct(domain, domain.variants[0], preset, cases, split, 0, baselines=False)
    assert study.metrics["all_on"]["accuracy"] >= 0.9


def test_the_time_of_a_training_is_told_before_it() -> None:
    """Twice the epochs take twice as long; what a step takes is this machine's."""
    domain, cases = wine()
    preset = budget_preset(domain, domain.variants[0], cases, "tiny")
    longer = replace(preset, training=replace(preset.training, epochs=40_000))
    short, long = (estimate_seconds(one, len(cases)) for one in (preset, longer))
    assert 0 < short < 60
    assert long > 20 * short
