"""The review log: a table of what was recorded, what it adds up to, and files of it."""

import math
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard import cache, learning, review_words, text, who
from dashboard.format import duration, interval, percent
from dashboard.state import View
from dashboard.widgets import learn
from dashboard.widgets.download import offer_table
from dashboard.widgets.tile import show_tile
from minspnet.access import Action
from minspnet.agreement import (
    MODEL,
    Agreement,
    Which,
    agreements,
    changes,
    corrected,
    seconds_spent,
    to_columns,
)
from minspnet.domain import Domain
from minspnet.judgement import LONGEST_PAUSE
from minspnet.metrics import wilson_interval
from minspnet.record.reviews import Review

_EVERY, _ANYONE = "all models", "all readers"
_SHOWN = 500
_WHICH: dict[Which, str] = {"end": "in the end", "before": "before the network's was shown"}


def show_log(view: View) -> None:
    """Filters, then what was recorded under them and what it adds up to."""
    doors = who.doors()
    readers = doors.readers()
    if not readers:
        begun = "Nothing is" if _sees_all() else "You have nothing"
        st.info(
            f"{begun} recorded yet. Open a case on **Case**, say whether you agree, and press "
            "*Record*; or filter cases on **Cases** and press *Review these cases*."
        )
        return
    model, reader = _filters(view, readers)
    found = doors.reviews_of(reader, model)
    if not found:
        st.info("Nothing is recorded for this choice. Pick another model or reader above.")
        if model is not None and len(learning.lineage(view.model)) > 1:
            learn.show_learning(view)
        return
    _show_tiles(found)
    _show_table(found)
    _show_files(found)
    if model is None:
        st.caption("Pick one model to see how far readers agree, and which findings they correct.")
        return
    # A reader is compared with all others, whoever is listed.
    everyone = found if reader is None or not _sees_all() else doors.reviews_of(None, model)
    _show_agreement(everyone, reader)
    _show_corrected(found, cache.domain_of(view.model))
    learn.show_learning(view)


def _filters(view: View, readers: Sequence[str]) -> tuple[str | None, str | None]:
    """Ask for model and reader; give digest and name, None for all."""
    title = f"{cache.domain_of(view.model).title}, {cache.title_of(view.model)}"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        models = st.segmented_control(
            "Model",
            [view.model, _EVERY],
            format_func=lambda one: _EVERY if one == _EVERY else text.plain(title),
            default=view.model,
            required=True,
            key=f"log-model-{view.model}",
            help="The model on the other pages (choose another in the sidebar), or all.",
        )
        if _sees_all():
            name = st.selectbox("Reader", [_ANYONE, *readers], key="log-reader", width=240)
        else:
            name = who.reader()
            st.caption("Your own reviews: reading those of others takes the role engineer.")
    digest = None if models == _EVERY else cache.model(view.model).digest
    return digest, None if name == _ANYONE else name


def _sees_all() -> bool:
    return who.may(Action.READ_REVIEWS)


def _show_tiles(found: Sequence[Review]) -> None:
    changed, (low, middle, high) = changes(found), seconds_spent(found)
    cases = len({(review.model, review.case_id) for review in found})
    tiles = st.container(horizontal=True)
    show_tile(tiles, "Reviews", f"{len(found):,}", f"of {text.counted(cases, 'case')}")
    agreed = sum(review.verdict == "agree" for review in found)
    show_tile(
        tiles,
        "Agree with the network",
        percent(agreed / len(found)),
        f"{agreed:,} of {len(found):,} (95%: {interval(*wilson_interval(agreed, len(found)))})",
        help="Reviews with the verdict agree; unsure ones count as not agreeing. The 95% Wilson "
        "interval takes reviews as independent.",
    )
    show_tile(
        tiles,
        "Changed after seeing it",
        f"{changed.changed:,} of {changed.judged:,}" if changed.judged else "-",
        f"{changed.towards} towards the network, {changed.away} away"
        if changed.judged
        else "no one judged first",
        help="Of the reviews with an opinion given before the network's answer was shown. Besides: "
        f"{changed.undecided} to no answer, {changed.otherwise} between other answers. "
        + (
            f"Share changed: 95% {interval(*wilson_interval(changed.changed, changed.judged))}."
            if changed.judged
            else ""
        ),
    )
    show_tile(
        tiles,
        "Median time per case",
        duration(middle),
        f"middle half {duration(low)} to {duration(high)}, n = {len(found):,}",
        help=f"A pause of more than {LONGEST_PAUSE / 60:.0f} minutes counts as that long.",
    )


