"""A file of new cases, scored and explained: as replay and waterfall say, row by row, in bounds."""

import csv
import dataclasses
import json
import re
import tracemalloc
import weakref
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from forests import Forest, any_head, clear_policies, policies, traces
from hypothesis import given, settings
from hypothesis import strategies as st
from own_data import LEVELS, loans, trained_on_loans
from studies import CYTOLOGY, SHIPPED, part_of, shipped

from minspnet import __version__
from minspnet import predict as predicting
from minspnet.artifact import Model, load, load_network, save
from minspnet.batch import csv_table
from minspnet.batch.chunk import WHOLE_ROW, Chunk, Reject
from minspnet.batch.csv_table import CsvTable
from minspnet.batch.explained import explain_cases, residual_share, take_apart
from minspnet.batch.needs import Need
from minspnet.batch.parquet_table import ParquetTable
from minspnet.batch.writing import REJECT_COLUMNS
from minspnet.cli import main
from minspnet.data import Cases
from minspnet.domain import Feature
from minspnet.domains import find_domain
from minspnet.errors import UserError
from minspnet.metrics import CostTable
from minspnet.network import run
from minspnet.policy import Policy
from minspnet.predict import FIRST_REJECTS, Progress, open_cases, predict
from minspnet.trace import Trace, replay
from minspnet.waterfall import contrast, typical_concepts, waterfall

TABULAR = [folder for folder in SHIPPED if "cytology" in folder.name or folder.name == "phishing"]
CYTOLOGY_30 = next(folder for folder in SHIPPED if folder.name.endswith("all_measurements"))
NUMBER, LEVELLED = Feature("size", "Size", "mm"), Feature("job", "Job", levels=("nurse", "cook"))


@dataclass(frozen=True)
class Answer:
    """What came of one file."""

    progress: Progress
    table: pd.DataFrame
    schema: pa.Schema
    rejects: list[list[str]]


def ask(folder: Path, source: Path, room: Path, policy: Policy | None = None) -> Answer:
    model = shipped(folder)
    out, rejects = room / "out.parquet", room / "rejects.csv"
    *_, last = predict(model, source, [out], rejects, policy)
    with rejects.open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == list(REJECT_COLUMNS)
    table = pa.parquet.read_table(out)
    return Answer(last, table.to_pandas(), table.schema, rows)


def frame(model: Model, cases: Cases) -> pd.DataFrame:
    names = find_domain(model.domain_key).variant(model.variant).inputs
    return pd.DataFrame(cases.inputs, columns=list(names)).assign(id=cases.ids)


def write(table: pd.DataFrame, path: Path) -> Path:
    if path.suffix == ".csv":
        table.to_csv(path, index=False, lineterminator="\r\n")
    else:
        table.to_parquet(path, index=False)
    return path


# --- What is said is what replay and waterfall say --------------------------------------------


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("folder", TABULAR, ids=lambda folder: folder.name)
def test_results_are_those_of_run_and_replay(folder: Path, suffix: str, tmp_path: Path) -> None:
    model, domain = shipped(folder), find_domain(shipped(folder).domain_key)
    cases = part_of(model, "test")
    answer = ask(folder, write(frame(model, cases), tmp_path / f"new{suffix}"), tmp_path)
    trace = run(load_network(model), cases.ids, cases.inputs, domain.concept_names)
    decision = replay(trace, model.policy)
    assert answer.table["id"].tolist() == list(cases.ids)
    assert answer.table["answer"].tolist() == [domain.classes[k] for k in decision.predicted]
    for place, title in enumerate(domain.classes):
        chances = decision.probabilities[:, place]
        np.testing.assert_allclose(answer.table[f"chance_{title}"], chances, atol=1e-5)
    for place, concept in enumerate(domain.concepts):
        shown = [concept.shown(float(value)) for value in decision.concepts[:, place]]
        np.testing.assert_allclose(answer.table[f"concept_{concept.name}"], shown, atol=1e-3)
    for place, name in enumerate(trace.tree.names):
        assert answer.table[f"ran_{name}"].tolist() == decision.active[:, place].tolist()
    assert answer.table["macs"].tolist() == model.cost.macs(decision.active).tolist()
    doubt = 2 * (1 - decision.probabilities.max(axis=1))
    np.testing.assert_allclose(answer.table["doubt"], doubt, atol=1e-5)
    assert answer.progress.scored == len(cases)
    assert answer.progress.rejected == 0
    assert answer.rejects == []
    first = 2 if suffix == ".csv" else 1
    assert answer.table["row"].tolist() == list(range(first, first + len(cases)))


