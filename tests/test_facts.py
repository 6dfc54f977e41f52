"""Cards: complete, unknown where nothing is recorded, and never markup."""

import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from sklearn.metrics import accuracy_score, recall_score, roc_auc_score
from studies import NAMES, SHIPPED, part_of, shipped

from minspnet import background
from minspnet.cli import main
from minspnet.data import PARTS
from minspnet.domains import find_domain
from minspnet.estimate import share
from minspnet.facts import Facts, facts
from minspnet.factsheet import Section, Sheet, Table, to_html, to_lines, to_markdown
from minspnet.metrics import calibration_error, wilson_interval
from minspnet.operating import Figures, OperatingPoint
from minspnet.policy import Policy
from minspnet.trace import replay

MARKUP = "<b>[x](http://evil.example)</b> ![i](//e.vil) | www.evil.example `a` me@evil.example"
TITLES = (
    "Use",
    "Data",
    "Inputs",
    "Findings (concepts)",
    "Architecture",
    "Training",
    "Scores in force",
    "Scores as recorded after training",
    "Subgroups",
    "Calibration",
    "Sets of answers",
    "Operating point in force",
    "Version",
)


def card(folder: Path, point: OperatingPoint | None = None) -> Facts:
    model = shipped(folder)
    parts = {name: part_of(model, name) for name in PARTS}
    return facts(model, find_domain(model.domain_key), parts, point)


def section(found: Facts, title: str) -> Section:
    return next(one for one in found.sheet.sections if one.title == title)


@pytest.mark.parametrize("folder", SHIPPED, ids=NAMES)
def test_every_shipped_model_has_a_whole_card(folder: Path) -> None:
    found = card(folder)
    assert tuple(one.title for one in found.sheet.sections[:6]) == (
        "Use",
        "Data",
        "Inputs",
        "Findings (concepts)",
        "Architecture",
        "Training",
    )
    assert {one.title for one in found.sheet.sections} == set(TITLES)
    for one in found.sheet.sections:
        for table in one.tables:
            assert all(len(row) == len(table.header) for row in table.rows), one.title
        assert all(name and value for name, value in one.lines), one.title
    for write in (to_markdown, to_html):
        assert "unknown" in write(found.sheet) and "nan" not in write(found.sheet).split()
    assert shipped(folder).digest in to_markdown(found.sheet)


@pytest.mark.parametrize("folder", SHIPPED, ids=NAMES)
def test_scores_are_those_of_scikit_learn(folder: Path) -> None:
    found, model = card(folder), shipped(folder)
    test = part_of(model, "test")
    decided = replay(model.traces["test"], model.policy)
    values = {row[0]: row[1] for row in section(found, "Scores in force").tables[0].rows}
    right = accuracy_score(test.labels, decided.predicted)
    assert values["Accuracy"] == f"{right:.3f}"
    chances = decided.probabilities.astype(np.float64)
    chances /= chances.sum(axis=1, keepdims=True)
    score = chances[:, 1] if chances.shape[1] == 2 else chances
    area = roc_auc_score(test.labels, score, multi_class="ovr")
    assert float(values["AUC"]) == pytest.approx(area, abs=6e-4)
    recalls = recall_score(test.labels, decided.predicted, average=None)
    classes = [one for one in found.subgroups if one.by == "Known answer"]
    assert [one.right / one.cases for one in classes] == pytest.approx(list(recalls))
    for way in {one.by for one in found.subgroups}:
        alike = [one for one in found.subgroups if one.by == way]
        assert sum(one.cases for one in alike) == len(test)
        assert sum(one.right for one in alike) == round(right * len(test))
    error = calibration_error(decided.probabilities, test.labels)
    assert (
        f"{error:.3f} over"
        in dict(section(found, "Calibration").lines)["Expected calibration error"]
    )


def test_what_is_recorded_is_read_off_the_record() -> None:
    """The rows of spread are those of metrics.json, and patients stay on one side."""
    folder = next(path for path in SHIPPED if path.name == "lung_nodules")
    found, recorded = card(folder), json.loads((folder / "metrics.json").read_text())
    rows = {
        row[0]: row for row in section(found, "Scores as recorded after training").tables[0].rows
    }
    spread = recorded["over_splits"]["scores"]["gated.auc"]
    assert rows["As trained"][4] == f"{spread['mean']:.3f} ± {spread['sd']:.3f}"
    assert rows["extra trees"][1] == f"{recorded['baselines']['extra trees']['accuracy']:.3f}"
    assert dict(section(found, "Data").lines)["Split"].endswith("on more than one side: 0")
    version = section(found, "Version")
    assert dict(version.lines)["Date of training"] == "unknown"
    sizes = {row[0]: row[1] for row in version.tables[0].rows}
    assert sizes["weights.safetensors"] == f"{(folder / 'weights.safetensors').stat().st_size:,}"


