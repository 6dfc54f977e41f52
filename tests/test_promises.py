"""Promises in words, by hand."""

from dataclasses import replace

import pytest

from dashboard import promises
from minspnet.guarantee import Certificate, Promise
from minspnet.policy import Policy

CLASSES = ("benign", "malignant")
FOUND = Certificate(
    promise=Promise(),
    policy=Policy((0.4,)),
    share=0.31,
    cases=1200,
    unlabelled=0,
    class_cases=None,
    groups=None,
    test="exact",
    fresh_starts=True,
    rungs=(),
    cases_needed=299,
    cases_likely=None,
    share_likely=None,
)
NONE = replace(FOUND, policy=None, share=1.0, cases=200)


def test_a_promise() -> None:
    assert promises.promised(FOUND, CLASSES) == (
        "With 95% confidence, accuracy on new cases of this kind is at most 1 point below that of "
        "all experts on. It costs 31% of the FLOPs of all experts on."
    )
    sure = replace(FOUND, promise=Promise(confidence=0.995))
    assert promises.promised(sure, CLASSES).startswith("With 99.5% confidence")
    both = replace(FOUND, promise=Promise(0.5, 0.9, 1, 2.0))
    assert promises.promised(both, CLASSES) == (
        "With 90% confidence, accuracy on new cases of this kind is at most 0.5 points below that "
        "of all experts on, and of class malignant at most 2 points fewer are found. It costs 31% "
        "of the FLOPs of all experts on."
    )


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            replace(NONE, cases_likely=420, share_likely=0.4),
            "299 cases with a known answer would be enough if not one decision changed; there are "
            "200. With about 420 cases, 40% of the FLOPs would likely do, if "
            "new ones are like those seen; or allow a larger loss.",
        ),
        (
            replace(NONE, groups=30, cases_needed=433),
            "433 groups with a known answer would be enough if not one decision changed; there "
            "are 30. Allow a larger loss, or use less confidence.",
        ),
        (
            replace(NONE, cases=2000),
            "Too many decisions change for the worse on the calibration cases. Allow a larger "
            "loss, or use less confidence.",
        ),
    ],
)
def test_no_promise(found: Certificate, said: str) -> None:
    assert promises.promised(found, CLASSES) == (
        f"Nothing can be promised that is cheaper than running every expert. {said}"
    )


def test_grounds() -> None:
    assert promises.grounds(replace(FOUND, class_cases=500, unlabelled=4000)) == (
        "Tested on 1,200 cases with a known answer, 500 of them of the named class, and 4,000 "
        f"without, of which only changed decisions count. {promises.CASES_ONE_BY_ONE}"
    )
    assert promises.grounds(replace(FOUND, groups=300)).endswith(
        "1,200 cases with a known answer, from 300 groups. A group, such as a patient, counts "
        "once, however many cases it has: the promise is for the mean over groups."
    )
