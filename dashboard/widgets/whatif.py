"""What if the input were different: edit it, and the network runs anew on it."""

import math

import pandas as pd
import streamlit as st

from dashboard import cache, cache_case, text
from dashboard.cache_case import Edits
from dashboard.cell_words import cell
from dashboard.figures.pictures import as_drawn, thumbnail
from dashboard.format import brief, chance
from dashboard.state import View
from dashboard.widgets.tile import show_tile
from minspnet.domain import Feature
from minspnet.policy import Policy
from minspnet.trace import Trace, replay
from minspnet.whatif import FeatureChange, Span, stands_free

_KEY = "whatif"
_SHOWN = 6


def _entered(view: View, case_id: str) -> dict[int, float]:
    """What this session entered for a case; kept apart from widgets, which forget when shut."""
    kept: dict[int, float] = st.session_state.setdefault(_KEY, {}).setdefault(
        (view.model, case_id), {}
    )
    return kept


def show_whatif(view: View, case_id: str) -> None:
    """Inputs to change, then the answer before and after."""
    domain = cache.domain_of(view.model)
    entered = _entered(view, case_id)
    with st.spinner("Running the network ..."):
        if domain.modality == "tabular":
            _edit_columns(view, case_id, entered)
        elif domain.modality == "signal":
            _edit_channels(view, case_id, entered)
        elif not _edit_size(view, case_id, entered):
            return
        edits: Edits = tuple(sorted(entered.items()))
        after = cache_case.edited(view.model, case_id, edits) if edits else None
    st.button(
        "Reset to the case as it is",
        key="whatif-reset",
        disabled=not entered,
        on_click=entered.clear,
    )
    if after is None:
        st.caption("Nothing is changed yet.")
        return
    before = cache.one_case(view.model, case_id)
    _show_answers(view, before, after)
    left, right = st.columns(2, gap="large")
    with left:
        _show_findings(view, before, after)
    with right:
        _show_experts(view.policy, before, after)


# --- Edits ------------------------------------------------------------------------------


def _edit_columns(view: View, case_id: str, entered: dict[int, float]) -> None:
    columns = cache.features(view.model)
    known = cache_case.ranges(view.model)
    own = [float(value) for value in cache.case_inputs(view.model, case_id)]
    scan = cache_case.scanned(view.model, case_id, view.policy)
    st.caption(text.NOT_THE_PATIENT)
    _show_smallest(view, columns, own, scan.changes, entered)
    order = sorted(range(len(own)), key=lambda k: -float(scan.swings[k]))
    more = _picked(view, case_id, columns, order[_SHOWN:], entered) if order[_SHOWN:] else []
    shown = [*order[:_SHOWN], *more]
    for start in range(0, len(shown), 3):
        places = st.columns(3, gap="medium", vertical_alignment="bottom")
        for place, k in zip(places, shown[start : start + 3], strict=False):
            key = f"whatif-{view.model}-{case_id}-{k}"
            with place:
                _edit_column(key, k, columns[k], known[k], own, entered)
    st.caption(
        "Usual: where 9 in 10 training cases of some class lie. "
        f"{cache.domain_of(view.model).input_note}"
    )


def _picked(
    view: View, case_id: str, columns: list[Feature], further: list[int], entered: dict[int, float]
) -> list[int]:
    """Columns asked for beside the first few; one that is changed cannot be put away."""
    key = f"whatif-more-{view.model}-{case_id}"
    kept: list[int] = st.session_state.setdefault(f"{_KEY}-more", {}).setdefault(
        (view.model, case_id), []
    )

    def keep() -> None:
        kept[:] = st.session_state[key]

    st.session_state[key] = [k for k in further if k in kept or k in entered]
    st.multiselect(
        "Further measurements to change",
        further,
        format_func=lambda k: columns[k].title,
        key=key,
        on_change=keep,
        placeholder="Pick one",
        help="Shown below are those that can move this answer most within their usual range.",
    )
    return list(st.session_state[key])


