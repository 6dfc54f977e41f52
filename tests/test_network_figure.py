"""The drawing of the network, where names are those of a user's own task."""

from dashboard.figures.network import Part, draw_network
from dashboard.figures.style import words


def test_long_names_are_cut_where_that_tells_them_apart() -> None:
    long, twin = "a" * 60, "a" * 59 + "b"
    assert words([long, "b", long]) == ["a" * 43 + "…", "b", "a" * 43 + "…"]
    assert words([long, twin, "b"]) == [long, twin, "b"]
    assert words(["<b>" + "x" * 41]) == ["&lt;b&gt;" + "x" * 41]


def test_names_from_outside_are_no_markup() -> None:
    link = '<a href="http://x">click</a>'
    top = Part(("input",), ("1 number",), 1, 0, 0.45, 0.5, (), "fixed")
    box = Part((link, "b"), (link,), 1, 1, 0.45, 0.5, (0,), "result")
    said = draw_network([top, box]).layout.annotations[-1].text
    assert "<a" not in said and said.count("&lt;a") == 2
    assert said.startswith("<b>&lt;a") and "<br><b>b</b><br>" in said