@st.composite
def decided(draw: st.DrawFn) -> tuple[Trace, Policy, np.ndarray]:
    """Cases under any head, two classes or three, residual channels or not; and a reference."""
    trace = draw(any_head(draw(traces())))
    policy = draw(policies(trace)).without_interventions()
    generator = np.random.default_rng(draw(st.integers(0, 99)))
    return trace, policy, generator.random(trace.base.shape[1], dtype=np.float32)


@given(decided())
def test_explanations_are_those_of_waterfalls(case: tuple[Trace, Policy, np.ndarray]) -> None:
    """Case by case and part by part; and they sum to the log-odds."""
    trace, policy, reference = case
    decision = replay(trace, policy)
    cost = CostTable(5, tuple(range(1, 1 + len(trace.tree.names))))
    said = take_apart(trace.head, trace.base, decision, reference, cost)
    for row in range(len(trace)):
        told, against = contrast(replay(trace[row], policy))
        fall = waterfall(trace[row], policy, reference, told, against)
        assert (said.told[row], said.against[row]) == (told, against)
        assert said.start[row] == pytest.approx(fall.start, abs=1e-5)
        np.testing.assert_allclose(said.adds[row], fall.by_output, atol=2e-5)
        assert said.log_odds[row] == pytest.approx(fall.logit, abs=1e-5)
    np.testing.assert_allclose(said.start + said.adds.sum(axis=1), said.log_odds, atol=2e-5)
    assert said.macs.tolist() == cost.macs(decision.active).tolist()
    assert ((said.doubt >= 0) & (said.doubt <= 1 + 1e-6)).all()


@settings(max_examples=12)
@given(st.data())
def test_only_open_experts_run_and_all_is_as_replayed(forest: Forest, data: st.DataObject) -> None:
    policy = data.draw(clear_policies(forest.trace)).without_interventions()
    reference = typical_concepts(forest.trace, policy)
    cost = CostTable(5, tuple(range(1, 1 + len(forest.trace.tree.names))))
    said = explain_cases(forest.network, forest.inputs, policy, reference, cost)
    decision = replay(forest.trace, policy)
    known = take_apart(forest.trace.head, forest.trace.base, decision, reference, cost)
    np.testing.assert_array_equal(said.decision.active, decision.active)
    np.testing.assert_allclose(said.decision.probabilities, decision.probabilities, atol=1e-5)
    np.testing.assert_allclose(said.log_odds, known.log_odds, atol=1e-4)
    # Where two classes tie, either may be the rival.
    same = (said.told == known.told) & (said.against == known.against)
    rows, logits = np.arange(len(same)), decision.class_logits
    for one, other in ((said.told, known.told), (said.against, known.against)):
        np.testing.assert_allclose(logits[rows, one], logits[rows, other], atol=1e-4)
    np.testing.assert_allclose(said.adds[same], known.adds[same], atol=1e-4)


def test_the_share_past_the_concepts_is_of_all_that_is_added() -> None:
    adds = np.array([[1.0, -2.0, 1.0], [0.0, 0.0, 0.0]])
    share = residual_share(adds, np.array([False, False, True]))
    assert share.tolist() == [0.25, 0]


def test_what_is_in_the_file_adds_up(tmp_path: Path) -> None:
    """Start and additions as written, in the file's own precision, are the log-odds."""
    model = shipped(CYTOLOGY_30)
    source = write(frame(model, part_of(model, "test")), tmp_path / "new.csv")
    table = ask(CYTOLOGY_30, source, tmp_path).table
    added = table.filter(like="adds_").astype(np.float64).sum(axis=1) + table["start"]
    np.testing.assert_allclose(added, table["log_odds"], atol=1e-5)
    scaled = table["log_odds"] / model.traces["test"].head.temperature
    np.testing.assert_allclose(1 / (1 + np.exp(-scaled)), table["chance_malignant"], atol=1e-5)


# --- What is in the files ----------------------------------------------------------------------