def _show_table(found: Sequence[Review]) -> None:
    names, rows = _models_here(), []
    for review in found[:_SHOWN]:
        name = names.get(review.model)
        rows.append(
            {
                "When (UTC)": review_words.when(review.decided_at),
                "Who": review.reader,
                "Case": review.case_id,
                "The network said": review.predicted,
                "Verdict": review.verdict,
                "Answer in the end": review.opinion or "none",
                "Before": review.own_opinion or "not asked",
                "Changed": {None: "", True: "yes", False: "no"}[review.revised],
                "Corrections": _corrections(name, review),
                "Reason": review.reason,
                "Text": review.text,
                "Time": duration(review.seconds),
                "Model": cache.title_of(name) if name else f"not here ({review.model[:12]})",
                "Evidence": review.trace[:12],
            }
        )
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height=min(420, 36 * (len(rows) + 1) + 3),
        alt="Reviews: when, who, which case, what the network said, verdict, answers, corrections",
    )
    if len(found) > _SHOWN:
        st.caption(f"The newest {_SHOWN:,} of {len(found):,}; the files hold all.")


def _show_files(found: Sequence[Review]) -> None:
    own = all(review.reader == who.reader() for review in found)
    needs = Action.EXPORT if own else Action.READ_REVIEWS
    with st.container(horizontal=True):
        offer_table("reviews", lambda: _columns(found), f"{len(found):,} reviews", "log", needs)


def _columns(found: Sequence[Review]) -> dict[str, list[str | float | None]]:
    """All that is recorded, and beside it in words what it holds as numbers and hashes."""
    names = _models_here()
    words: dict[str, list[str | float | None]] = {"model_title": [], "concepts_in_words": []}
    for review in found:
        name = names.get(review.model)
        words["model_title"].append(cache.title_of(name) if name else "")
        words["concepts_in_words"].append(_corrections(name, review))
    return to_columns(found) | words


def _models_here() -> dict[str, str]:
    """Names of the models that are here, by their digests."""
    return {cache.model(n).digest: n for group in cache.models().values() for n in group}


def _corrections(name: str | None, review: Review) -> str:
    """What was set right, on the scales of the task; its names alone where the model is gone."""
    if name is None:
        return ", ".join(one.concept for one in review.concepts)
    return review_words.corrections(cache.domain_of(name), review.concepts)


def _show_agreement(found: Sequence[Review], reader: str | None) -> None:
    st.header(
        "Who agrees with whom",
        help="Cohen's kappa: agreement beyond chance, 1 at most, 0 as by chance. Its 95% interval "
        "is that of large samples (Fleiss, Cohen and Everitt 1969) and is rough on few cases; it "
        "cannot be told where all agree. The share is with its 95% Wilson interval. Of several "
        "reviews of one case by one reader the newest counts.",
    )
    which: Which = st.segmented_control(
        "Their answers",
        list(_WHICH),
        format_func=_WHICH.__getitem__,
        default="end",
        required=True,
        key="log-which",
        help="Who has seen the network's answer may lean on it: only answers given before can show "
        "agreement that does not.",
    )
    pairs = [one for one in agreements(found, which) if reader in (None, one.first, one.second)]
    if not pairs:
        st.write("No one has given an answer before the network's was shown.")
        return
    table = pd.DataFrame([_row(one) for one in pairs])
    st.dataframe(
        table, hide_index=True, alt="Agreement of each reader with the network and each other"
    )


def _row(one: Agreement) -> dict[str, str]:
    kappa = "not defined" if math.isnan(one.kappa) else f"{one.kappa:.2f}"
    span = "-" if math.isnan(one.low) else f"{one.low:.2f} to {one.high:.2f}"
    return {
        "Reader": one.first,
        "With": "the network" if one.second == MODEL else one.second,
        "Cases": f"{one.cases:,}",
        "Same answer": f"{one.agreed:,} ({percent(one.agreed / one.cases)})",
        "95% interval": interval(*one.interval),
        "Cohen's kappa": kappa,
        "95% interval of kappa": span.replace("-0", "−0") if span != "-" else span,
    }


def _show_corrected(found: Sequence[Review], domain: Domain) -> None:
    counts = corrected(found)
    st.header("Findings most corrected")
    if not counts:
        st.write("No finding was corrected in these reviews.")
        return
    titles = {concept.name: concept.title for concept in domain.concepts}
    rows = [
        {
            "Finding": titles.get(name, name),
            "Corrected in": f"{count:,} of {len(found):,} reviews",
            "95% interval": interval(*wilson_interval(count, len(found))),
        }
        for name, count in counts
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt="Findings that readers set right")
