"""Which concepts the network ties together, against those that go together in truth."""

import numpy as np
import streamlit as st

from dashboard import cache, cache_concepts, text
from dashboard.figures.concepts import draw_signed
from dashboard.format import signed
from dashboard.state import View, unedited
from dashboard.widgets.chart import show_chart
from minspnet.concept_scores import Pair, untrue_pairs
from minspnet.domain import Domain


def show_ties(view: View, part: str) -> None:
    """Two tables side by side, and in a sentence where they differ most."""
    domain = cache.domain_of(view.model)
    known = cache_concepts.association(view.model, part, unedited(view))
    pairs = untrue_pairs(known)
    # Only what more cases would not be expected to undo is said.
    sure = [pair for pair in pairs if pair.interval[0] > 0 or pair.interval[1] < 0][:3]
    if sure:
        said = "; ".join(_told(domain, pair) for pair in sure)
        st.markdown(f"**The network ties findings otherwise than the truth does:** {said}.")
    else:
        st.markdown(
            "No two findings go together in the network otherwise than in truth, as far as these "
            "cases can tell."
        )
    names = [concept.title for concept in domain.concepts]
    for column, title, table in zip(
        st.columns(2, gap="large"),
        ("As the network grades them", "In truth"),
        (known.found, known.true),
        strict=True,
    ):
        with column:
            st.markdown(f"**{title}**")
            shown = np.where(np.eye(len(names), dtype=bool), np.nan, table)
            show_chart(
                draw_signed(names, names, shown.tolist(), 1.0, 2, "%{y} and %{x}: %{z:.2f}"),
                alt=f"Rank correlations between findings: {title.lower()}",
                key=f"ties-{title}",
            )
    count = sum(pair.interval[0] > 0 or pair.interval[1] < 0 for pair in pairs)
    st.caption(
        f"Spearman's rank correlation over {len(cache.part(view.model, part)):,} {part} cases: 1 "
        "if two findings rise together, −1 if one falls as the other rises. "
        f"Of {len(pairs)} pairs, {count} differ by more than chance would have it, each taken by "
        "itself (95% interval of the difference, over resampled "
        f"{cache_concepts.resampled(view.model, part)}s); 1 in 20 would by luck. Empty: "
        "a finding with itself, or one that never varies here."
    )


def _told(domain: Domain, pair: Pair) -> str:
    first, second = (text.plain(domain.concepts[k].title) for k in pair.concepts)
    low, high = pair.interval
    return (
        f"**{first}** and **{second}** {text.plain(signed(pair.found))}, in truth "
        f"{text.plain(signed(pair.true))} (difference "
        f"{text.plain(f'{signed(low)} to {signed(high)}')})"
    )
