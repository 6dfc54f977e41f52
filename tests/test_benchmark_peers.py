"""The benchmark of peers, without the peers: its table, what is kept, what ends."""

import sys
from pathlib import Path

import pytest

from benchmarks import records
from benchmarks.peers import __main__ as peers
from benchmarks.peers.serving import PeerError, serving
from benchmarks.peers.table import TITLES, table
from benchmarks.peers.tool import ACTIONS, SERVERS, Tool
from benchmarks.records import Records


def test_a_cell_is_times_or_words_and_never_empty() -> None:
    ours = {"answer_ms": [90.0, 80.0], "times_ms": [300.0, 200.0, 1250.0], "load": 2.5}
    printed = table(
        {
            "machine": "a machine",
            "records": [
                {"tool": "ours", "action": "case"} | ours,
                {"tool": "lit", "action": "case", "said": "failed: no answer changed"},
                {"tool": "interpret", "action": "cut", "said": "none"},
                {"tool": "lit", "action": "start", "times_ms": [9000.0], "load": 4.0},
            ],
        }
    )
    assert "| another case, to its answer | 85 (80 to 90) | not measured |" in printed
    assert "| another case, everything redrawn | 300 (200 to 1,250) | not measured |" in printed
    assert printed.count("| failed: no answer changed | not measured |") == 2
    assert printed.count("| not measured | not measured | not measured | none |") == 2
    assert "first plot | not measured | not measured | 9,000 (9,000 to 9,000) |" in printed
    assert printed.count("\n| ") == 1 + 2 * len(ACTIONS)
    assert "wanted a core meanwhile | 2 to 2 | not measured | 4 to 4 | not measured |" in printed


def test_what_a_tool_cannot_do_is_none_and_what_does_not_start_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "RESULTS", tmp_path)
    kept = Records("peers", {"turns": 1})

    def refused(tool: Tool, folder: Path) -> None:
        raise PeerError("not installed: CalledProcessError")

    monkeypatch.setattr(peers, "install", refused)
    tool = peers.TOOLS["interpret"]
    for _ in range(2):  # the second time, all is there
        peers._measure(kept, "interpret", tool, None, tmp_path, tmp_path)  # type: ignore[arg-type]
    said = {one["action"]: one["said"] for one in kept.records}
    assert said == {action: "none" for action in ACTIONS} | {
        action: "failed: not installed: CalledProcessError" for action in ("start", "case")
    }
    assert len(kept.records) == len(ACTIONS)


def test_a_server_that_ends_before_it_answers_is_told(tmp_path: Path) -> None:
    tool = Tool("none", lambda *_: [sys.executable, "-c", ""], lambda page: None)
    with pytest.raises(PeerError, match="not started within"), serving(tool, tmp_path, 1, tmp_path):
        pass


def test_tools_are_those_of_the_table_and_peers_have_exact_versions() -> None:
    assert peers.TOOLS.keys() == TITLES.keys()
    for name, tool in peers.TOOLS.items():
        assert tool.title == TITLES[name] and tool.actions.keys() < ACTIONS.keys()
        if tool.environment:
            pins = (SERVERS / tool.environment).read_text().splitlines()
            assert pins and all("==" in one for one in pins)
            assert not any(one.startswith(("torch", "tensorflow")) for one in pins)
