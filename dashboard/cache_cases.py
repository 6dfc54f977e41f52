"""What the Cases page keeps between reruns; the rules are those of ``dashboard.cache``."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from dashboard.cache import decision, domain_of, model, part, truth
from dashboard.keep import kept
from minspnet import cohort
from minspnet.cohort import Cohort, Facts, Vocabulary, select
from minspnet.errortree import Branch, error_tree
from minspnet.policy import Policy
from minspnet.projection import Plane
from minspnet.ranking import list_cases
from minspnet.trace import Decision, Trace, join, replay

PARTS = ("validation", "test")
"""The cases a model was not trained on, in the order of all arrays here."""
FINDINGS, GATES = "findings", "gates"
MOST_POINTS = 800
"""On a map; of more cases some are drawn."""


@kept()
def unseen(name: str) -> Trace:
    """The evidence on all cases that the model was not trained on."""
    first, second = (model(name).traces[one] for one in PARTS)
    return join(first, second)


@kept()
def labels(name: str) -> np.ndarray:
    """Their known classes."""
    return np.concatenate([part(name, one).labels for one in PARTS])


@kept()
def groups(name: str) -> tuple[str, ...]:
    """What each belongs to, such as a patient."""
    return tuple(group for one in PARTS for group in part(name, one).groups)


@kept()
def vocabulary(name: str) -> Vocabulary:
    """What a cohort of these cases can be about."""
    return cohort.vocabulary(unseen(name), PARTS, domain_of(name).classes, groups(name))


@kept(32)
def decided(name: str, policy: Policy) -> Decision:
    """What a policy makes of them."""
    return replay(unseen(name), policy)


@kept(16)
def facts(name: str, policy: Policy) -> Facts:
    """All that a cohort of them can be about, under a policy."""
    known = np.concatenate([truth(name, one) for one in PARTS])
    parts = [one for one in PARTS for _ in range(len(part(name, one)))]
    return cohort.facts(
        vocabulary(name),
        unseen(name),
        decided(name, policy),
        model(name).cost,
        known,
        labels(name),
        parts,
        groups(name),
    )


@kept(16)
def readings(name: str, policy: Policy) -> np.ndarray:
    """Their findings as the network reads them, on the scales that people read."""
    concepts = domain_of(name).concepts
    graded = decided(name, policy).concepts[:, : len(concepts)].astype(np.float64)
    low = np.array([concept.shown_low for concept in concepts])
    high = np.array([concept.shown_high for concept in concepts])
    return np.asarray(low + graded * (high - low))


@kept(64)
def chosen(name: str, policy: Policy, cases: Cohort) -> np.ndarray:
    """Which of them belong to a cohort."""
    return select(cases, facts(name, policy))


@kept(32)
def _listed(name: str, policy: Policy, listing: str) -> np.ndarray:
    found, cost = decided(name, policy), model(name).cost
    return list_cases(listing, unseen(name), found, labels(name), cost.macs(found.active))


@kept(64)
def listed(name: str, policy: Policy, cases: Cohort, listing: str) -> np.ndarray:
    """Rows of a cohort in one of ``ranking.LISTINGS``."""
    order = _listed(name, policy, listing)
    return np.asarray(order[chosen(name, policy, cases)[order]])


@dataclass(frozen=True)
class Places:
    """Cases on a map.

    Attributes:
        rows: Which of the unseen cases are drawn.
        at: Where each lies.
        known_held: Share of the spread of the training cases that the axes hold.
        held: The same of all unseen cases.
        axes: What each column adds to each axis.
    """

    rows: np.ndarray
    at: np.ndarray
    known_held: float
    held: float
    axes: np.ndarray


@kept(32)
def places(name: str, policy: Policy, what: str, pair: tuple[int, int] | None) -> Places:
    """A map by findings or gates: their main directions, or two of them as they are.

    Of many cases all wrong ones are drawn, as far as they fit, and others at random.
    """
    before, after = _columns(name, policy, what)
    plane = Plane.of_columns(before, *pair) if pair else Plane.fit(before)
    at = after[:, pair] if pair else plane.place(after)
    return Places(
        _drawn(name, policy), at, plane.held(before), plane.held(after), np.array(plane.axes)
    )


def _columns(name: str, policy: Policy, what: str) -> tuple[np.ndarray, np.ndarray]:
    if what == GATES:
        return model(name).traces["train"].gates, unseen(name).gates
    count = len(unseen(name).concept_names)
    before, after = decision(name, "train", policy), decided(name, policy)
    return before.concepts[:, :count], after.concepts[:, :count]


def _drawn(name: str, policy: Policy) -> np.ndarray:
    wrong = facts(name, policy).wrong
    if len(wrong) <= MOST_POINTS:
        return np.arange(len(wrong))
    mixed = np.random.default_rng(0).permutation(len(wrong))
    return np.sort(mixed[np.argsort(~wrong[mixed], kind="stable")][:MOST_POINTS])


@st.cache_resource(max_entries=32, show_spinner="Looking for where it fails ...")
def branches(
    name: str, policy: Policy, grown_on: str, numbers: tuple[str, ...]
) -> tuple[Branch, ...] | None:
    """A tree of errors, grown on one part and counted on the other."""
    everything = facts(name, policy)
    here = everything.codes[cohort.PART] == PARTS.index(grown_on)
    return error_tree(everything.holding(here), everything.holding(~here), numbers)
