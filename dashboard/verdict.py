"""Who wins, in a sentence: by how much, how surely, at what cost."""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard import text
from dashboard.format import change, number
from minspnet.compare import Discordance, Measured, more_is_better
from minspnet.estimate import Estimate
from minspnet.metrics import wilson_interval

TITLES = {"accuracy": "Accuracy", "auc": "AUC", "log_loss": "Log loss", "brier": "Brier score"}
MEANINGS = {
    "accuracy": "Share of cases decided as labelled.",
    "auc": "How often a case of a class scores above one of another; 0.5 is chance.",
    "log_loss": "Mean surprise at the true answer, in nats: less is better. Being surely wrong "
    "costs most; a chance below one in a million counts as that.",
    "brier": "Mean squared error of the chances: less is better. Of several classes, summed over "
    "all of them.",
}
_LEAST_P = 0.05


@dataclass(frozen=True)
class Duel:
    """The winner on these cases and the one it is told against.

    Attributes:
        winner: Place among the contestants.
        other: Place.
        tied: Whether their values are equal.
        gap: What the winner is better by; more is better, whatever the measure.
    """

    winner: int
    other: int
    tied: bool
    gap: Estimate


def duel(scores: Sequence[dict[str, Measured]], measure: str) -> Duel:
    """Find the best, and compare it with the first; if that is the first, with the next best."""
    sign = 1 if more_is_better(measure) else -1
    values = [sign * score[measure].value for score in scores]
    # Equal values go to whoever stands first.
    ranked = sorted(range(len(values)), key=lambda k: -values[k])
    winner, other = ranked[0], ranked[1] if ranked[0] == 0 else 0
    one, two = scores[winner][measure], scores[other][measure]
    gap = one.minus(two) if sign > 0 else two.minus(one)
    return Duel(winner, other, values[winner] == values[other], gap)


def outcome(
    found: Duel,
    names: Sequence[str],
    measure: str,
    cases: str,
    count: int,
    disputed: Discordance,
    units: int,
    warning: str = "",
) -> tuple[str, bool]:
    """Say who wins, and whether that is sure enough to be called a win.

    Args:
        found: From ``duel``.
        names: Of the contestants.
        measure: One of ``TITLES``.
        cases: What the cases are, such as "test nodules".
        count: How many.
        disputed: Cases for which only winner or other is right.
        units: How many of them are independent: groups, where cases come in groups.
        warning: From ``too_few``: where it says something, no win is sure.
    """
    one, two = (f"**{text.plain(names[k])}**" for k in (found.winner, found.other))
    gap, points = found.gap, measure == "accuracy"
    if points and not disputed.first + disputed.second:
        room = 100 * wilson_interval(0, units)[1]
        return (
            f"{one} and {two} are right on exactly the same of {count:,} {cases}. A difference of "
            f"up to {room:.0f} points would not show on so few."
            if room >= 1
            else f"{one} and {two} are right on exactly the same of {count:,} {cases}."
        ), False
    name = TITLES[measure] if measure == "auc" else TITLES[measure].lower()
    if found.tied:
        said = f"{one} and {two} have the same {name} on {count:,} {cases}"
    elif points:
        said = (
            f"{one} decides {_points(gap.value)} more of {count:,} {cases} as labelled than {two}"
        )
    else:
        better = "higher" if more_is_better(measure) else "lower"
        said = f"{one} has a {name} {gap.value:.3f} {better} than {two} on {count:,} {cases}"
        said = said.replace("a AUC", "an AUC")
    if not gap.bounded:
        return f"{said}. No redraw of the cases changes that: they cannot tell them apart.", False
    digits = 1 if gap.high - gap.low >= 0.01 else 2
    span = (
        f"{number(100 * gap.low, digits, '+')} to {change(gap.high, digits)}"
        if points
        else f"{number(gap.low, 3, '+')} to {number(gap.high, 3, '+')}"
    )
    said += f" (95% interval {span})."
    if not gap.excludes_zero:
        return f"{said} The interval includes 0: these cases cannot tell them apart.", False
    if points and disputed.p >= _LEAST_P:
        rests = disputed.first + disputed.second
        return (
            f"{said} The interval excludes 0, but all rests on {rests} cases that only one of them "
            f"gets right, {disputed.first} to {disputed.second}: that may be chance (sign test, "
            f"p = {disputed.p:.2f})."
        ), False
    if warning:
        return f"{said} The interval excludes 0, but is about these cases alone. {warning}", False
    return f"{said} The interval excludes 0.", True


def _points(value: float) -> str:
    shown = f"{100 * value:.{1 if value >= 0.01 else 2}f}"
    return f"{shown} point" if shown == "1.0" else f"{shown} points"


def cost(one: float | None, other: float | None) -> str:
    """Say what the one named first costs beside the other, in FLOPs per case."""
    if one is None or other is None:
        return "Trees compare instead of multiplying: their cost is not counted in FLOPs."
    ratio = one / other
    if 0.995 < ratio < 1.005:
        return "Both take the same FLOPs per case."
    if ratio < 1:
        return f"The former takes {_percent(ratio)} of the other's FLOPs."
    if ratio < 2:
        return f"The former takes {_percent(ratio - 1)} more FLOPs than the other."
    return f"The former takes {ratio:,.3g} times the other's FLOPs."


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%" if share >= 0.01 else f"{100 * share:.1g}%"


def too_few(grouped: bool, groups: int, cases: int, group_noun: str) -> str:
    """A warning where cases come in groups, but in too few of them to be redrawn; else nothing."""
    if grouped or not group_noun or groups == cases:
        return ""
    return f"Only {groups} {group_noun}s: nothing can be said about further {group_noun}s."


def redrawn(grouped: bool, groups: int, cases: int, group_noun: str, case_noun: str) -> str:
    """Say what the intervals are about."""
    if grouped:
        return (
            f"Intervals: 1,000 redraws of whole {group_noun}s ({groups}), the same for all "
            f"contestants; of an accuracy Wilson's, in which {case_noun}s of one {group_noun} may "
            "count for less than as many others."
        )
    if warning := too_few(grouped, groups, cases, group_noun):
        return (
            f"**{warning}** The intervals redraw {case_noun}s, and are about further "
            f"{case_noun}s of these same {groups}; for others expect them wider by far."
        )
    return (
        f"Intervals: 1,000 redraws of the {case_noun}s, the same for all contestants; of an "
        "accuracy Wilson's."
    )
