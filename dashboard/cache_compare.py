"""What Compare and Model facts keep between reruns; the rules are those of ``dashboard.cache``."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from dashboard import cache, cache_routing, heavy
from dashboard.cache import model, part, truth
from dashboard.keep import kept
from minspnet.cohorts import cohorts
from minspnet.compare import (
    Agreement,
    Answers,
    CohortDifference,
    Discordance,
    Measured,
    agreement,
    cohort_differences,
    discordance,
    measure,
    measure_one,
)
from minspnet.data import PARTS, UNLABELLED
from minspnet.estimate import Estimate, Resampling, resampling, what_it_is_about
from minspnet.estimate import share as share_of
from minspnet.facts import Facts, facts
from minspnet.operating import OperatingPoint
from minspnet.policy import Policy
from minspnet.reliability import Bin, reliability
from minspnet.trace import replay

FITTING = "Fitting the usual models on the training cases ..."


@dataclass(frozen=True)
class Contestant:
    """One way to decide the cases of a domain.

    Attributes:
        key: Unique among those that can be picked.
        title: As people read it; a saved point's name is theirs, so it is no markup.
        model: Whose inputs and split it uses.
        policy: How the model decides; None for a baseline.
        baseline: Which one of ``minspnet.baselines.NAMES``; empty for the model itself.
        also: Other names of the same policy.
    """

    key: str
    title: str
    model: str
    policy: Policy | None = None
    baseline: str = ""
    also: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What a menu calls it, with all its names."""
        return f"{self.title} (also: {', '.join(self.also)})" if self.also else self.title


