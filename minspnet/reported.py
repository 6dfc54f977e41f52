"""What a model's metrics must hold for pages to show them, wherever they came from."""

import numbers
from collections.abc import Iterator, Mapping
from typing import Any

from minspnet.errors import requirement
from minspnet.wording import check_words

_SCORES = ("accuracy", "auc", "mean_macs")
_NEEDED = (
    *((way, score) for way in ("gated", "all_on", "base_only") for score in _SCORES),
    ("gated", "calibration_error_10_bins"),
    ("intervention", "accuracies"),
    ("parameters",),
    ("total_macs",),
    ("cases", "test"),
)
"""Where a number stands, or a list of some."""
_TABLES = ("baselines", "concept_rank_correlation")


def check_metrics(metrics: object) -> None:
    """Refuse metrics that a page would stumble over.

    Raises:
        UserError: If a number is missing or none, or if words in it are markup.
    """
    check_words("words of metrics.json", _words(metrics))
    for path in _NEEDED:
        value = _at(metrics, path)
        listed = value if isinstance(value, list) else [value]
        if not listed or not all(_is_number(one) for one in listed):
            raise _wrong(path, "be a number", value)
    for name in _TABLES:
        if not isinstance(_at(metrics, (name,)), Mapping):
            raise _wrong((name,), "be a table", _at(metrics, (name,)))
    if not isinstance(spread := (_at(metrics, ("over_splits",)) or {}), Mapping):
        raise _wrong(("over_splits",), "be a table", spread)
    for name in _at(metrics, ("baselines",)):
        for score in ("accuracy", "auc"):
            path = ("baselines", name, score)
            if not _is_number(value := _at(metrics, path)):
                raise _wrong(path, "be a number", value)


def _at(metrics: object, path: tuple[str, ...]) -> Any:
    found: Any = metrics
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _wrong(path: tuple[str, ...], must: str, got: object) -> Exception:
    where = f"{'.'.join(path)} in metrics.json"
    shown = "nothing" if got is None else repr(got)
    return requirement(where, must, shown, "export the model again")


def _words(values: object) -> Iterator[str]:
    """Every text in it, keys among them."""
    if isinstance(values, str):
        yield values
    elif isinstance(values, Mapping):
        for key, value in values.items():
            yield key
            yield from _words(value)
    elif isinstance(values, list):
        for value in values:
            yield from _words(value)