def _edit_column(
    key: str, k: int, column: Feature, span: Span, own: list[float], entered: dict[int, float]
) -> None:
    now = entered.get(k, own[k])
    unit = f" {column.unit}" if column.unit else ""
    notes = [] if math.isnan(span.low) else [f"usual {brief(span.low)} to {brief(span.high)}{unit}"]
    if column.levels:
        notes = []
    elif not span.least <= now <= span.most:
        notes.append(f"**beyond all training cases** ({brief(span.least)} to {brief(span.most)})")
    if k in entered:
        notes.append(f"was {_told(column, own[k])}")
    label = text.plain(column.title)
    label = f"**{label}** {' · '.join(notes)}"

    def keep() -> None:
        value = st.session_state[key]
        if value is None or value == own[k]:
            entered.pop(k, None)
        else:
            entered[k] = float(value)

    # Seeded on every run, so that a widget that was shut comes back as it was left.
    if column.levels or (span.values and not math.isnan(own[k])):
        levels = tuple(map(float, range(len(column.levels)))) if column.levels else span.values
        options = sorted({*levels, own[k], now} - {math.nan})
        st.session_state[key] = now
        st.selectbox(
            label, options, key=key, on_change=keep, format_func=lambda v: _told(column, v)
        )
        return
    st.session_state[key] = None if math.isnan(now) else now
    st.number_input(
        label,
        value=None,
        step=1.0 if span.whole else _step(span),
        format="%.6g",
        key=key,
        on_change=keep,
        placeholder="missing",
    )


def _told(column: Feature, value: float) -> str:
    return cell(column, value, digits=6, unit=False)


def _step(span: Span) -> float:
    """A round twentieth, or so, of the usual range."""
    width = (span.high - span.low) / 20
    return float(10.0 ** math.floor(math.log10(width))) if width > 0 else 1.0


def _show_smallest(
    view: View,
    columns: list[Feature],
    own: list[float],
    changes: tuple[FeatureChange, ...],
    entered: dict[int, float],
) -> None:
    """The smallest changes of measurements that change the answer, to enter at a click."""
    domain = cache.domain_of(view.model)
    if not changes:
        st.write(
            "No change within the usual ranges was found that changes the answer: neither of a "
            "single measurement nor of up to four together."
        )
        return
    st.markdown(
        "**What would change the answer**, the smallest changes found by running the network:"
    )
    for number, one in enumerate(changes):
        told = text.listed(
            [
                f"**{text.plain(columns[k].title)}** {_told(columns[k], own[k])} → "
                f"{_told(columns[k], value)} {text.plain(columns[k].unit)}".rstrip()
                for k, value in zip(one.features, one.values, strict=True)
            ]
        )
        said, button = st.columns([6, 1], vertical_alignment="center")
        said.markdown(
            f"{told}: **{domain.classes[one.decided]}** :gray[· shift {one.shift:.2g} SD]"
        )
        button.button(
            "Enter this",
            key=f"enter-{number}",
            on_click=_enter,
            args=(entered, one),
            help="Puts these values in below, in place of what is there.",
            width="stretch",
        )
    st.caption(
        "Each measurement alone was tried at values all over its usual range; of several at once "
        "the search need not find the smallest change, but none of its parts can be left out. "
        "SD: standard deviations of the training cases."
    )


def _enter(entered: dict[int, float], one: FeatureChange) -> None:
    entered.clear()
    entered.update(zip(one.features, one.values, strict=True))


def _edit_channels(view: View, case_id: str, entered: dict[int, float]) -> None:
    channels = cache.features(view.model)
    key = f"whatif-{view.model}-{case_id}-channels"

    def keep() -> None:
        entered.clear()
        entered.update(dict.fromkeys(st.session_state[key], 0.0))

    st.session_state[key] = sorted(entered)
    st.multiselect(
        "Silence channels",
        range(len(channels)),
        format_func=lambda k: channels[k].title,
        key=key,
        on_change=keep,
        placeholder="Pick one",
        help="Each is held at its own mean, as a sensor would that is stuck there.",
    )
    st.caption(
        "How the network would answer if a sensor were stuck. Reshaping a signal is not offered: "
        "its channels record one event together, and a made-up one would fit no such event."
    )


