"""What a job is to train, and how it stands: two small files."""

import json
import os
import re
import secrets
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Self

from minspnet.errors import UserError, in_a_line, requirement
from minspnet.recipe import TrainSpec
from minspnet.spec import ModelSpec
from minspnet.strict import Recipe

JOB, STATE = "job.json", "state.json"
SCHEMA_VERSION = 1
MOST_SEED = 2**32 - 101
_LARGEST = 1 << 20
"""Bytes of a file that is read; ours are some thousand long."""
_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{8}")

Status = Literal["waiting", "training", "baselines", "done", "stopped", "failed", "interrupted"]
UNDER_WAY = ("training", "baselines")
"""While a process is at it."""
RESUMABLE = ("stopped", "failed", "interrupted")


@dataclass(frozen=True)
class Job(Recipe):
    """What is to be trained.

    Attributes:
        collection: Key of the saved data.
        digest: Of those data when the job was asked for.
        variant: The choice of inputs.
        model: Architecture.
        training: Recipe.
        seed: Of split and training.
        title: For people.
        created: When it was asked for: UTC, ISO 8601.
        schema_version: Version of this file's form.
    """

    collection: str
    digest: str
    variant: str
    model: ModelSpec
    training: TrainSpec
    seed: int
    title: str
    created: str
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.schema_version != SCHEMA_VERSION:
            raise requirement(
                "schema_version", f"be {SCHEMA_VERSION}", self.schema_version, "ask for it anew"
            )
        if not 0 <= self.seed <= MOST_SEED:
            raise requirement("seed", f"lie between 0 and {MOST_SEED}", self.seed, "correct it")

    def write(self, folder: Path) -> None:
        """Keep it in its folder."""
        replace_text(folder / JOB, json.dumps(self.to_dict(), indent=1))

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Take it from its folder.

        Raises:
            UserError: If the file is missing, damaged, or says something else.
        """
        return cls.from_dict(_read(folder / JOB))


@dataclass(frozen=True)
class State(Recipe):
    """How a job stands.

    Attributes:
        status: ``training`` and ``baselines`` only while a process is at it.
        place: Among those waiting, the lowest goes first.
        since: Of this status: UTC, ISO 8601.
        baseline: Which of the usual models is being scored.
        model: Name of the model it becomes, once that is known.
        error: A sentence, once it has failed.
    """

    status: Status
    place: int = 0
    since: str = ""
    baseline: str = ""
    model: str = ""
    error: str = ""

    def write(self, folder: Path) -> None:
        """Put it in place of the one before, in one step."""
        replace_text(folder / STATE, json.dumps(self.to_dict(), indent=1))

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Take it from its folder.

        Raises:
            UserError: If the file is missing, damaged, or says something else.
        """
        return cls.from_dict(_read(folder / STATE))


def new_id(now: datetime) -> str:
    """Make the name of a job's folder: the time, and what no other job has."""
    return f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"


def is_id(name: str) -> bool:
    """Whether a name is one that ``new_id`` makes; no other is ever used as a path."""
    return _ID.fullmatch(name) is not None


def replace_text(path: Path, text: str) -> None:
    """Write a file so that readers find the old one or the new one, whole."""
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(aside, path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def _read(path: Path) -> object:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise ValueError("it is too long")
        return json.loads(content)
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(
            f"{path.name} of job {path.parent.name} cannot be read ({in_a_line(error)}); remove "
            "the job and start it anew."
        ) from error
