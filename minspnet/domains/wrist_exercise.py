"""Seven shoulder exercises, told from the motion of a smartwatch."""

from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from minspnet.data import Cases
from minspnet.domain import Concept, Domain, Feature, ScaleRule, Variant
from minspnet.domains.motion import measure

WINDOW = 160
"""Samples of one case: 6.4 s."""
WINDOWS = 10
"""Cases of one recording, evenly spaced, so that exercises and subjects weigh the same."""

_UNITS = np.array([0.002] * 3 + [0.01] * 3, np.float32)
"""What a step of the stored whole numbers is worth, as in ``build.py``: g and rad/s."""
_MIRROR = np.array([-1, 1, 1, 1, -1, -1], np.float32)
"""Turns a left wrist into a right one: a reflection through the plane of y and z."""
_EXERCISES = {
    "PEN": "pendulum",
    "ABD": "abduction",
    "FEL": "forward elevation",
    "IR": "internal rotation",
    "ER": "external rotation",
    "TRAP": "lower trapezius row",
    "ROW": "bent-over row",
}
_CHANNELS = (
    Feature("ax", "Acceleration along the forearm, towards the elbow", "g"),
    Feature("ay", "Acceleration across the wrist", "g"),
    Feature("az", "Acceleration out of the face of the watch", "g"),
    Feature("wx", "Rotation about the forearm", "rad/s"),
    Feature("wy", "Rotation about the axis across the wrist", "rad/s"),
    Feature("wz", "Rotation in the plane of the watch", "rad/s"),
)


def _concept(
    name: str,
    title: str,
    meaning: str,
    words: tuple[str, str],
    column: str,
    ends: tuple[float, float],
    unit: str,
) -> Concept:
    return Concept(name, title, meaning, *words, ScaleRule((column,), *ends), *ends, unit)


DOMAIN = Domain(
    key="wrist_exercise",
    title="Wrist exercise",
    question="Which shoulder exercise is this?",
    modality="signal",
    features=_CHANNELS,
    concepts=(
        _concept(
            "forearm_height",
            "Forearm height",
            "How high the forearm points on average: hanging is -90, level 0.",
            ("hanging", "raised"),
            "forearm_deg",
            (-90, 30),
            "degrees",
        ),
        _concept(
            "thumb_up",
            "Thumb up",
            "How far the thumb side of the wrist is turned up on average.",
            ("to the side", "up"),
            "thumb_deg",
            (-30, 90),
            "degrees",
        ),
        _concept(
            "lift",
            "Lift",
            "How much the acceleration along the forearm changes: raising and swinging the arm.",
            ("kept low", "swung high"),
            "lift_g",
            (0, 3),
            "g",
        ),
        _concept(
            "tilt",
            "Tilt",
            "How much the acceleration across the wrist changes: tipping the hand sideways.",
            ("steady", "tipped far"),
            "tilt_g",
            (0, 2),
            "g",
        ),
        _concept(
            "speed",
            "Speed",
            "How fast the wrist rotates on average.",
            ("slow", "fast"),
            "speed_dps",
            (0, 300),
            "degrees/s",
        ),
        _concept(
            "one_axis",
            "One axis",
            "How much of the rotation is about a single axis: a hinge has all, a circling arm "
            "about half.",
            ("circling", "hinge"),
            "one_axis_percent",
            (50, 100),
            "%",
        ),
        _concept(
            "return_twist",
            "Twist on return",
            "How the forearm twists while the hand comes back: below 0 the palm turns up.",
            ("palm turns up", "palm turns down"),
            "return_twist_dps",
            (-90, 60),
            "degrees/s",
        ),
        _concept(
            "thumb_shift",
            "Thumb shift",
            "How much higher the thumb is on the way out than on the way back.",
            ("lower going out", "higher going out"),
            "thumb_shift_deg",
            (-15, 15),
            "degrees",
        ),
    ),
    classes=tuple(_EXERCISES.values()),
    variants=(
        Variant(
            "motion",
            "Acceleration and rotation",
            "The concepts can be computed from the inputs.",
            tuple(channel.name for channel in _CHANNELS),
        ),
    ),
    case_noun="window",
    group_noun="subject",
    summary="140 recordings of ten healthy people, each doing seven shoulder exercises about 20 "
    "times with either arm, a smartwatch on the wrist. A case is one of ten windows a recording.",
    input_note="6.4 seconds at 25 samples per second; left wrists are mirrored to right ones.",
    field_mm=0,
    concept_reading="Values are in the units shown; beyond an end of its scale a value is cut off.",
    concept_note="A concept is computed from the window by a fixed rule on a fixed scale. The "
    "exercise plays no part in it.",
    intended_use="Research and teaching: how a concept-based network reads motion on a small "
    "device, and what its parts cost there.",
    out_of_scope="Judging how well an exercise is done, therapy, or any use on patients.",
    limits=(
        "Ten healthy people, two recordings of each exercise: scores hang on who is tested.",
        "Windows of a recording overlap: count people, not windows.",
        "Every window is from within an exercise: rest, walking and other movements are unknown.",
        "Abduction against forward elevation, and inward against outward rotation, differ little "
        "at the wrist: most errors are between them.",
        "The rules of the concepts were chosen with all ten people in view, if not their numbers.",
        "An accelerometer cannot tell tilt from movement: angles are rough in fast movements.",
    ),
    source="Burns, Leung, Hardisty, Whyne, Henry & McLachlin (2018), Physiological Measurement "
    "39(7), as packaged by seglearn 1.2.5",
    licence="BSD 3-clause",
    sample_rate_hz=25,
)


def load(folder: Path, variant: Variant) -> Cases:
    """Read the vendored recordings and cut them into windows."""
    table = pd.read_csv(folder / "recordings.csv")
    with np.load(folder / "recordings.npz", allow_pickle=False) as archive:
        samples = archive["samples"] * _UNITS
    recordings = np.split(samples, np.cumsum(table["samples"])[:-1])
    mirrors = np.where(table["side"].to_numpy()[:, None] == "left", _MIRROR, np.float32(1))
    windows = np.concatenate(
        [_cut(signal * mirror) for signal, mirror in zip(recordings, mirrors, strict=True)]
    )
    rows = table.loc[table.index.repeat(WINDOWS)]
    channels = [channel.name for channel in _CHANNELS]
    return Cases(
        ids=tuple(f"{name}-{n:02d}" for name in table["recording"] for n in range(1, WINDOWS + 1)),
        inputs=windows[:, [channels.index(name) for name in variant.inputs]],
        labels=rows["exercise"].map(list(_EXERCISES).index).to_numpy(np.intp),
        columns=measure(windows),
        groups=tuple(rows["subject"]),
    )


def _cut(
    recording: Float[np.ndarray, "time channel"],
) -> Float[np.ndarray, "window channel sample"]:
    starts = np.linspace(0, len(recording) - WINDOW, WINDOWS).round().astype(int)
    return np.stack([recording[start : start + WINDOW].T for start in starts])
