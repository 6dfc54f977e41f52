"""Five stops on real cases, chosen by rule."""

import numpy as np
import pytest

from dashboard import cache
from minspnet.data import UNLABELLED
from minspnet.policy import CLOSED, Policy
from minspnet.tour import find_stops
from minspnet.trace import ExpertTree, Head, Trace, replay


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


HEAD = Head(np.array([[4.0, 4.0]]), np.array([-4.0]), temperature=1.0, concepts=2)


def told(bases: list[list[float]], gates: list[float], added: list[list[float]]) -> Trace:
    """One expert and two concepts: the class is the second where their grades sum past 1."""
    tree = ExpertTree(("look",), (-1,))
    ids = tuple("abcdefgh"[: len(bases)])
    arrays = (np.array([[g] for g in gates]), np.array(bases), np.array(added)[:, None])
    return Trace(ids, *(array.astype(np.float32) for array in arrays), tree, HEAD, ("p", "q"))


def test_an_unlabelled_case_is_no_stop() -> None:
    trace = told([[9, 9], [1, 1]], [0, 0], [[0, 0], [0, 0]])
    policy, truth, seen = Policy((0.5,)), np.ones((2, 2), np.float32), np.array([True, True])
    stops = find_stops(trace, policy, np.array([UNLABELLED, 1]), truth, seen)
    assert [(stop.kind, stop.case) for stop in stops] == [("easy", "b")]


def test_of_two_hard_cases_the_one_whose_answer_the_expert_changed() -> None:
    """Both run the expert; the one that it does not change is the surer one."""
    trace = told([[9, 9], [9, 9], [-1, -1]], [0, 1, 1], [[0, 0], [0, 0], [2, 2]])
    truth, seen = np.ones((3, 2), np.float32), np.array([True, True])
    stops = find_stops(trace, Policy((0.5,)), np.array([1, 1, 1]), truth, seen)
    assert stops[1].case == "c" and stops[1].changed


def test_a_finding_that_can_be_seen_mends_first() -> None:
    """True q would mend more surely, but nobody can see it."""
    trace = told([[-9, -9], [-1, -1]], [0, 0], [[0, 0], [0, 0]])
    truth = np.array([[1, 1], [0.9, 1]], np.float32)
    labels = np.array([1, 1])
    for seen, concept in (([True, False], "p"), ([False, True], "q"), ([False, False], "q")):
        stops = find_stops(trace, Policy((0.5,)), labels, truth, np.array(seen))
        assert [stop.kind for stop in stops] == ["wrong", "mended"]
        assert stops[1].case == "b" and stops[1].correction is not None
        assert stops[1].correction[0] == concept
