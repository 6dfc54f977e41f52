"""A file that a visitor scores: where it lies, and the work on it; gone with the session."""

import shutil
import tempfile
import weakref
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
import streamlit as st

from dashboard import cache
from dashboard.format import signed
from dashboard.jobs import Job
from minspnet.data import Cases
from minspnet.doors import Doors
from minspnet.policy import Policy
from minspnet.predict import Progress, needs_of
from minspnet.spreadsheet import to_csv
from minspnet.waterfall import output_title

_KEY = "batch"
PREVIEW = 50
_AT_ONCE = 65_536
_INNER = ("adds_", "ran_", "concept_")
"""Columns of the results that a short list leaves out."""


class Room:
    """A folder of one session; removed when the session is forgotten, or the program ends."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="minspnet-"))
        self.remove = weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)


class Batch:
    """One uploaded file, and what one model makes of it under one policy.

    Attributes:
        key: Which upload, model and policy.
        source: The file, under a name of ours.
        progress: What was found so far.
        job: The work, once it was asked for.
    """

    def __init__(self, key: tuple[str, str, Policy], ending: str, content: IO[bytes]) -> None:
        self.key = key
        self.progress = Progress()
        self.job: Job | None = None
        self._room = Room()
        self.source = self._room.folder / f"cases{ending}"
        with self.source.open("wb") as file:
            shutil.copyfileobj(content, file)

    def start(self, doors: Doors) -> None:
        """Score it in the background, in the name of whoever asks."""
        if self.job is None or not self.job.under_way:
            self.progress = Progress()
            self.job = Job(partial(self._steps, doors))

    def discard(self) -> None:
        """Stop the work, and remove all files."""
        if self.job is not None:
            self.job.stop()
            self.job.thread.join()
        self._room.remove()

    def file(self, name: str) -> Path:
        """Where ``results.parquet``, ``results.csv`` or ``rejects.csv`` lies."""
        return self._room.folder / name

    def _steps(self, doors: Doors) -> Iterator[float]:
        _, name, policy = self.key
        outs = [self.file("results.parquet"), self.file("results.csv")]
        model, network = cache.model(name), cache.network(name)
        steps = doors.score(model, self.source, outs, self.file("rejects.csv"), policy, network)
        for self.progress in steps:
            yield self.progress.done


def current() -> Batch | None:
    """The file of this session, if it has one."""
    batch: Batch | None = st.session_state.get(_KEY)
    return batch


def keep(batch: Batch | None) -> None:
    """Put another file, or none, in place of the session's."""
    before = current()
    if before is not None and before is not batch:
        before.discard()
    st.session_state[_KEY] = batch


def preview(batch: Batch) -> pd.DataFrame:
    """The first cases of the results."""
    with pyarrow.parquet.ParquetFile(batch.file("results.parquet")) as file:
        first = next(file.iter_batches(PREVIEW), None)
        return (file.schema_arrow.empty_table() if first is None else first).to_pandas()


def unusual(batch: Batch) -> pd.DataFrame:
    """The first cases of the results that are unlike those of training."""
    found: list[pa.Table] = []
    with pyarrow.parquet.ParquetFile(batch.file("results.parquet")) as file:
        names = [name for name in file.schema_arrow.names if not name.startswith(_INNER)]
        for part in file.iter_batches(_AT_ONCE, columns=names):
            table = pa.Table.from_batches([part])
            found.append(table.filter(pc.is_valid(table["unusual"])))
            if sum(len(one) for one in found) >= PREVIEW:
                break
    return pa.concat_tables(found).slice(0, PREVIEW).to_pandas()


def pushed_most(table: pd.DataFrame, model: str) -> list[str]:
    """Of each case, what adds most to the log-odds, up or down, and how much."""
    domain = cache.domain_of(model)
    adds = table.filter(regex="^adds_")
    if adds.empty:
        return []
    largest = adds.abs().to_numpy().argmax(axis=1)
    titles = [output_title(domain, name.removeprefix("adds_")) for name in adds]
    values = adds.to_numpy()[range(len(adds)), largest]
    return [
        f"{titles[place]} {signed(value)}" for place, value in zip(largest, values, strict=True)
    ]


def example(model: str, rows: int = 5) -> str:
    """A file that the model can read: some of its test cases, as CSV."""
    cases: Cases = cache.part(model, "test")
    columns: dict[str, list[str | float]] = {"id": list(cases.ids[:rows])}
    for place, need in enumerate(needs_of(cache.model(model))):
        values = cases.inputs[:rows, place].tolist()
        levels = need.feature.levels
        columns[need.feature.name] = [
            "" if value != value else levels[int(value)] if levels else value for value in values
        ]
    return to_csv(columns)
