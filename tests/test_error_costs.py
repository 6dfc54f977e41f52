"""Where to cut a chance when one error is worse than the other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_app import TABULAR, open_app, own_store  # noqa: F401
from test_app_routing import open_tab

from dashboard import cache, cache_routing
from minspnet.error_costs import best_range, calibrated, error_curve
from minspnet.errors import UserError
from minspnet.policy import Policy
from minspnet.trace import replay

CHANCES = np.array([0.1, 0.3, 0.3, 0.6, 0.9])
LABELS = np.array([0, 1, 0, 0, 1])


def test_errors_counted_by_hand() -> None:
    """Above k of the chances .1 .3 .6 .9, so many of the second class are missed."""
    curve = error_curve(CHANCES, LABELS)
    assert curve.missed.tolist() == [0, 0, 1, 1, 2]
    assert curve.alarms.tolist() == [3, 2, 1, 0, 0]
    assert curve.thresholds == pytest.approx([0.05, 0.2, 0.45, 0.75, 0.95])
    assert curve.cost(2).tolist() == pytest.approx([0.6, 0.4, 0.6, 0.4, 0.8])
    assert curve.cases == (3, 2)


def test_of_two_cheapest_the_one_nearer_to_the_calibrated_threshold() -> None:
    """At a ratio of 2 both (.1, .3] and (.6, .9] cost 2; chances would say 1/3."""
    assert calibrated(2) == pytest.approx(1 / 3)
    curve = error_curve(CHANCES, LABELS)
    assert curve.best_threshold(2) == pytest.approx(0.2)
    assert curve.best_threshold(4) == calibrated(4) == 0.2
    assert curve.thresholds[curve.best(0.1)] == pytest.approx(0.75)
    assert curve.thresholds[curve.best(100)] == pytest.approx(0.2)


@given(
    st.lists(
        st.tuples(st.floats(0.0078125, 0.9921875, width=32), st.integers(0, 1)),
        min_size=1,
        max_size=20,
    ),
    st.floats(0.0078125, 0.9921875, width=32),
    st.floats(0.1, 20),
)
def test_every_threshold_is_counted_as_it_decides(
    cases: list[tuple[float, int]], threshold: float, ratio: float
) -> None:
    chances, labels = np.array([c for c, _ in cases], np.float32), np.array([y for _, y in cases])
    curve = error_curve(chances, labels)
    reached = [(float(at), k) for k, at in enumerate(curve.thresholds) if not np.isnan(at)]
    for asked, step in [(threshold, curve.at(threshold)), *reached]:
        Policy((), asked)  # a threshold that a policy may have
        said = chances >= np.float32(asked)
        assert curve.missed[step] == ((labels == 1) & ~said).sum()
        assert curve.alarms[step] == ((labels == 0) & said).sum()
    least = min(curve.cost(ratio)[step] for _, step in reached)
    assert curve.cost(ratio)[curve.at(curve.best_threshold(ratio))] == pytest.approx(least)


def test_weights_count_cases_as_often() -> None:
    weights = np.array([2.0, 0, 1, 3, 1])
    rows = np.repeat(np.arange(5), weights.astype(int))
    weighed, repeated = (
        error_curve(CHANCES, LABELS, weights),
        error_curve(CHANCES[rows], LABELS[rows]),
    )
    for threshold in (0.05, 0.2, 0.45, 0.75, 0.95):
        here, there = weighed.at(threshold), repeated.at(threshold)
        assert weighed.missed[here] == repeated.missed[there]
        assert weighed.alarms[here] == repeated.alarms[there]


def test_well_calibrated_chances_are_cut_where_theory_says() -> None:
    generator = np.random.default_rng(0)
    chances = generator.uniform(size=20_000)
    labels = (generator.uniform(size=20_000) < chances).astype(int)
    low, high = best_range(chances, labels, list(map(str, range(20_000))), 4.0, draws=40)
    assert low - 0.05 < calibrated(4) < high + 0.05 and high - low < 0.15


def test_whole_groups_are_redrawn() -> None:
    """Ten cases of one patient, all alike, say no more than one of them."""
    alone = best_range(CHANCES, LABELS, list("abcde"), 3.0)
    many = np.repeat(np.arange(5), 10)
    grouped = best_range(CHANCES[many], LABELS[many], [*np.array(list("abcde"))[many]], 3.0)
    assert grouped == pytest.approx(alone)


def test_more_than_two_classes_are_refused() -> None:
    with pytest.raises(UserError, match="labels must be 0 or 1"):
        error_curve(CHANCES, np.array([0, 1, 2, 0, 1]))


@pytest.mark.parametrize("model", [TABULAR, "lung_nodules", "shuttle"])
def test_the_cheapest_threshold_is_taken_and_drives_every_page(model: str) -> None:
    app = open_tab("Two kinds of error", model)
    app.select_slider(key="error-ratio").set_value(10.0).run()
    next(b for b in app.button if b.label.startswith("Take what chances")).click().run()
    assert not app.exception
    assert float(app.query_params["cut"]) == pytest.approx(1 / 11)
    policy = Policy(cache.model(model).policy.gate_thresholds, 1 / 11)
    decided = replay(cache.model(model).traces["test"], policy).predicted
    labels = cache.part(model, "test").labels
    told = next(t.value for t in app.table if "Missed, test" in t.value.index)
    missed = int(((decided == 0) & (labels == 1)).sum())
    assert told.loc["Missed, test"].iloc[0] == f"{missed} of {(labels == 1).sum():,}"
    cohorts = next(t.value for t in app.table if "Missed, now" in t.value.index)
    held = cache.part(model, cache_routing.PART).labels
    ours = [int(said.split()[-1].replace(",", "")) for said in cohorts.loc["Missed, now"]]
    assert sum(ours) == held.sum()


def test_seven_classes_have_no_one_threshold() -> None:
    app = open_app("routing", model="wrist_exercise")
    app.session_state["routing-tab"] = "Two kinds of error"
    app.run()
    assert any("no one threshold" in info.value for info in app.info)
