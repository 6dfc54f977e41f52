"""Numbers as people read them."""

import math


def number(value: float, digits: int, sign: str = "") -> str:
    """Say a number with so many decimals; its minus is a true one, which keeps columns aligned.

    Args:
        value: What rounds to nothing has no sign.
        digits: How many decimals.
        sign: ``+`` for a sign of what is more than nothing too, ``,`` to part thousands, or both.
    """
    # Added to 0, a zero has lost its minus.
    rounded = round(value, digits) + 0.0
    shown = f"{rounded:{sign if rounded else sign.replace('+', '')}.{digits}f}"
    return shown.replace("-", "\N{MINUS SIGN}")


def brief(value: float, digits: int = 4) -> str:
    """Say a number of any size with so many digits that count; its minus is a true one."""
    return f"{value + 0.0:.{digits}g}".replace("-", "\N{MINUS SIGN}")


def amount(value: float) -> str:
    """Shorten a count: 950, 12.3k, 1.2M."""
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g}{unit}"
    return f"{value:.0f}"


def flops(macs: float) -> str:
    """FLOPs (2 x MACs) with their unit."""
    return f"{amount(2 * macs)} FLOPs"


def milliseconds(value: float) -> str:
    """A time with a unit that suits it."""
    if value < 1:
        return f"{1000 * value:.3g} µs"
    return f"{value:.3g} ms" if value < 1000 else f"{value / 1000:.3g} s"


def duration(seconds: float) -> str:
    """A time as people say it: 40 s, 12 min, 1.5 h."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def price(value: float, unit: str) -> str:
    """A price with its unit: FLOPs, ms or nJ."""
    return milliseconds(value) if unit == "ms" else f"{amount(value)} {unit}"


def measured(value: str, unit: str) -> str:
    """A value already said, with its unit; a percent sign stands close."""
    return f"{value}%" if unit == "%" else f"{value} {unit}".rstrip()


def percent(share: float, digits: int = 0) -> str:
    """A share as a percentage; a dash where it is not defined."""
    return "-" if math.isnan(share) else f"{share:.{digits}%}"


def interval(low: float, high: float) -> str:
    """Two shares, the ends of an interval, with as many digits as it takes to tell its width."""
    digits = next((d for d, width in enumerate((0.03, 0.003)) if high - low >= width), 2)
    return f"{percent(low, digits)} to {percent(high, digits)}"


def chance(probability: float) -> str:
    """A probability as a percentage that never claims certainty."""
    if probability > 0.999:
        return "> 99.9%"
    if probability < 0.001:
        return "< 0.1%"
    return f"{probability:.{1 if probability > 0.99 or probability < 0.01 else 0}%}"


def score(value: float) -> str:
    """A score in [0, 1] to three digits; a dash where it is not defined."""
    return "-" if math.isnan(value) else number(value, 3)


def change(value: float, digits: int = 1) -> str:
    """A difference of scores in percentage points."""
    return f"{number(100 * value, digits, '+')} points"


def signed(value: float) -> str:
    """A contribution in log-odds, with its sign."""
    return number(value, 2, "+")
