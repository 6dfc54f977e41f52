"""What a person is looking at: domain, model, case, policy and cohort, mirrored in the address.

The session holds one ``View``; the address is written from it on every run, so that a copied
link reopens the same view. A link is only read once, when a session starts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import streamlit as st

from dashboard import cache, cache_cases, in_force
from minspnet.cohort import EVERYTHING, Cohort
from minspnet.errors import UserError, requirement
from minspnet.policy import Policy

_KEY = "view"
_NOTICES = "notices"
_PROMISED = "promised"
_TOLD = "told"
_PAGE = "page-open"
_SHOWN = "choices-shown"
_ASKED = "choices-asked"
CHOICES = (
    *("tab", "part", "finding", "unit", "order", "first", "others", "measure"),
    *("coverage", "abstain", "judge"),
)
"""What a page lets one choose beside the view, as the address names it."""


@dataclass(frozen=True)
class View:
    """One state of the app.

    Attributes:
        model: Name of the model's folder; it implies the domain.
        policy: As it stands on the screen.
        case: Id of the case looked at; None until one is opened.
        cohort: Which cases are listed.
    """

    model: str
    policy: Policy
    case: str | None = None
    cohort: Cohort = EVERYTHING


def current() -> View:
    """The view of this session; the first call reads it from the address."""
    if _KEY not in st.session_state:
        view, notices = from_address(st.query_params.to_dict())
        st.session_state[_KEY] = view
        given = st.query_params.to_dict()
        st.session_state[_ASKED] = {name: given[name] for name in CHOICES if name in given}
        for sentence in (*cache.unreadable(), *notices):
            _tell(sentence)
    view_now: View = st.session_state[_KEY]
    return view_now


def leave_deleted_model() -> None:
    """Look at another model if that of this session was deleted meanwhile."""
    name = current().model
    known = [one for names in cache.models().values() for one in names]
    if name not in known:
        _tell(f"The model {name} is no longer there; another one is shown instead.")
        change(_start(known[0]))


def change(view: View) -> None:
    """Go to another view."""
    st.session_state[_KEY] = view
    write_address()


def notices() -> list[str]:
    """Sentences about a link that could not be followed; told once."""
    said: list[str] = st.session_state.get(_NOTICES, [])
    st.session_state[_NOTICES] = []
    return said


def _tell(sentence: str) -> None:
    """Have something said at the next full run, once in a session."""
    told: set[str] = st.session_state.setdefault(_TOLD, set())
    if sentence not in told:
        told.add(sentence)
        st.session_state.setdefault(_NOTICES, []).append(sentence)


def change_policy(policy: Policy) -> None:
    """Stay on model and case, decide otherwise."""
    change(replace(current(), policy=policy))


def change_cohort(cohort: Cohort) -> None:
    """List other cases of the same model under the same policy."""
    change(replace(current(), cohort=cohort))


def open_model(name: str) -> None:
    """Switch to another model at its operating point."""
    change(_start(name))


def _start(name: str) -> View:
    return View(name, operating_point(name))


def open_case(case_id: str) -> None:
    """Look at another case; what-if edits belong to the case and are dropped."""
    view = current()
    change(replace(view, case=case_id, policy=view.policy.without_interventions()))


def operating_point(name: str) -> Policy:
    """The saved policy of a model: the newest saved by someone, or the one it came with."""
    loaded, read = cache.model(name), cache.store().operating_point
    try:
        saved = read(loaded.digest)
    except UserError as error:
        _tell(f"{error} The operating point chosen after training is in force instead.")
        return loaded.policy
    return saved.policy if saved else loaded.policy


def unedited(view: View) -> Policy:
    """The policy on the screen without what-if edits of a case: the part that can be saved."""
    return view.policy.without_interventions()


def promise(model: str, policy: Policy | None, said: str) -> None:
    """Remember what was last asked to be promised: of which model and policy, None for nothing."""
    st.session_state[_PROMISED] = model, policy, said


def promised(model: str, policy: Policy) -> str:
    """What was promised of a model's policy, if that was the last promise asked for."""
    *known, said = st.session_state.get(_PROMISED, (None, None, ""))
    return str(said) if known == [model, policy] else ""


