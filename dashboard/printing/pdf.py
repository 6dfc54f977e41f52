"""The printed page as PDF: the same words and numbers as the HTML, one sheet of A4."""

from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from reportlab.graphics.shapes import Drawing, Line, Rect, String
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Image, KeepInFrame, Paragraph, Spacer
from reportlab.platypus import Table as Grid

from dashboard.figures.style import AWAY, NEUTRAL, TOWARDS
from dashboard.printing.sheet import Sheet, Table, Words

_COLOURS = {"towards": TOWARDS, "away": AWAY, "total": NEUTRAL}
_INK, _SOFT, _LINE = HexColor("#0B1216"), HexColor("#46535B"), HexColor("#9AA7AE")
_MARGIN = 13 * mm
_WIDTH, _HEIGHT = A4[0] - 2 * _MARGIN, A4[1] - 2 * _MARGIN
_GAP = 7 * mm
_HALF = (_WIDTH - _GAP) / 2
_NAMES, _VALUES = 0.36, 0.12
"""Shares of the waterfall's width for names and for numbers."""
_TEXT, _CELL, _SPACE = 8.2, 7.6, 6.0
"""Sizes of sentences and of tables, and the room between columns, in points."""
_FONT, _BOLD = "Report", "Report-Bold"
_FONTS = {_FONT: "DejaVuSans.ttf", _BOLD: "DejaVuSans-Bold.ttf"}


def to_pdf(sheet: Sheet) -> bytes:
    """Write the page; what does not fit is drawn smaller, never on a second one."""
    _register_fonts()
    buffer = BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    canvas.setTitle(sheet.subject)
    canvas.setSubject(sheet.title)
    canvas.setCreator("MINSPNET")
    frame = KeepInFrame(_WIDTH, _HEIGHT, _content(sheet), mode="shrink")
    _, height = frame.wrapOn(canvas, _WIDTH, _HEIGHT)
    frame.drawOn(canvas, _MARGIN, A4[1] - _MARGIN - height)
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _register_fonts() -> None:
    """DejaVu knows minus signs, Greek letters and arrows; the fonts built into PDF do not."""
    if _FONT in pdfmetrics.getRegisteredFontNames():
        return
    found = find_spec("matplotlib")
    assert found is not None, "requirements.txt names it"
    folder = Path(str(found.origin)).parent / "mpl-data" / "fonts" / "ttf"
    for name, file in _FONTS.items():
        pdfmetrics.registerFont(TTFont(name, folder / file))
    pdfmetrics.registerFontFamily(_FONT, _FONT, _BOLD, _FONT, _BOLD)


def _style(size: float = _TEXT, **more: Any) -> ParagraphStyle:
    known = {"fontName": _FONT, "fontSize": size, "leading": 1.32 * size, "textColor": _INK}
    return ParagraphStyle("report", **(known | more))


def _plain(words: str, **more: Any) -> Paragraph:
    # A paragraph reads tags; what the data say is text.
    return Paragraph(escape(words), _style(**more))


def _words(sentence: Words, **more: Any) -> Paragraph:
    marked = [f"<b>{escape(part)}</b>" if bold else escape(part) for part, bold in sentence]
    return Paragraph("".join(marked), _style(**more))


def _heading(words: str) -> Paragraph:
    return _plain(words, size=9.4, fontName=_BOLD, spaceBefore=9, spaceAfter=3)


def _content(sheet: Sheet) -> list[Any]:
    content = [_header(sheet), Spacer(0, 6), _answer(sheet), Spacer(0, 5)]
    for warning in sheet.warnings:
        content += [_beside_a_rule(_words(warning), _INK), Spacer(0, 4)]
    if sheet.corrected:
        corrected = _plain(sheet.corrected, fontName=_BOLD)
        content += [_beside_a_rule(corrected, HexColor(TOWARDS)), Spacer(0, 4)]
    left = [_heading("Why: what each finding adds"), _waterfall(sheet), _plain(sheet.axis)]
    left += [_heading("What would change it"), _plain(sheet.changes_note)]
    hanging = {"leftIndent": 8, "firstLineIndent": -8}
    left += [_words((("•  ", False), *one), **hanging) for one in sheet.changes]
    left += [_heading("Known cases like it"), _table(sheet.known)]
    right = [_heading("Findings"), _table(sheet.findings)]
    right += [_heading("What ran, and what it cost"), _table(sheet.experts)]
    columns = [_HALF, _GAP, _HALF]
    content += [_words(sheet.why), Spacer(0, 4), _grid([[left, "", right]], columns)]
    content.append(Spacer(0, 9))
    first, *rest = sheet.caution
    caution = _words(((first, True), (" " + " ".join(rest), False)), size=7.4)
    content.append(_grid([[caution]], [_WIDTH], [("LINEABOVE", (0, 0), (-1, 0), 0.6, _LINE)], 3))
    content += [_plain(line, size=7, textColor=_SOFT) for line in sheet.footer]
    return content


