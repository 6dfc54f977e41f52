"""What a recipe's docstring says of each of its fields, for whoever fills it in on a page."""

import inspect
import re

_HEADING = "Attributes:"
_ENTRY = re.compile(r"^    (?P<name>\w+): (?P<said>.*)$")


def said_of_fields(kind: type) -> dict[str, str]:
    """Read the ``Attributes`` of a class as one paragraph each, in Markdown."""
    _, _, listed = inspect.cleandoc(kind.__doc__ or "").partition(f"{_HEADING}\n")
    said: dict[str, str] = {}
    name = ""
    for line in listed.split("\n"):
        if entry := _ENTRY.match(line):
            name = entry["name"]
            said[name] = entry["said"]
        elif line.startswith("        ") and name:
            said[name] += f" {line.strip()}"
        else:
            break
    return {name: text.replace("``", "`") for name, text in said.items()}
