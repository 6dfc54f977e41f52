"""Tables as text from outside: what is understood, and how all else is refused."""

import csv
import io
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minspnet.errors import UserError
from minspnet.sheets import Table, grid, is_missing, read_numbers, sniff, text
from minspnet.sheets.cells import date_form

# --- What is understood -----------------------------------------------------------------

ROWS = [["name", "size", "note"], ["Zoë", "1.5", "a, b; c"], ["Özil", "20", 'says "no"']]


def written(separator: str = ",", rows: list[list[str]] = ROWS) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=separator).writerows(rows)
    return out.getvalue()


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    ("codec", "name"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8"),
        ("utf-16", "UTF-16"),
        ("utf-32", "UTF-32"),
        ("cp1252", "Windows-1252"),
    ],
)
def test_separators_and_encodings_are_found(separator: str, codec: str, name: str) -> None:
    table = sniff(written(separator).encode(codec))
    assert (table.separator, table.encoding, table.first_row) == (separator, name, 2)
    assert table.names == tuple(ROWS[0])
    assert [*zip(*table.columns, strict=True)] == [tuple(row) for row in ROWS[1:]]
    assert any("Windows-1252" in note for note in table.notes) == (codec == "cp1252")


cell = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=8)


@given(st.lists(st.tuples(cell, cell, cell), min_size=1, max_size=20))
def test_any_cells_come_back(rows: list[tuple[str, str, str]]) -> None:
    """Second opinion: python's own writer."""
    table = sniff(written(";", [["one", "two", "three"], *map(list, rows)]).encode())
    assert [*zip(*table.columns, strict=True)] == rows


def test_excels_own_line_and_blank_lines_at_the_top_count_as_rows() -> None:
    table = sniff(b"sep=;\na;b\n1;2\n")
    assert (table.names, table.first_row, table.separator) == (("a", "b"), 3, ";")
    assert sniff(b"\n\na,b\n1,2\n").first_row == 4


def test_programs_that_number_rows_or_end_lines_with_a_separator_are_understood() -> None:
    numbered = sniff(b",size\n0,1.5\n1,2\n")
    assert numbered.names == (grid.UNNAMED, "size") and "no name" in numbered.notes[0]
    ended = sniff(b"a;b;\n1;2;\n3;4;\n")
    assert ended.names == ("a", "b") and "left out" in ended.notes[0]


@pytest.mark.parametrize(
    ("cells", "decimal", "values"),
    [
        (["1.5", "-2", "1e3", " .5".strip()], ".", [1.5, -2, 1000, 0.5]),
        (["1,234.5", "12", "1,234,567"], ".", [1234.5, 12, 1234567]),
        (["1.234,5", "1,5", "-,5", "2"], ",", [1234.5, 1.5, -0.5, 2]),
        (["1 234,5", "12'000", "1\u202f000"], ",", [1234.5, 12000, 1000]),
        (["", "NA", "nan", "?", "-", "null", "N/A"], ".", [np.nan] * 7),
        (["inf", "-inf", "1e39", "1_000", "abc", "1,5"], ".", [np.inf] * 6),
        (["1.5", "1,2,3", "1.23,4"], ",", [np.inf] * 3),
    ],
)
def test_numbers_by_hand(cells: list[str], decimal: str, values: list[float]) -> None:
    np.testing.assert_array_equal(read_numbers(cells, decimal), values)
    assert is_missing(cells).tolist() == np.isnan(values).tolist()


@given(
    st.lists(st.floats(-1e12, 1e12).map(lambda value: round(value, 4)), min_size=1),
    st.sampled_from([".", ","]),
)
def test_numbers_with_thousands_come_back(values: list[float], decimal: str) -> None:
    told = [f"{value:,.4f}" for value in values]
    if decimal == ",":
        told = [one.translate({44: ".", 46: ","}) for one in told]
    np.testing.assert_allclose(read_numbers(told, decimal), values, atol=1e-4)


