"""Names of layers and units, and what a unit stands for in words."""

import math

from dashboard import cache, cache_activations, text
from dashboard.cache_activations import PART
from dashboard.format import score, signed
from minspnet.activity import Layer
from minspnet.domain import Domain
from minspnet.policy import Policy
from minspnet.selectivity import auc_interval, correlation_interval
from minspnet.titles import in_sentence

_PLAIN = 0.4
_STRONG = 0.7


def unit_name(model: str, layer: Layer, unit: int) -> str:
    """What a unit is called: what it says or reads where that has a name, else its number."""
    if layer.outputs:
        concepts = cache.domain_of(model).concepts
        output = layer.outputs[unit]
        return concepts[output].title if output < len(concepts) else "beyond the findings"
    stem = cache.model(model).spec.stem
    plain = not (stem.width or stem.levels or stem.missing or stem.reads)
    if layer.part == "stem" and stem.kind == "tabular" and plain:
        return cache.features(model)[unit].title
    return f"unit {unit}"


def layer_kind(layer: Layer) -> str:
    """Which layer it is, its activation, and at how many places it stands."""
    sides = " × ".join(map(str, layer.sides))
    return f"{layer.part}, {layer.title}, {layer.kind}" + (f" at {sides} places" if sides else "")


def correlated(value: float, cases: int, name: str) -> str | None:
    """Say that a unit follows a finding, if 95 % intervals leave no other sign."""
    low, high = correlation_interval(value, cases)
    if math.isnan(low) or low <= 0 <= high:
        return None
    size = abs(value)
    how = " strongly" if size >= _STRONG else "" if size >= _PLAIN else " weakly"
    return f"{'rises' if value > 0 else 'falls'}{how} with {name}"


def most_followed(model: str, layer: int, unit: int, policy: Policy) -> tuple[int, float] | None:
    """The concept that a unit follows most, with the rank correlation; None if it follows none."""
    found = cache_activations.selectivity(model, layer, policy)
    known = [(abs(v), k) for k, v in enumerate(found.follows[unit]) if not math.isnan(v)]
    if not known:
        return None
    _, concept = max(known)
    return concept, float(found.follows[unit, concept])


def short(model: str, layer: int, unit: int, policy: Policy) -> str:
    """A unit in a menu: its name and what it follows most."""
    name = unit_name(model, cache_activations.recorded(model).layers[layer], unit)
    found = cache_activations.selectivity(model, layer, policy)
    followed = most_followed(model, layer, unit, policy)
    if followed is None:
        return name
    concept, value = followed
    title = in_sentence(cache.domain_of(model).concepts[concept].title)
    said = correlated(value, len(found.rows), title)
    return f"{name}: {said} ({signed(value)})" if said else name


def sentence(model: str, layer: int, unit: int, policy: Policy) -> str:
    """What a unit stands for, with numbers, intervals and how many cases they rest on."""
    domain = cache.domain_of(model)
    known = cache_activations.recorded(model)
    found = cache_activations.selectivity(model, layer, policy)
    about = known.layers[layer]
    cases = len(found.rows)
    name = unit_name(model, about, unit)
    where = f"**{text.plain(name[:1].upper() + name[1:])}** ({text.plain(layer_kind(about))})"
    if not cases:
        return f"{where} ran for none of the {len(known.case_ids)} cases under this policy."
    on = int((known.places[found.rows, known.of(layer)][:, unit] > 0).sum())
    ran = f"Its layer ran for {cases:,} of {len(known.case_ids):,} {PART} cases"
    ran += f"; it was not 0 in {on:,} of them." if about.rests else "."
    if not on:
        return f"{where} is dead on these cases. {ran}"
    said = []
    followed = most_followed(model, layer, unit, policy)
    if followed:
        concept, value = followed
        words = correlated(value, cases, f"**{in_sentence(domain.concepts[concept].title)}**")
        low, high = correlation_interval(value, cases)
        if words:
            said.append(
                f"{words} (rank correlation {signed(value)}, {signed(low)} to {signed(high)})"
            )
    apart = _told_apart(domain, found, unit)
    said += [apart] if apart else []
    stands = ", and ".join(said)
    if not said:
        stands = "follows no single finding and tells no class apart beyond chance"
    return f"{where} {stands}. {ran}"


def _told_apart(domain: Domain, found: cache_activations.Selectivity, unit: int) -> str | None:
    total = sum(found.classes)
    several = len(domain.classes) > 2
    options = range(len(domain.classes)) if several else (1,)
    best = max(options, key=lambda k: _distance(found.auc[unit, k]))
    area = float(found.auc[unit, best])
    low, high = auc_interval(area, found.classes[best], total - found.classes[best])
    if math.isnan(area) or low <= 0.5 <= high:
        return None
    other = "in the rest" if several else f"in {domain.classes[0]}"
    side = "stronger" if area > 0.5 else "weaker"
    return (
        f"is {side} in **{domain.classes[best]}** than {other} "
        f"(AUC {score(area)}, {score(low)} to {score(high)})"
    )


def _distance(area: float) -> float:
    return -1.0 if math.isnan(area) else abs(area - 0.5)