def _edit_size(view: View, case_id: str, entered: dict[int, float]) -> bool:
    """Make what is shown larger or smaller; False where that makes no sense."""
    image = cache.picture(view.model, case_id)
    if not stands_free(image):
        st.write(
            "This picture reaches its own edge: what would come in from outside is not known, "
            "so it cannot be made smaller or larger without inventing it."
        )
        return False
    key = f"whatif-{view.model}-{case_id}-size"

    def keep() -> None:
        entered.clear()
        if st.session_state[key] != 100:
            entered[0] = st.session_state[key] / 100

    st.session_state[key] = round(100 * entered.get(0, 1.0))
    left, middle, right = st.columns([4, 1, 1], vertical_alignment="center")
    left.slider("Size (% of what it is)", 50, 150, step=5, key=key, on_change=keep)
    edits = tuple(sorted(entered.items()))
    now = as_drawn(cache_case.edited_inputs(view.model, case_id, edits))
    middle.image(thumbnail(image, 3), caption="as it is", width=96, alt="As it is")
    tried = f"at {st.session_state[key]}%"
    right.image(thumbnail(now, 3), caption=tried, width=96, alt=f"As tried, {tried}")
    cut = "" if stands_free(now) else " It now reaches the edge and is cut off there."
    left.caption(
        "The same shape at another size, about its centre. Smoothing is not offered: a softer edge "
        f"would say something else about how the picture came about.{cut}"
    )
    return True


# --- Before and after -------------------------------------------------------------------


def _show_answers(view: View, before: Trace, after: Trace) -> None:
    domain = cache.domain_of(view.model)
    was, now = replay(before, view.policy), replay(after, view.policy)
    first, then = int(was.predicted[0]), int(now.predicted[0])
    finding = len(domain.classes) - 1 if len(domain.classes) == 2 else first
    tiles = st.container(horizontal=True)
    show_tile(
        tiles,
        "It would say",
        domain.classes[then],
        "the same answer" if first == then else f"now it says {domain.classes[first]}",
    )
    show_tile(
        tiles,
        f"Chance of {domain.classes[finding]}",
        chance(float(now.probabilities[0, finding])),
        f"{chance(float(was.probabilities[0, finding]))} as it is",
    )
    names = before.tree.names
    if names:
        opened = [n for n, a, b in zip(names, was.active[0], now.active[0], strict=True) if b > a]
        closed = [n for n, a, b in zip(names, was.active[0], now.active[0], strict=True) if a > b]
        show_tile(
            tiles,
            "Experts that run",
            f"{int(now.active.sum())} of {len(names)}",
            f"{int(was.active.sum())} as it is",
        )
        said = [f"Opened: {text.listed(opened)}."] if opened else []
        said += [f"Closed: {text.listed(closed)}."] if closed else []
        st.write(text.plain(" ".join(said)) if said else "The same experts run.")


def _show_findings(view: View, before: Trace, after: Trace) -> None:
    domain = cache.domain_of(view.model)
    was = replay(before, view.policy).concepts[0]
    now = replay(after, view.policy).concepts[0]
    order = sorted(range(len(domain.concepts)), key=lambda k: -abs(float(now[k] - was[k])))
    held = {name for name, _ in view.policy.interventions}
    rows = []
    for k in order:
        concept = domain.concepts[k]
        rows.append(
            {
                "Finding": concept.title,
                "As it is": text.concept_value(concept, float(was[k])),
                "It would be": text.concept_value(concept, float(now[k])),
                "": "set by you" if concept.name in held else concept.unit,
            }
        )
    st.markdown("**Findings, the most moved first**")
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt="Findings before and after")


def _show_experts(policy: Policy, before: Trace, after: Trace) -> None:
    if not before.tree.names:
        st.write("This network has no experts: every case runs all of it.")
        return
    was, now = replay(before, policy).active[0], replay(after, policy).active[0]
    table = pd.DataFrame(
        {
            "Expert": before.tree.names,
            "Gate as it is": before.gates[0],
            "would be": after.gates[0],
            "Opens at": ["off" if t > 1 else f"{t:.3g}" for t in policy.gate_thresholds],
            "Runs": [_runs(bool(a), bool(b)) for a, b in zip(was, now, strict=True)],
        }
    )
    gate = st.column_config.NumberColumn(format="%.3f")
    st.markdown("**Experts and their gates**")
    st.dataframe(
        table,
        hide_index=True,
        alt="Each expert's gate before and after, and whether it runs",
        column_config={"Gate as it is": gate, "would be": gate},
    )


def _runs(was: bool, now: bool) -> str:
    if was == now:
        return "yes" if now else "no"
    return "opens" if now else "closes"
