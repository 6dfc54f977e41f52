"""Jobs carried out: to a model, stopped, gone on with, failing, killed; bit by bit the same."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from own_data import loans, network_on

from minspnet import artifact, background
from minspnet.collection import Collection
from minspnet.errors import UserError
from minspnet.presets import Preset
from minspnet.queue import training as trainings
from minspnet.queue.job import Job, State
from minspnet.queue.preview import preview
from minspnet.queue.progress import ProgressFile, read_progress
from minspnet.queue.queue import Queue
from minspnet.queue.training import CHECKPOINT, LOG, carry_out
from minspnet.queue.worker import start, work
from minspnet.recipe import TrainSpec
from minspnet.registry import title_of
from minspnet.spec import ExpertSpec, ModelSpec, StemSpec
from minspnet.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
STEM = StemSpec("tabular", levels=(0, 0, 3), missing=True)
MODEL = ModelSpec((3,), 2, 2, STEM, (ExpertSpec("second look", "dense", 8),))
RECIPE = TrainSpec(epochs=3, learning_rate=0.03, dropout=0.1)


@pytest.fixture(scope="module")
def collection() -> Collection:
    return loans()


@pytest.fixture
def workspace(tmp_path: Path, collection: Collection, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("MINSPNET_HOME", str(tmp_path))
    workspace = Workspace(tmp_path)
    workspace.save(collection)
    return workspace


@pytest.fixture(scope="module")
def job(collection: Collection) -> Job:
    variant = collection.card.domain().variants[0].name
    return Job("loans", collection.digest, variant, MODEL, RECIPE, 0, "Loans, tiny", "2026-01-01")


@pytest.fixture
def no_baselines(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take longer than all the rest, and one test looks at them."""
    monkeypatch.setattr("minspnet.study.score_baselines", lambda *given: {})


def weights(workspace: Workspace, name: str) -> bytes:
    return (workspace.models / name / artifact.WEIGHTS).read_bytes()


def test_a_job_becomes_a_model_that_can_be_opened(workspace: Workspace, job: Job) -> None:
    queue = Queue(workspace.jobs)
    job_id = queue.add(job)
    seen: list[tuple[str, str]] = []
    write = State.write

    def watched(state: State, folder: Path) -> None:
        seen.append((state.status, state.baseline))
        write(state, folder)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(State, "write", watched)
        ended = work(workspace)
    assert list(ended) == [job_id]
    entry = queue.entry(job_id)
    assert entry.state == ended[job_id]
    assert (entry.state.status, entry.state.model) == ("done", "loans")
    assert seen[0] == ("training", "") and seen[-1] == ("done", "")
    assert ("baselines", "logistic regression") in seen
    assert ("baselines", "dense net, ten times") in seen
    records = read_progress(entry.folder)
    assert len(records) == 3
    for record in records:
        assert {"class", "concept", "open_share", "validation_loss", "validation_accuracy"} <= {
            *record
        }
        assert record["seconds"] > 0
    model = artifact.load(workspace.models / "loans")
    assert (model.spec, model.training, model.seed) == (MODEL, RECIPE, 0)
    assert model.domain.title == "Loans"
    assert title_of(model.folder) == "Loans, tiny"
    assert model.metrics["over_splits"]["runs"] == 1
    assert "gradient boosting" in model.metrics["baselines"]
    took = sum(record["seconds"] for record in records)
    lines = dict(background.training(model).lines)
    assert lines["Time taken"].startswith(f"{took:.1f} s, ") and lines["Trained on"].startswith(
        "processor, "
    )


def test_another_training_on_the_same_data_is_another_model(
    workspace: Workspace, job: Job, no_baselines: None
) -> None:
    queue = Queue(workspace.jobs)
    short = replace(job, training=replace(RECIPE, epochs=1))
    ids = [queue.add(replace(short, seed=seed)) for seed in (0, 1)]
    ended = work(workspace)
    assert [ended[one].status for one in ids] == ["done", "done"]
    names = [ended[one].model for one in ids]
    assert len(set(names)) == 2
    assert weights(workspace, names[0]) != weights(workspace, names[1])


