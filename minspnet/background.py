"""What a model card says of use, data, inputs, findings, build and training: as it is recorded."""

import dataclasses
import math
from collections import Counter
from collections.abc import Mapping

from minspnet.artifact import Model
from minspnet.data import PARTS, UNLABELLED, Cases
from minspnet.domain import Domain
from minspnet.factsheet import Section, Table
from minspnet.learned import Account
from minspnet.recipe import TrainSpec

UNKNOWN = "unknown"
NO_UNIT = "no unit given"
_BEYOND = {
    None: "",
    "limit": "counts as the limit in it",
    "missing": "counts as missing",
}


def use(domain: Domain) -> Section:
    """Say what it is for, and what not."""
    return Section(
        "Use",
        (
            ("Question", domain.question or UNKNOWN),
            ("Answers", ", ".join(domain.classes)),
            ("Intended use", domain.intended_use or UNKNOWN),
            ("Out of scope", domain.out_of_scope or UNKNOWN),
            *(("Known limit", limit) for limit in domain.limits or (UNKNOWN,)),
        ),
    )


def data(domain: Domain, parts: Mapping[str, Cases], learned: Account | None = None) -> Section:
    """Say where the cases come from and how they are split.

    Args:
        domain: The task.
        parts: Its cases.
        learned: Of a model that learned from reviewed cases, which are its training cases now.
    """
    noun = domain.group_noun
    header = ["Part", "Cases", *([f"{noun.capitalize()}s"] if noun else []), "Without label"]
    rows = []
    for name in PARTS:
        part = parts[name]
        known = int((part.labels != UNLABELLED).sum())
        shares = [
            f"{n:,} ({n / max(known, 1):.0%})"
            for n in (int((part.labels == k).sum()) for k in range(len(domain.classes)))
        ]
        groups = [f"{len(set(part.groups)):,}"] if noun else []
        rows.append((name, f"{len(part):,}", *groups, f"{len(part) - known:,}", *shares))
    sides = Counter(group for part in parts.values() for group in set(part.groups))
    shared = sum(count > 1 for count in sides.values())
    split = f"at random by {noun or domain.case_noun}, classes balanced"
    if noun:
        split += f"; {noun}s on more than one side: {shared}"
    if learned:
        split += (
            f"; then {learned.moved_test:,} test and {learned.moved_validation:,} validation "
            f"{domain.case_noun}s became training cases, for they were reviewed"
        )
    if learned and learned.is_rest_easier and learned.test_cases:
        split += (
            f". What is left to test on is easier: the network before is right on "
            f"{learned.accuracy.before:.1%} of it; of all {learned.test_cases:,} there were, "
            f"{(learned.test_right or 0) / learned.test_cases:.1%} were decided rightly"
        )
    return Section(
        "Data",
        (
            ("What they are", domain.summary or UNKNOWN),
            ("Source", domain.source or UNKNOWN),
            ("Licence", domain.licence or UNKNOWN),
            ("Cases", f"{sum(map(len, parts.values())):,} {domain.case_noun}s"),
            ("Split", split),
        ),
        (Table((*header, *domain.classes), tuple(rows)),),
        "Networks are fitted to training cases; temperature and thresholds are chosen on "
        "validation cases; test cases are for reporting. Shares are of the cases with a label.",
    )


def inputs(model: Model, domain: Domain) -> Section:
    """Name what the network reads, with units."""
    variant = domain.variant(model.variant)
    known = {feature.name: feature for feature in domain.features}
    columns = [known[name] for name in variant.inputs]
    shape = " x ".join(map(str, model.spec.input_shape))
    lines = [
        ("Choice of inputs", ": ".join(filter(None, (variant.title, variant.meaning)))),
        ("Kind", f"{domain.modality}, {shape} numbers per {domain.case_noun}"),
        ("How to read them", domain.input_note or UNKNOWN),
    ]
    if domain.field_mm:
        lines.append(("Field", f"{domain.field_mm:g} mm a side"))
    if domain.sample_rate_hz:
        lines.append(("Samples a second", f"{domain.sample_rate_hz:g}"))
    table = [("Input", *(one.title for one in columns))]
    table.append(
        ("Unit or levels", *(", ".join(one.levels) or one.unit or NO_UNIT for one in columns))
    )
    if any(one.missing for one in columns):
        named = (", ".join(one.missing) for one in columns)
        table.append(("Counts as missing, beside empty cells", *named))
    if any(one.beyond for one in columns):
        table.append(
            ("A cell beyond a limit, such as <0.5", *(_BEYOND[one.beyond] for one in columns))
        )
    header, *rows = zip(*table, strict=True)
    return Section("Inputs", tuple(lines), (Table(header, tuple(rows)),) * bool(rows))


