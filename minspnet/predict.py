"""A file of new cases, scored and explained by a saved model: in chunks, so that memory is bounded.

    for progress in predict(model, Path("new.csv"), [Path("results.parquet")]):
        print(f"{progress.done:.0%}: {progress.scored} scored, {progress.rejected} rejected")

Results are a row a case, in the order of the file: the answer and its chance, doubt, which answers
are possible, what is unusual or missing, concepts on the scale that people read, what each adds to
the log-odds, which experts ran, and MACs. Rows that cannot be read are listed with line, column,
value and remedy; the others are scored all the same. A CSV file is written as the table of cases
was: semicolons or commas, its decimal sign, and Excel's mark where it came from a spreadsheet.
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
from jaxtyping import Float, Int

from minspnet import __version__
from minspnet.artifact import Model, load_network
from minspnet.batch.arrays import ArrayFile
from minspnet.batch.chunk import Chunk, Reject, Source, shortened
from minspnet.batch.csv_table import CsvTable
from minspnet.batch.explained import explain_cases
from minspnet.batch.needs import ID, Answers, Need, needs
from minspnet.batch.pictures import PictureFiles
from minspnet.batch.results import Doubts, Layout
from minspnet.batch.tables import open_table
from minspnet.batch.writing import PLAIN, Dialect, check_names, rejects_file, results_file
from minspnet.caution import COVERAGE, Caution
from minspnet.collection import load_card
from minspnet.errors import requirement
from minspnet.metrics import wilson_interval
from minspnet.policy import Policy
from minspnet.trace import Decision
from minspnet.waterfall import typical_concepts

if TYPE_CHECKING:
    from minspnet.network import Network

_FIRST_STRANGE = 3
FIRST_REJECTS = 50
"""So many rejected rows are told at once; the file of rejects has all."""
KNOWN = "known_answer"
"""The column of true answers, unless a card names another one."""
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
        unusual: Cases that are unlike those of training.
        several: Cases of which more than one answer is possible, or none.
        filled: Cases with a number put in that no training case lacked.
        filled_in: Such cases by the title of each column.
        labelled: Cases whose true answer the file says.
        right: Of those, decided rightly.
        strange: Cases whose answer in the file is none of the classes.
        first_strange: The first of them: number of the row, and what it holds.
        lacking: Cases that lack each input, by its title.
        with_labels: The file has a column of answers.
        passed_over: Columns of ids or answers whose cells are neither text nor numbers.
        coverage: Of the sets of answers; None if there are too few cases to make them from.
    """

    done: float = 0.0
    scored: int = 0
    rejected: int = 0
    answers: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    first_rejects: tuple[Reject, ...] = ()
    macs: int = 0
    unusual: int = 0
    several: int = 0
    filled: int = 0
    filled_in: Mapping[str, int] = field(default_factory=dict)
    labelled: int = 0
    right: int = 0
    strange: int = 0
    first_strange: tuple[tuple[int, str], ...] = ()
    lacking: Mapping[str, int] = field(default_factory=dict)
    with_labels: bool = False
    passed_over: tuple[str, ...] = ()
    coverage: float | None = None

    @property
    def interval(self) -> tuple[float, float]:
        """95 % of the share decided rightly (Wilson): it takes cases as independent."""
        return wilson_interval(self.right, self.labelled)

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

    def doubted(
        self, doubts: Doubts, put_in: Mapping[str, int], filled: int, lacking: Mapping[str, int]
    ) -> "Progress":
        """Count in what speaks against answers.

        Args:
            doubts: Of some cases.
            put_in: Numbers put in, by the title of their column.
            filled: Cases that they belong to.
            lacking: Cases that lack each input, by its title.
        """
        return replace(
            self,
            unusual=self.unusual + len(doubts.remarks),
            several=self.several + int((doubts.members.sum(axis=1) != 1).sum()),
            filled=self.filled + filled,
            filled_in=dict(Counter(self.filled_in) + Counter(put_in)),
            lacking=dict(Counter(self.lacking) + Counter(lacking)),
        )

    def compared(self, predicted: Int[np.ndarray, " case"], chunk: Chunk) -> "Progress":
        """Count in how decisions agree with the true answers of a chunk, if it has some."""
        labels = chunk.labels
        if labels is None:
            return self
        odd = [
            (int(chunk.lines[row]), shortened(cell)) for row, cell in sorted(chunk.strange.items())
        ]
        known = labels >= 0
        right = int((predicted == labels)[known].sum())
        return replace(
            self,
            labelled=self.labelled + int(known.sum()),
            right=self.right + right,
            strange=self.strange + len(odd),
            first_strange=(*self.first_strange, *odd)[:_FIRST_STRANGE],
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
    return open_table(path, needs_of(model), id_column(model), answers_of(model))


def answers_of(model: Model) -> Answers:
    """Where a table may say the true answers: as in training, or in a column of a usual name."""
    if not model.data:
        return Answers(KNOWN, model.domain.classes)
    card = load_card(model.folder)
    return Answers(card.target, card.cells, card.target_missing)


def scale_of(model: Model) -> tuple[float, float]:
    """What a user's own card says that black and white were in training; both 0 if nothing."""
    if not model.data:
        return 0, 0
    card = load_card(model.folder)
    return card.black, card.white


def needs_of(model: Model) -> tuple[Need, ...]:
    """The columns that a model reads, in order; none for pictures."""
    return needs(model.domain, model.variant, model.spec)


def id_column(model: Model) -> str:
    """Where a user's own card says that ids stand."""
    return (load_card(model.folder).id if model.data else "") or ID


def predict(
    model: Model,
    source: Path,
    outs: Sequence[Path],
    rejects: Path | None = None,
    policy: Policy | None = None,
    network: "Network | None" = None,
    coverage: float = COVERAGE,
    plain: bool = False,
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
        coverage: Share of new cases whose set of possible answers is to hold the true one.
        plain: Whether a CSV file gets commas and decimal points whatever the cases' file has.

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
    caution = Caution.of(model, policy, coverage)
    told = caution.rule.coverage if caution.rule.enough else None
    about = _about(model, policy)
    layout = Layout.of(domain, known, cases, _titles(caution), told, about)
    dialect = Dialect.of(cases.form) if isinstance(cases, CsvTable) and not plain else PLAIN
    now = Progress(answers=dict.fromkeys(domain.classes, 0), coverage=told)
    now = replace(now, with_labels=cases.has_labels, passed_over=cases.passed_over)
    with ExitStack() as stack:
        writers = [stack.enter_context(results_file(out, layout.schema, dialect)) for out in outs]
        listed = None if rejects is None else stack.enter_context(rejects_file(rejects, dialect))
        for chunk in cases.chunks():
            inputs, put_in, filled = _filled(caution, model, chunk)
            said = explain_cases(network, inputs, policy, reference, model.cost)
            doubts = _doubts(caution, chunk, said.decision)
            if len(chunk.lines):
                batch = layout.batch(chunk, said, doubts)
                for writer in writers:
                    writer.write(batch)
            if listed is not None:
                listed.write(chunk.rejects)
            counts = np.bincount(said.decision.predicted, minlength=len(domain.classes))
            answers = dict(zip(domain.classes, counts.tolist(), strict=True))
            now = now.after(chunk, answers, int(said.macs.sum()))
            now = now.doubted(doubts, put_in, filled, _lacking(caution, doubts))
            yield (now := now.compared(said.decision.predicted, chunk))
    yield replace(now, done=1.0)


def _titles(caution: Caution) -> tuple[str, ...]:
    """Of the columns of a table; none of pictures and signals."""
    tabular = caution.domain.modality == "tabular"
    return tuple(one.title for one in caution.features) if tabular else ()


def _lacking(caution: Caution, doubts: Doubts) -> dict[str, int]:
    counts = zip(_titles(caution), doubts.lacking.sum(axis=0).tolist(), strict=False)
    return {title: count for title, count in counts if count}


def _filled(
    caution: Caution, model: Model, chunk: Chunk
) -> tuple[Float[np.ndarray, "case *input"], dict[str, int], int]:
    """Inputs without gaps where the network knows none, and how many were filled."""
    titles = _titles(caution)
    if not titles or model.spec.stem.missing:
        return chunk.inputs, {}, 0
    inputs = caution.filled(chunk.inputs)
    gaps = np.isnan(chunk.inputs) & ~np.isnan(inputs)
    counts = zip(titles, gaps.sum(axis=0).tolist(), strict=True)
    return inputs, {title: count for title, count in counts if count}, int(gaps.any(axis=1).sum())


def _doubts(caution: Caution, chunk: Chunk, decision: Decision) -> Doubts:
    """What speaks against the answers to some cases."""
    remarks = caution.remarks(chunk.inputs) if len(chunk.lines) else {}
    for row, words in chunk.unknown.items():
        remarks[row] = "; ".join(filter(None, (words, remarks.get(row))))
    ids = [""] * len(chunk.lines)  # the usual rule draws no lots
    tabular = caution.domain.modality == "tabular"
    lacking = np.isnan(chunk.inputs) if tabular else np.zeros((len(ids), 0), dtype=bool)
    return Doubts(caution.members(decision.probabilities, ids), remarks, lacking)


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
