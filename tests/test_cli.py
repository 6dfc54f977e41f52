"""Every verb, in text and in JSON; and one sentence for whatever cannot be done."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from studies import CYTOLOGY, cases_of, part_of, untrained

from minspnet.artifact import load, save
from minspnet.cli import main
from minspnet.data import ConceptScale
from minspnet.deploy.session import Exported
from minspnet.domains import DOMAINS, find_domain
from minspnet.operating import Figures, OperatingPoint
from minspnet.policy import CLOSED, Policy
from minspnet.tally import count_sets
from minspnet.trace import replay
from minspnet.training.course import Course

ROOT = Path(__file__).resolve().parents[1]
SENTENCE = re.compile(r"minspnet: (?P<what>.+) must (?P<must>.+), got (?P<got>.*); (?P<do>.+)\.\n")


@dataclass(frozen=True)
class Answer:
    """What one command said."""

    code: int | str | None
    out: str
    err: str


Ask = Callable[..., Answer]


def call(*arguments: object) -> int | str | None:
    """Run a command; argparse leaves by ``SystemExit``, which counts the same."""
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as left:
        return left.code


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Ask:
    """Run a command and take what it printed."""

    def run(*arguments: object) -> Answer:
        capsys.readouterr()
        code = call(*arguments)
        return Answer(code, *capsys.readouterr())

    return run


@pytest.fixture
def ask_json(ask: Ask) -> Callable[..., Any]:
    """Run a command with ``--json``, which must succeed and print nothing but JSON."""

    def run(*arguments: object) -> Any:
        answer = ask(*arguments, "--json")
        assert (answer.code, answer.err) == (0, "")
        # NaN and Infinity are Python's own; no other reader of JSON takes them.
        return json.loads(answer.out, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))

    return run


@dataclass(frozen=True)
class Trained:
    """A folder that the command line trained, and what it said."""

    folder: Path
    answer: Answer


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Two epochs with seed 1, baselines and all."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = call("train", "breast_cytology", "--out", folder, "--epochs", 2, "--seed", 1)
    return Trained(folder, Answer(code, out.getvalue(), err.getvalue()))


@pytest.fixture(scope="module")
def model(trained: Trained) -> Path:
    """The trained folder, which no test may change."""
    assert trained.answer.code == 0, trained.answer.err
    return trained.folder


def numbers(line: str) -> list[float]:
    """Numbers of a line of text, thousands separated by commas."""
    found = re.findall(r"[+-]?\d[\d,]*\.?\d*", line)
    return [float(number.replace(",", "")) for number in found]


# --- Train ------------------------------------------------------------------------------


def test_train_says_what_it_saved(trained: Trained) -> None:
    """Size, three ways to run, and each baseline; nothing on standard error but a bar."""
    answer, metrics = trained.answer, load(trained.folder).metrics
    assert answer.code == 0 and "Traceback" not in answer.err
    first, *lines = answer.out.splitlines()
    assert str(trained.folder) in first
    assert f"{metrics['parameters']:,} parameters" in first
    for title, way in (
        ("operating point", "gated"),
        ("all experts", "all_on"),
        ("base only", "base_only"),
    ):
        (line,) = [line for line in lines if line.strip().startswith(title)]
        accuracy, auc, flops, share = numbers(line)
        assert accuracy == pytest.approx(metrics[way]["accuracy"], abs=6e-4)
        assert auc == pytest.approx(metrics[way]["auc"], abs=6e-4)
        assert flops == pytest.approx(2 * metrics[way]["mean_macs"], abs=0.6)
        assert share == pytest.approx(
            100 * metrics[way]["mean_macs"] / metrics["total_macs"], abs=0.6
        )
    assert len(metrics["baselines"]) == 5
    for name, score in metrics["baselines"].items():
        assert 0.8 < score["accuracy"] <= 1 and 0.8 < score["auc"] <= 1, name
        assert f"accuracy {score['accuracy']:.3f}  AUC {score['auc']:.3f}" in answer.out
        assert any(line.strip().startswith(name) for line in lines)


def test_train_keeps_what_was_asked_for(model: Path) -> None:
    saved = load(model)
    assert (saved.seed, saved.variant) == (1, "all_measurements")
    assert saved.training.epochs == 2


def test_train_goes_on_from_its_checkpoint(
    ask_json: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an interrupted command had trained is not trained again, and nothing else changes."""
    monkeypatch.setattr("minspnet.study.score_baselines", lambda *given: {})
    command = ("train", "breast_cytology", "--epochs", "3", "--checkpoint", tmp_path / "kept")
    trained: list[int] = []
    one_epoch = Course.run_epoch

    def run_epoch(course: Course, *given: Any) -> None:
        if len(trained) == 2:
            raise KeyboardInterrupt
        trained.append(len(course.state.records))
        one_epoch(course, *given)

    with monkeypatch.context() as interrupted:
        interrupted.setattr(Course, "run_epoch", run_epoch)
        assert main([str(word) for word in (*command, "--out", tmp_path / "a")]) != 0
    with monkeypatch.context() as counted:
        count = lambda course, *given: (trained.append(-1), one_epoch(course, *given))  # noqa: E731
        counted.setattr(Course, "run_epoch", count)
        resumed = ask_json(*command, "--out", tmp_path / "b")
    assert trained == [0, 1, -1]
    assert (tmp_path / "kept" / "seed-0" / "checkpoint.json").is_file()
    whole = ask_json("train", "breast_cytology", "--epochs", "3", "--out", tmp_path / "c")
    assert {**resumed, "model": None} == {**whole, "model": None}
    hashes = [load(tmp_path / name).digest for name in "bc"]
    assert hashes[0] == hashes[1]


