"""Cells that stand for something else than they hold: recognised, said, kept, read alike by all."""

import dataclasses
from collections.abc import Iterable
from itertools import cycle

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import drafts
from minspnet.adapters import Card, read_card, read_cases, write_card
from minspnet.adapters.table import _levels
from minspnet.batch.cells import STRANGE, read_labels, read_levels, read_numbers
from minspnet.batch.needs import Answers
from minspnet.data import UNLABELLED
from minspnet.domain import Feature
from minspnet.errors import UserError
from minspnet.intake import Table, draft, look, propose_marks, suspects
from minspnet.sheets.cells import decimal_of
from minspnet.sheets.marks import Marks, place_in, places_of, settle, taken_as

ROWS = 60


OTHERS = tuple(str(10 + 7 * row % 53) for row in range(53))


def column(*cells: str, others: Iterable[str] = OTHERS) -> list[str]:
    """Some cells, filled up with others."""
    more = cycle(others)
    return [*cells, *(next(more) for _ in range(ROWS - len(cells)))]


def table(**columns: list[str]) -> Table:
    """Columns with an answer that has classes enough."""
    told = {**columns, "risk": ["high" if row % 2 else "low" for row in range(ROWS)]}
    return Table(tuple(told), tuple(told.values()))


@pytest.mark.parametrize(
    ("cells", "marks"),
    [
        (column("n.b.", "k.A.", "k. A."), Marks(("k. A.", "k.A.", "n.b."))),
        (column("-9", "-9"), Marks(("-9",))),
        (column("-9,0", "-9,0", others=(f"{n},5" for n in range(99))), Marks(("-9,0",))),
        (column("9999", "9999"), Marks(("9999",))),
        (column("<0,6", "≥70"), Marks((), "limit")),
        (column("n.b.", "<0,6", "-99"), Marks(("-99", "n.b."), "limit")),
        # What nobody knows is asked about, not guessed: one in ten at most are slips.
        (column("spilled"), Marks()),
        (column(*["5more"] * 20, others=["2", "3", "4"] * 20), Marks()),
        # Below 0 among others below 0, or not far enough above, a number is a number.
        (column("-9", "-5", "-3"), Marks()),
        (column("99", "99", others=map(str, range(50, 99))), Marks()),
        (column("999", others=map(str, range(99))), Marks()),  # once is an outlier
        (column("-9"), Marks()),  # once may be measured
        # Words: spelled otherwise, no value; short codes and words of their own are levels.
        (["Male", "male", "Female"] * 20, Marks((), None, (("male", "Male"),))),
        (["keine Angabe", "yes", "no"] * 20, Marks(("keine Angabe",))),
        (["a", "A", "B"] * 20, Marks()),
        (["unknown", "yes", "nd"] * 20, Marks()),
    ],
)
def test_marks_are_proposed_where_they_are_sure(cells: list[str], marks: Marks) -> None:
    found = propose_marks(table(x=cells)).get("x", Marks())
    assert found == marks


def test_all_that_is_taken_otherwise_is_said_with_numbers() -> None:
    given_cells = table(
        crp=column("n.b.", "n.b.", "<0.6", "-99"),
        sex=["Male", "male", "Female"] * 20,
        code=["a", "A", "B"] * 20,
    )
    settled, found = look(given_cells)
    told = {one.column: one for one in suspects(settled, found, "risk") if one.what != "few"}
    said = " ".join(one.sentence for one in suspects(settled, found, "risk"))
    assert "crp: 3 cells counted as missing, 'n.b.' (2), '-99' (1)." in said
    assert "crp: 1 cell beyond a limit of measurement, '<0.6' (1), counted as the limit" in said
    assert "sex spells words in several ways: read 'male' (20) as 'Male'." in said
    assert "code holds 'A' and 'a', which differ by capitals or blanks alone" in said
    assert not any(one.leave_out for one in told.values())
    assert found.column("crp").missing == 3 and found.column("crp").quantiles[0] == 0.6
    card = draft(settled, found, "risk")
    features = {one.name: one for one in card.features}
    assert features["crp"].missing == ("n.b.", "-99") and features["crp"].beyond == "limit"
    assert features["sex"].levels == ("Female", "Male")
    assert features["code"].levels == ("A", "a", "B")
    assert any("the true value is not known" in limit for limit in card.limits)
    assert read_card(write_card(card)) == card
    cases = read_cases(card, given_cells)
    assert np.isnan(cases.columns["crp"][[0, 1, 3]]).all()
    assert cases.columns["crp"][2] == np.float32(0.6)
    assert cases.columns["sex"][:3].tolist() == [1, 1, 0]
    assert cases.columns["code"][:3].tolist() == [1, 0, 2]


