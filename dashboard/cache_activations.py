"""What the Activations page keeps between reruns; the rules are those of ``dashboard.cache``."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from dashboard import heavy
from dashboard.cache import decision, features, model, network, part, truth
from dashboard.keep import kept
from minspnet.activity import Activations, Activity, activity, draw_cases
from minspnet.data import Cases
from minspnet.policy import Policy
from minspnet.selectivity import rank_correlation, unit_auc
from minspnet.seriation import (
    arrange_cases,
    arrange_units,
    mean_that_ran,
    merge_neighbours,
    scale_units,
)
from minspnet.trace import Trace

if TYPE_CHECKING:
    from minspnet.ablation import Ablation

PART = "validation"
"""Cases that the network was not trained on, and that choices may be made by."""
MOST = 2_000_000
"""Numbers kept of a model; of more cases than that allows, so many are drawn at random."""
_CELLS, _COLUMNS = 40_000, 600
"""Of a heat map: more are merged, since nobody could see them."""
_FOLLOWED = 4


@kept()
def drawn(name: str) -> np.ndarray:
    """Rows of the validation cases that are recorded; imports torch."""
    heavy.load()
    from minspnet.activations import layers_of

    units = sum(layer.units for layer in layers_of(network(name)))
    return draw_cases(len(model(name).traces[PART]), MOST // units)


@kept()
def shown_cases(name: str) -> Cases:
    """The cases that are recorded."""
    return part(name, PART).take(drawn(name))


@st.cache_resource(show_spinner="Recording every unit ...")
def recorded(name: str) -> Activations:
    """Every unit in every case as if all experts ran; imports torch.

    What a unit does never depends on a policy: which experts ran is laid over it afterwards.
    """
    heavy.load()
    from minspnet.activations import record

    known = shown_cases(name)
    return record(network(name), known.ids, known.inputs)


def active(name: str, policy: Policy) -> np.ndarray:
    """Which experts ran for the recorded cases: [case, expert]."""
    ran: np.ndarray = decision(name, PART, policy).active[drawn(name)]
    return ran


def predicted(name: str, policy: Policy) -> np.ndarray:
    """What was decided for the recorded cases."""
    said: np.ndarray = decision(name, PART, policy).predicted[drawn(name)]
    return said


@kept(64)
def activities(name: str, policy: Policy) -> tuple[Activity, ...]:
    """How much of each layer is at work under a policy."""
    known = recorded(name)
    ran = active(name, policy)
    return tuple(activity(known, layer, ran) for layer in range(len(known.layers)))


@dataclass(frozen=True)
class Selectivity:
    """What the units of one layer stand for, on the cases that it ran for.

    Attributes:
        rows: Of these cases, among the recorded ones.
        classes: How many of them each class has.
        auc: Of each unit for each class against the rest: [unit, class].
        follows: Rank correlation with each true concept: [unit, concept].
    """

    rows: np.ndarray
    classes: tuple[int, ...]
    auc: np.ndarray
    follows: np.ndarray

    @property
    def order(self) -> np.ndarray:
        """Units, those that tell a class apart or follow a concept most clearly first."""
        apart = np.nan_to_num(np.abs(2 * self.auc - 1)).max(axis=1, initial=0)
        follow = np.nan_to_num(np.abs(self.follows)).max(axis=1, initial=0)
        return np.argsort(-np.maximum(apart, follow), kind="stable")


@kept(256)
def selectivity(name: str, layer: int, policy: Policy) -> Selectivity:
    """What each unit of a layer stands for under a policy."""
    known = recorded(name)
    rows = np.flatnonzero(known.ran(layer, active(name, policy)))
    values = known.values[rows, known.of(layer)]
    labels = shown_cases(name).labels[rows]
    classes = range(model(name).spec.classes)
    return Selectivity(
        rows,
        tuple(int((labels == k).sum()) for k in classes),
        np.stack([unit_auc(values, labels == k) for k in classes], axis=1),
        rank_correlation(values, truth(name, PART)[drawn(name)][rows]),
    )


@kept(128)
def followed_columns(name: str, layer: int, unit: int, policy: Policy) -> list[tuple[int, float]]:
    """The measurements whose ranks a unit follows most: (column, correlation)."""
    known, rows = recorded(name), selectivity(name, layer, policy).rows
    values = known.values[rows, known.of(layer)][:, [unit]]
    inputs = shown_cases(name).inputs[rows]
    found = {}
    for column, feature in enumerate(features(name)):
        if not feature.levels:  # levels have no order that ranks could follow
            there = ~np.isnan(inputs[:, column])
            ranks = rank_correlation(values[there], inputs[there][:, [column]])
            found[column] = float(np.nan_to_num(ranks[0, 0]))
    most = sorted(found, key=lambda column: -abs(found[column]))[:_FOLLOWED]
    return [(column, found[column]) for column in most]


@dataclass(frozen=True)
class HeatMap:
    """Units by cases, both in an order that shows structure.

    Attributes:
        values: Share of the unit's largest absolute value, from -1 to 1; NaN where it did not
            run: [unit, column].
        units: Of each row: (layer, unit).
        columns: Of each column: the recorded cases in it, one or a few neighbours.
        labels: True class of each column.
        said: Class decided for, of each column.
    """

    values: np.ndarray
    units: tuple[tuple[int, int], ...]
    columns: tuple[np.ndarray, ...]
    labels: np.ndarray
    said: np.ndarray


@kept(64)
def heat_map(name: str, layers: tuple[int, ...], policy: Policy, all_cases: bool) -> HeatMap:
    """Order units and cases of some layers.

    Cases stand by class, then decision, then the experts that ran, then along the direction in
    which the units differ most. Units stand by layer, then by the class they are strongest in.

    Args:
        name: Of the model.
        layers: Whose units.
        policy: Without edits.
        all_cases: Also those that none of the layers ran for.
    """
    known, ran = recorded(name), active(name, policy)
    labels, said = shown_cases(name).labels, predicted(name, policy)
    values = scale_units(known.routed(layers, ran).astype(np.float64))
    cases = arrange_cases(values, ran, said, labels)
    if not all_cases:
        cases = cases[~np.isnan(values[cases]).all(axis=1)]
    orders = [arrange_units(selectivity(name, layer, policy).auc) for layer in layers]
    starts = np.cumsum([0, *map(len, orders)])
    rows = np.concatenate([order + start for order, start in zip(orders, starts, strict=False)])
    kinds = np.column_stack([labels, said, ran])
    groups = merge_neighbours(cases, kinds, max(1, min(_COLUMNS, _CELLS // len(rows))))
    firsts = np.array([group[0] for group in groups])
    return HeatMap(
        np.stack([mean_that_ran(values[group][:, rows]) for group in groups], axis=1),
        tuple((layer, int(u)) for layer, order in zip(layers, orders, strict=True) for u in order),
        groups,
        labels[firsts],
        said[firsts],
    )


@kept(8)
def baseline(name: str) -> Trace:
    """Evidence on all validation cases, run here: what an ablation is compared with."""
    heavy.load()
    from minspnet.network import run

    known, names = part(name, PART), model(name).traces[PART].concept_names
    return run(network(name), known.ids, known.inputs, names)


@kept(4096)
def ablation(name: str, layer: int, unit: int, policy: Policy) -> "Ablation":
    """What changes on all validation cases without one unit."""
    heavy.load()
    from minspnet.ablation import ablate

    known = part(name, PART)
    before = baseline(name)
    return ablate(network(name), before, known.inputs, known.labels, policy, layer, unit)
