"""A training that is interrupted and called again ends as if it had not been."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from forests import forest_spec

from minspnet.errors import UserError
from minspnet.network import Network
from minspnet.recipe import TrainSpec
from minspnet.spec import ModelSpec, StemSpec
from minspnet.training import checkpoint as checkpoints
from minspnet.training.checkpoint import INDEX
from minspnet.training.distillation import ensemble_teacher
from minspnet.training.train import TrainingData, train

SPEC = forest_spec("image")
RECIPE = TrainSpec(
    epochs=5, batch_size=10, augment=True, shift=1, mixup=0.3, dropout=0.2, patience=9
)
COSTS = np.full(4, 0.2)


def pictures(seed: int, cases: int) -> TrainingData:
    generator = np.random.default_rng(seed)
    inputs = generator.normal(size=(cases, 1, 16, 16)).astype(np.float32)
    return TrainingData(inputs, generator.random((cases, 3)), np.arange(cases) % 4 - 1)


CASES, HELD_OUT = pictures(0, 30), pictures(1, 12)


def trained(folder: Path | None = None, **changes: Any) -> Network:
    arguments = {"spec": SPEC, "recipe": RECIPE, "data": CASES, "expert_costs": COSTS, "seed": 3}
    arguments |= {"validation": HELD_OUT, "checkpoint": folder} | changes
    return train(**arguments)


def stop_after(epoch: int) -> Callable[[int, dict[str, float]], None]:
    def stop(now: int, _: dict[str, float]) -> None:
        if now == epoch:
            raise KeyboardInterrupt

    return stop


def same_weights(one: Network, other: Network) -> bool:
    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return all(a == b and torch.equal(x, y) for (a, x), (b, y) in pairs)


@pytest.fixture(scope="module")
def uninterrupted() -> tuple[Network, list[dict[str, float]]]:
    said: list[dict[str, float]] = []
    return trained(on_epoch=lambda _, now: said.append(now)), said


@pytest.mark.parametrize("epoch", [0, 2, 4])
def test_a_resumed_training_gives_the_same_weights(
    epoch: int, tmp_path: Path, uninterrupted: tuple[Network, list[dict[str, float]]]
) -> None:
    """Dropout, augmentation, paths, optimiser and the best epoch so far all go on; bit by bit."""
    expected, history = uninterrupted
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, on_epoch=stop_after(epoch))
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == [INDEX, f"state-{epoch + 1:06d}.safetensors"]
    torch.manual_seed(99)
    told: list[tuple[int, dict[str, float]]] = []
    resumed = trained(tmp_path, on_epoch=lambda *now: told.append(now))
    assert same_weights(resumed, expected)
    assert told == list(enumerate(history))


def test_keeping_checkpoints_changes_nothing(
    tmp_path: Path, uninterrupted: tuple[Network, list[dict[str, float]]]
) -> None:
    assert same_weights(trained(tmp_path / "made" / "here"), uninterrupted[0])
    done: list[int] = []
    again = trained(tmp_path / "made" / "here", after_step=lambda *_: done.append(1))
    assert same_weights(again, uninterrupted[0]) and not done


@pytest.mark.parametrize("file", [INDEX, "state-000003.safetensors"])
def test_an_interruption_while_writing_loses_one_epoch_at_most(
    file: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    uninterrupted: tuple[Network, list[dict[str, float]]],
) -> None:
    """The disk stands still before the third epoch's tensors, or its index, are in place."""
    replace = checkpoints.os.replace
    written: list[str] = []

    def stop(aside: Path, path: Path) -> None:
        written.append(path.name)
        if path.name == file and (file != INDEX or written.count(INDEX) == 3):
            raise KeyboardInterrupt
        replace(aside, path)

    monkeypatch.setattr(checkpoints.os, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path)
    monkeypatch.undo()
    assert json.loads((tmp_path / INDEX).read_text())["state"] == "state-000002.safetensors"
    assert same_weights(trained(tmp_path), uninterrupted[0])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, on_epoch=stop_after(1))
    return tmp_path


OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "seed": ({"seed": 4}, "another seed, start"),
    "recipe": ({"recipe": dataclasses.replace(RECIPE, epochs=6)}, "another recipe"),
    "cases": ({"data": pictures(2, 30)}, "another data, start"),
    "validation": ({"validation": pictures(2, 12)}, "another data"),
    "costs": ({"expert_costs": 2 * COSTS}, "another expert_costs"),
    "spec": ({"spec": dataclasses.replace(SPEC, base_grid=1)}, "another spec, start"),
}


@pytest.mark.parametrize(("changes", "differing"), OTHERS.values(), ids=OTHERS)
def test_another_training_does_not_go_on_from_it(
    changes: dict[str, Any], differing: str, folder: Path
) -> None:
    with pytest.raises(UserError) as refused:
        trained(folder, **changes)
    assert str(refused.value) == (
        f"checkpoint {folder.name} must be of the same training, got {differing}; "
        "name another folder or repeat the training it was made by."
    )


def test_other_start_weights_are_another_training(folder: Path) -> None:
    with pytest.raises(UserError, match="be of the same training, got another start; "):
        trained(folder, start=Network(SPEC))


def test_another_teacher_is_another_training(tmp_path: Path) -> None:
    torch.manual_seed(0)
    teachers = [ensemble_teacher([Network(SPEC)]) for _ in range(2)]
    recipe = dataclasses.replace(RECIPE, epochs=2, distillation_weight=1.0)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, recipe=recipe, teacher=teachers[0], on_epoch=stop_after(0))
    trained(tmp_path, recipe=recipe, teacher=teachers[0])
    with pytest.raises(UserError, match="be of the same training, got another teacher; "):
        trained(tmp_path, recipe=recipe, teacher=teachers[1])


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def change_index(folder: Path, **changes: Any) -> None:
    index = json.loads((folder / INDEX).read_text())
    (folder / INDEX).write_text(json.dumps(index | changes))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "index cut": lambda folder: cut(folder / INDEX),
    "index of another kind": lambda folder: (folder / INDEX).write_text("[]"),
    "about of another kind": lambda folder: change_index(folder, about=[]),
    "about of pairs": lambda folder: change_index(folder, about=[["seed", 3]]),
    "no records": lambda folder: change_index(folder, records=None),
    "records of another kind": lambda folder: change_index(folder, records=[1]),
    "tensors cut": lambda folder: cut(folder / "state-000002.safetensors"),
    "tensors gone": lambda folder: (folder / "state-000002.safetensors").unlink(),
    "tensors changed": lambda folder: (folder / "state-000002.safetensors").write_bytes(b"0"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_checkpoint_is_refused_in_a_sentence(
    damage: Callable[[Path], object], folder: Path
) -> None:
    damage(folder)
    with pytest.raises(UserError) as refused:
        trained(folder)
    sentence = str(refused.value)
    assert sentence.startswith(f"checkpoint {folder.name} ") and "\n" not in sentence


def test_a_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"^checkpoint folder must be writable, got "):
        trained(tmp_path / "file")


def test_shared_weights_are_kept_too(tmp_path: Path) -> None:
    """Two experts with one block: the same tensors stand under two names."""
    experts = tuple(dataclasses.replace(e, weights_of=None) for e in SPEC.experts[:1])
    twin = dataclasses.replace(experts[0], name="twin", weights_of="near")
    spec = ModelSpec((1, 16, 16), 3, 3, StemSpec("image", 6), (*experts, twin))
    recipe = dataclasses.replace(RECIPE, epochs=2)
    changes = {"spec": spec, "recipe": recipe, "expert_costs": np.full(2, 0.2)}
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, on_epoch=stop_after(0), **changes)
    assert same_weights(trained(tmp_path, **changes), trained(**changes))
