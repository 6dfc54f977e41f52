"""Lists as people type them: separated by commas."""

from collections.abc import Sequence


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
    return int(word) if word.removeprefix("-").isdecimal() else word