def open_page(path: str) -> None:
    """Start another page with its usual choices, unless it or a link says otherwise."""
    if st.session_state.get(_PAGE) != path:
        st.session_state[_PAGE] = path
        st.session_state[_SHOWN] = {}


def asked(name: str) -> str | None:
    """What the link of this session asks for under a name of ``CHOICES``; told once."""
    wanted: dict[str, str] = st.session_state.get(_ASKED, {})
    return wanted.pop(name, None)


def follow(name: str, key: str, known: Mapping[str, object]) -> None:
    """Set a widget as the link of this session asks, at the first page that has it.

    Args:
        name: One of ``CHOICES``.
        key: Of the widget, which is not drawn yet.
        known: Its options, by what links call them.
    """
    wanted = asked(name)
    if wanted is None:
        return
    if wanted in known:
        st.session_state[key] = known[wanted]
    else:
        refuse(name, wanted, known)


def refuse(name: str, wanted: str, known: Iterable[str]) -> None:
    """Say that a link asks for something that is not there."""
    _tell(str(requirement(name, f"be one of {', '.join(known)}", repr(wanted), "pick one")))


def show(name: str, said: str | None) -> None:
    """Have the address say what is chosen; None for what a page shows anyway."""
    st.session_state.setdefault(_SHOWN, {})[name] = said
    write_address()


def address() -> dict[str, str]:
    """The view as the query of a link: ids and thresholds, never a case's values."""
    view = current()
    wanted = {"domain": cache.task_of(view.model), "model": view.model}
    if view.case is not None:
        wanted["case"] = view.case
    wanted |= view.policy.to_text()
    if view.cohort != EVERYTHING:
        wanted["cohort"] = view.cohort.to_text()
    shown: dict[str, str | None] = st.session_state.get(_SHOWN, {})
    return wanted | {name: said for name, said in shown.items() if said}


def write_address() -> None:
    """Mirror the view in the address bar."""
    wanted = address()
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)


def from_address(given: Mapping[str, str]) -> tuple[View, list[str]]:
    """Read a view from a link; whatever cannot be followed is said and left out.

    Args:
        given: The query parameters.

    Returns:
        A view that can be shown in any case, and sentences about what was left out.
    """
    said: list[str] = []
    name = _model_name(given, said)
    policy = operating_point(name)
    trace = cache.model(name).traces["test"]
    case = given.get("case")
    if case is not None and cache.case_place(name, case) is None:
        must = "be a test or validation case of this model"
        remedy = "another case is shown below: check its id before you record anything"
        said.append(str(requirement("case of a link", must, repr(case), remedy)))
        case = None
    asked = policy.to_text() | {key: given[key] for key in ("gates", "cut", "edit") if key in given}
    if case is None:
        # An edit belongs to the case it was made for.
        asked.pop("edit", None)
    try:
        policy = Policy.from_text(**asked)
        policy.check(trace.tree.names, trace.concept_names)
    except UserError as error:
        said.append(f"{error} The saved operating point is shown instead.")
        policy = operating_point(name)
    return View(name, policy, case, _cohort(name, given.get("cohort", ""), said)), said


def _cohort(name: str, text: str, said: list[str]) -> Cohort:
    try:
        return Cohort.from_text(text, cache_cases.vocabulary(name))
    except UserError as error:
        said.append(f"{error} All cases are shown instead.")
        return EVERYTHING


def _model_name(given: Mapping[str, str], said: list[str]) -> str:
    known = cache.models()
    names = [name for group in known.values() for name in group]
    domain = given.get("domain")
    first = in_force.first_of(domain if domain in known else next(iter(known)))
    if domain is not None and domain not in known:
        said.append(
            str(requirement("domain", f"be one of {', '.join(known)}", repr(domain), "pick one"))
        )
    asked = given.get("model")
    if asked is None or asked in names:
        return asked or first
    said.append(str(requirement("model", f"be one of {', '.join(names)}", repr(asked), "pick one")))
    return first
