"""A file of new cases, scored and explained by a saved model: in chunks, so that memory is bounded.

    for progress in predict(model, Path("new.csv"), [Path("results.parquet")]):
        print(f"{progress.done:.0%}: {progress.scored} scored, {progress.rejected} rejected")

Results are a row a case, in the order of the file: the answer and its chance, doubt, concepts on
the scale that people read, what each adds to the log-odds, which experts ran, and MACs. Rows that
cannot be read are listed with line, column, value and remedy; the others are scored all the same.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from minspnet import __version__
from minspnet.artifact import Model, load_network
from minspnet.batch.arrays import ArrayFile
from minspnet.batch.chunk import Chunk, Reject, Source
from minspnet.batch.explained import explain_cases
from minspnet.batch.needs import ID, Need, needs
from minspnet.batch.pictures import PictureFiles
from minspnet.batch.results import Layout
from minspnet.batch.tables import CsvTable, ParquetTable
from minspnet.batch.writing import check_names, rejects_file, results_file
from minspnet.collection import load_card
from minspnet.errors import requirement
from minspnet.policy import Policy
from minspnet.waterfall import typical_concepts

if TYPE_CHECKING:
    from minspnet.network import Network

FIRST_REJECTS = 50
"""So many rejected rows are told at once; the file of rejects has all."""
_ARRAYS = (".npz", ".npy")
_TABLES = (".csv", ".tsv", ".txt", ".parquet")


@dataclass(frozen=True)
class Progress:
    """How far it is, and what was found so far.

    Attributes:
        done: Share of the file, from 0 to 1.
        scored: Cases.
        rejected: Rows that could not be read.
        answers: Cases by the class decided for.
        reasons: Rejected rows by column and fault.
        first_rejects: The first of them.
        macs: Spent by all cases together.
    """

    done: float = 0.0
    scored: int = 0
    rejected: int = 0
    answers: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    first_rejects: tuple[Reject, ...] = ()
    macs: int = 0

    def after(self, chunk: Chunk, answers: Mapping[str, int], macs: int) -> "Progress":
        """Count a chunk in."""
        more = Counter(one.reason for one in chunk.rejects)
        return replace(
            self,
            done=chunk.done,
            scored=self.scored + len(chunk.lines),
            rejected=self.rejected + len(chunk.rejects),
            answers={title: self.answers.get(title, 0) + count for title, count in answers.items()},
            reasons=dict(Counter(self.reasons) + more),
            first_rejects=(*self.first_rejects, *chunk.rejects)[:FIRST_REJECTS],
            macs=self.macs + macs,
        )


def open_cases(path: Path, model: Model) -> Source:
    """Look at a file of new cases: a table for a model on columns, else pictures or an array.

    Raises:
        UserError: If there is none, or it lacks what the model reads.
    """
    domain, kind = model.domain, path.suffix.lower()
    pictures = domain.modality == "image"
    if not (path.is_file() or (pictures and path.is_dir())):
        raise requirement("file of cases", "be there", path.name, "check its name")
    black, white = scale_of(model)
    if pictures and (path.is_dir() or kind == ".zip"):
        return PictureFiles(path, model.spec, white)
    if kind in _ARRAYS:
        return ArrayFile(path, model.spec, bool(model.data), (black, white))
    if domain.modality != "tabular":
        files = "a zip or folder of pictures, or a numpy file (.npz or .npy) of them"
        if not pictures:
            files = "a numpy file (.npz or .npy) of signals"
        raise requirement(
            "file of cases", f"be {files} for this model", path.name, "save them as such"
        )
    if kind not in _TABLES:
        must = f"end in {', '.join(_TABLES)} for a table"
        raise requirement("file of cases", must, path.name, "save it as CSV")
    table = ParquetTable if kind == ".parquet" else CsvTable
    return table(path, needs_of(model), _id_column(model))


def scale_of(model: Model) -> tuple[float, float]:
    """What a user's own card says that black and white were in training; both 0 if nothing."""
    if not model.data:
        return 0, 0
    card = load_card(model.folder)
    return card.black, card.white


def needs_of(model: Model) -> tuple[Need, ...]:
    """The columns that a model reads, in order; none for pictures."""
    return needs(model.domain, model.variant, model.spec)


def _id_column(model: Model) -> str:
    """Where a user's own card says that ids stand."""
    return (load_card(model.folder).id if model.data else "") or ID


def predict(
    model: Model,
    source: Path,
    outs: Sequence[Path],
    rejects: Path | None = None,
    policy: Policy | None = None,
    network: "Network | None" = None,
) -> Iterator[Progress]:
    """Score and explain a file, chunk by chunk; the files are there once it is done.

    Args:
        model: A saved model.
        source: CSV or Parquet with a column for each input; a zip or folder of pictures; or a
            numpy file.
        outs: Where results go, ``.parquet`` or ``.csv``; a file already there is replaced.
        rejects: Where rows that cannot be read are listed, ``.csv``.
        policy: In place of the model's own; what-if edits are left out.
        network: The model's network, if it was loaded before.

    Yields:
        What was found so far, after each chunk. Whoever stops asking gets no files.

    Raises:
        UserError: If a file cannot be read or written; rows alone are no reason.
    """
    check_names(source, outs, rejects)
    cases, domain = open_cases(source, model), model.domain
    policy = (model.policy if policy is None else policy).without_interventions()
    network = load_network(model) if network is None else network
    known = model.traces["train"]
    reference = typical_concepts(known, policy)
    layout = Layout.of(domain, known, cases.has_ids, _about(model, policy))
    now = Progress(answers=dict.fromkeys(domain.classes, 0))
    with ExitStack() as stack:
        writers = [stack.enter_context(results_file(out, layout.schema)) for out in outs]
        listed = None if rejects is None else stack.enter_context(rejects_file(rejects))
        for chunk in cases.chunks():
            said = explain_cases(network, chunk.inputs, policy, reference, model.cost)
            if len(chunk.lines):
                batch = layout.batch(chunk, said)
                for writer in writers:
                    writer.write(batch)
            if listed is not None:
                listed.write(chunk.rejects)
            counts = np.bincount(said.decision.predicted, minlength=len(domain.classes))
            answers = dict(zip(domain.classes, counts.tolist(), strict=True))
            now = now.after(chunk, answers, int(said.macs.sum()))
            yield now
    yield replace(now, done=1.0)


def _about(model: Model, policy: Policy) -> dict[str, str]:
    """What goes with the results, so that they can be traced back."""
    return {
        "model": model.name,
        "model_digest": model.digest,
        "domain": model.domain_key,
        "variant": model.variant,
        "policy": json.dumps(policy.to_text()),
        "temperature": repr(model.traces["train"].head.temperature),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "program": f"minspnet {__version__}",
    }
