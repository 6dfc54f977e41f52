"""Web sites, described by nine warning signs: legitimate or phishing."""

from pathlib import Path

import numpy as np
import pandas as pd

from minspnet.data import Cases
from minspnet.domain import Concept, Domain, Feature, ScaleRule, Variant
from minspnet.domains.table import table_cases

_SIGNS = {
    "suspicious_form": "Form empty or sent elsewhere",
    "popup_window": "Pop-up windows",
    "weak_certificate": "Certificate missing or not trusted",
    "foreign_content": "Content from other domains",
    "foreign_links": "Links to other domains",
    "little_traffic": "Little traffic",
    "long_address": "Long address",
    "young_domain": "Domain registered lately",
    "ip_address": "Number in place of a name",
}


def _concept(
    name: str, title: str, meaning: str, low: str, high: str, signs: tuple[str, ...]
) -> Concept:
    return Concept(name, title, meaning, low, high, ScaleRule(signs, 0, 1), 0, 100, "of 100")


DOMAIN = Domain(
    key="phishing",
    title="Phishing sites",
    question="Is this web site phishing?",
    modality="tabular",
    features=tuple(Feature(name, title) for name, title in _SIGNS.items()),
    concepts=(
        _concept(
            "asks_for_data",
            "Asks for data",
            "Whether forms and pop-up windows look made to collect what is typed in.",
            "in the open",
            "by traps",
            ("suspicious_form", "popup_window"),
        ),
        _concept(
            "unproven_identity",
            "Unproven identity",
            "Whether the certificate fails to show who runs the site.",
            "proven",
            "unproven",
            ("weak_certificate",),
        ),
        _concept(
            "borrowed_content",
            "Borrowed content",
            "How much of what is shown and linked belongs to other domains.",
            "its own",
            "borrowed",
            ("foreign_content", "foreign_links"),
        ),
        _concept(
            "no_track_record",
            "No track record",
            "Whether the domain is young and hardly visited.",
            "established",
            "unknown",
            ("little_traffic", "young_domain"),
        ),
        _concept(
            "disguised_address",
            "Disguised address",
            "Whether the address hides where it leads: very long, or a number for a name.",
            "plain",
            "disguised",
            ("long_address", "ip_address"),
        ),
    ),
    classes=("legitimate", "phishing"),
    variants=(
        Variant(
            "all_signs",
            "All nine signs",
            "The concepts can be computed from the inputs.",
            tuple(_SIGNS),
        ),
    ),
    case_noun="site",
    group_noun="",
    summary="1,250 web sites, 548 of them legitimate and 702 phishing, each with nine signs.",
    input_note="A sign is 0 (absent), 0.5 (in doubt; only some signs know it) or 1 (present).",
    field_mm=0,
    concept_reading="0 means that none of a finding's signs is present, 100 that all of them are.",
    concept_note="A concept is the mean of its signs, as the source coded them. The label plays no "
    "part in it.",
    intended_use="Research and teaching: how a concept-based network weighs warning signs.",
    out_of_scope="Blocking sites, or accusing anyone.",
    limits=(
        "Published in 2014: the tricks have changed since.",
        "The signs come ready made; the addresses and pages are not in the data.",
        "The source states no key for the codes: what 1 means was settled from its own counts and "
        "from which signs go together (see the data card).",
        "The 1,250 sites show only 625 different combinations of signs: equal ones often stand on "
        "both sides of a split.",
        "103 sites that the source calls suspicious are missing.",
    ),
    source="Abdelhamid, Ayesh & Thabtah (2014), Website Phishing, UCI Machine Learning "
    "Repository, as packaged by river 0.26.1",
    licence="CC BY 4.0",
)


def load(folder: Path, variant: Variant) -> Cases:
    """Read the vendored case file."""
    table = pd.read_csv(folder / "cases.csv")
    ids = tuple(table["case_id"])
    labels = (table["label"] == DOMAIN.classes[1]).to_numpy(np.intp)
    return table_cases(table, ids, labels, DOMAIN, variant)
