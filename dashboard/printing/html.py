"""The printed page as one HTML file: nothing is fetched, nothing runs, one sheet of A4."""

import base64
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dashboard.figures.style import AWAY, NEUTRAL, TOWARDS
from dashboard.printing.sheet import Sheet

_COLOURS = {"towards": TOWARDS, "away": AWAY, "total": NEUTRAL}
# Whatever the data say is text: escaped wherever it stands.
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def to_html(sheet: Sheet) -> str:
    """Write the page."""
    picture = base64.b64encode(sheet.picture).decode() if sheet.picture else ""
    template = _TEMPLATES.get_template("sheet.html.j2")
    return template.render(sheet=sheet, colours=_COLOURS, picture=picture)
