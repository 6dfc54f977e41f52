"""What is compared: each study takes a usual recipe and lists ways that differ in one thing."""

from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.tasks import Parts, ShippedTask
from benchmarks.ways import After, Change, Way
from minspnet.cost import cost_table
from minspnet.errors import requirement
from minspnet.network import Network
from minspnet.presets import Preset, guide
from minspnet.recipe import TrainSpec
from minspnet.sparsity.compress import cost_shares, initial, prune_and_tune, taylor_of
from minspnet.sparsity.regrowth import Regrowth, random_units
from minspnet.sparsity.selection import selected
from minspnet.sparsity.shrink import settled, shrunk
from minspnet.sparsity.units import units_of
from minspnet.training.distillation import ensemble_teacher
from minspnet.training.gain import fit_gain_gates
from minspnet.training.train import TrainingData, train
from minspnet.training.transfer import transfer

USUAL = "as shipped"
Ways = dict[str, Way]


def recipe(preset: Preset, **changes: Any) -> Way:
    """Train otherwise."""
    return Way(Preset(preset.model, replace(preset.training, **changes)))


def model(preset: Preset, **changes: Any) -> Way:
    """Build otherwise."""
    return Way(Preset(replace(preset.model, **changes), preset.training))


def blocks(preset: Preset, **changes: Any) -> Way:
    """Build every expert that has a block of its own otherwise."""
    return model(
        preset,
        experts=tuple(
            e if e.block == "none" else replace(e, **changes) for e in preset.model.experts
        ),
    )


def exits(preset: Preset, **changes: Any) -> Way:
    """Build the exit of every expert otherwise."""
    return model(preset, experts=tuple(replace(e, **changes) for e in preset.model.experts))


def parts(preset: Preset) -> Ways:
    """Each part of network and recipe, switched on or off alone."""
    used = preset.training
    ways = {USUAL: Way(preset)}
    if preset.model.stem.kind == "tabular":
        ways |= _tabular(preset)
    else:
        ways |= _convolutional(preset)
    ways |= {
        "blocks and exits of rank 4": blocks(preset, rank=4),
        "three layers a block": blocks(preset, repeats=3),
        "three layers a block, two of one weight": blocks(preset, repeats=3, shared=True),
        **_sharing(preset),
        **{
            f"activation {name}": blocks(preset, activation=name)
            for name in ("relu", "relu6", "silu", "learned")
            if name != preset.model.experts[0].activation
        },
        "a quarter of the units may win": blocks(preset, winners=0.25),
        "L1 on activity": recipe(preset, activity_weight=0.1),
        "attention at every exit": _attending(preset),
        "exits see every depth": exits(preset, fuse=True),
        "exits think in 32 units": exits(preset, hidden=32),
        "exits add up, none replaces": exits(preset, reading="add"),
        "no partial path practised": recipe(preset, path_weight=0.0),
        "no correction practised": recipe(preset, correction_rate=0.0),
        "learning rate in steps": recipe(preset, schedule="step"),
        **_toggled(preset, "weight_decay", 0.1),
        **_toggled(preset, "label_smoothing", 0.1),
        **_toggled(preset, "dropout", 0.1),
        **_toggled(preset, "mixup", 0.2),
        **_otherwise(preset, "class_weights", "balanced", "none"),
        "stopped early": Way(
            Preset(preset.model, replace(used, patience=10)),
            help=lambda _, given, seed: {"validation": given["validation"]},
        ),
        "taught by three teachers": Way(
            Preset(preset.model, replace(used, distillation_weight=1.0)), help=_taught
        ),
        "half of the MACs, pruned by Taylor": Way(preset, after=_pruned(preset)),
        "half of the units, regrown": _regrown(preset),
        f"experts read {_few(preset)} features at most": Way(preset, after=_readers(preset)),
        "trained on for half as long": Way(preset, after=_trained_on(preset)),
    }
    return _distinct(ways)


def _distinct(ways: Ways) -> Ways:
    """Leave out a way that is an earlier one under another name."""
    kept: Ways = {}
    for name, way in ways.items():
        if way not in kept.values():
            kept[name] = way
    return kept


def _tabular(preset: Preset) -> Ways:
    columns = preset.model.input_shape[0]
    told = replace(preset.model, stem=replace(preset.model.stem, missing=True))
    return {
        "a dense layer of 16 in the stem": model(preset, stem=replace(preset.model.stem, width=16)),
        "base exit of rank 2": model(preset, base_rank=2),
        f"{columns // 3} of {columns} columns, by their weights": Way(preset, after=_fewer(preset)),
        "a tenth of the cells missing, filled": Way(preset, change=_gaps(filled=True)),
        "a tenth of the cells missing, said so": Way(
            Preset(told, preset.training), change=_gaps(filled=False)
        ),
    }


