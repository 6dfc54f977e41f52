"""Splits that keep groups together, and concepts graded by the training part alone."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minspnet.data import UNLABELLED, Cases, ConceptScale, folds
from minspnet.domain import (
    Concept,
    DeviationRule,
    Feature,
    LevelsRule,
    Rule,
    ScaleRule,
    SpreadRule,
)
from minspnet.domains import DOMAINS, find_domain, load_cases
from minspnet.errors import UserError


def random_cases(seed: int, count: int = 90, unlabelled: float = 0.3) -> Cases:
    """Cases in groups of one to four, most of them labelled, with two columns."""
    generator = np.random.default_rng(seed)
    sizes = generator.integers(1, 5, size=count)
    groups = np.repeat(np.arange(count), sizes)[:count]
    labels = generator.integers(2, size=count)
    labels[generator.random(count) < unlabelled] = UNLABELLED
    return Cases(
        tuple(f"case {n}" for n in range(count)),
        generator.normal(size=(count, 2)).astype(np.float32),
        labels,
        {name: generator.normal(size=count).astype(np.float32) for name in ("depth", "width")},
        tuple(f"patient {g}" for g in groups),
    )


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.3]))
def test_folds_keep_groups_together_and_test_every_case_once(seed: int, unlabelled: float) -> None:
    cases = random_cases(seed, unlabelled=unlabelled)
    groups = np.array(cases.groups)
    labelled = np.flatnonzero(cases.labels != UNLABELLED)
    tested = []
    for split in folds(cases, seed):
        parts = (split.train, split.validation, split.test)
        for part, other in ((0, 1), (0, 2), (1, 2)):
            assert not set(groups[parts[part]]) & set(groups[parts[other]])
        for part in parts:
            assert set(cases.labels[part]) >= {0, 1}
        assert (cases.labels[np.concatenate(parts[1:])] != UNLABELLED).all()
        # Nothing is wasted: all labelled cases, and every unlabelled one of a free group.
        held_out = np.isin(groups, groups[np.concatenate(parts[1:])])
        free = np.flatnonzero((cases.labels == UNLABELLED) & ~held_out)
        used = np.sort(np.concatenate(parts))
        np.testing.assert_array_equal(used, np.sort(np.concatenate([labelled, free])))
        tested.append(split.test)
    assert len(tested) == 5
    np.testing.assert_array_equal(np.sort(np.concatenate(tested)), labelled)


def test_folds_follow_the_seed() -> None:
    cases = random_cases(0)
    tests = [[split.test.tolist() for split in folds(cases, seed)] for seed in (1, 1, 2)]
    assert tests[0] == tests[1] != tests[2]


def concept(rule: Rule, name: str = "depth") -> Concept:
    return Concept(name, name.title(), "", "low", "high", rule, 0, 100, "")


def test_spread_rule_by_hand() -> None:
    """Training cases 0, 1, ... 40: the middle 95 % run from 1, graded 0, to 39, graded 1."""
    cases = random_cases(0, count=41)
    values = np.random.default_rng(0).permutation(41).astype(np.float32)
    train = dataclasses.replace(cases, columns={"depth": values})
    scale = ConceptScale.fit((concept(SpreadRule(("depth",))),), train)
    expected = np.clip((values - 1) / 38, 0, 1)
    np.testing.assert_allclose(scale.truth(train.columns)[:, 0], expected, atol=1e-6)
    assert scale.truth({"depth": np.array([20], np.float32)}) == pytest.approx(0.5)


def test_spread_over_columns_is_their_mean_and_new_cases_are_clipped() -> None:
    cases = random_cases(0)
    both = concept(SpreadRule(("depth", "width")))
    scale = ConceptScale.fit((both, concept(SpreadRule(("depth",)))), cases)
    low, high = (
        {name: np.array([extreme, extreme], np.float32) for name in cases.columns}
        for extreme in (-99, 99)
    )
    assert (scale.truth(low) == 0).all() and (scale.truth(high) == 1).all()
    mixed = {"depth": high["depth"], "width": low["width"]}
    np.testing.assert_array_equal(scale.truth(mixed), [[0.5, 1], [0.5, 1]])


def test_a_column_that_never_varies_says_nothing() -> None:
    cases = random_cases(0, count=5)
    cases = dataclasses.replace(cases, columns={"depth": np.full(5, 7, np.float32)})
    scale = ConceptScale.fit((concept(SpreadRule(("depth",))),), cases)
    assert (scale.truth({"depth": np.array([-99, 7, 99], np.float32)}) == 0.5).all()


def test_scale_rule_by_hand() -> None:
    """From 3 to 30 mm: 16.5 mm is half way; beyond the ends is clipped."""
    scale = ConceptScale((concept(ScaleRule(("mm",), 3, 30)),), {})
    truth = scale.truth({"mm": np.array([0, 3, 16.5, 30, 45], np.float32)})
    np.testing.assert_allclose(truth[:, 0], [0, 0, 0.5, 1, 1])
    assert truth.dtype == np.float32


def test_scale_over_columns_is_their_mean_and_may_run_backwards() -> None:
    backwards = concept(ScaleRule(("a", "b"), 10, 0))
    columns = {"a": np.array([0, 10, 2.5], np.float32), "b": np.array([0, 10, 99], np.float32)}
    np.testing.assert_allclose(ConceptScale((backwards,), {}).truth(columns)[:, 0], [1, 0, 0.375])


@pytest.mark.parametrize("high", [3, float("inf"), float("nan")])
def test_a_scale_needs_two_finite_ends(high: float) -> None:
    with pytest.raises(UserError, match=r"^scale of mm must run from one finite number to another"):
        ScaleRule(("mm",), 3, high)


def test_deviation_rule_by_hand() -> None:
    """Training cases 0, 1, ... 200: the median is 100, and 99 % stand less than 99 from it."""
    values = np.random.default_rng(0).permutation(201).astype(np.float32)
    train = dataclasses.replace(random_cases(0, count=201), columns={"depth": values})
    both = (concept(DeviationRule(("depth",))), concept(SpreadRule(("depth",))))
    scale = ConceptScale.fit(both, train)
    np.testing.assert_allclose(scale.spreads["|depth|"], [100, 99])
    shown = {"depth": np.array([100, 1, 199, 133, 9999], np.float32)}
    np.testing.assert_allclose(scale.truth(shown)[:, 0], [0, 1, 1, 1 / 3, 1], atol=1e-6)
    # The same column under another rule keeps its own two numbers.
    np.testing.assert_allclose(scale.spreads["depth"], [5, 195])


def test_levels_rule_by_hand() -> None:
    """Levels 0 and 2 are graded 1; a missing one as the middle of 1, 0, 1: 1."""
    train = dataclasses.replace(
        random_cases(0, count=4), columns={"job": np.array([0, 1, 2, np.nan], np.float32)}
    )
    scale = ConceptScale.fit((concept(LevelsRule(("job",), (0, 2))),), train)
    assert scale.truth(train.columns)[:, 0].tolist() == [1, 0, 1, 1]


@pytest.mark.parametrize("rule", [SpreadRule, DeviationRule, lambda c: ScaleRule(c, -1, 1)])
@given(seed=st.integers(0, 99))
def test_missing_cells_are_left_out_of_a_grade(
    rule: Callable[[tuple[str, ...]], Rule], seed: int
) -> None:
    """A slow second opinion: each column alone, fitted on its known cells, then their mean."""
    cases = random_cases(seed)
    generator = np.random.default_rng(seed)
    columns = {
        name: np.where(generator.random(90) < 0.4, np.nan, column).astype(np.float32)
        for name, column in cases.columns.items()
    }
    holed = dataclasses.replace(cases, columns=columns)
    told = ConceptScale.fit((concept(rule(("depth", "width"))),), holed).truth(columns)[:, 0]
    alone = {}
    for name, column in columns.items():
        known = np.flatnonzero(~np.isnan(column))
        one = ConceptScale.fit((concept(rule((name,))),), holed.take(known))
        alone[name] = dict(
            zip(known.tolist(), one.truth(holed.take(known).columns)[:, 0], strict=True)
        )
    graded = {}
    for row in range(90):
        found = [grades[row] for grades in alone.values() if row in grades]
        if found:
            graded[row] = float(np.mean(found))
    middle = float(np.median([*graded.values()]))
    assert 0 < len(graded) < 90
    expected = [graded.get(row, middle) for row in range(90)]
    np.testing.assert_allclose(told, expected, atol=1e-6)


def test_a_concept_that_no_training_case_has_says_nothing() -> None:
    nothing = dataclasses.replace(
        random_cases(0, count=3), columns={"depth": np.full(3, np.nan, np.float32)}
    )
    rules = SpreadRule(("depth",)), DeviationRule(("depth",)), LevelsRule(("depth",), (0,))
    for rule in rules:
        scale = ConceptScale.fit((concept(rule),), nothing)
        assert (scale.truth(nothing.columns) == 0.5).all()


@pytest.mark.parametrize("levels", [("one",), ("red", "red")])
def test_levels_are_two_or_more_each_once(levels: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match=r"^levels of colour must be two or more, each once"):
        Feature("colour", "Colour", levels=levels)


@given(st.integers(0, 99))
def test_concepts_are_graded_by_the_training_part_alone(seed: int) -> None:
    """Other test cases, other labels: the same scale, the same truth of training cases."""
    cases = random_cases(seed)
    split = next(folds(cases, seed))
    rules = (
        concept(SpreadRule(("depth", "width"))),
        concept(ScaleRule(("width",), -1, 1)),
        concept(DeviationRule(("width",))),
    )
    scale = ConceptScale.fit(rules, cases.take(split.train))
    columns = {name: column.copy() for name, column in cases.columns.items()}
    for column in columns.values():
        column[split.test] += 100
        column[split.validation] *= -3
    changed = Cases(cases.ids, cases.inputs, 1 - cases.labels, columns, cases.groups)
    again = ConceptScale.fit(rules, changed.take(split.train))
    assert set(scale.spreads) == {"depth", "width", "|width|", "median\ndepth"}
    for name, ends in scale.spreads.items():
        np.testing.assert_array_equal(again.spreads[name], ends)
    truth = scale.truth(cases.columns)
    assert (truth >= 0).all() and (truth <= 1).all()
    np.testing.assert_array_equal(again.truth(columns)[split.train], truth[split.train])


def test_taking_cases_keeps_their_rows_together() -> None:
    cases = random_cases(0)
    rows = np.array([5, 2, 2, 80])
    taken = cases.take(rows)
    assert taken.ids == ("case 5", "case 2", "case 2", "case 80")
    assert taken.groups == tuple(cases.groups[row] for row in rows)
    np.testing.assert_array_equal(taken.inputs, cases.inputs[rows])
    np.testing.assert_array_equal(taken.labels, cases.labels[rows])
    np.testing.assert_array_equal(taken.columns["width"], cases.columns["width"][rows])
    np.testing.assert_array_equal(cases.rows_of(taken.ids), rows)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UserError) as refused:
        random_cases(0).rows_of(("case 1", "case 99"))
    assert str(refused.value) == (
        "case id must be one of the 90 cases, got 'case 99'; check the spelling."
    )
    with pytest.raises(UserError, match=r"^domain must be one of .*, got 'x'; pick one of them\.$"):
        find_domain("x")
    with pytest.raises(UserError, match=r"^variant of lung_nodules must be one of outline, got x;"):
        find_domain("lung_nodules").variant("x")


# --- The domains that ship --------------------------------------------------------------

VARIANTS = [(key, variant.name) for key, domain in DOMAINS.items() for variant in domain.variants]


@pytest.mark.parametrize(("key", "variant"), VARIANTS)
def test_shipped_cases_can_be_trained_on(key: str, variant: str) -> None:
    domain = find_domain(key)
    assert domain.key == key
    cases = load_cases(domain, variant)
    assert len(set(cases.ids)) == len(cases) == len(cases.inputs) == len(cases.labels)
    assert cases.inputs.dtype == np.float32 and np.isfinite(cases.inputs).all()
    assert set(cases.labels) - {UNLABELLED} == set(range(len(domain.classes)))
    names = domain.variant(variant).inputs
    if domain.modality == "tabular":
        for column, name in enumerate(names):
            np.testing.assert_array_equal(cases.inputs[:, column], cases.columns[name])
    if domain.modality == "signal":
        assert cases.inputs.shape[1] == len(names) and domain.sample_rate_hz > 0
    assert set(names) <= {feature.name for feature in domain.features}
    truth = ConceptScale.fit(domain.concepts, cases).truth(cases.columns)
    assert truth.shape == (len(cases), len(domain.concepts))
    assert (truth >= 0).all() and (truth <= 1).all()  # also: no NaN
    assert (truth.std(axis=0) > 0.01).all()


@pytest.mark.parametrize("seed", [0, 1])
def test_exercises_are_split_by_person(seed: int) -> None:
    """Ten people: six to train on, two to choose with, two to test; all exercises in each part."""
    cases = load_cases(find_domain("wrist_exercise"))
    groups = np.array(cases.groups)
    for split in folds(cases, seed):
        people = [set(groups[part]) for part in (split.train, split.validation, split.test)]
        assert [len(part) for part in people] == [6, 2, 2]
        assert len(set.union(*people)) == 10
        for part, each in ((split.train, 120), (split.validation, 40), (split.test, 40)):
            assert (np.bincount(cases.labels[part]) == [each] * 7).all()


def test_another_seed_tests_other_people_together() -> None:
    cases = load_cases(find_domain("wrist_exercise"))
    groups = np.array(cases.groups)
    pairs = [{frozenset(groups[split.test]) for split in folds(cases, seed)} for seed in (0, 1)]
    assert pairs[0] != pairs[1]


def test_the_default_variant_is_the_first() -> None:
    domain = find_domain("breast_cytology")
    assert domain.variant(None) is domain.variants[0] is domain.variant("all_measurements")


def test_hidden_measurements_are_hidden() -> None:
    """What defines the concepts is no input of the honest variant."""
    domain = find_domain("breast_cytology")
    inputs = set(domain.variant("mean_and_se").inputs)
    for shown in domain.concepts:
        assert not inputs & set(shown.rule.columns)


def test_nodules_are_labelled_as_the_card_says() -> None:
    """Benign under 2.5, malignant over 3.5, and only with three readers or more."""
    cases = load_cases(find_domain("lung_nodules"))
    rating, readers = cases.columns["malignancy"], cases.columns["readers"]
    for label, said, count in zip(cases.labels, rating, readers, strict=True):
        clear = count >= 3 and (said < 2.5 or said > 3.5)
        assert label == ((1 if said > 3.5 else 0) if clear else UNLABELLED)


def test_shown_values_run_from_end_to_end() -> None:
    diameter = find_domain("lung_nodules").concepts[0]
    assert [diameter.shown(value) for value in (0, 0.5, 1)] == [3, 16.5, 30]


@pytest.mark.parametrize("high", [0.0, np.inf, np.nan])
def test_a_shown_scale_needs_two_finite_ends(high: float) -> None:
    with pytest.raises(UserError, match=r"^shown scale of diameter must run from one finite numb"):
        dataclasses.replace(find_domain("lung_nodules").concepts[0], shown_low=0.0, shown_high=high)
