"""Benchmarks: what they compare can be built, what they keep survives, what they print adds up."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import guarantee, own_data, pneumonia, realised, records, report
from benchmarks.plain_cnn import plain_cnn, size_of
from benchmarks.records import RESULTS, Records
from benchmarks.studies import STUDIES, USUAL
from benchmarks.tables import paired, spread
from benchmarks.tasks import ShippedTask
from benchmarks.ways import Way, agreement, measure
from minspnet.cost import cost_table
from minspnet.domains import DOMAINS, find_domain
from minspnet.errors import UserError
from minspnet.metrics import CostTable
from minspnet.network import Network
from minspnet.policy import Policy
from minspnet.presets import Preset, preset
from minspnet.sweep import Outcomes
from minspnet.trace import ExpertTree, Head, Trace, active_experts
from minspnet.training.augment import check_augmentations
from minspnet.training.distillation import ensemble_teacher
from minspnet.training.objective import Objective

PRESETS = {
    f"{domain.key}-{variant.name}": preset(domain, variant)
    for domain in DOMAINS.values()
    for variant in domain.variants
} | {f"pneumonia-{name}": one for name, one in pneumonia.presets().items()}


STUDIED = [
    (study, name)
    for study in STUDIES
    for name, one in PRESETS.items()
    if study != "pictures" or one.model.stem.kind == "image"
]


@pytest.mark.parametrize(("study", "name"), STUDIED)
def test_every_way_builds_and_is_no_other(study: str, name: str) -> None:
    """A way that is an earlier one under another name would be an idle row."""
    ways = list(STUDIES[study](PRESETS[name]).values())
    assert len(ways) > 5
    for place, way in enumerate(ways):
        assert way not in ways[:place]
        network, recipe = Network(way.preset.model), way.preset.training
        check_augmentations(recipe, way.preset.model)
        taught = None if not recipe.distillation_weight else ensemble_teacher([network])
        shares = np.full(len(way.preset.model.experts), 0.1)
        Objective(network, recipe, shares, torch.ones(network.spec.concepts), 0, taught)


def test_pictures_are_studied_of_pictures_only() -> None:
    with pytest.raises(UserError, match=r"task must be one of pictures, got inputs of shape \("):
        STUDIES["pictures"](PRESETS["phishing-all_signs"])


HOOKED = [
    "6 of 20 columns, by their weights",
    "a tenth of the cells missing, filled",
    "a tenth of the cells missing, said so",
    "taught by three teachers",
    "half of the MACs, pruned by Taylor",
    "half of the units, regrown",
    "experts read 8 features at most",
    "trained on for half as long",
    "gain, ranked, fitted on validation cases",
]


@pytest.mark.parametrize("name", HOOKED)
def test_what_a_way_does_beside_training_is_done(name: str) -> None:
    """Each does to the network what its row says."""
    task = ShippedTask("breast_cytology", "mean_and_se")
    parts = next(task.splits(0))
    quick = Preset(task.preset.model, replace(task.preset.training, epochs=2))
    way = (STUDIES["parts"](quick) | STUDIES["routers"](quick))[name]
    given = way.change(parts, 0)
    network = way.network(given, 0)
    usual = Network(quick.model)
    if "columns" in name:
        assert len(network.spec.stem.reads) == 6
    if "missing" in name:
        lost = given["test"].inputs != parts["test"].inputs
        assert lost.mean() == pytest.approx(0.1, abs=0.02)
        assert np.isnan(given["test"].inputs).any() == ("said so" in name)
    if "pruned" in name:
        assert 0.4 < cost_table(network).total / cost_table(usual).total <= 0.5
    if "regrown" in name:
        assert [e.width for e in network.spec.experts[:2]] == [8, 8]
    if "features at most" in name:
        assert max(len(e.reads) or 99 for e in network.spec.experts if e.parent) <= 8
    if "fitted" in name:
        plain = Way(way.preset).network(given, 0)
        apart = {
            n
            for n, tensor in network.state_dict().items()
            if not torch.equal(tensor, plain.state_dict()[n])
        }
        assert apart and all("learned_gate" in n for n in apart)


def test_a_way_is_measured_on_one_split() -> None:
    """The figures of one fold, in range, and the routed ones within their budgets' reach."""
    task = ShippedTask("phishing")
    parts = next(task.splits(0))
    quick = Preset(task.preset.model, type(task.preset.training)(epochs=2))
    found = measure(STUDIES["parts"](quick)[USUAL], parts, 0, (0.5, 1.0))
    assert found["macs"] == 1768 and found["parameters"] == 1838
    assert 0.5 < found["all_on"]["accuracy"] <= 1 and 0.5 < found["all_on"]["auc"] <= 1
    assert found["routed"]["1.0"]["accuracy"] == found["all_on"]["accuracy"]
    assert found["routed"]["0.5"]["share"] < 0.7 < found["routed"]["1.0"]["share"] == 1
    assert len(found["corrected"]) == len(find_domain("phishing").concepts) + 1
    assert found["corrected"][0] == found["all_on"]["accuracy"]


