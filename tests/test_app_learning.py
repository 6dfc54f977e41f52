"""From reviews to an update, its comparison, its adoption and back, through the pages."""

from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest
from test_app import TABULAR, open_app, own_store
from test_learning import account

from dashboard import cache, in_force, learning, update_words
from minspnet.access import Action, Actor, Role
from minspnet.artifact import load
from minspnet.errors import UserError
from minspnet.learned import Difference, account_of
from minspnet.learning import update
from minspnet.record.reviews import Correction, Review
from minspnet.record.schema import ADOPTIONS
from minspnet.record.verify import verify
from minspnet.trace import replay

__all__ = ["own_store"]
SCOPE = "breast_cytology/mean_and_se"
WHEN = "2026-01-02T03:04:05+00:00"
CASES = 24


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Updates go to a shelf of their own; two undisputed ones have to do."""
    monkeypatch.setenv("MINSPNET_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(update, "UNDISPUTED", 2)
    return tmp_path / "home"


def reviewed(reader: str, cases: int = CASES) -> tuple[str, ...]:
    """A reader reads nuclear size a quarter of its scale higher, and answers as labelled."""
    model = cache.model(TABULAR)
    trace, labels = model.traces["test"], cache.part(TABULAR, "test").labels
    decided, truth = replay(trace, model.policy), cache.truth(TABULAR, "test")
    thresholds = model.policy.to_text()
    for row in range(cases):
        predicted = model.domain.classes[decided.predicted[row]]
        opinion = model.domain.classes[labels[row]]
        size = Correction("nuclear_size", float(np.minimum(1, truth[row, 0] + 0.25)))
        cache.store().reviews.append(
            Review(
                f"{reader}-{row}", reader, trace.case_ids[row], model.domain_key, model.digest,
                trace.digest, thresholds["gates"], thresholds["cut"], predicted, 0.9,
                "agree" if predicted == opinion else "disagree", opinion, WHEN, WHEN, WHEN, 9.0,
                concepts=(size,),
            )
        )  # fmt: skip
    return trace.case_ids[:cases]


def said(app: AppTest) -> str:
    parts = (*app.markdown, *app.caption, *app.header, *app.info, *app.success, *app.warning)
    return "\n".join(part.value for part in parts).replace("\\", "")


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click().run()
    assert not app.exception and not app.error
    return app


def test_from_reviews_to_a_model_in_force_and_back(home: Path) -> None:
    cases = reviewed("Ann")
    app = open_app("reviews", model=TABULAR)
    assert f"1 reader set {CASES} findings right and gave {CASES} answers" in said(app)
    assert app.button(key="learn-start").disabled
    app.text_input(key="reader-name").set_value("Ann").run()
    press(app, "learn-start")

    (folder,) = (home / "models").iterdir()
    made, old = load(folder), cache.model(TABULAR)
    assert made.parent == old.digest and made.spec == old.spec
    assert made.policy.gate_thresholds == old.policy.gate_thresholds
    assert set(cases) <= set(made.traces["train"].case_ids)
    assert not set(cases) & {*made.traces["test"].case_ids, *made.traces["validation"].case_ids}
    found = account_of(made.metrics)
    assert (found.reviewed, found.findings, found.moved_test) == (CASES, CASES, CASES)
    assert found.held_findings.after < found.held_findings.before
    kept = cache.store().sets.version(SCOPE, 1)
    assert kept.content.digest == found.content and len(kept.content.cases) == CASES

    assert app.title[0].value == "Compare"
    assert "What the update changed: Means and standard errors only, reviewed v1" in said(app)
    assert f"{len(made.traces['test'])} test aspirates nobody learned from" in said(app)
    assert "Learned from version 1 of the reviewed set: 24 cases by 1 reader" in said(app)
    assert in_force.in_force(TABULAR) is None
    app.switch_page("../pages/compare.py").run()

    app.text_input(key="adoption-why-update").set_value("it reads size as we do").run()
    press(app, "adopt-update")
    assert "is in force now" in said(app)
    assert in_force.in_force(TABULAR) == folder.name
    assert open_app(domain="breast_cytology").query_params["model"] == folder.name
    for page in ("case", "overview"):
        assert "A newer model is in force" in said(open_app(page, model=TABULAR))
        assert "In force since" in said(open_app(page, model=folder.name))
    assert "in force" not in said(open_app("overview", model="breast_cytology-all_measurements"))

    shelf = open_app("models", model=folder.name)
    assert shelf.dataframe[0].value["In force"].tolist().count("yes") == 1
    assert shelf.button(key="model-delete").disabled
    shelf.text_input(key="reader-name").set_value("Bo").run()
    press(shelf, "roll-back-models")
    assert "Rolled back" in said(shelf)
    assert in_force.first_of("breast_cytology") == in_force.usual(TABULAR) == TABULAR
    newest, before = in_force.standing(TABULAR).history
    assert (newest.kind, newest.by, before.by) == ("roll back", "Bo", "Ann")
    assert before.reason == "it reads size as we do"
    for action in (Action.TRAIN_MODEL, Action.ADOPT_MODEL, Action.ROLL_BACK):
        assert cache.store().audit.find(action=action)
    checked = verify(cache.store().engine)
    assert not checked.findings
    assert (checked.records["adoptions"], checked.records["reviewed_sets"]) == (2, 1)
    assert learning.lineage(folder.name) == (made.digest, old.digest)


@pytest.mark.parametrize(
    ("low", "high", "mean", "how", "words"),
    [
        (-0.03, 0.01, 0.06, "flagged", "Accuracy holds (−1.0 points, 95%: −3.0 to +1.0"),
        (-0.03, -0.01, 0.06, "worse", "Less accurate: 88.0% instead of 90.0%"),
        (0.0, 0.0, 0.04, "fine", "no answer changed from right to wrong or back"),
    ],
)
def test_what_to_make_of_an_update(
    low: float, high: float, mean: float, how: str, words: str
) -> None:
    found = account(Difference(0.9, 0.9 + (low + high) / 2, low, high, 50, 50), mean)
    verdict, sentence = update_words.verdict(found, cache.domain_of(TABULAR))
    assert verdict == how and words in sentence
    assert f"{'further' if mean > 0.05 else 'no further'} than by any of 3 updates" in sentence
    (change,) = (r["Change"] for r in update_words.rows(found) if r["Measure"] == "Accuracy")
    assert change == ("none" if how == "fine" else f"−{1 + (how == 'worse')}.0 points")


def test_an_adoption_against_what_was_not_shown_is_refused(home: Path) -> None:
    seen = learning.to_replace(TABULAR)
    for name, digest in (("B", "b" * 64), ("C", "c" * 64)):
        call = (in_force.scope_of(TABULAR), (digest, name), seen, WHEN)
        if name == "B":
            cache.store().adoptions.adopt(Actor("Ann", Role.ADMIN), *call)
            continue
        with pytest.raises(UserError, match="be the one in force"):
            cache.store().adoptions.adopt(Actor("Bo", Role.ADMIN), *call)
    # What was adopted is not here: nothing else is said to be in force.
    assert in_force.in_force(TABULAR) in (None, TABULAR)
    assert in_force.trouble(TABULAR) == ""
    if in_force.in_force(TABULAR) == TABULAR:
        said = " ".join(one.value for one in open_app("case", model=TABULAR).caption)
        assert "adopted later, is not here" in said
    with cache.store().engine.begin() as connection:
        connection.execute(sa.update(ADOPTIONS).values(adoption="{"))
    assert "Which model is in force cannot be told" in " ".join(
        error.value for error in open_app("case", model=TABULAR).error
    )


def test_too_few_reviews_are_said_to_be_too_few() -> None:
    reviewed("Ann", 4)
    reviewed("Bo", 3)
    app = open_app("reviews", model=TABULAR)
    assert "Not yet: reviewed cases must number 10 or more" in said(app)
    assert "learn-start" not in {button.key for button in app.button}
