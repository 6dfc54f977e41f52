"""A number with its name and a note under it."""

from typing import Literal

from streamlit.delta_generator import DeltaGenerator


def show_tile(
    row: DeltaGenerator,
    name: str,
    value: str,
    note: str,
    moved: float = 0.0,
    better: Literal["more", "less"] = "more",
    alarm: bool = False,
    help: str | None = None,
) -> None:
    """Put a number into a row of tiles.

    Args:
        row: Container of the tiles.
        name: Above the number.
        value: The number.
        note: Under it, in a pill.
        moved: If not 0, the note says a change, coloured by whether it is a good one.
        better: Which changes are good.
        alarm: Whether the note is bad news, and red.
        help: Behind a question mark.
    """
    colour: Literal["green", "red", "off"] = "red" if alarm else "off"
    if moved:
        colour = "green" if (moved > 0) == (better == "more") else "red"
    row.metric(
        name,
        value,
        note,
        delta_color=colour,
        delta_arrow=("up" if moved > 0 else "down") if moved else "off",
        border=True,
        help=help,
    )