def test_records_go_on_unless_what_they_depend_on_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "RESULTS", tmp_path / "results")
    first = Records("run", {"recipe": (1, 2)})
    first.add({"seed": 0, "score": 0.5})
    again = Records("run", {"recipe": (1, 2)})
    assert again.has(seed=0) and not again.has(seed=1)
    again.add({"seed": 1, "score": 0.25})
    assert json.loads(again.path.read_text()) == {
        "recipe": [1, 2],
        "records": [{"seed": 0, "score": 0.5}, {"seed": 1, "score": 0.25}],
    }
    assert not Records("run", {"recipe": (1, 3)}).records


def test_recalibrations_count_what_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """The truth of a made-up population by hand; drawing from it breaks what is chosen naively."""
    monkeypatch.setattr(guarantee, "DRAWS", 40)
    hard = guarantee.made_up("hard", 10, 0.03, apart=False)
    assert hard.within.tolist() == [True] * 10 + [False] * 10
    assert hard.oracle == pytest.approx(1 - 0.95 / 2)
    for drawn in guarantee.draws(hard, 200):
        assert [one.harms + one.gains for one in drawn.counts] == [
            one.changed for one in drawn.counts
        ]
        assert {one.everything for one in drawn.more} == {2200} and not drawn.of_class
    found = guarantee.measure(hard, 500)["methods"]
    assert found["naive"]["broken"] > 0.3 > 0.15 > found["ours"]["broken"]
    # Nothing chosen costs all there is; what is chosen within the promise costs the oracle's.
    for one in found.values():
        assert 1 - one["nothing"] - one["broken"] >= 0
        assert one["nothing"] + (1 - one["nothing"]) * 0.05 <= one["share"] <= 1


def test_a_shipped_population_is_the_models_own() -> None:
    """205 cases of which 77 are malignant; the last of the line-up runs the base alone."""
    one = guarantee.shipped("breast_cytology-mean_and_se", 1)
    assert one.loss.shape == one.changed.shape == (205, len(one.shares))
    assert one.of_class.sum() == 77
    assert (np.abs(one.loss) <= one.changed).all()
    assert one.shares[-1] == pytest.approx(0.115, abs=5e-4)
    assert one.loss[:, -1].sum() == 4


def test_spread_and_paired_differences() -> None:
    """By hand: mean 2, variance 1; with k folds the error is that over 1/k + .2/.64."""
    values = [1.0, 2.0, 3.0]
    assert spread(values) == "2.0000 ± 1.0000"
    assert paired(values) == f"+2.0000 ± {np.sqrt(1 / 3 + 0.2 / 0.64):.4f}"
    assert paired(values, 0) == f"+2.0000 ± {np.sqrt(1 / 3):.4f}"
    assert paired([0.5]) == "+0.5000"


