"""The trainings: how each stands, and what can be done about it."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import cache_train, text, who
from dashboard.format import duration
from dashboard.widgets.train_job import offer_curves, show_progress, show_result
from minspnet.access import Action
from minspnet.errors import UserError
from minspnet.queue.job import RESUMABLE, UNDER_WAY
from minspnet.queue.progress import Record
from minspnet.queue.queue import Entry

Colour = Literal["blue", "green", "orange", "red", "gray"]
_BADGES: dict[str, tuple[str, Colour, str]] = {
    "waiting": ("waiting", "gray", ":material/schedule:"),
    "training": ("training", "blue", ":material/model_training:"),
    "baselines": ("scoring the usual models", "blue", ":material/leaderboard:"),
    "done": ("done", "green", ":material/check:"),
    "stopped": ("stopped", "orange", ":material/pause:"),
    "failed": ("failed", "red", ":material/error:"),
    "interrupted": ("interrupted", "orange", ":material/power_off:"),
}
_REFUSED = "train-refused"
_LATEST = 6
"""Trainings that ended and are shown at once."""


def is_moving() -> bool:
    """Whether anything may change without anyone's doing."""
    return cache_train.queue().is_worked_on() or cache_train.queue().is_starting()


def show_queue() -> None:
    """All jobs, those under way first."""
    if refused := st.session_state.pop(_REFUSED, ""):
        st.error(text.plain(refused))
    entries, unreadable = cache_train.queue().entries()
    if not entries and not unreadable:
        return
    st.subheader("Trainings")
    waiting = [entry for entry in entries if entry.state.status == "waiting"]
    if waiting and not is_moving():
        with st.container(horizontal=True, vertical_alignment="center"):
            st.warning("Nothing is being trained at the moment, and some wait.")
            _button("Go on", "go-on", "", _begin)
    ended = [entry for entry in entries if entry.state.status not in (*UNDER_WAY, "waiting")]
    earlier = ended[_LATEST:]
    for entry in entries:
        if entry not in earlier:
            _show_entry(entry, waiting)
    for job_id, sentence in unreadable.items():
        with st.container(border=True):
            st.error(text.plain(sentence))
            _button("Remove", "remove", job_id, partial(_remove, job_id))
    if earlier:
        place = st.expander(
            f"Earlier trainings ({len(earlier)})", key="train-earlier", on_change="rerun"
        )
        if place.open:
            with place:
                for entry in earlier:
                    _show_entry(entry, waiting)


def _show_entry(entry: Entry, waiting: list[Entry]) -> None:
    with st.container(border=True, key=f"job-{entry.id}"):
        _show_inside(entry, waiting)


def _show_inside(entry: Entry, waiting: list[Entry]) -> None:
    status = entry.state.status
    records = cache_train.progress(entry)
    label, colour, icon = _BADGES[status]
    row = st.container(horizontal=True, vertical_alignment="center")
    row.markdown(f"**{text.plain(entry.job.title)}**", width="content")
    row.badge("stopping" if entry.stopping else label, color=colour, icon=icon)
    row.space("stretch")
    # Together, so that on a narrow screen they go to a line of their own.
    actions = row.container(horizontal=True, width="content", gap="small")
    _show_actions(actions, entry, waiting, len(records))
    st.caption(text.plain(_sentence(entry, records, waiting)))
    if entry.state.error:
        st.error(text.plain(entry.state.error))
    if status in UNDER_WAY:
        show_progress(entry, records)
    elif status == "done":
        show_result(entry, records)
    elif records:
        offer_curves(entry, records)


def _sentence(entry: Entry, records: list[Record], waiting: list[Entry]) -> str:
    """Say in a line how it stands."""
    epochs, done = entry.job.training.epochs, len(records)
    job = entry.job
    kept = f"{done} of {epochs} epochs are kept"
    known = {
        "waiting": f"{_place(entry, waiting)} of {len(waiting)} in the queue"
        + (f"; {kept}" if done else ""),
        "training": f"Epoch {min(done + 1, epochs)} of {epochs}",
        "baselines": f"The network is trained; now “{entry.state.baseline}”, to compare with",
        "stopped": f"Stopped by you; {kept}: resume goes on from there as if nothing had happened",
        "interrupted": f"Its process ended before it was done; {kept}: resume goes on from there "
        "as if nothing had happened",
        "failed": f"It could not be finished; {kept}",
        "done": f"{done} epochs in {duration(sum(r['seconds'] for r in records))}",
    }[entry.state.status]
    since = datetime.fromisoformat(job.created)
    return (
        f"{known}. Data: {job.collection}, seed {job.seed}, asked for {since:%d %b %Y %H:%M} UTC."
    )


def _place(entry: Entry, waiting: list[Entry]) -> int:
    return [other.id for other in waiting].index(entry.id) + 1 if entry in waiting else 1


def _show_actions(row: DeltaGenerator, entry: Entry, waiting: list[Entry], done: int) -> None:
    status, job_id = entry.state.status, entry.id
    with row:
        if status == "waiting" and len(waiting) > 1:
            here = _place(entry, waiting)
            _button("Earlier", "up", job_id, partial(_move, job_id, True), disabled=here == 1)
            last = here == len(waiting)
            _button("Later", "down", job_id, partial(_move, job_id, False), disabled=last)
        if status in UNDER_WAY:
            stop = partial(_stop, job_id)
            _button("Stop", "stop", job_id, stop, disabled=entry.stopping)
        if status in RESUMABLE:
            _button("Resume", "resume", job_id, partial(_resume, job_id), primary=True)
        if status not in UNDER_WAY:
            _show_remove(entry, done)


def _show_remove(entry: Entry, done: int) -> None:
    remove = partial(_remove, entry.id)
    if entry.state.status == "done" or not done:
        said = "Takes it off this list; the model stays." if entry.state.status == "done" else ""
        _button("Remove", "remove", entry.id, remove, help=said or None)
        return
    with st.popover("Remove", key=f"train-ask-{entry.id}"):
        st.write(f"The {done} epochs it has trained are lost with it.")
        _button("Remove it all the same", "remove", entry.id, remove)


def _button(
    label: str,
    what: str,
    job_id: str,
    do: Callable[[], None],
    disabled: bool = False,
    primary: bool = False,
    help: str | None = None,
) -> None:
    """Do something to a job before the list is drawn anew; what cannot be done is said there."""
    refused = who.why_not(Action.TRAIN_MODEL)
    st.button(
        label,
        key=f"train-{what}-{job_id}" if job_id else f"train-{what}",
        disabled=disabled or bool(refused),
        type="primary" if primary else "secondary",
        help=refused or help,
        on_click=_try,
        args=(do,),
    )


def _try(do: Callable[[], None]) -> None:
    try:
        do()
    except UserError as error:
        st.session_state[_REFUSED] = str(error)


def _stop(job_id: str) -> None:
    who.doors().stop_training(job_id)


def _move(job_id: str, earlier: bool) -> None:
    who.doors().move_training(job_id, earlier)


def _remove(job_id: str) -> None:
    who.doors().remove_training(job_id)


def _resume(job_id: str) -> None:
    who.doors().resume_training(job_id)
    _begin()


def _begin() -> None:
    who.doors().begin_training()
