"""What a network learns from reviews, what stays as it was, and how reasons are compared."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from forests import CONCEPTS, Forest, any_head, traces
from hypothesis import given, settings
from hypothesis import strategies as st
from own_data import loans, trained_on_loans

from dashboard.update_words import verdict
from minspnet.access import Actor, NotAllowedError, Role
from minspnet.artifact import load, save
from minspnet.behind import cases_of
from minspnet.data import UNLABELLED
from minspnet.domains import DOMAINS, SAMPLE_DATA
from minspnet.errors import UserError
from minspnet.learned import (
    METRIC,
    Account,
    AdapterSpec,
    ConceptShift,
    Difference,
    Kind,
    ReasonShift,
    account_of,
)
from minspnet.learning import update
from minspnet.learning.adapter import Adapter, Taught, fit, readings
from minspnet.learning.lessons import Lessons, check_enough, lessons, parts_after
from minspnet.learning.merging import merged
from minspnet.learning.shift import Reasons, reasons
from minspnet.learning.trial import _as_many, _folds, difference
from minspnet.learning.update import learn
from minspnet.network import Network, run
from minspnet.package import pack, unpack
from minspnet.policy import Policy
from minspnet.recipe import TrainSpec
from minspnet.record.reviews import Correction, Review
from minspnet.record.sets import ANSWER, ReviewedCase, ReviewedSet, SavedSet
from minspnet.registry import title_of
from minspnet.spec import ModelSpec, StemSpec
from minspnet.trace import Trace, replay
from minspnet.waterfall import typical_concepts, waterfall
from minspnet.workspace import Workspace

WHEN = "2026-01-02T03:04:05+00:00"
EVEN = torch.ones(len(CONCEPTS))


def lesson(inputs: np.ndarray, findings: np.ndarray, labels: list[int] | None = None) -> Lessons:
    ids = tuple(f"c{row}" for row in range(len(inputs)))
    known = np.array(labels if labels else [UNLABELLED] * len(inputs), dtype=np.intp)
    return Lessons(ids, inputs, findings.astype(np.float32), known, ids)


# --- The adapter ------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [0.0, 0.5, 2.0])
def test_a_bias_is_what_one_gets_by_hand(weight: float) -> None:
    """One column, one concept: z = 1.5 x - 0.5, so that at x = 1 it is sigmoid(1) = .7311.

    Readers set it to .4; as many replayed cases of x = 1 are to stay. The loss of a bias b is that
    of a logistic regression with an intercept alone, whose sum of residuals is 0:

        (p - .4) + w (p - .7311) = 0,    p = (.4 + .7311 w) / (1 + w),    b = logit(p) - 1
    """
    network = Network(ModelSpec((1,), 1, 2, StemSpec("tabular"))).eval()
    with torch.no_grad():
        network.base_exit.read.weight.fill_(1.5)
        network.base_exit.read.bias.fill_(-0.5)
    ones = np.ones((4, 1), dtype=np.float32)
    found = readings(network, ones)
    taught = Taught(found, lesson(ones, np.full((4, 1), 0.4)))
    new, fitted = fit(network, taught, found, weight, torch.ones(1), TrainSpec(), AdapterSpec())
    p = (0.4 + weight / (1 + np.exp(-1))) / (1 + weight)
    moved = (new.base_exit.read.bias - network.base_exit.read.bias).item()
    assert moved == pytest.approx(np.log(p / (1 - p)) - 1, abs=1e-3)
    assert fitted == 1


def test_an_answer_alone_moves_findings_through_the_frozen_head() -> None:
    """With a weight of 2 the second class needs more of the finding, the first one less."""
    network = Network(ModelSpec((1,), 1, 2, StemSpec("tabular"))).eval()
    with torch.no_grad():
        network.head.weights.fill_(2.0)
    inputs = np.zeros((3, 1), dtype=np.float32)
    found = readings(network, inputs)
    for label in (0, 1):
        taught = Taught(found, lesson(inputs, np.full((3, 1), np.nan), [label] * 3))
        new, _ = fit(network, taught, found, 0.0, torch.ones(1), TrainSpec(), AdapterSpec())
        moved = (new.base_exit.read.bias - network.base_exit.read.bias).item()
        assert moved > 0.05 if label else moved < -0.05
        assert torch.equal(new.head.weights, network.head.weights)


def learned(forest: Forest, kind: Kind, rank: int = 1) -> tuple[Network, int]:
    """Every second finding of twelve cases is set to something else, and every answer."""
    inputs = forest.inputs[:12]
    found = readings(forest.network, inputs)
    generator = np.random.default_rng(0)
    findings = generator.uniform(size=(12, len(CONCEPTS)))
    findings[:, 1] = np.nan
    taught = Taught(found, lesson(inputs, findings, [0, 1] * 6))
    rest = readings(forest.network, forest.inputs[12:])
    return fit(forest.network, taught, rest, 1.0, EVEN, TrainSpec(), AdapterSpec(kind, rank=rank))


@pytest.mark.parametrize("kind", ["bias", "low_rank"])
def test_all_but_what_reads_findings_stays_bit_by_bit(forest: Forest, kind: Kind) -> None:
    before = forest.network.state_dict()
    after = learned(forest, kind)[0].state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    ends = ("read.bias",) if kind == "bias" else ("read.bias", "read.weight")
    exits = ["base_exit", *(f"experts.{e}.exit" for e in range(4))]
    assert changed == {f"{exit}.{end}" for exit in exits for end in ends}
    concepts = len(CONCEPTS)
    residual = before["base_exit.read.bias"][concepts:]
    assert torch.equal(residual, after["base_exit.read.bias"][concepts:])


@pytest.mark.parametrize("rank", [1, 2])
def test_the_rank_is_kept(forest: Forest, rank: int) -> None:
    new, fitted = learned(forest, "low_rank", rank)
    assert fitted > learned(forest, "bias")[1]
    for name, weight in new.state_dict().items():
        if name.endswith("exit.read.weight"):
            apart = (weight - forest.network.state_dict()[name]).double()
            sizes = torch.linalg.svdvals(apart)
            assert sizes[0] > 1e-3
            assert (sizes[rank:] < 1e-5 * max(1, float(weight.abs().max()))).all()


def test_what_is_fitted_is_what_the_folded_network_says(forest: Forest) -> None:
    """On recorded features and run anew, every way through the forest says the same."""
    adapter = Adapter(forest.network, AdapterSpec("low_rank", rank=2))
    with torch.no_grad():
        for one in (*adapter.biases, *adapter.outer):
            one.normal_(generator=torch.Generator().manual_seed(len(one)))
    found = readings(forest.network, forest.inputs)
    said = found.logits[..., : len(CONCEPTS)] + adapter(found).detach()
    again = readings(adapter.folded(forest.network), forest.inputs).logits
    assert torch.allclose(said, again[..., : len(CONCEPTS)], atol=1e-4)
    assert torch.allclose(found.logits[..., 3:], again[..., 3:], atol=1e-4)


def test_old_and_new_network_are_of_the_same_recipe(forest: Forest) -> None:
    new, _ = learned(forest, "low_rank")
    assert new.spec == forest.network.spec
    ids = forest.trace.case_ids
    trace = run(new, ids, forest.inputs, CONCEPTS)
    assert trace.digest != forest.trace.digest and len(replay(trace, Policy((0,) * 4)).predicted)


# --- Readers put together ---------------------------------------------------------------


def review(
    reader: str, opinion: str | None, case: str = "a", n: int = 0, **findings: float
) -> Review:
    verdict = "unsure" if opinion is None else "agree" if opinion == "benign" else "disagree"
    concepts = tuple(Correction(*one) for one in findings.items())
    return Review(
        f"{reader}-{case}-{n}", reader, case, "task", "m" * 64, "t" * 64, "", "0.5", "benign",
        0.9, verdict, opinion, WHEN, WHEN, WHEN, 1.0, concepts=concepts,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("said", "answer", "findings", "left_out"),
    [
        ([("A", "benign", {"size": 0.2})], "benign", {"size": 0.2}, []),
        ([("A", None, {}), ("B", "malignant", {})], "malignant", {}, []),
        ([("A", None, {})], None, {}, []),
        ([("A", "benign", {}), ("B", "malignant", {})], None, {}, [ANSWER]),
        (
            [("A", "benign", {"size": 0.2}), ("B", "benign", {"size": 0.4}), ("C", "other", {})],
            "benign",
            {"size": 0.3},
            [],
        ),
        ([("A", "benign", {"size": 0.2}), ("B", "benign", {})], "benign", {}, ["size"]),
        (
            [("A", "benign", {"size": 0.1}), ("B", "benign", {"size": 0.7})],
            "benign",
            {},
            ["size"],
        ),
    ],
)
def test_readers_are_put_together(
    said: list, answer: str | None, findings: dict, left_out: list
) -> None:
    given = [review(reader, opinion, **right) for reader, opinion, right in said]
    content = merged(given, "task", ["m" * 64])
    (case,) = content.cases
    assert case.answer == answer
    assert {one.concept: one.value for one in case.findings} == pytest.approx(findings)
    assert [one.what for one in content.left_out] == left_out
    assert case.reviews == tuple(one.id for one in given)
    assert merged(given[::-1], "task", ["m" * 64]).digest == content.digest


def test_the_newest_review_of_a_reader_counts_and_other_models_do_not() -> None:
    newest = [review("A", "benign", n=2), review("A", "malignant", n=1, size=0.1)]
    other = replace(review("B", "malignant", case="b"), model="x" * 64)
    content = merged([*newest, other], "task", ["m" * 64])
    assert [(case.case_id, case.answer, case.findings) for case in content.cases] == [
        ("a", "benign", ())
    ]
    both = merged([*newest, other], "task", ["m" * 64, "x" * 64])
    assert [case.case_id for case in both.cases] == ["a", "b"]


# --- Which cases may still be scored ----------------------------------------------------


@pytest.fixture(scope="module")
def nodules() -> SimpleNamespace:
    model = load(SAMPLE_DATA / "models" / "lung_nodules")
    return SimpleNamespace(model=model, cases=cases_of(model))


def set_of(nodules: SimpleNamespace, ids: list[str]) -> Lessons:
    cases = tuple(
        ReviewedCase(one, nodules.model.domain.classes[0], (), ("A",), ("r",)) for one in ids
    )
    content = ReviewedSet("lung_nodules", (nodules.model.digest,), tuple(sorted(cases, key=_id)))
    return lessons(content, nodules.model.domain, nodules.cases)


def _id(case: ReviewedCase) -> str:
    return case.case_id


def test_nothing_that_was_learned_from_is_scored(nodules: SimpleNamespace) -> None:
    """Nor is another nodule of the same patient."""
    traces = nodules.model.traces
    patients = dict(zip(nodules.cases.ids, nodules.cases.groups, strict=True))
    test = traces["test"].case_ids
    twice = [one for one in test if sum(patients[one] == patients[k] for k in test) > 1]
    reviewed = [twice[0], *traces["validation"].case_ids[:12]]
    given = set_of(nodules, reviewed)
    parts = parts_after(nodules.model, nodules.cases, given)
    seen = {patients[case] for case in reviewed}
    for part in ("validation", "test"):
        assert not seen & set(parts[part].groups)
        assert set(parts[part].ids) <= set(traces[part].case_ids)
    assert set(reviewed) <= set(parts["train"].ids)
    assert len(test) - len(parts["test"].ids) > 1
    count = sum(len(trace) for trace in traces.values())
    assert sum(len(part) for part in parts.values()) == count


def test_too_little_is_not_learned_from(nodules: SimpleNamespace) -> None:
    given = set_of(nodules, list(nodules.model.traces["test"].case_ids[:9]))
    none = np.zeros(9, dtype=bool)
    with pytest.raises(UserError, match="reviewed cases must number 10 or more"):
        check_enough(given, ~none)
    enough = set_of(nodules, list(nodules.model.traces["test"].case_ids[:40]))
    with pytest.raises(UserError, match="nothing to learn"):
        check_enough(enough, np.zeros(40, dtype=bool))
    check_enough(enough, np.arange(40) == 3)
    everything = set_of(nodules, list(nodules.model.traces["test"].case_ids[:125]))
    with pytest.raises(UserError, match="test cases nobody has reviewed must number 10 or more"):
        parts_after(nodules.model, nodules.cases, everything)


def test_a_set_speaks_of_the_task_alone(nodules: SimpleNamespace) -> None:
    known = nodules.model.traces["test"].case_ids[0]
    for case in (
        ReviewedCase("nowhere", None, (), ("A",), ("r",)),
        ReviewedCase(known, "purple", (), ("A",), ("r",)),
        ReviewedCase(known, None, (Correction("charm", 0.5),), ("A",), ("r",)),
    ):
        with pytest.raises(UserError):
            lessons(ReviewedSet("t", ("m",), (case,)), nodules.model.domain, nodules.cases)


@settings(max_examples=10)
@given(st.integers(10, 40), st.integers(0, 5))
def test_who_is_held_out_shares_no_group_with_the_fit(cases: int, seed: int) -> None:
    groups = [f"g{row // 3}" for row in range(cases)]
    folds = _folds(groups, seed)
    assert sorted(np.concatenate(folds).tolist()) == list(range(cases))
    of = [{groups[row] for row in fold} for fold in folds]
    assert sum(map(len, of)) == len(set(groups))


# --- Reasons ----------------------------------------------------------------------------


@settings(max_examples=20)
@given(st.data())
def test_reasons_are_the_waterfall_of_each_case(data: st.DataObject) -> None:
    trace: Trace = data.draw(any_head(data.draw(traces())))
    policy = Policy.shared(0.4, len(trace.tree.names))
    typical = typical_concepts(trace, policy)
    decided = replay(trace, policy)
    found = reasons(trace, policy, typical, decided)
    for row in range(len(trace)):
        classes = decided.class_logits[row].astype(float)
        told, against = 1, 0
        if len(classes) > 2:
            told = int(decided.predicted[row])
            against = max((k for k in range(len(classes)) if k != told), key=classes.__getitem__)
        parts = waterfall(trace[row], policy, typical, told, against)
        total = np.abs(parts.by_output).sum()
        assert found.parts == parts.outputs
        assert np.allclose(found.shares[row] * total, parts.by_output, atol=1e-3)


def test_a_shift_is_nothing_for_the_same_and_one_for_the_opposite() -> None:
    """Half of |.5 - 0| + |.5 - 1| is one half, and another reason leads."""
    parts = ("a", "b")
    first = Reasons(parts, np.array([[0.6, 0.4], [0.6, 0.4], [0.5, 0.5]]))
    second = Reasons(parts, np.array([[0.6, 0.4], [-0.6, -0.4], [0.0, 1.0]]))
    found = first.shift(second)
    assert found.distance == pytest.approx([0, 1, 0.5])
    assert found.leading.tolist() == [False, False, True]
    assert found.by_part[2] == pytest.approx([0.25, 0.25])


# --- The account ------------------------------------------------------------------------


def account(accuracy: Difference, mean: float) -> Account:
    same = Difference(0.1, 0.1, -0.1, 0.1, 50, 50)
    shift = ReasonShift(mean, 3, 50, (0.02, 0.05, 0.03), (ConceptShift("size", mean, 4),))
    return Account(
        1, "c" * 64, "task", "A", AdapterSpec(), 3, 1.0, 256, 20, 2, 30, 4, 5, 6, None, same,
        accuracy, same, same, shift,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("low", "high", "mean", "flagged"),
    [
        (-0.02, 0.01, 0.06, True),
        (-0.02, 0.01, 0.05, False),
        (-0.04, -0.01, 0.06, False),
        (0.01, 0.03, 0.06, True),
    ],
)
def test_reasons_that_shift_although_accuracy_holds_are_flagged(
    low: float, high: float, mean: float, flagged: bool
) -> None:
    found = account(Difference(0.9, 0.9 + (low + high) / 2, low, high, 50, 50), mean)
    assert found.is_flagged == flagged
    assert account_of({METRIC: found.to_dict()}) == found
    assert account_of({}) is None and account_of({METRIC: {"version": "x"}}) is None


@pytest.mark.parametrize(
    ("all_of_them", "right", "easier"),
    [
        (60, 50, True),  # ten were wrong, five of them on the fifty left: by hand, p < .01
        (60, 55, False),  # nobody took away anything but what was right
        (50, 45, False),  # nothing was taken away
    ],
)
def test_what_is_left_to_score_by_may_be_easier(all_of_them: int, right: int, easier: bool) -> None:
    found = replace(
        account(Difference(0.9, 0.9, 0, 0, 50, 50), 0.01), test_cases=all_of_them, test_right=right
    )
    assert found.is_rest_easier == easier
    how, said = verdict(found, DOMAINS["lung_nodules"])
    assert ("are the easier ones" in said) == easier
    assert how == ("flagged" if easier else "fine")
    assert not account(Difference(0.9, 0.9, 0, 0, 50, 50), 0.01).is_rest_easier


def test_a_difference_redraws_groups() -> None:
    """Twelve groups of five equal cases are twelve units, not sixty."""
    groups = [f"g{k // 5}" for k in range(60)]
    gain = np.repeat(np.random.default_rng(0).normal(0.1, 1, 12), 5)
    found = difference(np.zeros(60), gain, groups)
    alone = difference(np.zeros(60), gain, [str(k) for k in range(60)])
    assert (found.units, alone.units, found.count) == (12, 60, 60)
    assert found.high - found.low > 1.5 * (alone.high - alone.low)


# --- A model beside the old one ---------------------------------------------------------


def test_a_model_on_own_data_learns_and_can_be_handed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(update, "UNDISPUTED", 2)
    workspace, collection = Workspace(tmp_path), loans()
    save(trained_on_loans(), workspace.new_model("loans"), collection=collection)
    old = load(workspace.model_folder("loans"))
    ids = sorted(old.traces["test"].case_ids[:12])
    cases = tuple(
        ReviewedCase(one, "paid", (Correction("burden", 0.9),), ("A",), ("r",)) for one in ids
    )
    kept = SavedSet(3, "A", WHEN, ReviewedSet("loans", (old.digest,), cases))
    with pytest.raises(NotAllowedError):
        learn(Actor("A", Role.READER), old, old.policy, kept, workspace)
    assert len(list(workspace.models.iterdir())) == 1

    steps: list[str] = []
    admin = Actor("A", Role.ADMIN)
    name = learn(admin, old, old.policy, kept, workspace, on_step=steps.append)
    new = load(workspace.model_folder(name))
    assert (new.data, new.spec, new.parent) == (old.data, old.spec, old.digest)
    assert new.scale.spreads.keys() == old.scale.spreads.keys() and len(steps) == 4
    assert title_of(new.folder).endswith("reviewed v3")
    found = account_of(new.metrics)
    assert (found.version, found.moved_test, found.moved_validation) == (3, 12, 0)

    # Learned on from there, scores are still held against all that there was before.
    again = replace(kept, content=ReviewedSet("loans", (new.digest,), cases))
    further = account_of(
        load(workspace.model_folder(learn(admin, new, new.policy, again, workspace))).metrics
    )
    assert (further.test_cases, further.test_right) == (found.test_cases, found.test_right)
    assert found.test_cases == len(old.traces["test"]) and further.moved_test == 12

    packed = BytesIO()
    pack(new.folder, packed)
    other = Workspace(tmp_path / "elsewhere")
    taken = load(other.model_folder(unpack(packed, f"{name}.minspnet", other)))
    assert taken.digest == new.digest and account_of(taken.metrics) == found


@given(st.integers(1, 40), st.integers(0, 40), st.data())
def test_undisputed_cases_differ_as_often_as_the_reviewed_ones(
    size: int, errors: int, data: st.DataObject
) -> None:
    """As many to be answered otherwise, then as decided; any where there is no such case."""
    wrong = np.arange(size) < errors
    count = data.draw(st.integers(1, 12))
    answered = data.draw(st.integers(0, count))
    differing = data.draw(st.integers(0, answered))
    rows = _as_many(np.random.default_rng(3), wrong, differing, answered, count)
    assert len(rows) == count and set(rows.tolist()) <= {*range(size)}
    if wrong.any():
        assert wrong[rows[:differing]].all()
    if not wrong.all():
        assert not wrong[rows[differing:answered]].any()