def _header(sheet: Sheet) -> Grid:
    title = [
        _plain(sheet.title, size=14, fontName=_BOLD),
        _plain(sheet.subject, textColor=_SOFT, spaceBefore=2),
    ]
    rule = ("LINEBELOW", (0, 0), (-1, 0), 1.4, _INK)
    if not sheet.picture:
        return _grid([[title]], [_WIDTH], [rule], 4)
    wide, high = ImageReader(BytesIO(sheet.picture)).getSize()
    height = 24 * mm
    width = min(height * wide / high, _WIDTH / 3)
    image = Image(BytesIO(sheet.picture), width, width * high / wide)
    return _grid([[title, image]], [_WIDTH - width, width], [rule], 4)


def _answer(sheet: Sheet) -> Grid:
    size = 15 if len(sheet.answer) <= 14 else 11
    answer = _plain(sheet.answer, size=size, fontName=_BOLD)
    said = [_plain(sheet.sure, fontName=_BOLD), _plain(" ".join(sheet.facts))]
    width = 0.3 * _WIDTH
    return _grid(
        [[answer, said]],
        [width, _WIDTH - width],
        [
            ("BACKGROUND", (0, 0), (-1, -1), HexColor("#F2F5F7")),
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ("LEFTPADDING", (0, 0), (0, 0), 8),
        ],
        6,
    )


def _beside_a_rule(words: Paragraph, colour: Any) -> Grid:
    rule = ("LINEBEFORE", (0, 0), (0, 0), 2.5, colour)
    return _grid([[words]], [_WIDTH], [rule, ("LEFTPADDING", (0, 0), (0, 0), 6)])


def _grid(
    cells: list[list[Any]],
    widths: list[float],
    more: list[tuple[Any, ...]] | None = None,
    padding: float = 0,
) -> Grid:
    style = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("RIGHTPADDING", (0, 0), (-1, -1), 0),
        ("TOPPADDING", (0, 0), (-1, -1), padding),
        ("BOTTOMPADDING", (0, 0), (-1, -1), padding),
        *(more or []),
    ]
    return Grid(cells, colWidths=widths, style=style)


def _table(table: Table) -> Grid:
    """Columns as wide as their words ask for; where they do not all fit, the wide ones wrap."""
    cells = [[_plain(cell, size=_CELL, textColor=_SOFT) for cell in table.headings]]
    for row, marked in zip(table.rows, table.marked, strict=True):
        font = _BOLD if marked else _FONT
        cells.append([_plain(cell, size=_CELL, fontName=font) for cell in row])
    rules = [
        ("LINEBELOW", (0, 0), (-1, 0), 0.6, _LINE),
        ("RIGHTPADDING", (0, 0), (-2, -1), _SPACE),
    ]
    return _grid(cells, _widths(table), rules, 0.8)


def _widths(table: Table) -> list[float]:
    """Widths that fill half the page: narrow columns get what they ask for first."""
    lines = [table.headings, *table.rows]
    asked = [
        max(pdfmetrics.stringWidth(line[k], _BOLD, _CELL) for line in lines) + _SPACE + 1
        for k in range(len(table.headings))
    ]
    widths, room = [0.0] * len(asked), _HALF
    for rank, k in enumerate(sorted(range(len(asked)), key=lambda k: asked[k])):
        widths[k] = min(asked[k], room / (len(asked) - rank))
        room -= widths[k]
    widths[-1] += room
    return widths


def _waterfall(sheet: Sheet) -> Drawing:
    row, height = 14.5, 9.5
    left, room = _NAMES * _HALF, (1 - _NAMES - _VALUES) * _HALF - 6
    total = row * len(sheet.bars)
    drawing = Drawing(_HALF, total + 3)
    zero = left + 3 + room * sheet.zero
    drawing.add(
        Line(zero, 3, zero, total + 3, strokeColor=_SOFT, strokeWidth=0.5, strokeDashArray=[2, 2])
    )
    for place, bar in enumerate(sheet.bars):
        y = total + 3 - row * (place + 1)
        width = max(room * (bar.end - bar.start), 0.6)
        drawing.add(
            Rect(
                left + 3 + room * bar.start,
                y + (row - height) / 2,
                width,
                height,
                fillColor=HexColor(_COLOURS[bar.kind]),
                strokeColor=None,
            )
        )
        text = {"fontName": _FONT, "fontSize": _CELL, "textAnchor": "end", "fillColor": _INK}
        drawing.add(String(left, y + 4.6, _fitting(bar.name, left), **text))
        drawing.add(String(_HALF, y + 4.6, bar.value, **text))
    return drawing


def _fitting(name: str, width: float) -> str:
    """Cut a name that is too long for its place."""
    shown = name
    while shown and pdfmetrics.stringWidth(shown, _FONT, _CELL) > width:
        shown = shown[:-1] if shown == name else shown[:-2]
        shown += "…"
    return shown