def test_columns_say_what_they_are_and_where_they_come_from(tmp_path: Path) -> None:
    model = shipped(CYTOLOGY_30)
    source = write(frame(model, part_of(model, "test")), tmp_path / "new.parquet")
    policy = Policy.shared(0.4, 5).with_cut(0.3).intervene("nuclear_size", 0.9)
    schema = ask(CYTOLOGY_30, source, tmp_path, policy).schema
    about = {key.decode(): value.decode() for key, value in schema.metadata.items()}
    assert about["model_digest"] == model.digest
    assert json.loads(about["policy"]) == policy.without_interventions().to_text()
    assert about["program"] == f"minspnet {__version__}"
    assert datetime.fromisoformat(about["created"]).tzinfo is not None
    size = schema.field("concept_nuclear_size").metadata
    assert (size[b"title"], size[b"unit"]) == (b"Nuclear size", b"of 100")
    for name in schema.names:
        assert set(schema.field(name).metadata) == {b"title", b"unit", b"meaning"}


def test_nothing_in_a_csv_is_run(tmp_path: Path) -> None:
    """Neither an id that begins as a formula does, nor a rejected cell."""
    model = shipped(CYTOLOGY_30)
    table = frame(model, part_of(model, "test")).head(8).astype(object)
    table.loc[:6, "id"] = [f"{sign}1+1" for sign in "=+-@\t\r"] + ["a=1"]
    table.loc[7, "mean_radius"] = "=HYPERLINK(1)"
    out, rejects = tmp_path / "out.csv", tmp_path / "rejects.csv"
    source = write(table, tmp_path / "new.csv")
    *_, last = predict(model, source, [out], rejects)
    with out.open(newline="") as file:
        written = [*csv.DictReader(file)]
    assert [row["Id"] for row in written] == [f"'{sign}1+1" for sign in "=+-@\t\r"] + ["a=1"]
    assert all(
        float(row["Sum before the temperature (log-odds)"]) for row in written
    )  # numbers below 0 stay numbers
    with rejects.open(newline="") as file:
        (bad,) = csv.DictReader(file)
    assert bad["value"] == "'=HYPERLINK(1)"
    assert (last.scored, last.rejected) == (7, 1)


def test_a_csv_has_what_a_parquet_file_has(tmp_path: Path) -> None:
    model = shipped(CYTOLOGY_30)
    outs = [tmp_path / "out.csv", tmp_path / "out.parquet"]
    source = write(frame(model, part_of(model, "test")), tmp_path / "new.csv")
    *_, _ = predict(model, source, outs)
    first, second = pd.read_csv(outs[0]), pd.read_parquet(outs[1])
    assert first.shape == second.shape
    for one, other in zip(first, second, strict=True):
        if second[other].dtype.kind == "f":
            np.testing.assert_allclose(first[one], second[other], rtol=1e-5)
        else:
            words, others = (column.astype(object) for column in (first[one], second[other]))
            assert words.fillna("").tolist() == others.fillna("").tolist()


# --- Rows that cannot be read ------------------------------------------------------------------

_HEAD = "id,size,extra,job,weight"
_NEEDED = (
    Need(NUMBER, may_lack=True),
    Need(LEVELLED, may_lack=True),
    Need(Feature("weight", "Weight", "kg"), may_lack=False),
)


def read(path: Path) -> tuple[list[Chunk], list[Reject]]:
    kind = ParquetTable if path.suffix == ".parquet" else CsvTable
    chunks = [*kind(path, _NEEDED).chunks()]
    return chunks, [one for chunk in chunks for one in chunk.rejects]


