"""Recipes: exact through a file, and refused in a sentence when wrong."""

import json
from typing import get_args

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from minspnet.errors import UserError, requirement
from minspnet.network import Network
from minspnet.recipe import ConceptTraining, TrainSpec
from minspnet.spec import (
    Activation,
    ExpertSpec,
    Gate,
    HeadKind,
    ModelSpec,
    Pooling,
    StemKind,
    StemSpec,
)

numbers = st.floats(0, 1e3)
positive = st.floats(0, 1e3, exclude_min=True)


BLOCKS = {
    "tabular": ["none", "dense"],
    "signal": ["none", "convolution", "separable", "inverted_bottleneck"],
    "image": ["none", "convolution", "separable", "inverted_bottleneck"],
}

OTHER_PARTS = ("stem", "base_exit", "head", "experts")


@st.composite
def expert_specs(
    draw: st.DrawFn, name: str, before: list[str], kind: str, concepts: int
) -> ExpertSpec:
    """An expert with every choice open but the reading of other experts' features."""
    return ExpertSpec(
        name,
        draw(st.sampled_from(BLOCKS[kind])),
        draw(st.integers(1, 9)),
        draw(st.none() | st.sampled_from(before)) if before else None,
        expansion=draw(st.integers(1, 3)),
        inner=draw(st.integers(0, 5)),
        stride=draw(st.integers(1, 3)),
        kernel=draw(st.sampled_from([1, 3, 5])),
        activation=draw(st.sampled_from(get_args(Activation))),
        squeeze=draw(st.integers(0, 4)),
        rank=draw(st.integers(0, 3)),
        repeats=draw(st.integers(1, 3)),
        adds=draw(st.booleans()),
        shared=draw(st.booleans()),
        winners=draw(st.floats(0.01, 1)),
        reading=draw(st.sampled_from(["add", "replace"])),
        gate=draw(st.sampled_from(get_args(Gate))),
        concepts=tuple(draw(st.sets(st.integers(0, concepts - 1)))),
        pooling=draw(st.sampled_from(get_args(Pooling))),
        fuse=draw(st.booleans()),
        hidden=draw(st.integers(0, 3)),
    )


@st.composite
def stem_specs(draw: st.DrawFn, kind: str, columns: int) -> StemSpec:
    """A stem that reads at least one of the columns."""
    if kind != "tabular":
        halvings = draw(st.integers(1, 5))
        layers = st.lists(st.integers(1, 5), min_size=halvings - 1, max_size=halvings - 1)
        inner = tuple(draw(st.just([]) | layers))
        return StemSpec(kind, draw(st.integers(1, 9)), 2**halvings, inner=inner)
    levels = st.lists(st.integers(0, 3), min_size=columns, max_size=columns)
    return StemSpec(
        kind,
        draw(st.integers(0, 9)),
        levels=tuple(draw(st.just([]) | levels)),
        missing=draw(st.booleans()),
        reads=tuple(draw(st.sets(st.integers(0, columns - 1)))),
    )


@st.composite
def model_specs(draw: st.DrawFn) -> ModelSpec:
    """Forests of any shape on columns, signals or pictures."""
    kind = draw(st.sampled_from(get_args(StemKind)))
    axes = {"tabular": 1, "signal": 2, "image": 3}[kind]
    shape = tuple(draw(st.lists(st.integers(1, 20), min_size=axes, max_size=axes)))
    concepts = draw(st.integers(1, 4))
    name = st.text(min_size=1, max_size=8).filter(lambda text: text not in OTHER_PARTS)
    names = draw(st.lists(name, unique=True, max_size=4))
    head = draw(st.sampled_from(get_args(HeadKind)))
    pooling = draw(st.sampled_from(get_args(Pooling)))
    return ModelSpec(
        shape,
        concepts,
        draw(st.integers(2, 4)),
        draw(stem_specs(kind, shape[0])),
        tuple(
            draw(expert_specs(name, names[:index], kind, concepts))
            for index, name in enumerate(names)
        ),
        base_grid=1 if pooling == "attention" else draw(st.integers(1, 4)),
        base_pooling=pooling,
        base_rank=draw(st.integers(0, 2)),
        head=head,
        prototypes=0 if head == "linear" else draw(st.integers(1, 3)),
        binary=draw(st.booleans()),
        residual=draw(st.booleans()),
    )


