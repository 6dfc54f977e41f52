"""Known cases like the one on screen."""

import pandas as pd
import streamlit as st

from dashboard import cache, text
from dashboard.figures.pictures import thumbnail
from dashboard.format import percent
from dashboard.state import View
from dashboard.widgets.classes import chips, class_column


def show_similar(view: View, case_id: str) -> None:
    """The nearest known cases, why they are near, and their known answers."""
    domain = cache.domain_of(view.model)
    st.header(
        "Known cases like it",
        help="Training cases whose findings weigh most alike in the answer. Similarity 100% "
        "means the same findings, 0% the opposite end of every scale; a finding counts as much "
        "as it can move the answer.",
    )
    near = cache.similar_cases(view.model, case_id, view.policy)
    labels = [domain.classes[label] for label in near.labels]
    if domain.modality == "image":
        row = st.container(horizontal=True)
        for known, label, alike in zip(near.ids, labels, near.similarity, strict=True):
            row.image(
                thumbnail(cache.picture(view.model, known)),
                caption=f"{label}, {percent(alike)} alike",
                width=128,
                alt=f"{domain.case_noun} {known}",
            )
    table = pd.DataFrame(
        {
            "Case": near.ids,
            "Known answer": chips(domain, near.labels),
            "Similarity": [percent(alike) for alike in near.similarity],
            "Alike in": [text.alike_in(domain, near.found, row) for row in range(len(near.ids))],
            "Differs most in": [text.apart_in(domain, near.found, r) for r in range(len(near.ids))],
            **{
                concept.title: [text.concept_value(concept, float(v)) for v in near.concepts[:, k]]
                for k, concept in enumerate(domain.concepts)
            },
        }
    )
    st.dataframe(
        table,
        hide_index=True,
        alt="Known cases like it, with their findings",
        column_config={
            "Case": st.column_config.TextColumn(pinned=True),
            "Known answer": class_column(domain),
            "Alike in": st.column_config.TextColumn(
                help="The findings that add most to the similarity, in points of 100; what every "
                "finding adds sums to it."
            ),
            "Differs most in": st.column_config.TextColumn(help="The one that takes most away."),
        },
    )
    said = domain.classes[near.predicted]
    agree = labels.count(said)
    verdict = "as" if 2 * agree >= len(labels) else "fewer than half, although"
    st.caption(
        f"{agree} of the {len(labels)} were {said}, {verdict} the network says {said} here. "
        "Their findings are as the network reads them."
    )
