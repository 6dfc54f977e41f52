"""Which experts ran for a case, and what each added to each concept."""

import pandas as pd
import streamlit as st

from dashboard import cache, cache_routing, text
from dashboard.figures.contributions import draw_ledger, draw_waterfall
from dashboard.format import milliseconds, number
from dashboard.state import View
from dashboard.widgets.chart import show_chart
from dashboard.widgets.download import offer
from minspnet.trace import replay
from minspnet.waterfall import output_title


def show_experts(view: View, case_id: str) -> None:
    """The compute receipt, the waterfall by expert, and the full ledger."""
    _show_receipt(view, case_id)
    cache_routing.refresh_when_timed(view.model)
    _show_waterfall(view, case_id)
    st.markdown("**What each expert added through each finding**")
    _show_ledger(view, case_id)


def _show_receipt(view: View, case_id: str) -> None:
    loaded = cache.model(view.model)
    found = cache_routing.case_receipt(view.model, case_id, view.policy)
    kinds = [expert.gate for expert in loaded.spec.experts]
    rows = [
        {
            "Part": item.part,
            "FLOPs": f"{2 * item.macs:,}",
            "Time": "" if item.microseconds is None else milliseconds(item.microseconds / 1000),
            "Ran": item.reason or "yes",
            "Gate": item.gate,
            "Opens at": "" if item.gate is None else _opens_at(item.gate_threshold),
            "Kind of gate": kind,
        }
        for item, kind in zip(found.items, ["", *kinds], strict=True)
    ]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        alt="Each part, its gate and threshold, whether it ran, and what it cost",
        column_config={
            # What is asked first stands first, and fits a narrow screen.
            "Part": st.column_config.Column(width=116),
            "FLOPs": st.column_config.Column(width=72),
            "Time": st.column_config.Column(width=76),
            "Gate": st.column_config.ProgressColumn(min_value=0, max_value=1, format="%.3f"),
        },
    )
    took = f"{2 * found.macs:,} of {2 * found.total_macs:,} FLOPs"
    if found.microseconds is None:
        failed = cache_routing.no_time(view.model)
        took += f"; its time {'could not be' if failed else 'is being'} measured"
    else:
        took += f", {milliseconds(found.microseconds / 1000)} as a whole on {found.machine}"
    st.caption(
        f"{took}. An expert runs where its gate reaches the threshold and the expert before it "
        f"ran. Of the gates, {text.gates({e.gate for e in loaded.spec.experts}, 2, '; ')}."
    )
    offer(
        "Compute receipt (JSON)",
        found.to_json,
        f"receipt of {case_id}",
        file_name=f"{view.model}-{case_id}-receipt.json",
        mime="application/json",
        key="receipt",
    )


def _opens_at(gate_threshold: float | None) -> str:
    return "off" if gate_threshold is None or gate_threshold > 1 else f"{gate_threshold:.3g}"


def _show_waterfall(view: View, case_id: str) -> None:
    domain = cache.domain_of(view.model)
    fall = cache.waterfall(view.model, case_id, view.policy)
    active = replay(cache.one_case(view.model, case_id), view.policy).active[0]
    steps = [("stem and base exit", float(fall.base.sum()))]
    steps += [
        (name, float(added))
        for name, added, ran in zip(fall.experts, fall.by_expert, active, strict=True)
        if ran
    ]
    if view.policy.interventions:
        steps.append(("your changes", float(fall.edits.sum())))
    show_chart(
        draw_waterfall(
            fall.start,
            steps,
            fall.logit,
            "a typical case",
            "this case",
            text.odds_of(domain, *cache.told(view.model, case_id, view.policy)),
        ),
        key="waterfall-experts",
        alt="Waterfall of what each expert adds to the log-odds",
    )


def _show_ledger(view: View, case_id: str) -> None:
    domain = cache.domain_of(view.model)
    fall = cache.waterfall(view.model, case_id, view.policy)
    columns = [output_title(domain, name) for name in fall.outputs]
    active = replay(cache.one_case(view.model, case_id), view.policy).active[0]
    rows = {"stem and base exit": fall.base}
    rows |= {
        name: added
        for name, added, ran in zip(fall.experts, fall.shares, active, strict=True)
        if ran
    }
    if view.policy.interventions:
        rows["your changes"] = fall.edits
    show_chart(
        draw_ledger(list(rows), columns, [list(map(float, values)) for values in rows.values()]),
        key="ledger",
        alt="Table of what each expert adds to the log-odds through each finding",
    )
    rows["all together"] = fall.by_output
    table = pd.DataFrame(rows, index=columns).T.map(_exact)
    sums = [*(values.sum() for values in list(rows.values())[:-1]), fall.logit - fall.start]
    table["Sum"] = list(map(_exact, sums))
    told = text.odds_of(domain, *cache.told(view.model, case_id, view.policy))
    st.caption(
        f"Log-odds of {told}, compared with a typical case. Rows and columns sum to the "
        f"two waterfalls. {text.EXACT}"
    )
    st.markdown("**The same to the last digit, with the sums**")
    table.index.name = "From"
    st.dataframe(table, alt="What each expert adds through each finding, in numbers")
    st.caption(
        f"A typical case, {_exact(fall.start)}, and all together, "
        f"{_exact(fall.logit - fall.start)}, make the log-odds of this case: {_exact(fall.logit)}."
    )


def _exact(value: float) -> str:
    """Four decimals and a sign; a plain 0 for what rounds to nothing."""
    return number(value, 4, "+") if abs(value) >= 5e-5 else "0"
