"""What the Routing page keeps between reruns; the rules are those of ``dashboard.cache``."""

import logging
import threading

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import heavy
from dashboard.cache import decision, model, one_case, outcomes, part, truth
from dashboard.keep import kept
from minspnet import artifact
from minspnet.artifact import Model
from minspnet.certify import certify, ladder
from minspnet.cohorts import Cohort, cohorts
from minspnet.energy import energy, weights_by_part
from minspnet.error_costs import ErrorCurve, best_range, error_curve
from minspnet.guarantee import Certificate, Promise
from minspnet.latency import Latency
from minspnet.metrics import Price
from minspnet.policy import CLOSED, Policy
from minspnet.ranking import changed_cases
from minspnet.receipt import Receipt, receipt
from minspnet.roles import Roles, roles
from minspnet.search import Front, pareto_front
from minspnet.sweep import Score, breakpoints, cheapest_reaching, thresholds_between
from minspnet.tally import reachable_sets

PART = "validation"
"""The part by whose cases thresholds are chosen."""
UNITS = ("FLOPs", "ms", "nJ")
_CLOCK = threading.Lock()
_MOST_POINTS = 101
_POINTS_KEPT = 2048
"""Enough for every decision threshold of several models: dear to find, and a few kB each."""
_CURVES_KEPT = 400
"""Every decision threshold of four models: some 100 kB each."""


@kept(_CURVES_KEPT)
def curve(name: str, decision_threshold: float) -> tuple[Score, ...]:
    """The sweep of one shared gate threshold over every point where something changes."""
    return outcomes(name, PART).curve(shared_options(name), decision_threshold)


@kept()
def shared_options(name: str) -> tuple[float, ...]:
    """Shared gate thresholds to choose from: all that differ, or as many as a slider can hold."""
    return breakpoints(model(name).traces[PART], _MOST_POINTS)


@kept()
def expert_options(name: str, expert: int) -> tuple[float, ...]:
    """Gate thresholds of one expert to choose from, from always open to off."""
    gates = model(name).traces[PART].gates[:, expert]
    return (*map(float, thresholds_between(gates, _MOST_POINTS)), CLOSED)


@kept()
def weights(name: str) -> tuple[int, tuple[int, ...]]:
    """Stored numbers of the trunk and of each expert."""
    loaded = model(name)
    return weights_by_part(artifact.read_weights(loaded), loaded.traces[PART].tree)


@kept()
def features(name: str) -> int:
    """Numbers that have to be held at once while a case runs; imports torch."""
    heavy.load()
    from minspnet.memory import peak_features

    return peak_features(artifact.load_network(model(name)))


class _Timing:
    """A measurement of a model under way in a thread of its own, then its result."""

    def __init__(self, loaded: Model, case: np.ndarray) -> None:
        self.result: Latency | None = None
        self.failed = False
        self._given = loaded, case
        # Not a daemon, though the thread that asks may be one: the runtime must not be cut off in
        # the middle of a run.
        self.thread = threading.Thread(target=self._measure, daemon=False)
        self.thread.start()

    def _measure(self) -> None:
        loaded, case = self._given
        domain, policy = loaded.domain, loaded.policy
        try:
            heavy.load()
            from minspnet.deploy.session import Exported
            from minspnet.latency import measure

            gated = Exported.open(artifact.export_network(loaded, domain, policy))
            ungated = Exported.open(artifact.export_network(loaded, domain, policy, "always"))
            # One at a time: two measurements on the same cores would disturb each other.
            with _CLOCK:
                # Whoever waited until the program was stopped gives up.
                if threading.main_thread().is_alive():
                    self.result = measure(gated, case, ungated=ungated)
        except Exception:  # whatever it is, the page is told and goes on without times
            self.failed = True
            logging.getLogger(__name__).exception("no times for %s", domain.key)


@kept()
def _timing(name: str) -> _Timing:
    return _Timing(model(name), part(name, PART).inputs[:1])


def latency(name: str) -> Latency | None:
    """Time of each set of experts on this machine; None while it is being measured."""
    return _timing(name).result


def no_time(name: str) -> bool:
    """Whether measuring has failed, so that no time will come."""
    return _timing(name).failed


def refresh_when_timed(name: str) -> None:
    """Draw the page again once its times are there, or known not to come."""
    if model(name).cost.experts and latency(name) is None and not no_time(name):
        st.fragment(_refresh, run_every=2.0)(name)


