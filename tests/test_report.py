"""The printed page: one sheet, the same numbers as on screen, and nothing in it is markup."""

import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from pypdf import PdfReader
from test_app import IMAGE, TABULAR, metric, open_app, own_store

from dashboard import cache, cache_case
from dashboard.format import signed
from dashboard.printing.html import to_html
from dashboard.printing.pdf import to_pdf
from dashboard.printing.sheet import Sheet, Table, pieces
from dashboard.state import View
from dashboard.widgets.report import sheet_of, written
from minspnet.trace import replay

__all__ = ["own_store"]
MODELS = [name for names in cache.models().values() for name in names]
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> & <b>&amp;"
ABROAD = "−5 ≥ 3 α µ → 37 %"


class Reader(HTMLParser):
    """The words of a page, and its tags."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)
        sources = [value for name, value in attrs if name in ("src", "href")]
        assert all(value.startswith("data:image/png;base64,") for value in sources)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read_html(page: str) -> tuple[str, list[str]]:
    reader = Reader()
    reader.feed(page)
    return " ".join(" ".join(reader.words).split()), reader.tags


def read_pdf(page: bytes) -> str:
    (sheet,) = PdfReader(io.BytesIO(page)).pages
    return " ".join(sheet.extract_text().split())


def squeezed(words: str) -> str:
    """Without spaces: a PDF breaks lines within cells."""
    return re.sub(r"\s", "", words)


def cases_of(name: str) -> list[View]:
    """A few cases: as they are, with one finding corrected, and with all of them."""
    loaded = cache.model(name)
    trace = loaded.traces["test"]
    one = loaded.policy.intervene(trace.concept_names[0], 0.9)
    every = loaded.policy
    for concept in trace.concept_names:
        every = every.intervene(concept, 0.1)
    ids = (trace.case_ids[0], trace.case_ids[len(trace) // 2], trace.case_ids[-1])
    policies = (loaded.policy, one, every)
    return [View(name, policy, case) for policy, case in zip(policies, ids, strict=True)]


@pytest.mark.parametrize("name", MODELS)
def test_one_page_with_the_numbers_of_the_case(name: str) -> None:
    for view in cases_of(name):
        case = str(view.case)
        page, sheet = (
            read_html(written(view, case, 0.9, "html").decode())[0],
            sheet_of(view, case, 0.9),
        )
        paper = read_pdf(written(view, case, 0.9, "pdf"))
        fall = cache.waterfall(name, case, view.policy)
        spent = cache_case.report(name, case, view.policy, 0.9).receipt
        loaded = cache.model(name)
        must = [
            case,
            loaded.digest[:12],
            sheet.answer,
            sheet.sure,
            f"{2 * spent.macs:,}",
            *map(signed, (fall.start, *map(float, fall.by_output), fall.logit)),
            *(cell for row in sheet.findings.rows for cell in row),
            *(near for near in cache.similar_cases(name, case, view.policy).ids),
            *(words for change in sheet.changes for words, _ in change),
            *(words for warning in sheet.warnings for words, _ in warning),
            "At 90% coverage",
        ]
        for words in must:
            assert squeezed(words) in squeezed(page), words
            assert squeezed(words) in squeezed(paper), words
        for told in (page, paper):
            assert "not for decisions about anyone" in told
            assert ("Set by the reader" in told) == bool(view.policy.interventions)


@pytest.mark.parametrize("name", MODELS)
def test_the_waterfall_on_paper_adds_up(name: str) -> None:
    """Bars start where the one before ended, on the scale that puts 0 where it is marked."""
    for view in cases_of(name):
        sheet = sheet_of(view, str(view.case), 0.9)
        fall = cache.waterfall(name, str(view.case), view.policy)
        first, *steps, last = sheet.bars
        assert all(-1e-9 <= bar.start <= bar.end <= 1 + 1e-9 for bar in sheet.bars)
        at = first.end if fall.start > 0 else first.start
        for bar in steps:
            assert min(abs(bar.start - at), abs(bar.end - at)) < 1e-6
            at = bar.end if bar.kind == "towards" else bar.start
        assert at == pytest.approx(last.end if fall.logit > 0 else last.start, abs=1e-5)
        other = last.start if fall.logit > 0 else last.end
        assert other == pytest.approx(sheet.zero, abs=1e-5)


@pytest.mark.parametrize("name", [TABULAR, IMAGE])
def test_the_paper_says_what_the_page_says(name: str) -> None:
    app = open_app("case", model=name, case=cache.model(name).traces["test"].case_ids[5])
    case = app.query_params["case"]
    sheet = sheet_of(View(name, cache.model(name).policy, case), case, 0.9)
    assert sheet.answer == metric(app, "The network says")
    assert f"{metric(app, 'Chance of')}," in sheet.sure
    assert any(metric(app, "It took") in fact for fact in sheet.facts)
    assert any(metric(app, "Known answer") in fact for fact in sheet.facts)
    plain = "".join(words for words, _ in sheet.why)
    assert plain in [m.value.replace("**", "") for m in app.markdown]


def test_corrections_are_flagged_with_what_the_network_read() -> None:
    loaded = cache.model(TABULAR)
    trace, concept = loaded.traces["test"], cache.domain_of(TABULAR).concepts[0]
    case = trace.case_ids[2]
    read = float(replay(trace[2], loaded.policy).concepts[0, 0])
    sheet = sheet_of(View(TABULAR, loaded.policy.intervene(concept.name, 0.42), case), case, 0.9)
    assert f"{concept.title} 42 of 100 (the network read {100 * read:.0f})" in sheet.corrected
    assert sheet.findings.marked == (True, *(False,) * (len(trace.concept_names) - 1))
    assert "as shipped" in sheet.footer[1]
    strict = replace(loaded.policy, decision_threshold=0.9)
    moved = sheet_of(View(TABULAR, strict, case), case, 0.9)
    assert "not the one that the model came with" in moved.footer[1]
    assert "0.9" in moved.footer[1]


def hostile_sheet(words: str) -> Sheet:
    """A page whose every word came from someone who means harm."""
    base = sheet_of(View(TABULAR, cache.model(TABULAR).policy, None), KNOWN, 0.9)
    table = Table((words,) * 3, ((words,) * 3,) * 2, (True, False))
    bars = tuple(replace(bar, name=words, value=words) for bar in base.bars)
    return replace(
        base,
        title=words,
        subject=words,
        answer=words,
        sure=words,
        facts=(words,),
        corrected=words,
        why=pieces(f"{words} **{words}**"),
        axis=words,
        bars=bars,
        findings=table,
        changes=(pieces(f"**{words}**"),),
        changes_note=words,
        known=table,
        experts=table,
        caution=(words, words),
        footer=(words,),
    )


KNOWN = cache.model(TABULAR).traces["test"].case_ids[0]


def test_html_escapes_hostile_text() -> None:
    """Reads back as it was written, and brings no tag of its own."""
    page = to_html(hostile_sheet(HOSTILE))
    told, tags = read_html(page)
    assert set(tags) <= {
        *("html", "head", "meta", "title", "style", "body", "header", "div", "h1", "h2", "p"),
        *("strong", "b", "section", "svg", "line", "text", "rect", "table", "tr", "th", "td"),
        *("ul", "li", "footer"),
    }
    assert told.count(HOSTILE) > 15
    assert "default-src 'none'" in page


def test_pdf_prints_hostile_text_as_text() -> None:
    told = read_pdf(to_pdf(hostile_sheet(HOSTILE)))
    assert squeezed(told).count(squeezed("<script>alert(1)</script>")) > 10


def test_signs_and_letters_from_elsewhere_print() -> None:
    sheet = hostile_sheet(ABROAD)
    assert squeezed(ABROAD) in squeezed(read_pdf(to_pdf(sheet)))
    assert ABROAD in read_html(to_html(sheet))[0]


@pytest.mark.parametrize("length", [200, 1500])
def test_however_much_is_said_it_stays_one_page(length: int) -> None:
    long = hostile_sheet("long " * (length // 5))
    assert read_pdf(to_pdf(long))


def test_the_link_holds_ids_and_no_values() -> None:
    loaded = cache.model(TABULAR)
    policy = loaded.policy.intervene("nuclear_size", 0.42)
    *_, link = sheet_of(View(TABULAR, policy, KNOWN), KNOWN, 0.9).footer
    assert link == f"Link: ?domain={loaded.domain_key}&model={TABULAR}&case={KNOWN}"