def test_answers_may_be_missing_or_spelled_otherwise() -> None:
    whole = table(size=column())
    cells = ["k.A.", "High", *whole.columns[1][2:]]
    raw = dataclasses.replace(whole, columns=(whole.columns[0], cells))
    settled, found = look(raw)
    card = draft(settled, found, "risk")
    assert card.target_missing == ("k.A.",)
    assert card.summary == (
        "59 cases with a known answer (1 more without one) and 1 column to learn from."
    )
    labels = read_cases(card, raw).labels
    assert labels[0] == -1 and labels[1] == card.cells.index("high")


def test_a_mark_is_no_level_and_no_class() -> None:
    with pytest.raises(UserError, match="missing of job must be no levels of it"):
        Feature("job", "Job", levels=("a", "b"), missing=("a",))
    with pytest.raises(UserError, match="beyond of job must be left out of a category"):
        Feature("job", "Job", levels=("a", "b"), beyond="limit")
    card = draft(*look(table(size=column())), "risk")
    with pytest.raises(UserError, match="target_missing must be no classes"):
        Card.from_dict(card.to_dict() | {"target_missing": ["low"]})


@given(
    st.lists(
        st.sampled_from(
            [
                "1.5",
                "inf",
                "-9",
                "-9.0",
                "n.b.",
                "N.B.",
                "<2",
                "> 3",
                "<x",
                "",
                "7e1",
                "-9,0",
                "1,5",
                "2",
            ]
        )
    ),
    st.sampled_from([None, "limit", "missing"]),
    st.sampled_from([(), ("n.b.",), ("-9", "n.b."), ("-9.00",), ("2", "1,5"), ("-9,000", "inf")]),
    st.sampled_from(".,"),
)
def test_files_are_read_alike_whole_and_in_pieces(
    cells: list[str], beyond: str | None, missing: tuple[str, ...], decimal: str
) -> None:
    """What training reads of a table is what scoring reads of a file."""
    marks = Marks(missing, beyond)  # type: ignore[arg-type]
    others = [f"{n}{decimal}25" for n in range(len(cells))]  # they say how the file is written
    table = Table(("x", "y"), (cells, others))
    decimal = decimal_of(cells, table.decimal)
    whole = settle(table, {"x": marks}).numbers("x")
    values, bad = read_numbers(pa.array(cells, pa.string()), decimal, marks)
    assert bad.tolist() == np.isinf(whole).tolist()
    np.testing.assert_allclose(values[~bad], whole[~bad])


def test_levels_are_found_whatever_their_capitals_and_the_others_are_told() -> None:
    cells = pa.array(["nurse", "NURSE", " Cook ", "k.A.", "", "pilot", None])
    places, unknown = read_levels(cells, ("nurse", "cook"), ("k.a.",))
    np.testing.assert_array_equal(places, [0, 0, 1, np.nan, np.nan, np.nan, np.nan])
    assert unknown == {5: "pilot"}
    places, unknown = read_levels(pa.array(["a", "A"]), ("A", "a"))
    assert places.tolist() == [1, 0] and not unknown


def test_a_numeric_mark_stands_for_its_number() -> None:
    values, _ = read_numbers(pa.array([-9.0, 1.0, -9.5]), ".", Marks(("-9",)))
    np.testing.assert_array_equal(values, np.float32([np.nan, 1, -9.5]))
    assert taken_as(["-9,00", "-9,5"], Marks(("-9",)), ",") == {"-9,00": ""}


@pytest.mark.parametrize(
    ("mark", "cell", "decimal"), [("-99.9", "-99,9", ","), ("-9,5", "-9.5", ".")]
)
def test_a_numeric_mark_holds_under_the_other_decimal_sign(
    mark: str, cell: str, decimal: str
) -> None:
    """The card was made of one file, and the next is written otherwise, or as 32-bit numbers."""
    marks = Marks((mark,))
    values, bad = read_numbers(pa.array([cell, "1"]), decimal, marks)
    assert np.isnan(values[0]) and values[1] == 1 and not bad.any()
    number = pa.array([float(cell.replace(",", ".")), 1], pa.float32())
    np.testing.assert_array_equal(read_numbers(number, ".", marks)[0], values)


def test_a_limit_is_no_marker_though_its_number_is() -> None:
    marks = Marks(("999",), "limit")
    values, _ = read_numbers(pa.array(["999", ">999", "5"]), ".", marks)
    np.testing.assert_array_equal(values, np.float32([np.nan, 999, 5]))


