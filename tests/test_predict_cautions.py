"""What a scored file says against its answers, and in which dialect it is written."""

import dataclasses
import datetime
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from own_data import LEVELS, loans, trained_on_loans
from studies import SHIPPED, part_of, shipped

from minspnet.artifact import Model, load, load_network, save
from minspnet.batch.cells import read_labels
from minspnet.batch.needs import Answers
from minspnet.batch.parquet_table import _cast, _kind
from minspnet.batch.results import NO_ANSWER
from minspnet.caution import Caution
from minspnet.cli import main
from minspnet.conformal import usual_rule
from minspnet.data import ConceptScale, levels_given
from minspnet.domain import Concept, Feature, LevelsRule, ScaleRule
from minspnet.errors import UserError
from minspnet.network import run
from minspnet.predict import KNOWN, Progress, open_cases, predict
from minspnet.titles import in_sentence
from minspnet.trace import replay
from minspnet.unusual import Neighbourhood

CYTOLOGY_30 = next(folder for folder in SHIPPED if folder.name.endswith("all_measurements"))
ODD, EMPTY = 3, 5
"""Rows of the file that are spoilt."""


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Test cases as a file has them: one with a value of another unit, one with a gap."""
    model = shipped(CYTOLOGY_30)
    cases = part_of(model, "test")
    names = list(model.domain.variant(model.variant).inputs)
    found = pd.DataFrame(cases.inputs.astype(np.float64), columns=names)
    found.loc[ODD, "mean_radius"] *= 1000
    found.loc[EMPTY, "mean_area"] = np.nan
    classes = [model.domain.classes[k].upper() for k in cases.labels]
    return found.assign(**{KNOWN: ["?", *classes[1:]], "id": cases.ids})


def ask(model: Model, table: pd.DataFrame, room: Path) -> tuple[Progress, pd.DataFrame]:
    source, out = room / "new.parquet", room / "out.parquet"
    table.to_parquet(source)
    *_, last = predict(model, source, [out])
    return last, pd.read_parquet(out)


def test_a_file_says_what_speaks_against_its_answers(table: pd.DataFrame, tmp_path: Path) -> None:
    """Sets as the rule of the pages makes them; the median where training had no gap."""
    model = shipped(CYTOLOGY_30)
    now, said = ask(model, table, tmp_path)
    train, validation = part_of(model, "train"), part_of(model, "validation")
    names = list(model.domain.variant(model.variant).inputs)
    inputs = table[names].to_numpy(np.float32, copy=True)
    place = names.index("mean_area")
    inputs[EMPTY, place] = np.median(train.inputs[:, place])
    ids = tuple(table["id"])
    trace = run(load_network(model), ids, inputs, model.domain.concept_names)
    decision = replay(trace, model.policy)
    chances = decision.probabilities
    np.testing.assert_allclose(said["chance_malignant"], chances[:, 1], atol=1e-5)

    rule = usual_rule(
        replay(model.traces["validation"], model.policy).probabilities, validation, 0.9
    )
    members = rule.members(chances, ids)
    expected = [
        "|".join(c for c, kept in zip(model.domain.classes, row, strict=True) if kept) or NO_ANSWER
        for row in members
    ]
    assert said["set"].astype(str).tolist() == expected
    assert now.several == sum(row.sum() != 1 for row in members)

    radius = next(one.title for one in model.domain.features if one.name == "mean_radius")
    area = next(one.title for one in model.domain.features if one.name == "mean_area")
    assert said.loc[ODD, "unusual"].startswith(f"unlike all training cases: {radius} ")
    assert "(training: " in said.loc[ODD, "unusual"]
    assert now.unusual == said["unusual"].notna().sum() < len(table) / 5
    assert said["missing"].dropna().to_dict() == {EMPTY: area}
    assert (now.filled, now.filled_in) == (1, {area: 1})

    labels = part_of(model, "test").labels[1:]
    assert now.labelled == len(table) - 1 and pd.isna(said.loc[0, "known"])
    assert now.right == (decision.predicted[1:] == labels).sum()
    low, high = now.interval
    assert low < now.right / now.labelled < high


@given(st.integers(1, 120), st.floats(0.1, 4), st.integers(0, 9))
def test_most_are_told_at_once_and_all_as_by_their_distance(
    known: int, limit: float, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    space = Neighbourhood.of(generator.normal(size=(known, 3)))
    values = generator.normal(size=(50, 3)) * generator.choice([0.1, 1, 3, 1e4], (50, 1))
    values[::7, 1] = np.nan
    assert space.beyond(values, limit).tolist() == (space.distance(values) > limit).tolist()
    assert not space.beyond(values, np.inf).any()


def own_model(room: Path) -> Model:
    """A model of loans whose card counts two cells as missing."""
    collection = loans()
    income, debt, job = collection.card.features
    marked = dataclasses.replace(income, missing=("n.b.", "-9"), beyond="limit"), debt, job
    card = dataclasses.replace(collection.card, features=marked, target_missing=("open",))
    save(trained_on_loans(), room / "m", collection=dataclasses.replace(collection, card=card))
    return load(room / "m")


def test_an_own_file_is_read_as_its_card_says_and_answered_in_kind(tmp_path: Path) -> None:
    """Marks, levels nobody knows, known answers; semicolons, commas and Excel's mark back."""
    model, plain = own_model(tmp_path), tmp_path / "plain.csv"
    rows = [
        "income;debt;job;status",
        "-9;0,5;none;PAID",
        ";0,5;None;default",
        "N.B.;0,5;none;open",
        "<0,25;0,5;none;paid",
        "0,25;0,5;none;paid",
        "0,25;0,5;astronaut;lost",
        "900;0,5;none;paid",
    ]
    source, out = tmp_path / "neu.csv", tmp_path / "out.csv"
    source.write_text("\r\n".join(rows), encoding="cp1252")
    *_, now = predict(model, source, [out], tmp_path / "bad.csv")
    *_, _ = predict(model, source, [plain], plain=True)
    assert (now.scored, now.rejected, now.labelled, now.strange) == (7, 0, 5, 1)
    assert now.first_strange == ((7, "lost"),) and now.lacking == {"Income": 3, "Job": 1}
    assert out.read_bytes().startswith(b"\xef\xbb\xbf") and b";" in out.read_bytes()
    found = pd.read_csv(out, sep=";", decimal=",", encoding="utf-8-sig")
    pd.testing.assert_frame_equal(found, pd.read_csv(plain), check_dtype=False, rtol=1e-5)
    assert not plain.read_bytes().startswith(b"\xef\xbb\xbf")
    assert (tmp_path / "bad.csv").read_bytes() == (b"\xef\xbb\xbfline;column;value;must;remedy\r\n")
    chances = found["Chance of default (0 to 1)"]
    assert chances[0] == chances[1] == chances[2] and chances[3] == chances[4]
    assert found["Missing"].tolist()[:3] == ["Income"] * 3
    assert found.loc[5, "Unusual"].startswith("Job 'astronaut' is none of its levels")
    assert "Income 900 (training: " in found.loc[6, "Unusual"]
    assert found["Known answer"].astype(object).fillna("").tolist() == [
        *("paid", "default", "", "paid", "paid", "", "paid"),
    ]


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        (pa.array([True, False, None]), (False, None)),  # neither is a class of this model
        (pa.array([datetime.date(2026, 1, 1)] * 3), (False, None)),
        (pa.array([["paid"], [], []]), None),
        (pa.array(["paid", "default", "lost"]).dictionary_encode(), (True, 1)),
    ],
)
def test_answers_of_any_kind_leave_a_parquet_file_readable(
    answers: pa.Array, told: tuple[bool, int | None] | None, tmp_path: Path
) -> None:
    """Answers are told beside the results: what cannot be one is counted, and refuses nothing."""
    columns = {"income": [1.0, 2, 3], "debt": [1.0, 2, 3], "job": [LEVELS[0]] * 3}
    source, out = tmp_path / "new.parquet", tmp_path / "out.parquet"
    pa.parquet.write_table(pa.table({**columns, "status": answers}), source)
    *_, now = predict(own_model(tmp_path), source, [out])
    assert now.scored == 3 and now.with_labels == (told is not None)
    assert now.passed_over == (() if told else ("status",))
    known, strange = told or (False, 0)
    assert now.labelled == 2 * known
    assert now.strange == (len(answers) - answers.null_count if strange is None else strange)


