"""What anyone would try first, on the same inputs and the same split."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from minspnet.errors import requirement
from minspnet.metrics import accuracy, mean_auc

NAMES = (
    "logistic regression",
    "extra trees",
    "gradient boosting",
    "dense net, same size",
    "dense net, ten times",
)
_BOOSTED, _PASSED, _GROWN = 2e6, 2e8, 1e6
"""Most work that is done while someone waits; see ``is_quick``."""


@dataclass(frozen=True)
class BaselineScore:
    """Test scores of one baseline.

    Attributes:
        accuracy: Share of test cases decided as labelled.
        auc: Area under the ROC curve.
        parameters: Trained numbers; None for trees, which have no such count.
    """

    accuracy: float
    auc: float
    parameters: int | None


def score_baselines(
    train_inputs: Float[np.ndarray, "train *input"],
    train_labels: Int[np.ndarray, " train"],
    test_inputs: Float[np.ndarray, "test *input"],
    test_labels: Int[np.ndarray, " test"],
    parameters: int,
    seed: int,
    levels: tuple[int, ...] = (),
    on_start: Callable[[str], None] | None = None,
    names: Sequence[str] = NAMES,
) -> Mapping[str, BaselineScore]:
    """Fit and score logistic regression, trees, boosting, and dense nets of 1 x and 10 x size.

    Args:
        train_inputs: Pictures and signals are flattened. A missing number is NaN.
        train_labels: Class indices.
        test_inputs: Scored once.
        test_labels: Class indices.
        parameters: Of the network that the dense nets are to match.
        seed: Of everything random.
        levels: Of each column, how many levels it has, 0 for a number; empty if all are numbers.
            Levels are told apart as they are for the network.
        on_start: Told the name of each before it is fitted.
        names: Which of them.
    """
    prepare = _preparation(levels)
    train = prepare.fit_transform(train_inputs.reshape(len(train_inputs), -1))
    test = prepare.transform(test_inputs.reshape(len(test_inputs), -1))
    scores = {}
    for name in names:
        if on_start is not None:
            on_start(name)
        model = _fitted(name, train, train_labels, parameters, seed)
        probabilities = model.predict_proba(test)
        scores[name] = BaselineScore(
            accuracy(probabilities.argmax(axis=1), test_labels),
            mean_auc(probabilities, test_labels),
            _parameters(model),
        )
    return scores


@dataclass(frozen=True)
class BaselineAnswers:
    """What one baseline says of cases.

    Attributes:
        probabilities: Of every class.
        macs: Multiplications by a trained weight per case; None for trees, which compare.
    """

    probabilities: Float[np.ndarray, "case class"]
    macs: int | None


def ask_baseline(
    name: str,
    train_inputs: Float[np.ndarray, "train *input"],
    train_labels: Int[np.ndarray, " train"],
    inputs: Float[np.ndarray, "case *input"],
    parameters: int,
    seed: int,
    levels: tuple[int, ...] = (),
) -> BaselineAnswers:
    """Fit one of ``NAMES`` exactly as ``score_baselines`` does, and ask it about cases.

    Args:
        name: Of the baseline.
        train_inputs: The only cases that anything is fitted to, scales and means included.
        train_labels: Class indices; every class occurs.
        inputs: To be answered.
        parameters: Of the network that the dense nets are to match.
        seed: Of everything random.
        levels: As ``score_baselines`` takes them.

    Raises:
        UserError: On an unknown name.
    """
    if name not in NAMES:
        raise requirement("baseline", f"be one of {', '.join(NAMES)}", repr(name), "pick one")
    prepare = _preparation(levels)
    train = prepare.fit_transform(train_inputs.reshape(len(train_inputs), -1))
    model = _fitted(name, train, train_labels, parameters, seed)
    probabilities = model.predict_proba(prepare.transform(inputs.reshape(len(inputs), -1)))
    return BaselineAnswers(probabilities.astype(np.float64), _macs(model))


def is_quick(name: str, cases: int, columns: int, classes: int, parameters: int) -> bool:
    """Whether a baseline is fitted within some seconds on one core.

    Boosting grows with cases, columns and classes, dense nets with cases and weights, trees with
    cases and columns.
    """
    if name == "gradient boosting":
        return cases * columns * max(1, classes - 1) <= _BOOSTED
    if name == "extra trees":
        return cases * columns <= _GROWN
    if name.startswith("dense net"):
        size = 10 * parameters if name.endswith("ten times") else parameters
        return cases * size <= _PASSED
    return True


def bearable(cases: int, columns: int, classes: int, parameters: int) -> tuple[str, ...]:
    """Name the baselines that are fitted within some minutes on one core, where nobody waits."""
    # Trees may take ten times as long: they are what a table's network has to measure up to.
    return tuple(
        name
        for name in NAMES
        if is_quick(name, cases, columns, classes, parameters)
        or (not name.startswith("dense") and is_quick(name, cases // 10, columns, classes, 0))
    )


def _fitted(
    name: str,
    train: Float[np.ndarray, "train column"],
    labels: Int[np.ndarray, " train"],
    parameters: int,
    seed: int,
) -> BaseEstimator:
    columns = train.shape[1]
    model = {
        "logistic regression": lambda: _scaled(LogisticRegression(max_iter=2000)),
        "extra trees": lambda: ExtraTreesClassifier(300, random_state=seed),
        "gradient boosting": lambda: HistGradientBoostingClassifier(random_state=seed),
        "dense net, same size": lambda: _dense(columns, parameters, seed),
        "dense net, ten times": lambda: _dense(columns, 10 * parameters, seed),
    }[name]()
    with warnings.catch_warnings():
        # The dense nets stop at a fixed number of passes by design.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(train, labels)


def _macs(model: BaseEstimator) -> int | None:
    last = model[-1] if hasattr(model, "steps") else model
    if isinstance(last, LogisticRegression):
        return int(last.coef_.size)
    if isinstance(last, MLPClassifier):
        return int(sum(array.size for array in last.coefs_))
    return None


def linear_concepts(
    train_inputs: Float[np.ndarray, "train *input"],
    train_truth: Float[np.ndarray, "train concept"],
    inputs: Float[np.ndarray, "case *input"],
    levels: tuple[int, ...] = (),
) -> Float[np.ndarray, "case concept"]:
    """Grade concepts as a plain linear model does: ridge regression on the same inputs.

    Its penalty is chosen among the training cases, by leaving one out.

    Args:
        train_inputs: Pictures and signals are flattened. A missing number is NaN.
        train_truth: True graded concepts.
        inputs: Of the cases to grade.
        levels: Of each column, how many levels it has, 0 for a number; empty if all are numbers.
    """
    prepare = _preparation(levels)
    train = prepare.fit_transform(train_inputs.reshape(len(train_inputs), -1))
    model = _scaled(RidgeCV(np.logspace(-1, 5, 13)))
    model.fit(train.astype(np.float64), train_truth)
    given = prepare.transform(inputs.reshape(len(inputs), -1))
    return np.clip(model.predict(given.astype(np.float64)), 0, 1)


def _preparation(levels: tuple[int, ...]) -> BaseEstimator:
    """Fill missing numbers by the training mean and say so; one column a level."""
    numbers = SimpleImputer(add_indicator=True, keep_empty_features=True)
    if not any(levels):
        return numbers
    kinds = np.array(levels) > 0
    encode = OneHotEncoder(
        categories=[np.arange(count) for count in levels if count],
        handle_unknown="ignore",
        sparse_output=False,
    )
    return ColumnTransformer([("levels", encode, kinds), ("numbers", numbers, ~kinds)])


def _scaled(model: BaseEstimator) -> BaseEstimator:
    return make_pipeline(StandardScaler(), model)


def _dense(features: int, parameters: int, seed: int) -> BaseEstimator:
    hidden = max(1, round((parameters - 1) / (features + 2)))
    # A strong penalty and no early stopping: on these data the library's defaults, and stopping
    # on a tenth of few cases, made far weaker nets.
    return _scaled(
        MLPClassifier(
            (hidden,), alpha=1.0, learning_rate_init=0.003, max_iter=200, random_state=seed
        )
    )


def _parameters(model: BaseEstimator) -> int | None:
    last = model[-1] if hasattr(model, "steps") else model
    if isinstance(last, LogisticRegression):
        return int(last.coef_.size + last.intercept_.size)
    if isinstance(last, MLPClassifier):
        return int(sum(array.size for array in (*last.coefs_, *last.intercepts_)))
    return None