train_specs = st.builds(
    TrainSpec,
    epochs=st.integers(1, 1000),
    batch_size=st.integers(1, 1000),
    learning_rate=positive,
    weight_decay=numbers,
    concept_training=st.sampled_from(get_args(ConceptTraining)),
    correction_rate=st.floats(0, 0.5),
    augment=st.booleans(),
    dropout=st.floats(0, 0.9),
)


@given(model_specs())
def test_every_accepted_recipe_builds_a_network_that_runs(spec: ModelSpec) -> None:
    network = Network(spec).eval()
    with torch.no_grad():
        found = network.evidence(torch.zeros(2, *spec.input_shape))
    assert found.contributions.shape == (2, len(spec.experts), spec.outputs)
    assert ((found.gates >= 0) & (found.gates <= 1 + 1e-6)).all()
    assert torch.isfinite(found.contributions).all()


@given(model_specs())
def test_model_spec_round_trips_through_its_file(spec: ModelSpec) -> None:
    again = ModelSpec.from_dict(json.loads(json.dumps(spec.to_dict())))
    assert again == spec
    assert hash(again) == hash(spec)


@given(train_specs)
@example(TrainSpec(learning_rate=0.1 + 0.2, weight_decay=5e-324))
def test_train_spec_round_trips_through_its_file(recipe: TrainSpec) -> None:
    assert TrainSpec.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


def test_a_file_may_leave_out_what_has_a_default() -> None:
    assert TrainSpec.from_dict({"epochs": 3, "learning_rate": 1}) == TrainSpec(3, learning_rate=1.0)


def model_dict(**changes: object) -> dict[str, object]:
    """Three inputs, one concept, two classes and one dense expert, in plain data."""
    stem, experts = {"kind": "tabular"}, [{"name": "a", "block": "dense", "width": 2}]
    plain = {"input_shape": [3], "concepts": 1, "classes": 2, "stem": stem, "experts": experts}
    return plain | changes


def expert_dict(**changes: object) -> dict[str, object]:
    return {"name": "b", "block": "dense", "width": 2} | changes


def test_the_plain_recipe_itself_is_accepted() -> None:
    """Else the refusals below could be for another reason."""
    spec = ModelSpec.from_dict(model_dict())
    assert spec.experts == (ExpertSpec("a", "dense", 2),)
    assert spec.parents == (-1,)


