"""Numbers as they are read: one minus sign, no sign on zero, a chip that follows its number."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import text
from dashboard.format import chance, number, signed
from dashboard.format import change as points

MINUS = "\N{MINUS SIGN}"


@given(st.floats(-1e6, 1e6), st.integers(0, 4), st.sampled_from(["", "+", ",", "+,"]))
def test_a_number_has_a_true_minus_and_zero_has_no_sign(
    value: float, digits: int, sign: str
) -> None:
    said = number(value, digits, sign)
    assert "-" not in said
    read = float(said.replace(MINUS, "-").replace(",", ""))
    assert read == round(value, digits)
    assert (said[0] == MINUS) == (read < 0)
    assert (said[0] == "+") == (read > 0 and "+" in sign)


def test_numbers_by_hand() -> None:
    assert (number(-0.0004, 3, "+"), number(0.0004, 3, "+")) == ("0.000", "0.000")
    assert (signed(-1.0), signed(0.001), points(-0.0184)) == ("−1.00", "0.00", "−1.8 points")
    assert number(-1234.6, 0, "+,") == "−1,235"


@given(st.floats(0, 1))
def test_the_words_of_a_chance_follow_the_number_shown(probability: float) -> None:
    shown = chance(probability)
    percent = float(re.sub(r"[<>% ]", "", shown))
    words = text.in_a_hundred(probability)
    assert words.startswith("fewer") == (percent < 1)
    assert words.startswith("more") == (percent > 99)
    if words.startswith("about"):
        assert words == f"about {percent:.0f} in 100"


@pytest.mark.parametrize(("probability", "words"), [(0.0097, "about 1"), (0.0094, "fewer than 1")])
def test_chances_around_one_in_a_hundred_by_hand(probability: float, words: str) -> None:
    assert text.in_a_hundred(probability) == f"{words} in 100"
