"""A model's card on the page: the sections of ``minspnet.facts``, with pictures of two of them."""

from collections.abc import Sequence
from functools import partial

import pandas as pd
import streamlit as st

from dashboard import cache, cache_compare, text
from dashboard.figures.comparison import draw_reliability
from dashboard.figures.subgroups import draw_subgroups
from dashboard.format import flops, percent, score
from dashboard.state import View
from dashboard.widgets.chart import show_chart
from dashboard.widgets.download import offer
from dashboard.widgets.tile import show_tile
from minspnet.errors import UserError
from minspnet.estimate import FEWEST_UNITS
from minspnet.facts import Facts
from minspnet.factsheet import Section, to_html, to_markdown
from minspnet.operating import OperatingPoint
from minspnet.reliability import gap

_MOST = 12
TABS = {
    "Use and data": ("Use", "Data"),
    "Inputs and findings": ("Inputs", "Findings (concepts)"),
    "How good it is": ("Scores in force", "Scores as recorded after training"),
    "Where it is worse": ("Subgroups",),
    "Is sure also right?": ("Calibration", "Sets of answers"),
    "How it is built": ("Architecture", "Training"),
    "Papers": ("Operating point in force", "Version"),
}
"""Which sections stand on which tab; together all of them."""


def card_of(view: View) -> Facts:
    """The card of the model on screen, with the operating point in force."""
    return cache_compare.card(view.model, _in_force(cache.model(view.model).digest))


def _in_force(digest: str) -> OperatingPoint | None:
    try:
        return cache.store().operating_point(digest)
    except UserError:
        return None  # the sidebar's notice has said so; the one chosen after training is in force


def show_head(view: View, card: Facts) -> None:
    """The numbers most asked for, and the card as a file."""
    loaded = cache.model(view.model)
    classes = [one for one in card.subgroups if one.by == "Known answer"]
    cases, right = (sum(getattr(one, what) for one in classes) for what in ("cases", "right"))
    about = cache_compare.about(view.model, "test")
    row = st.container(horizontal=True)
    show_tile(
        row,
        "Accuracy",
        score(card.accuracy.value),
        f"95%: {card.accuracy.bounds}",
        help=f"{right:,} of {cases:,} test cases are decided as labelled under the operating "
        f"point in force, with Wilson's interval. {about}".strip(),
    )
    weakest = min(classes, key=lambda one: one.right / one.cases)
    show_tile(
        row,
        "Weakest class",
        percent(weakest.right / weakest.cases, 1),
        f"{text.plain(weakest.name)}, {weakest.cases:,} cases",
        help=f"Share of its cases found; 95% interval {percent(weakest.interval[0], 1)} to "
        f"{percent(weakest.interval[1], 1)}.",
    )
    show_tile(
        row,
        "Calibration error",
        f"{gap(card.bins):.3f}",
        f"{len(card.bins)} bins",
        help="Mean distance of how sure it is from how often it is right (ECE).",
    )
    show_tile(
        row,
        "Parameters",
        f"{loaded.metrics['parameters']:,}",
        f"at most {flops(loaded.cost.total)} per case",
    )
    test, noun = cache.part(view.model, "test"), cache.domain_of(view.model).group_noun
    groups = len(set(test.groups))
    if noun and groups < FEWEST_UNITS:
        st.caption(
            f"**The test cases come from only {groups} {noun}s:** for other {noun}s expect scores "
            "further off than these intervals say."
        )
    with st.container(horizontal=True):
        for name, suffix, mime, write in (
            ("Download as a web page", "html", "text/html", to_html),
            ("Download as Markdown", "md", "text/markdown", to_markdown),
        ):
            offer(
                name,
                partial(write, card.sheet),
                "model facts",
                file_name=f"{view.model}-model-facts.{suffix}",
                mime=mime,
                key=f"facts-{suffix}",
            )


def show_tab(card: Facts, titles: Sequence[str]) -> None:
    """Some sections one below the other."""
    for section in card.sheet.sections:
        if section.title in titles:
            if len(titles) > 1:
                st.header(text.plain(section.title))
            if section.title == "Subgroups":
                _show_subgroups(card)
            if section.title == "Calibration":
                _show_calibration(card)
            _show_section(section)


def _show_section(section: Section) -> None:
    if section.lines:
        st.markdown("\n".join(f"- **{text.plain(n)}:** {text.plain(v)}" for n, v in section.lines))
    for number, table in enumerate(section.tables):
        rows = [[text.plain(cell) for cell in row] for row in table.rows]
        shown = pd.DataFrame(rows, columns=[text.plain(cell) for cell in table.header])
        with st.container(key=f"facts-table-{section.title}-{number}"):
            st.table(shown.set_index(shown.columns[0]))
    if section.note:
        st.caption(text.plain(section.note))


def _show_subgroups(card: Facts) -> None:
    classes = [one for one in card.subgroups if one.by == "Known answer"]
    overall = sum(one.right for one in classes) / sum(one.cases for one in classes)
    worst = sorted(card.subgroups, key=lambda one: one.right / one.cases)[:_MOST]
    show_chart(
        draw_subgroups(
            [
                (f"{one.by}\n{one.name}", one.cases, one.right / one.cases, *one.interval)
                for one in worst
            ],
            overall,
        ),
        key="facts-subgroups",
        alt="Share of test cases decided as labelled in the weakest subgroups, with 95% intervals",
    )
    st.caption(
        f"The {len(worst)} weakest of {len(card.subgroups)} subgroups. Dotted: all test cases, "
        f"{percent(overall, 1)}. Orange: the whole interval lies below that; looked for among so "
        "many, some do so by chance."
    )


def _show_calibration(card: Facts) -> None:
    least = 1 / sum(one.by == "Known answer" for one in card.subgroups)
    show_chart(
        draw_reliability([(b.cases, b.sure, b.right, *b.interval) for b in card.bins], least),
        key="facts-calibration",
        alt="How often the model is right against how sure it is, on test cases",
    )
    st.caption("On the dotted line an answer is right as often as it says; below it, less often.")
