"""A sheet of sections, lines and tables, written as Markdown, as a web page or as plain lines.

Every word is text: what comes from data can become neither a link nor a picture nor a script.
"""

import html
import re
from dataclasses import dataclass

_MARKS = re.compile(r"([\\`*_{}\[\]()#+!|<>$~&@])")
_ADDRESS = re.compile(r"(?i)(\w)(://)|\b(www)(\.)")
_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: .5rem 0 1rem; display: block; overflow-x: auto; }
th, td { border: 1px solid #8888; padding: .25rem .6rem; text-align: left; vertical-align: top; }
dl { display: grid; grid-template-columns: minmax(8rem, 14rem) 1fr; gap: .25rem 1rem; }
dt { font-weight: 600; } dd { margin: 0; }
@media (max-width: 640px) { dl { display: block; } dd { margin: 0 0 .5rem; } }
"""


@dataclass(frozen=True)
class Table:
    """A table of text; each row has as many cells as the header."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Section:
    """One part of a sheet.

    Attributes:
        title: As a heading.
        lines: Names and what is known of each; a name may come several times.
        tables: Below the lines.
        note: Below the tables: how to read them.
    """

    title: str
    lines: tuple[tuple[str, str], ...] = ()
    tables: tuple[Table, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Sheet:
    """A title and sections, in order."""

    title: str
    sections: tuple[Section, ...]


def to_markdown(sheet: Sheet) -> str:
    """Write a sheet for GitHub and its like."""
    lines = [f"# {_mark(sheet.title)}"]
    for section in sheet.sections:
        lines += ["", f"## {_mark(section.title)}", ""]
        lines += [f"- **{_mark(name)}:** {_mark(value)}" for name, value in section.lines]
        for table in section.tables:
            lines += ["", _row(table.header), _row(("---",) * len(table.header), plain=False)]
            lines += [_row(row) for row in table.rows]
        if section.note:
            lines += ["", _mark(section.note)]
    return "\n".join(lines) + "\n"


def _row(cells: tuple[str, ...], plain: bool = True) -> str:
    return "| " + " | ".join(_mark(cell) if plain else cell for cell in cells) + " |"


def _mark(text: str) -> str:
    """Escape what Markdown reads as markup; addresses are kept from becoming links."""
    line = _MARKS.sub(r"\\\1", " ".join(text.split()))
    # A line that begins with a number and a full stop, or a dash, would be a list.
    line = re.sub(r"^(\d+)([.)])", r"\1\\\2", line)
    line = re.sub(r"^([-=])", r"\\\1", line)
    return _ADDRESS.sub(lambda m: f"{m[1]}\\{m[2]}" if m[1] else f"{m[3]}\\{m[4]}", line)


def to_html(sheet: Sheet) -> str:
    """Write a sheet as one web page that loads and runs nothing."""
    told = html.escape
    body = [f"<h1>{told(sheet.title)}</h1>"]
    for section in sheet.sections:
        body.append(f"<h2>{told(section.title)}</h2>")
        if section.lines:
            pairs = (f"<dt>{told(name)}</dt><dd>{told(said)}</dd>" for name, said in section.lines)
            body.append(f"<dl>{''.join(pairs)}</dl>")
        for table in section.tables:
            head = "".join(f'<th scope="col">{told(cell)}</th>' for cell in table.header)
            rows = "".join(
                f"<tr>{''.join(f'<td>{told(cell)}</td>' for cell in row)}</tr>"
                for row in table.rows
            )
            body.append(f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>")
        if section.note:
            body.append(f"<p>{told(section.note)}</p>")
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{told(sheet.title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def to_lines(sheet: Sheet) -> list[str]:
    """Write a sheet for a terminal."""
    lines = [sheet.title]
    for section in sheet.sections:
        lines += ["", section.title.upper()]
        lines += [f"  {name}: {value}" for name, value in section.lines]
        for table in section.tables:
            rows = (table.header, *table.rows)
            widths = [max(len(row[k]) for row in rows) for k in range(len(table.header))]
            lines += [
                "  "
                + "  ".join(f"{cell:{w}}" for cell, w in zip(row, widths, strict=True)).rstrip()
                for row in rows
            ]
        if section.note:
            lines.append(f"  {section.note}")
    return lines