@pytest.mark.parametrize(
    ("row", "column", "value", "remedy"),
    [
        ("a,abc,,cook,1", "size", "abc", "write a plain number, or empty the cell"),
        ("a,1_000,,cook,1", "size", "1_000", "write a plain number, or empty the cell"),
        ("a,inf,,cook,1", "size", "inf", "write a plain number, or empty the cell"),
        ("a,1e39,,cook,1", "size", "1e39", "write a plain number, or empty the cell"),
        ("a,0x10,,cook,1", "size", "0x10", "write a plain number, or empty the cell"),
        ("a,1,,cook,heavy", "weight", "heavy", "write a plain number, or empty the cell"),
        ("a,bad,,cook,worse", "size", "bad", "write a plain number, or empty the cell"),
        (f"a,{'9' * 99}x,,cook,1", "size", "9" * 77 + "...", "write a plain number"),
        ("a,1,,cook,1,6", WHOLE_ROW, "6 cells: a,1,,cook,1,6", "quote cells that hold the sep"),
        ("a,1,cook", WHOLE_ROW, "3 cells: a,1,cook", "add the missing cells; a quote left open"),
        ("a,,,,", WHOLE_ROW, "", "fill its cells, or remove it"),
        (b"a,1,,cook,\xe9", "weight", "é", "write a plain number"),
    ],
)
def test_a_bad_row_is_told_and_the_rest_is_done(
    row: str | bytes, column: str, value: str, remedy: str, tmp_path: Path
) -> None:
    line = row if isinstance(row, bytes) else row.encode()
    content = b"\n".join([_HEAD.encode(), b"x,1,,nurse,2", line, b"y,3,,cook,4", b""])
    source = tmp_path / "new.csv"
    source.write_bytes(content)
    chunks, (bad,) = read(source)
    assert (bad.line, bad.column, bad.value) == (3, column, value)
    assert bad.remedy.startswith(remedy)
    assert bad.must
    assert np.concatenate([one.lines for one in chunks]).tolist() == [2, 4]
    assert np.concatenate([one.inputs for one in chunks]).tolist() == [[1, 0, 2], [3, 1, 4]]
    assert [i for one in chunks for i in one.ids.to_pylist()] == ["x", "y"]


@pytest.mark.parametrize(
    ("row", "inputs"),
    [
        ("a, 1.5 ,,cook,+2", [1.5, 1, 2]),
        ("a,NA,,cook,1", [np.nan, 1, 1]),
        ("a,,,cook,-1E-2", [np.nan, 1, -0.01]),
        ("a,1,,cook,", [1, 1, np.nan]),
        ("a,1,,cook,n/a", [1, 1, np.nan]),
        ("a,1,, COOK ,1", [1, 1, 1]),
        ("a,5.,,baker,.5", [5, np.nan, 0.5]),
        ('a,"1",,"nurse",1', [1, 0, 1]),
        ('"a\nb",1,"x,y",nurse,1', [1, 0, 1]),
    ],
)
def test_cells_are_read_as_people_write_them(row: str, inputs: list[float], tmp_path: Path) -> None:
    source = tmp_path / "new.csv"
    source.write_text(f"\ufeff{_HEAD}\r\n{row}\r\n\r\n,,,,\r\nz,7,,cook,7\r\n")
    chunks, rejects = read(source)
    assert rejects == []
    np.testing.assert_allclose(chunks[0].inputs, [inputs, [7, 1, 7]])
    assert chunks[0].lines.tolist() == [2, 5]  # blank rows are passed over, and counted


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_form_is_found_by_looking(encoding: str, tmp_path: Path) -> None:
    """Semicolons, decimal commas, thousands and other encodings; lines above the header."""
    rows = ["sep=;", "id;size;job;weight", "é1;1,5;cook;2,25", "é2;x;cook;1", "é3;1.000,5;cook;1e1"]
    (tmp_path / "new.csv").write_bytes("\r\n".join(rows).encode(encoding))
    chunks, (bad,) = read(tmp_path / "new.csv")
    assert np.concatenate([one.inputs for one in chunks]).tolist() == [
        [1.5, 1, 2.25],
        [1000.5, 1, 10],
    ]
    assert [i for one in chunks for i in one.ids.to_pylist()] == ["é1", "é3"]
    assert (bad.line, bad.column, bad.value) == (4, "size", "x")


def test_columns_of_a_parquet_file_may_be_of_any_plain_type(tmp_path: Path) -> None:
    columns = {
        "size": pa.array(["1", None, "x"]),
        "job": pa.array(["cook", "cook", "nurse"]).dictionary_encode(),
        "weight": pa.array([1, 2, 3], pa.decimal128(5, 2)),
        "id": pa.array([7, 8, 9]),
    }
    pa.parquet.write_table(pa.table(columns), tmp_path / "new.parquet")
    (chunk,), (bad,) = read(tmp_path / "new.parquet")
    np.testing.assert_allclose(chunk.inputs, [[1, 1, 1], [np.nan, 1, 2]])
    assert chunk.ids.to_pylist() == ["7", "8"]
    assert (bad.line, bad.column, bad.value) == (3, "size", "x")


