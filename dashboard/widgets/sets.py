"""Which answers are left at a chosen coverage, and whether a case is like those of training."""

import streamlit as st

from dashboard import cache, cache_uncertain, set_words, state
from dashboard.state import View
from minspnet.trace import replay

COVERAGES = {"80": 0.8, "90": 0.9, "95": 0.95}
"""By what links call them."""
_USUAL = "90"
_COVERAGE, _ABSTAIN = "case-coverage", "case-abstain"
_CHOSEN = "coverage-chosen"
_ASKED_FOR = "answers-asked-for"


def chosen() -> tuple[float, bool]:
    """The coverage, and whether answers are withheld: as set here before, by link, or usual."""
    before = st.session_state.setdefault(_CHOSEN, (_USUAL, False))
    state.follow("coverage", _COVERAGE, {name: name for name in COVERAGES})
    state.follow("abstain", _ABSTAIN, {"on": True, "off": False})
    # A widget that was not drawn on the last page has lost its value.
    name = st.session_state.setdefault(_COVERAGE, before[0])
    withholds = st.session_state.setdefault(_ABSTAIN, before[1])
    st.session_state[_CHOSEN] = name, withholds
    return COVERAGES[name], bool(withholds)


def is_withheld(view: View, case_id: str) -> bool:
    """Whether the network's own answer to a case is held back, as the reader wished."""
    coverage, withholds = chosen()
    if not withholds or (view.model, case_id) in st.session_state.get(_ASKED_FOR, ()):
        return False
    alone = view.policy.without_interventions()
    return cache_uncertain.withheld(view.model, case_id, alone, coverage)


def offer_answer(view: View, case_id: str) -> None:
    """Let the reader see what is held back, of this case alone."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            "What it found in this case, its reasons and similar cases are held back too: they "
            "would tell.",
            width="content",
        )
        st.button(
            "Show it all the same",
            key="case-show-withheld",
            on_click=ask_for,
            args=(view, case_id),
        )


def ask_for(view: View, case_id: str) -> None:
    """Have the answer to this case shown, sure or not."""
    st.session_state.setdefault(_ASKED_FOR, set()).add((view.model, case_id))


def why_withheld(view: View, case_id: str) -> str:
    """Why, in a few words."""
    return set_words.why_withheld(cache_uncertain.unusual(view.model, case_id).flagged)


def show_warning(view: View, case_id: str) -> None:
    """Above everything else: a case unlike those of training, input it lacks, no sure answer."""
    domain = cache.domain_of(view.model)
    found = cache_uncertain.unusual(view.model, case_id)
    titles = cache_uncertain.measured_traits(view.model, "test").titles
    if found.flagged:
        familiar = cache_uncertain.familiar(view.model)
        features = cache_uncertain.features_of(view.model)
        st.warning(set_words.the_unusual(domain, found, titles, familiar, features))
    if missing := set_words.the_missing(found, titles):
        st.warning(missing)
    coverage, _ = chosen()
    inside = cache_uncertain.set_of(view.model, case_id, view.policy, coverage)
    if inside.sum() != 1 and not is_withheld(view, case_id):
        st.warning(set_words.the_set(domain, inside.tolist(), coverage))


def show_set(view: View, case_id: str) -> None:
    """The set in a sentence, how such sets did, and the two settings."""
    coverage, withholds = chosen()
    name, domain = view.model, cache.domain_of(view.model)
    inside = cache_uncertain.set_of(name, case_id, view.policy, coverage)
    like = cache_uncertain.alike(name, case_id, view.policy, coverage)
    many = int((cache.part(name, "test").labels >= 0).sum())
    unedited = view.policy.without_interventions()
    rule = cache_uncertain.rule(name, unedited, coverage)
    words, settings = st.columns([3, 1], gap="large")
    with words:
        measured = cache_uncertain.measured(name, "test", unedited, coverage)
        promise = set_words.the_promise(domain, rule)
        held = set_words.as_measured(domain, measured, coverage)
        said = replay(cache.one_case(name, case_id), unedited).predicted[0]
        told = (
            f"{set_words.the_set(domain, inside.tolist(), coverage)}"
            f"{set_words.contradicted(domain, int(said), inside.tolist())} "
            f"{set_words.how_often(like, many, not inside.any())}"
        )
        if is_withheld(view, case_id):
            told = f"Which answers are left at {coverage:.0%} coverage is held back too."
        st.markdown(told, help=f"{promise} {held}")
        # What a promise rests on is asked for, what speaks against it is not.
        narrow = not rule.enough or (rule.groups and not rule.grouped)
        notes = [promise] if narrow else []
        if set_words.falls_short(measured, coverage):
            notes.append(held)
        if view.policy.interventions:
            notes.append("Findings that you set are outside of this promise.")
        place = cache.case_place(name, case_id)
        if place and place[0] == "validation":
            notes.append("This case is one of those that the sets were made from.")
        titles = cache_uncertain.measured_traits(name, "test").titles
        found, features = cache_uncertain.unusual(name, case_id), cache_uncertain.features_of(name)
        notes.append(set_words.the_range(domain, found, titles, features))
        st.caption(" ".join(note for note in notes if note))
        if withholds:
            parts = [
                set_words.withholding(
                    cache_uncertain.abstention(name, part, unedited, coverage),
                    part,
                )
                for part in ("validation", "test")
            ]
            st.caption(" ".join(parts))
    mode = ", withholding" if withholds else " coverage"
    with settings, st.popover(f"{coverage:.0%}{mode}", width="stretch", wrap=True):
        picked = st.segmented_control(
            "Coverage",
            list(COVERAGES),
            format_func=lambda one: f"{one}%",
            required=True,
            key=_COVERAGE,
            help="Share of new cases whose set of possible answers is to hold the true one. More "
            "coverage, larger sets.",
        )
        st.toggle(
            "Withhold unsure answers",
            key=_ABSTAIN,
            help="No answer is given where the set holds no answer or several, or where the case "
            f"is unlike the training cases. {set_words.FLAGGING}",
        )
    state.show("coverage", None if picked == _USUAL else picked)
    state.show("abstain", "on" if withholds else None)
