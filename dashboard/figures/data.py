"""The numbers that a figure shows, as a table."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

_MATRICES = ("heatmap", "contour", "image")


def numbers(figure: go.Figure) -> pd.DataFrame:
    """List what a figure draws: a row a point, cell or link, with the name of its trace.

    Columns are called as the axes are, or x, y and value where they have no title.
    """
    said = figure.layout
    titles = {axis: (said[f"{axis}axis"].title.text or axis).replace("<br>", " ") for axis in "xy"}
    tables = []
    for trace in figure.data:
        table = _sankey(trace) if trace.type == "sankey" else _points(trace, titles)
        table.insert(0, "series", trace.name or "")
        tables.append(table)
    every = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    return every.drop(columns=[c for c in every if c == "series" and not every[c].any()])


def _points(trace: Any, titles: dict[str, str]) -> pd.DataFrame:
    if trace.type in _MATRICES and trace.z is not None:
        return _cells(trace, titles)
    columns: dict[str, list[Any]] = {}
    # What a place on an axis with marks of its own means.
    meant = trace.meta if isinstance(trace.meta, dict) else {}
    for name, title in (("x", titles["x"]), ("y", titles["y"]), ("z", "value")):
        values = meant.get(name, getattr(trace, name, None))
        if values is not None:
            columns[title if title not in columns else f"{title} ({name})"] = list(values)
    for name in ("labels", "parents", "values"):
        values = getattr(trace, name, None)
        if values is not None:
            columns[name] = list(values)
    spread = getattr(getattr(trace, "error_x", None), "array", None)
    if spread is not None:
        columns["spread"] = list(spread)
    if isinstance(getattr(trace, "text", None), list | tuple | np.ndarray):
        columns["text"] = list(trace.text)
    length = max(map(len, columns.values()), default=0)
    return pd.DataFrame({name: [*v, *[None] * (length - len(v))] for name, v in columns.items()})


def _cells(trace: Any, titles: dict[str, str]) -> pd.DataFrame:
    matrix = np.asarray(trace.z)
    rows, columns = matrix.shape[:2]
    across = _middles(trace.x, columns)
    down = _middles(trace.y, rows)
    return pd.DataFrame(
        {
            titles["x"]: np.tile(across, rows),
            titles["y"] if titles["y"] != titles["x"] else "y": np.repeat(down, columns),
            "value": matrix.reshape(rows * columns, -1)[:, 0],
        }
    )


def _middles(places: Any, count: int) -> np.ndarray:
    """Where cells lie: as given, midway between their edges, or counted."""
    if places is None:
        return np.arange(count)
    given = np.asarray(places)
    return (given[:-1] + given[1:]) / 2 if len(given) == count + 1 else given


def _sankey(trace: Any) -> pd.DataFrame:
    names = list(trace.node.label)
    return pd.DataFrame(
        {
            "from": [names[place] for place in trace.link.source],
            "to": [names[place] for place in trace.link.target],
            "value": list(trace.link.value),
        }
    )
