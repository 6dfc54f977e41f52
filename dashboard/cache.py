"""What is kept between reruns; only this module and its ``cache_*`` siblings call ``st.cache_*``.

Cached objects are shared by all sessions and read only. Keys are small: names, digests and
policies, never arrays.
"""

import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import cell_words, heavy
from dashboard.figures.pictures import as_drawn
from dashboard.keep import forget_all, kept
from minspnet import artifact
from minspnet.artifact import Model
from minspnet.behind import cases_of
from minspnet.data import UNLABELLED, Cases
from minspnet.domain import Domain, Feature
from minspnet.domains import DOMAINS
from minspnet.errors import UserError
from minspnet.exemplars import Exemplars, nearest
from minspnet.policy import Policy
from minspnet.ranking import order_cases
from minspnet.reasons import Flip, Reasons, reasons, smallest_flip
from minspnet.record.store import Store
from minspnet.registry import title_of as own_title
from minspnet.sweep import Outcomes, Score
from minspnet.trace import Decision, Trace, join, replay
from minspnet.waterfall import Waterfall, contrast, typical_concepts
from minspnet.waterfall import waterfall as explain_sum
from minspnet.workspace import SHIPPED_MODELS, Workspace

if TYPE_CHECKING:
    from minspnet.attribution import Attribution
    from minspnet.network import Network

MODELS = SHIPPED_MODELS
_STAMPS: dict[str, tuple[str, int]] = {}
_STAMPING = threading.Lock()


@kept()
def warm_up() -> threading.Thread:
    """Import torch and captum behind the first page; the first plot does not wait for them."""

    # The pause lets the first page be drawn before the import takes the interpreter.
    thread = threading.Timer(1.5, heavy.load)
    thread.daemon = True
    thread.start()
    return thread


@dataclass(frozen=True)
class _Shelf:
    tasks: dict[str, tuple[str, ...]]
    titles: dict[str, str]
    unreadable: tuple[str, ...]


def folder_of(name: str) -> Path:
    """Where a model lies, among those that ship or in the workspace."""
    shipped = MODELS / name
    return shipped if shipped.is_dir() else Workspace.from_environment().model_folder(name)


def _found() -> tuple[tuple[str, str, int], ...]:
    """Name, folder and time of writing of every model, those that ship first.

    Asked at every rerun, so that a model that was just trained, brought in or deleted is noticed.
    """
    found: dict[str, tuple[str, str, int]] = {}
    for shelf in (MODELS, Workspace.from_environment().models):
        try:
            entries = sorted(os.scandir(shelf), key=lambda entry: entry.name)
        except OSError:
            continue  # nothing was ever kept there
        for entry in (entry for entry in entries if not entry.name.startswith(".")):
            with suppress(OSError):  # no model, or not yet
                written = os.stat(os.path.join(entry.path, "model.json")).st_mtime_ns
                found.setdefault(entry.name, (entry.name, entry.path, written))
    return tuple(found.values())


def _shelf() -> _Shelf:
    found = _found()
    with _STAMPING:
        stamps = {name: (path, written) for name, path, written in found}
        changed = any(_STAMPS.get(name, stamp) != stamp for name, stamp in stamps.items())
        _STAMPS.update(stamps)
    if changed:
        # Whatever was worked out is kept by name, and the name now means another model.
        st.cache_resource.clear()
        forget_all()
    return _sorted_in(found)


@kept(4)
def _sorted_in(found: tuple[tuple[str, str, int], ...]) -> _Shelf:
    tasks: dict[str, list[str]] = {key: [] for key in DOMAINS}
    titles = {key: domain.title for key, domain in DOMAINS.items()}
    unreadable = []
    for name, _, _ in found:
        try:
            loaded = model(name)
            loaded.domain.variant(loaded.variant)
            task = task_of(name)
            tasks.setdefault(task, []).append(name)
            titles.setdefault(task, loaded.domain.title)
        except UserError as error:
            unreadable.append(f"{error} The model {name} is left out.")
    twice = [title for title in titles.values() if list(titles.values()).count(title) > 1]
    for task, title in titles.items():
        if title in twice and task not in DOMAINS:
            titles[task] = f"{title} ({task})"
    return _Shelf(
        {key: tuple(names) for key, names in tasks.items() if names}, titles, tuple(unreadable)
    )


def models() -> dict[str, tuple[str, ...]]:
    """Names of the models of each task that has any, the task's first one first."""
    return _shelf().tasks