def test_truth_values_name_classes_and_levels_however_these_are_called() -> None:
    for words, kind in ((("0", "1"), pa.int8()), (("False", "True"), pa.string())):
        assert _kind(pa.bool_(), words, beside=True) == kind
        cells = pa.array([True, None, False]).cast(kind)
        assert read_labels(cells, Answers("a", words))[0].tolist() == [1, -1, 0]
    assert _kind(pa.bool_(), (), beside=False) == pa.int8()  # a number as it is
    assert _kind(pa.bool_(), ("benign", "malignant"), beside=True) == pa.string()


def test_what_is_no_text_is_passed_over_beside_the_results_and_refused_among_inputs() -> None:
    for kind in (pa.list_(pa.string()), pa.binary(16), pa.large_binary(), pa.duration("s")):
        assert _kind(kind, (), beside=True) is None and _kind(kind, ("a",), beside=False) is None
    day = pa.array(
        [datetime.datetime(2026, 1, 1), datetime.datetime(2026, 1, 1, 12, 30, 1, 500000)]
    )
    told = _cast(day, pa.string()).to_pylist()
    assert told == ["2026-01-01", "2026-01-01 12:30:01.5"]


def test_a_level_that_training_never_saw_is_unusual(tmp_path: Path) -> None:
    model = own_model(tmp_path)
    caution = Caution.of(model, model.policy)
    assert caution.remarks(np.float32([[0, 0, 1], [0, 0, np.nan]])) == {}
    seen = {place: levels & (np.arange(len(levels)) != 1) for place, levels in caution.seen.items()}
    rarer = dataclasses.replace(caution, seen=seen)
    said = rarer.remarks(np.float32([[0, 0, 1], [0, 0, 2]]))
    assert said == {0: f"no training case has Job {LEVELS[1]}"}


