"""Operating points: named, compared, taken back, written to a file and read from one."""

from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from dashboard import cache, state, text, who
from dashboard.cache_routing import PART
from dashboard.format import flops, score
from dashboard.state import View, unedited
from dashboard.widgets.download import offer
from dashboard.widgets.reader import show_reader
from minspnet.access import Action
from minspnet.artifact import export_network
from minspnet.errors import UserError
from minspnet.operating import LONGEST_NAME, LONGEST_REASON, OperatingPoint, read

_NAME, _WHY = "point-name", "point-reason"
_SAID, _FAILED = "point-said", "point-failed"


def show_points(view: View) -> None:
    """What was saved, newest first; then saving, files."""
    loaded = cache.model(view.model)
    saved = cache.store().operating_points(loaded.digest)
    if saved:
        _show_saved(view, saved, _in_force(loaded.digest))
    else:
        st.write("None saved yet: the one chosen right after training is in force.")
    left, right = st.columns(2, gap="large")
    with left:
        _show_saving(view)
    with right:
        _show_file(view)


def _in_force(digest: str) -> OperatingPoint | None:
    """The newest point; none where it cannot be read, for then none of the saved ones is."""
    try:
        return cache.store().operating_point(digest)
    except UserError:
        return None


def _show_saved(
    view: View, saved: tuple[OperatingPoint, ...], in_force: OperatingPoint | None
) -> None:
    table = pd.DataFrame(
        [
            {
                "Name": point.name,
                "In force": "yes" if place == 0 and point == in_force else "",
                "Who": point.author,
                "Why": point.reason,
                "When": point.saved_at[:16].replace("T", " "),
                "Accuracy, validation": score(point.validation.accuracy),
                "Accuracy, test": score(point.test.accuracy),
                "AUC, test": score(point.test.auc),
                "FLOPs, test": flops(point.test.mean_macs),
                "Promised": "yes" if point.guarantee else "nothing",
                "Gate thresholds": ", ".join(_short(g) for g in point.policy.gate_thresholds),
            }
            for place, point in enumerate(saved)
        ]
    )
    event = st.dataframe(
        table,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key="saved-points",
        alt="Operating points saved for this model, the newest first",
    )
    rows = event["selection"]["rows"]
    if rows and rows[0] < len(saved):
        chosen = saved[rows[0]]
        st.write(text.plain(chosen.guarantee or "No guarantee was worked out for it."))
        with st.container(horizontal=True):
            st.button(
                f"Put {text.plain(chosen.name)} on the screen",
                on_click=state.change_policy,
                args=(chosen.policy,),
                disabled=unedited(view) == chosen.policy,
                key="take-point",
            )
            offer(
                "Export it",
                chosen.to_json,
                f"operating point: {chosen.name}",
                file_name=f"{view.model}-operating-point.json",
                mime="application/json",
                key="export-point",
            )
            loaded, domain = cache.model(view.model), cache.domain_of(view.model)
            offer(
                "Export the network with it (ONNX)",
                lambda: export_network(loaded, domain, chosen.policy),
                "network",
                file_name=f"{view.model}.onnx",
                mime="application/octet-stream",
                key="export-network",
                help="For ONNX Runtime, one case a run: the thresholds are inputs, these are what "
                "they are unless others are given.",
            )
    st.caption(
        "Select one to read what was promised of it, to put it on the screen or to export it; save "
        "it again to put it in force. Nothing is ever removed. Scored when it was saved."
    )


def _short(gate: float) -> str:
    return "off" if gate > 1 else f"{gate:.3g}"


def _show_saving(view: View) -> None:
    st.subheader("Put the policy on the screen in force")
    if refused := who.why_not(Action.OPERATING_POINT):
        st.write(refused)
        return
    # What is typed stays, whatever is looked up on other tabs and pages meanwhile.
    st.text_input("Name", max_chars=LONGEST_NAME, key=_NAME, persist_state="session")
    st.text_area(
        "Why",
        max_chars=LONGEST_REASON,
        key=_WHY,
        height=80,
        placeholder="It stands in the record: nothing is put in force without it",
        persist_state="session",
    )
    show_reader("Who decided: your name stands in the record")
    st.button("Save", type="primary", key="save-point", on_click=_save, args=(view,))
    if failed := st.session_state.pop(_FAILED, ""):
        st.error(text.plain(failed))
    if said := st.session_state.pop(_SAID, ""):
        st.success(text.plain(said))


def _save(view: View) -> None:
    try:
        point = _papers(view, st.session_state[_NAME], who.reader(), st.session_state[_WHY])
        who.doors().save_operating_point(point)
    except UserError as error:
        st.session_state[_FAILED] = str(error)
        return
    st.session_state[_NAME] = st.session_state[_WHY] = ""
    st.session_state[_SAID] = f"“{point.name}” is in force now."
    state.change_policy(point.policy)


def _papers(view: View, name: str, author: str, reason: str) -> OperatingPoint:
    """The policy on the screen, scored now."""
    return OperatingPoint.of(
        unedited(view),
        cache.model(view.model).digest,
        cache.outcomes(view.model, PART),
        cache.outcomes(view.model, "test"),
        name,
        author,
        reason,
        datetime.now(UTC).isoformat(timespec="seconds"),
        state.promised(view.model, unedited(view)),
    )


def _show_file(view: View) -> None:
    st.subheader("From a file")
    given = st.file_uploader(
        "Load an operating point that was exported", type="json", key="load-point"
    )
    if given is None:
        return
    loaded = cache.model(view.model)
    names = loaded.traces[PART].tree.names
    try:
        point = read(given.getvalue(), loaded.digest, names, _called)
    except UserError as error:
        st.error(text.plain(str(error)))
        return
    st.write(
        text.plain(f"{point.name}: decided by {point.author or 'nobody named'}, {point.reason}")
    )
    st.button(
        "Put it on the screen",
        key="take-file",
        disabled=unedited(view) == point.policy,
        on_click=state.change_policy,
        args=(point.policy,),
    )
    st.caption("Once on the screen, its figures are measured anew: see the tiles above.")


def _called(digest: str) -> str:
    """Title of the model with a hash; the hash where none of the models here has it."""
    for name in (name for group in cache.models().values() for name in group):
        if cache.model(name).digest == digest:
            return f"{cache.domain_of(name).title}, {cache.title_of(name)}"
    return f"a model that is not here (hash {digest[:12]})"
