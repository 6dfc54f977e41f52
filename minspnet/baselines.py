"""What anyone would try first, on the same inputs and the same split."""

import warnings
from collections.abc import Mapping
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

from minspnet.metrics import accuracy, mean_auc


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
    """
    prepare = _preparation(levels)
    train = prepare.fit_transform(train_inputs.reshape(len(train_inputs), -1))
    test = prepare.transform(test_inputs.reshape(len(test_inputs), -1))
    models = {
        "logistic regression": _scaled(LogisticRegression(max_iter=2000)),
        "extra trees": ExtraTreesClassifier(300, random_state=seed),
        "gradient boosting": HistGradientBoostingClassifier(random_state=seed),
        "dense net, same size": _dense(train.shape[1], parameters, seed),
        "dense net, ten times": _dense(train.shape[1], 10 * parameters, seed),
    }
    scores = {}
    for name, model in models.items():
        with warnings.catch_warnings():
            # The dense nets stop at a fixed number of passes by design.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(train, train_labels)
        probabilities = model.predict_proba(test)
        scores[name] = BaselineScore(
            accuracy(probabilities.argmax(axis=1), test_labels),
            mean_auc(probabilities, test_labels),
            _parameters(model),
        )
    return scores


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
