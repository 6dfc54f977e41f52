"""What a benchmark has measured so far: kept record by record, so that a stopped run goes on."""

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


class Records:
    """Records of one run, in a file.

    Args:
        name: Of the file under ``benchmarks/results``.
        about: The recipes behind the records. A file that says otherwise is put aside as
            ``.old`` and begun anew.
    """

    def __init__(self, name: str, about: dict[str, Any]) -> None:
        self.path = RESULTS / f"{name}.json"
        self.about = json.loads(json.dumps(about))
        self.records: list[dict[str, Any]] = []
        if self.path.exists():
            before = json.loads(self.path.read_text())
            if all(before.get(key) == value for key, value in self.about.items()):
                self.records = before["records"]
            else:
                self.path.replace(self.path.with_suffix(".old"))

    def has(self, **key: Any) -> bool:
        """Whether a record of that key is there."""
        return any(all(one.get(k) == v for k, v in key.items()) for one in self.records)

    def add(self, record: dict[str, Any]) -> None:
        """Keep a record; an interruption leaves either all or none of it."""
        self.records.append(record)
        self.path.parent.mkdir(exist_ok=True)
        aside = self.path.with_suffix(".tmp")
        aside.write_text(json.dumps(self.result, indent=1) + "\n")
        aside.replace(self.path)

    @property
    def result(self) -> dict[str, Any]:
        """All that is known, as the file has it."""
        return self.about | {"records": self.records}
