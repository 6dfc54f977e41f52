"""The trainings: how each stands, and what can be done about it."""

import math
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import cache, cache_train, state, text
from dashboard.figures.progress import draw_answers, draw_losses, loss_terms
from dashboard.format import duration, percent, score
from dashboard.navigation import go_to
from dashboard.widgets.chart import show_chart
from minspnet.errors import UserError
from minspnet.queue.job import RESUMABLE, UNDER_WAY
from minspnet.queue.progress import Record, read_progress, seconds_left
from minspnet.queue.queue import Entry
from minspnet.queue.worker import start
from minspnet.workspace import Workspace

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


def is_moving() -> bool:
    """Whether anything may change without anyone's doing."""
    queue = cache_train.queue()
    return queue.is_worked_on() or queue.is_starting()


def show_queue() -> None:
    """All jobs, those under way first."""
    queue = cache_train.queue()
    if refused := st.session_state.pop(_REFUSED, ""):
        st.error(text.plain(refused))
    entries, unreadable = queue.entries()
    if not entries and not unreadable:
        return
    st.subheader("Trainings")
    waiting = [entry for entry in entries if entry.state.status == "waiting"]
    if waiting and not is_moving():
        with st.container(horizontal=True, vertical_alignment="center"):
            st.warning("Nothing is being trained at the moment, and some wait.")
            st.button("Go on", key="train-go-on", on_click=_begin)
    for entry in entries:
        with st.container(border=True, key=f"job-{entry.id}"):
            _show_entry(entry, waiting)
    for job_id, sentence in unreadable.items():
        with st.container(border=True):
            st.error(text.plain(sentence))
            _button("Remove", "remove", job_id, partial(queue.remove, job_id))


def _show_entry(entry: Entry, waiting: list[Entry]) -> None:
    status = entry.state.status
    records = read_progress(entry.folder)
    label, colour, icon = _BADGES[status]
    row = st.container(horizontal=True, vertical_alignment="center")
    row.markdown(f"**{text.plain(entry.job.title)}**", width="content")
    row.badge("stopping" if entry.stopping else label, color=colour, icon=icon)
    row.space("stretch")
    _show_actions(row, entry, waiting, len(records))
    st.caption(text.plain(_sentence(entry, records, waiting)))
    if entry.state.error:
        st.error(text.plain(entry.state.error))
    if status in UNDER_WAY:
        _show_progress(entry, records)
    elif status == "done":
        _show_result(entry, records)
    elif records:
        _show_curves(entry, records, opened=False)


