"""The command line on saved data: train on it now, or work through the queue."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_data import loans
from studies import CYTOLOGY, VARIANT, cases_of
from test_cli import Ask, ask, ask_json

from minspnet import artifact
from minspnet.budgets import BUDGETS, budget_preset
from minspnet.data import Split
from minspnet.presets import Preset
from minspnet.queue.job import Job
from minspnet.queue.queue import Queue
from minspnet.task import find_task
from minspnet.workspace import Workspace

__all__ = ["ask", "ask_json"]
AskJson = Callable[..., Any]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Holds the loans; the usual models are not fitted."""
    monkeypatch.setenv("MINSPNET_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("minspnet.study.score_baselines", lambda *given: {})
    workspace = Workspace(tmp_path / "home")
    workspace.save(loans())
    return workspace


def test_train_takes_saved_data_by_their_key(
    ask_json: AskJson, workspace: Workspace, tmp_path: Path
) -> None:
    words = ("train", "loans", "--budget", "tiny", "--epochs", 2, "--out", tmp_path / "m")
    said = ask_json(*words)
    model = artifact.load(tmp_path / "m")
    assert said["gated"] == model.metrics["gated"]
    collection = workspace.collection("loans")
    domain = collection.card.domain()
    assert model.domain == domain and model.data == collection.digest
    usual = budget_preset(domain, domain.variants[0], collection.cases, "tiny")
    assert model.spec == usual.model
    assert model.training == replace(usual.training, epochs=2)


@pytest.mark.parametrize("budget", BUDGETS)
def test_a_budget_serves_a_task_that_ships_too(budget: str, workspace: Workspace) -> None:
    task = find_task("breast_cytology", None, workspace)
    expected = budget_preset(CYTOLOGY, VARIANT, cases_of("breast_cytology"), budget)
    assert task.recipe("default", budget) == expected
    assert task.recipe("default", None) != expected


def test_an_official_split_is_kept(workspace: Workspace) -> None:
    official = Split(np.arange(100), np.arange(100, 150), np.arange(150, 200))
    workspace.save(replace(loans(), split=official))
    task = find_task("loans", None, workspace)
    for seed in (0, 1):
        assert all((vars(task.split(seed))[p] == rows).all() for p, rows in vars(official).items())
    workspace.save(loans())
    drawn = find_task("loans", None, workspace)
    assert (drawn.split(0).test != drawn.split(1).test).any()


REFUSED = {
    "unknown data": (
        "train debts --out {new}",
        "domain must be one of breast_cytology, lung_nodules, wrist_exercise, phishing, shuttle, "
        "loans, got 'debts'; pick one of them.",
    ),
    "a preset for saved data": (
        "train loans --preset guide --out {new}",
        "preset must be left out here, got guide; say --budget alone.",
    ),
    "a preset and a budget": (
        "train breast_cytology --preset guide --budget tiny --out {new}",
        "preset must be left out here, got guide; say --budget alone.",
    ),
    "an unknown budget": (
        "train loans --budget huge --out {new}",
        "--budget must be one of tiny, small, accurate, got huge; pick one.",
    ),
    "an unknown variant": (
        "train loans --variant half --out {new}",
        "variant of loans must be one of all_features, got half; pick one of them.",
    ),
}


@pytest.mark.parametrize(("line", "said"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_trained_is_refused_in_a_sentence(
    line: str, said: str, ask: Ask, workspace: Workspace, tmp_path: Path
) -> None:
    answer = ask(*line.format(new=tmp_path / "m").split(" "))
    assert (answer.code, answer.out, answer.err) == (2, "", f"minspnet: {said}\n")
    assert not (tmp_path / "m").exists()


def test_work_carries_out_what_waits_and_says_how_it_ended(
    ask: Ask, ask_json: AskJson, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minspnet.queuing.stand_back", lambda: None)
    assert ask("work").out == "nothing to do: no job waits, or another process is at them\n"
    assert ask_json("work") == {"jobs": []}
    collection = workspace.collection("loans")
    domain = collection.card.domain()
    recipe: Preset = budget_preset(domain, domain.variants[0], collection.cases, "tiny")
    short = replace(recipe.training, epochs=1)
    queue = Queue(workspace.jobs)
    good, bad = (
        queue.add(Job(key, collection.digest, "all_features", recipe.model, short, 0, "x", "now"))
        for key in ("loans", "gone")
    )
    assert ask("work").out.splitlines() == [
        f"{good}: done, loans",
        f"{bad}: failed, data must be one of loans, got 'gone'; bring it in on the Data page.",
    ]
    queue.resume(bad)
    said = ask_json("work")
    assert [job["status"] for job in said["jobs"]] == ["failed"]
    assert json.loads(json.dumps(said)) == said
