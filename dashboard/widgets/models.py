"""The shelf of models: what tells them apart, and what can be done with one."""

import pandas as pd
import streamlit as st

from dashboard import (
    cache,
    cache_compare,
    heavy,
    in_force,
    learning,
    state,
    text,
    update_words,
    who,
)
from dashboard.format import amount, flops, percent, score
from dashboard.navigation import go_to
from dashboard.state import View
from dashboard.widgets import adoption, versus
from dashboard.widgets.download import offer_model
from minspnet import registry
from minspnet.access import Action
from minspnet.errors import UserError
from minspnet.package import SUFFIX
from minspnet.registry import LONGEST_TITLE, Entry
from minspnet.workspace import Workspace

_DELETED, _SAID, _FAILED = "model-deleted", "model-said", "model-failed"
_ROUND, _TABLE = "model-round", "model-table"


def pick(view: View) -> Entry:
    """Show every model in a table, and give the one selected; else the one on the screen."""
    names = [name for group in cache.models().values() for name in group]
    found = [registry.entry_of(cache.model(name)) for name in names]
    found.sort(key=lambda entry: (entry.shipped, _newest_first(entry)))
    titles = {entry.digest: cache.title_of(entry.name) for entry in found}
    adopted = {one for name in names if (one := in_force.in_force(name))}
    table = pd.DataFrame([_row(entry, titles, adopted) for entry in found])
    if not any(entry.parent for entry in found):
        table = table.drop(columns="Goes on from")
    event = st.dataframe(
        table,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=_table(),
        column_config={
            "Accuracy": st.column_config.TextColumn(
                help="On test cases, which neither training nor thresholds have seen, at the "
                "operating point chosen after training."
            ),
            "Cases": st.column_config.TextColumn(
                help="Training + validation + test: learned from, used to choose temperature and "
                "thresholds, and scored."
            ),
            "Full work": st.column_config.TextColumn(
                help="Of a case for which every expert runs. FLOPs = 2 × MACs."
            ),
            "Goes on from": st.column_config.TextColumn(
                help="The model that its training started from, if not from nothing."
            ),
        },
        alt="Every model with its task, scores, size and origin",
    )
    rows = event["selection"]["rows"]
    if rows and rows[0] < len(found):
        return found[rows[0]]
    return next(entry for entry in found if entry.name == view.model)


def _table() -> str:
    """Key of the table: another one forgets which row was ticked, as rows move."""
    return f"models-{st.session_state.get(_TABLE, 0)}"


def _show(name: str) -> None:
    """Have a model on the screen, and no other one ticked."""
    st.session_state[_TABLE] = st.session_state.get(_TABLE, 0) + 1
    state.open_model(name)


def _newest_first(entry: Entry) -> tuple[int, ...]:
    return tuple(-ord(letter) for letter in entry.created)


def _row(entry: Entry, titles: dict[str, str], adopted: set[str]) -> dict[str, str]:
    in_force_too = {"In force": "yes" if entry.name in adopted else ""} if adopted else {}
    return {
        "Model": cache.title_of(entry.name),
        "Task": entry.task,
        **in_force_too,
        "Since": "shipped" if entry.shipped else entry.created[:16].replace("T", " "),
        "Accuracy": "-" if entry.accuracy is None else percent(entry.accuracy, 1),
        "AUC": "-" if entry.auc is None else score(entry.auc),
        "Cases": " + ".join(f"{count:,}" for count in entry.cases),
        "Parameters": f"{entry.parameters:,}",
        "On disk": f"{amount(entry.size)}B",
        "Experts": str(entry.experts),
        "Full work": flops(entry.macs),
        "Inputs": entry.inputs,
        "Goes on from": titles.get(entry.parent, entry.parent[:12]),
        "Hash": entry.digest[:12],
    }


def show_chosen(entry: Entry) -> None:
    """One model: what it is, and what can be done with it."""
    st.header(text.plain(cache.title_of(entry.name)))
    st.write(text.plain(_facts(entry)))
    account = learning.account(entry.name)
    if account is not None and (said := update_words.easier(account)):
        st.caption(text.plain(said))
    with st.container(horizontal=True):
        if st.button("Open", type="primary", key="model-open"):
            state.open_model(entry.name)
            go_to("overview")
        if st.button("Compare", key="model-compare"):
            state.open_model(entry.name)
            versus.begin_with(entry.name)
            go_to("compare")
        if st.button("Model facts", key="model-facts"):
            state.open_model(entry.name)
            go_to("facts")
        offer_model(
            "Export",
            entry.name,
            file_name=f"{entry.name}{SUFFIX}",
            key="model-export",
            help="One file that Import takes, here or elsewhere."
            + (" It holds your cases." if entry.own_cases else ""),
        )
        if not entry.shipped:
            _show_own(entry)
    if entry.own_cases and who.may(Action.EXPORT_MODEL):
        st.caption(
            "An exported model holds the cases it was trained and tested on: give it only to those "
            "who may see them."
        )


