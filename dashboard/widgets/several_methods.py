"""One case by several methods: what each says, and whether they say the same."""

from itertools import combinations

import numpy as np
import streamlit as st

from dashboard import cache, cache_attributions, heavy, text
from dashboard.attribution_words import FIRST, METHODS, UNSIGNED
from dashboard.figures.attributions import draw_side_by_side
from dashboard.figures.contributions import draw_bars, draw_ledger
from dashboard.figures.pictures import by_patch, draw_picture
from dashboard.figures.signals import draw_signal
from dashboard.format import number, signed
from dashboard.state import View
from dashboard.widgets.chart import show_chart
from dashboard.widgets.doubt import show_doubt
from minspnet.titles import in_sentence
from minspnet.trace import replay
from minspnet.trust import Mean, likeness, top_places
from minspnet.waterfall import RESIDUAL, output_title

_MOST = 10
_TOP = 3


def show_case(view: View, case_id: str) -> None:
    """Methods to choose, their values beside each other, and how far they agree."""
    domain = cache.domain_of(view.model)
    told, against = cache.told(view.model, case_id, view.policy)
    methods = st.multiselect(
        "Methods side by side",
        cache_attributions.methods(view.model),
        default=FIRST,
        format_func=lambda method: METHODS[method].title,
        key="attributions-methods",
        help="\n".join(f"- {said.title}: {said.meaning}" for said in METHODS.values()),
    )
    if not methods:
        st.info("Choose at least one method.")
        return
    with st.spinner("Asking each method ..."):
        values = {method: _values(view, case_id, method) for method in methods}
    st.caption(
        f"What speaks for **{text.plain(text.odds_of(domain, told, against))}** (orange) and what "
        f"against it (blue). {text.HELD_ROUTING.partition(', because')[0]}."
    )
    if domain.modality == "tabular":
        _show_table(view, case_id, values)
    else:
        _show_overlays(view, case_id, values)
    _show_agreement(view, values)
    for method in methods:
        show_doubt(view, method)


def _asked(view: View, case_id: str) -> tuple[tuple[bool, ...], str, tuple[tuple[int, float], ...]]:
    """The routing held, what is explained, and the concepts held by hand."""
    told, against = cache.told(view.model, case_id, view.policy)
    active = replay(cache.one_case(view.model, case_id), view.policy).active[0]
    names = cache.domain_of(view.model).concept_names
    edits = tuple((names.index(name), value) for name, value in view.policy.interventions)
    return tuple(map(bool, active)), f"class:{told}:{against}", edits


def _values(view: View, case_id: str, method: str) -> np.ndarray:
    active, target, edits = _asked(view, case_id)
    return cache.attribution(view.model, case_id, active, method, target, edits).values


def _shares(values: np.ndarray) -> np.ndarray:
    total = float(np.abs(values).sum())
    return values / total if total else values


def _show_table(view: View, case_id: str, values: dict[str, np.ndarray]) -> None:
    table = cache.feature_table(view.model, case_id)
    every = np.stack(list(values.values()), axis=1)
    shares = np.apply_along_axis(_shares, 0, every)
    order = np.argsort(-np.abs(shares).mean(axis=1), kind="stable")[:_MOST]
    names = [
        f"{title} = {value}" for title, value in zip(table["title"], table["value"], strict=True)
    ]
    titles = [METHODS[method].title.partition(" (")[0] for method in values]
    show_chart(
        draw_side_by_side([names[k] for k in order], titles, shares[order], every[order]),
        key="attributions-case",
        alt="What each method says of this case's most important measurements",
    )
    rest = len(names) - len(order)
    said = f" The {rest} others are left out." if rest else ""
    st.caption(f"Per cent of all that the method hands out; log-odds on hovering.{said}")


def _show_overlays(view: View, case_id: str, values: dict[str, np.ndarray]) -> None:
    domain = cache.domain_of(view.model)
    several = 3 if domain.modality == "image" else 2
    for start in range(0, len(values), several):
        columns = st.columns(several)
        for column, (method, found) in zip(
            columns, list(values.items())[start : start + several], strict=False
        ):
            with column:
                st.markdown(f"**{METHODS[method].title}**")
                axis = "" if method in UNSIGNED else "log-odds added"
                if domain.modality == "image":
                    image = cache.picture(view.model, case_id)
                    chart = draw_picture(image, by_patch(found.sum(axis=0)), domain.field_mm, axis)
                else:
                    chart = draw_signal(
                        cache.case_inputs(view.model, case_id),
                        [feature.title for feature in cache.features(view.model)],
                        domain.sample_rate_hz,
                        found,
                        axis,
                    )
                show_chart(
                    chart,
                    key=f"attributions-case-{method}",
                    alt=f"What each place adds to the log-odds by {METHODS[method].title}",
                )


