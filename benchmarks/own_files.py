"""Files unlike the shipped ones, read as the Data page reads a visitor's: nobody describes them.

Concepts, features and classes are the draft's. Wine and digits come with scikit-learn, penguins
(CC0) with the package palmerpenguins; the others are read by path and do not ship.
"""

import io
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits, load_wine

from minspnet.adapters.pictures import read_pictures
from minspnet.adapters.table import read_cases
from minspnet.data import Cases, Split
from minspnet.domain import Domain, Variant
from minspnet.intake import draft, profile, sniff


@dataclass(frozen=True)
class OwnFile:
    """A file that became a task.

    Attributes:
        domain: From the draft of its card.
        cases: All of them.
        split: The official one, if it has one.
    """

    domain: Domain
    cases: Cases
    split: Split | None = None

    @property
    def variant(self) -> Variant:
        """The only choice of inputs."""
        return self.domain.variants[0]


def own_files(pneumonia: Path | None, credit: Path | None) -> dict[str, OwnFile]:
    """Read what is at hand, under the names that the table uses."""
    brought = {"wine": wine(), "penguins": penguins()}
    if credit is not None:
        brought["credit"] = german_credit(credit)
    brought["digits"] = digits()
    if pneumonia is not None:
        brought["PneumoniaMNIST"] = pictures(pneumonia, pneumonia.name)
    return brought


def wine() -> OwnFile:
    """178 wines of three growers: 13 numbers."""
    return table(load_wine(as_frame=True).frame.to_csv(index=False).encode(), "target", "wine")


def penguins() -> OwnFile:
    """344 penguins of three species: numbers, categories, missing cells."""
    source = files("palmerpenguins") / "data" / "penguins.csv"
    return table(source.read_bytes(), "species", "penguins")


def german_credit(path: Path) -> OwnFile:
    """1,000 loans, good or bad: numbers, categories, and many cells that nobody knows."""
    content = path.read_text().replace("not_known", "")
    return table(content.encode(), "risk", "credit")


def digits() -> OwnFile:
    """1,797 handwritten digits of 8 x 8 pixels."""
    found = load_digits()
    packed = io.BytesIO()
    shades = np.round(found.images / 16 * 255).astype(np.uint8)
    np.savez_compressed(packed, images=shades, labels=found.target.astype(np.int64))
    return pictures(packed.getvalue(), "digits.npz")


def table(content: bytes, target: str, name: str) -> OwnFile:
    """Draft a card for a table and read it by that card."""
    sheet = sniff(content)
    card = draft(sheet, profile(sheet), target, name=name)
    return OwnFile(card.domain(), read_cases(card, sheet))


def pictures(source: Path | bytes, name: str) -> OwnFile:
    """Draft a card for pictures and read them."""
    found = read_pictures(source, name)
    return OwnFile(found.card.domain(), found.cases, found.split)