def test_order_and_numbers_hold_over_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However small the blocks: rows keep order and number, with bad ones in between."""
    monkeypatch.setattr(csv_table, "_BLOCK", 256)
    rows, expected, wrong = [], [], []
    for number in range(2, 802):
        if number % 7 == 0:
            rows.append(f"{number},bad,,cook,1")
        elif number % 11 == 0:
            rows.append(f"{number},short")
        elif number % 13 == 0:
            rows.append("")
            continue
        else:
            rows.append(f'"{number}",{number},"{"two" if number % 5 else "t,o"}",cook,1')
            expected.append(number)
            continue
        wrong.append(number)
    source = tmp_path / "new.csv"
    source.write_text("\n".join([_HEAD, *rows]))
    chunks, rejects = read(source)
    assert len(chunks) > 20
    assert np.concatenate([one.lines for one in chunks]).tolist() == expected
    assert np.concatenate([one.inputs[:, 0] for one in chunks]).tolist() == expected
    assert [i for one in chunks for i in one.ids.to_pylist()] == [str(n) for n in expected]
    assert [one.line for one in rejects] == wrong
    done = [one.done for one in chunks]
    assert done == sorted(done)


def test_memory_does_not_grow_with_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A piece is read only when the one before is written, and only counts are kept."""
    alive: list[weakref.ref[np.ndarray]] = []

    class Endless:
        has_ids, has_labels = False, False
        passed_over = ()

        def chunks(self) -> Iterator[Chunk]:
            for piece in range(40):
                inputs = np.full((10, 30), piece + 1, np.float32)
                gone = [one() is None for one in alive]
                assert all(gone[:-1])
                alive.append(weakref.ref(inputs))
                bad = tuple(Reject(k, "size", "x", "be a number", "correct it") for k in range(9))
                lines = np.arange(10 * piece, 10 * piece + 10)
                chunk = Chunk(lines, None, inputs, bad, piece / 40)
                del inputs
                yield chunk
                del chunk

    monkeypatch.setattr(predicting, "open_cases", lambda *_: Endless())
    model = shipped(CYTOLOGY_30)
    out = tmp_path / "out.parquet"
    *_, last = predict(model, tmp_path / "none.csv", [out], tmp_path / "bad.csv")
    assert (last.scored, last.rejected) == (400, 360)
    assert sum(last.answers.values()) == 400
    assert len(last.first_rejects) == FIRST_REJECTS
    assert list(last.reasons.values()) == [360]
    assert pd.read_parquet(out)["row"].tolist() == list(range(400))


def test_whoever_stops_gets_no_files(tmp_path: Path) -> None:
    model = shipped(CYTOLOGY_30)
    source = write(frame(model, part_of(model, "test")), tmp_path / "new.csv")
    outs = [tmp_path / "out.csv", tmp_path / "out.parquet"]
    steps = predict(model, source, outs, tmp_path / "bad.csv")
    next(steps)
    steps.close()
    assert [path.name for path in tmp_path.iterdir()] == ["new.csv"]


# --- Files that cannot be read -----------------------------------------------------------------


def pickled(path: Path) -> None:
    np.savez(path, inputs=np.array([{}]))


def shortened_array(path: Path) -> None:
    np.save(path, np.zeros((9, 1, 32, 32), np.uint8))
    path.write_bytes(path.read_bytes()[:-2000])