def test_levels_and_answers_that_are_numbers_are_the_same_with_a_fraction_of_0() -> None:
    """What pandas writes of a column of whole numbers with a gap."""
    places, unknown = read_levels(pa.array(["1.0", "2,00", "-9.0", "2.5"]), ("1", "2"), ("-9",))
    np.testing.assert_array_equal(places, [0, 1, np.nan, np.nan])
    assert unknown == {3: "2.5"}
    answers = Answers("risk", ("0", "1000"), ("-9",))
    found, odd = read_labels(pa.array(["0.0", "-9.00", "1.000", "1000.0", ""]), answers)
    assert found.tolist() == [0, UNLABELLED, STRANGE, 1, UNLABELLED] and odd == {2: "1.000"}


def test_a_column_of_groups_is_read_as_it_stands() -> None:
    """What tells patients apart is never taken for anything else; another choice undoes that."""
    sites = ["n.b."] * 4 + [f"{'Ward' if row % 3 else 'ward'} {row % 16}" for row in range(56)]
    columns = {"x": column(), "site": sites, "risk": list(table().columns[0])}
    content = "\n".join([",".join(columns), *map(",".join, zip(*columns.values(), strict=True))])
    begun = drafts.begin("labs.csv", content.encode())
    assert begun.marks["site"].missing == ("n.b.",) and begun.marks["site"].spellings
    grouped = drafts.aim(begun, "risk", "site")
    assert set(grouped.table.cells("site")) == set(sites)
    assert set(drafts.collection_of(grouped).cases.groups) == set(sites)
    assert not any(one.column == "site" and one.what == "spelling" for one in grouped.suspects)
    again = drafts.aim(grouped, "risk", "")
    assert again.marks == begun.marks and again.table == begun.table


def test_marks_are_changed_on_the_form_and_the_column_comes_in() -> None:
    """A slip that is counted as missing brings its column in; a marker deleted is a number."""
    columns = {"x": column("spilled"), "y": column("-9", "-9"), "z": column("n.b.", "<11")}
    cells = {**columns, "risk": list(table().columns[0])}
    content = "\n".join([",".join(cells), *map(",".join, zip(*cells.values(), strict=True))])
    begun = drafts.begin("labs.csv", content.encode())
    assert drafts.used(begun) == ("y", "z")
    assert drafts.tick(begun, begun.features) == begun
    first = {row["column"]: row for row in begun.features}
    assert first["y"]["missing"] == ("-9",) and first["z"]["beyond"] == "the limit"
    assert "emptied or counted as missing" in first["x"]["note"]
    rows = [
        {**first["x"], "missing": ("spilled",)},
        {**first["y"], "missing": ()},
        {**first["z"], "beyond": "missing"},
    ]
    after = drafts.tick(begun, rows)
    assert drafts.used(after) == ("x", "y", "z")
    read = drafts.collection_of(after).cases.columns
    assert np.isnan(read["x"][0]) and read["y"][0] == -9 and np.isnan(read["z"][:2]).all()
    card = drafts.card_of(after)
    assert [one.missing for one in card.features] == [("spilled",), (), ("n.b.",)]
    assert drafts.card_of(drafts.follow(begun, card)) == card


def test_short_codes_are_told_apart_when_a_new_file_is_read() -> None:
    assert place_in(places_of(("a", "b")), "A") is None
    assert place_in(places_of(("a", "A", "b")), "B") is None
    assert [place_in(places_of(("male", "female")), one) for one in ("Male", "FEMALE ")] == [0, 1]
    of_three = places_of(("Anna", "anna", "Ben"))
    assert [place_in(of_three, one) for one in ("ANNA", "anna", "ben")] == [None, 1, 2]
    for levels, cell in ((("A1", "B2"), "a1"), (("1", "V45"), "1.0"), (("number 1",), "1")):
        assert place_in(places_of(levels), cell) is None
    assert place_in(places_of(("A1", "a1", "Unknown")), "UNKNOWN") == 2
    assert place_in(places_of(("1", "1.0", "2")), "1.00") is None


@pytest.mark.parametrize(
    ("levels", "missing", "cells", "places"),
    [
        (("-", "+", "++"), ("n.b.",), ["-", "+", "n.b.", "++", "?"], [0, 1, None, 2, None]),
        (("01", "09", "A"), ("9",), ["01", "09", "A", "9", "9.0"], [0, 1, 2, None, None]),
        (("1", "2"), ("-9",), ["1.0", "2", "-9.0", "-9,00", "3"], [0, 1, None, None, None]),
    ],
)
def test_training_and_scoring_find_the_same_levels(
    levels: tuple[str, ...], missing: tuple[str, ...], cells: list[str], places: list[int | None]
) -> None:
    """A level wins over what else a cell may mean: a dash among grades, a 9 among codes."""
    feature = Feature("job", "Job", levels=levels, missing=missing)
    wanted = np.array([np.nan if one is None else one for one in places], np.float32)
    np.testing.assert_array_equal(_levels(cells, feature), wanted)
    np.testing.assert_array_equal(read_levels(pa.array(cells), levels, missing)[0], wanted)