def test_train_over_splits_in_json(
    ask_json: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``--repeats 1`` also trains with the next seed; the folder holds the first run."""
    monkeypatch.setattr("minspnet.study.score_baselines", lambda *given: {})
    said = ask_json(
        *("train", "breast_cytology", "--variant", "mean_and_se", "--epochs", "2"),
        *("--repeats", "1", "--seed", "4", "--out", tmp_path / "new" / "m"),
        *("--history", tmp_path / "epochs.csv"),
    )
    history = pd.read_csv(tmp_path / "epochs.csv")
    assert history[["seed", "epoch"]].to_numpy().tolist() == [[4, 0], [4, 1], [5, 0], [5, 1]]
    assert {"concept", "class", "router", "learning_rate", "open_share"} < set(history.columns)
    saved = load(tmp_path / "new" / "m")
    assert (saved.variant, saved.seed, saved.spec.input_shape) == ("mean_and_se", 4, (20,))
    assert said["model"] == str(tmp_path / "new" / "m")
    assert said["policy"] == saved.policy.to_text()
    assert {key: value for key, value in said.items() if key not in ("model", "policy")} == (
        saved.metrics
    )
    assert said["over_splits"]["runs"] == 2
    spread = said["over_splits"]["scores"]["all_on.auc"]
    # Of two values each is one standard deviation / sqrt(2) from the mean.
    distance = abs(said["all_on"]["auc"] - spread["mean"])
    assert distance == pytest.approx(spread["sd"] / 2**0.5)
    assert spread["sd"] > 0


# --- Evaluate ---------------------------------------------------------------------------


def test_evaluate_repeats_what_training_reported(ask_json: Callable[..., Any], model: Path) -> None:
    """The same model, the same cases: the same figures, with intervals around them."""
    said = ask_json("evaluate", model)
    kept = load(model).metrics
    for name, (low, high) in said.pop("interval_95").items():
        assert low < said["gated"].get(name, (low + high) / 2) < high
    assert (said.pop("model"), said.pop("part"), said.pop("cases")) == ("tiny", "test", 114)
    assert set(said) == {
        *("gated", "all_on", "base_only", "total_macs"),
        *("concept_rank_correlation", "intervention"),
    }
    assert said == {key: kept[key] for key in said}


def test_evaluate_with_other_gates(ask_json: Callable[..., Any], model: Path) -> None:
    everything = ask_json("evaluate", model, "--gates", "0,0,0,0,0")
    nothing = ask_json("evaluate", model, "--gates", "off,off,off,off,off")
    some = ask_json("evaluate", model, "--gates", "0,0,off,off,off")
    for key in ("accuracy", "auc", "mean_macs", "recalls"):
        assert everything["gated"][key] == everything["all_on"][key]
        assert nothing["gated"][key] == everything["base_only"][key]
    cost = load(model).cost
    assert some["gated"]["mean_macs"] == cost.base + cost.experts[0] + cost.experts[1]


def test_evaluate_keeps_the_decision_threshold(
    ask_json: Callable[..., Any], tmp_path: Path
) -> None:
    """``--gates`` replaces the gates alone."""
    study = untrained(seed=0)
    shifted = replace(study, policy=Policy(study.policy.gate_thresholds, 0.999999))
    save(shifted, tmp_path / "m")
    said = ask_json("evaluate", tmp_path / "m", "--gates", "off,off,off,off,off")
    assert said["gated"]["recalls"] == [1, 0]


def test_evaluate_on_the_validation_part(ask_json: Callable[..., Any], model: Path) -> None:
    said = ask_json("evaluate", model, "--part", "validation")
    assert (said["part"], said["cases"]) == ("validation", 91)
    saved = load(model)
    decision = replay(saved.traces["validation"], saved.policy)
    labels = part_of(saved, "validation").labels
    assert said["gated"]["accuracy"] == pytest.approx((decision.predicted == labels).mean())


def test_evaluate_when_a_concept_never_varies(
    ask: Ask, ask_json: Callable[..., Any], model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No rank correlation is defined then: null in JSON, a word in text, never NaN."""

    def truth(self: ConceptScale, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        graded = grade(self, columns)
        graded[:, 2] = 0.5
        return graded

    grade = ConceptScale.truth
    monkeypatch.setattr(ConceptScale, "truth", truth)
    found = ask_json("evaluate", model)["concept_rank_correlation"]
    assert [name for name, value in found.items() if value is None] == ["edge_roughness"]
    (line,) = [one for one in ask("evaluate", model).out.splitlines() if "edge_roughness" in one]
    assert line.split() == ["edge_roughness", "constant"]


def test_evaluate_in_text(ask: Ask, ask_json: Callable[..., Any], model: Path) -> None:
    said, answer = ask_json("evaluate", model), ask("evaluate", model)
    assert (answer.code, answer.err) == (0, "")
    first, *lines = answer.out.splitlines()
    assert first == "tiny on 114 test cases"
    for name, value in said["concept_rank_correlation"].items():
        (line,) = [line for line in lines if line.strip().startswith(name)]
        assert numbers(line)[-1] == pytest.approx(value, abs=6e-3)
    curve = said["intervention"]["accuracies"]
    assert numbers(lines[-1]) == pytest.approx(curve, abs=6e-4)


# --- Sweep ------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["validation", "test"])
def test_sweep_in_json(ask_json: Callable[..., Any], model: Path, part: str) -> None:
    said = ask_json("sweep", model, "--points", "5", "--part", part)
    saved = load(model)
    cases = part_of(saved, part)
    assert (said["model"], said["part"], said["cases"]) == ("tiny", part, len(cases))
    points = said["points"]
    assert [p["gate_threshold"] for p in points[:5]] == [0, 0.25, 0.5, 0.75, 1]
    assert points[0]["mean_macs"] == saved.cost.total
    assert points[-1]["mean_macs"] == saved.cost.base
    for point in points:
        assert set(point) == {
            *("gate_threshold", "accuracy", "auc"),
            *("mean_macs", "mean_flops", "expert_shares"),
        }
        decision = replay(saved.traces[part], Policy.shared(point["gate_threshold"], 5))
        right = decision.predicted == cases.labels
        assert point["accuracy"] == pytest.approx(right.mean())
        assert point["mean_flops"] == 2 * point["mean_macs"]
        shares = list(point["expert_shares"].values())
        assert shares == pytest.approx(decision.active.mean(axis=0))
    assert list(points[0]["expert_shares"]) == list(saved.traces[part].tree.names)


def test_sweep_in_text(ask: Ask, ask_json: Callable[..., Any], model: Path) -> None:
    points = ask_json("sweep", model)["points"]
    answer = ask("sweep", model)
    assert (answer.code, answer.err) == (0, "")
    title, head, *lines = answer.out.splitlines()
    assert title.startswith("tiny on 91 validation cases")
    assert title.endswith("the last row opens no gate")
    assert head.split() == ["gate", "threshold", "accuracy", "AUC", "mean", "FLOPs"]
    assert len(lines) == len(points) >= 21
    for line, point in zip(lines, points, strict=True):
        expected = [point[k] for k in ("gate_threshold", "accuracy", "auc", "mean_flops")]
        assert numbers(line) == pytest.approx(expected, abs=0.6)
        assert numbers(line)[:3] == pytest.approx(expected[:3], abs=6e-4)


# --- Explain ----------------------------------------------------------------------------


def test_explain_in_json(ask_json: Callable[..., Any], model: Path) -> None:
    """From the typical case through the concepts to the logit, and the experts' share of it."""
    saved = load(model)
    trace, row = saved.traces["test"], 0
    said = ask_json("explain", model, "--case", trace.case_ids[row])
    decision = replay(trace[row], saved.policy)
    assert (said["model"], said["case"]) == ("tiny", trace.case_ids[row])
    assert said["predicted"] == CYTOLOGY.classes[decision.predicted[0]]
    assert list(said["probabilities"].values()) == pytest.approx(
        decision.probabilities[0], abs=1e-5
    )
    assert said["macs"] == saved.cost.macs(decision.active)[0]
    assert list(said["concepts"]) == list(CYTOLOGY.concept_names)
    values = [concept["value"] for concept in said["concepts"].values()]
    assert values == pytest.approx(decision.concepts[0], abs=1e-5)
    assert [c["shown"] for c in said["concepts"].values()] == pytest.approx(
        [100 * value for value in values]
    )
    adds = sum(concept["adds_to_logit"] for concept in said["concepts"].values())
    assert said["start"] + adds == pytest.approx(said["logit"], abs=1e-4)
    head, known = trace.head, replay(saved.traces["train"], saved.policy).concepts
    typical = head.bias[0] + head.weights[0] @ known.mean(axis=0)
    assert said["start"] == pytest.approx(typical, abs=1e-4)
    assert said["logit"] == pytest.approx(decision.class_logits[0, 1], abs=1e-4)
    assert list(said["experts"]) == list(trace.tree.names)
    for expert, ran in zip(said["experts"].values(), decision.active[0], strict=True):
        assert expert["ran"] == ran
        assert ran or expert["adds_to_logit"] == 0
    found = said["attribution"]
    assert list(found["values"]) == list(CYTOLOGY.variants[0].inputs)
    rise = said["logit"] - found["baseline_logit"]
    total = sum(found["values"].values())
    assert total - rise == pytest.approx(found["convergence_delta"], abs=1e-4)
    assert "routed" in found["note"]


def test_explain_follows_the_routing(ask_json: Callable[..., Any], tmp_path: Path) -> None:
    """With gates at their medians: what ran has a share, what did not has none."""
    study = untrained(seed=0)
    trace = study.traces["test"]
    policy = Policy(tuple(map(float, np.median(trace.gates, axis=0))))
    save(replace(study, policy=policy), tmp_path / "m")
    ran = replay(trace, policy).active
    row = int(np.flatnonzero(ran[:, 2] & ~ran[:, 3])[0])
    said = ask_json("explain", tmp_path / "m", "--case", trace.case_ids[row])
    experts = list(said["experts"].values())
    assert [expert["ran"] for expert in experts] == ran[row].tolist()
    assert [abs(expert["adds_to_logit"]) > 1e-6 for expert in experts] == ran[row].tolist()
    # The recorded ones, to the last digit: a gate run anew may fall to the other side.
    assert [expert["gate"] for expert in experts] == trace.gates[row].tolist()


def test_explain_by_another_method(ask_json: Callable[..., Any], model: Path) -> None:
    said = ask_json("explain", model, "--case", "FNA-001", "--method", "saliency")
    assert said["attribution"]["method"] == "saliency"
    assert said["attribution"]["convergence_delta"] is None
    assert min(said["attribution"]["values"].values()) >= 0


def test_explain_in_text_adds_up(ask: Ask, ask_json: Callable[..., Any], model: Path) -> None:
    """A reader who adds the column up gets the logit."""
    said = ask_json("explain", model, "--case", "FNA-002")
    answer = ask("explain", model, "--case", "FNA-002")
    assert (answer.code, answer.err) == (0, "")
    lines = answer.out.splitlines()
    assert lines[0].startswith(f"FNA-002: {said['predicted']}")
    end = next(place for place, line in enumerate(lines) if line.strip().startswith("logit"))
    assert lines[1] == said["set_sentence"]
    first = lines.index("for malignant, against benign")
    column = [numbers(line)[-1] for line in lines[first + 1 : end]]
    assert len(column) == 1 + len(CYTOLOGY.concepts)
    assert sum(column) == pytest.approx(numbers(lines[end])[-1], abs=0.005)
    for name, expert in said["experts"].items():
        (line,) = [line for line in lines if line.strip().startswith(f"{name} ")]
        assert ("skipped" in line) != expert["ran"]
    strongest = max(
        said["attribution"]["values"], key=lambda n: abs(said["attribution"]["values"][n])
    )
    assert strongest in answer.out


def test_explain_says_what_goes_past_the_concepts(
    ask: Ask, ask_json: Callable[..., Any], tmp_path: Path
) -> None:
    """With a residual the concepts alone do not make the logit: its share must be shown."""
    save(untrained(seed=0, residual=True), tmp_path / "m")
    said = ask_json("explain", tmp_path / "m", "--case", "FNA-001")
    assert said["residual"]["residual 1"]["title"] == "what no finding names"
    lines = ask("explain", tmp_path / "m", "--case", "FNA-001").out.splitlines()
    end = next(place for place, line in enumerate(lines) if line.strip().startswith("logit"))
    first = next(place for place, line in enumerate(lines) if line.startswith("for "))
    column = [numbers(line)[-1] for line in lines[first + 1 : end]]
    assert sum(column) == pytest.approx(numbers(lines[end])[-1], abs=0.006)


def test_explain_a_picture(ask: Ask, ask_json: Callable[..., Any]) -> None:
    """In JSON one value a pixel; in text the strongest squares, the delta and the note."""
    folder = ROOT / "sample_data" / "models" / "lung_nodules"
    case = cases_of("lung_nodules").ids[0]
    said = ask_json("explain", folder, "--case", case)
    assert np.shape(said["attribution"]["values"]) == (1, 32, 32)
    assert said["concepts"]["diameter"]["unit"] == "mm"
    answer = ask("explain", folder, "--case", case)
    assert answer.code == 0
    assert "convergence delta" in answer.out
    assert said["attribution"]["note"] in answer.out
    square = re.compile(r" +4 x 4 pixels from row +(\d+), column +(\d+) +([+-]\d+\.\d+)")
    shown = [found.groups() for line in answer.out.splitlines() if (found := square.match(line))]
    assert len(shown) == 8
    pixels = np.array(said["attribution"]["values"][0])
    for row, column, value in shown:
        inside = pixels[int(row) : int(row) + 4, int(column) : int(column) + 4]
        assert float(value) == pytest.approx(inside.sum(), abs=6e-4)
    everywhere = np.abs(pixels.reshape(8, 4, 8, 4).sum(axis=(1, 3))).ravel()
    sizes = [abs(float(value)) for _, _, value in shown]
    np.testing.assert_allclose(sizes, np.sort(everywhere)[::-1][:8], atol=6e-4)


# --- Export and latency -----------------------------------------------------------------


@pytest.mark.parametrize("batches", [False, True])
def test_export_writes_a_model_that_decides_alike(
    batches: bool, ask: Ask, ask_json: Callable[..., Any], model: Path, tmp_path: Path
) -> None:
    out, more = tmp_path / "m.onnx", ("--batches",) * batches
    said = ask_json("export", model, "--out", out, *more)
    saved = load(model)
    assert said == {
        "model": "tiny",
        "file": str(out),
        "bytes": out.stat().st_size,
        "cases_a_run": "any" if batches else 1,
        "policy": saved.policy.to_text(),
    }
    read = Exported.open(out)
    assert (read.policy, read.digest, read.batches) == (saved.policy, saved.digest, batches)
    part, core = part_of(saved, "test"), replay(saved.traces["test"], saved.policy)
    decided = read.decide(part.inputs, read.policy)
    alike = (decided.active == core.active).all(axis=1)
    assert alike.mean() > 0.98  # but for gates that float noise carries over a threshold
    np.testing.assert_allclose(decided.probabilities[alike], core.probabilities[alike], atol=1e-5)
    answer = ask("export", model, "--out", out, *more)
    assert (answer.code, answer.err) == (0, "")
    first, second = answer.out.splitlines()
    assert first.startswith(f"saved {out}: {out.stat().st_size:,} bytes, ")
    assert first.endswith("any number of cases a run" if batches else "one case a run")
    assert said["policy"]["gates"] in second


def test_latency_in_json(ask_json: Callable[..., Any], model: Path) -> None:
    """Every reachable set once, and an operating point between the cheapest and the dearest."""
    said = ask_json("latency", model, "--rounds", 3)
    saved = load(model)
    assert len(said["sets"]) == len(said["milliseconds"]) == count_sets(saved.traces["test"].tree)
    assert said["rounds"] == 3 and said["machine"]["threads"] == 1
    assert said["base_milliseconds"] == said["milliseconds"][0]
    assert said["all_on"] == {
        "milliseconds": said["milliseconds"][said["sets"].index([True] * 5)],
        "macs": saved.cost.total,
    }
    assert set(said["expert_milliseconds"]) == set(said["experts"])
    point = said["operating_point"]
    assert min(said["milliseconds"]) <= point["milliseconds"] <= max(said["milliseconds"])
    active = replay(saved.traces["test"], saved.policy).active
    assert point["macs"] == pytest.approx(saved.cost.macs(active).mean())
    assert point["cases"] == len(active)


def test_an_exported_operating_point_is_decided_by(
    ask_json: Callable[..., Any], ask: Ask, model: Path, tmp_path: Path
) -> None:
    """By every verb that decides; the point of another model is refused in a sentence."""
    saved = load(model)
    figures = Figures(1, 1.0, 1.0, 1.0)
    texts = Policy((CLOSED,) * 5, 0.3).to_text()
    papers = ("Off", "me", "a test", "2026-01-02")
    point = OperatingPoint(*papers, saved.digest, **texts, validation=figures, test=figures)
    file = tmp_path / "point.json"
    file.write_text(point.to_json())
    evaluated = ask_json("evaluate", model, "--point", file)
    assert evaluated["gated"]["mean_macs"] == saved.cost.base
    timed = ask_json("latency", model, "--rounds", 2, "--point", file)
    assert timed["operating_point"]["macs"] == saved.cost.base
    exported = ask_json("export", model, "--out", tmp_path / "m.onnx", "--point", file)
    assert exported["policy"] == texts
    case = saved.traces["test"].case_ids[0]
    explained = ask_json("explain", model, "--case", case, "--point", file)
    experts = list(explained["experts"].values())
    assert not any(expert["ran"] for expert in experts)
    assert experts[0]["skipped_because"] == "switched off"
    file.write_text(json.dumps(point.to_dict() | {"model": "other"}))
    answer = ask("evaluate", model, "--point", file)
    assert answer.code == 2
    assert "the operating point must be of the model with hash" in answer.err
    assert (
        "--point must be a file that can be read"
        in ask("evaluate", model, "--point", tmp_path / "none").err
    )


def test_latency_in_text(ask: Ask, model: Path) -> None:
    answer = ask("latency", model, "--rounds", 2)
    assert (answer.code, answer.err) == (0, "")
    first, *lines = answer.out.splitlines()
    assert first.startswith("tiny on ") and "ONNX Runtime" in first
    for title in ("operating point", "all experts", "base, head and the call", "third look"):
        assert any(line.strip().startswith(title) for line in lines), title
    sets = load(model).traces["test"].tree
    assert sum(" to " in line for line in lines) == count_sets(sets)


# --- Domains ----------------------------------------------------------------------------


def test_domains_in_json(ask_json: Callable[..., Any]) -> None:
    said = ask_json("domains")
    assert [entry["domain"] for entry in said] == list(DOMAINS)
    for entry in said:
        domain = find_domain(entry["domain"])
        assert set(entry) == {
            *("domain", "title", "question", "variants"),
            *("concepts", "classes", "licence"),
        }
        assert entry["variants"] == [variant.name for variant in domain.variants]
        assert entry["concepts"] == list(domain.concept_names)
        assert entry["licence"] == domain.licence


def test_domains_in_text(ask: Ask) -> None:
    answer = ask("domains")
    assert (answer.code, answer.err) == (0, "")
    for key, domain in DOMAINS.items():
        assert f"{key}: {domain.question}" in answer.out
        for name in (*domain.concept_names, *(v.name for v in domain.variants)):
            assert name in answer.out


# --- Bad input --------------------------------------------------------------------------

# Words in braces stand for paths: a good model, a folder that is none, a file.
LONG_PATH = f"{{new}}/{'a' * 300}"
TRAIN = "train breast_cytology --epochs 1 --out {new}"
BAD = {
    "unknown domain": ("train liver --out {new}", "domain", "liver"),
    "unknown variant": (f"{TRAIN} --variant half", "variant", "half"),
    "unknown preset": (f"{TRAIN} --preset big", "preset", "big"),
    "a preset of another modality": (f"{TRAIN} --preset guide", "preset", "guide"),
    "out is a file": ("train breast_cytology --epochs 1 --out {file}", "--out", "{file}"),
    "out is in a file": ("train breast_cytology --epochs 1 --out {file}/m", "--out", "{file}/m"),
    "out is too long": (f"train breast_cytology --out {LONG_PATH}", "--out", LONG_PATH),
    "negative seed": (f"{TRAIN} --seed=-1", "--seed", "-1"),
    "seed too large": (f"{TRAIN} --seed 4294967296", "seed", "4294967296"),
    "seed no number": (f"{TRAIN} --seed x", "--seed", "x"),
    "no epochs": ("train breast_cytology --epochs 0 --out {new}", "epochs", "0"),
    "negative epochs": ("train breast_cytology --epochs=-3 --out {new}", "--epochs", "-3"),
    "history of another kind": (f"{TRAIN} --history h.xlsx", "history file", "h.xlsx"),
    "history in no folder": (
        f"{TRAIN} --history {{nowhere}}/h.csv",
        "--history",
        "{nowhere}/h.csv",
    ),
    "half a repeat": (f"{TRAIN} --repeats 0.5", "--repeats", "0.5"),
    "evaluate nothing": ("evaluate {nowhere}", "model", "nowhere"),
    "evaluate an empty folder": ("evaluate {empty}", "model", "empty"),
    "evaluate a file": ("evaluate {file}", "model", "file"),
    "unknown part": ("evaluate {model} --part train", "--part", "train"),
    "too few gates": ("evaluate {model} --gates 0.5,0.5", "gate", "2"),
    "too many gates": ("evaluate {model} --gates 0,0,0,0,0,0", "gate", "6"),
    "no gates": ("evaluate {model} --gates=", "gate", "0"),
    "gates of words": ("evaluate {model} --gates a,b,c,d,e", "gates", "a"),
    "gates with NaN": ("evaluate {model} --gates nan,0,0,0,0", "gates", "nan"),
    "gates with infinity": ("evaluate {model} --gates inf,0,0,0,0", "gates", "inf"),
    "negative gates": ("evaluate {model} --gates=0,-0.5,0,0,0", "gate_thresholds", "-0.5"),
    "sweep nothing": ("sweep {nowhere}", "model", "nowhere"),
    "one point": ("sweep {model} --points 1", "points", "1"),
    "no point": ("sweep {model} --points 0", "points", "0"),
    "points no number": ("sweep {model} --points x", "points", "x"),
    "negative points": ("sweep {model} --points=-4", "points", "-4"),
    "sweep of another part": ("sweep {model} --part all", "--part", "all"),
    "explain nothing": ("explain {nowhere} --case FNA-001", "model", "nowhere"),
    "unknown case": ("explain {model} --case FNA-999", "case", "FNA-999"),
    "empty case": ("explain {model} --case=", "case", ""),
    "export nothing": ("export {nowhere} --out m.onnx", "model", "nowhere"),
    "export as another kind": ("export {model} --out m.pt", "--out", "m.pt"),
    "export to no folder": (
        "export {model} --out {nowhere}/m.onnx",
        "--out",
        "{nowhere}/m.onnx",
    ),
    "latency of nothing": ("latency {nowhere}", "model", "nowhere"),
    "no rounds": ("latency {model} --rounds 0", "--rounds", "0"),
    "unknown method": ("explain {model} --case FNA-001 --method magic", "method", "magic"),
}


@pytest.fixture
def places(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], list[str]]:
    """Fill a command's paths in; nothing may be trained on bad input."""

    def never(*given: object, **named: object) -> None:
        pytest.fail("trained on bad input")

    monkeypatch.setattr("minspnet.study.conduct", never)
    (tmp_path / "file").write_text("text")
    (tmp_path / "empty").mkdir()
    named = {name: tmp_path / name for name in ("new", "file", "empty", "nowhere")}

    def fill(line: str) -> list[str]:
        return [word.format(model=model, **named) for word in line.split(" ")]

    return fill


@pytest.mark.parametrize(("line", "what", "got"), BAD.values(), ids=BAD)
def test_bad_input_gets_one_sentence(
    line: str, what: str, got: str, ask: Ask, places: Callable[[str], list[str]]
) -> None:
    """Exit code 2, nothing on standard output; what must hold, what was given, what to do."""
    answer = ask(*places(line))
    assert answer.code == 2
    assert answer.out == ""
    said = SENTENCE.fullmatch(answer.err)
    assert said, answer.err
    assert what in said["what"]
    (given,) = places(got)
    shortened = given if len(given) <= 80 else f"{given[:77]}..."
    assert said["got"].strip("'") == shortened


@pytest.mark.parametrize("name", ["unknown domain", "evaluate a file", "one point", "unknown case"])
def test_json_does_not_change_a_refusal(
    name: str, ask: Ask, places: Callable[[str], list[str]]
) -> None:
    words = places(BAD[name][0])
    assert ask(*words, "--json") == ask(*words)


@pytest.mark.parametrize(
    "line", ["", "paint", "domains more", "train", "train breast_cytology", "sweep", "explain x"]
)
def test_bad_usage_gets_one_line(line: str, ask: Ask, places: Callable[[str], list[str]]) -> None:
    """Missing and surplus words; the usage is for ``--help``."""
    answer = ask(*(places(line) if line else []))
    assert (answer.code, answer.out) == (2, "")
    assert re.fullmatch(r"minspnet: .+\n", answer.err), answer.err


@pytest.mark.parametrize("name", ["too few gates", "gates of words", "one point"])
def test_the_remedy_is_one_for_the_command_line(
    name: str, ask: Ask, places: Callable[[str], list[str]]
) -> None:
    """Whoever types a command has no page before them."""
    answer = ask(*places(BAD[name][0]))
    assert "page" not in answer.err


def test_a_spoiled_model_is_refused(ask: Ask, model: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(model, tmp_path / "spoiled"))
    with (folder / "weights.safetensors").open("ab") as file:
        file.write(b"x")
    verbs = (
        ("evaluate",),
        ("sweep",),
        ("explain", "--case", "FNA-001"),
        ("export", "--out", "m.onnx"),
        ("latency",),
    )
    for verb in verbs:
        answer = ask(verb[0], folder, *verb[1:])
        assert (answer.code, answer.out) == (2, "")
        assert "weights.safetensors of model spoiled must match the hash" in answer.err


def test_a_place_that_cannot_be_written_is_no_crash(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk may fill up, or the folder go, while the network is trained."""

    def full(*given: object, **named: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("minspnet.study.conduct", lambda *given, **named: untrained(seed=0))
    monkeypatch.setattr("minspnet.cli.summarise", lambda runs: {})
    monkeypatch.setattr("minspnet.cli.save", full)
    answer = ask("train", "breast_cytology", "--out", tmp_path / "m")
    assert (answer.code, answer.out) == (2, "")
    last = answer.err.splitlines()[-1]
    assert last.startswith("minspnet: ") and "No space left on device" in last
    assert "Traceback" not in answer.err


def test_interruption_is_not_a_crash(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*given: object, **named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("minspnet.study.conduct", interrupted)
    answer = ask("train", "breast_cytology", "--out", tmp_path / "m")
    assert (answer.code, answer.out) == (130, "")
    assert answer.err.endswith("minspnet: interrupted; nothing was saved.\n")
    assert not (tmp_path / "m").exists()
    kept = tmp_path / "kept"
    line = ("train", "breast_cytology", "--out", tmp_path / "m", "--checkpoint", kept)
    said = ask(*line).err
    assert said.endswith(f"interrupted; run the same command again to go on from {kept}.\n")


# --- As a program -----------------------------------------------------------------------


def program(*arguments: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", "minspnet", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True)


def test_help_names_every_verb() -> None:
    with program("--help") as help_text, program("domains", "--json") as domains:
        out, err = help_text.communicate()
        assert (help_text.returncode, err) == (0, "")
        for verb in ("domains", "train", "evaluate", "sweep", "explain", "export", "latency"):
            assert re.search(rf"^ +{verb} +\w", out, re.MULTILINE), verb
        out, err = domains.communicate()
        assert (domains.returncode, err) == (0, "")
        assert [entry["domain"] for entry in json.loads(out)] == list(DOMAINS)


def test_a_reader_who_leaves_early_sees_no_trace() -> None:
    """``python -m minspnet domains | head -1``."""
    with program("domains", "--json") as running:
        assert running.stdout and running.stderr
        running.stdout.close()
        err = running.stderr.read()
        running.wait()
    assert err == ""
    assert running.returncode == 0