def test_a_single_split_tells_no_spread() -> None:
    folder = next(path for path in SHIPPED if path.name == "lung_nodules")
    model = shipped(folder)
    once = {"runs": 1, "scores": model.metrics["over_splits"]["scores"]}
    model = dataclasses.replace(model, metrics={**model.metrics, "over_splits": once})
    parts = {name: part_of(model, name) for name in PARTS}
    found = section(
        facts(model, find_domain(model.domain_key), parts), "Scores as recorded after training"
    )
    assert dict(found.lines)["Spread over"].startswith("one split; how far")
    assert found.tables[0].header == ("Model", "Accuracy", "AUC") and not found.note
    assert not any("±" in cell for row in found.tables[0].rows for cell in row)


def test_one_accuracy_has_one_interval_everywhere_on_the_card() -> None:
    """The tile's, the table's, and that of a file of it; by patients where cases share them."""
    folder = next(path for path in SHIPPED if path.name == "lung_nodules")
    model, found = shipped(folder), card(folder)
    test = part_of(model, "test")
    right = replay(model.traces["test"], model.policy).predicted == test.labels
    expected = share(right, np.unique(test.groups, return_inverse=True)[1])
    assert found.accuracy == expected
    rows = {row[0]: row[2] for row in section(found, "Scores in force").tables[0].rows}
    assert rows["Accuracy"] == expected.bounds
    low, high = wilson_interval(int(right.sum()), len(right))
    assert expected.low < low and high < expected.high


def test_inputs_say_what_counts_as_missing_and_beyond() -> None:
    folder = next(path for path in SHIPPED if path.name == "breast_cytology-mean_and_se")
    model, domain = shipped(folder), find_domain("breast_cytology")
    assert background.inputs(model, domain).tables[0].header == ("Input", "Unit or levels")
    name = domain.variant(model.variant).inputs[1]
    features = tuple(
        dataclasses.replace(one, unit="mm", missing=("n.b.", "-9"), beyond="limit")
        if one.name == name
        else one
        for one in domain.features
    )
    table = background.inputs(model, dataclasses.replace(domain, features=features)).tables[0]
    assert len(table.header) == 4
    assert table.rows[1][1:] == ("mm", "n.b., -9", "counts as the limit in it")
    assert table.rows[0][2:] == ("", "")


def test_a_finding_says_its_ends_once_and_no_unit_that_is_none() -> None:
    one = find_domain("breast_cytology").concepts[0]
    plain = dataclasses.replace(one, meaning="Spread.", low_word="low", high_word="high")
    assert plain.explained == "Spread. From low to high."
    assert dataclasses.replace(plain, meaning="").explained == "From low to high."
    for said in ("From low to high.", "Where it stands, from low to high."):
        assert dataclasses.replace(plain, meaning=said).explained == said
    assert plain.scale == "0 (low) to 100 (high)"
    assert dataclasses.replace(plain, unit="mm").scale == "0 (low) to 100 (high) mm"


def test_a_subject_on_both_sides_is_told() -> None:
    folder = next(path for path in SHIPPED if path.name == "wrist_exercise")
    model = shipped(folder)
    parts = {name: part_of(model, name) for name in PARTS}
    leaked = (parts["train"].groups[0], *parts["test"].groups[1:])
    parts["test"] = dataclasses.replace(parts["test"], groups=leaked)
    found = facts(model, find_domain(model.domain_key), parts)
    assert dict(section(found, "Data").lines)["Split"].endswith("on more than one side: 1")


def point_of(folder: Path, name: str, policy: Policy) -> OperatingPoint:
    said, seen = policy.to_text(), Figures(9, 0.1, 0.1, 1.0)
    when = "2026-01-02T03:04:05+00:00"
    return OperatingPoint(
        name,
        "A. Reader",
        MARKUP,
        when,
        shipped(folder).digest,
        said["gates"],
        said["cut"],
        seen,
        seen,
    )


