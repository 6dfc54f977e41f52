"""Readings of nine unnamed sensors of a space shuttle: normal or anomaly."""

from pathlib import Path

import numpy as np
import pandas as pd

from minspnet.data import Cases
from minspnet.domain import Concept, DeviationRule, Domain, Feature, Variant
from minspnet.domains.table import table_cases

_TITLES = {
    **{f"sensor_{number}": f"Sensor {number}" for number in range(1, 7)},
    "sensor_7": "Sensor 7: sensor 3 less sensor 1",
    "sensor_8": "Sensor 8: sensor 3 less sensor 5",
    "sensor_9": "Sensor 9: sensor 1 less sensor 5",
}


def _concept(sensor: str) -> Concept:
    number = sensor.removeprefix("sensor_")
    return Concept(
        f"{sensor}_unusual",
        f"Sensor {number} unusual",
        f"How far sensor {number} stands from its usual value, above or below.",
        "as usual",
        "far off",
        DeviationRule((sensor,)),
        0,
        100,
        "of 100",
    )


DOMAIN = Domain(
    key="shuttle",
    title="Shuttle sensors",
    question="Is this reading an anomaly?",
    modality="tabular",
    features=tuple(Feature(name, title) for name, title in _TITLES.items()),
    concepts=tuple(_concept(sensor) for sensor in _TITLES),
    classes=("normal", "anomaly"),
    variants=(
        Variant(
            "all_sensors",
            "All nine sensors",
            "The concepts can be computed from the inputs.",
            tuple(_TITLES),
        ),
    ),
    case_noun="reading",
    group_noun="",
    summary="49,097 readings of nine sensors of a NASA space shuttle; 3,511 are anomalies.",
    input_note="The source names no sensor and states no unit.",
    field_mm=0,
    concept_reading="0 is the usual value; 100 is further from it than 99 in 100 known readings.",
    concept_note="A concept is the distance of a sensor from its median over the training cases, "
    "scaled so that 99 % of them lie below 100. The label plays no part in it.",
    intended_use="Research and teaching: telling normal from unusual readings, and trying the "
    "product on many cases.",
    out_of_scope="Watching over any machine.",
    limits=(
        "The source does not say what the sensors measure: a concept says that a value is "
        "unusual, not why.",
        "Sensors 7, 8 and 9 are differences of the others, within rounding: they add next to "
        "nothing, and an importance shared out among them is arbitrary.",
        "The task is easy: trees make about five errors in 49,000. Accuracy tells little, "
        "as 93 % of the readings are normal; look at the anomalies that are missed.",
        "An anomaly is any rare state of the source's seven, not a fault; one state is left out.",
        "The readings are not in the order of time.",
    ),
    source="Statlog (Shuttle), UCI Machine Learning Repository, as an anomaly task by ODDS, as "
    "packaged by river 0.26.1",
    licence="CC BY 4.0",
)


def load(folder: Path, variant: Variant) -> Cases:
    """Read the vendored case file."""
    table = pd.read_csv(folder / "cases.csv.gz")
    ids = tuple(f"READ-{number:05d}" for number in range(1, len(table) + 1))
    labels = table["anomaly"].to_numpy(np.intp)
    return table_cases(table, ids, labels, DOMAIN, variant)
