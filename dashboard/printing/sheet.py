"""What the printed page says, in words and numbers; HTML and PDF both write this down."""

from dataclasses import dataclass

from dashboard import text
from dashboard.format import chance, flops, measured, percent, signed
from minspnet.artifact import Model
from minspnet.domain import Domain
from minspnet.report import CaseReport
from minspnet.titles import in_sentence
from minspnet.waterfall import is_silent, output_title

Words = tuple[tuple[str, bool], ...]
"""A sentence in pieces: (words, whether they are bold). Never markup."""
_CHANGES = 3


@dataclass(frozen=True)
class Bar:
    """One line of the waterfall.

    Attributes:
        name: What adds.
        value: How much, as shown.
        start: Left end, from 0 to 1 of the width.
        end: Right end.
        kind: ``towards`` or ``away`` from the class told, or ``total``.
    """

    name: str
    value: str
    start: float
    end: float
    kind: str


@dataclass(frozen=True)
class Table:
    """Cells of text under headings, ``marked`` rows set apart."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    marked: tuple[bool, ...]


@dataclass(frozen=True)
class Sheet:
    """The whole page.

    Attributes:
        title: The question.
        subject: Which case of which task, in a line.
        answer: The class decided for.
        sure: How sure, in words and as a chance.
        facts: Short lines beside the answer: what it took, the known answer.
        warnings: What speaks against the answer; empty if nothing does.
        corrected: What the reader changed; empty if nothing.
        why: Reasons and what would change it.
        axis: What the waterfall counts.
        zero: Where 0 lies on it, from 0 to 1; outside if it is not in the picture.
        bars: The waterfall.
        findings: Each finding, its value, what is typical, and who set it.
        changes: The smallest changes that change the answer.
        changes_note: What holds for them.
        known: Known cases like it.
        experts: What ran and what it cost.
        caution: What it is not for, and its limits.
        footer: Model, policy, date and link, a line each.
        picture: PNG, for images.
    """

    title: str
    subject: str
    answer: str
    sure: str
    facts: tuple[str, ...]
    warnings: tuple[Words, ...]
    corrected: str
    why: Words
    axis: str
    zero: float
    bars: tuple[Bar, ...]
    findings: Table
    changes: tuple[Words, ...]
    changes_note: str
    known: Table
    experts: Table
    caution: tuple[str, ...]
    footer: tuple[str, ...]
    picture: bytes | None


def write_sheet(
    report: CaseReport, domain: Domain, model: Model, date: str, picture: bytes | None
) -> Sheet:
    """Say a report in words.

    Args:
        report: The numbers.
        domain: The task.
        model: Which made the decision.
        date: Of the print.
        picture: PNG of an image case.
    """
    classes = domain.classes
    spent = report.receipt
    experts = [item for item in spent.items if item.gate is not None]
    ran = sum(item.ran for item in experts)
    facts = [f"It took {flops(spent.macs)} of {flops(spent.total_macs)}"]
    facts[0] += f"; {ran} of {len(experts)} experts ran." if experts else "."
    if report.label >= 0:
        facts.append(f"Known answer: {classes[report.label]}.")
    if report.caution.possible not in report.caution.warnings:
        facts.append(report.caution.possible.replace("**", ""))
    if report.corrections:
        facts.append("Findings set by the reader are outside of what a coverage promises.")
    told, against = _told(report)
    bars, zero = _bars(report, domain)
    sure = text.certainty(report.confidence)
    likely = f"{chance(report.chance)}, {text.in_a_hundred(report.chance)}"
    return Sheet(
        domain.question,
        f"{domain.title}: {domain.case_noun} {report.case} ({report.part} case)",
        classes[report.decided],
        f"{sure[:1].upper()}{sure[1:]}. Chance of {classes[report.finding]}: {likely}.",
        tuple(facts),
        tuple(map(pieces, report.caution.warnings)),
        _corrected(report, domain),
        _why(report, domain),
        f"Log-odds of {text.odds_of(domain, told, against)}. Orange pushes towards "
        f"{classes[told]}, blue towards {classes[against]}.",
        zero,
        bars,
        _findings(report, domain),
        tuple(
            pieces(
                f"{text.change_of(domain, one, report.concepts.tolist(), marked=False)}: "
                f"**{classes[one.decided]}**"
            )
            for one in report.alternatives.found[:_CHANGES]
        ),
        "Any one of these would change the answer."
        if len(report.alternatives.found) > 1
        else "This would change the answer."
        if report.alternatives.found
        else text.no_change(domain, report.alternatives),
        _known(report, domain),
        _experts(report, domain),
        (
            f"For research and teaching, not for decisions about anyone. Not for: "
            f"{in_sentence(domain.out_of_scope)}",
            *domain.limits,
            "A change that would change the answer tells about the model, not about the "
            f"{domain.case_noun}.",
        ),
        _footer(report, model, date),
        picture,
    )


def pieces(sentence: str) -> Words:
    """Take the bold marks of a sentence out of it."""
    return tuple((part, bool(place % 2)) for place, part in enumerate(sentence.split("**")) if part)


def _told(report: CaseReport) -> tuple[int, int]:
    """The class whose log-odds the waterfall tells, and the one that they are against."""
    told = report.finding
    return told, report.reasons.rival if told == report.decided else report.decided


def _why(report: CaseReport, domain: Domain) -> Words:
    concepts, typical = report.concepts.tolist(), report.typical.tolist()
    because = text.because(domain, report.reasons, concepts, typical, marked=False)
    change = text.what_would_change_it(domain, report.flip, concepts, marked=False)
    return pieces(f"{because} {change}")


def _corrected(report: CaseReport, domain: Domain) -> str:
    if not report.corrections:
        return ""
    told = [
        f"{concept.title} {measured(text.concept_value(concept, one.value), concept.unit)} "
        f"(the network read {text.concept_value(concept, one.alone)})"
        for one in report.corrections
        for concept in (domain.concepts[one.concept],)
    ]
    alone = domain.classes[report.alone]
    return f"Set by the reader: {text.listed(told)}. The network alone said {alone}."


def _bars(report: CaseReport, domain: Domain) -> tuple[tuple[Bar, ...], float]:
    fall = report.fall
    steps = [float(value) for value in fall.by_output]
    reached = [fall.start]
    for step in steps:
        reached.append(reached[-1] + step)
    low, high = min(0.0, *reached), max(0.0, *reached)
    width = max(high - low, 1e-9)

    def at(value: float) -> float:
        return (value - low) / width

    def bar(name: str, shown: float, one: float, other: float, kind: str) -> Bar:
        return Bar(name, signed(shown), at(min(one, other)), at(max(one, other)), kind)

    bars = [bar("a typical case", fall.start, 0.0, fall.start, "total")]
    for place, (name, step) in enumerate(zip(fall.outputs, steps, strict=True)):
        if is_silent(name, step):
            continue
        kind = "towards" if step > 0 else "away"
        title = output_title(domain, name)
        bars.append(bar(title, step, reached[place], reached[place + 1], kind))
    bars.append(bar("this case", fall.logit, 0.0, reached[-1], "total"))
    return tuple(bars), at(0.0)


def _findings(report: CaseReport, domain: Domain) -> Table:
    corrected = {one.concept: one for one in report.corrections}
    rows = []
    for k, concept in enumerate(domain.concepts):
        value, typical = float(report.concepts[k]), float(report.typical[k])
        note = "" if concept.visible else "guessed"
        if k in report.caution.given:
            note = f"in the data: {report.caution.given[k]}"
        if k in corrected:
            note = f"set by the reader, was {text.concept_value(concept, corrected[k].alone)}"
        rows.append(
            (
                concept.title,
                measured(text.concept_value(concept, value), concept.unit),
                text.concept_value(concept, typical),
                note,
            )
        )
    marked = tuple(k in corrected for k in range(len(rows)))
    return Table(("Finding", "Value", "Typical", ""), tuple(rows), marked)


def _known(report: CaseReport, domain: Domain) -> Table:
    near = report.neighbours
    rows = tuple(
        (
            case,
            domain.classes[label],
            percent(float(near.found.similarity[row])),
            text.apart_in(domain, near.found, row),
        )
        for row, (case, label) in enumerate(zip(near.ids, near.labels, strict=True))
    )
    headings = ("Known case", "Known answer", "Alike", "Differs most in")
    return Table(headings, rows, (False,) * len(rows))


def _experts(report: CaseReport, domain: Domain) -> Table:
    rows: list[tuple[str, ...]] = []
    for item in report.receipt.items:
        gate = "" if item.gate is None else f"{item.gate:.3f}"
        opens = ""
        if item.gate is not None:
            off = item.gate_threshold is None or item.gate_threshold > 1
            opens = "off" if off else f"{item.gate_threshold:.3g}"
        ran = "yes" if item.ran else item.reason
        rows.append((item.part, gate, opens, ran, f"{2 * item.macs:,}"))
    rows.append(("together", "", "", "", f"{2 * report.receipt.macs:,}"))
    headings = ("Part", "Gate", "Opens at", "Ran", "FLOPs")
    return Table(headings, tuple(rows), (*(False,) * (len(rows) - 1), True))


def _footer(report: CaseReport, model: Model, date: str) -> tuple[str, ...]:
    said = report.policy.to_text()
    gates = said["gates"].replace(",", ", ") or "none"
    shipped = "as shipped" if report.shipped else "not the one that the model came with"
    return (
        f"Model {model.name}, hash {model.digest[:12]}. Printed {date}.",
        f"Policy ({shipped}): gate thresholds {gates}; decision threshold {said['cut']}.",
        f"Link: ?domain={model.domain_key}&model={model.name}&case={report.case}",
    )
