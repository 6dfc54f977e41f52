"""Names from outside, made fit to be shown, to stand in links and to be keys."""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

_LONGEST_TITLE = 60
_LONGEST_ID = 64


def shown_name(name: str) -> str:
    """A name without control characters, markup brackets and needless gaps; may be empty."""
    normal = unicodedata.normalize("NFC", name).translate({ord("["): "(", ord("]"): ")"})
    kept = "".join(" " if c.isspace() else c for c in normal if c.isspace() or c.isprintable())
    return " ".join(kept.split())[:_LONGEST_TITLE].strip()


def shown_names(names: Sequence[str]) -> tuple[str, ...]:
    """Distinct names to show for distinct names, in the same order."""
    shown = [shown_name(name) or "without a name" for name in names]
    counts = Counter(shown)
    given: Counter[str] = Counter()
    for place, name in enumerate(shown):
        if counts[name] > 1:
            given[name] += 1
            shown[place] = f"{name} ({given[name]})"
    return tuple(shown)


def safe_ids(paths: Sequence[str]) -> tuple[str, ...]:
    """An id for each file: letters, digits, points and dashes, unique, whatever their order.

    The name without its ending; where two would be called the same, each is told apart by a
    digest of its whole name.
    """
    plain = [_safe(path) for path in paths]
    counts = Counter(plain)
    return tuple(
        name if counts[name] == 1 and name else f"{name}-{_digest(path)}".lstrip("-")
        for name, path in zip(plain, paths, strict=True)
    )


def _safe(path: str) -> str:
    normal = unicodedata.normalize("NFC", path)
    stem = re.sub(r"\.\w{1,5}$", "", normal)
    name = re.sub(r"[^\w.]+", "-", stem).strip("-._")
    return name if len(name) <= _LONGEST_ID else f"{name[-_LONGEST_ID:].strip('-._')}"


def _digest(path: str) -> str:
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:8]


def key_of(name: str) -> str:
    """Letters, digits and underscores, for links and files."""
    words = re.sub(r"\W+", "_", unicodedata.normalize("NFKC", name)).strip("_").lower()
    key = words[:_LONGEST_TITLE] or "pictures"
    return key if key.isidentifier() else f"n_{key}"


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """A key that sorts 2 before 10."""
    # Python refuses to read numbers of thousands of digits.
    parts = re.split(r"(\d{1,18})", name.casefold())
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts)
