"""The networks that ship, one recipe a domain: what ``train DOMAIN`` builds."""

from dataclasses import dataclass
from types import MappingProxyType

from minspnet.domain import Domain, Variant
from minspnet.errors import requirement
from minspnet.recipe import TrainSpec
from minspnet.spec import BlockKind, ExpertSpec, ModelSpec, StemSpec

_TABULAR_WIDTH = 16
_IMAGE_WIDTH = 24
_IMAGE_SIDE = 32

# Where the inputs define the concepts, the concept predictor need only be faithful to them;
# where they do not, more of the training goes into the decision.
_CYTOLOGY_TRAINING = MappingProxyType(
    {
        "all_measurements": TrainSpec(
            epochs=100,
            learning_rate=0.003,
            weight_decay=0.3,
            concept_weight=4.0,
            correction_rate=0.5,
            head_strength=30.0,
        ),
        "mean_and_se": TrainSpec(
            epochs=100,
            learning_rate=0.003,
            weight_decay=0.3,
            concept_weight=0.4,
            correction_rate=0.35,
            head_strength=30.0,
        ),
    }
)


@dataclass(frozen=True)
class Preset:
    """An architecture and how to train it."""

    model: ModelSpec
    training: TrainSpec


def preset(domain: Domain, variant: Variant) -> Preset:
    """Look up the recipe of a shipped domain.

    Raises:
        UserError: If the domain has none.
    """
    if domain.key == "breast_cytology":
        return _breast_cytology(domain, variant)
    if domain.key == "lung_nodules":
        return _lung_nodules(domain)
    raise requirement("domain", "have a preset", domain.key, "give a spec")


def _named(domain: Domain, *names: str) -> tuple[int, ...]:
    return tuple(domain.concept_names.index(name) for name in names)


def _breast_cytology(domain: Domain, variant: Variant) -> Preset:
    third = "third look"
    experts = (
        ExpertSpec("second look", "dense", _TABULAR_WIDTH, activation="silu"),
        ExpertSpec(third, "dense", _TABULAR_WIDTH, parent="second look", activation="silu"),
        _reader("size reader", "dense", 6, third, _named(domain, "nuclear_size")),
        _reader(
            "surface reader",
            "dense",
            6,
            third,
            _named(domain, "chromatin_texture", "edge_roughness"),
        ),
        _reader(
            "outline reader",
            "dense",
            6,
            third,
            _named(domain, "elongation", "indentation", "asymmetry", "boundary_complexity"),
        ),
    )
    model = ModelSpec(
        (len(variant.inputs),),
        len(domain.concepts),
        len(domain.classes),
        StemSpec("tabular"),
        experts,
    )
    return Preset(model, _CYTOLOGY_TRAINING[variant.name])


def _lung_nodules(domain: Domain) -> Preset:
    third = "third look"
    block: BlockKind = "inverted_bottleneck"
    experts = (
        ExpertSpec("second look", block, _IMAGE_WIDTH),
        ExpertSpec(third, block, 24, parent="second look", stride=2),
        _reader(
            "shape reader", block, 24, third, _named(domain, "diameter", "sphericity", "lobulation")
        ),
        _reader(
            "border reader", block, 24, third, _named(domain, "margin", "spiculation", "subtlety")
        ),
        _reader("inside guess", "none", 24, third, _named(domain, "texture", "calcification")),
    )
    model = ModelSpec(
        (1, _IMAGE_SIDE, _IMAGE_SIDE),
        len(domain.concepts),
        len(domain.classes),
        StemSpec("image", _IMAGE_WIDTH),
        experts,
    )
    return Preset(
        model,
        TrainSpec(
            epochs=90, learning_rate=0.01, weight_decay=0.1, concept_weight=8.0, augment=True
        ),
    )


def _reader(
    name: str, block: BlockKind, width: int, parent: str, concepts: tuple[int, ...]
) -> ExpertSpec:
    return ExpertSpec(
        name,
        block,
        width,
        parent=parent,
        reading="add",
        gate="learned",
        concepts=concepts,
        activation="silu" if block == "dense" else "relu",
    )