def task_titles() -> dict[str, str]:
    """What a menu calls each task."""
    return _shelf().titles


def unreadable() -> tuple[str, ...]:
    """A sentence about each model folder that cannot be read."""
    return _shelf().unreadable


def task_of(name: str) -> str:
    """Key of a model's task: models of one task know the same cases.

    A user may bring other data under a key that was used before; they are another task then.
    """
    loaded = model(name)
    return f"{loaded.domain_key}-{loaded.data[:6]}" if loaded.data else loaded.domain_key


@kept()
def model(name: str) -> Model:
    """One model, its hashes checked."""
    return artifact.load(folder_of(name))


def cases(name: str) -> Cases:
    """All cases of a model's task, with the inputs that it reads."""
    loaded = model(name)
    return _cases(loaded.data or loaded.domain_key, loaded.variant, loaded)


@st.cache_resource(show_spinner=False, max_entries=32)
def _cases(data: str, variant: str, _model: Model) -> Cases:
    """Kept by the data, so that all models on them share one copy."""
    return cases_of(_model)


@kept()
def part(name: str, part_name: str) -> Cases:
    """The cases of one part of a model's split, in the order of its trace."""
    everything = cases(name)
    return everything.take(everything.rows_of(model(name).traces[part_name].case_ids))


@kept()
def outcomes(name: str, part_name: str) -> Outcomes:
    """Every decision that a part's trace can lead to."""
    loaded = model(name)
    return Outcomes(loaded.traces[part_name], part(name, part_name).labels, loaded.cost)


@kept(512)
def auc(name: str, part_name: str, policy: Policy) -> float:
    """Area under the ROC curve of one policy over a whole part."""
    return outcomes(name, part_name).auc(policy)


@kept(256)
def score(name: str, part_name: str, policy: Policy) -> Score:
    """One policy over a whole part."""
    return outcomes(name, part_name).score(policy)


@kept(64)
def decision(name: str, part_name: str, policy: Policy) -> Decision:
    """One policy replayed over a whole part."""
    return replay(model(name).traces[part_name], policy)


@kept()
def truth(name: str, part_name: str) -> np.ndarray:
    """True graded concepts of a part."""
    return model(name).scale.truth(part(name, part_name).columns)


@kept()
def usual_range(name: str, class_index: int) -> np.ndarray:
    """Where 9 in 10 training cases of a class lie, per concept: [concept, (low, high)]."""
    known = truth(name, "train")[part(name, "train").labels == class_index]
    return np.quantile(known, [0.05, 0.95], axis=0).T


@kept()
def network(name: str) -> "Network":
    """The network itself; imports torch."""
    heavy.load()
    return artifact.load_network(model(name))


@kept(512)
def attribution(
    name: str,
    case_id: str,
    active: tuple[bool, ...],
    method: str,
    target: str,
    edits: tuple[tuple[int, float], ...],
) -> "Attribution":
    """Captum's attribution of one case with its routing held."""
    heavy.load()
    from minspnet.attribution import attribute

    known = part(name, "train").inputs
    inputs = case_inputs(name, case_id)
    return attribute(network(name), inputs, np.array(active), method, target, edits, known)


@kept()
def store() -> Store:
    """What people have saved."""
    return Store.from_environment(Workspace.from_environment().root)


@kept()
def _places(name: str) -> dict[str, tuple[str, int]]:
    return {
        case_id: (part_name, row)
        for part_name in ("validation", "test")
        for row, case_id in enumerate(model(name).traces[part_name].case_ids)
    }


def case_place(name: str, case_id: str) -> tuple[str, int] | None:
    """Find a case among those the model was not trained on: (part, row)."""
    return _places(name).get(case_id)


def one_case(name: str, case_id: str) -> Trace:
    """The evidence on one case."""
    place = case_place(name, case_id)
    assert place is not None, "callers pass a case that case_place knows"
    return model(name).traces[place[0]][place[1]]


def domain_of(name: str) -> Domain:
    """The task of a model."""
    return model(name).domain


def title_of(name: str) -> str:
    """What a menu calls a model; by its folder where two share an input choice."""
    loaded = model(name)
    if loaded.folder.parent == Workspace.from_environment().models:
        return own_title(loaded.folder)
    title = loaded.domain.variant(loaded.variant).title
    shipped = name in (loaded.domain_key, f"{loaded.domain_key}-{loaded.variant}")
    return title if shipped else f"{title} ({name})"


