"""What the tour keeps between reruns; the rules are those of ``dashboard.cache``."""

import numpy as np
import streamlit as st

from dashboard.cache import case_place, domain_of, model, part, truth
from minspnet.policy import Policy
from minspnet.tour import Stop, find_stops


@st.cache_resource(max_entries=32, show_spinner=False)
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


def dispute(name: str, policy: Policy) -> str:
    """What methods of attribution disagree about."""
    return ""
