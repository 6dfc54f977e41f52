"""How cells of a table are said, by hand."""

import math

import numpy as np
import pytest

from dashboard.cell_words import cell, usual
from minspnet.domain import Feature

WEIGHT = Feature("weight", "Weight", "kg")
WARD = Feature("ward", "Ward", levels=("heart", "lung", "skin"))


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        (WEIGHT, 71.25, "71.25 kg"),
        (WEIGHT, math.nan, "missing"),
        (WARD, 1.0, "lung"),
        (WARD, math.nan, "missing"),
        (WARD, 3.0, "another"),
        (WARD, -1.0, "another"),
    ],
)
def test_a_cell(column: Feature, value: float, said: str) -> None:
    assert cell(column, value) == said


def test_usual_numbers_leave_out_missing_cells() -> None:
    known = np.array([*range(101), math.nan, math.nan])
    assert usual(WEIGHT, known, 50) == ("5 to 95", "")
    assert usual(WEIGHT, known, 4)[1] == "low" and usual(WEIGHT, known, 96)[1] == "high"
    assert usual(WEIGHT, known, math.nan) == ("5 to 95", "")


def test_usual_levels_are_the_commonest_that_make_nine_in_ten() -> None:
    known = np.array([2.0] * 60 + [0.0] * 30 + [1.0] * 10 + [math.nan] * 50)
    assert usual(WARD, known, 2) == ("skin, heart", "")
    assert usual(WARD, known, 1) == ("skin, heart", "rare")
    assert usual(WARD, known, math.nan) == ("skin, heart", "")


@pytest.mark.parametrize("column", [WEIGHT, WARD])
def test_of_nothing_known_nothing_is_usual(column: Feature) -> None:
    assert usual(column, np.full(3, math.nan), 1.0) == ("unknown", "")
