"""What an update of a model changed, in words."""

from collections.abc import Callable

from dashboard import text
from dashboard.format import change as points
from dashboard.format import number, percent
from minspnet.domain import Domain
from minspnet.learned import Account, Difference, Kind
from minspnet.wording import lowered

KINDS: dict[Kind, str] = {"bias": "Biases only", "low_rank": "Low rank"}
MEANINGS: dict[Kind, str] = {
    "bias": "Each finding is moved by a constant of its log-odds, at each exit: enough for a "
    "convention that differs, such as a finding read a step higher.",
    "low_rank": "Also how a finding depends on what the network sees, within one direction: learns "
    "more, and needs more cases.",
}


def verdict(account: Account, domain: Domain) -> tuple[str, str]:
    """What to make of it: ``worse``, ``flagged`` or ``fine``, and the sentence that says so."""
    score = account.accuracy
    change = "no answer changed from right to wrong or back"
    if score.change or score.low or score.high:
        low, high = (number(100 * end, 1, "+") for end in (score.low, score.high))
        change = f"{points(score.change)}, 95%: {low} to {high}"
    on = f"{account.accuracy.count:,} test {domain.case_noun}s nobody learned from"
    reasons = f"{easier(account)} {_reasons(account, domain)}".rstrip()
    reasons = f" {reasons.lstrip()}"
    if not account.accuracy_holds:
        return "worse", (
            f"Less accurate: {percent(score.after, 1)} instead of {percent(score.before, 1)} "
            f"({change}) on {on}.{reasons}"
        )
    if account.is_flagged:
        return "flagged", (
            f"Accuracy holds ({change}; {on}), yet reasons moved further than they should."
            f"{reasons} Look below at which findings moved before you adopt it."
        )
    how = "flagged" if account.is_rest_easier else "fine"
    return how, f"Accuracy holds ({change}; {on}).{reasons}"


def easier(account: Account) -> str:
    """Say where what is left to score by is easier than what there was; else nothing."""
    if not account.is_rest_easier or not account.test_cases:
        return ""
    whole = (account.test_right or 0) / account.test_cases
    return (
        f"The {account.accuracy.count:,} test cases left are the easier ones: the network before "
        f"is right on {percent(account.accuracy.before, 1)} of them; of all "
        f"{account.test_cases:,} there were, {percent(whole, 1)} were decided rightly. What was "
        "reviewed was picked by hand or by answer. No "
        "score on them, and no share of sets that hold the truth, tells how good a model is on "
        "new cases."
    )


def _reasons(account: Account, domain: Domain) -> str:
    found = account.reasons
    titles = {concept.name: lowered(concept.title) for concept in domain.concepts}
    noun = text.counted(len(found.undisputed), "update")
    beyond = "further than" if account.reasons_shifted else "no further than"
    most = [titles.get(one.concept, one.concept) for one in found.concepts[:2] if one.moved > 0]
    moved = f", most of all {text.listed(most)}" if most else ""
    same = f"The reason that says most is the same for all {found.cases:,} cases. "
    other = f"The reason that says most is another one for {found.leading:,} of {found.cases:,}. "
    return (
        f"{other if found.leading else same}"
        f"Reasons moved by {100 * found.mean:.1f}% on average{moved}: {beyond} by any of {noun} of "
        f"the same size that nobody disputes (at most {100 * found.limit:.1f}%)."
    )


def made_of(account: Account, parameters: int, domain: Domain) -> str:
    """What was learned from, and by what."""
    kind = KINDS[account.adapter.kind]
    rank = f" ({account.adapter.rank})" if account.adapter.kind == "low_rank" else ""
    return (
        f"Learned from version {account.version} of the reviewed set: "
        f"{text.counted(account.reviewed, 'case')} by "
        f"{text.counted(account.readers, 'reader')}, {text.counted(account.findings, 'finding')} "
        f"set right, {text.counted(account.answers, 'answer')} other than the network's. {kind}"
        f"{rank}: {account.fitted:,} numbers fitted of a network of {parameters:,}; everything "
        "else, the class head too, is as it was. "
        f"{account.replayed:,} training cases were to be answered as before and counted "
        f"{account.replay_weight:g} times as much as the reviewed ones, which validation cases "
        f"chose. {account.moved_test:,} test and {account.moved_validation:,} validation cases "
        f"({seen(domain)}) are training cases of the new model."
    )


def seen(domain: Domain) -> str:
    """Which cases no longer count as unseen."""
    noun = domain.group_noun
    return f"those reviewed, and others of the same {noun}s" if noun else "those reviewed"


def rows(account: Account) -> list[dict[str, str]]:
    """Measures before and after, as a table."""
    cases = text.counted(account.accuracy.count, "test case")
    test = f"{cases} nobody learned from"
    found = []
    if (one := account.held_findings) is not None:
        on = f"{text.counted(one.count, 'corrected finding')}, each held out of the fit"
        found.append(_row("Findings: distance to what readers set", one, _plain, on))
    if (one := account.held_answers) is not None:
        on = f"{text.counted(one.count, 'reviewed case')}, each held out of the fit"
        found.append(_row("Answers as readers gave them", one, _points, on))
    return [
        *found,
        _row("Accuracy", account.accuracy, _points, test),
        _row("Log loss", account.log_loss, _plain, test),
        _row("Findings: distance to what is known", account.concept_error, _plain, test),
        *([_row("FLOPs a case", one, _flops, test)] if (one := account.compute) else []),
    ]


def _row(
    title: str, found: Difference, say: Callable[[float, str], str], on: str
) -> dict[str, str]:
    same = not (found.change or found.low or found.high)
    # However groups are redrawn: a gate that shut for all of them, for example.
    alike = found.low == found.high
    return {
        "Measure": title,
        "Before": say(found.before, ""),
        "After": say(found.after, ""),
        "Change": "none" if same else say(found.change, "+"),
        "95% interval": "no case differs"
        if same
        else "alike for every case"
        if alike
        else f"{say(found.low, '+')} to {say(found.high, '+')}",
        "On": on,
    }


def _plain(value: float, sign: str) -> str:
    return number(value, 3, sign)


def _flops(macs: float, sign: str) -> str:
    return number(2 * macs, 0, f"{sign},")


def _points(value: float, sign: str) -> str:
    return f"{number(100 * value, 1, sign)}{' points' if sign else '%'}"
