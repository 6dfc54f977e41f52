"""Tables for spreadsheets: nothing in them is run, nothing in them is lost."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minspnet.spreadsheet import to_csv

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def read(written: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(written, newline="")))


@given(st.lists(st.tuples(text, text), min_size=1))
def test_every_cell_comes_back_and_none_is_a_formula(rows: list[tuple[str, str]]) -> None:
    first, second = ([row[k] for row in rows] for k in (0, 1))
    header, *cells = read(to_csv({"case": first, "=answer": second}))
    assert header == ["case", "'=answer"]
    for row, written in zip(rows, cells, strict=True):
        for given_cell, cell in zip(row, written, strict=True):
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
            assert cell.removeprefix("'") == given_cell.removeprefix("'")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_formula_is_text(start: str) -> None:
    assert read(to_csv({"case": [f"{start}1+1"]}))[1] == [f"'{start}1+1"]


def test_numbers_stay_numbers() -> None:
    """A value below 0 is no formula."""
    assert to_csv({"n": [-1, 20], "x": [-0.25, 1 / 3]}) == "n,x\r\n-1,-0.25\r\n20,0.333333\r\n"
