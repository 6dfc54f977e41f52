"""The case that a reader is judging: what is filled in, what is known of it, what comes next.

The session holds one ``Desk``. It is laid out from the store when a case is opened, so that drawing
the page again asks the store for nothing, and each change on it is saved as a draft at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from dashboard import cache, state, text, who
from dashboard.state import View
from minspnet.errors import UserError
from minspnet.judgement import Judgement, Said
from minspnet.policy import Policy
from minspnet.record.checks import now
from minspnet.record.queues import ReviewQueue
from minspnet.record.reviews import Review
from minspnet.trace import replay

_DESK, _SEEN, _DONE = "desk", "answers-seen", "reviews-recorded"
_FAILED, _SAVED, _SENT, _WHOLE = "desk-failed", "desk-saved", "desk-sent", "desk-whole"
_TOGGLE, _JUDGES_FIRST, _QUEUE = "case-judge-first", "judges-first", "queue-chosen"
_KNOWN = "readers-known"
_MOST_EARLIER = 100


@dataclass(frozen=True)
class Desk:
    """What lies before a reader.

    Attributes:
        reader: By name.
        model: Digest.
        case: Id.
        judgement: As filled in so far.
        earlier: What was decided on the case before, on this model, newest first.
        queue: That the reader works on, if any.
        waiting: Its cases that the reader has not reviewed, in order.
        queues: Names of all queues that the reader has on this model, newest first.
        touched_at: When the reader last did something here.
        was_seen: Whether the answer was shown to the reader before, in any session; asked for
            where the reader judges first.
    """

    reader: str
    model: str
    case: str
    judgement: Judgement
    earlier: tuple[Review, ...]
    queue: ReviewQueue | None
    waiting: tuple[str, ...]
    queues: tuple[str, ...]
    touched_at: str
    was_seen: bool = False

    @property
    def is_reviewed(self) -> bool:
        """Whether this reader has decided on the case before."""
        return any(review.reader == self.reader for review in self.earlier)


def be(name: str) -> None:
    """Have somebody read from now on, where nobody signs in."""
    who.be(name)
    st.session_state.pop(_KNOWN, None)
    move()


def move() -> None:
    """Have the whole page follow what a part of it has done."""
    st.session_state[_WHOLE] = True


def whole_page() -> bool:
    """Whether what was just done is about more than the part of the page where it was done."""
    return bool(st.session_state.pop(_WHOLE, False))


def judges_first() -> bool:
    """Whether answers stay hidden until the reader has said what they think."""
    before = st.session_state.setdefault(_JUDGES_FIRST, False)
    state.follow("judge", _TOGGLE, {"first": True, "after": False})
    # A toggle that was not drawn on the last page has lost its value.
    st.session_state[_JUDGES_FIRST] = bool(st.session_state.setdefault(_TOGGLE, before))
    return bool(st.session_state[_JUDGES_FIRST])


def judge_first(on: bool) -> None:
    """Hide answers, or not, from the next case on; where the switch itself is not on the page."""
    st.session_state[_JUDGES_FIRST] = st.session_state[_TOGGLE] = on


def show_switch() -> None:
    """Let the reader choose; the address says what was chosen."""
    whole_page()
    on = judges_first()
    st.toggle(
        "Judge first",
        key=_TOGGLE,
        width="content",
        help="Judge before the network's answer is shown: you see what it was given and say what "
        "you think and how surely; only then its answer is shown, and you may change yours. Both "
        "are recorded, with the times.",
    )
    state.show("judge", "first" if on else None)


def hides_answer(view: View, case: str) -> bool:
    """Whether the model's answer is to be hidden still."""
    if not judges_first() or was_seen(view, case):
        return False
    desk = current()
    return desk is None or not (desk.judgement.shown_at or desk.is_reviewed)


def hides_truth() -> bool:
    """Whether the known answer is to be hidden still: a reader who judges first is not told it."""
    desk = current()
    return judges_first() and not (desk is not None and desk.is_reviewed)


