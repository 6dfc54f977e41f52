"""Five stops on real cases, chosen by rule."""

import numpy as np
import pytest

from dashboard import cache
from minspnet.policy import CLOSED, Policy
from minspnet.tour import find_stops
from minspnet.trace import replay


def visible(name: str) -> np.ndarray:
    return np.array([concept.visible for concept in cache.domain_of(name).concepts])


MODELS = [name for names in cache.models().values() for name in names]


@pytest.mark.parametrize("name", MODELS)
def test_each_stop_shows_what_it_is_there_for(name: str) -> None:
    loaded = cache.model(name)
    trace, labels = loaded.traces["test"], cache.part(name, "test").labels
    truth, policy = cache.truth(name, "test"), loaded.policy
    decision = replay(trace, policy)
    ran, right = decision.active.sum(axis=1), decision.predicted == labels
    sure = decision.probabilities.max(axis=1)
    row = {case: place for place, case in enumerate(trace.case_ids)}
    stops = {stop.kind: stop for stop in find_stops(trace, policy, labels, truth, visible(name))}
    assert list(stops)[:2] == ["easy", "hard"] and "wrong" in stops
    easy, hard, wrong = (row[stops[kind].case] for kind in ("easy", "hard", "wrong"))
    assert right[easy] and ran[easy] == ran[right].min()
    assert right[hard] and ran[hard] == ran[right].max()
    assert not right[wrong] and sure[wrong] == sure[~right].max()
    closed = Policy((CLOSED,) * len(trace.tree.names), policy.decision_threshold)
    alone = replay(trace[hard], closed).predicted[0]
    assert stops["hard"].changed == (alone != labels[hard])
    if "mended" in stops:
        case = row[stops["mended"].case]
        concept, value = stops["mended"].correction
        assert not right[case] and case != wrong
        assert value == truth[case, trace.concept_names.index(concept)]
        again = replay(trace[case], policy.intervene(concept, value))
        assert again.predicted[0] == labels[case]


def test_what_no_case_is_fit_for_is_left_out() -> None:
    loaded = cache.model("lung_nodules")
    trace, seen = loaded.traces["test"], visible("lung_nodules")
    truth = cache.truth("lung_nodules", "test")
    said = replay(trace, loaded.policy).predicted
    assert [s.kind for s in find_stops(trace, loaded.policy, said, truth, seen)] == ["easy", "hard"]
    closed = Policy((CLOSED,) * len(trace.tree.names))
    said = replay(trace, closed).predicted
    assert [s.kind for s in find_stops(trace, closed, said, truth, seen)] == ["easy"]
    unknown = np.full_like(truth, np.nan)
    kinds = [s.kind for s in find_stops(trace, closed, 1 - said, unknown, seen)]
    assert kinds == ["wrong"]
