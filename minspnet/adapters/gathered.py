"""What was gathered of pictures from outside, before a task is made of it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class UnreadablePicture:
    """A picture that was left out.

    Attributes:
        name: Within the archive.
        reason: In words, to follow "it was left out because".
    """

    name: str
    reason: str


@dataclass(frozen=True)
class Gathered:
    """Pictures of one size and what is known of each.

    Attributes:
        ids: Unique.
        inputs: In [0, 1], grey or RGB.
        classes: Names as they came; empty for a picture without one.
        order: The classes in the order of their numbers; empty if they have none.
        groups: What must stay together; empty where a picture stands alone.
        parts: Of the official split; all empty if there is none.
        rated: Columns of numbers that came with the pictures, by title.
        sizes: Rows and columns that each picture had.
        notes: What was done, in sentences.
        unreadable: What was left out.
        black, white: Numbers that became 0 and 1, where the kind of file does not say so itself
            (16 bits a pixel, arrays on a scale of their own); both 0 where it does.
    """

    ids: tuple[str, ...]
    inputs: Float[np.ndarray, "case channel side side"]
    classes: tuple[str, ...]
    order: tuple[str, ...]
    groups: tuple[str, ...]
    parts: tuple[str, ...]
    rated: Mapping[str, Float[np.ndarray, " case"]]
    sizes: Int[np.ndarray, "case 2"]
    notes: tuple[str, ...]
    unreadable: tuple[UnreadablePicture, ...] = ()
    black: float = 0
    white: float = 0


def counted(count: int, noun: str = "picture") -> str:
    """A number of things in words, with its plural."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def listed(names: list[str], most: int = 3) -> str:
    """The first few names, and how many more."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"
