"""A model folder gives back what was saved, or says in one sentence why it cannot."""

import dataclasses
import hashlib
import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from studies import (
    CYTOLOGY,
    NAMES,
    SHIPPED,
    cases_of,
    part_of,
    shipped,
    two_epochs,
    untrained,
)

from minspnet.artifact import (
    Model,
    _write_json,
    load,
    load_network,
    read_description,
    save,
)
from minspnet.data import PARTS, folds
from minspnet.domains import DOMAINS, find_domain
from minspnet.errors import UserError
from minspnet.evidence import save_arrays
from minspnet.network import run
from minspnet.study import Study, report
from minspnet.trace import replay

FILES = ("weights.safetensors", "evidence.safetensors", "metrics.json")


@pytest.fixture(scope="session")
def study() -> Study:
    """Two epochs on breast cytology."""
    cases = cases_of("breast_cytology")
    return two_epochs(cases, next(folds(cases, 3)), 3)


@pytest.fixture(scope="session")
def saved(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study as a folder, which no test may change."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    save(study, folder)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(saved, tmp_path / "tiny"))


def describe(folder: Path, **changes: object) -> None:
    """Rewrite keys of ``model.json``."""
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def sign_again(folder: Path) -> None:
    """Make the hashes in ``model.json`` those of the files as they are."""
    hashes = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES}
    describe(folder, sha256=hashes)


def refusal(folder: Path) -> str:
    """The one sentence with which a folder is refused."""
    with pytest.raises(UserError) as refused:
        load_network(load(folder))
    sentence = str(refused.value)
    assert "\n" not in sentence and sentence.endswith(".") and len(sentence) < 300
    return sentence


# --- Round trip -------------------------------------------------------------------------


def test_what_was_saved_comes_back(study: Study, saved: Path) -> None:
    model = load(saved)
    assert (model.name, model.domain_key, model.seed) == ("tiny", "breast_cytology", 3)
    assert (model.variant, model.spec) == (study.variant.name, study.preset.model)
    assert model.training == study.preset.training
    assert model.training.epochs == 2
    assert model.policy == study.policy
    assert model.cost == study.cost
    assert model.metrics == json.loads(json.dumps(study.metrics))
    assert set(model.traces) == set(PARTS)
    for part in PARTS:
        assert model.traces[part].digest == study.traces[part].digest
    columns = part_of(model, "test").columns
    np.testing.assert_array_equal(model.scale.truth(columns), study.scale.truth(columns))


def test_weights_give_the_saved_evidence(saved: Path) -> None:
    """To 1e-5, in each part; and the probabilities, so that the temperature came along."""
    model = load(saved)
    network = load_network(model)
    assert not network.training
    for part in PARTS:
        cases, kept = part_of(model, part), model.traces[part]
        again = run(network, cases.ids, cases.inputs, CYTOLOGY.concept_names)
        for field in ("gates", "base", "contributions"):
            np.testing.assert_allclose(getattr(again, field), getattr(kept, field), atol=1e-5)
        chances = replay(again, model.policy).probabilities
        np.testing.assert_allclose(chances, replay(kept, model.policy).probabilities, atol=1e-5)


def test_a_residual_comes_back(tmp_path: Path) -> None:
    study = untrained(seed=0, residual=True)
    save(study, tmp_path / "residual")
    model = load(tmp_path / "residual")
    assert model.traces["test"].base.shape[1] == 8
    assert model.traces["test"].digest == study.traces["test"].digest
    network = load_network(model)
    assert network.frozen_head().weights.shape == (1, 8)


def test_saving_again_gives_the_same_bytes(study: Study, saved: Path, tmp_path: Path) -> None:
    """A digest in a link or an operating point means the model, not when it was written.

    Several times over, since what varies may do so at random.
    """
    for attempt in range(6):
        save(study, tmp_path / str(attempt))
        for name in (*FILES, "model.json"):
            assert (tmp_path / str(attempt) / name).read_bytes() == (saved / name).read_bytes(), (
                name
            )


def test_a_digest_stands_for_one_model(study: Study, saved: Path, tmp_path: Path) -> None:
    """Other metrics, another digest: operating points are kept by it."""
    save(study, tmp_path / "tiny", {**study.metrics, "note": "longer"})
    other, model = load(tmp_path / "tiny"), load(saved)
    assert other.metrics["note"] == "longer"
    assert other.digest != model.digest
    assert model.digest == hashlib.sha256((saved / "model.json").read_bytes()).hexdigest()


