"""Words that came from outside and will be shown on pages: they may say anything, but do nothing.

A page shows the words of a task in a hundred places, most of them as Markdown. There a link could
be dressed up as a button, and a picture would call whoever it is kept by.
"""

from collections.abc import Iterable

from minspnet.errors import requirement

LONGEST = 2_000
"""Characters of a text."""
_LINKS = ("](", "][", "]:")
"""Without one of these there is neither a link under other words nor a picture in Markdown."""


def check_words(what: str, texts: Iterable[str]) -> None:
    """Refuse texts that a page could not show as they stand.

    Args:
        what: Whose words they are, for the sentence.
        texts: To look at, any number.

    Raises:
        UserError: On the first that holds a link, a picture or a control character, or is too
            long.
    """
    for text in texts:
        if any(mark in text for mark in _LINKS):
            raise requirement(
                what, "hold no link or picture", repr(text), f"write it without {_said(text)}"
            )
        if len(text) > LONGEST:
            raise requirement(
                what, f"be texts of at most {LONGEST:,} characters", f"{len(text):,}", "shorten it"
            )
        if not text.isprintable() and any(c < " " and c not in "\n\t" for c in text):
            raise requirement(what, "hold no control characters", repr(text), "remove them")


def _said(text: str) -> str:
    return next(mark for mark in _LINKS if mark in text)


def lowered(title: str) -> str:
    """Say a title within a sentence: BMI, T score and 5-HT stay, Age becomes age."""
    return title[:1].lower() + title[1:] if title[1:2].islower() else title


def texts_in(values: object) -> Iterable[str]:
    """Every text within nested lists and tables, keys aside."""
    if isinstance(values, str):
        yield values
    elif isinstance(values, dict):
        for value in values.values():
            yield from texts_in(value)
    elif isinstance(values, list | tuple):
        for value in values:
            yield from texts_in(value)