FIRST = {"name": "a", "block": "dense", "width": 2}
REFUSALS = [
    (model_dict(stem=[1]), "ModelSpec.stem must be a table of keys, got [1]; correct the file."),
    (
        model_dict(stem={"kind": "tabular", "depth": 1, "tint": 2}),
        "ModelSpec.stem must hold only kind, width, downsample, levels, missing, reads, inner, "
        "got depth, tint; remove the rest.",
    ),
    (
        model_dict(stem={"kind": "text"}),
        "ModelSpec.stem.kind must be one of tabular, image, signal, got 'text'; pick one.",
    ),
    (
        model_dict(input_shape=3),
        "ModelSpec.input_shape must be a list, got 3; list its values, or none.",
    ),
    (
        model_dict(input_shape=[3, "4"]),
        "ModelSpec.input_shape[1] must be of type int, got '4'; correct it.",
    ),
    (
        model_dict(concepts=True),
        "ModelSpec.concepts must be of type int, got True; correct it.",
    ),
    (
        model_dict(residual=1),
        "ModelSpec.residual must be of type bool, got 1; correct it.",
    ),
    (
        model_dict(experts=[FIRST, expert_dict(width=2.5)]),
        "ModelSpec.experts[1].width must be of type int, got 2.5; correct it.",
    ),
    (
        model_dict(experts=[FIRST, expert_dict(parent=0)]),
        "ModelSpec.experts[1].parent must be of type str, got 0; correct it.",
    ),
    (model_dict(schema_version=1), "schema_version must be 2, got 1; retrain the model."),
    (
        model_dict(classes=1),
        "classes and concepts must be at least 2 and 1, got (1, 1); check the domain.",
    ),
    (
        model_dict(experts=[FIRST, FIRST]),
        "expert names must be unique, got a; rename one.",
    ),
    *(
        (
            model_dict(experts=[expert_dict(name=name)]),
            f"expert names must not be those of other parts, got {name}; rename it.",
        )
        for name in OTHER_PARTS
    ),
    (
        model_dict(experts=[FIRST, expert_dict(parent="b")]),
        "parent of b must be an expert listed before it, got b; reorder the experts.",
    ),
    (
        model_dict(experts=[FIRST, expert_dict(reading="add", concepts=[1])]),
        "concepts of b must be indices below 1, each once, got (1,); correct them.",
    ),
    (
        model_dict(experts=[FIRST, expert_dict(weights_of="c")]),
        "weights_of of b must be an expert listed before it, got c; reorder the experts.",
    ),
    (
        model_dict(experts=[expert_dict(kernel=4)]),
        "kernel of b must be odd, got 4; use 3 or 5.",
    ),
    (
        model_dict(experts=[expert_dict(winners=0)]),
        "winners of b must be more than 0 and at most 1, got 0.0; 1 lets every unit be active.",
    ),
    (
        model_dict(experts=[expert_dict(repeats=0)]),
        "width, expansion, stride and repeats of b must be 1 or more, got (2, 2, 1, 0); "
        "correct them.",
    ),
    (
        model_dict(experts=[expert_dict(rank=-1)]),
        "inner, squeeze, rank and hidden of b must be 0 or more, got (0, 0, -1, 0); correct them.",
    ),
    (
        model_dict(stem={"kind": "tabular", "levels": [2]}),
        "stem.levels must have 3 values of 0 or more, one per column, got (2,); "
        "give 0 for numbers.",
    ),
    (
        model_dict(stem={"kind": "tabular", "reads": [3]}),
        "stem.reads must be indices below 3, each once, got (3,); correct them.",
    ),
    (
        model_dict(stem={"kind": "signal", "width": 4, "missing": True}, input_shape=[1, 9]),
        "stem.levels, missing and reads must be left out unless the stem is tabular, got signal; "
        "remove them.",
    ),
    (
        model_dict(stem={"kind": "signal", "width": 4, "downsample": 3}, input_shape=[1, 9]),
        "stem.downsample must be 2, 4, 8, 16 or 32, got 3; 4 is usual.",
    ),
    (
        model_dict(stem={"kind": "signal", "width": 4, "inner": [2, 3]}, input_shape=[1, 9]),
        "stem.inner must have 1 values of 1 or more, one per layer before the last, "
        "got (2, 3); leave it out for the usual ones.",
    ),
    (
        model_dict(base_pooling="attention"),
        "base_grid must be 1 where attention pools, got 3; set it to 1.",
    ),
    (
        model_dict(head="both"),
        "prototypes must be 1 or more for a head that has them, and 0 for a linear one, "
        "got ('both', 0); correct the one or the other.",
    ),
]


@pytest.mark.parametrize(("plain", "message"), REFUSALS, ids=[text for _, text in REFUSALS])
def test_wrong_recipes_are_refused_in_a_sentence(plain: dict[str, object], message: str) -> None:
    with pytest.raises(UserError) as refused:
        ModelSpec.from_dict(plain)
    assert str(refused.value) == message