def concepts(model: Model, domain: Domain) -> Section:
    """Name the findings with meaning, scale, and how well each is followed."""
    followed = model.metrics.get("concept_rank_correlation", {})
    rows = []
    for one in domain.concepts:
        value = followed.get(one.name)
        rows.append(
            (
                one.title,
                one.meaning,
                one.scale,
                "yes" if one.visible else "no, guessed",
                UNKNOWN if value is None else f"{value:.2f}",
            )
        )
    header = ("Finding", "Meaning", "Scale", "Seen in the inputs", "Followed")
    return Section(
        "Findings (concepts)",
        (("How true values come about", domain.concept_note or UNKNOWN),),
        (Table(header, tuple(rows)),),
        "Followed: rank correlation with the true value on the test cases, all experts on, as "
        "recorded after training; 1 is perfect.",
    )


def architecture(model: Model, domain: Domain) -> Section:
    """Say how it is built, in a sentence and in MACs."""
    spec, cost = model.spec, model.cost
    kinds = sorted({expert.gate for expert in spec.experts})
    experts = (
        f"{len(spec.experts)} experts ({', '.join(e.name for e in spec.experts)}) that run only "
        f"where gates ({', '.join(kinds)}) reach their thresholds"
        if spec.experts
        else "no experts"
    )
    head = f"{spec.head} head" + (f" with {spec.prototypes} prototypes" if spec.prototypes else "")
    beside = "and a side channel past them" if spec.residual else "and nothing past them"
    said = (
        f"A stem ({spec.stem.kind}) and a base path that every case takes, {experts}; their sum "
        f"gives {len(domain.concepts)} {'binary' if spec.binary else 'graded'} findings {beside}, "
        f"which a {head} weighs into {spec.classes} classes."
    )
    parameters = model.metrics.get("parameters")
    parts = tuple((name, f"{macs:,}") for name, macs in cost.parts)
    return Section(
        "Architecture",
        (
            ("In a sentence", said),
            ("Parameters", UNKNOWN if parameters is None else f"{parameters:,}"),
            ("MACs, all experts on", f"{cost.total:,} ({2 * cost.total:,} FLOPs)"),
            ("MACs, base path only", f"{cost.base:,} ({2 * cost.base:,} FLOPs)"),
        ),
        (Table(("Part", "MACs per case"), parts),) * bool(parts),
        "One MAC (multiply-accumulate) is two FLOPs. FLOPs are not time.",
    )


def training(model: Model) -> Section:
    """List the recipe."""
    usual = TrainSpec()
    rows = tuple(
        (
            field.name.replace("_", " "),
            _plainly(getattr(model.training, field.name)),
            "" if getattr(model.training, field.name) != getattr(usual, field.name) else "default",
        )
        for field in dataclasses.fields(model.training)
    )
    return Section(
        "Training",
        (
            ("Seed of split and training", str(model.seed)),
            ("Epochs", str(model.training.epochs)),
            *_took(model.metrics.get("trained")),
        ),
        (Table(("Setting", "Value", ""), rows),),
    )


def _took(told: object) -> tuple[tuple[str, str], ...]:
    """Where it was trained and for how long; nothing where that was not noted."""
    if not isinstance(told, Mapping):
        return ()
    lines = []
    if isinstance(where := told.get("on"), str) and where:
        lines.append(("Trained on", where))
    if isinstance(seconds := told.get("seconds"), int | float) and 0 < seconds < math.inf:
        took = f"{seconds:,.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
        lines.append(("Time taken", f"{took}, without the usual models"))
    return tuple(lines)


def _plainly(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