def _show_own(entry: Entry) -> None:
    """What can be done with a model that does not ship."""
    if refused := who.why_not(Action.RENAME_MODEL):
        st.button("Rename", key="model-rename-ask", disabled=True, help=refused)
    else:
        with st.popover("Rename"):
            _show_rename(entry)
    refused = who.why_not(Action.DELETE_MODEL)
    if in_force.in_force(entry.name) == entry.name:
        refused = refused or "It is in force: adopt another first, or roll back."
    st.button(
        "Delete",
        key="model-delete",
        on_click=_delete,
        args=(entry,),
        disabled=bool(refused),
        help=refused or None,
    )


def show_in_force(entry: Entry) -> None:
    """Put it in force, or go back, and see what was in force before."""
    if len(in_force.alike(entry.name)) < 2 and not in_force.standing(entry.name).history:
        return
    st.subheader(
        "Which model is in force",
        help="Of the models of a task that read the same inputs, the one in force opens first; the "
        "others say that they are not.",
    )
    adoption.show_adoption(entry.name, "models", in_fragment=False)
    adoption.show_history(entry.name)


def _facts(entry: Entry) -> str:
    train, validation, test = entry.cases
    experts = f"{entry.experts} expert{'s' * (entry.experts != 1)}"
    said = (
        f"{entry.task}; inputs: {entry.inputs}. {entry.parameters:,} parameters, {experts}, "
        f"{flops(entry.macs)} a case with all of them. Learned from {train:,} cases, thresholds "
        f"chosen on {validation:,}"
    )
    if entry.accuracy is not None:
        policy = cache.model(entry.name).policy
        found = cache_compare.accuracy(entry.name, "test", policy)
        low, high = percent(found.low, 1), percent(found.high, 1)
        said += f", right on {percent(found.value, 1)} of {test:,} others (95%: {low} to {high})"
    return f"{said}."


def _show_rename(entry: Entry) -> None:
    title = st.text_input(
        "Call it", entry.title, max_chars=LONGEST_TITLE, key=f"model-title-{entry.name}"
    )
    if st.button("Keep", key="model-rename", type="primary"):
        try:
            who.doors().rename_model(entry.name, title)
        except UserError as error:
            st.error(text.plain(str(error)))
        else:
            st.rerun()


def _delete(entry: Entry) -> None:
    # Of the same task, if it has another: whoever tidies up stays where they are.
    known = cache.models()
    of_task = known[cache.task_of(entry.name)]
    left = [one for names in (of_task, *known.values()) for one in names if one != entry.name]
    try:
        who.doors().delete_model(entry.name)
    except UserError as error:
        # Someone else was faster, or the role was taken away meanwhile.
        st.session_state[_FAILED] = str(error)
        return
    st.session_state[_DELETED] = entry.name, entry.title
    now = state.current().model
    _show(left[0] if now == entry.name else now)


def show_undo() -> None:
    """Take back the last deletion of this session, and say what was just done."""
    if said := st.session_state.pop(_SAID, ""):
        st.success(text.plain(said))
    if failed := st.session_state.pop(_FAILED, ""):
        st.error(text.plain(failed))
    if _DELETED in st.session_state:
        name, title = st.session_state[_DELETED]
        with st.container(horizontal=True, vertical_alignment="center"):
            st.write(text.plain(f"“{title}” was deleted."))
            st.button("Undo", key="model-undo", on_click=_restore, args=(name,))


def _restore(name: str) -> None:
    st.session_state.pop(_DELETED, None)
    try:
        who.doors().restore_model(name)
    except UserError as error:
        st.session_state[_FAILED] = str(error)
        return
    _show(name)
    st.session_state[_SAID] = f"“{cache.title_of(name)}” is back, and on the screen."


def show_trash() -> None:
    """Bring back what was deleted at any time."""
    names = registry.deleted(Workspace.from_environment())
    if not names or not who.may(Action.RESTORE_MODEL):
        return
    with st.expander(f"Deleted models ({len(names)})"):
        folder = Workspace.from_environment().deleted_models
        name = st.selectbox(
            "Deleted",
            names,
            format_func=lambda one: registry.title_of(folder / one),
            key="model-trash",
        )
        st.button("Bring it back", key="model-restore", on_click=_restore, args=(name,))


def show_import() -> None:
    """Bring in a model from a file; whatever else the file is, one sentence says it."""
    st.header("Import a model")
    if refused := who.why_not(Action.IMPORT_MODEL):
        st.write(refused)
        return
    # Another key empties the field once its file is in.
    turn = st.session_state.setdefault(_ROUND, 0)
    given = st.file_uploader(
        f"A {SUFFIX} file that was exported here or elsewhere",
        type=SUFFIX[1:],
        key=f"model-file-{turn}",
    )
    if given is None or not st.button("Import", type="primary", key="model-import"):
        return
    heavy.load()
    try:
        name = who.doors().import_model(given, given.name)
    except UserError as error:
        st.error(text.plain(str(error)))
        return
    st.session_state[_ROUND] = turn + 1
    said = f"“{cache.title_of(name)}” is now among the models and on the screen."
    digest = cache.model(name).digest
    others = [one for names in cache.models().values() for one in names if one != name]
    twins = [one for one in others if cache.model(one).digest == digest]
    if twins:
        said += f" It is the same model as “{cache.title_of(twins[0])}”: one of them can go."
    st.session_state[_SAID] = said
    _show(name)
    st.rerun()
