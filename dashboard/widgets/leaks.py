"""How much more a concept says than its name."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import cache, cache_concepts, text
from dashboard.figures.concepts import draw_signed
from dashboard.format import number
from dashboard.state import View, unedited
from dashboard.widgets.chart import show_chart
from dashboard.widgets.tile import show_tile

_MEANING = (
    "A finding leaks if its grade also gives away another finding: the answer may then rest on "
    "something that its name does not say, and correcting it takes that away unseen."
)

_COLUMNS: dict[str, Any] = {
    name: st.column_config.TextColumn(help=meaning, width=width)
    for name, width, meaning in (
        (
            "AUC",
            56,
            "How well a small tree tells from the finding's grade whether the other one is "
            "above its median: 0.5 by chance, 1 always. It learns on half the cases and is scored "
            "on the rest.",
        ),
        ("in truth", 66, "The same from the finding's true value."),
        ("Itself", 56, "How well the finding's grade tells its own true value, as an AUC."),
        ("lost", 50, "By how much that is less than its true value would."),
    )
}


def show_leaks(view: View, part: str) -> None:
    """The score beside that of harmless errors, and which concept tells what."""
    domain = cache.domain_of(view.model)
    st.write(_MEANING)
    with st.spinner("Measuring leakage..."):
        found, kept, cases = cache_concepts.leaks(view.model, part, unedited(view))
    if found is None:
        st.info("Leakage needs 20 cases or more and two findings that vary; there are fewer here.")
        return
    score, harmless = float(np.mean(found.scores)), float(np.mean(found.harmless))
    row = st.container(horizontal=True)
    show_tile(
        row,
        "Leakage score",
        number(score, 2),
        f"{number(min(found.scores), 2)} to {number(max(found.scores), 2)} over "
        f"{len(found.scores)} halvings",
        help="Oracle impurity score (Espinosa Zarlenga et al. 2023): 0 for findings that tell of "
        "each other just what they tell in truth, about 1 for the most.",
    )
    show_tile(
        row,
        "With harmless errors",
        number(harmless, 2),
        f"{number(min(found.harmless), 2)} to {number(max(found.harmless), 2)}",
        help="The same score of findings that are off as much, but whose errors were dealt out "
        "among cases of a like true grade, so that they tell nothing of the case.",
    )
    more = min(found.scores) > max(found.harmless)
    st.markdown(
        f"**{'More than' if more else 'No more than'} its errors alone would bring about.** "
        + (
            "The findings tell of one another what they should not."
            if more
            else "Over all findings together, mere error of this size scores as high."
        )
    )
    concepts = [domain.concepts[k] for k in kept]
    excess = found.excess.copy()
    own = np.diag(excess).copy()
    np.fill_diagonal(excess, -np.inf)
    most = excess.argmax(axis=1)
    order = np.argsort(-excess.max(axis=1), kind="stable")
    top = order[0]
    if excess[top, most[top]] > 0:
        one, other = (text.plain(concepts[k].title) for k in (top, most[top]))
        st.markdown(
            f"The largest single one: **{one}** tells **{other}** with an AUC of "
            f"{found.told[top, most[top]]:.2f}, where in truth it would with "
            f"{found.oracle[top, most[top]]:.2f}."
        )
    much = [excess[i, most[i]] > 0 for i in order]
    left, right = st.columns([5, 4], gap="medium")
    with left:
        st.dataframe(
            pd.DataFrame(
                {
                    "Finding": [concepts[i].title for i in order],
                    "Gives away": [
                        concepts[most[i]].title if leaky else "none"
                        for i, leaky in zip(order, much, strict=True)
                    ],
                    "AUC": [f"{found.told[i, most[i]]:.2f}" for i in order],
                    "in truth": [f"{found.oracle[i, most[i]]:.2f}" for i in order],
                    "Itself": [f"{found.told[i, i]:.2f}" for i in order],
                    "lost": [f"{max(0.0, -own[i]):.2f}" for i in order],
                }
            ),
            hide_index=True,
            alt="What each finding gives away of another, and loses of itself",
            column_config=_COLUMNS,
        )
    with right:
        titles = [concept.title for concept in concepts]
        show_chart(
            draw_signed(
                titles,
                titles,
                found.excess.tolist(),
                0.3,
                2,
                "%{y} tells %{x}: AUC %{z:+.2f} against the truth",
            ),
            alt="How much better each finding tells each other one than it should",
            key="leaks",
        )
    sampled = len(cache.part(view.model, part))
    few = f", drawn from {sampled:,}" if cases < sampled else ""
    dropped = [c.title for k, c in enumerate(domain.concepts) if k not in kept]
    left_out = (
        f" Left out, as they hardly vary: {text.plain(text.listed(dropped))}." if dropped else ""
    )
    st.caption(
        f"{cases:,} {part} cases{few}. Orange: the finding of the row tells more of that of the "
        "column than it would in truth; blue: less. On the diagonal, what it tells of itself."
        f"{left_out}"
    )
