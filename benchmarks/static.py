"""Static nets to compare routing with: the same parts, no gates, the same mean MACs."""

from dataclasses import replace

from minspnet.cost import cost_table
from minspnet.network import Network
from minspnet.presets import Preset
from minspnet.spec import ExpertSpec, ModelSpec


def static_presets(preset: Preset, macs: float) -> dict[str, Preset]:
    """Build static nets that cost at least ``macs``, each as little above it as it can.

    ``shallow`` puts all its compute in the stem; ``deep`` keeps the spine's stages, narrower.
    Both are trained with the same recipe on their one and only exit. What the gates cost is
    not charged to them.
    """
    training = replace(preset.training, path_weight=0.0)
    shallow = [_shallow(preset.model, width) for width in _widths(preset.model)]
    deep = [_deep(preset.model, width) for width in _widths(preset.model)[1:]]
    return {
        name: Preset(_cheapest_above(specs, macs), training)
        for name, specs in (("static shallow", shallow), ("static deep", deep))
    }


def _widths(spec: ModelSpec) -> list[int]:
    return [0, *range(2, 65)] if spec.stem.kind == "tabular" else [4, *range(5, 65)]


def _shallow(spec: ModelSpec, width: int) -> ModelSpec:
    return replace(spec, stem=replace(spec.stem, width=width), experts=())


def _deep(spec: ModelSpec, width: int) -> ModelSpec:
    spine = tuple(_narrow(e, spec, width) for e in spec.experts if e.reading == "replace")
    stem = spec.stem if spec.stem.kind == "tabular" else replace(spec.stem, width=width)
    return replace(spec, stem=stem, experts=spine)


def _narrow(expert: ExpertSpec, spec: ModelSpec, width: int) -> ExpertSpec:
    first = spec.experts[0].width
    return replace(expert, width=max(2, round(width * expert.width / first)))


def _cheapest_above(specs: list[ModelSpec], macs: float) -> ModelSpec:
    priced = sorted(((static_macs(spec), spec) for spec in specs), key=lambda pair: pair[0])
    above = [spec for cost, spec in priced if cost >= macs]
    return above[0] if above else priced[-1][1]


def static_macs(spec: ModelSpec) -> int:
    """MACs of a static net: one exit, no gates."""
    cost = cost_table(Network(spec))
    parts = dict(cost.parts)
    head = parts["class head"]
    if not spec.experts:
        return parts["stem"] + parts["base exit"] + head
    early_exits = sum(e.width * spec.outputs for e in spec.experts[:-1])
    blocks = sum(parts[e.name] for e in spec.experts)
    return parts["stem"] + blocks - early_exits + head
