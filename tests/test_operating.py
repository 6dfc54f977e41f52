"""Operating points: figures are measured, files come back, foreign ones are refused."""

import json
from dataclasses import replace

import pytest
from forests import Forest
from test_sweep import outcomes_of

from minspnet.errors import UserError
from minspnet.operating import OperatingPoint, read
from minspnet.policy import CLOSED, Policy

POLICY = Policy((0.1 + 0.2, CLOSED, 0.0, 0.5), 0.37)


def written(forest: Forest, policy: Policy = POLICY) -> OperatingPoint:
    outcomes = outcomes_of(forest)
    return OperatingPoint.of(
        policy, "abc", outcomes, outcomes, " Night  shift", "A. Reader", "two\nlines", "2026-01-02"
    )


def test_figures_are_those_of_the_policy(forest: Forest) -> None:
    outcomes, point = outcomes_of(forest), written(forest)
    score = outcomes.score(POLICY)
    assert point.validation == point.test
    assert point.test.accuracy == score.accuracy and point.test.mean_macs == score.mean_macs
    assert point.test.auc == outcomes.auc(POLICY) and point.test.cases == len(forest.trace)
    assert (point.name, point.reason) == ("Night  shift", "two lines")


@pytest.mark.parametrize("missing", range(3))
def test_nothing_is_saved_that_nobody_stands_behind(forest: Forest, missing: int) -> None:
    papers = ["Name", "A. Reader", "because"]
    papers[missing] = "  "
    outcomes = outcomes_of(forest)
    with pytest.raises(UserError, match=r"(Name|Who decided|Why) must say something, got '  '"):
        OperatingPoint.of(POLICY, "abc", outcomes, outcomes, *papers, "2026-01-02")


def test_what_if_edits_are_no_part_of_it(forest: Forest) -> None:
    """They belong to one case."""
    edited = POLICY.intervene("shape", 0.9)
    assert written(forest, edited) == written(forest)
    assert "shape" not in written(forest, edited).to_json()


def test_a_file_comes_back_exactly(forest: Forest) -> None:
    point = written(forest)
    names = forest.trace.tree.names
    assert read(point.to_json().encode(), "abc", names) == point
    assert point.policy == POLICY


def spoiled(point: OperatingPoint, **changes: object) -> bytes:
    return json.dumps(point.to_dict() | changes).encode()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"model": "xyz"},
            "the operating point must be of the model with hash abc, "
            "got one of the model with hash xyz; open",
        ),
        ({"gates": "0.1"}, "gate_thresholds must have 4 values"),
        ({"gates": "nan,0,0,0"}, "gates must be a plain number"),
        ({"cut": "2"}, "decision_threshold must lie strictly between 0 and 1, got 2.0"),
        ({"name": "  "}, "name must say something"),
        ({"name": "x" * 61}, "name must have at most 60 characters"),
        ({"author": "a\u202eb"}, "author must be one line of plain text"),
        ({"reason": 5}, "OperatingPoint.reason must be of type str, got 5"),
        ({"schema_version": 2}, "schema_version must be 1, got 2"),
        ({"surprise": 1}, "OperatingPoint must hold only name, author, reason"),
        ({"test": {}}, "OperatingPoint.test lacks a key"),
    ],
)
def test_foreign_files_are_refused_in_a_sentence(
    forest: Forest, changes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(UserError) as refused:
        read(spoiled(written(forest), **changes), "abc", forest.trace.tree.names)
    assert str(refused.value).startswith(sentence), refused.value
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "content", [b"", b"[1", b"\xff\xfe", b"{}", b"[" * 50_000, b" " * 100_001, b"5", b"null"]
)
def test_what_is_no_file_of_ours_is_refused(forest: Forest, content: bytes) -> None:
    with pytest.raises(UserError):
        read(content, "abc", forest.trace.tree.names)


def test_another_model_of_as_many_experts_is_another_model(forest: Forest) -> None:
    point = replace(written(forest), model="abd")
    with pytest.raises(UserError, match="open the model it was made for"):
        read(point.to_json().encode(), "abc", forest.trace.tree.names)
