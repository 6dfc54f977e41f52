"""Damage to inputs, in small doses and large, that a network should notice."""

from collections.abc import Callable

import numpy as np
from scipy import ndimage

Damage = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def noise(amount: float) -> Damage:
    """Add normal noise of so many shades in 1."""
    return lambda x, g: np.clip(x + g.normal(0, amount, x.shape), 0, 1).astype(x.dtype)


def blur(pixels: float) -> Damage:
    """Smooth with a Gaussian of so many pixels."""
    return lambda x, g: ndimage.gaussian_filter(x, (0, 0, pixels, pixels))


def contrast(share: float) -> Damage:
    """Keep so much of the distance from middle grey."""
    return lambda x, g: ((x - 0.5) * share + 0.5).astype(x.dtype)


def rotated(degrees: float) -> Damage:
    """Turn about the middle; corners are filled by the rim."""
    return lambda x, g: np.clip(
        ndimage.rotate(x, degrees, (2, 3), reshape=False, order=1, mode="nearest"), 0, 1
    )


def shuffled(x: np.ndarray, generator: np.random.Generator, cells: int = 4) -> np.ndarray:
    """Cut pictures into squares and put them together in another order."""
    side, found = x.shape[2] // cells, x.copy()
    places = [(row * side, column * side) for row in range(cells) for column in range(cells)]
    for picture, source in zip(found, x, strict=True):
        for (row, column), k in zip(places, generator.permutation(len(places)), strict=True):
            from_row, from_column = places[k]
            picture[:, row : row + side, column : column + side] = source[
                :, from_row : from_row + side, from_column : from_column + side
            ]
    return found


def constant(x: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """One shade a picture."""
    shades = generator.random((len(x), 1, 1, 1))
    return np.broadcast_to(shades, x.shape).astype(x.dtype)


PICTURES: dict[str, Damage] = {
    "noise, 2 in 100": noise(0.02),
    "noise, 10 in 100": noise(0.1),
    "blur, 1 pixel": blur(1.0),
    "blur, 2 pixels": blur(2.0),
    "inverted": lambda x, g: 1 - x,
    "shuffled squares": shuffled,
    "constant": constant,
    "rotated by 90 degrees": rotated(90),
    "rotated by 45 degrees": rotated(45),
    "contrast, four fifths": contrast(0.8),
    "contrast, half": contrast(0.5),
}


def noisy_numbers(x: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Add noise of one standard deviation to every number."""
    return (x + generator.normal(0, 1, x.shape) * x.std(axis=0)).astype(x.dtype)


def mixed_up(x: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Take each column or channel from another case: nothing fits together."""
    found = x.copy()
    for k in range(x.shape[1]):
        found[:, k] = x[generator.permutation(len(x)), k]
    return found


def ten_times(x: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Slip the unit of one column or channel a case."""
    found = x.copy()
    found[np.arange(len(x)), generator.integers(x.shape[1], size=len(x))] *= 10
    return found


NUMBERS: dict[str, Damage] = {
    "noise of 1 SD": noisy_numbers,
    "columns of other cases": mixed_up,
    "one column times 10": ten_times,
}