@pytest.mark.parametrize(
    ("content", "decimal", "values"),
    [
        # Elsewhere in the table a comma is decimal: 1.234 are thousands.
        ("a;b\n1.234;1,5\n2.000;2,5\n", ",", [1234, 2000]),
        ("a,b\n1.234,1.5\n2.000,2.5\n", ".", [1.234, 2]),
        # Nothing else tells: between commas a quoted comma groups, between semicolons it does not.
        ('a,b\n"1,234",x\n"2,000",y\n', ".", [1234, 2000]),
        ("a;b\n1,234;x\n2,000;y\n", ",", [1.234, 2]),
        # A column decides for itself.
        ("a;b;c\n1.5;1,5;2,5\n2.25;2,5;3,5\n", ",", [1.5, 2.25]),
    ],
)
def test_the_decimal_sign_is_found(content: str, decimal: str, values: list[float]) -> None:
    table = sniff(content.encode())
    assert table.decimal == decimal
    np.testing.assert_allclose(table.numbers("a"), values)


@pytest.mark.parametrize(
    ("cells", "form"),
    [
        (["2021-03-04", "2021-12-31"], "ISO"),
        (["2021-03-04T10:00:00Z", "2021-12-31 23:59"], "ISO"),
        (["31.12.2021", "1.2.2021"], "day or month first"),
        (["31/12/21"], "day or month first"),
        (["31/12/21", "2021-12-31"], None),
        (["2021", "2022"], None),
        (["2021-03-04", "soon"], None),
        ([], None),
    ],
)
def test_dates_are_known(cells: list[str], form: str | None) -> None:
    assert date_form(cells) == form


def test_a_hundred_thousand_rows_take_seconds() -> None:
    """Measured 1.3 s; ten times that is a defect, not a busy machine."""
    line = ",".join(f"{value:.4f}" for value in range(30))
    header = ",".join(f"c{k}" for k in range(30))
    table = sniff(f"{header}\n{(line + chr(10)) * 20_000}".encode())
    assert len(table) == 20_000 and table.numbers("c7")[9] == 7


def test_blocks_of_rows_join_without_a_seam() -> None:
    """Every cell another, more than are kept once, over several blocks."""
    rows = 70_000
    table = sniff("\n".join(["a,b,c", *(f"{k},x{k}, {-k} " for k in range(rows))]).encode())
    np.testing.assert_array_equal(table.numbers("a"), np.arange(rows))
    np.testing.assert_array_equal(table.numbers("c"), -np.arange(rows))
    assert table.cells("b") == [f"x{k}" for k in range(rows)]


# --- What is refused --------------------------------------------------------------------