def open_cases(view: View, *cases: str, hidden: bool = False) -> None:
    """Note that cases come on the screen; with their answers, they count as seen from then on.

    Args:
        view: Whose model they are shown under.
        cases: Their ids.
        hidden: Whether answers are not shown yet.
    """
    who.open_cases(view.model, *cases, hidden=hidden)
    for case in () if hidden else cases:
        _note_seen(view, case)


def _note_seen(view: View, case: str) -> None:
    st.session_state.setdefault(_SEEN, set()).add((who.reader(), view.model, case))
    desk = current()
    if desk is not None and desk.case == case and desk.judgement.shown_at is None:
        shown = replace(desk.judgement, shown_at=now())
        st.session_state[_DESK] = replace(desk, judgement=shown)


def was_seen(view: View, case: str) -> bool:
    """Whether the answer was shown to this reader, here or, as far as is noted, elsewhere."""
    desk = current()
    here = (who.reader(), view.model, case) in st.session_state.get(_SEEN, set())
    return here or (desk is not None and desk.case == case and desk.was_seen)


def current() -> Desk | None:
    """What lies before the reader; None until they said who they are."""
    desk: Desk | None = st.session_state.get(_DESK)
    return desk if desk is not None and desk.reader == who.reader() else None


def begin(view: View, case: str) -> View:
    """Lay out a case, or keep what was laid out; corrections on the page come along.

    Returns:
        The view, with the corrections of a draft that was left here.
    """
    if whole_page():
        st.rerun()
    if not who.reader():
        return view
    model, desk = cache.model(view.model).digest, current()
    edit = view.policy.to_text().get("edit", "")
    if desk is None or (desk.model, desk.case) != (model, case):
        desk = _laid_out(who.reader(), model, case)
        st.session_state[_DESK] = desk
        if not edit and desk.judgement.edit:
            kept = Policy.from_text(edit=desk.judgement.edit).interventions
            state.change_policy(replace(view.policy, interventions=kept))
            return state.current()
    if edit != desk.judgement.edit:
        fill(desk.judgement.id, edit=edit)
    return view


def forget() -> None:
    """Have the next look at a case ask the store anew."""
    st.session_state.pop(_DESK, None)


def _laid_out(name: str, model: str, case: str) -> Desk:
    time = now()
    earlier = who.doors().reviews(model, case, _MOST_EARLIER)
    judgement = _draft(model, case)
    if judgement is None or judgement.id in {review.id for review in earlier}:
        # Saved late by another window, after the decision that it led to.
        judgement = Judgement.begin()
    mine = who.doors().queues(model)
    queue, waiting = _queue(mine)
    names = tuple(one.name for one in mine)
    seen = judges_first() and who.doors().has_seen(model, case)
    return Desk(name, model, case, judgement, earlier, queue, waiting, names, time, seen)


def _draft(model: str, case: str) -> Judgement | None:
    try:
        kept = who.doors().draft(model, case)
        return None if kept is None else Judgement.from_dict(kept)
    except UserError:
        return None  # of another version, or spoilt: nothing in it can be shown


def _queue(mine: Sequence[ReviewQueue]) -> tuple[ReviewQueue | None, tuple[str, ...]]:
    """The queue chosen in this session, or else the newest with anything left to do."""
    doors = who.doors()
    chosen = [one for one in mine if one.name == st.session_state.get(_QUEUE)]
    for queue in chosen or mine:
        waiting = doors.open_cases(queue)
        if waiting or chosen:
            return queue, waiting
    return None, ()


def choose_queue(name: str) -> None:
    """Work on another of one's queues."""
    st.session_state[_QUEUE] = name
    forget()
    move()


def start_queue(queue: ReviewQueue) -> tuple[str, ...]:
    """Assign a queue to its reader and, if that is oneself, work on it; gives the cases left to do.

    Raises:
        UserError: If the role does not let one, or the database does not confirm it.
    """
    who.doors().assign(queue)
    if queue.reader == who.reader():
        st.session_state[_QUEUE] = queue.name
        forget()
    return who.doors().open_cases(queue)


def fill(of: str, **changed: Any) -> None:
    """Fill something in, and save it as a draft.

    Args:
        of: Id of the judgement; what comes late, after the next case was laid out, is not for it.
        changed: Fields of it.
    """
    desk = current()
    if desk is None or desk.judgement.id != of:
        return
    time = now()
    try:
        judgement = replace(desk.judgement.after(desk.touched_at, time), **changed)
    except UserError as error:
        st.session_state[_FAILED] = str(error)
        return
    _keep(replace(desk, judgement=judgement, touched_at=time))


