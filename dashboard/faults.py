"""What is said when the program itself fails: a sentence and a number, which the log explains.

Streamlit has one place for whatever a page, a part of it that is drawn alone, or a click raises.
``install`` puts ours there, so that no page has to guard itself; sentences for users, raised where
no page catches them, are said as they stand.
"""

import secrets

import streamlit as st
from streamlit import error_util
from streamlit.delta_generator_singletons import get_dg_singleton_instance
from streamlit.logger import get_logger
from streamlit.proto.Exception_pb2 import Exception as Told

from dashboard import text
from minspnet.errors import UserError

_LOG = get_logger(__name__)


def noted(error: BaseException) -> str:
    """Write a fault into the server's log, and say it without what went wrong inside.

    Args:
        error: Whatever was raised.

    Returns:
        A sentence with the number under which the log has it.
    """
    number = secrets.token_hex(4)
    _LOG.error("Fault %s", number, exc_info=error)
    return (
        "Something went wrong inside the program, not in what you did: go on elsewhere, or reload "
        f"the page. If it comes again, tell whoever runs this server that it is fault {number}; "
        "the log there says more."
    )


def install() -> None:
    """Say in our words what nothing else catches, from now on and for every session."""
    vars(error_util).update(
        _log_uncaught_app_exception=_leave_to_show, show_uncaught_app_exception=_show
    )


def _leave_to_show(_: BaseException) -> None:
    """Nothing yet: the log gets the number that the page shows."""


def _show(error: BaseException) -> None:
    if isinstance(error, UserError):
        st.error(text.plain(str(error)))
        return
    told = Told(message=noted(error))
    told.width_config.use_stretch = True
    # The element for exceptions, so that a test can tell a fault from a refusal.
    get_dg_singleton_instance().main_dg._enqueue("exception", told)
