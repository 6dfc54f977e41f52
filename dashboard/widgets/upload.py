"""Bringing a file in, and what was found in it."""

import os
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from dashboard import drafts, heavy, picture_drafts, text, who
from dashboard.drafts import Draft
from dashboard.picture_drafts import ENDINGS, PictureDraft
from minspnet.access import Action
from minspnet.errors import UserError
from minspnet.sheets.grid import SEPARATORS
from minspnet.workspace import Workspace

DRAFT = "data-draft"
"""Where the session keeps the task that is being described."""
_SEEN = "data-seen"
_REFUSED = "data-refused"
LOCAL_FILES = "MINSPNET_LOCAL_FILES"
"""Set to 1 on a machine of one's own, it lets the page read a file by its path."""
_GRAVE = (
    "copy", "leak", "slips", "marks", "limit", "spelling", "imbalance", "repeated", "missing",
    "few", "unlabelled",
)  # fmt: skip
_MOST_TOLD = 5


def may_bring() -> bool:
    """Whether whoever acts may bring data; if not, the page says why."""
    refused = who.why_not(Action.BRING_DATA)
    if refused:
        st.write(refused)
    return not refused


def show_upload() -> Draft | PictureDraft | None:
    """Ask for a file; gives the task in work, if there is one."""
    given = st.file_uploader(
        "A table, or a zip or npz of pictures: one folder a class",
        # Workbooks and Parquet are told how to come in, in a sentence of ours.
        type=["csv", "tsv", "txt", "data", "dat", "xlsx", "xls", "parquet", *ENDINGS],
        key="data-file",
        help="A table is CSV or its like: one case a row, one column with the answer; encoding, "
        "separator and decimal commas are found out. Pictures lie in a zip, in one folder for "
        "each answer or with a labels.csv; or in an npz of numpy, as images and labels. Nothing "
        "in the file is run, and it stays on this server.",
    )
    if given is not None and st.session_state.get(_SEEN) != given.file_id:
        st.session_state[_SEEN] = given.file_id
        _open(given.name, given.getvalue())
    if may_read_paths():
        path = st.text_input(
            "Or the path of a file or folder on this computer",
            key="data-path",
            placeholder="/home/…/table.csv",
        )
        if path and st.session_state.get(_SEEN) != path:
            st.session_state[_SEEN] = path
            _open(Path(path).name, Path(os.path.expanduser(path)))
    if refused := st.session_state.get(_REFUSED):
        st.error(text.plain(refused))
    told: Draft | PictureDraft | None = st.session_state.get(DRAFT)
    return told


def _open(name: str, source: Path | bytes) -> None:
    """Begin a task with a file; a bad one is said, and leaves what there was before."""
    heavy.load()
    whole_folder = isinstance(source, Path) and source.is_dir()
    pictures = whole_folder or name.lower().endswith(ENDINGS)
    begin = picture_drafts.begin if pictures else drafts.begin
    try:
        who.doors().bring_data(name)
        with st.spinner("Reading the pictures…" if pictures else "Reading the table…"):
            taken = Workspace.from_environment().collections()
            st.session_state[DRAFT] = begin(name, source, taken)
        st.session_state[_REFUSED] = ""
    except UserError as error:
        st.session_state[_REFUSED] = str(error)


def may_read_paths() -> bool:
    """Only where someone has said so, and whoever asks sits at this very machine."""
    return os.environ.get(LOCAL_FILES) == "1" and who.is_here()


def show_found(told: Draft) -> None:
    """Say what the file is, and what in it may mislead."""
    found = told.profile
    size = f"{found.size / 2**20:.1f} MB" if found.size >= 2**20 else f"{found.size / 1024:.0f} kB"
    st.markdown(
        f"**{text.plain(told.name)}**: {found.rows:,} rows, {len(found.columns):,} columns "
        f"({size}, {found.encoding}, a {SEPARATORS[found.separator]} between cells, decimal "
        f"{'comma' if found.decimal == ',' else 'point'})."
    )
    for note in found.notes:
        st.caption(text.plain(note))
    grave = [one.sentence for one in told.suspects if one.what in _GRAVE]
    mild = [one.sentence for one in told.suspects if one.what not in _GRAVE]
    warn(grave[:_MOST_TOLD])
    if any(one.what in ("marks", "limit") for one in told.suspects):
        st.caption(
            "Cells count as missing, or as their limit, until **What to learn from** says "
            "otherwise."
        )
    rest = [*grave[_MOST_TOLD:], *mild]
    if rest:
        with st.expander(text.counted(len(rest), "more remark")):
            st.markdown("\n".join(_bullets(rest)))


def warn(sentences: Sequence[str]) -> None:
    """Say what may mislead, before anything else is looked at."""
    if sentences:
        st.warning("\n".join(["Look at this first:", "", *_bullets(sentences)]))


def _bullets(sentences: Sequence[str]) -> list[str]:
    return [f"- {text.plain(sentence)}" for sentence in sentences]