class Bomb:
    """Unpickled, it would raise."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise RuntimeError('unpickled')",)


def zipped(member: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(member, "a,b\n1,2\n")
    return out.getvalue()


GOOD = "a,b,c\n1,2,x\n3,4,y\n"
BAD: Mapping[str, tuple[str | bytes, str]] = {
    "empty": (b"", "table must have a header line, got an empty file; add one."),
    "blank": (b"\n \n\n", "table must have a header line, got an empty file"),
    "only a header": (b"a,b,c\n", "table must have rows below its header, got none; add cases."),
    "cut off": ("a,b,c\n1,2,3\n4,5", "row 3 must have 3 cells, got 2; the file may be cut off"),
    "a short row": ("a,b,c\n1,2\n4,5,6\n", "row 2 must have 3 cells, got 2; add the missing"),
    "a long row": (GOOD + "1,2,3,4\n", "row 4 must have 3 cells, got 4; quote cells that hold"),
    "a blank row": (GOOD.replace("\n3", "\n\n3"), "row 3 must have 3 cells, got 0; remove the"),
    "an open quote": (GOOD + '5,"6,z\n' * 3, "row 4 must have its quotes in pairs"),
    "an open quote to the end": (GOOD + '5,6,"z\n7,8,9\n', "row 4 must have its quotes in pairs"),
    "a quote within": (GOOD + '5,"6"7,z\n', "row 4 must have its quotes in pairs"),
    "duplicate headers": ("a,b,a\n1,2,3\n", "columns must be named once each, got 'a'; rename"),
    "an empty header": ("a,,c\n1,2,3\n", "column 2 must have a name, got an empty cell in row 1"),
    "an empty last header over cells": ("a,b,\n1,2,3\n", "column 3 must have a name"),
    "no header": ("5.1,3.5,1.4,x\n4.9,3.0,1.4,y\n", "row 1 must name the columns, got values: 5.1"),
    "a formula for a header": ("=1+1,b\n1,2\n", "name of column 1 must not begin as a formula"),
    "a formula behind a sign": ("a,@=x()\n1,2\n", "name of column 2 must not begin as a formula"),
    "a link in a header": (
        "a,[b](http://c)\n1,2\n",
        "name of column 2 must hold no link or picture, got '[b](http://c)'; write it without ](",
    ),
    "a line in a header": ('"a\nb",c\n1,2\n', "name of column 1 must be one line"),
    "a turned header": ("a\u202eb,c\n1,2\n", "name of column 1 must be one line"),
    "a huge header": (f"{'x' * 999},b\n1,2\n", "name of column 1 must be one line of at most 200"),
    "10^5 columns": (
        ",".join(f"c{k}" for k in range(10**5)) + "\n" + ",".join("1" * 10**5) + "\n",
        "table must have at most 2,000 columns, got 100,000; keep those that matter.",
    ),
    "one column": (b"a\n1\n2\n", "table must have 2 columns or more, with a comma, semicolon, tab"),
    "blanks between": (b"a b\n1 2\n", "table must have 2 columns or more"),
    "a huge cell": (
        f"a,b\n1,{'x' * 10_001}\n",
        "column b in row 2 must be at most 10,000 characters long, got 10,001; shorten it.",
    ),
    "a huge cell over lines": (
        'a,b\n1,"' + "x\n" * 99_999 + '"\n',
        "row 2 must have its quotes in pairs",
    ),
    "a huge line": (f"a,b\n1,{'x' * 2**20}\n", "line 2 must be at most 1,048,576 characters long"),
    "NUL bytes": (b"a,b\n1,2\n3,\0\n", "table must be plain text, got NUL bytes in line 3"),
    "UTF-16 without its mark": (GOOD.encode("utf-16-le"), "table must be plain text, got NUL"),
    "NULs in UTF-16": (GOOD.replace("x", "\0").encode("utf-16"), "must be plain text, got NUL"),
    "half of UTF-16": (GOOD.encode("utf-16")[:-1], "table must be readable text, got bytes in"),
    "a false mark": (b"\xef\xbb\xbfa,b\n1,\xff\n", "got bytes in line 2 that are no UTF-8"),
    "no known encoding": (b"a,b\n1,\x81\n", "got bytes in line 2 that are no UTF-8; save it as"),
    "control characters": (b"a,b\n1,\x1b[31m\n", "got the control character '\\x1b' in line 2"),
    "binary": (bytes(range(256)) * 9, "table must be plain text, got NUL bytes in line 1"),
    "pickled": (pickle.dumps(Bomb()), "got a Python pickle, which is never opened; export it"),
    "a zip archive": (zipped("a.csv"), "got a zip archive; unpack it and choose the table in it."),
    "a workbook": (zipped("[Content_Types].xml"), "got an Excel workbook; save its sheet as CSV."),
    "an old workbook": (b"\xd0\xcf\x11\xe0" + bytes(99), "got an old Excel workbook"),
    "gzip": (b"\x1f\x8b\x08" + bytes(99), "got a gzip archive; unpack it first."),
    "Parquet": (b"PAR1" + bytes(99), "got a Parquet file; export it as CSV."),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(99), "got a PNG picture"),
    "a web page": (b"<!DOCTYPE html><html>,</html>", "got a web page; export it as CSV."),
    "JSON": (b'[{"a": 1, "b": 2}]', "got a JSON document; export it as CSV."),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_table_is_refused_in_one_sentence(bad: str) -> None:
    content, told = BAD[bad]
    with pytest.raises(UserError) as refusal:
        sniff(content if isinstance(content, bytes) else content.encode())
    said = str(refusal.value)
    assert told in said
    assert said.endswith(".") and "\n" not in said and len(said) < 300


def test_too_much_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "MOST_BYTES", 2**20)
    sparse = tmp_path / "sparse.csv"
    with sparse.open("wb") as file:
        file.truncate(2 * 2**30)
    with pytest.raises(UserError, match=r"^table must be at most 1 MB, got 1 MB or more; split"):
        sniff(sparse)
    monkeypatch.setattr(grid, "MOST_CELLS", 10)
    with pytest.raises(UserError, match=r"^table must have at most 10 cells, got more than 3 rows"):
        sniff((GOOD + "5,6,z\n" * 9).encode())


@pytest.mark.parametrize("place", [".", "none.csv", "/dev/zero"])
def test_what_is_no_file_is_refused(place: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^table must be a file"):
        sniff(tmp_path / place)


def test_a_column_that_is_not_there_is_refused() -> None:
    table = Table(("a", "b"), (["1"], ["2"]))
    with pytest.raises(UserError, match=r"^table must have a column c, got a, b; add it\.$"):
        table.cells("c")
