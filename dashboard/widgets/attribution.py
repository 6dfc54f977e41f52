"""Which inputs pushed the decision, by captum, with the routing held."""

import pandas as pd
import streamlit as st

from dashboard import cache, cache_attributions, text
from dashboard.attribution_words import METHODS
from dashboard.figures.contributions import draw_bars
from dashboard.figures.pictures import by_patch, draw_picture, side_of_squares
from dashboard.figures.signals import draw_signal
from dashboard.format import number, signed
from dashboard.state import View
from dashboard.widgets.chart import show_chart
from dashboard.widgets.doubt import show_doubt
from minspnet.patches import STRETCH
from minspnet.trace import replay

_BASELINES = {
    "image": "an empty picture",
    "signal": "an empty signal",
    "tabular": "the mean case",
}
_MOST = 10


def show_attribution(view: View, case_id: str) -> None:
    """Method and target to choose, then the bars or the picture."""
    domain = cache.domain_of(view.model)
    told, nearest = cache.told(view.model, case_id, view.policy)
    others = [nearest, *(k for k in range(len(domain.classes)) if k not in (told, nearest))]
    targets = {f"class:{told}:{k}": f"the answer ({text.odds_of(domain, told, k)})" for k in others}
    targets |= {f"concept:{k}": concept.title for k, concept in enumerate(domain.concepts)}
    left, right = st.columns(2)
    method = left.selectbox(
        "Method",
        cache_attributions.methods(view.model),
        format_func=lambda one: METHODS[one].title,
    )
    target = right.selectbox("What is explained", list(targets), format_func=targets.__getitem__)
    active = replay(cache.one_case(view.model, case_id), view.policy).active[0]
    names = list(domain.concept_names)
    edits = tuple((names.index(name), value) for name, value in view.policy.interventions)
    with st.spinner("Following the gradients ..."):
        found = cache.attribution(
            view.model, case_id, tuple(map(bool, active)), method, target, edits
        )
    if domain.modality == "image":
        image = cache.picture(view.model, case_id)
        show_chart(
            draw_picture(
                image,
                by_patch(found.values.sum(axis=0)),
                domain.field_mm,
                _axis(method),
            ),
            key="attribution",
            alt="The picture with what each place adds to the log-odds",
        )
        side = side_of_squares(image, domain.field_mm)
        st.caption(f"Summed over squares of {side}: single pixels alternate in sign.")
    elif domain.modality == "signal":
        show_chart(
            draw_signal(
                cache.case_inputs(view.model, case_id),
                [feature.title for feature in cache.features(view.model)],
                domain.sample_rate_hz,
                found.values,
                _axis(method),
            ),
            key="attribution",
            alt="The signal with what each stretch of a channel adds to the log-odds",
        )
        length = STRETCH / domain.sample_rate_hz
        st.caption(f"Summed over stretches of {length:.2g} s: single samples alternate in sign.")
    else:
        _show_bars(view, case_id, found.values, method)
    if found.convergence_delta is not None:
        gap = abs(found.logit - found.baseline_logit)
        share = abs(found.convergence_delta) / gap if gap else 0.0
        st.caption(
            f"Compared with {_BASELINES[domain.modality]}. The values should sum to "
            f"{signed(found.logit - found.baseline_logit)} and miss it by {share:.1%} (convergence "
            f"delta {number(found.convergence_delta, 4, '+')})."
        )
    elif cache.model(view.model).spec.binary and target.startswith("class"):
        st.caption(text.STEPS)
    else:
        st.caption("This method does not promise that its values sum to the answer.")
    st.caption(text.HELD_ROUTING)
    show_doubt(view, method)


def _axis(method: str) -> str:
    return "size of the gradient, per spread" if method == "saliency" else "log-odds added"


def _show_bars(view: View, case_id: str, values: object, method: str) -> None:
    table: pd.DataFrame = cache.feature_table(view.model, case_id).assign(added=values)
    top = table.reindex(table["added"].abs().sort_values(ascending=False).index).head(_MOST)
    notes = [
        f"{value}; usual {where}" for value, where in zip(top["value"], top["usual"], strict=True)
    ]
    names, shown = list(top["title"]), list(top["added"])
    if method != "saliency":
        names.append("all others")
        shown.append(float(table["added"].sum() - top["added"].sum()))
        notes.append("together")
    show_chart(
        draw_bars(names, shown, notes, _axis(method)),
        key="attribution",
        alt="What each measurement adds to the log-odds",
    )
