"""What the network was given for a case."""

import pandas as pd
import streamlit as st

from dashboard import cache, text
from dashboard.figures.pictures import draw_picture
from dashboard.figures.signals import draw_signal
from dashboard.state import View
from dashboard.widgets.chart import show_chart


def show_inputs(view: View, case_id: str) -> None:
    """The picture, or every measurement with what is usual."""
    domain = cache.domain_of(view.model)
    st.header("What it was given")
    if domain.modality == "image":
        show_chart(
            draw_picture(cache.picture(view.model, case_id), None, domain.field_mm),
            key="picture",
            alt="The picture the network was given",
        )
        st.caption(domain.input_note)
        return
    if domain.modality == "signal":
        show_chart(
            draw_signal(
                cache.case_inputs(view.model, case_id),
                [f"{one.title} ({one.unit})" for one in cache.features(view.model)],
                domain.sample_rate_hz,
            ),
            key="signal",
            alt="Each channel of the signal the network was given, over time",
        )
        st.caption(domain.input_note)
        return
    table = cache.feature_table(view.model, case_id)
    shown = pd.DataFrame(
        {
            "Measurement": table["title"],
            "This case": table["value"],
            "Outside": table["outside"],
            "Usual": table["usual"],
        }
    )
    st.dataframe(
        shown,
        hide_index=True,
        height=min(420, 35 * (len(shown) + 1) + 3),
        alt="Each measurement of this case, with the range that is usual",
        column_config={
            "Measurement": st.column_config.TextColumn(width=170),
            "This case": st.column_config.TextColumn(alignment="right", width=110),
            "Outside": st.column_config.TextColumn(width=62),
        },
    )
    of = f" of {text.plain(domain.classes[0])}" if len(domain.classes) == 2 else ""
    st.caption(f"Usual: where 9 in 10 training cases{of} lie. {domain.input_note}")
