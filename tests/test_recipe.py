"""The training recipe: every number within its range, every word among its choices."""

import dataclasses
import json
from dataclasses import dataclass
from typing import Literal, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minspnet.errors import UserError
from minspnet.recipe import TrainSpec
from minspnet.strict import Recipe


def values(hint: object) -> st.SearchStrategy[object]:
    """Values that every field of this type takes."""
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    if get_origin(hint) is tuple:
        return st.lists(st.sampled_from(["stem", "head", "far"]), max_size=2).map(tuple)
    return {bool: st.booleans(), int: st.integers(1, 9), float: st.floats(0.01, 0.9)}[hint]


RECIPES = st.fixed_dictionaries({n: values(h) for n, h in get_type_hints(TrainSpec).items()})


@given(RECIPES)
def test_a_recipe_with_everything_switched_on_survives_its_file(chosen: dict) -> None:
    recipe = TrainSpec(**chosen)
    assert TrainSpec.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe
    assert hash(recipe) == hash(TrainSpec(**chosen))


NUMBERS = [f.name for f in dataclasses.fields(TrainSpec) if f.type in ("int", "float", int, float)]


@pytest.mark.parametrize("name", NUMBERS)
def test_no_number_may_be_negative_or_nan(name: str) -> None:
    wrong = [-1, float("nan")] if isinstance(getattr(TrainSpec, name), float) else [-1]
    for value in wrong:
        with pytest.raises(UserError, match=rf"^{name} must (be|lie) .*, got {value}; "):
            TrainSpec(**{name: value})


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("label_smoothing", 1.0), ("dropout", 1.0), ("correction_rate", 1.1), ("epochs", 0)],
)
def test_shares_and_counts_have_their_bounds(name: str, wrong: float) -> None:
    with pytest.raises(UserError, match=rf"^{name} must "):
        TrainSpec(**{name: wrong})


@pytest.mark.parametrize("name", ["schedule", "class_weights", "gate_noise", "gain_target"])
def test_words_are_among_the_choices(name: str) -> None:
    with pytest.raises(UserError, match=rf"^TrainSpec.{name} must be one of \w+, .*got 'best'"):
        TrainSpec.from_dict({name: "best"})


def test_an_unknown_word_is_named_without_the_whole_dictionary() -> None:
    with pytest.raises(UserError) as refused:
        TrainSpec.from_dict({"luck": 1})
    sentence = str(refused.value)
    assert sentence.startswith("TrainSpec must hold only epochs, batch_size, learning_rate, ")
    assert sentence.endswith(" and so on, got luck; remove the rest.") and len(sentence) < 200


@dataclass(frozen=True)
class Menu(Recipe):
    """A recipe with a field of every kind; the test run checks the types of real ones itself."""

    dish: Literal["soup", "stew"] = "soup"
    count: int = 1
    price: float = 1
    hot: bool = False
    spices: tuple[str, ...] = ()
    after: "Menu | None" = None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"dish": "roast"}, "Menu.dish must be one of soup, stew, got 'roast'; pick one."),
        ({"count": 1.5}, "Menu.count must be of type int, got 1.5; correct it."),
        ({"count": True}, "Menu.count must be of type int, got True; correct it."),
        ({"price": "2"}, "Menu.price must be of type float, got '2'; correct it."),
        ({"hot": 1}, "Menu.hot must be of type bool, got 1; correct it."),
        ({"spices": ["salt"]}, "Menu.spices must be a list, got ['salt']; list its values,"),
        ({"spices": (3,)}, "Menu.spices[0] must be of type str, got 3; correct it."),
        ({"after": "coffee"}, "Menu.after must be of kind Menu, got 'coffee'; build one."),
    ],
)
def test_what_is_no_choice_is_refused_in_python_too(change: dict[str, object], said: str) -> None:
    """As it is in a file: a misspelt choice would quietly be something else."""
    with pytest.raises(UserError) as refused:
        Menu(**change)  # type: ignore[arg-type]
    assert str(refused.value).startswith(said)


def test_whole_numbers_are_prices_and_numpy_counts() -> None:
    assert Menu(price=2, count=np.int64(3), after=Menu("stew")).count == 3


@dataclass(frozen=True)
class Dish(Recipe):
    """A recipe with numbers."""

    price: float
    guests: int


def test_numbers_of_numpy_reach_the_file_as_numbers() -> None:
    plain = json.loads(json.dumps(Dish(np.float32(0.25), np.int64(3)).to_dict()))
    assert plain == {"price": 0.25, "guests": 3}
    assert Dish.from_dict(plain) == Dish(0.25, 3)
