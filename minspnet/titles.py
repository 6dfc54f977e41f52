"""Titles within a sentence: the product's own may be written small, what others typed stays."""

from functools import cache

from minspnet.domains import DOMAINS
from minspnet.picture_columns import PICTURE_COLUMNS
from minspnet.traits import SHADES
from minspnet.wording import lowered


def in_sentence(title: str) -> str:
    """Say a title in the middle of a sentence.

    A title that somebody typed is left as it is: a language may write its nouns large, and a
    name may be one.
    """
    return lowered(title) if title in _own() else title


@cache
def _own() -> frozenset[str]:
    """Titles and texts that ship with the product."""
    found = {column.title for column in PICTURE_COLUMNS} | {*SHADES}
    for domain in DOMAINS.values():
        found |= {feature.title for feature in domain.features}
        found |= {concept.title for concept in domain.concepts}
        found |= {variant.title for variant in domain.variants}
        found |= {domain.title, domain.out_of_scope}
    return frozenset(found)
