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
        help: Behind a question mark.
    """
    colour: Literal["normal", "inverse"] = "normal" if better == "more" else "inverse"
    row.metric(
        name,
        value,
        note,
        delta_color=colour if moved else "off",
        delta_arrow="auto" if moved else "off",
        border=True,
        help=help,
    )