def test_a_file_of_one_column_is_told_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("debt\n1\n2\n")
    with pytest.raises(UserError, match=r"2 of 3 are missing \(income, job\), got debt"):
        open_cases(tmp_path / "one.csv", own_model(tmp_path))


def test_the_command_says_them_too(
    table: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table.to_csv(tmp_path / "new.csv", index=False)
    asked = ["predict", str(CYTOLOGY_30), str(tmp_path / "new.csv"), "--out"]
    asked += [str(tmp_path / "o.csv"), "--coverage", "0.99"]
    assert main([*asked, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    # One in a hundred can be left out only with 99 validation cases of each class.
    assert said["coverage"] is None or said["coverage"] == 0.99
    assert said["known"]["cases"] == len(table) - 1 and said["filled"] == 1
    assert main(asked) == 0
    printed = capsys.readouterr().out
    assert "unlike the training cases: see the column unusual, in a CSV headed Unusual" in printed
    assert "known answers are met: accuracy" in printed
    assert "1 case with the training cases' median put in" in printed


def test_a_level_in_the_data_is_no_estimate() -> None:
    levels = LevelsRule(("job",), (1,))
    concept = Concept("cook", "Cook", "", "no", "yes", levels, 0, 100, "of 100")
    domain = dataclasses.replace(
        shipped(CYTOLOGY_30).domain,
        features=(Feature("age", "Age"), Feature("job", "Job", levels=("nurse", "cook"))),
        concepts=(concept,),
    )
    assert levels_given(domain, ("age", "job"), np.float32([30, 0])) == {0: "nurse"}
    assert levels_given(domain, ("age", "job"), np.float32([30, np.nan])) == {}
    assert levels_given(domain, ("age",), np.float32([30])) == {}


def test_titles_that_somebody_typed_stay_as_they_are() -> None:
    own = shipped(CYTOLOGY_30).domain.concepts[0].title
    assert in_sentence(own) == own.lower()
    for title in ("Lungenknoten", "Schule der Mutter", "Crohn", "pH", "Alter (Jahre)"):
        assert in_sentence(title) == title


def test_what_the_inputs_say_of_a_finding_is_no_estimate() -> None:
    """Mean of the columns there are; none where all are missing; others ask for more columns."""
    words, shown = ("Size", "", "small", "large"), (0, 100, "of 100")
    rules = ScaleRule(("a", "b"), 0, 10), ScaleRule(("a", "c"), 0, 10)
    scale = ConceptScale(tuple(Concept("one", *words, rule, *shown) for rule in rules), {})
    for row, wanted in (([2, 4], 0.3), ([2, np.nan], 0.2), ([np.nan, np.nan], np.nan)):
        found = scale.measured(("a", "b"), np.float32(row))
        assert [*found] == [0] and found[0] == pytest.approx(wanted, nan_ok=True)


def test_a_number_below_zero_where_none_was_is_unusual() -> None:
    """However near the smallest one it lies: a code of another column, most likely."""
    model = shipped(CYTOLOGY_30)
    caution, cases = Caution.of(model, model.policy), part_of(model, "test")
    names = model.domain.variant(model.variant).inputs
    place = names.index("mean_smoothness")
    odd = cases.inputs[:2].copy()
    odd[0, place] = -0.001
    remark = caution.remarks(odd)[0]
    assert "-0.001 (training: 0.0" in remark