def _refresh(name: str) -> None:
    if latency(name) is not None or no_time(name):
        st.rerun()


def units(name: str) -> tuple[str, ...]:
    """The units that compute can be told in now."""
    return UNITS if latency(name) is not None else tuple(u for u in UNITS if u != "ms")


def price(name: str, unit: str) -> Price:
    """What the parts of a model cost in one of ``UNITS``."""
    loaded, timed = model(name), latency(name)
    if unit == "nJ":
        return energy(loaded.cost, *weights(name))
    if unit == "ms" and timed is not None:
        return Price("ms", timed.base, timed.added)
    return loaded.cost.flops


def price_of_sets(name: str, unit: str) -> np.ndarray:
    """What a case costs for each set of experts; times are those measured for the very set.

    The last is the set of all.
    """
    sets, timed = reachable_sets(model(name).traces[PART].tree), latency(name)
    prices = timed.of(sets) if unit == "ms" and timed is not None else price(name, unit).of(sets)
    return np.asarray(prices)


def mean_price(name: str, unit: str, score: Score) -> float:
    """What a case costs on average under a policy that was scored."""
    return float(price_of_sets(name, unit) @ np.array(score.set_shares))


@kept(_POINTS_KEPT)
def front(name: str, unit: str, decision_threshold: float) -> Front:
    """The Pareto set over all vectors of gate thresholds, on the validation cases."""
    return pareto_front(outcomes(name, PART).tally(decision_threshold), price(name, unit))


@kept(_POINTS_KEPT)
def _front_scores(name: str, unit: str, decision_threshold: float) -> tuple[Score, ...]:
    vectors = front(name, unit, decision_threshold).gate_thresholds
    policies = (Policy(vector, decision_threshold) for vector in vectors)
    return tuple(map(outcomes(name, PART).score, policies))


@kept(_POINTS_KEPT)
def drawn(
    name: str, score: str, unit: str, decision_threshold: float, timed: bool
) -> tuple[list[tuple[float, float, float]], list[tuple[float, float]]]:
    """Both curves as they are drawn: price, score (and gate threshold) of every point.

    Args:
        name: Of the model.
        score: ``accuracy`` or ``auc``.
        unit: One of ``units``.
        decision_threshold: Of all points.
        timed: Whether times are measured; they change what the points cost in ms.
    """
    known, prices = outcomes(name, PART), price_of_sets(name, unit)

    def place(point: Score) -> tuple[float, float]:
        policy = Policy(point.gate_thresholds)
        worth = point.accuracy if score == "accuracy" else known.auc(policy)
        return float(prices @ np.array(point.set_shares)), worth

    sweep = curve(name, decision_threshold)
    each = _front_scores(name, unit, decision_threshold)
    return [(*place(p), p.gate_thresholds[0]) for p in sweep], [place(p) for p in each]


def cheapest(name: str, unit: str, decision_threshold: float, least_accuracy: float) -> Score:
    """The cheapest policy of both curves that is accurate enough on the validation cases."""
    points = (
        *_front_scores(name, unit, decision_threshold),
        *curve(name, decision_threshold),
    )
    shares = np.array([point.set_shares for point in points])
    prices = shares @ price_of_sets(name, unit)
    return cheapest_reaching(points, prices.tolist(), least_accuracy)


@kept(64)
def expert_roles(name: str, policy: Policy) -> Roles:
    """What each expert is for under a policy, on the validation cases."""
    return roles(outcomes(name, PART), policy)


def _cohorts(name: str, by: str) -> list[Cohort]:
    """The validation cases by class, or by thirds of a concept's true value."""
    domain, cases = model(name).domain, part(name, PART)
    every = cohorts(domain, cases.labels, truth(name, PART), cases.groups)
    return [cohort for cohort in every if cohort.by == by]


def cohort_effects(name: str, by: str, now: Policy, saved: Policy) -> pd.DataFrame:
    """Accuracy and compute of each cohort under the policy, the saved one and all experts on."""
    cost, labels = model(name).cost, part(name, PART).labels
    everything = Policy.shared(0, len(cost.experts)).with_cut(now.decision_threshold)
    columns = {}
    for title, policy in (("now", now), ("in force", saved), ("all experts", everything)):
        decided = decision(name, PART, policy)
        columns[f"Accuracy, {title}"] = decided.predicted == labels
        if title != "all experts":
            columns[f"Share of FLOPs, {title}"] = cost.macs(decided.active) / cost.total
    rows = {
        cohort.name: {"Cases": int(cohort.members.sum())}
        | {title: float(values[cohort.members].mean()) for title, values in columns.items()}
        for cohort in _cohorts(name, by)
    }
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index.name = by
    return table


