"""What correcting concepts does to the answers: alone, and one after another in several orders."""

from dataclasses import replace

import streamlit as st

from dashboard import cache, cache_concepts, state, text
from dashboard.cache_concepts import CHOICE, Curves
from dashboard.figures.corrections import draw_curves, draw_mended
from dashboard.format import change, number
from dashboard.navigation import go_to
from dashboard.state import View, unedited
from dashboard.widgets.chart import show_chart
from dashboard.widgets.trust import narrow_because
from minspnet.intervention import Single
from minspnet.metrics import sign_test

_TITLES = {
    "random": "in random order",
    "doubt": "most uncertain first",
    "fixed": "one fixed order",
    "worth": "most worth checking first",
}
_OPENED = 4
_LEAST_P = 0.05
_SCORES = {"accuracy": "Accuracy", "auc": "AUC"}


def show_misleading(view: View, part: str) -> None:
    """In one sentence: the concept whose correction mends most, picked on validation cases."""
    domain, policy = cache.domain_of(view.model), unedited(view)
    picked = cache_concepts.singles(view.model, CHOICE, policy)
    best = max(range(len(picked)), key=lambda k: (picked[k].net, picked[k].repaired))
    if picked[best].net <= 0:
        cases, wrong = _wrong(view, CHOICE)
        st.info(
            f"No single finding misleads it: whichever is corrected in all {cases:,} {CHOICE} "
            "cases, no more wrong answers are repaired than right ones broken "
            f"({wrong:,} are wrong)."
        )
        return
    one = cache_concepts.singles(view.model, part, policy)[best]
    name = text.plain(domain.concepts[best].title)
    st.info(_misleading(name, picked[best], one, part, *_wrong(view, part)))
    _show_mended(view, part, best, one)


def _misleading(name: str, picked: Single, one: Single, part: str, cases: int, wrong: int) -> str:
    """Name a finding for sure only where chance would hardly have picked it, and count it."""
    said = (
        f"**{name}** misleads it most"
        if sign_test(picked.repaired, picked.broken) < _LEAST_P
        else f"Too few errors to tell which finding misleads it most; **{name}** comes first"
    )
    breaks = f"breaks {one.broken:,}" if one.broken else "breaks none"
    return (
        f"{said} (picked on {CHOICE} cases): setting it to its true value in all {cases:,} {part} "
        f"cases repairs {one.repaired:,} of {wrong:,} wrong answers and {breaks}."
    )


def _wrong(view: View, part: str) -> tuple[int, int]:
    """Number of cases, and of those answered wrongly."""
    decided = cache.decision(view.model, part, unedited(view)).predicted
    return len(decided), int((decided != cache.part(view.model, part).labels).sum())


def _show_mended(view: View, part: str, concept: int, found: Single) -> None:
    """Cases whose answer the correction changes, to open with the correction made."""
    name = cache.domain_of(view.model).concept_names[concept]
    ids = cache.model(view.model).traces[part].case_ids
    truth = cache_concepts.true_grades(view.model, part)
    line = st.container(horizontal=True, vertical_alignment="center", gap="small")
    for said, rows in (("Repaired", found.repaired_rows), ("Broken", found.broken_rows)):
        if not rows:
            continue
        some = f" ({_OPENED} of {len(rows):,})" if len(rows) > _OPENED else ""
        line.markdown(f"{said}{some}:", width="content")
        for row in rows[:_OPENED]:
            if line.button(
                text.plain(ids[row]),
                key=f"corrected-{row}",
                help="Opens the case with this finding corrected.",
            ):
                policy = unedited(view).intervene(name, float(truth[row, concept]))
                state.change(replace(view, case=ids[row], policy=policy))
                go_to("case")


def show_corrections(view: View, part: str) -> None:
    """The curve of all orders, and each concept alone."""
    domain = cache.domain_of(view.model)
    with st.spinner("Correcting..."):
        found = cache_concepts.curves(view.model, part, unedited(view))
    st.markdown(_verdict(found, part))
    wanted = st.segmented_control(
        "One finding after another",
        list(_SCORES),
        format_func=_SCORES.__getitem__,
        default="accuracy",
        required=True,
        key="corrections-score",
        help=_explained(view, found),
    )
    left, right = st.columns([3, 2], gap="large")
    with left:
        lines = {
            order: curve.aucs if wanted == "auc" else curve.accuracies
            for order, curve in found.by_order.items()
        }
        random = found.by_order["random"]
        show_chart(
            draw_curves(
                lines,
                _TITLES,
                (random.low[wanted or "accuracy"], random.high[wanted or "accuracy"]),
                f"{_SCORES[wanted or 'accuracy']} on {part} cases",
            ),
            alt=f"{_SCORES[wanted or 'accuracy']} after correcting more and more findings, in four "
            "orders",
            key=f"corrections-{wanted}",
        )
    with right:
        singles = cache_concepts.singles(view.model, part, unedited(view))
        order = sorted(range(len(singles)), key=lambda k: -singles[k].net)
        st.markdown("**Each finding corrected alone**")
        show_chart(
            draw_mended(
                [domain.concepts[k].title for k in order],
                [singles[k].repaired for k in order],
                [singles[k].broken for k in order],
            ),
            alt="Decisions repaired and broken by correcting each finding alone",
            key="mended",
        )
    _count(view, part, found)


def _verdict(found: Curves, part: str) -> str:
    """Say whether checking by worth is ahead, and of what."""
    told: dict[str, list[str]] = {}
    for order in ("random", "doubt", "fixed"):
        gain, (low, high) = found.ahead[order]
        how = "ahead of" if low > 0 else "behind" if high < 0 else "not clearly different from"
        # An amount and its interval, in points of accuracy.
        ends = f"{number(100 * low, 1, '+')} to {number(100 * high, 1, '+')}"
        numbers = text.plain(f"{change(gain)}, {ends}")
        told.setdefault(how, []).append(f"*{_TITLES[order]}* ({numbers})")
    said = [f"{how} {text.listed(orders)}" for how, orders in told.items()]
    start, end = (found.by_order["worth"].accuracies[n] for n in (0, -1))
    helps = (
        "Correcting every finding helps"
        if end > start
        else "Correcting every finding does not help"
    )
    return (
        f"**{helps}: accuracy {start:.3f} before, {end:.3f} after.** On the way, *"
        f"{_TITLES['worth']}* is {'; '.join(said)}."
    )


def _explained(view: View, found: Curves) -> str:
    """Say what the four orders are."""
    domain = cache.domain_of(view.model)
    names = text.plain(text.in_a_row([domain.concepts[k].title for k in found.fixed]))
    return (
        f"Random: mean and spread of {cache_concepts.ORDERS} orders. Most uncertain: where the "
        "true value scatters most among validation cases of a like grade. Most worth checking: "
        "where that scatter leaves the answer most in doubt; what is found is taken in before the "
        f"next. Fixed: {names}; chosen on validation cases by the chance given to the true class."
    )


def _count(view: View, part: str, found: Curves) -> None:
    flattered = " The fixed order was chosen on the very cases shown, which flatters it."
    flattered = flattered if part == CHOICE else ""
    total = len(cache.part(view.model, part))
    few = f", drawn from {total:,}" if found.cases < total else ""
    st.caption(
        f"{found.cases:,} {part} cases{few}; a correction sets a finding to its true value, and "
        "the same experts run. In brackets: difference in accuracy, mean over all numbers of "
        "corrections between none and all, with its 95% interval over resampled cases."
        f"{narrow_because(view, part)}{flattered}"
    )