def _show_agreement(view: View, values: dict[str, np.ndarray]) -> None:
    """Say in a sentence whether the methods tell the same story."""
    if len(values) < 2:
        return
    heavy.load()
    from minspnet.attribution.routed import place_sums

    sums = {method: place_sums(found) for method, found in values.items()}
    pairs = [
        likeness(sums[a], sums[b], a not in UNSIGNED and b not in UNSIGNED)
        for a, b in combinations(sums, 2)
    ]
    mean = Mean.of(pairs).value
    word = "tell much the same story" if mean >= 0.8 else "partly agree"
    word = word if mean >= 0.4 else "**do not agree**: trust none of them alone"
    shared = set.intersection(*(set(top_places(one, _TOP)) for one in sums.values()))
    said = f"These {len(values)} methods {word} (mean rank correlation {number(mean, 2)})."
    if cache.domain_of(view.model).modality == "tabular":
        names = [feature.title for feature in cache.features(view.model)]
        told = text.listed([f"**{text.plain(in_sentence(names[k]))}**" for k in sorted(shared)])
        said += (
            f" All name {told} among their first {_TOP}."
            if shared
            else (f" No measurement is among the first {_TOP} of all.")
        )
    else:
        said += f" {len(shared)} of their {_TOP} strongest places are the same."
    st.markdown(said)


def show_stages(view: View, case_id: str) -> None:
    """Which stage or expert carried the answer, and where the network attended."""
    domain = cache.domain_of(view.model)
    active, target, edits = _asked(view, case_id)
    with st.spinner("Following the parts ..."):
        found = cache_attributions.stages(view.model, case_id, active, target, edits)
        maps = cache_attributions.attention(view.model, case_id, active)
    told, against = cache.told(view.model, case_id, view.policy)
    sums = {part: float(values.sum()) for part, values in found.items()}
    titles = [concept.title for concept in domain.concepts]
    past = len(next(iter(found.values()))) - len(titles)
    titles += [output_title(domain, f"{RESIDUAL}{k}") for k in range(1, past + 1)]
    st.markdown("**What each part that ran carried from the inputs to the answer**")
    if len(sums) == 1:
        st.write("No expert ran for this case: the short way carried all of it.")
    show_chart(
        draw_bars(list(sums), list(sums.values()), [""] * len(sums), "log-odds carried"),
        key="attributions-stages",
        alt="What each part carried from the inputs to the log-odds",
    )
    st.markdown("**The same through each finding**")
    kept = [k for k in range(len(titles)) if any(abs(v[k]) >= 0.005 for v in found.values())]
    show_chart(
        draw_ledger(
            list(found),
            [titles[k] for k in kept],
            [[float(values[k]) for k in kept] for values in found.values()],
        ),
        key="attributions-stages-findings",
        alt="What each part carried through each finding, in log-odds",
    )
    st.caption(
        f"Layer conductance: log-odds of {text.plain(text.odds_of(domain, told, against))} that "
        "flow through what each part adds, on the way from the baseline to this case; together "
        f"{signed(sum(sums.values()))}. A look that replaces the finding of the one before "
        "carries only what it changes."
    )
    if not maps:
        st.caption(
            "Attention maps: none of the parts that ran pools by attention, so that there is "
            "nothing of the kind to show."
        )
    for part, weights in maps.items():
        st.markdown(f"**Where {text.plain(part)} attended**")
        flat = weights.ravel()
        show_chart(
            draw_bars(
                [f"feature {k + 1}" for k in np.argsort(-flat)[:_MOST]],
                [float(w) for w in -np.sort(-flat)[:_MOST]],
                [""] * min(_MOST, len(flat)),
                "weight",
            )
            if weights.ndim == 1
            else draw_picture(
                cache.picture(view.model, case_id), _stretched(weights, view), domain.field_mm
            ),
            key=f"attributions-attention-{part}",
            alt=f"Where {part} attended",
        )


def _stretched(weights: np.ndarray, view: View) -> np.ndarray:
    """Spread a coarse grid of weights over the picture's pixels."""
    sides = cache.model(view.model).spec.input_shape[-2:]
    rows, columns = (
        np.arange(side) * cells // side for side, cells in zip(sides, weights.shape, strict=True)
    )
    spread: np.ndarray = weights[np.ix_(rows, columns)]
    return spread
