"""What a window of wrist motion shows, in words that a coach uses: rules over the signal alone.

The axes are a smartwatch's on the right wrist: x along the forearm towards the elbow, y across
it, z out of the face of the watch. The accelerometer gives the direction of gravity plus
movement, so that angles are those of a slow movement and only nearly so in a fast one.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float

_SWING_DPS = 20
"""Rotation about y (degrees/s) from which the hand counts as on its way out, or back."""
_ENDS = (0.05, 0.95)
"""Quantiles between which a movement's range is measured, to leave out single jerks."""

Windows = Float[np.ndarray, "case sample"]


def measure(
    windows: Float[np.ndarray, "case 6 sample"],
) -> Mapping[str, Float[np.ndarray, " case"]]:
    """Measure each window.

    Args:
        windows: Acceleration in g, then rotation in rad/s, each along x, y and z.

    Returns:
        ``forearm_deg``: mean angle of the forearm, -90 hanging, 90 overhead.
        ``thumb_deg``: mean angle of the thumb side of the wrist, 90 straight up.
        ``lift_g``, ``tilt_g``: range of the acceleration along x and along y.
        ``speed_dps``: mean speed of rotation, degrees/s.
        ``one_axis_percent``: share of the squared rotation that is about its main axis.
        ``return_twist_dps``: mean twist about the forearm on the way back, in degrees/s;
            above 0 the palm turns down.
        ``thumb_shift_deg``: how much higher the thumb is on the way out than on the way back.
    """
    acceleration, rotation = windows[:, :3], np.degrees(windows[:, 3:])
    length = np.linalg.norm(acceleration, axis=1)
    forearm, thumb = (
        np.degrees(np.arcsin(np.clip(acceleration[:, axis] / length, -1, 1))) for axis in (0, 1)
    )
    out, back = rotation[:, 1] > _SWING_DPS, rotation[:, 1] < -_SWING_DPS
    still = thumb.mean(axis=1)
    thumb_out, thumb_back = (
        np.where(way.any(axis=1), _mean_while(way, thumb), still) for way in (out, back)
    )
    measures = {
        "forearm_deg": forearm.mean(axis=1),
        "thumb_deg": still,
        "lift_g": _range(acceleration[:, 0]),
        "tilt_g": _range(acceleration[:, 1]),
        "speed_dps": np.linalg.norm(rotation, axis=1).mean(axis=1),
        "one_axis_percent": 100 * _main_share(rotation),
        "return_twist_dps": _mean_while(back, rotation[:, 0]),
        "thumb_shift_deg": thumb_out - thumb_back,
    }
    return {name: values.astype(np.float32) for name, values in measures.items()}


def _range(values: Windows) -> Float[np.ndarray, " case"]:
    low, high = np.quantile(values, _ENDS, axis=1)
    return high - low


def _mean_while(
    condition: Bool[np.ndarray, "case sample"], values: Windows
) -> Float[np.ndarray, " case"]:
    """Mean over the samples where the condition holds; 0 where it never does."""
    return (condition * values).sum(axis=1) / np.maximum(condition.sum(axis=1), 1)


def _main_share(rotation: Float[np.ndarray, "case 3 sample"]) -> Float[np.ndarray, " case"]:
    """Largest eigenvalue of the second-moment matrix, as a share of their sum."""
    moments = np.einsum("nis,njs->nij", rotation, rotation)
    eigenvalues = np.linalg.eigvalsh(moments)
    return eigenvalues[:, -1] / np.maximum(eigenvalues.sum(axis=1), np.finfo(np.float32).tiny)
