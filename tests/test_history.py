"""What training says after each epoch, and the table it becomes."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from minspnet.data import UNLABELLED
from minspnet.errors import UserError
from minspnet.network import run
from minspnet.policy import Policy
from minspnet.recipe import Practice, TrainSpec
from minspnet.spec import ModelSpec
from minspnet.trace import replay
from minspnet.training.history import save_history
from minspnet.training.train import TrainingData, train

SHARES = np.array([0.3, 0.2])


@pytest.fixture(scope="module")
def records(small_spec: ModelSpec, training_data: TrainingData) -> list[dict[str, float]]:
    """Four epochs with two validation chunks' worth of terms."""
    told: list[dict[str, float]] = []
    recipe = TrainSpec(epochs=4, batch_size=40, learning_rate=0.02, schedule="step")
    train(
        *(small_spec, recipe, training_data, SHARES, 0),
        on_epoch=lambda epoch, record: told.append({"epoch": epoch, **record}),
        validation=training_data,
    )
    return told


def test_a_record_holds_terms_rate_open_share_and_validation(
    records: list[dict[str, float]],
) -> None:
    terms = ["concept", "class", "router"]
    names = ["epoch", *terms, "open_share", "learning_rate"]
    names += [*(f"validation_{name}" for name in [*terms, "loss", "accuracy"])]
    for record in records:
        assert sorted(record) == sorted(names)
        assert 0 <= record["open_share"] <= 1
        total = sum(record[f"validation_{name}"] for name in terms)
        assert record["validation_loss"] == pytest.approx(total)
    assert records[-1]["validation_loss"] < records[0]["validation_loss"]
    # 16 steps, tenths from the 8th and the 12th on.
    rates = [record["learning_rate"] for record in records]
    assert rates == pytest.approx([0.02, 0.02, 0.002, 0.0002])


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_saved_history_reads_back(
    suffix: str, tmp_path: Path, records: list[dict[str, float]]
) -> None:
    path = tmp_path / f"history{suffix}"
    save_history(records, path)
    read = (pd.read_csv if suffix == ".csv" else pd.read_parquet)(path)
    expected = pd.DataFrame(records)
    assert list(read.columns) == list(expected.columns)
    np.testing.assert_allclose(read.to_numpy(), expected.to_numpy(), rtol=1e-12)


@pytest.mark.parametrize(("practice", "gate_threshold"), [("paths", 0.0), ("router", 0.5)])
def test_validation_accuracy_is_that_of_the_practised_experts(
    practice: Practice,
    gate_threshold: float,
    small_spec: ModelSpec,
    training_data: TrainingData,
) -> None:
    """A second opinion: the network's own trace, replayed; unlabelled cases do not count."""
    labels = np.where(np.arange(160) % 5, training_data.labels, UNLABELLED)
    held_out = dataclasses.replace(training_data, labels=labels)
    told: list[float] = []
    network = train(
        *(small_spec, TrainSpec(epochs=2, practice=practice), training_data, SHARES, 0),
        on_epoch=lambda _, record: told.append(record["validation_accuracy"]),
        validation=held_out,
    )
    trace = run(network, tuple(map(str, range(160))), held_out.inputs, ("a", "b", "c"))
    decided = replay(trace, Policy.shared(gate_threshold, 2))
    known = labels != UNLABELLED
    assert told[-1] == pytest.approx((decided.predicted == labels)[known].mean())
    assert 0.4 < told[-1] < 1


def test_without_labelled_validation_cases_no_accuracy_is_told(
    small_spec: ModelSpec, training_data: TrainingData
) -> None:
    unlabelled = dataclasses.replace(training_data, labels=np.full(160, UNLABELLED))
    told: list[dict[str, float]] = []
    train(
        *(small_spec, TrainSpec(epochs=1), training_data, SHARES, 0),
        on_epoch=lambda _, record: told.append(record),
        validation=unlabelled,
    )
    assert "validation_loss" in told[0] and "validation_accuracy" not in told[0]


def test_validation_is_weighed_by_the_same_draws_each_time(
    small_spec: ModelSpec, training_data: TrainingData
) -> None:
    """A network that does not move is told the same loss after every epoch."""
    told: list[float] = []
    still = TrainSpec(epochs=3, learning_rate=0.0, weight_decay=0.0)
    train(
        *(small_spec, still, training_data, SHARES, 0),
        on_epoch=lambda _, record: told.append(record["validation_loss"]),
        validation=training_data,
    )
    assert told[0] == told[1] == told[2]


def test_validation_does_not_change_the_training(
    small_spec: ModelSpec, training_data: TrainingData
) -> None:
    recipe = TrainSpec(epochs=2, dropout=0.2)
    held_out = dataclasses.replace(training_data, inputs=training_data.inputs + 1)
    one, other = (
        train(small_spec, recipe, training_data, SHARES, 0, validation=part).state_dict()
        for part in (None, held_out)
    )
    assert all((one[name] == other[name]).all() for name in one)


@pytest.mark.parametrize("name", ["history.xlsx", "history"])
def test_another_suffix_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        save_history([], tmp_path / name)
    assert str(refused.value) == (
        f"history file must end in .csv or .parquet, got {name}; rename it."
    )


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_folder_that_is_not_there_is_said(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^history file must be writable, got "):
        save_history([{"epoch": 0}], tmp_path / "no" / f"history{suffix}")