def text(content: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(content)


def dated(path: Path) -> None:
    names = CYTOLOGY.variant("all_measurements").inputs
    table = {name: [1.0] for name in names} | {names[0]: [datetime.now()]}
    pd.DataFrame(table).to_parquet(path)


@pytest.mark.parametrize(
    ("name", "make", "sentence"),
    [
        ("gone.csv", lambda path: None, "file of cases must be there"),
        ("new.csv", text(""), "table must have a header line"),
        ("new.csv", text("a,b\n1,2\n"), "30 of 30 are missing"),
        ("new.csv", text("PK\3\4"), "table must be text with one case a line, got a zip"),
        ("new.csv", text('"a\n' * 9), "must"),
        ("new.xlsx", text("a"), "file of cases must end in .csv"),
        ("new.parquet", text("a"), "table must be a Parquet file"),
        ("new.parquet", dated, "column mean_radius must hold numbers or text"),
        ("new.npz", text("a"), "file must be a numpy file"),
        ("new.npz", pickled, "array must hold numbers, got object"),
        ("new.npy", lambda path: np.save(path, np.zeros((2, 3))), "(case, 30), got (2, 3)"),
        ("new.npz", lambda path: np.savez(path, a=[1], b=[2]), "file must hold one array"),
        (
            "new.npy",
            lambda path: np.save(path, np.asfortranarray(np.zeros((2, 30)))),
            "array must lie case by case",
        ),
    ],
)
def test_a_file_that_is_none_gets_a_sentence(
    name: str, make: Callable[[Path], object], sentence: str, tmp_path: Path
) -> None:
    make(tmp_path / name)
    with pytest.raises(UserError, match=re.escape(sentence)):
        [*predict(shipped(CYTOLOGY_30), tmp_path / name, [tmp_path / "out.csv"])]
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("out", "rejects", "sentence"),
    [
        ("out.txt", None, "results file must end in .parquet or .csv"),
        ("out.csv", "bad.txt", "file of rejects must end in .csv"),
        ("new.csv", None, "must be files of their own"),
        ("out.csv", "out.csv", "must be files of their own"),
        ("gone/out.csv", None, "results must be a file that can be written"),
    ],
)
def test_places_that_cannot_be_written_get_a_sentence(
    out: str, rejects: str | None, sentence: str, tmp_path: Path
) -> None:
    model = shipped(CYTOLOGY_30)
    source = write(frame(model, part_of(model, "test")), tmp_path / "new.csv")
    before = source.read_bytes()
    listed = tmp_path / rejects if rejects else None
    with pytest.raises(UserError, match=sentence):
        [*predict(model, source, [tmp_path / out], listed)]
    assert source.read_bytes() == before


def test_a_row_longer_than_a_block_gets_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_table, "_BLOCK", 128)
    (tmp_path / "new.csv").write_text(f'{_HEAD}\nx,1,,cook,1\ny,1,"{"long " * 99},cook,1\n')
    with pytest.raises(UserError, match="close the quote that is open there"):
        read(tmp_path / "new.csv")


# --- Pictures and signals ----------------------------------------------------------------------


@pytest.mark.parametrize("form", ["npz", "npy", "bytes", "flat", "last"])
def test_pictures_are_read_from_an_array(form: str, tmp_path: Path) -> None:
    folder = next(folder for folder in SHIPPED if folder.name == "lung_nodules")
    model, domain = shipped(folder), find_domain("lung_nodules")
    cases = part_of(model, "test")
    inputs = cases.inputs if form != "bytes" else np.round(255 * cases.inputs) / np.float32(255)
    saved = {
        "bytes": np.round(255 * inputs).astype(np.uint8),
        "flat": inputs[:, 0],
        "last": np.ascontiguousarray(np.moveaxis(inputs, 1, -1)),
    }.get(form, inputs)
    source = tmp_path / f"new.{'npy' if form == 'npy' else 'npz'}"
    np.save(source, saved) if form == "npy" else np.savez_compressed(source, images=saved, y=[1])
    table = ask(folder, source, tmp_path).table
    trace = run(load_network(model), cases.ids, inputs, domain.concept_names)
    expected = replay(trace, model.policy).probabilities[:, 1]
    np.testing.assert_allclose(table["chance_malignant"], expected, atol=1e-5)
    assert table["row"].tolist() == list(range(1, 1 + len(cases)))


def test_cases_of_an_array_that_cannot_be_read_are_listed(tmp_path: Path) -> None:
    folder = next(folder for folder in SHIPPED if folder.name == "wrist_exercise")
    inputs = part_of(shipped(folder), "test").inputs[:4].copy()
    inputs[1, 0, 5] = np.nan
    np.save(tmp_path / "new.npy", inputs)
    answer = ask(folder, tmp_path / "new.npy", tmp_path)
    assert answer.table["row"].tolist() == [1, 3, 4]
    assert answer.rejects == [["2", "inputs", "nan", "be finite numbers", "correct the case"]]
    # With several classes, the one decided for is told against its nearest rival.
    assert (answer.table["told"].astype(str) == answer.table["answer"].astype(str)).all()
    assert (answer.table["against"].astype(str) != answer.table["answer"].astype(str)).all()


