"""Networks for anyone's own task, in three sizes: what the Train page offers.

    budget      parameters at most   training on one core, up to 10,000 cases
    tiny                     8,000   seconds
    small (the usual one)   40,000   a minute or two
    accurate               250,000   ten minutes

Every recipe is a spine: a base exit on the stem, then looks, each behind a gate of doubt. Which
concepts a stranger's task has is not known here, so none gets a reader of its own, and a residual
channel carries what they leave unsaid. Sizes and epochs come from the domain and from how many
cases there are, never from how well something scores on them: nothing is tuned on what a user
brings.

- Few rows of a table are seen up to a hundred times in small batches and under strong dropout,
  without which a network learns a thousand loans by heart; many rows a few times in large ones.
- A tenth of the concepts is corrected in training, so that a correction helps later; more of
  it costs accuracy where columns only hint at a concept.
- Pictures are shifted, never turned or mirrored: a digit or an X-ray has a right way up.
- No class is weighed more than another, however rare: the chances that a page shows must mean what
  they say, and the decision threshold is there for errors of unequal cost.
- Pictures have a weaker class head than columns, chosen by log loss on validation cases
  (``benchmarks.class_head``): at full strength it is surer than it is right.
- Nothing stops early: the rate of learning falls to 0 at the last epoch, and validation cases are
  kept for calibration and for the operating point (``minspnet.study.DRIFT``).

``benchmarks.own_data`` measures the usual budget against others; its recipe was chosen on
validation cases, mostly of other files.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from minspnet.data import Cases
from minspnet.domain import Domain, Variant
from minspnet.errors import requirement
from minspnet.presets import Preset
from minspnet.recipe import TrainSpec
from minspnet.spec import BlockKind, ExpertSpec, ModelSpec, StemSpec

BUDGETS = ("tiny", "small", "accurate")
USUAL = "small"
"""The budget that is meant where none is named."""
MOST_PARAMETERS = MappingProxyType({"tiny": 8_000, "small": 40_000, "accurate": 250_000})
"""Kept with up to 20 concepts and 50 classes, and by tables of up to 300 encoded columns."""

_TRAINED = 0.64
"""Share of the cases that train, as ``minspnet.data.folds`` splits them."""
_LOOKS = ("second look", "third look", "fourth look", "fifth look")


@dataclass(frozen=True)
class _Scale:
    """What a budget is made of.

    Attributes:
        dense: Width of each look at columns.
        channels: Of the stem for pictures, then of each look.
        signal: The same for signals.
        steps: Of the optimiser that columns take, about.
        passes: Over a table at most: more only learn few cases by heart.
        views: Pictures or signals seen in all, about.
        rounds: Over pictures or signals at most.
    """

    dense: tuple[int, ...]
    channels: tuple[int, ...]
    signal: tuple[int, ...]
    steps: int
    passes: int
    views: int
    rounds: int


_SCALES = MappingProxyType(
    {
        "tiny": _Scale((16,), (8, 12, 16), (8, 12), 1_000, 60, 40_000, 40),
        "small": _Scale((48, 48), (16, 24, 36, 36), (16, 16, 24), 4_000, 100, 200_000, 60),
        "accurate": _Scale(
            (96, 96, 96), (24, 48, 64, 96), (24, 32, 48), 20_000, 200, 1_200_000, 120
        ),
    }
)


class Size(NamedTuple):
    """What a network holds and what one case costs.

    Attributes:
        parameters: Trained numbers.
        macs: Of a case for which every expert runs.
    """

    parameters: int
    macs: int


def budget_preset(domain: Domain, variant: Variant, cases: Cases, budget: str = USUAL) -> Preset:
    """Choose architecture and recipe for any task; the same for the same task, always.

    Args:
        domain: The task.
        variant: Its choice of inputs, with which ``cases`` were read.
        cases: All cases: their number, the shape of an input and whether cells are missing
            count, and how many each class has.
        budget: One of ``BUDGETS``.

    Raises:
        UserError: On an unknown budget.
    """
    if budget not in BUDGETS:
        raise requirement("budget", f"be one of {', '.join(BUDGETS)}", repr(budget), "pick one")
    make = {"tabular": _table, "image": _pictures, "signal": _signals}[domain.modality]
    return make(domain, variant, cases, budget)


def describe_budget(preset: Preset) -> Size:
    """Count parameters and MACs exactly, without training anything."""
    from minspnet.cost import cost_table
    from minspnet.network import Network

    network = Network(preset.model)
    return Size(network.parameters_count, cost_table(network).total)


def estimate_seconds(preset: Preset, cases: int, steps: int = 3) -> float:
    """Say how long training would take on this machine, from a few steps on made-up cases.

    Args:
        preset: Architecture and recipe.
        cases: That would train.
        steps: To take the time of, after one that warms up.
    """
    from time import perf_counter

    from minspnet.network import Network
    from minspnet.training.course import Course
    from minspnet.training.data import TrainingData

    model, recipe = preset.model, preset.training
    count = min(recipe.batch_size, max(2, cases))
    generator = np.random.default_rng(0)
    data = TrainingData(
        generator.random((count, *model.input_shape), dtype=np.float32),
        generator.random((count, model.concepts), dtype=np.float32),
        np.arange(count) % model.classes,
    )
    course = Course(Network(model, recipe.dropout), recipe, data, np.ones(len(model.experts)), 0)
    course.run_epoch()  # one step an epoch: all cases are one batch
    begun = perf_counter()
    for _ in range(steps):
        course.run_epoch()
    an_epoch = max(1, cases // recipe.batch_size)
    return (perf_counter() - begun) / steps * an_epoch * recipe.epochs


def _table(domain: Domain, variant: Variant, cases: Cases, budget: str) -> Preset:
    """Dense looks on columns as they are; many columns pass through a narrow stem first."""
    levels = _levels(domain, variant)
    numbers = [place for place, count in enumerate(levels) if not count]
    missing = bool(np.isnan(cases.inputs).any(axis=0)[numbers].any())
    encoded = len(numbers) * (1 + missing) + sum(levels)
    scale = _SCALES[budget]
    outputs = _outputs(domain)
    room = MOST_PARAMETERS[budget] // 3
    # What reads the columns themselves may take a third: the base exit and the first look.
    wide = encoded * (outputs + scale.dense[0]) > room
    stem = StemSpec(
        "tabular",
        max(4, min(room // encoded, 2 * scale.dense[0])) if wide else 0,
        levels=levels if any(levels) else (),
        missing=missing,
    )
    experts = _spine("dense", scale.dense, (1,) * len(scale.dense))
    model = _model((len(variant.inputs),), domain, stem, experts)
    train = max(2, round(_TRAINED * len(cases)))
    batch = _batch(train)
    recipe = TrainSpec(
        epochs=_epochs(scale.steps, train, batch, scale.passes),
        batch_size=batch,
        learning_rate=0.003 if batch <= 64 else 0.01,
        weight_decay=0.1,
        concept_weight=1.0,
        correction_rate=0.1,
        dropout=0.3 if train < 2_000 else 0.1 if train < 50_000 else 0.0,
    )
    return Preset(model, recipe)


def _pictures(domain: Domain, variant: Variant, cases: Cases, budget: str) -> Preset:
    """Full convolutions, behind a stem that brings any picture down to about 14 x 14."""
    shape = tuple(cases.inputs.shape[1:])
    side = min(shape[1:])
    stem, *looks = _SCALES[budget].channels
    downsample = 2 if side < 48 else 4 if side < 96 else 8 if side < 192 else 16
    left = -(-side // downsample)
    strides = [2 if place % 2 == 0 and left > 4 else 1 for place in range(len(looks))]
    experts = _spine("convolution", tuple(looks), tuple(strides))
    model = _model(
        shape,
        domain,
        StemSpec("image", stem, downsample),
        experts,
        rank=_rank(stem * 9, domain, budget),
    )
    train = max(2, round(_TRAINED * len(cases)))
    recipe = TrainSpec(
        epochs=_rounds(_SCALES[budget], train),
        learning_rate=0.01,
        weight_decay=0.1,
        concept_weight=1.0,
        correction_rate=0.1,
        shift=max(1, side // 14),
        label_smoothing=0.1,
        head_strength=1.0,
    )
    return Preset(model, recipe)


def _signals(domain: Domain, variant: Variant, cases: Cases, budget: str) -> Preset:
    """Inverted bottlenecks with wide filters, as for the wrist."""
    shape = tuple(cases.inputs.shape[1:])
    stem, *looks = _SCALES[budget].signal
    downsample = 2 if shape[1] < 48 else 4 if shape[1] < 512 else 8
    experts = _spine("inverted_bottleneck", tuple(looks), (2,) * len(looks), kernel=5)
    model = _model(shape, domain, StemSpec("signal", stem, downsample), experts, base_grid=4)
    train = max(2, round(_TRAINED * len(cases)))
    recipe = TrainSpec(
        epochs=_rounds(_SCALES[budget], train),
        learning_rate=0.01,
        weight_decay=0.1,
        concept_weight=1.0,
        correction_rate=0.1,
        dropout=0.1,
        jitter=0.15,
        shift=max(1, shape[1] // 16),
        mixup=0.2,
    )
    return Preset(model, recipe)


def _levels(domain: Domain, variant: Variant) -> tuple[int, ...]:
    """Of each input, how many levels it has."""
    features = {feature.name: feature for feature in domain.features}
    return tuple(len(features[name].levels) for name in variant.inputs)


def _spine(
    block: BlockKind, widths: tuple[int, ...], strides: tuple[int, ...], kernel: int = 3
) -> tuple[ExpertSpec, ...]:
    """Looks one behind the other, each behind a gate of doubt."""
    return tuple(
        ExpertSpec(
            _LOOKS[place],
            block,
            width,
            parent=_LOOKS[place - 1] if place else None,
            stride=stride,
            kernel=kernel,
            activation="silu" if block == "dense" else "relu",
        )
        for place, (width, stride) in enumerate(zip(widths, strides, strict=True))
    )


def _model(
    shape: tuple[int, ...],
    domain: Domain,
    stem: StemSpec,
    experts: tuple[ExpertSpec, ...],
    base_grid: int = 3,
    rank: int = 0,
) -> ModelSpec:
    return ModelSpec(
        shape,
        len(domain.concepts),
        len(domain.classes),
        stem,
        experts,
        base_grid=base_grid,
        base_rank=rank,
        residual=True,
    )


def _outputs(domain: Domain) -> int:
    """What an exit says: the concepts, and the residual channel of each class but the first."""
    return len(domain.concepts) + len(domain.classes) - 1


def _rank(features: int, domain: Domain, budget: str) -> int:
    """Of the base exit, which many classes would make the largest part; 0 where they do not."""
    outputs, room = _outputs(domain), MOST_PARAMETERS[budget] // 6
    return 0 if features * outputs <= room else max(1, room // (features + outputs))


def _batch(train: int) -> int:
    """Small for few cases, which need many steps; large for many, which need fast ones."""
    return 32 if train < 1_000 else 64 if train < 10_000 else 256 if train < 100_000 else 1024


def _epochs(steps: int, train: int, batch: int, most: int) -> int:
    """As many as take about so many steps, but at least a few and at most so many."""
    return min(most, max(8, round(steps / max(1, train // batch))))


def _rounds(scale: _Scale, train: int) -> int:
    """As many as show about so many pictures; here every step costs far more than a table's."""
    return min(scale.rounds, max(4, round(scale.views / train)))
