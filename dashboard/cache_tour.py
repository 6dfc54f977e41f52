"""What the tour keeps between reruns; the rules are those of ``dashboard.cache``."""

from typing import NamedTuple

import numpy as np
import streamlit as st

from dashboard import cache, heavy
from dashboard.cache import attribution, case_place, decision, domain_of, model, part, truth
from dashboard.keep import kept
from minspnet.policy import Policy
from minspnet.tour import Stop, find_stops
from minspnet.trust import likeness

METHODS = ("integrated_gradients", "feature_ablation")
_ASKED = 8


class Dispute(NamedTuple):
    """A case, the rank correlation of two methods on it, and how many cases were asked about."""

    case: str
    alike: float
    asked: int


@kept(32)
def stops(name: str, policy: Policy) -> tuple[Stop, ...]:
    """The stops of a tour through the test cases of a model."""
    seen = np.array([concept.visible for concept in domain_of(name).concepts])
    labels = part(name, "test").labels
    return find_stops(model(name).traces["test"], policy, labels, truth(name, "test"), seen)


def label(name: str, case_id: str) -> int:
    """The known class of a case."""
    place = case_place(name, case_id)
    assert place is not None, "stops are test cases"
    return int(part(name, place[0]).labels[place[1]])


@st.cache_resource(max_entries=32, show_spinner="Asking two methods about a few cases ...")
def disputed(name: str, policy: Policy) -> Dispute:
    """Of a few test cases, evenly spaced, the one about which two methods agree least."""
    heavy.load()
    from minspnet.attribution.routed import place_sums

    trace = model(name).traces["test"]
    places = np.unique(np.linspace(0, len(trace) - 1, _ASKED).round().astype(int))
    decided = decision(name, "test", policy)
    found = []
    for place in places:
        case, active = trace.case_ids[place], tuple(map(bool, decided.active[place]))
        told, against = cache.told(name, case, policy)
        first, second = (
            place_sums(attribution(name, case, active, way, f"class:{told}:{against}", ()).values)
            for way in METHODS
        )
        found.append((likeness(first, second, signed=True), case))
    alike, case = min(found)
    return Dispute(case, alike, len(found))
