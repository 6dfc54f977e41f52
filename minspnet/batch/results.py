"""What is said of each case, as a table: its columns, their units and what they mean."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float

from minspnet.batch.chunk import Chunk, Source
from minspnet.batch.explained import Explained, residual_share
from minspnet.domain import Domain
from minspnet.trace import Trace
from minspnet.waterfall import LIKENESS, output_names, output_title

_ANSWER = pa.dictionary(pa.int32(), pa.string())
NO_ANSWER = "(no answer)"
"""Stands for a set that holds none."""
_MOST = 3
"""Missing columns that are named; the others are counted."""


@dataclass(frozen=True)
class Doubts:
    """What speaks against the answers to some cases.

    Attributes:
        members: Which classes are left of each case.
        remarks: What is unusual about some cases, by their places.
        lacking: Which inputs each case of a table lacks; no columns for others.
    """

    members: Bool[np.ndarray, "case class"]
    remarks: Mapping[int, str]
    lacking: Bool[np.ndarray, "case column"]


@dataclass(frozen=True)
class Layout:
    """The columns of the results of one model.

    Attributes:
        domain: Its task.
        outputs: Names of concepts, residual channels and the likeness to prototypes.
        experts: Their names.
        has_ids: The file says what its cases are called.
        has_labels: The file says the true answers.
        inputs: Titles of the columns of a table; none for others.
        coverage: Share of new cases whose set of answers is to hold the true one; None if there are
            too few cases to make sets from.
        about: Said of the table as a whole: which model, policy, program, when.
    """

    domain: Domain
    outputs: tuple[str, ...]
    experts: tuple[str, ...]
    has_ids: bool
    has_labels: bool
    inputs: tuple[str, ...]
    coverage: float | None
    about: Mapping[str, str]

    @classmethod
    def of(
        cls,
        domain: Domain,
        known: Trace,
        source: Source,
        inputs: tuple[str, ...],
        coverage: float | None,
        about: Mapping[str, str],
    ) -> Self:
        """Lay out the results of the network behind a trace, on the cases of a file."""
        outputs, experts = output_names(known), known.tree.names
        has = source.has_ids, source.has_labels
        return cls(domain, outputs, experts, *has, inputs, coverage, about)

    @property
    def past_concepts(self) -> tuple[bool, ...]:
        """Which outputs are residual channels."""
        concepts = set(self.domain.concept_names)
        return tuple(name not in concepts and name != LIKENESS for name in self.outputs)

    @property
    def schema(self) -> pa.Schema:
        """Every column with its title, unit and meaning."""
        concepts = {concept.name: concept for concept in self.domain.concepts}
        fields = [_field("row", pa.int64(), "Row", "", "row of the file; a header is row 1")]
        if self.has_ids:
            fields.append(_field("id", pa.string(), "Id", "", "as the file has it"))
        fields.append(_field("answer", _ANSWER, "Answer", "", self.domain.question))
        meaning = "at the temperature fitted on validation cases"
        for title in self.domain.classes:
            name = f"Chance of {title}"
            fields.append(_field(f"chance_{title}", pa.float32(), name, "0 to 1", meaning))
        meaning = "one minus the largest chance, scaled so that a mere guess is 1"
        fields.append(_field("doubt", pa.float32(), "Doubt", "0 to 1", meaning))
        fields += self._cautions()
        for key, one in concepts.items():
            field = _field(f"concept_{key}", pa.float32(), one.title, one.unit, one.explained)
            fields.append(field)
        odds, told = "log-odds", "class that the log-odds and what adds to them speak for"
        fields += [
            _field("told", _ANSWER, "Explained", "", told),
            _field("against", _ANSWER, "Against", "", "class that it is compared with"),
            _field("start", pa.float32(), "Typical known case", odds, "where the sum starts"),
        ]
        for name in self.outputs:
            title = output_title(self.domain, name)
            title = f"{title[:1].upper()}{title[1:]} adds"
            meaning = "what it adds, against a typical known case"
            fields.append(_field(f"adds_{name}", pa.float32(), title, odds, meaning))
        meaning = "start and all that is added; divided by the temperature, it gives the chance"
        title = "Sum before the temperature"
        fields.append(_field("log_odds", pa.float32(), title, odds, meaning))
        if any(self.past_concepts):
            meaning = "of all that is added, up or down, what no finding names"
            name = "Share that no finding names"
            share = _field("residual_share", pa.float32(), name, "0 to 1", meaning)
            fields.append(share)
        for name in self.experts:
            fields.append(_field(f"ran_{name}", pa.bool_(), f"{name} ran", "", "expert"))
        fields.append(_field("macs", pa.int64(), "Compute", "MACs", "FLOPs are twice as many"))
        return pa.schema(fields, dict(self.about))

    def _cautions(self) -> list[pa.Field]:
        """Columns of what speaks against an answer, and of the true one."""
        fields = []
        if self.coverage is not None:
            meaning = "answers that are left: of new cases drawn like the validation cases, so many"
            meaning += " have the true one among them"
            name = f"Possible at {self.coverage:.0%}"
            fields.append(_field("set", _ANSWER, name, "", meaning))
        meaning = "what about the case is unlike those of training; empty where nothing is"
        fields.append(_field("unusual", pa.string(), "Unusual", "", meaning))
        if self.inputs:
            meaning = "inputs that the row lacks; training's median stands for a number of a column"
            meaning += " that no training case lacked"
            fields.append(_field("missing", _ANSWER, "Missing", "", meaning))
        if self.has_labels:
            fields.append(_field("known", _ANSWER, "Known answer", "", "as the file has it"))
        return fields

    def batch(self, chunk: Chunk, said: Explained, doubts: Doubts) -> pa.RecordBatch:
        """Put what is said of some cases into columns."""
        decision = said.decision
        columns: list[pa.Array] = [pa.array(chunk.lines, pa.int64())]
        if self.has_ids:
            columns.append(chunk.ids)
        columns.append(self._classes(decision.predicted))
        columns += _numbers(decision.probabilities)
        columns.append(pa.array(said.doubt, pa.float32()))
        if self.coverage is not None:
            columns.append(_named(doubts.members, self._set))
        remarks = [doubts.remarks.get(row) for row in range(len(chunk.lines))]
        columns.append(pa.array(remarks, pa.string()))
        if self.inputs:
            columns.append(_named(doubts.lacking, self._lacks))
        if self.has_labels:
            assert chunk.labels is not None
            columns.append(self._classes(np.where(chunk.labels < 0, -1, chunk.labels)))
        for place, concept in enumerate(self.domain.concepts):
            grades, scale = decision.concepts[:, place], concept.shown_high - concept.shown_low
            columns += _numbers((concept.shown_low + grades * scale)[:, None])
        columns += [self._classes(said.told), self._classes(said.against)]
        columns += _numbers(said.start[:, None])
        columns += _numbers(said.adds)
        columns += _numbers(said.log_odds[:, None])
        if any(self.past_concepts):
            share = residual_share(said.adds, np.array(self.past_concepts))
            columns += _numbers(share[:, None])
        columns += [pa.array(ran) for ran in decision.active.T]
        columns.append(pa.array(said.macs.astype(np.int64)))
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def _classes(self, places: np.ndarray) -> pa.Array:
        titles = pa.array(self.domain.classes, pa.string())
        codes = pa.array(places, pa.int32(), mask=places < 0)
        return pa.DictionaryArray.from_arrays(codes, titles)

    def _set(self, inside: Sequence[bool]) -> str:
        kept = [title for title, k in zip(self.domain.classes, inside, strict=True) if k]
        return "|".join(kept) or NO_ANSWER

    def _lacks(self, lacking: Sequence[bool]) -> str | None:
        names = [title for title, k in zip(self.inputs, lacking, strict=True) if k]
        more = f" and {len(names) - _MOST:,} more" if len(names) > _MOST else ""
        return ", ".join(names[:_MOST]) + more or None


def _named(
    rows: Bool[np.ndarray, "case flag"], name: Callable[[list[bool]], str | None]
) -> pa.Array:
    """Say each row of flags in words; rows that are alike, as most are, once."""
    packed = np.packbits(rows, axis=1)
    whole = np.ascontiguousarray(packed).view(f"V{packed.shape[1]}").ravel()
    _, first, which = np.unique(whole, return_index=True, return_inverse=True)
    words = [name(rows[row].tolist()) for row in first.tolist()]
    known = list(dict.fromkeys(one for one in words if one is not None))
    places = np.array([-1 if one is None else known.index(one) for one in words], np.int32)
    codes = places[which] if len(places) else np.zeros(0, np.int32)
    return pa.DictionaryArray.from_arrays(
        pa.array(codes, pa.int32(), mask=codes < 0), pa.array(known, pa.string())
    )


def _field(name: str, kind: pa.DataType, title: str, unit: str, meaning: str) -> pa.Field:
    return pa.field(name, kind, metadata={"title": title, "unit": unit, "meaning": meaning})


def _numbers(columns: Float[np.ndarray, "case column"]) -> list[pa.Array]:
    return [pa.array(np.ascontiguousarray(one, np.float32)) for one in columns.T]
