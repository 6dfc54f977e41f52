"""The networks that ship, one recipe a domain: what ``train DOMAIN`` builds."""

from dataclasses import dataclass, replace
from types import MappingProxyType

from minspnet.domain import Domain, Variant
from minspnet.errors import requirement
from minspnet.recipe import TrainSpec
from minspnet.spec import BlockKind, ExpertSpec, ModelSpec, StemSpec

_TABULAR_WIDTH = 16
_IMAGE_WIDTH = 24
_IMAGE_SIDE = 32
_WRIST_SAMPLES = 160

_CYTOLOGY_TRAINING = TrainSpec(
    epochs=100, learning_rate=0.003, weight_decay=0.3, head_strength=30.0
)
# Where the inputs define the concepts, the concept predictor need only be faithful to them;
# where they do not, more of the training goes into the decision.
_CYTOLOGY_VARIANTS = MappingProxyType(
    {
        "all_measurements": replace(_CYTOLOGY_TRAINING, concept_weight=4.0, correction_rate=0.5),
        "mean_and_se": replace(_CYTOLOGY_TRAINING, concept_weight=0.4, correction_rate=0.35),
    }
)

# Width of the spine. The concepts of these tasks leave something out, which a residual channel
# may carry.
_RULES = MappingProxyType(
    {
        "phishing": (
            32,
            TrainSpec(
                epochs=100,
                learning_rate=0.01,
                weight_decay=0.1,
                concept_weight=2.0,
                head_strength=30.0,
            ),
        ),
        "shuttle": (
            28,
            TrainSpec(
                epochs=24,
                batch_size=256,
                learning_rate=0.02,
                concept_weight=1.0,
                head_strength=30.0,
            ),
        ),
    }
)


NAMES = ("default", "guide")
"""Of the presets: the one that ships, and a plain network to compare with."""


@dataclass(frozen=True)
class Preset:
    """An architecture and how to train it."""

    model: ModelSpec
    training: TrainSpec


def preset(domain: Domain, variant: Variant, name: str = "default") -> Preset:
    """Look up the recipe of a shipped domain.

    Args:
        domain: The task.
        variant: Its choice of inputs.
        name: One of ``NAMES``; ``guide`` is for pictures and keeps the default's training.

    Raises:
        UserError: If the domain has none, or none of that name.
    """
    if name not in NAMES:
        raise requirement("preset", f"be one of {', '.join(NAMES)}", repr(name), "pick one")
    if name == "guide":
        usual = preset(domain, variant)
        shape = usual.model.input_shape
        return Preset(guide(shape, len(domain.concepts), len(domain.classes)), usual.training)
    if domain.key == "breast_cytology":
        return _breast_cytology(domain, variant)
    if domain.key == "lung_nodules":
        return _lung_nodules(domain)
    if domain.key == "wrist_exercise":
        return _wrist_exercise(domain, variant)
    if domain.key in _RULES:
        return _rules(domain, variant, *_RULES[domain.key])
    raise requirement("domain", "have a preset", domain.key, "give a spec")


def guide(input_shape: tuple[int, ...], concepts: int, classes: int) -> ModelSpec:
    """The example network of beginner's guides to efficient convolutional nets.

    A 3x3 stem of stride 2; three 3x3 depthwise-separable layers with squeeze-and-excitation,
    each added to what it was given; four 5x5 ones of stride 2, which stop halving a side of 1;
    and an exit with one hidden layer of 256.

    Raises:
        UserError: If the inputs are no pictures.
    """
    if len(input_shape) != 3:
        raise requirement("preset", "be default unless inputs are pictures", "guide", "use default")
    experts = (
        ExpertSpec("fine layers", "separable", 16, repeats=3, squeeze=4),
        ExpertSpec(
            "coarse layers",
            "separable",
            32,
            parent="fine layers",
            kernel=5,
            stride=2,
            repeats=4,
            hidden=256,
        ),
    )
    return ModelSpec(input_shape, concepts, classes, StemSpec("image", 16, downsample=2), experts)


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
    return Preset(model, _CYTOLOGY_VARIANTS[variant.name])


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


def _wrist_exercise(domain: Domain, variant: Variant) -> Preset:
    """A spine of two stages behind a thin stem, then a reader of posture and one of motion."""
    third = "third look"
    block: BlockKind = "inverted_bottleneck"
    posture = _named(domain, "forearm_height", "thumb_up", "lift", "tilt")
    motion = _named(domain, "speed", "one_axis", "return_twist", "thumb_shift")
    experts = (
        ExpertSpec("second look", block, 16, kernel=5, stride=2),
        ExpertSpec(third, block, 24, parent="second look", kernel=5, stride=2),
        _reader("posture reader", block, 16, third, posture),
        _reader("motion reader", block, 16, third, motion),
    )
    model = ModelSpec(
        (len(variant.inputs), _WRIST_SAMPLES),
        len(domain.concepts),
        len(domain.classes),
        StemSpec("signal", 16, downsample=4),
        experts,
        base_grid=4,
    )
    return Preset(
        model,
        TrainSpec(
            epochs=50,
            learning_rate=0.01,
            weight_decay=0.1,
            concept_weight=1.0,
            head_strength=30.0,
            dropout=0.1,
            jitter=0.15,
            shift=12,
            mixup=0.2,
        ),
    )


def _rules(domain: Domain, variant: Variant, width: int, training: TrainSpec) -> Preset:
    """A small spine with a residual channel, for tasks whose concepts do not say all."""
    experts = (
        ExpertSpec("second look", "dense", width, activation="silu"),
        ExpertSpec("third look", "dense", width, parent="second look", activation="silu"),
    )
    model = ModelSpec(
        (len(variant.inputs),),
        len(domain.concepts),
        len(domain.classes),
        StemSpec("tabular"),
        experts,
        residual=True,
    )
    return Preset(model, training)


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