def test_what_if_edits_are_not_saved(study: Study, tmp_path: Path) -> None:
    edited = dataclasses.replace(study, policy=study.policy.ablate(0).intervene("asymmetry", 1))
    save(edited, tmp_path / "edited")
    policy = load(tmp_path / "edited").policy
    assert policy == study.policy.ablate(0)


@pytest.mark.parametrize("step", range(8))
def test_an_interrupted_save_leaves_the_old_model(
    study: Study, folder: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it stops: while one of four files is written, or while one is put in place."""
    steps: list[Path] = []

    def stopping(work: Callable[..., object]) -> Callable[..., object]:
        def does(*given: object) -> object:
            steps.append(next(one for one in given if isinstance(one, Path)))
            if len(steps) == step + 1:
                raise KeyboardInterrupt
            return work(*given)

        return does

    before = load(folder)
    (folder / "notes.txt").write_text("mine")
    with monkeypatch.context() as broken:
        for module in ("artifact", "evidence"):
            broken.setattr(f"minspnet.{module}.save_arrays", stopping(save_arrays))
        broken.setattr("minspnet.artifact._write_json", stopping(_write_json))
        broken.setattr(Path, "replace", stopping(Path.replace))
        with pytest.raises(KeyboardInterrupt):
            save(study, folder, {"note": "another"})
    assert load(folder).digest == before.digest
    assert load_network(before)
    assert {path.name for path in folder.iterdir()} == {*FILES, "model.json", "notes.txt"}
    save(study, folder, {"note": "another"})
    assert load(folder).metrics == {"note": "another"}
    assert (folder / "notes.txt").read_text() == "mine"


def test_an_interrupted_first_save_leaves_nothing(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: Path, target: Path) -> None:
        if target.name == "model.json":
            raise KeyboardInterrupt
        os.replace(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(study, tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


def test_every_file_can_be_read_by_whoever_reads_the_folder(saved: Path) -> None:
    """A model trained by one account is shown by a server that runs under another."""
    wanted = os.stat(saved / "model.json").st_mode
    for name in FILES:
        assert os.stat(saved / name).st_mode == wanted, name


# --- Folders that cannot be used --------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("place", [0.0, 0.3, 0.6, 0.999])
def test_a_flipped_byte_is_refused_by_name(folder: Path, name: str, place: float) -> None:
    content = bytearray((folder / name).read_bytes())
    content[int(place * len(content))] ^= 1
    (folder / name).write_bytes(content)
    assert refusal(folder) == (
        f"{name} of model tiny must match the hash in model.json, got another content; "
        "restore or retrain it."
    )


@pytest.mark.parametrize("change", [b"", b"more"])
def test_another_length_is_refused(folder: Path, change: bytes) -> None:
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes() + change if change else b"")
    assert refusal(folder).startswith("weights.safetensors of model tiny must match the hash")


def test_spoiled_descriptions_raise_nothing_else(folder: Path) -> None:
    """``model.json`` has no hash: wherever a byte of it flips, it is read or refused."""
    path = folder / "model.json"
    content = path.read_bytes()
    for place in range(0, len(content), 11):
        path.write_bytes(content[:place] + bytes([content[place] ^ 2]) + content[place + 1 :])
        try:
            load(folder)
        except UserError as refused:
            assert "\n" not in str(refused)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert refusal(folder) == f"model tiny must hold all its files, got {name}; retrain it."


@pytest.mark.parametrize("make", ["nothing", "empty folder", "file"])
def test_a_folder_that_is_none_is_refused(tmp_path: Path, make: str) -> None:
    folder = tmp_path / "m"
    if make == "empty folder":
        folder.mkdir()
    elif make == "file":
        folder.write_text("{}")
    sentence = refusal(folder)
    assert sentence.startswith("model must be a folder with a model.json, got ")
    assert sentence.endswith("; train one first.")


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '"abc"', "null", "{}", "\x00", "{'a': 1}"])
def test_a_broken_description_is_refused(folder: Path, text: str) -> None:
    (folder / "model.json").write_text(text)
    sentence = refusal(folder)
    assert "is not a model description" in sentence
    assert sentence.endswith("; retrain it.")


def test_a_description_that_is_no_text_is_refused(folder: Path) -> None:
    (folder / "model.json").write_bytes(b"\xff\xfe{}")
    assert "is not a model description" in refusal(folder)


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_version_is_refused(folder: Path, version: object) -> None:
    describe(folder, schema_version=version)
    assert refusal(folder) == (
        "model tiny must be of version 1 and complete, "
        f"got version {version}, missing nothing; retrain it."
    )


def test_missing_keys_are_named(folder: Path) -> None:
    path = folder / "model.json"
    described = json.loads(path.read_text())
    del described["policy"], described["cost"]
    path.write_text(json.dumps(described))
    assert "got version 1, missing ['cost', 'policy'];" in refusal(folder)


WRONG_KEYS = {
    "domain that is a list": {"domain": ["breast_cytology"]},
    "variant that is a number": {"variant": 3},
    "seed that is a word": {"seed": "zero"},
    "unknown spec key": {"spec": {"depth": 3}},
    "unknown recipe key": {"training": {"luck": 1}},
    "policy of another form": {"policy": {"gates": "0.5", "mood": "good"}},
    "policy that is a list": {"policy": ["0.5"]},
    "policy for other experts": {"policy": {"gates": "0.5,0.5", "cut": "0.5"}},
    "impossible policy": {"policy": {"gates": "-1", "cut": "0.5"}},
    "cost without parts": {"cost": {"base": 1, "experts": []}},
    "cost of other experts": {"cost": {"base": 1, "experts": [1], "parts": []}},
    "no hashes": {"sha256": {}},
    "hash of one file": {"sha256": {"metrics.json": "0" * 64}},
    "hashes in a list": {"sha256": ["metrics.json"]},
    "hash of a file elsewhere": {"sha256": {"../secret": "0" * 64}},
}


@pytest.mark.parametrize("changes", WRONG_KEYS.values(), ids=WRONG_KEYS)
def test_a_description_that_says_something_else_is_refused(
    folder: Path, changes: dict[str, object]
) -> None:
    """Above all, no file goes unchecked because its hash was left out."""
    describe(folder, **changes)
    refusal(folder)


class Trap:
    """Writes a file as soon as it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.write_text, (self.mark, "unpickled")


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("name", FILES[:2])
def test_nothing_is_unpickled(folder: Path, tmp_path: Path, name: str, signed: bool) -> None:
    """A pickle is refused by name, even where its hash is right; and it never comes alive."""
    trap = Trap(tmp_path / "mark")
    (folder / name).write_bytes(pickle.dumps(trap))
    if signed:
        sign_again(folder)
    assert name in refusal(folder)
    assert not trap.mark.exists()
    pickle.loads(pickle.dumps(trap))
    assert trap.mark.exists()  # the trap does work


def weights_without_a_bias(arrays: dict[str, np.ndarray]) -> None:
    del arrays["head.bias"]


def weights_of_another_width(arrays: dict[str, np.ndarray]) -> None:
    name = "experts.0.exit.read.weight"
    arrays[name] = arrays[name][:, :-1].copy()


def evidence_without_gates(arrays: dict[str, np.ndarray]) -> None:
    del arrays["test.gates"]


def evidence_without_a_case(arrays: dict[str, np.ndarray]) -> None:
    arrays["test.base"] = arrays["test.base"][1:].copy()


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (weights_without_a_bias, "weights.safetensors"),
        (weights_of_another_width, "weights.safetensors"),
        (evidence_without_gates, "evidence.safetensors"),
        (evidence_without_a_case, "evidence.safetensors"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    folder: Path, change: Callable[[dict[str, np.ndarray]], None], name: str
) -> None:
    """With the right hashes, as someone's own tool might write them."""
    with safe_open(folder / name, "np") as file:
        metadata = file.metadata()
    arrays = load_file(folder / name)
    change(arrays)
    save_file(arrays, folder / name, metadata)
    sign_again(folder)
    assert name in refusal(folder)


def test_concepts_of_another_number_are_refused(folder: Path) -> None:
    """A missing name would shift no array, and be found by no page until it is asked for."""
    name = "evidence.safetensors"
    with safe_open(folder / name, "np") as file:
        about = json.loads(file.metadata()["about"])
    about["concepts"] = about["concepts"][:-1]
    save_file(load_file(folder / name), folder / name, {"about": json.dumps(about)})
    sign_again(folder)
    assert "concepts in evidence.safetensors" in refusal(folder)


def test_metrics_that_are_no_json_are_refused(folder: Path) -> None:
    (folder / "metrics.json").write_text("accuracy: good")
    sign_again(folder)
    assert "metrics.json" in refusal(folder)


def test_listing_reads_the_description_alone(folder: Path) -> None:
    for name in FILES:
        (folder / name).unlink()
    assert read_description(folder)["domain"] == "breast_cytology"


# --- The models that ship ---------------------------------------------------------------


def test_models_ship() -> None:
    """One for each variant of each domain; else the tests below would try nothing."""
    described = [read_description(folder) for folder in SHIPPED]
    found = {(one["domain"], one["variant"]) for one in described}
    expected = {
        (key, variant.name) for key, domain in DOMAINS.items() for variant in domain.variants
    }
    assert found == expected


def same(found: object, kept: object, path: str = "metrics") -> None:
    """Compare two tables of numbers to 1e-4, over the keys of the first.

    Another machine's rounding may swap two nearly equal cases, which moves an AUC by that much.
    """
    if isinstance(found, dict):
        assert isinstance(kept, dict), path
        for key, value in found.items():
            assert key in kept, f"{path}.{key}"
            same(value, kept[key], f"{path}.{key}")
    elif isinstance(found, list | tuple):
        assert isinstance(kept, list) and len(found) == len(kept), path
        for place, (one, other) in enumerate(zip(found, kept, strict=True)):
            same(one, other, f"{path}[{place}]")
    else:
        assert found == pytest.approx(kept, abs=1e-4), path


def opened(folder: Path) -> Model:
    """Load a shipped model: all its hashes hold."""
    model = shipped(folder)
    assert set(read_description(folder)["sha256"]) == set(FILES)
    return model


@pytest.mark.parametrize("folder", SHIPPED, ids=NAMES)
def test_shipped_evidence_is_that_of_the_shipped_weights(folder: Path) -> None:
    """To 1e-4, for every case of every part."""
    model = opened(folder)
    network, names = load_network(model), find_domain(model.domain_key).concept_names
    for part in PARTS:
        cases, kept = part_of(model, part), model.traces[part]
        again = run(network, cases.ids, cases.inputs, names)
        for field in ("gates", "base", "contributions"):
            np.testing.assert_allclose(
                getattr(again, field), getattr(kept, field), atol=1e-4, err_msg=f"{part} {field}"
            )


@pytest.mark.parametrize("folder", SHIPPED, ids=NAMES)
def test_shipped_metrics_are_those_of_the_shipped_evidence(folder: Path) -> None:
    """Every figure that a fresh report of the test part gives."""
    model = opened(folder)
    cases = part_of(model, "test")
    fresh = report(
        model.traces["test"], cases, model.scale, model.cost, model.policy, seed=model.seed
    )
    assert len(fresh) >= 6
    same(fresh, model.metrics)
    sizes = {part: len(trace) for part, trace in model.traces.items()}
    assert model.metrics["cases"] == sizes


@pytest.mark.parametrize("folder", SHIPPED, ids=NAMES)
def test_shipped_parts_share_no_case_and_no_group(folder: Path) -> None:
    parts = {part: part_of(opened(folder), part) for part in PARTS}
    for part, other in (("train", "validation"), ("train", "test"), ("validation", "test")):
        assert not set(parts[part].ids) & set(parts[other].ids)
        assert not set(parts[part].groups) & set(parts[other].groups)


# Folds of 49,097 cases take a quarter of a minute to draw.
@pytest.mark.parametrize("name", sorted({*NAMES} - {"shuttle"}))
def test_shipped_parts_are_the_first_fold_of_the_seed(name: str) -> None:
    """So that anyone can train the model again."""
    model = opened(SHIPPED[NAMES.index(name)])
    cases = cases_of(model.domain_key, model.variant)
    split = next(folds(cases, model.seed))
    for part in PARTS:
        assert part_of(model, part).ids == cases.take(getattr(split, part)).ids


@pytest.mark.parametrize("folder", SHIPPED, ids=NAMES)
def test_shipped_scale_is_that_of_the_training_part(folder: Path) -> None:
    """What is true of a concept was read off training cases alone."""
    model = opened(folder)
    domain = find_domain(model.domain_key)
    fitted = type(model.scale).fit(domain.concepts, part_of(model, "train"))
    columns = part_of(model, "test").columns
    np.testing.assert_allclose(model.scale.truth(columns), fitted.truth(columns), atol=1e-6)
