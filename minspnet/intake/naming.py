"""Names of columns become titles, units and keys."""

import re
import unicodedata

_UNITS = {
    "mmhg": "mmHg",
    "kg": "kg",
    "g": "g",
    "mg": "mg",
    "cm": "cm",
    "mm": "mm",
    "m": "m",
    "km": "km",
    "ml": "ml",
    "mgdl": "mg/dl",
    "years": "years",
    "months": "months",
    "weeks": "weeks",
    "days": "days",
    "hours": "hours",
    "minutes": "minutes",
    "min": "min",
    "sec": "s",
    "ms": "ms",
    "hz": "Hz",
    "pct": "%",
    "percent": "%",
    "eur": "EUR",
    "usd": "USD",
}
"""Last words of columns' names that are units, and how they are written."""
_BRACKETED = re.compile(r"(.*\S)\s*[(\[]([^()\[\]]{1,20})[)\]]")
_LONGEST_KEY = 40
_NOT_A_NAME = re.compile(r"[^0-9a-zA-Z]+")


def title_and_unit(name: str) -> tuple[str, str]:
    """Say a column's name as a form does: ``weight_kg`` is Weight, in kg."""
    unit = ""
    if found := _BRACKETED.fullmatch(name):
        name, unit = found.groups()
    words = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", name).replace("_", " ").split()
    if not unit and len(words) > 1 and words[-1].lower() in _UNITS:
        unit = _UNITS[words.pop().lower()]
    title = " ".join(words) or name
    return (title[0].upper() + title[1:] if title.islower() else title), unit


def spoken(name: str) -> str:
    """Say a column's name within a sentence: capitals that were typed stay, others are not put."""
    title, _ = title_and_unit(name)
    return title[:1].lower() + title[1:] if title[1:].islower() and name.islower() else title


def key_of(text: str, taken: tuple[str, ...] = ()) -> str:
    """Make an identifier of a text, other than those taken; letters lose their accents."""
    # Taking signs apart brings capitals back: the trade mark becomes TM.
    letters = unicodedata.normalize("NFKD", text.casefold()).casefold()
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    plain = _NOT_A_NAME.sub("_", bare).strip("_") or "column"
    if len(plain) > _LONGEST_KEY:
        plain = plain[:_LONGEST_KEY].rpartition("_")[0] or plain[:_LONGEST_KEY]
    plain = f"c_{plain}" if plain[0].isdigit() else plain
    key, number = plain, 2
    while key in taken:
        key, number = f"{plain}_{number}", number + 1
    return key


def listed(titles: list[str], most: int = 3) -> str:
    """Name a few things in a row as they are written, and count the rest."""
    named = titles if len(titles) <= most else titles[: most - 1]
    rest = len(titles) - len(named)
    last = f"{rest} more" if rest else named[-1]
    before = named if rest else named[:-1]
    return f"{', '.join(before)} and {last}" if before else last


def in_order(cell: str) -> tuple[list[tuple[str, int]], str]:
    """Key to sort words by letters, whatever their case, and numbers within them by size."""
    parts = re.split(r"([0-9]{1,15})", cell.lower())
    pairs = zip(parts[::2], [*parts[1::2], "0"], strict=True)
    return [(word, int(number)) for word, number in pairs], cell
