"""Lists as people type them: separated by commas."""

from collections.abc import Sequence

_LONGEST = 18
"""Characters of a number: what is longer is none that anything here could hold."""


def read_list(text: str, kind: type, names: Sequence[str] = ()) -> list[int | str]:
    """Take a list apart; a word where a number should be stays, for the recipe to refuse.

    Args:
        text: As typed.
        kind: Of its entries: ``int`` or ``str``.
        names: Words that stand for a number: their place.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    if kind is not int:
        return list(words)
    return [_place(word, names) for word in words]


def _place(word: str, names: Sequence[str]) -> int | str:
    if word in names:
        return names.index(word)
    whole = len(word) <= _LONGEST and word.removeprefix("-").isdecimal()
    return int(word) if whole else word
