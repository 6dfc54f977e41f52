"""The door of the app: who comes in, who they are, and how they leave."""

from contextlib import suppress

import streamlit as st
from streamlit.errors import StreamlitAuthError

from dashboard import text, who
from minspnet.access import Actor, NotAllowedError
from minspnet.errors import UserError
from minspnet.membership import sign_in_of

_CAME_IN = "came-in"
_REMEMBER = """
export default function ({ data }) {
  const secure = location.protocol === "https:" ? "; Secure" : ""
  const age = data.name ? 31536000 : 0
  document.cookie = `${data.cookie}=${data.name}; Path=/; Max-Age=${age}; SameSite=Strict${secure}`
}
"""


def admit() -> bool:
    """Let in whoever may come in; others get one page that says what to do, and nothing else."""
    try:
        offered = who.providers()
        if not offered:
            return True
        if not who.claims():
            _ask(offered)
            return False
        one = who.actor()
        if _has_ended(one):
            _turn_away("This sign-in has ended; sign in again.")
            return False
    except NotAllowedError as error:
        who.turn_away()
        _turn_away(str(error))
        return False
    except UserError as error:
        st.title("Nobody can sign in")
        st.error(text.plain(str(error)))
        return False
    return True


def _ask(offered: tuple[str, ...]) -> None:
    st.title("MINSPNET")
    st.write("Sign in to go on. You come in if you have a role here.")
    for name in offered:
        label = "Sign in" if name == "default" else f"Sign in with {text.plain(name)}"
        if st.button(label, type="primary", key=f"sign-in-{name}"):
            try:
                st.login(None if name == "default" else name)
            except StreamlitAuthError as error:
                st.error(text.plain(" ".join(str(error).split())))


def _has_ended(one: Actor) -> bool:
    """Note a sign-in at the first page of a session; say whether it was signed out of before."""
    issued = sign_in_of(who.claims())
    if st.session_state.get(_CAME_IN) != (one.name, issued):
        doors = who.doors_of(one)
        if doors.has_signed_out(issued):
            return True
        doors.sign_in(issued)
        st.session_state[_CAME_IN] = one.name, issued
    return False


def _turn_away(sentence: str) -> None:
    st.title("You cannot come in")
    st.error(text.plain(sentence))
    st.button("Sign out", key="sign-out", on_click=st.logout)


def show_account() -> None:
    """In the sidebar: as whom one is here; a warning where anybody is let in."""
    if not who.is_signed_in():
        if who.is_open_to_others():
            st.warning(
                "Nobody signs in here, and this server answers to other computers: whoever reaches "
                "it may do everything. The README says how to have people sign in."
            )
        _remember()
        return
    one = who.actor()
    called = str(who.claims().get("name") or one.name)
    with st.container(horizontal=True, vertical_alignment="center"):
        said = f"**{text.plain(called)}**, {one.role}"
        st.markdown(said, width="content", help=text.plain(one.name))
        st.button("Sign out", key="sign-out", type="tertiary", on_click=_leave)


def _leave() -> None:
    with suppress(UserError):  # nobody is kept from leaving
        who.doors().sign_out(sign_in_of(who.claims()))
    st.logout()


def _remember() -> None:
    """Have the browser keep the name that was typed; Streamlit itself can only read cookies."""
    name = who.to_remember()
    if name is not None:
        # Percent-encoded: letters, digits and a few signs, none of which ends a cookie.
        component = st.components.v2.component("minspnet_name", js=_REMEMBER)
        component(key="remember-name", data={"cookie": who.COOKIE, "name": name})
