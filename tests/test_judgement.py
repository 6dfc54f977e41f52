"""A review in the making: what it needs, what it keeps, how it counts time."""

from dataclasses import replace

import pytest

from minspnet.errors import UserError
from minspnet.judgement import LONGEST_PAUSE, Judgement, Said
from minspnet.policy import Policy
from minspnet.record.reviews import Correction

START, LATER, END = (f"2026-01-02T03:0{minute}:00+00:00" for minute in (0, 1, 9))
SAID = Said("d", "m", "t", Policy((0.5,), 0.4).intervene("size", 0.9), "yes", 0.8)
BLANK = Judgement("a", START)


def test_time_is_counted_without_long_pauses() -> None:
    counted = BLANK.after(START, LATER).after(LATER, END).after(END, START)
    assert counted.seconds == 60 + LONGEST_PAUSE


def test_the_own_opinion_is_asked_before_the_answer_is_shown() -> None:
    with pytest.raises(UserError, match="your own opinion must be given first"):
        BLANK.reveal(LATER)
    with pytest.raises(UserError, match="with how sure you are"):
        replace(BLANK, own_opinion="no").reveal(LATER)
    judged = replace(BLANK, own_opinion="no", own_confidence=0.7)
    assert not judged.own_is_fixed
    shown = judged.reveal(LATER)
    assert shown.own_is_fixed and shown.reveal(END).shown_at == LATER


def test_what_was_not_given_before_the_answer_is_not_recorded_as_such() -> None:
    half = replace(BLANK, own_opinion="no", own_confidence=0.7, verdict="agree")
    made = half.review("R", "c", SAID, END)
    assert made.own_opinion is None and made.shown_at == END
    made = replace(half, shown_at=LATER).review("R", "c", SAID, END)
    assert (made.own_opinion, made.own_confidence, made.revised) == ("no", 0.7, True)
    assert made.opinion == "yes" and made.shown_at == LATER


def test_the_review_holds_the_policy_without_corrections_and_the_corrections_beside_it() -> None:
    filled = replace(BLANK, verdict="disagree", opinion="no", edit="size:0.9,edge:0.1")
    made = filled.review("R", "c", SAID, END)
    assert made.policy == Policy((0.5,), 0.4)
    assert made.concepts == (Correction("edge", 0.1), Correction("size", 0.9))
    assert made.id == filled.id and made.predicted == "yes"


@pytest.mark.parametrize(
    ("filled", "lacking"),
    [
        (BLANK, "whether you agree"),
        (replace(BLANK, verdict="disagree"), "your own answer"),
    ],
)
def test_a_review_without_a_verdict_is_refused(filled: Judgement, lacking: str) -> None:
    assert filled.lacks() == lacking
    with pytest.raises(UserError, match=lacking):
        filled.review("R", "c", SAID, END)


def test_a_draft_comes_back_as_it_was_and_a_spoilt_one_is_refused() -> None:
    kept = replace(BLANK, verdict="unsure", text="two\nlines", edit="size:0.25", seconds=3.5)
    assert Judgement.from_dict(kept.to_dict()) == kept
    assert BLANK.is_blank and not kept.is_blank
    for spoilt in ({"edit": "size"}, {"verdict": "maybe"}, {"seconds": -1.0}, {"shown_at": "now"}):
        with pytest.raises(UserError):
            Judgement.from_dict(kept.to_dict() | spoilt)
