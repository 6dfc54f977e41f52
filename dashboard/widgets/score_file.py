"""A file of new cases: what it needs, whether it fits, and the work on it."""

from pathlib import Path
from typing import Literal

import pandas as pd
import streamlit as st

from dashboard import batch as batches
from dashboard import cache, state, text, who
from dashboard.batch import Batch
from dashboard.format import brief
from dashboard.state import View, unedited
from dashboard.widgets.download import offer
from dashboard.widgets.score_results import show_results
from minspnet.access import Action
from minspnet.background import NO_UNIT
from minspnet.batch.needs import Need, missing
from minspnet.batch.tables import column_names
from minspnet.errors import UserError
from minspnet.predict import answers_of, id_column, needs_of, open_cases, scale_of

_TABLES, _ARRAYS = ["csv", "tsv", "txt", "parquet"], ["npz", "npy"]
_PICTURES = ["zip"]


def show_model(view: View) -> None:
    """Choose who scores; the model on the other pages by default."""
    names = [name for group in cache.models().values() for name in group]
    st.session_state["score-model"] = view.model
    st.selectbox(
        "Model",
        names,
        format_func=lambda name: f"{cache.domain_of(name).title}: {cache.title_of(name)}",
        key="score-model",
        on_change=lambda: state.open_model(st.session_state["score-model"]),
        help="The thresholds in force for it decide. Choosing another one changes it on every "
        "page.",
    )


def show_upload(view: View) -> Batch | None:
    """Ask for a file, and say at once whether the model can read it."""
    domain, loaded = cache.domain_of(view.model), cache.model(view.model)
    tabular = domain.modality == "tabular"
    given = st.file_uploader(
        "File of new cases",
        type=_ARRAYS + {"tabular": _TABLES, "image": _PICTURES}.get(domain.modality, []),
        key=f"score-file-{view.model}",
        help="It is kept for this session only, and nothing in it is run.",
    )
    if given is None:
        batches.keep(None)
        (_show_needs if tabular else _show_shape)(view)
        return None
    key = (given.file_id, view.model, unedited(view))
    batch = batches.current()
    if batch is None or batch.key != key:
        batch = Batch(key, Path(given.name).suffix.lower(), given)
        batches.keep(batch)
    try:
        open_cases(batch.source, loaded)
    except UserError as error:
        st.error(text.plain(str(error)))
        if tabular and batch.source.suffix[1:] in _TABLES:
            _show_missing(needs_of(loaded), batch.source)
        return None
    return batch


def _show_needs(view: View) -> None:
    """The columns that a table has to have, and an example of one."""
    model = cache.model(view.model)
    needed, answers = needs_of(model), answers_of(model)
    noun = cache.domain_of(view.model).case_noun
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{text.counted(len(needed), 'column')} needed**, one {noun} a row. Column "
            f"`{id_column(model)}` is passed through, and answers in `{answers.column}` are "
            "compared, if they are there; others are left alone."
        )
        offer(
            "Example (CSV)",
            lambda: batches.example(view.model),
            "example cases",
            file_name=f"{view.model}-example.csv",
            mime="text/csv",
            key="score-example",
            help="Five test cases of this model: fill your own into it.",
        )
    st.dataframe(
        _needs_table(needed),
        hide_index=True,
        alt="The columns that the model reads, with units, and what empty cells count as",
    )
    st.write(
        "Larger files: `python -m minspnet predict MODEL FILE --out results.parquet` scores "
        "millions of rows in bounded memory."
    )


def _needs_table(needed: tuple[Need, ...]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Column": [need.feature.name for need in needed],
            "What it holds": [need.feature.title for need in needed],
            "Unit or levels": [
                ", ".join(need.feature.levels) or need.feature.unit or NO_UNIT for need in needed
            ],
            "An empty cell": [
                "is known as such" if need.may_lack else "gets training's median" for need in needed
            ],
            "Counts as missing": [", ".join(need.feature.missing) for need in needed],
        }
    )


def _show_missing(needed: tuple[Need, ...], source: Path) -> None:
    """Which of the columns are there, the missing ones first."""
    try:
        lacking = missing(needed, column_names(source))
    except UserError:
        return  # no table at all, as was said
    table = _needs_table(needed)
    table.insert(1, "In your file", ["missing" if c in lacking else "found" for c in table.Column])
    st.dataframe(
        table.sort_values("In your file", ascending=False, kind="stable"),
        hide_index=True,
        alt="The columns that the model reads, and whether the file has them",
    )


def _show_shape(view: View) -> None:
    shape = ", ".join(map(str, cache.model(view.model).spec.input_shape))
    domain = cache.domain_of(view.model)
    black, white = scale_of(cache.model(view.model))
    values = "whole numbers from 0 to 255, or fractions from 0 to 1"
    if black or white:
        values = f"numbers from {brief(black, 6)} (black) to {brief(white, 6)} (white)"
    array = f"(`.npz` or `.npy`): an array of shape (case, {shape})"
    if domain.modality == "image":
        st.markdown(
            "**A zip of picture files is needed**, which are brought to the size that the model "
            f"reads; their names are kept. Or a numpy file {array}, {values}."
        )
    else:
        st.markdown(
            f"**A numpy file is needed** {array}, in the channels' units: {_channels(view)}."
        )
    st.caption(text.plain(domain.input_note))


def _channels(view: View) -> str:
    features = cache.domain_of(view.model).features
    return ", ".join(f"{one.title} ({one.unit})" if one.unit else one.title for one in features)


def show_work(batch: Batch) -> None:
    """Start, follow and stop the work; then what came of it."""
    job = batch.job
    if job is None:
        st.success("The file is one that this model reads; rows are read when they are scored.")
        _offer_start(batch, "Score this file", "primary")
        return
    if job.under_way:
        st.fragment(_follow, run_every=0.7)(batch)
        return
    if job.state == "done":
        show_results(batch)
        return
    said = text.plain(job.error) if job.state == "failed" else "Stopped; nothing was kept."
    (st.error if job.state == "failed" else st.info)(said)
    _offer_start(batch, "Score it again", "secondary")


def _offer_start(batch: Batch, label: str, kind: Literal["primary", "secondary"]) -> None:
    """Whoever starts the work is asked for when it begins, in a thread of its own."""
    refused = who.why_not(Action.SCORE_FILE)
    st.button(
        label,
        type=kind,
        on_click=lambda: batch.start(who.doors()),
        key="score-start",
        disabled=bool(refused),
        help=refused or None,
    )


def _follow(batch: Batch) -> None:
    job, now = batch.job, batch.progress
    if job is None or not job.under_way:
        st.rerun()
        return
    left, right = st.columns([5, 1], vertical_alignment="center")
    rejected = f", {now.rejected:,} could not be read" if now.rejected else ""
    left.progress(
        min(now.done, 1.0),
        f"{now.scored:,} cases scored{rejected}. The page stays usable.",
    )
    right.button("Stop", on_click=job.stop, width="stretch", key="score-stop")
