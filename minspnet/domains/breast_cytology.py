"""Fine-needle aspirates of breast masses: benign or malignant."""

from pathlib import Path

import numpy as np
import pandas as pd

from minspnet.data import Cases
from minspnet.domain import Concept, Domain, Feature, SpreadRule, Variant
from minspnet.domains.table import table_cases

_TRAITS = {
    "radius": "Radius",
    "texture": "Texture",
    "perimeter": "Perimeter",
    "area": "Area",
    "smoothness": "Smoothness",
    "compactness": "Compactness",
    "concavity": "Concavity",
    "concave_points": "Concave points",
    "symmetry": "Symmetry",
    "fractal_dimension": "Fractal dimension",
}
_STATISTICS = {"mean": "mean", "se": "standard error", "worst": "three largest"}
_COLUMNS = tuple(f"{statistic}_{trait}" for statistic in _STATISTICS for trait in _TRAITS)


def _concept(
    name: str, title: str, meaning: str, low: str, high: str, traits: tuple[str, ...]
) -> Concept:
    rule = SpreadRule(tuple(f"worst_{trait}" for trait in traits))
    return Concept(name, title, meaning, low, high, rule, 0, 100, "of 100")


DOMAIN = Domain(
    key="breast_cytology",
    title="Breast cytology",
    question="Is this breast mass malignant?",
    modality="tabular",
    features=tuple(
        Feature(f"{statistic}_{trait}", f"{title}, {words}")
        for statistic, words in _STATISTICS.items()
        for trait, title in _TRAITS.items()
    ),
    concepts=(
        _concept(
            "nuclear_size",
            "Nuclear size",
            "How large the largest nuclei are: radius, perimeter and area.",
            "small",
            "large",
            ("radius", "perimeter", "area"),
        ),
        _concept(
            "chromatin_texture",
            "Chromatin texture",
            "How much the grey level varies inside the nuclei.",
            "even",
            "coarse",
            ("texture",),
        ),
        _concept(
            "edge_roughness",
            "Edge roughness",
            "How much the radius changes from point to point along the edge.",
            "smooth",
            "rough",
            ("smoothness",),
        ),
        _concept(
            "elongation",
            "Elongation",
            "How far the outline is from the shortest one around its area.",
            "compact",
            "drawn out",
            ("compactness",),
        ),
        _concept(
            "indentation",
            "Indentation",
            "How deep the dents in the outline are, and how much of it they take.",
            "shallow",
            "deep",
            ("concavity", "concave_points"),
        ),
        _concept(
            "asymmetry",
            "Asymmetry",
            "How unlike the two halves of a nucleus are.",
            "symmetric",
            "lopsided",
            ("symmetry",),
        ),
        _concept(
            "boundary_complexity",
            "Boundary complexity",
            "How much longer the outline gets when it is traced more finely.",
            "plain",
            "intricate",
            ("fractal_dimension",),
        ),
    ),
    classes=("benign", "malignant"),
    variants=(
        Variant(
            "all_measurements",
            "All 30 measurements",
            "The concepts can be computed from the inputs.",
            _COLUMNS,
        ),
        Variant(
            "mean_and_se",
            "Means and standard errors only",
            "The largest nuclei, which define the concepts, are hidden from the network: "
            "it must infer the concepts, and a correction brings in new knowledge.",
            _COLUMNS[:20],
        ),
    ),
    case_noun="aspirate",
    group_noun="",
    summary="569 fine-needle aspirates of breast masses; in each image ten traits of the cell "
    "nuclei were measured, as mean, standard error and mean of the three largest values.",
    input_note="The source states no physical units.",
    field_mm=0,
    concept_reading="0 and 100 are the ends of what 95 in 100 known cases show.",
    concept_note="A concept is the mean of the largest nuclei's measurements, each scaled so that "
    "the middle 95 % of the training cases run from 0 to 100. The label plays no part in it.",
    intended_use="Research and teaching: how a concept-based network reads cytology "
    "measurements, and how corrections of its findings change its answer.",
    out_of_scope="Diagnosis, triage, or any use on patients.",
    limits=(
        "One centre, images from around 1990; no other laboratory has been tried.",
        "The source gives no patient ids: each row is taken as one patient.",
        "Age, sex and ancestry are unknown, so fairness cannot be examined.",
        "The source states no physical units: lengths are in image units.",
    ),
    source="Wolberg, Mangasarian, Street & Street (1993), Breast Cancer Wisconsin "
    "(Diagnostic), UCI Machine Learning Repository, as packaged by scikit-learn",
    licence="CC BY 4.0",
)


def load(folder: Path, variant: Variant) -> Cases:
    """Read the vendored case file."""
    table = pd.read_csv(folder / "cases.csv")
    ids = tuple(table["case_id"])
    labels = (table["label"] == DOMAIN.classes[1]).to_numpy(np.intp)
    return table_cases(table, ids, labels, DOMAIN, variant)