def changed(name: str, now: Policy, saved: Policy) -> pd.DataFrame:
    """Validation cases decided differently under two policies, the largest shift first.

    The last two columns are chances: of the finding with two classes, else of the class now
    decided for.
    """
    before, after = decision(name, PART, saved), decision(name, PART, now)
    rows = changed_cases(before, after)
    classes = model(name).domain.classes
    finding = after.predicted[rows] if len(classes) > 2 else 1
    of = "the new answer" if len(classes) > 2 else classes[1]
    labels = part(name, PART).labels
    return pd.DataFrame(
        {
            "Case": [model(name).traces[PART].case_ids[row] for row in rows],
            "Known answer": [classes[labels[row]] for row in rows],
            "Now": [classes[after.predicted[row]] for row in rows],
            "In force": [classes[before.predicted[row]] for row in rows],
            f"Chance of {of}, now": after.probabilities[rows, finding],
            f"Chance of {of}, in force": before.probabilities[rows, finding],
        }
    )


@st.cache_resource(max_entries=64, show_spinner="Testing ...")
def _certificate(name: str, promise: Promise, decision_threshold: float, count: int) -> Certificate:
    loaded, every = model(name), part(name, "test")
    drawn = np.sort(np.random.default_rng(0).permutation(len(every))[:count])
    cases, trace = every.take(drawn), loaded.traces["test"][drawn]
    policies = ladder(loaded.traces["train"], loaded.cost, decision_threshold=decision_threshold)
    groups = cases.groups if len(set(every.groups)) < len(every) else None
    return certify(policies, trace, cases.labels, loaded.cost, promise, groups)


def certificate(name: str, promise: Promise, policy: Policy, count: int) -> Certificate:
    """What can be promised on so many test cases, at the decision threshold of a policy."""
    return _certificate(name, promise, policy.decision_threshold, count)


def case_receipt(name: str, case_id: str, policy: Policy) -> Receipt:
    """What one case ran and what it cost, with times once they are measured."""
    return receipt(one_case(name, case_id), policy, model(name).cost, latency(name))


@kept(64)
def errors(name: str, part_name: str, gates: tuple[float, ...]) -> ErrorCurve:
    """Both kinds of error at every decision threshold, for gate thresholds and two classes."""
    chances = decision(name, part_name, Policy(gates)).probabilities[:, 1]
    return error_curve(chances, part(name, part_name).labels)


@kept(64)
def best_threshold_range(name: str, gates: tuple[float, ...], ratio: float) -> tuple[float, float]:
    """Where the cheapest decision threshold falls in 9 of 10 resamples."""
    chances = decision(name, PART, Policy(gates)).probabilities[:, 1]
    cases = part(name, PART)
    return best_range(chances, cases.labels, cases.groups, ratio)


@kept(64)
def errors_by_cohort(name: str, by: str, policy: Policy, ratio: float) -> pd.DataFrame:
    """Both kinds of error in each cohort now, and at the cohort's own cheapest threshold."""
    labels = part(name, PART).labels
    chances = decision(name, PART, policy).probabilities[:, 1]
    rows = {}
    for cohort in _cohorts(name, by):
        curve = error_curve(chances[cohort.members], labels[cohort.members])
        now, best = curve.at(policy.decision_threshold), curve.best(ratio)
        cost = 100 * curve.cost(ratio)
        rows[cohort.name] = {
            "Cases": f"{sum(curve.cases):,}",
            "Missed, now": f"{curve.missed[now]:.0f} of {curve.cases[1]:,}",
            "False alarms, now": f"{curve.alarms[now]:.0f} of {curve.cases[0]:,}",
            "Cost of 100, now": f"{cost[now]:.1f}",
            "Its own cheapest threshold": f"{curve.best_threshold(ratio):.1%}",
            "Cost of 100 there": f"{cost[best]:.1f}",
        }
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index.name = by
    return table
