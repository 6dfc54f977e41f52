"""What networks are compared on: a task, its parts by seed and fold, and its usual recipe."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from minspnet.adapters.medmnist import read_medmnist
from minspnet.data import PARTS, ConceptScale, folds
from minspnet.domains import find_domain, load_cases
from minspnet.presets import Preset, preset
from minspnet.training.train import TrainingData

Parts = dict[str, TrainingData]


@dataclass(frozen=True)
class ShippedTask:
    """A domain of the product, in the five folds of each seed; no group is on two sides."""

    domain: str
    variant: str | None = None

    @cached_property
    def title(self) -> str:
        """Names domain and variant."""
        return f"{self.domain}-{find_domain(self.domain).variant(self.variant).name}"

    @cached_property
    def preset(self) -> Preset:
        """As it ships."""
        domain = find_domain(self.domain)
        return preset(domain, domain.variant(self.variant))

    def splits(self, seed: int) -> Iterator[Parts]:
        """Scales are fitted on the training part; pictures are their own evidence masks."""
        domain = find_domain(self.domain)
        cases = load_cases(domain, self.variant)
        for split in folds(cases, seed):
            scale = ConceptScale.fit(domain.concepts, cases.take(split.train))
            parts = {}
            for name in PARTS:
                part = cases.take(getattr(split, name))
                masks = part.inputs[:, 0] if domain.modality == "image" else None
                truth = scale.truth(part.columns)
                parts[name] = TrainingData(part.inputs, truth, part.labels, masks)
            yield parts


@dataclass(frozen=True)
class PneumoniaTask:
    """PneumoniaMNIST in its official split; its one concept is the label."""

    path: Path
    preset: Preset
    title = "pneumonia"

    def splits(self, seed: int) -> Iterator[Parts]:
        """One, whatever the seed."""
        collection = read_medmnist(self.path, ("normal", "pneumonia"))
        parts = {}
        for name in PARTS:
            part = collection.cases.take(getattr(collection.split, name))
            truth = part.labels[:, None].astype(np.float32)
            parts[name] = TrainingData(part.inputs, truth, part.labels)
        yield parts


Task = ShippedTask | PneumoniaTask
