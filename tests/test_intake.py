"""What is seen in a table, what is suspected, and a card that trains as it stands."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from minspnet.adapters import Card, read_card, read_cases, write_card
from minspnet.cli import main
from minspnet.data import ConceptScale, folds
from minspnet.domain import LevelsRule
from minspnet.errors import UserError
from minspnet.intake import (
    Profile,
    Table,
    classes_of,
    draft,
    profile,
    sniff,
    suggest_groups,
    suggest_targets,
    suspects,
    usual_features,
    usual_id,
)
from minspnet.intake.alone import Alone, tells
from minspnet.intake.naming import in_order, key_of, listed, title_and_unit
from minspnet.presets import Preset
from minspnet.recipe import TrainSpec
from minspnet.spec import ExpertSpec, ModelSpec, StemSpec
from minspnet.study import conduct
from minspnet.wording import lowered
from minspnet.workspace import Workspace

ROWS = 400


def relapses() -> dict[str, list[str]]:
    """Visits of patients: what may be learned from, and one column of each kind that may not."""
    generator = np.random.default_rng(0)
    age, salt = generator.normal(60, 10, ROWS).round(), generator.normal(140, 20, ROWS)
    pressure = salt + generator.normal(0, 5, ROWS)
    job = generator.choice(["employed", "none", "retired"], ROWS, p=[0.5, 0.3, 0.2])
    sick = (age - 60) / 10 + (salt - 140) / 20 + (job == "none") + generator.normal(0, 1, ROWS) > 1
    holes = generator.random((2, ROWS)) < 0.1
    columns: dict[str, list[str]] = {
        "patient_id": [f"P{number}" for number in generator.integers(0, 150, ROWS)],
        "visit": [str(number) for number in range(1, ROWS + 1)],
        "admitted": [f"{day}.03.2021" for day in generator.integers(1, 31, ROWS)],
        "age (years)": ["?" if hole else str(v) for v, hole in zip(age, holes[0], strict=True)],
        "salt_mg": [f"{value:.1f}" for value in salt],
        "pressure_mmhg": [f"{value:.1f}" for value in pressure],
        "job": ["" if hole else str(v) for v, hole in zip(job, holes[1], strict=True)],
        "letter": ["sent" if s else "not sent" for s in sick],
        "days_after": [str(generator.integers(30, 90) if s else 0) for s in sick],
        "note": [f"seen by doctor {number}" for number in generator.integers(0, 300, ROWS)],
        "country": ["DE"] * ROWS,
        "ward": [""] * ROWS,
        "slips": ["high" if row in (7, 9) else str(row % 30) for row in range(ROWS)],
        "salt_again": [f"{value:.1f}" for value in salt],
        "outcome": ["relapse" if s else "healthy" for s in sick],
    }
    return columns


def table_of(columns: Mapping[str, list[str]]) -> Table:
    return Table(tuple(columns), tuple(columns.values()))


@pytest.fixture(scope="module")
def table() -> Table:
    return table_of(relapses())


@pytest.fixture(scope="module")
def found(table: Table) -> Profile:
    return profile(table)


# --- Profile ----------------------------------------------------------------------------


def test_every_column_is_of_its_kind(found: Profile) -> None:
    assert {column.name: column.kind for column in found.columns} == {
        "patient_id": "text",
        "visit": "id",
        "admitted": "date",
        "age (years)": "number",
        "salt_mg": "number",
        "pressure_mmhg": "number",
        "job": "category",
        "letter": "category",
        "days_after": "number",
        "note": "text",
        "country": "constant",
        "ward": "empty",
        "slips": "number",
        "salt_again": "number",
        "outcome": "category",
    }


def test_a_column_is_counted_by_hand() -> None:
    cells = [*["1", "3", "3", "", "9"] * 4, "1e99", "1"]
    numbers = profile(table_of({"x": cells, "y": ["a", "b"] * 11}))
    x, y = numbers.columns
    assert (x.kind, x.missing, x.unique, x.stray, x.strays) == (
        ("number", 4, 4, 1, ((22, "1e99"),))
    )
    assert x.quantiles[0] == 1 and x.quantiles[2] == 3 and x.quantiles[-1] == 9
    assert sum(x.counts) == 17 and len(x.edges) == len(x.counts) + 1
    assert y.levels == (("a", 11), ("b", 11)) and numbers.repeated == 13


# --- Suspects ---------------------------------------------------------------------------

LEFT_OUT = {
    "letter": "copy",
    "days_after": "leak",
    "visit": "id",
    "admitted": "date",
    "note": "text",
    "country": "constant",
    "ward": "empty",
    "slips": "slips",
    "salt_again": "twin",
}


def test_each_suspect_is_told_once_with_a_remedy(table: Table, found: Profile) -> None:
    told = suspects(table, found, "outcome", "patient_id")
    assert {one.column: one.what for one in told if one.leave_out} == LEFT_OUT
    assert [one.what for one in told][:2] == ["copy", "leak"]
    for one in told:
        assert one.sentence.endswith(".") and "\n" not in one.sentence
    slips = next(one for one in told if one.what == "slips")
    assert "2 cells that are no numbers, first 'high' in row 9;" in slips.sentence
    usual = usual_features(found, told, "outcome", "patient_id")
    assert usual == ("age (years)", "salt_mg", "pressure_mmhg", "job")


def test_rare_classes_missing_answers_and_repeats_are_told() -> None:
    columns = {
        "a": [str(row % 10) for row in range(200)],
        "b": [str(row % 7) for row in range(200)],
        "y": ["rare" if row % 25 == 0 else "?" if row % 25 == 1 else "usual" for row in range(200)],
    }
    columns = {name: cells * 2 for name, cells in columns.items()}
    seen = table_of(columns)
    told = {one.what: one.sentence for one in suspects(seen, profile(seen), "y")}
    assert set(told) == {"imbalance", "unlabelled", "repeated"}
    assert told["imbalance"].startswith("Only 16 cases (4.2%) of y are rare: answering usual")
    assert "answering usual always would be right mostly, so" in told["imbalance"]
    assert told["unlabelled"].startswith("y is missing in 16 rows")


def test_a_rare_class_among_several_is_no_sign_that_one_is_most() -> None:
    """1 of 27 wines is rare, and 10 are of the commonest kind: 37 %, which is not mostly."""
    cells = ["Grignolno"] + ["Grignolino"] * 10 + ["Barbera"] * 8 + ["Barolo"] * 8
    seen = table_of({"y": cells, "x": [f"{k}.5" for k in range(27)]})
    said = next(o for o in suspects(seen, profile(seen), "y") if o.what == "imbalance").sentence
    assert said.startswith("Only 1 case (3.7%) of y is Grignolno: an accuracy hides whether any")
    assert "mostly" not in said


def test_honest_columns_are_not_suspected() -> None:
    """Strong ones neither: AUC .95 is what good measurements reach."""
    generator = np.random.default_rng(0)
    labels = np.arange(600) % 2
    strong = labels * 2.3 + generator.normal(size=600)
    assert roc_auc_score(labels, strong) > 0.93
    columns = {
        "strong": [f"{value:.3f}" for value in strong],
        "noise": [f"{value:.3f}" for value in generator.normal(size=600)],
        "word": generator.choice([*"abcdefghij"], 600).tolist(),
        "y": [str(label) for label in labels],
    }
    seen = table_of(columns)
    assert suspects(seen, profile(seen), "y") == ()


@pytest.mark.parametrize("share", [0.5, 0.05])
def test_one_column_alone_tells_as_often_as_a_loop_counts(share: float) -> None:
    """A number above 0 is the class, but for one case in ten: recall .9, however rare it is."""
    generator = np.random.default_rng(1)
    labels = (generator.random(4000) < share).astype(np.intp)
    shown = np.where(generator.random(4000) < 0.1, 1 - labels, labels)
    values = np.abs(generator.normal(size=4000)) * (2 * shown - 1)
    seen = table_of({"x": [f"{v:.5f}" for v in values], "y": [str(label) for label in labels]})
    alone = tells(seen, profile(seen).column("x"), labels, np.arange(4000))
    assert alone.recall == pytest.approx(0.9, abs=0.03)
    assert alone.surely < alone.recall and alone.cases == 4000 and alone.chance == 0.5


def test_noise_tells_nothing_and_groups_are_not_learned_by_heart() -> None:
    """Each group has a word and a class of its own: held out by group, words say nothing."""
    groups = np.repeat(np.arange(40), 10)
    labels = np.random.default_rng(2).integers(0, 2, 40)[groups]
    seen = table_of({"x": [f"w{g}" for g in groups], "y": [str(label) for label in labels]})
    column = profile(seen).column("x")
    assert tells(seen, column, labels, np.arange(400)).recall > 0.95
    assert tells(seen, column, labels, groups).recall == 0.5
    assert Alone(1.0, 0.5, 0.5, 9, 0).skill == 0


# --- Suggestions ------------------------------------------------------------------------


def test_target_and_group_are_suggested_with_a_reason(found: Profile) -> None:
    first, *_ = suggest_targets(found)
    assert first.column == "outcome" and first.sure
    assert first.reason == (
        "has a name that answers often have, stands last and has 2 different values"
    )
    (group,) = suggest_groups(found)
    assert group.column == "patient_id" and group.sure
    assert group.reason.startswith("repeats: ") and "in 400 rows" in group.reason
    assert usual_id(found) == "visit"


@pytest.mark.parametrize(
    ("cells", "classes"),
    [
        (["10", "9", "-1"], ("-1", "9", "10")),
        (["1,5", "0,5"], ("0,5", "1,5")),
        (["b", "A", "?"], ("A", "b")),
    ],
)
def test_classes_are_put_in_order(cells: list[str], classes: tuple[str, ...]) -> None:
    assert classes_of(profile(table_of({"x": cells, "y": cells})), "y") == classes


# --- Drafts -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def card(table: Table, found: Profile) -> Card:
    return draft(table, found, "outcome", "patient_id", name="relapses.csv")


def test_a_draft_says_everything(card: Card) -> None:
    assert read_card(write_card(card)) == card
    assert (card.key, card.question) == ("relapses_csv", "What is the outcome of this case?")
    assert card.classes == ("healthy", "relapse") and card.target_values == ()
    assert (card.id, card.group, card.group_noun) == ("visit", "patient_id", "patient")
    assert [(f.title, f.unit) for f in card.features] == [
        ("Age", "years"),
        ("Salt", "mg"),
        ("Pressure", "mmHg"),
        ("Job", ""),
    ]
    assert card.features[3].levels == ("employed", "none", "retired")
    concepts = {concept.title: concept for concept in card.concepts}
    assert [*concepts] == [
        "Age",
        "Salt and pressure",
        "Job: employed",
        "Job: none",
        "Job: retired",
    ]
    assert concepts["Job: none"].concept(card.features).rule == LevelsRule(("job",), (1,))
    assert "A missing cell is left out of a concept's mean" in card.concept_note


def test_columns_that_go_together_are_one_concept_where_there_are_many() -> None:
    """Three pairs that rise together, one of them against the others, and seven loners."""
    generator = np.random.default_rng(0)
    columns = {}
    for pair in "abc":
        shared = generator.normal(size=300)
        sign = -1 if pair == "c" else 1
        columns[f"{pair} width"] = shared + 0.2 * generator.normal(size=300)
        columns[f"{pair} other width"] = sign * shared + 0.2 * generator.normal(size=300)
    columns |= {f"lone{k}": generator.normal(size=300) for k in range(7)}
    cells = {name: [f"{v:.3f}" for v in values] for name, values in columns.items()}
    label = columns["lone3"] + columns["a width"] + 0.1 * generator.normal(size=300) > 0
    seen = table_of({**cells, "y": ["yes" if one else "no" for one in label]})
    drafted = draft(seen, profile(seen), "y")
    of = {concept.columns: concept.title for concept in drafted.concepts}
    assert len(of) == 8
    assert of["a width", "a other width"] == "Width"
    # Of what goes together in no way, the first of the file are kept, whatever tells the class.
    assert ("lone0",) in of and ("lone6",) not in of
    assert not any({"c width", "c other width"} <= set(columns) for columns in of)
    assert "Of 11 such groups the 8 that hold most columns are kept" in drafted.concept_note


def test_the_class_does_not_choose_concepts() -> None:
    """They are drafted before anything is split: the class is that of the test cases, too."""
    generator = np.random.default_rng(0)
    values = generator.normal(size=(400, 12))
    cells = {f"x{k}": [f"{v:.3f}" for v in column] for k, column in enumerate(values.T)}
    answers = (values[:, 11] > 0, generator.integers(2, size=400) > 0)
    tables = [table_of({**cells, "y": ["yes" if one else "no" for one in y]}) for y in answers]
    drafts = [draft(one, profile(one), "y") for one in tables]
    assert drafts[0].concepts == drafts[1].concepts and len(drafts[0].concepts) == 8


@pytest.mark.parametrize(
    ("cells", "classes", "values"),
    [
        (["0", "1"], ("class 0", "class 1"), ("0", "1")),
        (["yes", "no"], ("no", "yes"), ()),
        (["sick", "well", "well"], ("well", "sick"), ()),
        (["sick", "sick", "benign"], ("benign", "sick"), ()),
        (["c", "a", "b"], ("a", "b", "c"), ()),
    ],
)
def test_of_two_classes_the_second_is_the_one_looked_for(
    cells: list[str], classes: tuple[str, ...], values: tuple[str, ...]
) -> None:
    told = (cells * 30)[:60]
    noise = [f"{v:.3f}" for v in np.random.default_rng(0).normal(size=60)]
    drafted = draft(*(lambda t: (t, profile(t)))(table_of({"x": noise, "label": told})), "label")
    assert (drafted.classes, drafted.target_values) == (classes, values)
    assert drafted.question == "Which class does this case belong to?"


def test_a_draft_trains_as_it_stands(card: Card, table: Table) -> None:
    """Through the whole of a study: levels, missing cells, concepts of both, groups kept."""
    cases = read_cases(card, table)
    split = next(folds(cases, 0))
    domain = card.domain()
    levels = tuple(len(feature.levels) for feature in card.features)
    stem = StemSpec("tabular", 4, levels=levels, missing=True)
    experts = (ExpertSpec("second", "dense", 48),)
    spec = ModelSpec((len(levels),), len(domain.concepts), 2, stem, experts)
    recipe = Preset(spec, TrainSpec(epochs=20, learning_rate=0.03))
    study = conduct(domain, domain.variants[0], recipe, cases, split, 0, baselines=False)
    assert study.metrics["all_on"]["auc"] > 0.75
    truth = ConceptScale.fit(domain.concepts, cases.take(split.train)).truth(cases.columns)
    assert np.isfinite(truth).all() and (np.ptp(truth, axis=0) > 0.9).all()


def bad_drafts() -> dict[str, tuple[dict[str, object], str]]:
    return {
        "no column": ({"target": "x"}, "target must be a column of the table, got x; take one"),
        "one class": ({"target": "country"}, "target country must hold 2 to 50 different values"),
        "no class": ({"target": "ward"}, "target ward must hold 2 to 50 different values, got 0"),
        "too many classes": ({"target": "note"}, "target note must hold 2 to 50 different values"),
        "a group that is the target": ({"group": "outcome"}, "group must be another column"),
        "no such group": ({"group": "x"}, "group must be another column of the table, got x"),
        "one group": (
            {"group": "country"},
            "class healthy of outcome must have at least 7 different values of country, to learn "
            "from and to be tested on, got 1; choose",
        ),
        "no features": ({"features": ()}, "features must be at least one column, got none left"),
        "the target": ({"features": ("outcome",)}, "features must be columns other than the targ"),
        "a date": ({"features": ("admitted",)}, "column admitted must be numbers or words, to be"),
        "an empty one": ({"features": ("ward",)}, "column ward must be numbers or words, to be a"),
        "sentences": ({"features": ("note",)}, "column note must hold 2 to 50 different words"),
        "one that never varies": ({"features": ("country",)}, "column country must hold 2 to 50"),
    }


@pytest.mark.parametrize("bad", bad_drafts())
def test_what_cannot_be_drafted_is_said_in_one_sentence(
    bad: str, table: Table, found: Profile
) -> None:
    changes, told = bad_drafts()[bad]
    with pytest.raises(UserError) as refusal:
        draft(table, found, **{"target": "outcome", "group": "patient_id", **changes})
    said = str(refusal.value)
    assert said.startswith(told) and said.endswith(".") and "\n" not in said


def test_a_table_without_a_sound_column_is_refused() -> None:
    seen = table_of({"a": ["NA"] * 40, "b": ["inf"] * 40, "y": ["1", "2"] * 20})
    with pytest.raises(UserError, match=r"^features must be at least one column, got none left"):
        draft(seen, profile(seen), "y")


# --- Words ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "title", "unit"),
    [
        ("mean_radius", "Mean radius", ""),
        ("sepal length (cm)", "Sepal length", "cm"),
        ("weight_kg", "Weight", "kg"),
        ("bodyTemp [°C]", "body Temp", "°C"),
        ("HbA1c", "HbA1c", ""),
        ("kg", "Kg", ""),
        ("(x)", "(x)", ""),
    ],
)
def test_names_become_titles_and_units(name: str, title: str, unit: str) -> None:
    assert title_and_unit(name) == (title, unit)


def test_keys_are_identifiers_each_once() -> None:
    keys: list[str] = []
    for text in ("3 a", "3 a", "Große Ärger!", "", "temp ℃", "x" * 99, "class"):
        keys.append(key_of(text, tuple(keys)))
    assert keys[:5] == ["c_3_a", "c_3_a_2", "grosse_arger", "column", "temp_c"]
    assert all(key.isidentifier() for key in keys) and len(set(keys)) == len(keys)
    assert listed(["A", "Bc", "CD", "E"]) == "A, Bc and 2 more"


def test_numbers_within_words_are_sorted_by_size() -> None:
    cells = ["grade 10", "Grade 9", "grade 2b", "10-19", "5-9", "B", "a", "A"]
    assert sorted(cells, key=in_order) == [
        "5-9", "10-19", "A", "a", "B", "grade 2b", "Grade 9", "grade 10"
    ]  # fmt: skip


@pytest.mark.parametrize("title", ["BMI", "T score", "pH", "5-HT", "X", ""])
def test_an_abbreviation_stays_large_within_a_sentence(title: str) -> None:
    assert lowered(title) == title
    assert lowered("Mean age") == "mean age"


@pytest.mark.parametrize(("column", "said"), [("Ergebnis", "Ergebnis"), ("outcome", "outcome")])
def test_the_question_names_the_answer_as_the_table_does(column: str, said: str) -> None:
    ages, answers = [str(20 + k % 17) for k in range(60)], ["no", "yes", "yes"] * 20
    table = table_of({"age": ages, column: answers})
    assert draft(table, profile(table), column).question == f"What is the {said} of this case?"


# --- Command line -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables") / "relapses.csv"
    columns = relapses()
    rows = [*columns], *zip(*columns.values(), strict=True)
    path.write_text("\n".join(";".join(row) for row in rows))
    return path


def test_a_table_is_checked_drafted_and_saved_from_the_command_line(
    file: Path, capsys: pytest.CaptureFixture[str], card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = str(file.with_suffix(".toml"))
    assert main(["domain", "draft", str(file), "--target", "outcome", "--out", out]) == 0
    said = capsys.readouterr().out
    assert "400 cases of 2 classes (healthy, relapse), split by patient_id" in said
    assert "! letter is outcome in other words" in said
    drafted = read_card(Path(out).read_text())
    assert drafted == dataclasses.replace(card, key="relapses", title="Relapses")
    assert main(["domain", "check", str(file), "--card", out]) == 0
    said = capsys.readouterr().out
    assert "400 rows, 15 columns, UTF-8, semicolon between cells, decimal ." in said
    assert "likely group: patient_id repeats" in said
    assert said.endswith("The card relapses fits this file.\n")
    monkeypatch.setenv("MINSPNET_HOME", str(file.parent / "home"))
    assert main(["domain", "save", str(file), "--card", out]) == 0
    assert capsys.readouterr().out == "saved 400 cases: train on them as relapses\n"
    assert [*Workspace.from_environment().collections()] == ["relapses"]
    assert main(["domain", "save", str(file), "--card", out]) == 2
    assert "key relapses must be free" in capsys.readouterr().err
    assert main(["domain", "save", str(file), "--card", out, "--replace"]) == 0
    capsys.readouterr()
    assert main(["domain", "check", str(file), "--target", "outcome", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {one["column"] for one in told["suspects"] if one["leave_out"]} == {
        *LEFT_OUT,
        "patient_id",
    }


def test_a_card_that_does_not_fit_is_said(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], card: Card
) -> None:
    other = tmp_path / "card.toml"
    other.write_text(write_card(dataclasses.replace(card, group="household")))
    assert main(["domain", "check", str(file), "--card", str(other), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)["card"]
    assert not told["fits"] and told["because"].startswith("table must have a column household")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["check", "none.csv"], "minspnet: table must be a file that can be read (No such file"),
        (["check", "{file}", "--card", "none.toml"], "minspnet: --card must be a TOML file that"),
        (["check", "{file}", "--card", "{file}"], "minspnet: card must be a TOML file, got"),
        (["check", "{file}", "--target", "x"], "minspnet: table must have a column x, got"),
        (["draft", "{file}", "--target", "x", "--out", "a.toml"], "minspnet: target must be a"),
        (["draft", "{file}", "--target", "outcome", "--out", "a.csv"], "minspnet: --out must end"),
        (
            ["draft", "{file}", "--target", "outcome", "--out", "/none/a.toml"],
            "minspnet: --out must be a file that can be written (No such file or directory)",
        ),
    ],
)
def test_the_command_line_refuses_in_one_line(
    arguments: list[str], told: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(["domain", *(one.format(file=file) for one in arguments)])
    except SystemExit as stopped:
        code = stopped.code
    assert code == 2
    said = capsys.readouterr().err
    assert said.startswith(told) and said.count("\n") == 1


def test_every_table_that_sniffs_can_be_profiled() -> None:
    """Odd but sound tables: one row, all missing, one class, words of any kind."""
    for content in (
        "a,b\n1,2\n",
        "a,b\n?,NA\n,\n",
        "a,b\nx,1\nx,1\nx,1\n",
        "a,b\n<script>,{}\n=1+1,../..\n",
        "a,b\ninf,nan\n-inf,1e999\n",
    ):
        seen = sniff(content.encode())
        found = profile(seen)
        for column in found.columns:
            assert suspects(seen, found, column.name) is not None
        json.dumps(dataclasses.asdict(found))
