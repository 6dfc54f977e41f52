"""The command line on seven classes and on signals."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from studies import tiny_wrist

from minspnet.artifact import save
from minspnet.cli import main
from minspnet.patches import STRETCH
from minspnet.trace import replay


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "wrist"
    save(tiny_wrist(), folder)
    return folder


def test_every_class_decided_for_is_explained(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Against its nearest rival, whichever class comes first in the file."""
    study = tiny_wrist()
    trace = study.traces["test"]
    decision = replay(trace, study.policy)
    decided, first = np.unique(decision.predicted, return_index=True)
    assert len(decided) > 1
    for row in first:
        assert main(["explain", str(folder), "--case", trace.case_ids[row], "--json"]) == 0
        said = json.loads(capsys.readouterr().out)
        assert said["predicted"] == said["explained"]
        logits = decision.class_logits[row]
        rival, told = np.argsort(logits)[-2:]
        assert said["explained"] == study.domain.classes[told]
        assert said["against"] == study.domain.classes[rival]
        assert said["logit"] == pytest.approx(logits[told] - logits[rival], abs=1e-5)
        adds = sum(concept["adds_to_logit"] for concept in said["concepts"].values())
        assert said["start"] + adds == pytest.approx(said["logit"], abs=1e-4)
        values = np.array(list(said["attribution"]["values"].values()))
        assert list(said["attribution"]["values"]) == ["ax", "ay", "az", "wx", "wy", "wz"]
        rise = said["logit"] - said["attribution"]["baseline_logit"]
        delta = said["attribution"]["convergence_delta"]
        assert values.sum() - rise == pytest.approx(delta, abs=1e-4)


@pytest.mark.parametrize("method", ["integrated_gradients", "feature_ablation"])
def test_the_strongest_stretches_are_printed(
    folder: Path, capsys: pytest.CaptureFixture[str], method: str
) -> None:
    case = tiny_wrist().traces["test"].case_ids[0]
    line = ["explain", str(folder), "--case", case, "--method", method]
    assert main([*line, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert main(line) == 0
    printed = capsys.readouterr().out
    assert f"for {said['explained']}, against {said['against']}" in printed
    values = said["attribution"]["values"]
    shown = re.findall(r" +(\w+), samples (\d+) to (\d+) +([+-]\d+\.\d+)", printed)
    assert len(shown) == 8
    for channel, first, last, value in shown:
        assert int(last) - int(first) == STRETCH - 1
        inside = sum(values[channel][int(first) : int(last) + 1])
        assert float(value) == pytest.approx(inside, abs=6e-4)
    sums = np.array(list(values.values())).reshape(6, -1, STRETCH).sum(axis=2)
    sizes = [abs(float(value)) for *_, value in shown]
    np.testing.assert_allclose(sizes, np.sort(np.abs(sums).ravel())[::-1][:8], atol=6e-4)