def test_an_array_that_ends_early_gets_a_sentence(tmp_path: Path) -> None:
    folder = next(folder for folder in SHIPPED if folder.name == "lung_nodules")
    shortened_array(tmp_path / "new.npy")
    with pytest.raises(UserError, match="hold the 9 cases that its header declares, got 7"):
        ask(folder, tmp_path / "new.npy", tmp_path)


# --- The command -------------------------------------------------------------------------------


def test_the_command_says_what_came_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = shipped(CYTOLOGY_30)
    table = frame(model, part_of(model, "test")).astype(object)
    table.loc[3, "mean_area"] = "large"
    source, out = write(table, tmp_path / "new.csv"), tmp_path / "out.parquet"
    asked = ["predict", str(CYTOLOGY_30), str(source), "--out", str(out)]
    assert main([*asked, "--rejects", str(tmp_path / "bad.csv"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["scored"], said["rejected"]) == (len(table) - 1, 1)
    assert said["answers"] == pd.read_parquet(out)["answer"].value_counts().to_dict()
    assert said["first_rejects"][0]["line"] == 5
    assert main(asked) == 0
    printed = capsys.readouterr().out
    assert "1 row could not be read" in printed
    assert "row 5, mean_area: 'large'" in printed


def test_a_refusal_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "new.csv"
    source.write_text("a,b\n1,2\n")
    asked = ["predict", str(CYTOLOGY_30), str(source), "--out", str(tmp_path / "out.csv")]
    assert main(asked) == 2
    assert capsys.readouterr().err.count("\n") == 1


# --- A user's own task -------------------------------------------------------------------------


def test_an_own_model_reads_levels_missing_cells_and_its_own_ids(tmp_path: Path) -> None:
    collection = loans()
    card = dataclasses.replace(collection.card, id="loan")
    collection = dataclasses.replace(collection, card=card)
    study = trained_on_loans()
    save(study, tmp_path / "model", collection=collection)
    model, cases = load(tmp_path / "model"), collection.cases
    jobs = [LEVELS[int(k)] if k == k else "astronaut" for k in cases.inputs[:, 2]]
    table = pd.DataFrame(cases.inputs[:, :2], columns=["income", "debt"])
    table = table.assign(job=jobs, loan=cases.ids, id=0)
    table.loc[5, "income"] = np.nan
    inputs = cases.inputs.copy()
    inputs[5, 0] = np.nan
    *_, last = predict(model, write(table, tmp_path / "new.csv"), [tmp_path / "out.parquet"])
    assert (last.scored, last.rejected) == (len(cases), 0)
    found = pd.read_parquet(tmp_path / "out.parquet")
    assert found["id"].tolist() == list(cases.ids)
    trace = run(study.network, cases.ids, inputs, study.domain.concept_names)
    expected = replay(trace, study.policy).probabilities[:, 1]
    np.testing.assert_allclose(found["chance_default"], expected, atol=1e-5)


def test_a_header_that_claims_to_be_long_is_not_read(tmp_path: Path) -> None:
    path, claimed = tmp_path / "cases.npz", 64 * 2**20
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("inputs.npy", "w") as file,
    ):
        file.write(b"\x93NUMPY\2\0" + claimed.to_bytes(4, "little") + b" " * claimed)
    tracemalloc.start()
    with pytest.raises(UserError, match="be a numpy file"):
        open_cases(path, load(CYTOLOGY_30))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < claimed / 4


def test_a_long_text_that_repeats_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    model, rows = load(CYTOLOGY_30), 2_000
    columns = {need.feature.name: np.zeros(rows) for need in predicting.needs_of(model)}
    once = pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), ["x" * 20_000])
    pa.parquet.write_table(
        pa.table({"id": once.cast(pa.string()), **columns}), tmp_path / "a.parquet"
    )
    before = pa.total_allocated_bytes()
    with pytest.raises(UserError, match=r"column id must hold cells of at most 10,000 bytes"):
        next(open_cases(tmp_path / "a.parquet", model).chunks())
    assert pa.total_allocated_bytes() - before < 2**23