@pytest.mark.parametrize("key", ["input_shape", "concepts", "classes", "stem"])
def test_a_missing_key_is_named(key: str) -> None:
    plain = model_dict()
    del plain[key]
    with pytest.raises(
        UserError, match=rf"^ModelSpec lacks a key: .*'{key}'; add it to the file\.$"
    ):
        ModelSpec.from_dict(plain)


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        (
            {"epochs": 1.5},
            "TrainSpec.epochs must be of type int, got 1.5; correct it.",
        ),
        (
            {"learning_rate": False},
            "TrainSpec.learning_rate must be of type float, got False; correct it.",
        ),
        (
            {"concept_training": "magic"},
            "TrainSpec.concept_training must be one of anchored, independent, sequential, joint, "
            "got 'magic'; pick one.",
        ),
    ],
)
def test_wrong_training_recipes_are_refused(plain: dict[str, object], message: str) -> None:
    with pytest.raises(UserError) as refused:
        TrainSpec.from_dict(plain)
    assert str(refused.value) == message


SENTENCE = r"^[^\n]+ must [^\n]+, got [^\n]+; [^\n]+\.$"
UNBUILDABLE = {
    "no width": model_dict(experts=[expert_dict(width=0)]),
    "no grid": model_dict(
        stem={"kind": "image", "width": 8}, input_shape=[1, 16, 16], experts=[], base_grid=0
    ),
    "negative input": model_dict(input_shape=[-1]),
    "columns for a picture stem": model_dict(stem={"kind": "image", "width": 8}),
    "pictures for a column stem": model_dict(input_shape=[1, 16, 16]),
    "picture stem without width": model_dict(stem={"kind": "image"}, input_shape=[1, 16, 16]),
    "dense block on a picture": model_dict(
        stem={"kind": "image", "width": 8}, input_shape=[1, 16, 16]
    ),
    "picture block on columns": model_dict(experts=[expert_dict(block="inverted_bottleneck")]),
}


@pytest.mark.parametrize("plain", UNBUILDABLE.values(), ids=UNBUILDABLE)
def test_what_cannot_be_built_is_refused(plain: dict[str, object]) -> None:
    """A recipe from a file ends in a network or in a sentence, never in a torch traceback."""
    with pytest.raises(UserError, match=SENTENCE):
        Network(ModelSpec.from_dict(plain))


@pytest.mark.parametrize(
    "plain", [{"batch_size": 0}, {"epochs": -1}, {"learning_rate": -1.0}, {"dropout": 1.5}]
)
def test_training_that_cannot_be_done_is_refused(plain: dict[str, object]) -> None:
    with pytest.raises(UserError, match=SENTENCE):
        TrainSpec.from_dict(plain)


def test_outputs_count_concepts_and_residual_channels() -> None:
    plain = model_dict(concepts=3, classes=4)
    assert ModelSpec.from_dict(plain).outputs == 3
    assert ModelSpec.from_dict(plain | {"residual": True}).outputs == 6


def test_long_values_are_shortened_in_the_sentence() -> None:
    text = str(requirement("text", "be short", "x" * 200, "shorten it"))
    assert text == f"text must be short, got {'x' * 77}...; shorten it."


@pytest.mark.parametrize(
    "changes",
    [
        {"width": 10**9},
        {"repeats": 101},
        {"kernel": 10**6 + 1},
        {"concepts": [10**9]},
        {"reads": [10**30]},
    ],
)
def test_what_no_machine_could_build_is_refused_before_it_is_tried(changes: dict) -> None:
    expert = {"name": "e", "block": "separable", "width": 8, **changes}
    plain = {"input_shape": [1, 28, 28], "concepts": 3, "classes": 2, "experts": [expert]}
    with pytest.raises(UserError, match=r"must be (at most|indices below)|must have at most"):
        ModelSpec.from_dict(plain | {"stem": {"kind": "image", "width": 8}})


def test_indices_are_checked_without_listing_all_there_could_be() -> None:
    """A file may claim a thousand million concepts: found by fuzzing, as memory that ran out."""
    expert = {"name": "e", "block": "dense", "width": 8, "concepts": [1]}
    plain = {"input_shape": [5], "concepts": 10**9, "classes": 2, "experts": [expert]}
    with pytest.raises(UserError, match="concepts must be at most 100,000"):
        ModelSpec.from_dict(plain | {"stem": {"kind": "tabular"}})