@kept()
def baselines(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The baselines that can be fitted while someone waits on a model's inputs, and the others."""
    heavy.load()
    from minspnet.baselines import is_quick

    loaded, known = model(name), part(name, "train")
    cases = int((known.labels != UNLABELLED).sum())
    columns, classes = int(np.prod(known.inputs.shape[1:])), loaded.spec.classes
    recorded = tuple(loaded.metrics.get("baselines", {}))
    size = loaded.metrics["parameters"]
    quick = tuple(each for each in recorded if is_quick(each, cases, columns, classes, size))
    return quick, tuple(each for each in recorded if each not in quick)


@st.cache_resource(max_entries=32, show_spinner=FITTING)
def _asked(name: str, baseline: str) -> tuple[dict[str, int], np.ndarray, int | None]:
    """A baseline's chances for every case it was not fitted to: rows by id, chances, MACs."""
    heavy.load()
    from minspnet.baselines import ask_baseline

    loaded, known = model(name), part(name, "train")
    labelled = known.labels != UNLABELLED
    unseen = [part(name, each) for each in ("validation", "test")]
    found = ask_baseline(
        baseline,
        known.inputs[labelled],
        known.labels[labelled],
        np.concatenate([each.inputs for each in unseen]),
        loaded.metrics["parameters"],
        loaded.seed,
        loaded.spec.stem.levels,
    )
    ids = [case for each in unseen for case in each.ids]
    return {case: row for row, case in enumerate(ids)}, found.probabilities, found.macs


@kept(64)
def shared_cases(models: tuple[str, ...], part_name: str) -> tuple[str, ...]:
    """Cases that stand in this part of every model's split, in the order of the first."""
    others = [set(model(name).traces[part_name].case_ids) for name in models[1:]]
    first = model(models[0]).traces[part_name].case_ids
    return tuple(case for case in first if all(case in ids for ids in others))


def models_of(entries: tuple[Contestant, ...]) -> tuple[str, ...]:
    """The models behind the contestants, each once."""
    return tuple(dict.fromkeys(one.model for one in entries))


def shared(entries: tuple[Contestant, ...], part_name: str) -> tuple[str, ...]:
    """Cases that no contestant was fitted to, and that stand in this part for all of them."""
    return shared_cases(models_of(entries), part_name)


@dataclass(frozen=True)
class Told:
    """What a contestant says of the shared cases, and what that takes.

    Attributes:
        answers: Of every case.
        macs: Per case on average; None where work is not counted in MACs.
    """

    answers: Answers
    macs: float | None


@kept(64)
def _told(one: Contestant, models: tuple[str, ...], part_name: str) -> Told:
    ids = shared_cases(models, part_name)
    if one.policy is None:
        rows, chances, macs = _asked(one.model, one.baseline)
        probabilities = chances[[rows[case] for case in ids]]
        return Told(Answers(probabilities, probabilities.argmax(axis=1)), macs)
    trace = model(one.model).traces[part_name]
    places = {case: row for row, case in enumerate(trace.case_ids)}
    decided = replay(trace[np.array([places[case] for case in ids])], one.policy)
    macs = model(one.model).cost.macs(decided.active).mean()
    return Told(Answers(decided.probabilities, decided.predicted), float(macs))


def told(one: Contestant, entries: tuple[Contestant, ...], part_name: str) -> Told:
    """What one of the contestants says of the cases that all of them share."""
    return _told(one, models_of(entries), part_name)


def milliseconds(one: Contestant, entries: tuple[Contestant, ...], part_name: str) -> float | None:
    """Mean time of a case on this machine; None for baselines and until it is measured."""
    if one.policy is None or (timed := cache_routing.latency(one.model)) is None:
        return None
    trace = model(one.model).traces[part_name]
    kept = set(shared(entries, part_name))
    rows = np.array([row for row, case in enumerate(trace.case_ids) if case in kept])
    return float(timed.of(replay(trace[rows], one.policy).active).mean())


@kept(32)
def _known(
    models: tuple[str, ...], part_name: str
) -> tuple[np.ndarray, tuple[str, ...], np.ndarray]:
    """True classes, groups and true concepts of the shared cases."""
    name = models[0]
    everything = part(name, part_name)
    rows = everything.rows_of(shared_cases(models, part_name))
    groups = tuple(everything.groups[row] for row in rows)
    return everything.labels[rows], groups, truth(name, part_name)[rows]


def labels(entries: tuple[Contestant, ...], part_name: str) -> np.ndarray:
    """True classes of the shared cases."""
    return _known(models_of(entries), part_name)[0]


def groups(entries: tuple[Contestant, ...], part_name: str) -> int:
    """How many groups, such as patients, the shared cases come from."""
    return len(set(_known(models_of(entries), part_name)[1]))


def redrawn(entries: tuple[Contestant, ...], part_name: str) -> Resampling:
    """How the shared cases are redrawn for intervals."""
    return resampling(_known(models_of(entries), part_name)[1])


def _answers(entries: tuple[Contestant, ...], part_name: str) -> list[Answers]:
    return [told(one, entries, part_name).answers for one in entries]


@st.cache_resource(max_entries=32, show_spinner="Redrawing the cases a thousand times ...")
def measured(entries: tuple[Contestant, ...], part_name: str) -> tuple[dict[str, Measured], ...]:
    """Every measure of every contestant on the shared cases."""
    known = labels(entries, part_name)
    return measure(_answers(entries, part_name), known, redrawn(entries, part_name))


@kept(64)
def accuracy(name: str, part_name: str, policy: Policy) -> Estimate:
    """How often one policy is right on a whole part, and between what bounds that lies."""
    known = part(name, part_name)
    decided = cache.decision(name, part_name, policy.without_interventions()).predicted
    return share_of(decided == known.labels, resampling(known.groups).units)


@kept(16)
def auc(name: str, part_name: str, policy: Policy) -> Estimate:
    """The area under the ROC curve of one policy on a whole part, and its bounds."""
    known = part(name, part_name)
    decided = cache.decision(name, part_name, policy.without_interventions())
    found = measure_one(decided.probabilities, decided.predicted, known.labels, known.groups)
    return found["auc"]


def about(name: str, part_name: str) -> str:
    """For whom the intervals of a part hold; nothing where its cases stand alone."""
    groups, domain = part(name, part_name).groups, cache.domain_of(name)
    return what_it_is_about(resampling(groups), groups, domain.case_noun, domain.group_noun)


@kept(64)
def disputed(
    first: Contestant, second: Contestant, entries: tuple[Contestant, ...], part_name: str
) -> Discordance:
    """How many cases a difference between two of the contestants rests on."""
    one, two = (told(each, entries, part_name).answers for each in (first, second))
    return discordance(one, two, labels(entries, part_name), redrawn(entries, part_name))


@kept(64)
def bins(one: Contestant, entries: tuple[Contestant, ...], part_name: str) -> tuple[Bin, ...]:
    """How sure one contestant is of the shared cases, and how often right."""
    chances = told(one, entries, part_name).answers.probabilities
    return reliability(chances, labels(entries, part_name))


@st.cache_resource(max_entries=32, show_spinner="Redrawing the cases a thousand times ...")
def agreements(entries: tuple[Contestant, ...], part_name: str) -> dict[tuple[int, int], Agreement]:
    """How often each two of the contestants decide alike, by their places."""
    each, how = _answers(entries, part_name), redrawn(entries, part_name)
    return {
        (a, b): agreement(each[a], each[b], how)
        for a in range(len(each))
        for b in range(a + 1, len(each))
    }


@st.cache_resource(max_entries=32, show_spinner="Redrawing the cases a thousand times ...")
def by_cohort(
    first: Contestant, second: Contestant, entries: tuple[Contestant, ...], part_name: str
) -> tuple[CohortDifference, ...]:
    """Where two of the contestants differ in accuracy, first less second."""
    known, grouping, concepts = _known(models_of(entries), part_name)
    domain = cache.domain_of(first.model)
    one, two = (told(each, entries, part_name).answers for each in (first, second))
    alike = cohorts(domain, known, concepts, grouping)
    return cohort_differences(alike, one, two, known, redrawn(entries, part_name))


@dataclass(frozen=True)
class Disagreement:
    """A case that contestants decide differently.

    Attributes:
        case: Its id.
        known: Its true class.
        decided: Class of each contestant.
        chances: Each contestant's chance of the class it decided for.
    """

    case: str
    known: int
    decided: tuple[int, ...]
    chances: tuple[float, ...]


@kept(32)
def disagreements(entries: tuple[Contestant, ...], part_name: str) -> tuple[Disagreement, ...]:
    """Shared cases on which not all contestants decide alike, the widest apart first."""
    each, known = _answers(entries, part_name), labels(entries, part_name)
    predicted = np.stack([answers.predicted for answers in each], axis=1)
    chances = np.stack([answers.probabilities for answers in each], axis=1)
    rows = np.flatnonzero((predicted != predicted[:, :1]).any(axis=1))
    apart = np.ptp(chances[rows], axis=1).max(axis=1) if len(rows) else np.zeros(0)
    ids = shared(entries, part_name)
    return tuple(
        Disagreement(
            ids[row],
            int(known[row]),
            tuple(map(int, predicted[row])),
            tuple(float(chances[row, k, c]) for k, c in enumerate(predicted[row])),
        )
        for row in rows[np.argsort(-apart, kind="stable")]
    )


@st.cache_resource(max_entries=32, show_spinner="Working out scores and intervals ...")
def card(name: str, point: OperatingPoint | None) -> Facts:
    """All that is known of a model, with the operating point in force."""
    parts = {each: part(name, each) for each in PARTS}
    return facts(model(name), cache.domain_of(name), parts, point)