def test_agreement_leaves_out_what_truly_never_varies() -> None:
    truth = np.array([[0.0, 1.0, 0.1], [0.0, 0.5, 0.2], [0.0, 0.2, 0.3]])
    said = np.array([[0.3, 0.9, 0.5], [0.2, 0.5, 0.5], [0.1, 0.1, 0.5]])
    assert agreement(said, truth) == pytest.approx(0.5)  # one told, one said alike of all
    assert agreement(said[:, :1], truth[:, :1]) is None


def test_the_report_is_what_its_commands_print() -> None:
    """Every run that is kept stands in RESULTS.md, and its table is that of its records."""
    text = report.REPORT.read_text()
    assert report.named(text) == {path.stem for path in RESULTS.glob("*.json")}
    assert report.filled(text) == text
    assert not re.search(r"\bnan\b", text)


def test_a_quarter_of_the_stages_of_a_random_spine_run() -> None:
    """By hand: four tenths of the cases reach the first stage, and so on down the spine."""
    subject = realised.random_spine(realised.SHAPES[0])
    active = active_experts(subject.trace, subject.policy)
    np.testing.assert_allclose(active.mean(axis=0), realised.REACHED, atol=0.01)
    assert active.mean() == pytest.approx(0.25, abs=0.01)


def test_a_threshold_is_raised_until_something_is_lost() -> None:
    """By hand: doubts of .2 and .6; without its expert, the second case is decided wrongly."""
    logits = np.array([[[-3.0]], [[8.0]]], dtype=np.float32)
    trace = Trace(
        ("a", "b"),
        np.array([[0.2], [0.6]], dtype=np.float32),
        np.array([[-3.0], [-4.0]], dtype=np.float32),
        logits,
        ExpertTree(("only",), (-1,)),
        Head(np.array([[4.0]], np.float32), np.array([-2.0], np.float32), 1.0, 1),
        ("size",),
    )
    found = realised.raised(Outcomes(trace, np.array([0, 1]), CostTable(1, (9,))), 0.5)
    assert found == Policy((0.6,), 0.5)


def test_own_files_are_compared_split_by_split() -> None:
    """A split that some model has not been scored on yet is left out for all of them."""

    def scores(*accuracies: float) -> dict[str, dict[str, float | None]]:
        models = (*own_data.OURS, "gradient boosting")
        return {
            model: {"accuracy": one, "auc": 0.9, "macs": None, "seconds": 1.0}
            for model, one in zip(models, accuracies, strict=False)
        }

    runs = [(0, scores(0.9, 0.8, 0.7)), (1, scores(0.8, 0.8, 0.9)), (2, scores(0.1, 0.1))]
    result = {
        "recipes": {"wine": {"cases": 178, "classes": 3, "modality": "tabular", "official": True}},
        "records": [
            {"file": "wine", "seed": seed, "fold": 0, "part": "all", "scores": one}
            for seed, one in runs
        ],
    }
    title, *_, all_on, routed, boosting = own_data.table(result).strip().splitlines()
    assert title == "### wine: 178 cases, 3 classes, 2 seeds"
    assert all_on.startswith("| MINSPNET, all on |  |  | 0.8500 ± 0.0707 |")
    assert routed.startswith("| MINSPNET, as routed |  |  | 0.8000 ± 0.0000 |")
    assert boosting.startswith("| gradient boosting (to be reached within .01) |")
    assert "| +0.0500 ± 0.1500 | +0.0000 ± 0.1000 |" in boosting


def test_a_plain_cnn_comes_in_any_size() -> None:
    usual = plain_cnn(10, 3)
    assert sum(p.numel() for p in plain_cnn(2).parameters()) == 88_242
    wanted = 4 * sum(p.numel() for p in usual.parameters())
    large = plain_cnn(10, 3, size_of(wanted, 10, 3))
    assert sum(p.numel() for p in large.parameters()) == pytest.approx(wanted, rel=0.02)
    assert large(torch.zeros(2, 3, 28, 28)).shape == (2, 10)