def _convolutional(preset: Preset) -> Ways:
    shape = preset.model.input_shape
    ways = {
        "separable blocks": blocks(preset, block="separable"),
        "squeeze-and-excitation": blocks(preset, squeeze=4),
        "kernels of 7": blocks(preset, kernel=7),
        **_toggled(preset, "jitter", 0.1),
        **_toggled(preset, "shift", shape[-1] // 14),
    }
    return ways | pictures(preset) if len(shape) == 3 else ways


def pictures(preset: Preset) -> Ways:
    """What only pictures have: the part of ``parts`` that no column or signal knows."""
    shape, concepts = preset.model.input_shape, preset.model.concepts
    if len(shape) != 3:
        raise requirement("task", "be one of pictures", f"inputs of shape {shape}", "study parts")
    attending = _attending(preset)
    ways = {
        USUAL: Way(preset),
        "the guide's network": Way(
            Preset(guide(shape, concepts, preset.model.classes), preset.training)
        ),
        **_toggled(preset, "cutmix", 1.0),
        **_toggled(preset, "flip", True),
        **_toggled(preset, "augment", True),
        "attention at every exit": attending,
    }
    if concepts == 1:
        ways["begun from lung nodules"] = Way(preset, help=_begun)
    else:
        held = replace(preset.training, alignment_weight=1.0)
        ways["attention held to the evidence"] = Way(Preset(attending.preset.model, held))
    return ways


def _attending(preset: Preset) -> Way:
    experts = exits(preset, pooling="attention").preset.model.experts
    return model(preset, base_grid=1, base_pooling="attention", experts=experts)


def _toggled(preset: Preset, name: str, value: float) -> Ways:
    """Without what the recipe uses, or with what it does not."""
    title = name.replace("_", " ")
    if getattr(preset.training, name):
        return {f"no {title}": recipe(preset, **{name: type(value)(0)})}
    return {title if value is True else f"{title} {value:g}": recipe(preset, **{name: value})}


def _otherwise(preset: Preset, name: str, *values: str) -> Ways:
    """Every other value of a choice."""
    title = name.replace("_", " ")
    return {
        f"{title}: {value}": recipe(preset, **{name: value})
        for value in values
        if value != getattr(preset.training, name)
    }


def _sharing(preset: Preset) -> Ways:
    """Readers side by side use one block."""
    readers = [e for e in preset.model.experts if e.reading == "add" and e.block != "none"]
    if len(readers) < 2:
        return {}
    first = readers[0]
    shared = tuple(
        replace(e, width=first.width, weights_of=first.name) if e in readers[1:] else e
        for e in preset.model.experts
    )
    return {"readers share one block": model(preset, experts=shared)}


def _taught(preset: Preset, given: Parts, seed: int) -> dict[str, Any]:
    """An ensemble of the same network, trained alike from three other seeds."""
    alone = replace(preset.training, distillation_weight=0.0)
    shares = cost_shares(Network(preset.model))
    teachers = [
        train(preset.model, alone, given["train"], shares, 1000 * (seed + 1) + k) for k in range(3)
    ]
    return {"teacher": ensemble_teacher(teachers)}


def _fewer(preset: Preset) -> After:
    """Keep a third of the columns, by the weights of the trained network, and train on."""

    def after(network: Network, given: Parts, seed: int) -> Network:
        few = selected(network, at_most=preset.model.input_shape[0] // 3)
        return trained_on(few, given, seed)

    trained_on = _trained_on(preset)
    return after


def _pruned(preset: Preset) -> After:
    def after(network: Network, given: Parts, seed: int) -> Network:
        importance = taylor_of(preset.training, given["train"], preset.model.classes, seed)
        macs = cost_table(network).total / 2
        tuning = _shorter(preset)
        return prune_and_tune(network, importance, [macs], tuning, given["train"], seed)

    return after


def _regrown(preset: Preset) -> Way:
    """Half of every width at random, whose members change while it is trained."""
    hooks: dict[int, Regrowth] = {}

    def begun(preset: Preset, given: Parts, seed: int) -> dict[str, Any]:
        network = initial(preset.model, preset.training, given["train"], seed)
        units = units_of(network)
        kept = settled(network, units, random_units(units, 0.5, seed))
        hooks[seed] = Regrowth(network, kept)
        hooks[seed].silence(network)
        return {"start": network, "after_step": hooks[seed]}

    def after(network: Network, given: Parts, seed: int) -> Network:
        return shrunk(network, units_of(network), hooks[seed].kept)

    return Way(preset, help=begun, after=after)


def _readers(preset: Preset) -> After:
    """Each expert keeps the few features that it weighs most, and is trained on."""

    def after(network: Network, given: Parts, seed: int) -> Network:
        narrow = selected(network, per_expert=True, at_most=_few(preset))
        return trained_on(narrow, given, seed)

    trained_on = _trained_on(preset)
    return after


def _few(preset: Preset) -> int:
    return preset.model.experts[0].width // 2


def _trained_on(preset: Preset) -> After:
    """What pruning and choosing inputs get beside it: half as many epochs again."""

    def after(network: Network, given: Parts, seed: int) -> Network:
        shares, tuning = cost_shares(network), _shorter(preset)
        return train(network.spec, tuning, given["train"], shares, seed, start=network)

    return after


def _shorter(preset: Preset) -> TrainSpec:
    return replace(preset.training, epochs=max(1, preset.training.epochs // 2))


def _begun(preset: Preset, given: Parts, seed: int) -> dict[str, Any]:
    """Stem and experts of a network of the same shape that has learned to read nodules."""
    nodules = ShippedTask("lung_nodules")
    data = next(nodules.splits(seed))["train"]
    usual = nodules.preset
    spec = replace(
        preset.model,
        input_shape=usual.model.input_shape,
        concepts=usual.model.concepts,
        residual=False,
    )
    shares = cost_shares(Network(spec))
    source = train(spec, replace(usual.training, epochs=30), data, shares, seed)
    return {"start": transfer(source, preset.model, given["train"].inputs, seed).network}


def _gaps(filled: bool) -> Change:
    """Lose a tenth of the cells at random, and perhaps put the training mean in their place."""

    def change(given: Parts, seed: int) -> Parts:
        generator = np.random.default_rng(seed)
        lost = {}
        left: np.ndarray | None = None
        for name, part in given.items():  # the training part is the first
            inputs = part.inputs.copy()
            gone = generator.random(inputs.shape) < 0.1
            inputs[gone] = np.nan
            left = np.nanmean(inputs, axis=0) if left is None else left
            if filled:
                inputs[gone] = np.broadcast_to(left, inputs.shape)[gone]
            lost[name] = TrainingData(inputs, part.concepts, part.labels, part.masks)
        return lost

    return change


def heads(preset: Preset) -> Ways:
    """From concepts to classes: what the head is and what it is trained with."""
    ways = {
        USUAL: Way(preset),
        "anchored": recipe(preset, concept_training="anchored"),
        "independent": recipe(preset, concept_training="independent"),
        "sequential": recipe(preset, concept_training="sequential"),
        "joint, same losses": recipe(preset, concept_training="joint"),
        "joint, weak concept loss": recipe(
            preset, concept_training="joint", concept_weight=0.02, correction_rate=0.0
        ),
        "residual channel": model(preset, residual=not preset.model.residual),
        "binary concepts": model(preset, binary=True),
        "prototypes, 3 per class": model(preset, head="prototypes", prototypes=3),
        "concepts and prototypes": model(preset, head="both", prototypes=3),
    }
    if preset.model.residual:
        ways["no residual channel"] = ways.pop("residual channel")
        # Without the class in their training, such channels would stay random.
        ways = {k: v for k, v in ways.items() if k not in ("independent", "sequential")}
    return _distinct(ways)


def routers(preset: Preset) -> Ways:
    """The same spine and readers behind gates of every kind."""

    def gated(gate: str, **changes: Any) -> Preset:
        experts = tuple(replace(e, gate=gate) for e in preset.model.experts)
        return Preset(replace(preset.model, experts=experts), replace(preset.training, **changes))

    ways = {
        USUAL: Way(preset),
        "doubt everywhere": Way(gated("doubt")),
        "learned, straight-through": Way(gated("learned")),
        "learned, hard concrete": Way(gated("learned", gate_noise="hard_concrete")),
        "learned, soft": Way(gated("learned", gate_noise="sigmoid")),
        "learned, straight-through, balanced load": Way(gated("learned", balance_weight=0.1)),
        "learned, straight-through, ten times the price": Way(
            gated("learned", router_cost=10 * preset.training.router_cost)
        ),
        **_rivals(preset),
        "gain, squashed": Way(gated("gain", gain_weight=0.1)),
        "gain, ranked": Way(gated("gain", gain_weight=0.1, gain_target="ranked")),
        "gain, ranked, fitted on validation cases": Way(gated("gain"), after=_gain_fitted),
        "doubt, no partial path practised": Way(gated("doubt", path_weight=0.0)),
    }
    return _distinct(ways)


def _rivals(preset: Preset) -> Ways:
    """Readers compete for each case; the spine keeps its gates."""
    readers = [e.name for e in preset.model.experts if e.reading == "add"]
    if len(readers) < 2:
        return {}
    experts = tuple(
        replace(e, gate="choice") if e.name in readers else e for e in preset.model.experts
    )
    return {"readers compete": model(preset, experts=experts)}


def _gain_fitted(network: Network, given: Parts, seed: int) -> Network:
    return fit_gain_gates(network, given["validation"], cost_shares(network), "ranked")


STUDIES = {"parts": parts, "pictures": pictures, "heads": heads, "routers": routers}