def reveal(of: str) -> None:
    """Have the model's answer shown, once the own opinion is safe in the draft."""
    desk = current()
    if desk is None or desk.judgement.id != of:
        return
    time = now()
    try:
        judgement = desk.judgement.after(desk.touched_at, time).reveal(time)
        if who.doors().has_seen(desk.model, desk.case):
            # On another page or in another window, since the case was laid out here.
            judgement = replace(judgement, own_opinion=None, own_confidence=None)
            desk = replace(desk, was_seen=True)
            st.session_state[_FAILED] = (
                "The network's answer to this case was shown to you elsewhere meanwhile: what you "
                "said here does not count as unseen. Give your verdict."
            )
    except UserError as error:
        st.session_state[_FAILED] = str(error)
        return
    _keep(replace(desk, judgement=judgement, touched_at=time), must=True)
    move()


def _keep(desk: Desk, must: bool = False) -> None:
    """Save a draft; what cannot be saved stays on the screen, unless it must be."""
    before = current()
    blank = desk.judgement.is_blank and before is not None and before.judgement.is_blank
    try:
        if not blank and desk.judgement.id not in st.session_state.get(_DONE, ()):
            content = desk.judgement.to_dict()
            who.doors().save_draft(desk.model, desk.case, content)
    except UserError as error:
        st.session_state[_FAILED] = f"{error} What you typed is not saved yet."
        if must:
            return
    st.session_state[_DESK] = desk


def record(view: View, case: str, judgement_id: str) -> bool:
    """Record what is filled in, once: a second click on the same finds it done.

    Returns:
        Whether a record was made, or is safe from before.
    """
    desk, done = current(), st.session_state.setdefault(_DONE, {})
    if judgement_id in done or desk is None or desk.judgement.id != judgement_id:
        return False
    sent: tuple[Judgement, Review] | None = st.session_state.get(_SENT)
    time = now()
    try:
        if sent is None or sent[0] != desk.judgement:
            spent = desk.judgement.after(desk.touched_at, time)
            sent = desk.judgement, spent.review(desk.reader, case, said_of(view, case), time)
            # Kept, so that a try that was not answered is sent again word for word.
            st.session_state[_SENT] = sent
        number = who.doors().record(sent[1])
    except UserError as error:
        st.session_state[_FAILED] = str(error)
        return False
    done[judgement_id] = number
    # Not which verdict: of an answer that is withheld, it would tell.
    said = f"{text.plain(desk.reader)} on {text.plain(case)}"
    st.session_state[_SAVED] = f"Record {number:,} is saved: {said}."
    forget()
    move()
    return True


def recorded() -> int:
    """How many verdicts this session has recorded."""
    return len(st.session_state.get(_DONE, ()))


def said_of(view: View, case: str) -> Said:
    """What the model says of a case by itself, under the thresholds on the screen."""
    loaded = cache.model(view.model)
    policy = view.policy.without_interventions()
    decided = replay(cache.one_case(view.model, case), policy)
    answer = int(decided.predicted[0])
    part, _ = cache.case_place(view.model, case) or ("test", 0)
    return Said(
        loaded.domain_key,
        loaded.digest,
        loaded.traces[part].digest,
        policy,
        loaded.domain.classes[answer],
        min(1.0, float(decided.probabilities[0, answer])),
    )


def saved() -> str:
    """What was saved since this was last asked."""
    return str(st.session_state.pop(_SAVED, ""))


def failed() -> str:
    """What could not be saved since this was last asked."""
    return str(st.session_state.pop(_FAILED, ""))


def known_readers() -> tuple[str, ...]:
    """Everybody who has reviewed, begun to, or was asked to, by name; asked for once a session."""
    if _KNOWN not in st.session_state:
        st.session_state[_KNOWN] = tuple(sorted({*who.doors().colleagues(), *who.listed()}))
    known: tuple[str, ...] = st.session_state[_KNOWN]
    return known
