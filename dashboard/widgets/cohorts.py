"""What the policy means for each class, and for cases alike in a finding."""

import pandas as pd
import streamlit as st

from dashboard import cache, cache_routing, text
from dashboard.format import flops, percent, score
from dashboard.state import View, unedited
from minspnet.cohorts import KNOWN_ANSWER
from minspnet.policy import Policy
from minspnet.titles import in_sentence


def show_cohorts(view: View, saved: Policy) -> None:
    """A table of accuracy and compute by cohort, and the same policy on test cases."""
    domain = cache.domain_of(view.model)
    titles = [KNOWN_ANSWER, *(concept.title for concept in domain.concepts)]
    by = st.selectbox("Cases by", titles, key="cohorts-by", width=320)
    table = cache_routing.cohort_effects(view.model, by, unedited(view), saved)
    if table.empty:
        st.write(f"All validation cases have the same {text.plain(in_sentence(by))}: no thirds.")
    else:
        _show_table(table)
    test = cache.score(view.model, "test", unedited(view))
    area = cache.auc(view.model, "test", unedited(view))
    with st.expander("The same policy on the test cases"):
        st.write(
            f"Accuracy **{score(test.accuracy)}**, AUC **{score(area)}**, "
            f"**{flops(test.mean_macs)}** per case. Look once, when you are done: a threshold "
            "chosen by its test score is no longer tested by it."
        )


def _show_table(table: pd.DataFrame) -> None:
    shares = [name for name in table.columns if name != "Cases"]
    table[shares] = table[shares].map(lambda share: percent(share, 1))
    table["Cases"] = table["Cases"].map("{:,}".format)
    st.table(table)
    st.caption(
        "Accuracy: share of the cohort's validation cases decided as labelled; for a class that is "
        "the share of its cases found (recall). Thirds are of the finding's true value."
    )