@kept(64)
def ordered_cases(name: str, order: str, policy: Policy) -> tuple[str, ...]:
    """Ids of the test and validation cases together, in one of ``ORDERS``."""
    traces = model(name).traces
    unseen = join(traces["test"], traces["validation"])
    labels = np.concatenate([part(name, "test").labels, part(name, "validation").labels])
    decided = replay(unseen, policy.without_interventions())
    return tuple(unseen.case_ids[row] for row in order_cases(order, unseen, decided, labels))


@kept(64)
def typical(name: str, policy: Policy) -> np.ndarray:
    """Mean concepts of the training cases: what explanations are told against."""
    return typical_concepts(model(name).traces["train"], policy)


@kept(256)
def waterfall(name: str, case_id: str, policy: Policy) -> Waterfall:
    """One case's log-odds of ``told``, taken apart from a typical training case on."""
    case = one_case(name, case_id)
    start = typical(name, policy.without_interventions())
    return explain_sum(case, policy, start, *told(name, case_id, policy))


def told(name: str, case_id: str, policy: Policy) -> tuple[int, int]:
    """The class whose log-odds are explained, and the one that they are against."""
    return contrast(replay(one_case(name, case_id), policy))


@kept(256)
def explained(name: str, case_id: str, policy: Policy) -> tuple[Reasons, Flip | None]:
    """What brought one decision about, and the smallest step of a slider that changes it."""
    case = one_case(name, case_id)
    concepts = domain_of(name).concepts
    start = typical(name, policy.without_interventions())
    # A finding that the network only guesses is named only where no other changes the answer.
    seen = smallest_flip(case, policy, [c.grades if c.visible else () for c in concepts])
    flip = seen or smallest_flip(case, policy, [c.grades for c in concepts])
    return reasons(case, policy, start), flip


def case_inputs(name: str, case_id: str) -> np.ndarray:
    """What the network reads of a case."""
    everything = cases(name)
    (row,) = everything.rows_of((case_id,))
    inputs: np.ndarray = everything.inputs[row]
    return inputs


def picture(name: str, case_id: str) -> np.ndarray:
    """An image case as figures draw it, in [0, 1]."""
    return as_drawn(case_inputs(name, case_id))


def features(name: str) -> list[Feature]:
    """The columns or channels that a model is given, in order."""
    known = {feature.name: feature for feature in domain_of(name).features}
    return [known[column] for column in domain_of(name).variant(model(name).variant).inputs]


@dataclass(frozen=True)
class Similar:
    """Known cases near one on screen, nearest first, and why they are near."""

    ids: tuple[str, ...]
    labels: tuple[int, ...]
    similarity: tuple[float, ...]
    concepts: np.ndarray
    predicted: int
    found: Exemplars


@kept(256)
def similar_cases(name: str, case_id: str, policy: Policy) -> Similar:
    """The labelled training cases whose concepts weigh most alike."""
    here = replay(one_case(name, case_id), policy)
    labels = part(name, "train").labels
    known = np.flatnonzero(labels != UNLABELLED)
    concepts = decision(name, "train", policy.without_interventions()).concepts[known]
    trace = model(name).traces["train"]
    found = nearest(here.concepts[0], concepts, trace.head)
    rows = known[found.rows]
    return Similar(
        tuple(trace.case_ids[row] for row in rows),
        tuple(int(label) for label in labels[rows]),
        tuple(map(float, found.similarity)),
        concepts[found.rows],
        int(here.predicted[0]),
        found,
    )


@kept(256)
def feature_table(name: str, case_id: str) -> pd.DataFrame:
    """Each input column of a case in words, with what is usual.

    That is where the first of two classes lies, which is what is ordinary; of more, none is.
    """
    columns, values = features(name), case_inputs(name, case_id)
    known = part(name, "train")
    two = len(domain_of(name).classes) == 2
    ordinary = known.inputs[known.labels == 0] if two else known.inputs
    told = [cell_words.usual(c, ordinary[:, k], values[k]) for k, c in enumerate(columns)]
    return pd.DataFrame(
        {
            "title": [column.title for column in columns],
            "value": [cell_words.cell(*pair) for pair in zip(columns, values, strict=True)],
            "usual": [where for where, _ in told],
            "outside": [side for _, side in told],
        }
    )
