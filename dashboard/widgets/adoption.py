"""The model in force: saying which it is, adopting another, going back, and what was before."""

import pandas as pd
import streamlit as st

from dashboard import (
    cache,
    desk,
    in_force,
    learning,
    review_words,
    state,
    text,
    update_words,
    who,
)
from dashboard.state import View
from dashboard.widgets.reader import show_reader
from minspnet.access import Action
from minspnet.errors import UserError
from minspnet.record.checks import LONGEST_LINE

_SAID, _FAILED = "adoption-said", "adoption-failed"


def show_notice(view: View, key: str) -> None:
    """Say whether the model on the screen is the one in force, and what mars its scores."""
    account = learning.account(view.model)
    if account is not None and (said := update_words.easier(account)):
        st.caption(f":material/info: {text.plain(said)}")
    if said := _point_said(view.model):
        st.caption(f":material/tune: {text.plain(said)}")
    if _show_trouble(view.model):
        return
    adopted = in_force.in_force(view.model)
    if adopted is None:
        return
    if adopted == view.model:
        newest = in_force.standing(view.model).history[0]
        if newest.model != cache.model(view.model).digest:
            gone = text.plain(newest.name)
            st.caption(f":material/verified: In force, for “{gone}”, adopted later, is not here.")
            return
        st.caption(
            f":material/verified: In force since "
            f"{review_words.when(newest.at)} UTC ({text.plain(newest.by)}, {_VERBS[newest.kind]})."
        )
        return
    title = text.plain(cache.title_of(adopted))
    newer = in_force.was_replaced(view.model)
    said = "A newer model is in force" if newer else "This model is not in force"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(
            f":material/info: {said}: **{title}**."
            if newer
            else f":material/info: {said}: **{title}** is.",
            width="content",
        )
        st.button(
            "Open the one in force",
            key=f"in-force-{key}",
            on_click=state.open_model,
            args=(adopted,),
        )


def _point_said(name: str) -> str:
    """Name the operating point in force; nothing for the one that training chose."""
    try:
        point = cache.store().operating_point(cache.model(name).digest)
    except UserError:
        return ""  # said where it is read, on opening the model
    if point is None:
        return ""
    when = review_words.when(point.saved_at)
    return (
        f"Operating point in force: “{point.name}” ({point.author or 'nobody named'}, {when} UTC)."
    )


def _show_trouble(name: str) -> bool:
    """Say where nobody can tell which model is in force."""
    if trouble := in_force.trouble(name):
        st.error(
            f"Which model is in force cannot be told, so that the first one opens: "
            f"{text.plain(trouble)}"
        )
    return bool(trouble)


_VERBS = {"adopt": "adopted", "roll back": "rolled back to"}


def show_adoption(name: str, key: str, in_fragment: bool) -> None:
    """Adopt a model or take that back, at a click; whoever does it stands in the record.

    Args:
        name: Of the model.
        key: Unique on the page.
        in_fragment: Whether the page outside of it has to follow.
    """
    if said := st.session_state.pop(_SAID, ""):
        st.success(text.plain(said))
    if failed := st.session_state.pop(_FAILED, ""):
        st.error(text.plain(failed))
    if _show_trouble(name):
        return
    standing, adopted = in_force.standing(name), in_force.in_force(name)
    if adopted == name and not standing.can_roll_back:
        st.caption(":material/verified: In force; there is none before it to go back to.")
        return
    if adopted == name and not _can_go_back(name):
        st.caption(
            ":material/verified: In force. A model in force before or after it was deleted: bring "
            "it back on Models to roll back."
        )
        return
    if adopted is None and in_force.usual(name) == name:
        st.caption("First of those that read these inputs; none was adopted in its place.")
        return
    reader = show_reader("Your name: it stands in the record")
    action = Action.ROLL_BACK if adopted == name else Action.ADOPT_MODEL
    refused = who.why_not(action)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            "Why (may be left out)",
            key=f"adoption-why-{key}",
            max_chars=LONGEST_LINE,
            width=320,
        )
        if adopted == name:
            older = text.plain(_named(name, standing.stack[1]))
            st.button(
                f"Roll back to “{older}”",
                key=f"roll-back-{key}",
                disabled=bool(refused) or not reader,
                on_click=_roll_back,
                args=(name, standing.in_force, f"adoption-why-{key}", in_fragment),
                help=refused
                or "The model that this one took the place of is in force again at once. "
                "Nothing is deleted.",
            )
        else:
            usual = in_force.usual(name)
            before = text.plain(cache.title_of(usual))
            mine = "" if _point_said(name) else " It runs with the thresholds it was made with."
            st.button(
                "Adopt it",
                type="primary",
                key=f"adopt-{key}",
                disabled=bool(refused) or not reader,
                on_click=_adopt,
                args=(name, learning.to_replace(name), f"adoption-why-{key}", in_fragment),
                help=refused
                or f"From now on it opens first, in place of “{before}”, which stays and can be "
                f"gone back to at a click.{mine}",
            )


def _adopt(name: str, before: tuple[str, str], why: str, in_fragment: bool) -> None:
    try:
        learning.adopt(name, before, str(st.session_state.get(why, "")).strip())
    except UserError as error:
        st.session_state[_FAILED] = str(error)
        return
    st.session_state[why] = ""  # it was the reason of this, not of what comes next
    st.session_state[_SAID] = f"“{cache.title_of(name)}” is in force now."
    if in_fragment:
        desk.move()


def _roll_back(name: str, seen: str, why: str, in_fragment: bool) -> None:
    try:
        learning.roll_back(name, seen, str(st.session_state.get(why, "")).strip())
    except UserError as error:
        st.session_state[_FAILED] = str(error)
        return
    st.session_state[why] = ""
    title = cache.title_of(in_force.usual(name))
    st.session_state[_SAID] = f"Rolled back: “{title}” is in force again."
    if in_fragment:
        desk.move()


def _can_go_back(name: str) -> bool:
    """Whether what was adopted last, and what that replaced, are both still here."""
    here = in_force.by_digest(name)
    return all(digest in here for digest, _ in in_force.standing(name).stack[:2])


def _named(name: str, model: tuple[str, str]) -> str:
    """What a menu calls a model; the name it had if it is no longer there."""
    names = in_force.by_digest(name)
    digest, once = model
    return cache.title_of(names[digest]) if digest in names else f"{once}, no longer here"


def show_history(name: str) -> None:
    """Every change of the model in force, newest first."""
    history = in_force.standing(name).history
    if not history:
        return
    with st.expander(f"What was in force before ({text.counted(len(history), 'change')})"):
        rows = [
            {
                "When (UTC)": review_words.when(one.at),
                "Who": one.by,
                "What": "adopted" if one.kind == "adopt" else "rolled back",
                "Put in force": _named(name, (one.model, one.name)),
                "Before": _named(name, (one.replaced, one.replaced_name)),
                "Why": one.reason,
            }
            for one in history
        ]
        st.dataframe(
            pd.DataFrame(rows),
            hide_index=True,
            alt="Changes of the model in force, newest first",
            column_config={"Why": st.column_config.TextColumn(width=360)},
        )
