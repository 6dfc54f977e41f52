"""What the pages say in words, by hand."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from dashboard import text
from minspnet.domain import Domain
from minspnet.domains import DOMAINS
from minspnet.reasons import Flip, Reasons
from minspnet.spec import Gate
from minspnet.waterfall import output_title

LUNG = DOMAINS["lung_nodules"]
# Diameter, sphericity, margin, lobulation, spiculation, conspicuity, solidity, calcium.
TYPICAL = [0.2, 0.7, 0.7, 0.2, 0.2, 0.6, 0.9, 0.95]
HERE = [0.7, 0.7, 0.9, 0.1, 0.5, 0.6, 0.9, 0.95]


def found(start: float, **pushes: float) -> Reasons:
    """Pushes by the name of the concept."""
    values = [pushes.get(concept.name, 0.0) for concept in LUNG.concepts]
    return Reasons(1, 0, start, np.array(values), LUNG.concept_names)


def test_because() -> None:
    """A word where scale and comparison agree, none where they do not (spiculation)."""
    pushes = found(-1, diameter=5, spiculation=2, margin=-1.5)
    assert text.because(LUNG, pushes, HERE, TYPICAL) == (
        "Mainly because of **diameter** (rather large: 22 mm, typically 8) and **spiculation** "
        "(3.0 of 5, typically 1.8); against it speaks **margin** (sharp: 4.6 of 5, typically 3.8)."
    )


@pytest.mark.parametrize(
    ("names", "said"),
    [("a", "a"), ("ab", "a, b"), ("abcdef", "a, b, c and 3 more"), (["x" * 99, "y"], None)],
)
def test_a_few_names_and_how_many_more(names: str | list[str], said: str | None) -> None:
    assert text.few([*names], room=7) == (said or "x" * 99 + " and 1 more")


def test_titles_and_classes_from_outside_are_no_markup() -> None:
    concepts = (replace(LUNG.concepts[0], title="$x$ *b*"), *LUNG.concepts[1:])
    own = replace(LUNG, concepts=concepts, classes=("_a_", "`b`"))
    pushes, flip = found(-1, diameter=5), Flip(0, 0.1, 0, True)
    told = text.because(own, pushes, HERE, TYPICAL) + text.what_would_change_it(own, flip, HERE)
    assert r"**\$x\$ \*b\***" in told and r"**\_a\_**" in told
    for_paper = text.because(own, pushes, HERE, TYPICAL, marked=False)
    assert "**$x$ *b***" in for_paper


def test_because_of_one_thing_alone() -> None:
    said = text.because(LUNG, found(-1, diameter=5), HERE, TYPICAL)
    assert said == "Mainly because of **diameter** (rather large: 22 mm, typically 8)."


def test_an_answer_against_its_findings() -> None:
    """Here the findings push away, and the typical case is what holds the answer."""
    pushes = found(4, margin=-2, lobulation=-1)
    assert text.because(LUNG, pushes, HERE, TYPICAL) == (
        "Like a typical case, it is called malignant rather than benign; against it speak "
        "**margin** (sharp: 4.6 of 5, typically 3.8) and **lobulation** (slight: 1.4 of 5, "
        "typically 1.8), but not enough."
    )


def test_an_answer_mostly_that_of_a_typical_case() -> None:
    """The findings add to it, but less than the typical case stands for by itself."""
    pushes = found(2, margin=1, lobulation=-0.5)
    assert text.because(LUNG, pushes, HERE, TYPICAL) == (
        "Like a typical case, it is called malignant rather than benign, the more so because of "
        "**margin** (sharp: 4.6 of 5, typically 3.8); against it speaks **lobulation** (slight: "
        "1.4 of 5, typically 1.8)."
    )


def test_what_goes_past_the_findings_has_a_name() -> None:
    values = np.array([0.0] * 8 + [3.0])
    pushes = Reasons(1, 0, 0.0, values, (*LUNG.concept_names, "likeness to prototypes"))
    said = text.because(LUNG, pushes, [*HERE, 2.0], [*TYPICAL, 0.0])
    assert said == "Mainly because of **likeness to prototypes**."


@pytest.mark.parametrize(
    ("flip", "now", "said"),
    [
        (
            Flip(0, 0.4074, 0, True),
            0.7,
            "**benign** if **diameter** were 14 mm or less, instead of 22.",
        ),
        (
            Flip(4, 0.6, 1, True),
            0.5,
            "**malignant** if **spiculation** were 3.4 of 5 or more, instead ",
        ),
        (
            Flip(7, 1.0, 1, True),
            0.95,
            "if **absence of calcium** (a finding that it only guesses) were 6.0 of 6, instead of "
            "5.8.",
        ),
        # Both are 14 mm to the step of the slider: one digit more tells them apart.
        (Flip(0, 0.4074, 0, True), 0.42, "were 14.0 mm or less, instead of 14.3."),
        # Further out the answer comes back: nothing is said of what lies there.
        (Flip(0, 0.4074, 0, False), 0.7, "if **diameter** were 14 mm, instead of 22."),
    ],
)
def test_what_would_change_it(flip: Flip, now: float, said: str) -> None:
    concepts = [*HERE]
    concepts[flip.concept] = now
    assert said in text.what_would_change_it(LUNG, flip, concepts)


@pytest.mark.parametrize(
    ("low", "high", "digits", "steps"),
    [
        *((0, 100, 0, 100), (3, 30, 0, 27), (1, 5, 1, 40), (0, 1, 2, 100), (0, 0.5, 2, 50)),
        *((0, 300, -1, 30), (0, 1e6, -4, 100), (-1e9, 1e9, -8, 20)),
    ],
)
def test_every_scale_has_steps_to_set(low: float, high: float, digits: int, steps: int) -> None:
    concept = replace(LUNG.concepts[0], shown_low=low, shown_high=high)
    assert concept.digits == digits
    assert len(concept.grades) == steps + 1
    shown = [concept.shown(grade) for grade in concept.grades]
    np.testing.assert_allclose(shown, np.linspace(low, high, steps + 1), atol=0.05 * 10**-digits)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("see www.evil.example now", "see `www.evil.example` now"),
        ("WWW.evil.example", "`WWW.evil.example`"),
        ("mail a@evil.example.", "mail `a@evil.example.`"),
        ("![x](http://evil.example/`a)", r"\!\[x\]\(`http://evil.example/`\`a\)"),
        ("second look", "second look"),
        ("**bold** www", r"\*\*bold\*\* www"),
    ],
)
def test_words_from_outside_are_no_links(given: str, shown: str) -> None:
    """Markdown makes links of bare addresses even where they are escaped, but not in code."""
    assert text.plain(given) == shown


@pytest.mark.parametrize(("domain", "named"), [(LUNG, "malignant"), (DOMAINS["wrist_exercise"], 0)])
def test_a_class_is_named_with_what_it_is_compared_with(domain: Domain, named: object) -> None:
    assert text.odds_of(domain, 1, 0) == (named or "abduction against pendulum")


def test_every_kind_of_gate_has_its_words() -> None:
    assert set(text.GATES) == set(get_args(Gate))
    assert text.gates({"gain", "doubt"}, 0, " or ") == "doubt or gain"


def test_columns_of_a_waterfall_have_words() -> None:
    """A channel past the findings is none of them, and of several each speaks for a class."""
    assert output_title(LUNG, "margin") == "Margin"
    assert output_title(LUNG, "residual 1") == "what no finding names"
    assert output_title(LUNG, "likeness to prototypes") == "likeness to prototypes"
    wrist = DOMAINS["wrist_exercise"]
    titled = output_title(wrist, "residual 3")
    assert titled == f"what no finding names: {wrist.classes[3]}"
    pushes = Reasons(1, 0, -1, np.array([0.0] * 8 + [3.0]), (*LUNG.concept_names, "residual 1"))
    said = text.because(LUNG, pushes, [*HERE, 0.4], [*TYPICAL, 0.1])
    assert said == "Mainly because of **what no finding names**."


def test_of_several_classes_the_nearest_one_is_named_too() -> None:
    wrist = DOMAINS["wrist_exercise"]
    here = [0.9, *[0.5] * 7]
    pushes = Reasons(2, 1, -1, np.array([3.0] + [0.0] * 7), wrist.concept_names)
    said = text.because(wrist, pushes, here, [0.5] * 8)
    assert said.startswith(
        f"**{wrist.classes[2].capitalize()}** rather than **{wrist.classes[1]}** mainly "
    )


def test_names_that_are_lists_are_parted_by_semicolons() -> None:
    assert text.in_a_row(["Size", "Texture"]) == "Size, Texture"
    assert text.in_a_row(["Income, debt and job", "Texture"]) == "Income, debt and job; Texture"


def test_a_button_names_a_long_finding_in_short() -> None:
    concept = replace(LUNG.concepts[0], title="A mean of ash, alcalinity, hue and many others")
    said = text.flip_in_short(concept, Flip(0, 0.5, 1, True), 0.1)
    assert said.startswith("Set A mean of ash, alcalinity, hue…") and len(said) < 50
