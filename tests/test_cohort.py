"""Cohorts: exact through a link, counted as a slow loop counts, refused in a sentence."""

import math
from urllib.parse import parse_qsl, urlencode

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from studies import NAMES, SHIPPED, part_of, shipped

from minspnet import cohort
from minspnet.cohort import EVERYTHING, Cohort, Facts, OneOf, Vocabulary, Within, select
from minspnet.errors import UserError
from minspnet.trace import replay

VERDICTS = cohort.VERDICTS
AWKWARD = ("bent-over row", "a;b:c,d", "50%..60%", "é & ü", "ran.x", "+", "yes")
KNOWN = Vocabulary(
    ("sure", "found.size", "gate.second look; no. 2"),
    {"known": AWKWARD, "ran.a:b": ("yes", "no"), "verdict": VERDICTS},
)
ends = st.floats(allow_nan=False)


@st.composite
def cohorts(draw: st.DrawFn) -> Cohort:
    """Conditions about some of what is known."""
    conditions: list[Within | OneOf] = []
    for what in draw(st.sets(st.sampled_from(KNOWN.numbers))):
        low, high = sorted(draw(st.tuples(ends, ends).filter(lambda p: p[0] != p[1])))
        if math.isfinite(low) or math.isfinite(high):
            conditions.append(Within(what, low, high))
    for what in draw(st.sets(st.sampled_from(sorted(KNOWN.words)))):
        names = draw(st.sets(st.sampled_from(KNOWN.words[what]), min_size=1))
        conditions.append(OneOf(what, tuple(names)))
    return Cohort(tuple(draw(st.permutations(conditions))))


@given(cohorts())
def test_text_form_is_exact(one: Cohort) -> None:
    """Through an address: the same cohort, and so the same cache key."""
    again = dict(parse_qsl(urlencode({"cohort": one.to_text()}), True)).get("cohort", "")
    back = Cohort.from_text(again, KNOWN)
    assert back == one
    assert hash(back) == hash(one)
    assert (one.to_text() == "") == (one == EVERYTHING)


def test_text_form_is_readable_and_does_not_depend_on_order() -> None:
    one = Cohort((OneOf("verdict", ("wrong",)), Within("found.size", 0.6), Within("sure", 0.1, 1)))
    assert one.to_text() == "found.size:0.6..;sure:0.1..1.0;verdict:wrong"
    assert Cohort(one.conditions[::-1]) == one
    assert OneOf("known", ("b", "a", "b")) == OneOf("known", ("a", "b"))
    assert Within("sure", np.float64(0.5)) == Within("sure", 0.5)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("nonsense", "cohort must be about something known"),
        ("found.age:0.1..", "cohort must be about something known"),
        ("sure:0.5", "sure of the cohort must be a range"),
        ("sure:..", "sure of the cohort must be a range"),
        ("sure:a..b", "must run between plain numbers"),
        ("sure:nan..", "must run between plain numbers"),
        ("sure:inf..", "must run between plain numbers"),
        ("sure:0.9..0.1", "range of sure must start below its end"),
        ("sure:0.5..0.5", "range of sure must start below its end"),
        ("sure:0.1..;sure:..0.9", "must have one condition about each thing"),
        ("verdict:perhaps", "verdict of the cohort must be one of right, wrong"),
        ("verdict:", "verdict of the cohort must be one of right, wrong"),
        ("verdict", "verdict of the cohort must be one of right, wrong"),
        ("case:" + "x" * 500, "cohort must be about something known"),
    ],
)
def test_what_is_no_cohort_gets_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence.replace("(", r"\(")) as error:
        Cohort.from_text(text, KNOWN)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 250


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    """Cases with values from a small pool, so that many lie on an end of a range."""
    count = draw(st.integers(0, 20))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    numbers = {name: random.integers(0, 5, count) / 4 for name in KNOWN.numbers}
    codes = {name: random.integers(0, len(words), count) for name, words in KNOWN.words.items()}
    return Facts(KNOWN, numbers, codes)


@given(facts(), st.data())
def test_selection_equals_a_slow_loop(known: Facts, data: st.DataObject) -> None:
    places = st.sampled_from([-math.inf, 0.0, 0.25, 0.3, 0.5, 1.0, math.inf])
    low, high = sorted(data.draw(st.tuples(places, places).filter(lambda p: p[0] != p[1])))
    names = data.draw(st.sets(st.sampled_from(AWKWARD), min_size=1))
    one = Cohort((Within("sure", low, high), OneOf("known", tuple(names))))
    expected = [
        low <= known.numbers["sure"][row] < high and AWKWARD[known.codes["known"][row]] in names
        for row in range(len(known))
    ]
    assert select(one, known).tolist() == expected
    assert select(EVERYTHING, known).all()
    assert (select(one.without("known"), known) >= select(one, known)).all()
    kept = known.holding(select(one, known))
    assert len(kept) == sum(expected)
    assert select(one, kept).all()


@given(facts(), st.tuples(ends, ends), st.tuples(ends, ends))
def test_narrowing_is_what_both_have_in_common(
    known: Facts, first: tuple[float, float], second: tuple[float, float]
) -> None:
    try:
        one, other = Within("sure", *sorted(first)), Within("sure", *sorted(second))
        both = Cohort((one,)).narrowed(other)
    except UserError:
        return
    common = select(Cohort((one,)), known) & select(Cohort((other,)), known)
    assert (select(both, known) == common).all()


@pytest.mark.parametrize("folder", SHIPPED, ids=NAMES)
def test_facts_of_a_model_are_those_of_its_decisions(folder: object) -> None:
    """Against a loop over cases; what is in a link of every condition reads back."""
    model = shipped(folder)
    cases, trace = part_of(model, "test"), model.traces["test"]
    classes = [f"class {k}" for k in range(model.spec.classes)]
    known = cohort.vocabulary(trace, ("validation", "test"), classes, cases.groups)
    decided = replay(trace, model.policy)
    truth = model.scale.truth(cases.columns)
    parts = ["test"] * len(trace)
    found = cohort.facts(
        known, trace, decided, model.cost, truth, cases.labels, parts, cases.groups
    )
    assert set(found.numbers) == set(known.numbers)
    assert set(found.codes) == set(known.words)
    assert found.wrong.tolist() == (decided.predicted != cases.labels).tolist()
    for row in range(0, len(trace), max(1, len(trace) // 20)):
        ran = [name for name, on in zip(trace.tree.names, decided.active[row], strict=True) if on]
        assert found.numbers["experts"][row] == len(ran)
        share = model.cost.macs(decided.active[row : row + 1])[0] / model.cost.total
        assert found.numbers["share"][row] == pytest.approx(share)
        said = int(decided.predicted[row])
        assert found.numbers["sure"][row] == decided.probabilities[row, said]
        alone = Cohort(
            (
                OneOf("case", (trace.case_ids[row],)),
                OneOf("part", ("test",)),
                OneOf("said", (classes[said],)),
                OneOf("known", (classes[cases.labels[row]],)),
                *(OneOf(f"ran.{n}", ("yes" if n in ran else "no",)) for n in trace.tree.names),
                Within(f"true.{trace.concept_names[0]}", float(truth[row, 0])),
            )
        )
        assert np.flatnonzero(select(alone, found)).tolist() == [row]
        assert Cohort.from_text(alone.to_text(), known) == alone
    assert ("group" in known.words) == (len(set(cases.groups)) < len(cases))
    if "group" in known.words:
        chosen = select(Cohort((OneOf("group", (cases.groups[0],)),)), found)
        assert chosen.tolist() == [group == cases.groups[0] for group in cases.groups]
