"""The tasks that ship with the product, and how their cases are read."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from minspnet.data import Cases
from minspnet.domain import Domain, Variant
from minspnet.domains import breast_cytology, lung_nodules, phishing, shuttle, wrist_exercise
from minspnet.errors import requirement

SAMPLE_DATA = Path(__file__).resolve().parents[2] / "sample_data"

_MODULES = (breast_cytology, lung_nodules, wrist_exercise, phishing, shuttle)

DOMAINS: Mapping[str, Domain] = MappingProxyType({m.DOMAIN.key: m.DOMAIN for m in _MODULES})

_LOADERS: Mapping[str, Callable[[Path, Variant], Cases]] = MappingProxyType(
    {m.DOMAIN.key: m.load for m in _MODULES}
)


def find_domain(key: str) -> Domain:
    """Look a domain up by its key.

    Raises:
        UserError: If there is none of that name.
    """
    if key not in DOMAINS:
        raise requirement(
            "domain", f"be one of {', '.join(DOMAINS)}", repr(key), "pick one of them"
        )
    return DOMAINS[key]


def load_cases(domain: Domain, variant: str | None = None) -> Cases:
    """Read the cases that ship with a domain.

    Raises:
        UserError: If the domain has no such variant.
    """
    return _LOADERS[domain.key](SAMPLE_DATA / domain.key, domain.variant(variant))
