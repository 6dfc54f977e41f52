"""A user's own task, small enough to train a network on it within a test."""

from functools import cache

import numpy as np

from minspnet.adapters import Card
from minspnet.adapters.card import CardConcept
from minspnet.collection import Collection
from minspnet.data import Cases, folds
from minspnet.domain import Feature
from minspnet.presets import Preset
from minspnet.recipe import TrainSpec
from minspnet.spec import ExpertSpec, ModelSpec, StemSpec
from minspnet.study import Study, conduct

COLUMNS = ("income", "debt", "job")
LEVELS = ("employed", "self-employed", "none")
LOANS = Card(
    key="loans",
    title="Loans",
    question="Will this loan be paid back?",
    target="status",
    classes=("paid", "default"),
    features=(
        Feature("income", "Income", "EUR a month"),
        Feature("debt", "Debt", "EUR"),
        Feature("job", "Job", levels=LEVELS),
    ),
    concepts=(
        CardConcept("means", "Means", ("income",), "spread"),
        CardConcept("burden", "Burden", ("debt",), "spread"),
    ),
)


def loans(count: int = 200, seed: int = 0, key: str = "loans") -> Collection:
    """Loans that are paid back where the income is large and the debt small; some cells empty."""
    generator = np.random.default_rng(seed)
    table = generator.normal(size=(count, 3)).astype(np.float32)
    table[:, 2] = generator.integers(0, len(LEVELS), count)
    labels = (table[:, 1] > table[:, 0] + 0.3 * generator.normal(size=count)).astype(np.intp)
    table[::17, 2] = np.nan
    columns = {name: table[:, place].copy() for place, name in enumerate(COLUMNS)}
    ids = tuple(f"loan-{number:03d}" for number in range(count))
    card = Card.from_dict(LOANS.to_dict() | {"key": key})
    return Collection(card, Cases(ids, table, labels, columns, ids), source="loans.csv")


def network_on(collection: Collection, epochs: int = 3) -> Study:
    """Train a network with two experts for a moment."""
    domain = collection.card.domain()
    experts = (
        ExpertSpec("second look", "dense", 24),
        ExpertSpec("third look", "dense", 24, parent="second look"),
    )
    stem = StemSpec("tabular", levels=(0, 0, len(LEVELS)), missing=True)
    spec = ModelSpec((3,), len(domain.concepts), len(domain.classes), stem, experts)
    split = next(folds(collection.cases, 0))
    recipe = Preset(spec, TrainSpec(epochs=epochs, learning_rate=0.03))
    return conduct(domain, domain.variants[0], recipe, collection.cases, split, 0)


@cache
def trained_on_loans() -> Study:
    """Train once for all tests."""
    return network_on(loans())
