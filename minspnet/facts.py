"""A model card: what is known of a model, and the word "unknown" where nothing is.

Source: the sections follow Mitchell et al. 2019, Model Cards for Model Reporting.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from minspnet import __version__, background
from minspnet.artifact import Model, read_description
from minspnet.background import UNKNOWN
from minspnet.cohorts import cohorts
from minspnet.compare import measure_one
from minspnet.coverage_facts import coverage_section
from minspnet.data import Cases
from minspnet.domain import Domain
from minspnet.estimate import Estimate, Resampling, resampling, share, what_it_is_about
from minspnet.factsheet import Section, Sheet, Table
from minspnet.learned import account_of
from minspnet.operating import OperatingPoint
from minspnet.policy import CLOSED, Policy
from minspnet.reliability import Bin, gap, reliability
from minspnet.trace import Decision, replay

_WAYS = {
    "gated": "As trained",
    "all_on": "All experts on",
    "base_only": "Base path only",
}
_MEASURES = {
    "accuracy": "Accuracy",
    "auc": "AUC",
    "log_loss": "Log loss (less is better)",
    "brier": "Brier score (less is better)",
}


@dataclass(frozen=True)
class Subgroup:
    """How some of the test cases fare.

    Attributes:
        by: What they are told apart by.
        name: What they have in common.
        cases: How many.
        right: Of those, decided as labelled.
        interval: 95 % of that share; see ``minspnet.estimate.share``.
    """

    by: str
    name: str
    cases: int
    right: int
    interval: tuple[float, float]


@dataclass(frozen=True)
class Facts:
    """What a card says, and the numbers behind its pictures.

    Attributes:
        sheet: All of it as text.
        accuracy: On the test cases.
        subgroups: By class, by thirds of findings, and by group where there are few.
        bins: Of confidence, on the test cases.
    """

    sheet: Sheet
    accuracy: Estimate
    subgroups: tuple[Subgroup, ...]
    bins: tuple[Bin, ...]


def facts(
    model: Model, domain: Domain, parts: Mapping[str, Cases], point: OperatingPoint | None = None
) -> Facts:
    """Fill in a card; scores are worked out on the test cases under the policy in force.

    Args:
        model: With its evidence.
        domain: Its task.
        parts: The cases of each part, in the order of the model's traces.
        point: The operating point in force; None for the one chosen after training.
    """
    policy = point.policy if point else model.policy
    test, decided = parts["test"], replay(model.traces["test"], policy)
    truth = model.scale.truth(test.columns)
    alike = cohorts(domain, test.labels, truth, test.groups)
    correct = decided.predicted == test.labels
    how = resampling(test.groups)
    groups = tuple(
        Subgroup(one.by, one.name, len(right), int(right.sum()), (est.low, est.high))
        for one in alike
        for right in [correct[one.members]]
        for est in [share(right, how.units[one.members])]
    )
    bins = reliability(decided.probabilities, test.labels)
    found = measure_one(decided.probabilities, decided.predicted, test.labels, test.groups)
    sections = (
        background.use(domain),
        background.data(domain, parts, account_of(model.metrics)),
        background.inputs(model, domain),
        background.concepts(model, domain),
        background.architecture(model, domain),
        background.training(model),
        _scores(model, domain, test, decided, found, how),
        _spread(model, domain),
        _subgroups(groups, domain, test, how),
        _calibration(model, bins),
        coverage_section(model, domain, parts, policy),
        _operating(model, point),
        _provenance(model),
    )
    title = f"Model facts: {domain.title}, {domain.variant(model.variant).title}"
    return Facts(Sheet(title, sections), found["accuracy"], groups, bins)


def _scores(
    model: Model,
    domain: Domain,
    test: Cases,
    decided: Decision,
    found: Mapping[str, Estimate],
    how: Resampling,
) -> Section:
    rows = tuple(
        (title, f"{est.value:.3f}", est.bounds or _boundless(name, est.value))
        for name, title in _MEASURES.items()
        for est in [found[name]]
    )
    macs = float(model.cost.macs(decided.active).mean())
    redrawn = f"whole {domain.group_noun or 'group'}s" if how.grouped else f"{domain.case_noun}s"
    about = what_it_is_about(how, test.groups, domain.case_noun, domain.group_noun)
    return Section(
        "Scores in force",
        (
            ("Cases", f"{len(test):,} test {domain.case_noun}s"),
            ("Operations", f"{2 * macs:,.0f} FLOPs per case on average"),
        ),
        (Table(("Measure", "Value", "95 % interval"), rows),),
        f"Worked out now, under the operating point in force. Intervals: of accuracy Wilson's, of "
        f"the others {how.draws:,} redraws of {redrawn}. {about}".strip(),
    )


def _boundless(name: str, value: float) -> str:
    """Say why a measure has no interval."""
    if name == "auc" and value == 1:
        return "none: no pair is in the wrong order"
    return "none: no redraw differs"


def _spread(model: Model, domain: Domain) -> Section:
    spread, baselines = model.metrics.get("over_splits") or {}, model.metrics.get("baselines", {})
    several = spread.get("runs", 1) > 1
    scores = spread["scores"] if several else {}
    rows = []
    for key, title in (_WAYS | {name: name for name in baselines}).items():
        once = model.metrics[key] if key in _WAYS else baselines[key]
        told = [f"{once[name]:.3f}" for name in ("accuracy", "auc")]
        for name in ("accuracy", "auc") if several else ():
            both = scores.get(f"{key}.{name}")
            told.append(f"{both['mean']:.3f} ± {both['sd']:.3f}" if both else UNKNOWN)
        rows.append((title, *told))
    runs = (
        f"{spread['runs']} splits, each trained anew"
        if several
        else "one split; how far scores lie apart over several is not known"
    )
    over = ("Accuracy over splits", "AUC over splits") if several else ()
    return Section(
        "Scores as recorded after training",
        (
            ("Cases", f"{model.metrics['cases']['test']:,} test {domain.case_noun}s"),
            ("Spread over", runs),
        ),
        (Table(("Model", "Accuracy", "AUC", *over), tuple(rows)),),
        "Over splits: mean ± standard deviation of other splits and seeds, this one included."
        if several
        else "",
    )


def _subgroups(
    groups: tuple[Subgroup, ...], domain: Domain, test: Cases, how: Resampling
) -> Section:
    rows = tuple(
        (one.by, one.name, f"{one.cases:,}", f"{one.right / one.cases:.1%}", _span(one.interval))
        for one in groups
    )
    header = ("By", "Subgroup", "Cases", "Decided as labelled", "95 % interval")
    about = what_it_is_about(how, test.groups, domain.case_noun, domain.group_noun)
    return Section(
        "Subgroups",
        (("Other attributes, such as age or sex", f"{UNKNOWN}: not looked at one by one"),),
        (Table(header, rows),),
        f"Test cases, operating point in force. Wilson intervals, one by one. Of {len(groups)} "
        f"subgroups some stand out by chance. Thirds are of a finding's true value. "
        f"{about}".strip(),
    )


def _span(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.1%} to {interval[1]:.1%}"


def _calibration(model: Model, bins: tuple[Bin, ...]) -> Section:
    rows = tuple(
        (
            f"{one.lowest:.1%} to {one.highest:.1%}",
            f"{one.cases:,}",
            f"{one.sure:.1%}",
            f"{one.right:.1%}",
            _span(one.interval),
        )
        for one in bins
    )
    temperature = model.traces["test"].head.temperature
    known = len(model.traces["validation"])
    learned = account_of(model.metrics) is not None
    kept = ", or kept from the network before if that was higher" if learned else ""
    header = ("Chance given", "Cases", "Mean chance", "Right", "95 % interval")
    return Section(
        "Calibration",
        (
            ("Temperature", f"{temperature:.3f}, fitted on {known:,} validation cases{kept}"),
            ("Expected calibration error", f"{gap(bins):.3f} over {len(bins)} bins"),
        ),
        (Table(header, rows),),
        "Test cases, operating point in force, in bins of equally many, the least sure first. "
        "Chance given: to the most probable class. The error is the mean distance of mean chance "
        "from the share right; with few cases it is never 0.",
    )


def _operating(model: Model, point: OperatingPoint | None) -> Section:
    policy = point.policy if point else model.policy
    if point:
        lines = [
            ("Name", point.name),
            ("Who decided", point.author or UNKNOWN),
            ("Why", point.reason or UNKNOWN),
            ("When", point.saved_at or UNKNOWN),
            ("Promised", point.guarantee or "nothing"),
        ]
    else:
        lines = [
            ("Name", "as trained"),
            ("Who decided", "nobody: by rule, after training, on validation cases"),
            ("Why", "the training program takes the most that fits a fixed share of all FLOPs"),
            ("When", UNKNOWN),
            ("Promised", "nothing"),
        ]
    if len(model.traces["test"].head.bias) == 1:
        lines.append(("Decision threshold", f"{policy.decision_threshold:g}"))
    gates = tuple(
        (expert.name, expert.gate, _gate(policy, k)) for k, expert in enumerate(model.spec.experts)
    )
    table = Table(("Expert", "Kind of gate", "Gate threshold"), gates)
    return Section("Operating point in force", tuple(lines), (table,) * bool(gates))


def _gate(policy: Policy, expert: int) -> str:
    threshold = policy.gate_thresholds[expert]
    return "off" if threshold == CLOSED else f"{threshold:.3g}"


def _provenance(model: Model) -> Section:
    described = read_description(model.folder)
    sizes = tuple(
        (path.name, f"{path.stat().st_size:,}", described["sha256"].get(path.name, model.digest))
        for path in sorted(model.folder.iterdir())
        if path.name == "model.json" or path.name in described["sha256"]
    )
    return Section(
        "Version",
        (
            ("Model", model.name),
            ("Hash", f"{model.digest} (SHA-256 of model.json, which holds those of the others)"),
            ("Layout of the files", f"version {described['schema_version']}"),
            ("Trained with version", str(described.get("program", UNKNOWN))),
            ("Card made with version", __version__),
            ("Date of training", model.created or UNKNOWN),
            ("Parent model", str(described.get("parent", f"{UNKNOWN}: none is recorded"))),
            *_learned(model),
        ),
        (Table(("File", "Bytes", "SHA-256"), sizes),),
    )


def _learned(model: Model) -> tuple[tuple[str, str], ...]:
    """What an update learned from; see ``minspnet.learned``."""
    told = model.metrics.get("learned")
    if not isinstance(told, Mapping):
        return ()
    said = (
        f"version {told.get('version', UNKNOWN)} of the reviewed set, hash "
        f"{str(told.get('content', UNKNOWN))[:12]}: {told.get('reviewed', UNKNOWN)} cases by "
        f"{told.get('readers', UNKNOWN)} readers; {told.get('fitted', UNKNOWN)} numbers fitted, "
        "the rest as in the parent model"
    )
    return (("Learned from reviews", said),)
