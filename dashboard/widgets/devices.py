"""Which devices a policy fits, and the list of them to edit."""

import pandas as pd
import streamlit as st

from dashboard import cache, cache_routing, text, who
from dashboard.cache_routing import PART
from dashboard.format import milliseconds
from dashboard.state import View, unedited
from minspnet.access import Action
from minspnet.devices import Device, check, fit
from minspnet.errors import UserError

_COLUMNS = {
    "name": "Device",
    "cores": "Cores",
    "mhz": "MHz",
    "macs_per_cycle": "MACs a cycle and core",
    "memory_kb": "Memory, kB",
    "most_ms": "Allowed, ms a case",
    "ns_per_mac": "Measured, ns a MAC",
}


def show_devices(view: View) -> None:
    """Fits or does not, with the assumption; then the list."""
    loaded = cache.model(view.model)
    score = cache.score(view.model, PART, unedited(view))
    trunk, experts = cache_routing.weights(view.model)
    features = cache_routing.features(view.model)
    devices = cache.store().devices()
    rows = []
    for device in devices:
        found = fit(device, score.mean_macs, loaded.cost.total, trunk + sum(experts), features)
        rows.append(
            {
                "Device": device.name,
                "Verdict": "fits" if found.fits else f"does not fit: {found.reason}",
                "Mean time (allowed)": f"{milliseconds(found.mean_ms)} ({device.most_ms:g} ms)",
                "All experts": milliseconds(found.slowest_ms),
                "Memory (there is)": f"{found.memory_kb:,.0f} kB ({device.memory_kb:,.0f})",
                "Assumed": device.assumption,
            }
        )
    if (latency := cache_routing.latency(view.model)) is not None:
        mean = cache_routing.mean_price(view.model, "ms", score)
        rows.append(
            {
                "Device": "This machine",
                "Verdict": "measured",
                "Mean time (allowed)": milliseconds(mean),
                "All experts": milliseconds(latency.all_on),
                "Memory (there is)": "",
                "Assumed": f"nothing: ONNX Runtime on {latency.machine.processor}, one thread",
            }
        )
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt="Which devices the policy fits")
    st.caption(
        f"{trunk + sum(experts):,} stored numbers, and {features:,} held at once while a case "
        "runs, 4 bytes each. It fits if the mean time and the memory do; a case for which every "
        "expert runs may take longer. Time is worked out from MACs, not measured there: put in ns "
        "a MAC from a run on the device and it takes the place of clock and cores."
    )
    with st.expander("Edit the list"):
        if refused := who.why_not(Action.DEVICES):
            st.write(refused)
            return
        table = pd.DataFrame([device.to_dict() for device in devices])
        fractions = table.columns.difference(["name", "cores"])
        table[fractions] = table[fractions].astype(float)
        edited = st.data_editor(
            table,
            hide_index=True,
            num_rows="dynamic",
            key="device-list",
            alt="The list of devices, to edit",
            column_config=_COLUMNS,
        )
        if st.button("Keep this list", key="keep-devices"):
            try:
                kept = check([as_device(row) for row in edited.to_dict("records")])
                who.doors().save_devices(kept)
            except UserError as error:
                st.error(text.plain(str(error)))
            else:
                st.rerun(scope="fragment")


def as_device(row: dict[str, object]) -> Device:
    """One row of the editor; a cell left empty is what the recipe then refuses by name."""
    filled = {name: None if pd.isna(cell) else cell for name, cell in row.items()}
    filled["ns_per_mac"] = filled["ns_per_mac"] or 0.0
    whole = filled["cores"]
    filled["cores"] = int(whole) if isinstance(whole, float) and whole.is_integer() else whole
    return Device.from_dict(filled)