def _sentence(entry: Entry, records: list[Record], waiting: list[Entry]) -> str:
    """Say in a line how it stands."""
    epochs, done = entry.job.training.epochs, len(records)
    job = entry.job
    kept = f"{done} of {epochs} epochs are kept"
    known = {
        "waiting": f"{_place(entry, waiting)} of {len(waiting)} in the queue"
        + (f"; {kept}" if done else ""),
        "training": f"Epoch {min(done + 1, epochs)} of {epochs}",
        "baselines": f"The network is trained; now {entry.state.baseline}, to compare with",
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
    queue, status, job_id = cache_train.queue(), entry.state.status, entry.id
    with row:
        if status == "waiting" and len(waiting) > 1:
            here = _place(entry, waiting)
            up = partial(queue.move, job_id, True)
            down = partial(queue.move, job_id, False)
            _button("Earlier", "up", job_id, up, disabled=here == 1)
            _button("Later", "down", job_id, down, disabled=here == len(waiting))
        if status in UNDER_WAY:
            stop = partial(queue.stop, job_id)
            _button("Stop", "stop", job_id, stop, disabled=entry.stopping)
        if status in RESUMABLE:
            _button("Resume", "resume", job_id, partial(_resume, job_id), primary=True)
        if status not in UNDER_WAY:
            _show_remove(entry, done)


def _show_remove(entry: Entry, done: int) -> None:
    remove = partial(cache_train.queue().remove, entry.id)
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
    st.button(
        label,
        key=f"train-{what}-{job_id}",
        disabled=disabled,
        type="primary" if primary else "secondary",
        help=help,
        on_click=_try,
        args=(do,),
    )


def _try(do: Callable[[], None]) -> None:
    try:
        do()
    except UserError as error:
        st.session_state[_REFUSED] = str(error)


def _resume(job_id: str) -> None:
    cache_train.queue().resume(job_id)
    _begin()


def _begin() -> None:
    start(Workspace.from_environment())


def _show_progress(entry: Entry, records: list[Record]) -> None:
    epochs = entry.job.training.epochs
    if entry.state.status == "baselines":
        st.progress(1.0, "Trained")
    else:
        left = seconds_left(records, epochs)
        said = "starting" if math.isnan(left) else f"about {duration(left)} left"
        if entry.job.training.patience and records:
            said += " at most"
        st.progress(len(records) / epochs, said)
    if records:
        _show_curves(entry, records, opened=True)


def _show_curves(entry: Entry, records: list[Record], opened: bool) -> None:
    """The numbers of the last epoch, then how they came about."""
    last, epochs = records[-1], entry.job.training.epochs
    place = st.container() if opened else st.expander("How it went")
    with place:
        row = st.container(horizontal=True)
        if (right := last.get("validation_accuracy")) is not None:
            row.metric(
                "Validation cases right",
                percent(right, 1),
                help="Of cases that it does not learn from, with the experts it practises.",
            )
        if (open_share := last.get("open_share")) is not None:
            row.metric(
                "Experts open",
                percent(open_share),
                help="Share of experts whose gate reaches one half, over the training cases.",
            )
        for name, value in loss_terms(last).items():
            row.metric(f"Loss: {name}", score(value), help="Mean over the last epoch.")
        left, right_column = st.columns(2)
        with left:
            show_chart(
                draw_losses(records, epochs),
                alt=f"Loss by epoch of {entry.job.title}, training {entry.id[-8:]}",
                key=f"losses-{entry.id}",
            )
        with right_column:
            show_chart(
                draw_answers(records, epochs),
                alt=f"Validation cases right and experts open by epoch of {entry.job.title}, "
                f"training {entry.id[-8:]}",
                key=f"answers-{entry.id}",
            )


def _show_result(entry: Entry, records: list[Record]) -> None:
    """The scores beside those of the usual models, and the way to the model."""
    name = entry.state.model
    if name not in [one for names in cache.models().values() for one in names]:
        st.caption(text.plain(f"The model {name} is no longer there."))
        return
    metrics = cache.model(name).metrics
    ours, usual = metrics["gated"], metrics["baselines"]
    row = st.container(horizontal=True, vertical_alignment="bottom")
    row.metric("Test accuracy", score(ours["accuracy"]))
    row.metric("Test AUC", score(ours["auc"]), help="On cases that it never saw.")
    if usual:
        best = max(usual, key=lambda one: usual[one]["auc"])
        row.metric(f"AUC of {best}", score(usual[best]["auc"]), help="Best of the usual models.")
    row.metric(
        "Compute saved",
        percent(1 - ours["mean_macs"] / metrics["total_macs"]),
        help="By not running experts where the answer is clear, mean over the test cases.",
    )
    if row.button(
        "Open it", key=f"train-open-{entry.id}", type="primary", icon=":material/arrow_forward:"
    ):
        state.open_model(name)
        go_to("overview")
    with st.expander("Beside the usual models"):
        table = {"MINSPNET, as routed": ours, "MINSPNET, all experts": metrics["all_on"]} | usual
        st.table(
            {
                "Model": list(table),
                "Accuracy": [score(one["accuracy"]) for one in table.values()],
                "AUC": [score(one["auc"]) for one in table.values()],
            }
        )
        st.caption(f"On the same {metrics['cases']['test']:,} test cases, once.")
    if records:
        _show_curves(entry, records, opened=False)
