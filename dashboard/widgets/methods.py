"""Attribution methods over many cases: how far the work is, and what it says of each method."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import cache, cache_attributions
from dashboard.attribution_words import DOUBTS, MEASURES, METHODS, RULE, UNSIGNED
from dashboard.figures.attributions import draw_agreement, draw_leads, draw_maps, draw_shares
from dashboard.format import number, percent
from dashboard.state import View
from dashboard.text import listed, plain
from dashboard.widgets.chart import show_chart
from minspnet.trust import (
    FEWEST,
    Mean,
    Measured,
    agreement,
    doubts,
    global_shares,
    left_out,
    quality,
)

_COUNT = "attributions-cases"
_SEEN = "attributions-seen"
_MOST = 15
_STEPS = 4
"""How often, until it is done, the page is drawn anew with what is there."""


def choose_count(view: View) -> int:
    """How many cases methods are judged on."""
    total = len(cache.model(view.model).traces[cache_attributions.PART])
    counts = [n for n in cache_attributions.SAMPLES if n < total] or [total]
    if len(counts) < len(cache_attributions.SAMPLES):
        counts = sorted({*counts, total})
    usual = max((n for n in counts if n <= cache_attributions.USUAL), default=counts[0])
    return int(
        st.segmented_control(
            "Cases that judge the methods",
            counts,
            default=usual,
            required=True,
            key=_COUNT,
            help=f"Drawn at random from the {total:,} {cache_attributions.PART} cases, the same "
            "ones every time; a larger choice goes on from a smaller one.",
        )
        or usual
    )


def show_progress(view: View, count: int) -> None:
    """Start the work if there is any left, and say how far it is; never waits for it."""
    known = _known(view, count)
    job = cache_attributions.job(view.model, view.policy)
    # What was stopped or has failed goes on only when someone says so.
    if known < count and (job is None or job.state == "done"):
        cache_attributions.start(view.model, view.policy, count)
        job = cache_attributions.job(view.model, view.policy)
    under_way = job is not None and job.under_way
    st.session_state[_SEEN] = (count, known * _STEPS // count, under_way)
    st.fragment(_progress, run_every=2.0 if under_way else None)(view, count)


def _known(view: View, count: int) -> int:
    return len(next(iter(cache_attributions.measured(view.model, view.policy, count).values())))


def _progress(view: View, count: int) -> None:
    known = _known(view, count)
    job = cache_attributions.job(view.model, view.policy)
    under_way = job is not None and job.under_way
    if st.session_state.get(_SEEN) != (count, known * _STEPS // count, under_way):
        st.rerun()
    if known >= count:
        st.caption(f"Done: every method, on {count} cases.")
        return
    left, right = st.columns([5, 1], vertical_alignment="center")
    if job is not None and under_way:
        left.progress(
            known / count,
            f"Judging the methods in the background: {known} of {count} cases. The page stays "
            "usable, and leaving it stops nothing.",
        )
        right.button("Stop", on_click=job.stop, width="stretch", key="attributions-stop")
        return
    failed = job is not None and job.state == "failed"
    said = plain(job.error) if job is not None and failed else "Stopped."
    left.caption(f"{said} {known} of {count} cases are done.")
    right.button(
        "Try again" if failed else "Go on",
        on_click=cache_attributions.start,
        args=(view.model, view.policy, count),
        width="stretch",
        key="attributions-start",
    )


def _measured(view: View, count: int, fewest: int = 2) -> dict[str, list[Measured]] | None:
    found = cache_attributions.measured(view.model, view.policy, count)
    known = len(next(iter(found.values())))
    if known < fewest:
        st.info(f"This is drawn once {fewest} cases are done: {known} so far.")
        return None
    return found


def _titles(found: dict[str, list[Measured]]) -> list[str]:
    return [METHODS[method].title for method in found]


def show_trust(view: View, count: int) -> None:
    """Which methods to doubt here, and every measure behind that."""
    found = _measured(view, count, FEWEST)
    if found is None:
        return
    against = {method: doubts(one) for method, one in found.items()}
    known = len(next(iter(found.values())))
    good = [METHODS[method].title for method, why in against.items() if not why]
    bad = {method: why for method, why in against.items() if why}
    if good:
        st.success(f"Nothing speaks against: {listed(good)}. (n = {known})")
    if bad:
        lines = [
            f"- {DOUBTS[one]}: {listed([METHODS[m].title for m, why in bad.items() if one in why])}"
            for one in DOUBTS
            if any(one in why for why in bad.values())
        ]
        st.warning(f"Doubted here (n = {known}), because\n" + "\n".join(lines))
    table = {method: quality(one) for method, one in found.items()}
    show_chart(
        draw_leads(
            _titles(found),
            [one["deletion"].value for one in table.values()],
            [one["deletion"].margin for one in table.values()],
            [bool(why) for why in against.values()],
        ),
        key="attributions-leads",
        alt="How far each method's order of inputs beats a random one, with 95% intervals",
    )
    rows = [
        {"Method": METHODS[method].title, "Doubted": "yes" if against[method] else "no"}
        | {_headed(key): _said(table[method][key]) for key in MEASURES}
        for method in found
    ]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        alt="Each method with its measures, means over cases with 95% margins",
        column_config={
            "Method": st.column_config.TextColumn(width=200, pinned=True),
            "Doubted": st.column_config.TextColumn(width=70),
        }
        | {
            _headed(key): st.column_config.TextColumn(
                help=f"{said.meaning} {said.better.capitalize()} is better. {said.term}."
            )
            for key, said in MEASURES.items()
        },
    )
    st.caption(
        f"Means over {known} {cache_attributions.PART} cases, ± half the 95% interval (normal "
        "approximation). ↑ higher is better, ↓ lower."
    )
    st.caption(RULE)
    for method, why in left_out(cache.model(view.model).spec).items():
        st.caption(f"{METHODS[method].title} is left out: {why}.")
    with st.expander("What each measure and method means"):
        st.markdown(
            "\n".join(
                f"- **{_headed(key)}**: {said.meaning} *{said.term}.*"
                for key, said in MEASURES.items()
            )
        )
        st.markdown("\n".join(f"- **{METHODS[m].title}**: {METHODS[m].meaning}" for m in found))


def _headed(measure: str) -> str:
    said = MEASURES[measure]
    return f"{said.title} {'↑' if said.better == 'higher' else '↓'}"


def _said(mean: Mean) -> str:
    if math.isnan(mean.value):
        return ""
    digits = 1 if abs(mean.value) >= 10 else 2
    margin = "" if math.isnan(mean.margin) else f" ± {mean.margin:.{digits}f}"
    return f"{number(mean.value, digits)}{margin}"


def show_agreement(view: View, count: int) -> None:
    """How alike methods rank the inputs."""
    found = _measured(view, count)
    if found is None:
        return
    matrix = agreement(found, UNSIGNED)
    pairs = matrix[np.tril_indices(len(matrix), -1)]
    known = len(next(iter(found.values())))
    st.markdown(
        f"The median pair of methods agrees at **{number(float(np.nanmedian(pairs)), 2)}**: 1 is "
        "the same order of inputs, 0 no relation, below 0 the opposite. Agreement is no proof: "
        "methods can be wrong together."
    )
    show_chart(
        draw_agreement(_titles(found), matrix),
        key="attributions-agreement",
        alt="Rank correlation of each pair of methods",
    )
    st.caption(
        f"Spearman's rank correlation of what each input adds, mean over {known} "
        f"{cache_attributions.PART} cases; with saliency, which has no direction, of the sizes."
    )


def show_overall(view: View, count: int) -> None:
    """What counts over all sampled cases, by each method."""
    found = _measured(view, count)
    if found is None:
        return
    domain = cache.domain_of(view.model)
    known = len(next(iter(found.values())))
    if domain.modality == "signal":
        found = {method: [_by_channel(view, one) for one in ones] for method, ones in found.items()}
    shares, margins = (
        np.stack(both, axis=1)
        for both in zip(*(global_shares(one) for one in found.values()), strict=True)
    )
    titles = [_marked(METHODS[method].title, bool(doubts(one))) for method, one in found.items()]
    if domain.modality == "image":
        rows = math.isqrt(len(shares))
        maps = [column.reshape(rows, -1) for column in shares.T]
        show_chart(
            draw_maps(maps, titles, 3),
            key="attributions-overall",
            alt="For each method, the share of all attribution that falls on each square",
        )
        what = "square of the picture"
    else:
        names = [feature.title for feature in cache.features(view.model)]
        order = np.argsort(-shares.mean(axis=1), kind="stable")[:_MOST]
        show_chart(
            draw_shares([names[k] for k in order], titles, shares[order], margins[order]),
            key="attributions-overall",
            alt="For each method, the share of all attribution that each input has",
        )
        if len(order) < len(names):
            rest = 1 - shares[order].sum(axis=0).mean()
            st.caption(f"The {len(names) - len(order)} others share {percent(rest)} on average.")
        what = "channel" if domain.modality == "signal" else "measurement"
    st.caption(
        f"Per cent of all that a method hands out: the mean absolute value of each {what} over "
        f"{known} {cache_attributions.PART} cases, so that methods in different units compare. "
        "Each case is explained for the class it is decided for, against the nearest other; "
        "an asterisk marks methods doubted here."
    )


def _by_channel(view: View, one: Measured) -> Measured:
    """The same with the stretches of each channel taken together, by size."""
    sizes = np.abs(one.values).reshape(len(cache.features(view.model)), -1).sum(axis=1)
    return replace(one, values=sizes)


def _marked(title: str, doubted: bool) -> str:
    short = title.replace(" (size of the gradient)", "")
    return f"{short}*" if doubted else short
