"""Policies: exact through a URL, hashable, and refused in a sentence when wrong."""

import json
import math
from urllib.parse import parse_qsl, urlencode

import numpy as np
import pytest
from forests import CONCEPTS, interventions
from hypothesis import example, given
from hypothesis import strategies as st

from minspnet.errors import UserError
from minspnet.policy import CLOSED, Policy

thresholds = st.floats(0, allow_nan=False, allow_infinity=True)
any_policy = st.builds(
    Policy,
    st.lists(thresholds, max_size=5).map(tuple),
    st.floats(0, 1, exclude_min=True, exclude_max=True),
    interventions(CONCEPTS),
)


@given(any_policy)
@example(Policy((0.1 + 0.2, CLOSED, 0.0, 5e-324), 0.1 + 0.2, (("edge", 0.1 + 0.2),)))
@example(Policy(()))
def test_text_form_is_exact(policy: Policy) -> None:
    """Through a URL, through a JSON file: the same policy, and so the same cache key."""
    through_url = Policy.from_text(**dict(parse_qsl(urlencode(policy.to_text()), True)))
    through_file = Policy.from_text(**json.loads(json.dumps(policy.to_text())))
    assert through_url == through_file == policy
    assert hash(through_url) == hash(policy)


def test_text_form_is_readable() -> None:
    policy = Policy((0.25, CLOSED), 0.4).intervene("size", 1)
    assert policy.to_text() == {"gates": "0.25,off", "cut": "0.4", "edit": "size:1.0"}


@pytest.mark.parametrize("kind", [np.float64, int])
def test_text_form_does_not_depend_on_the_number_type(kind: type) -> None:
    """Thresholds come from curves (numpy), edits from traces (numpy) and sliders (int)."""
    policy = Policy.shared(kind(1), 2).intervene("size", kind(1)).with_gate(0, kind(0))
    assert policy.to_text() == {"gates": "0.0,1.0", "cut": "0.5", "edit": "size:1.0"}


def test_order_of_edits_does_not_matter() -> None:
    """The same edits are one cache key, however they were made."""
    one = Policy((0.5,)).intervene("size", 0.1).intervene("edge", 0.2)
    other = Policy((0.5,)).intervene("edge", 0.9).intervene("size", 0.1).intervene("edge", 0.2)
    assert one == other
    assert hash(one) == hash(other)


def test_edits_given_at_once_are_the_same_policy() -> None:
    """Whoever builds the tuple: out of order, or with numbers as a trace holds them."""
    stepwise = Policy((0.5,)).intervene("size", 0.1).intervene("edge", 0.2)
    at_once = Policy((0.5,), interventions=(("size", np.float64(0.1)), ("edge", np.float64(0.2))))
    assert at_once.to_text() == stepwise.to_text()
    assert at_once == stepwise


def test_changes_make_new_policies() -> None:
    policy = Policy.shared(0.5, 3)
    assert policy.with_gate(1, 0.2).gate_thresholds == (0.5, 0.2, 0.5)
    assert policy.ablate(2).gate_thresholds == (0.5, 0.5, math.inf)
    assert policy.intervene("size", 0.3).without_interventions() == policy
    assert policy == Policy((0.5, 0.5, 0.5))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"gate_thresholds": (-0.1,)},
            "gate_thresholds must be 0 or more, got -0.1; use 0 to always run the expert.",
        ),
        (
            {"gate_thresholds": (math.nan,)},
            "gate_thresholds must be 0 or more, got nan; use 0 to always run the expert.",
        ),
        *(
            (
                {"gate_thresholds": (), "decision_threshold": value},
                f"decision_threshold must lie strictly between 0 and 1, got {value}; "
                "0.5 takes the more probable class.",
            )
            for value in (0.0, 1.0, math.nan)
        ),
        *(
            (
                {"gate_thresholds": (), "interventions": (("size", value),)},
                f"intervention on size must lie between 0 and 1, got {value}; scale it first.",
            )
            for value in (-0.01, 1.01, math.nan)
        ),
    ],
)
def test_impossible_values_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UserError) as refused:
        Policy(**arguments)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ({"gates": "0.5,high"}, "gates must be a plain number, got 'high'; "),
        ({"gates": "inf"}, "gates must be a plain number, got 'inf'; "),
        ({"gates": "1e999"}, "gates must be a plain number, got '1e999'; "),
        ({"gates": "0.5", "cut": ""}, "cut must be a plain number, got ''; "),
        ({"gates": "0.5", "cut": "nan"}, "cut must be a plain number, got 'nan'; "),
        ({"gates": "0.5", "edit": "size"}, "edit of size must be a plain number, got ''; "),
        ({"gates": "", "edit": "size:off"}, "edit of size must be a plain number, got 'off'; "),
    ],
)
def test_other_text_is_refused(text: dict[str, str], message: str) -> None:
    """Whatever stands in a link, the page answers with one sentence."""
    with pytest.raises(UserError) as refused:
        Policy.from_text(**text)
    assert str(refused.value) == message + "correct it or leave it out."


def test_unknown_keys_are_refused() -> None:
    """A saved policy comes from a file, which may hold anything."""
    with pytest.raises(UserError):
        Policy.from_text(**{"gates": "0.5", "colour": "red"})


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12))
def test_no_link_can_raise_anything_else(gates: str, cut: str, edit: str) -> None:
    try:
        policy = Policy.from_text(gates, cut, edit)
    except UserError as refused:
        assert "\n" not in str(refused)
    else:
        assert Policy.from_text(**policy.to_text()) == policy