@pytest.mark.parametrize("at", [0, 1])
def test_a_stopped_job_goes_on_as_if_it_had_not_been(
    at: int, workspace: Workspace, job: Job, no_baselines: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = Queue(workspace.jobs)
    through = queue.add(job)
    whole = work(workspace)[through]
    stopped = queue.add(job)
    monkeypatch.setattr(trainings, "_LOOK", 0.0)
    add = ProgressFile.add

    def ask(file: ProgressFile, epoch: int, *said: object) -> None:
        add(file, epoch, *said)  # type: ignore[arg-type]
        if epoch == at and not (queue.folder / stopped / "asked").exists():
            (queue.folder / stopped / "asked").touch()
            queue.stop(stopped)

    monkeypatch.setattr(ProgressFile, "add", ask)
    assert work(workspace)[stopped].status == "stopped"
    entry = queue.entry(stopped)
    assert len(read_progress(entry.folder)) == at + 1
    assert (entry.folder / CHECKPOINT).is_dir() and not entry.stopping
    queue.resume(stopped)
    resumed = work(workspace)[stopped]
    assert resumed.status == "done"
    assert weights(workspace, resumed.model) == weights(workspace, whole.model)
    told = [
        [{name: value for name, value in record.items() if name != "seconds"} for record in records]
        for records in (read_progress(queue.folder / one) for one in (through, stopped))
    ]
    assert told[0] == told[1]


def test_it_can_be_stopped_while_the_usual_models_are_fitted(
    workspace: Workspace, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = Queue(workspace.jobs)
    job_id = queue.add(replace(job, training=replace(RECIPE, epochs=1)))

    def scored(*given: object) -> dict[str, object]:
        *_, on_start, _names = given
        queue.stop(job_id)
        on_start("logistic regression")  # type: ignore[operator]
        raise AssertionError("it was not stopped")

    monkeypatch.setattr("minspnet.study.score_baselines", scored)
    assert work(workspace)[job_id].status == "stopped"
    monkeypatch.setattr("minspnet.study.score_baselines", lambda *given: {})
    queue.resume(job_id)
    assert work(workspace)[job_id].status == "done"
    assert len(read_progress(queue.folder / job_id)) == 1


# --- What goes wrong --------------------------------------------------------------------


def changed_data(workspace: Workspace, job: Job) -> Job:
    workspace.save(loans(seed=1))
    return job


def unfit_model(workspace: Workspace, job: Job) -> Job:
    return replace(job, model=replace(MODEL, input_shape=(3,), concepts=5))


FAILURES: dict[str, tuple[Callable[[Workspace, Job], Job], str]] = {
    "data that changed": (changed_data, "data loans must be as they were when this was asked for"),
    "no such data": (lambda _, job: replace(job, collection="gone"), "data must be one of loans"),
    "no such variant": (lambda _, job: replace(job, variant="x"), "variant of loans must be one"),
    "another task": (unfit_model, ""),
    "a rate too high": (
        lambda _, job: replace(job, training=replace(RECIPE, learning_rate=1e30)),
        "training loss must stay finite",
    ),
}


@pytest.mark.parametrize(("spoil", "said"), FAILURES.values(), ids=FAILURES)
def test_a_failed_job_says_why_and_the_next_one_is_done(
    spoil: Callable[[Workspace, Job], Job],
    said: str,
    workspace: Workspace,
    job: Job,
    no_baselines: None,
) -> None:
    queue = Queue(workspace.jobs)
    short = replace(job, training=replace(RECIPE, epochs=1))
    failing = queue.add(spoil(workspace, short))
    following = queue.add(replace(short, digest=workspace.collection("loans").digest))
    ended = work(workspace)
    assert ended[failing].status == "failed"
    assert ended[failing].error.startswith(said)
    assert "\n" not in ended[failing].error and ended[failing].error.endswith(".")
    assert ended[following].status == "done"
    assert [path.name for path in workspace.models.iterdir()] == ["loans"]


def test_what_nobody_foresaw_is_said_and_logged(
    workspace: Workspace, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*given: object, **named: object) -> None:
        raise ZeroDivisionError("by\nzero")

    monkeypatch.setattr("minspnet.study.conduct", broken)
    queue = Queue(workspace.jobs)
    job_id = queue.add(job)
    state = work(workspace)[job_id]
    assert state.error == "This could not be trained (ZeroDivisionError: by zero)."
    assert "Traceback" in (queue.folder / job_id / LOG).read_text()


def test_no_half_model_is_left_behind(
    workspace: Workspace, job: Job, no_baselines: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: object, **named: object) -> None:
        raise OSError(28, "No space left on device")

    queue = Queue(workspace.jobs)
    job_id = queue.add(replace(job, training=replace(RECIPE, epochs=1)))
    with monkeypatch.context() as patch:
        patch.setattr("minspnet.artifact.save", full)
        assert "No space left" in work(workspace)[job_id].error
    assert list(workspace.models.iterdir()) == []
    queue.resume(job_id)
    assert work(workspace)[job_id].status == "done"
    assert [path.name for path in workspace.models.iterdir()] == ["loans"]


# --- Before anything is trained ---------------------------------------------------------


def test_a_preview_counts_what_is_trained(collection: Collection) -> None:
    study = network_on(collection, epochs=1)
    found = preview(study.preset)
    assert found.parameters == study.network.parameters_count
    assert found.cost == study.cost


UNFIT: dict[str, tuple[dict[str, object], str]] = {
    "no teacher": ({"distillation_weight": 1.0}, "distillation_weight and teacher must be given"),
    "no masks": ({"alignment_weight": 1.0}, "alignment_weight must"),
    "no pictures": ({"flip": True}, "flip must be off for inputs of kind tabular"),
    "frozen head": ({"freeze": ("head",)}, "freeze must not name the head in a new network"),
    "frozen stranger": ({"freeze": ("fifth look",)}, "freeze must"),
    "no learned gate": ({"practice": "router"}, "practice must be paths where no gate is learned"),
}


@pytest.mark.parametrize(("changes", "said"), UNFIT.values(), ids=UNFIT)
def test_a_recipe_that_cannot_be_trained_is_refused_before(
    changes: dict[str, object], said: str
) -> None:
    with pytest.raises(UserError) as refused:
        preview(Preset(MODEL, replace(RECIPE, **changes)))  # type: ignore[arg-type]
    assert str(refused.value).startswith(said)


# --- Processes --------------------------------------------------------------------------


def wait_for(what: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


def test_a_killed_process_leaves_a_job_that_goes_on(
    workspace: Workspace, job: Job, no_baselines: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Started as the page does; a second one ends at once; kill -9 in the middle of an epoch."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    queue = Queue(workspace.jobs)
    long = replace(job, training=replace(RECIPE, epochs=40))
    job_id = queue.add(long)
    start(workspace)
    folder = queue.folder / job_id
    try:
        wait_for(lambda: len(read_progress(folder)) >= 2)
        process = int((queue.folder / "lock").read_text())
        os.kill(process, signal.SIGSTOP)
        assert queue.entry(job_id).state.status == "training"
        # Of its own session, so that nothing that ends the server ends it; and it stands back.
        assert os.getsid(process) == process != os.getsid(0)
        assert os.getpriority(os.PRIO_PROCESS, process) >= min(19, os.nice(0) + 10)
        second = subprocess.run(
            [sys.executable, "-m", "minspnet", "work"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert (second.returncode, second.stderr) == (0, "")
        assert second.stdout.startswith("nothing to do")
    finally:
        os.kill(int((queue.folder / "lock").read_text()), signal.SIGKILL)
    wait_for(lambda: not queue.is_worked_on())
    done = len(read_progress(folder))
    assert 2 <= done < 40
    assert queue.entry(job_id).state.status == "interrupted"
    queue.resume(job_id)
    through = queue.add(long)
    ended = work(workspace)
    assert ended[job_id].status == ended[through].status == "done"
    assert weights(workspace, ended[job_id].model) == weights(workspace, ended[through].model)


def test_a_title_that_cannot_be_shown_is_left_out(
    workspace: Workspace, job: Job, no_baselines: None
) -> None:
    queue = Queue(workspace.jobs)
    job_id = queue.add(replace(job, title="a\nb", training=replace(RECIPE, epochs=1)))
    assert work(workspace)[job_id].status == "done"
    assert title_of(workspace.models / "loans") == "loans"


def test_carry_out_says_how_it_ended(workspace: Workspace, job: Job, no_baselines: None) -> None:
    queue = Queue(workspace.jobs)
    queue.add(replace(job, training=replace(RECIPE, epochs=1)))
    entry = queue.take()
    assert entry is not None
    assert carry_out(entry, workspace).status == "done"
    assert "done loans" in (entry.folder / LOG).read_text()


def test_a_network_too_large_for_memory_is_refused_without_taking_any() -> None:
    """Ten thousand million weights, or few weights with wide features of a large picture."""
    wide = replace(MODEL, stem=replace(MODEL.stem, width=99_999), experts=(
        ExpertSpec("e", "dense", 99_999),
    ))  # fmt: skip
    flat = ModelSpec(
        (1, 224, 224), 1, 2, StemSpec("image", 8), (ExpertSpec("e", "separable", 99_999),)
    )
    for spec in (wide, flat):
        with pytest.raises(UserError, match="must hold at most 50,000,000 weights and features"):
            preview(Preset(spec, TrainSpec()))
