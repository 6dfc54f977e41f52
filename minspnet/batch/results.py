"""What is said of each case, as a table: its columns, their units and what they mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa
from jaxtyping import Float

from minspnet.batch.chunk import Chunk
from minspnet.batch.explained import Explained, residual_share
from minspnet.domain import Domain
from minspnet.trace import Trace
from minspnet.waterfall import LIKENESS, output_names

_ANSWER = pa.dictionary(pa.int32(), pa.string())


@dataclass(frozen=True)
class Layout:
    """The columns of the results of one model.

    Attributes:
        domain: Its task.
        outputs: Names of concepts, residual channels and the likeness to prototypes.
        experts: Their names.
        has_ids: The file says what its cases are called.
        about: Said of the table as a whole: which model, policy, program, when.
    """

    domain: Domain
    outputs: tuple[str, ...]
    experts: tuple[str, ...]
    has_ids: bool
    about: Mapping[str, str]

    @classmethod
    def of(cls, domain: Domain, known: Trace, has_ids: bool, about: Mapping[str, str]) -> Self:
        """Lay out the results of the network behind a trace."""
        return cls(domain, output_names(known), known.tree.names, has_ids, about)

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
        for key, one in concepts.items():
            meaning = f"{one.meaning} From {one.low_word} to {one.high_word}."
            fields.append(_field(f"concept_{key}", pa.float32(), one.title, one.unit, meaning))
        odds, told = "log-odds", "class that the log-odds and what adds to them speak for"
        fields += [
            _field("told", _ANSWER, "Explained", "", told),
            _field("against", _ANSWER, "Against", "", "class that it is compared with"),
            _field("start", pa.float32(), "Typical known case", odds, "where the sum starts"),
        ]
        for name in self.outputs:
            title = f"{concepts[name].title if name in concepts else name} adds"
            meaning = "what it adds, against a typical known case"
            fields.append(_field(f"adds_{name}", pa.float32(), title, odds, meaning))
        meaning = "start and all that is added; divided by the temperature, it gives the chance"
        fields.append(_field("log_odds", pa.float32(), "Sum", odds, meaning))
        if any(self.past_concepts):
            meaning = "of all that is added, up or down, what goes past the concepts"
            share = _field("residual_share", pa.float32(), "Past the concepts", "0 to 1", meaning)
            fields.append(share)
        for name in self.experts:
            fields.append(_field(f"ran_{name}", pa.bool_(), f"{name} ran", "", "expert"))
        fields.append(_field("macs", pa.int64(), "Compute", "MACs", "FLOPs are twice as many"))
        return pa.schema(fields, dict(self.about))

    def batch(self, chunk: Chunk, said: Explained) -> pa.RecordBatch:
        """Put what is said of some cases into columns."""
        decision = said.decision
        columns: list[pa.Array] = [pa.array(chunk.lines, pa.int64())]
        if self.has_ids:
            columns.append(chunk.ids)
        columns.append(self._classes(decision.predicted))
        columns += _numbers(decision.probabilities)
        columns.append(pa.array(said.doubt, pa.float32()))
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
        return pa.DictionaryArray.from_arrays(pa.array(places, pa.int32()), titles)


def _field(name: str, kind: pa.DataType, title: str, unit: str, meaning: str) -> pa.Field:
    return pa.field(name, kind, metadata={"title": title, "unit": unit, "meaning": meaning})


def _numbers(columns: Float[np.ndarray, "case column"]) -> list[pa.Array]:
    return [pa.array(np.ascontiguousarray(one, np.float32)) for one in columns.T]
