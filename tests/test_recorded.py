"""Evidence in files decides as evidence in memory does, and is not read to be opened."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from forests import CONCEPTS, Forest
from test_sweep import labels_for

from minspnet.cost import cost_table
from minspnet.errors import UserError
from minspnet.policy import Policy
from minspnet.recorded import record, reopen
from minspnet.sweep import Outcomes
from minspnet.trace import ExpertTree, Trace, replay


def recorded(forest: Forest, folder: Path, batch_size: int = 7) -> Trace:
    ids = forest.trace.case_ids
    return record(forest.network, ids, forest.inputs, CONCEPTS, folder, batch_size)


def test_a_recording_is_the_trace(forest: Forest, tmp_path: Path) -> None:
    """To float precision, since other batches sum in another order."""
    trace = recorded(forest, tmp_path / "evidence")
    for name in ("gates", "base", "contributions"):
        array = getattr(trace, name)
        assert isinstance(array, np.memmap) and not array.flags.writeable
        np.testing.assert_allclose(array, getattr(forest.trace, name), atol=1e-5)
    assert trace.case_ids == forest.trace.case_ids
    again = reopen(tmp_path / "evidence", trace.tree, trace.head, CONCEPTS)
    assert again.digest == trace.digest


def test_policies_score_on_files_as_in_memory(forest: Forest, tmp_path: Path) -> None:
    trace = recorded(forest, tmp_path)
    inside = Trace(**{name: getattr(trace, name) for name in trace.__dataclass_fields__} | {
        name: np.array(getattr(trace, name)) for name in ("gates", "base", "contributions")
    })  # fmt: skip
    labels, cost = labels_for(trace, 0), cost_table(forest.network)
    policy = Policy(tuple(map(float, np.median(trace.gates, axis=0))))
    assert Outcomes(trace, labels, cost).score(policy) == Outcomes(inside, labels, cost).score(
        policy
    )
    for one, other in zip(
        vars(replay(trace, policy)).values(), vars(replay(inside, policy)).values(), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_a_new_recording_leaves_an_open_trace_alone(forest: Forest, tmp_path: Path) -> None:
    trace = recorded(forest, tmp_path)
    before, digest = np.array(trace.gates), trace.digest
    record(forest.network, trace.case_ids, forest.inputs[::-1].copy(), CONCEPTS, tmp_path)
    np.testing.assert_array_equal(trace.gates, before)
    del trace.__dict__["digest"]
    assert trace.digest == digest


def test_what_may_be_written_to_is_copied(tmp_path: Path, forest: Forest) -> None:
    trace = recorded(forest, tmp_path)
    writable = np.load(tmp_path / "base.npy", mmap_mode="r+")
    kept = replace(trace, base=writable)
    writable[:] = 7
    assert not (kept.base == 7).any()


def test_half_a_recording_does_not_open(forest: Forest, tmp_path: Path) -> None:
    """Stopped in the middle, or of another network: one sentence each."""
    trace = recorded(forest, tmp_path)
    others = (
        (ExpertTree(("x", *trace.tree.names[1:]), trace.tree.parents), trace.head),
        (trace.tree, replace(trace.head, temperature=2 * trace.head.temperature)),
    )
    for tree, head in others:
        with pytest.raises(UserError, match="recording must be of this network"):
            reopen(tmp_path, tree, head, CONCEPTS)
    np.save(tmp_path / "gates.npy", np.array(trace.gates.T[:, 1:]))
    with pytest.raises(UserError, match="recording must have arrays of shapes"):
        reopen(tmp_path, trace.tree, trace.head, CONCEPTS)
    (tmp_path / "base.npy").write_bytes(b"\x93NUMPY nothing")
    with pytest.raises(UserError, match="recording must lie complete in"):
        reopen(tmp_path, trace.tree, trace.head, CONCEPTS)
    trace = recorded(forest, tmp_path)
    bad = forest.inputs.copy()
    bad.reshape(len(bad), -1)[20, 0] = np.inf
    with pytest.raises(UserError, match="must be finite"):
        record(forest.network, trace.case_ids, bad, CONCEPTS, tmp_path, 7)
    again = reopen(tmp_path, trace.tree, trace.head, CONCEPTS)  # what was whole is still there
    assert again.digest == trace.digest