def test_the_operating_point_in_force_counts() -> None:
    """Scores are worked out anew: what the point's file claims is not believed."""
    folder = SHIPPED[0]
    model = shipped(folder)
    everything = Policy.shared(0, len(model.spec.experts))
    found = card(folder, point_of(folder, "all of it", everything))
    lines = dict(section(found, "Operating point in force").lines)
    assert (lines["Name"], lines["Who decided"]) == ("all of it", "A. Reader")
    operations = dict(section(found, "Scores in force").lines)["Operations"]
    assert operations.startswith(f"{2 * model.cost.total:,} FLOPs")
    values = {row[0]: row[1] for row in section(found, "Scores in force").tables[0].rows}
    assert values["Accuracy"] == f"{model.metrics['all_on']['accuracy']:.3f}"


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        assert all(
            name in ("charset", "http-equiv", "content", "name", "scope", "lang")
            for name, _ in attributes
        )

    def handle_data(self, data: str) -> None:
        self.text.append(data)


PLAIN = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "h1",
    "h2",
    "dl",
    "dt",
    "dd",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "p",
}


@given(st.text(max_size=40) | st.just(MARKUP) | st.just("<script>alert(1)</script>"))
def test_no_word_becomes_html(word: str) -> None:
    sheet = Sheet(word, (Section(word, ((word, word),), (Table((word,), ((word,),)),), word),))
    tags = Tags()
    tags.feed(to_html(sheet))
    assert set(tags.seen) <= PLAIN
    assert tags.seen.count("td") == 1


@pytest.mark.parametrize(
    "word",
    [
        MARKUP,
        "# no heading",
        "1. no list",
        "- no list",
        "a\n\n# b",
        "<img src=x>",
        "*a* _b_ ~~c~~ $d$",
        "https://evil.example",
        "&lt;b&gt;",
    ],
)
def test_no_word_becomes_markdown(word: str) -> None:
    """A strict reader of CommonMark with tables and links finds only what the sheet is made of."""
    sheet = Sheet(word, (Section(word, (("n", word),), (Table(("h",), ((word,),)),), word),))
    reader = MarkdownIt("commonmark").enable("table")
    kinds = set()
    for token in reader.parse(to_markdown(sheet)):
        kinds.add(token.type)
        kinds |= {child.type for child in token.children or ()}
    allowed = ("heading", "paragraph", "bullet_list", "list_item", "table", "thead", "tbody")
    allowed += ("tr", "th", "td", "inline", "text", "text_special", "strong")
    assert {re.sub("_(open|close)$", "", kind) for kind in kinds} <= set(allowed)
    assert not re.search(r"\w://|www\.\w|\w@\w", to_markdown(sheet))


def test_a_sheet_in_lines_by_hand() -> None:
    table = Table(("a", "long"), (("1", "2"), ("333", "4")))
    sheet = Sheet("T", (Section("Part", (("k", "v"),), (table,), "note"),))
    assert to_lines(sheet) == [
        "T",
        "",
        "PART",
        "  k: v",
        "  a    long",
        "  1    2",
        "  333  4",
        "  note",
    ]


def test_the_command_prints_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(SHIPPED[0])
    assert main(["facts", folder]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Model facts: Breast cytology") and "PARAMETERS" not in said
    point = tmp_path / "point.json"
    everything = Policy.shared(0, len(shipped(SHIPPED[0]).spec.experts))
    point.write_text(point_of(SHIPPED[0], MARKUP[:60], everything).to_json())
    for suffix, start in ((".md", "# Model facts"), (".html", "<!doctype html>")):
        out = tmp_path / f"card{suffix}"
        assert main(["facts", folder, "--out", str(out), "--point", str(point)]) == 0
        assert out.read_text().startswith(start)
        assert "(http://evil" not in out.read_text() or suffix == ".html"
    assert main(["facts", folder, "--json"]) == 0
    capsys.readouterr()
    with pytest.raises(SystemExit) as refused:
        main(["facts", folder, "--out", "card.pdf"])
    assert refused.value.code == 2
    assert "--out must end in .md or .html, got card.pdf" in capsys.readouterr().err
    assert main(["facts", folder, "--out", str(tmp_path / "no" / "card.md")]) == 2
