"""The cases and the model that every peer shows."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

CLASSES = ("benign", "malignant")


@dataclass(frozen=True)
class Breast:
    """398 cases that train; 171 that are shown, or as many as asked for; 1 is malignant."""

    train: pd.DataFrame
    train_labels: pd.Series
    test: pd.DataFrame
    test_labels: pd.Series


def breast(cases: int) -> Breast:
    """More than the 171 are drawn from them with replacement and jittered."""
    inputs, benign = load_breast_cancer(return_X_y=True, as_frame=True)
    inputs.columns = [name.replace(" ", "_") for name in inputs.columns]
    labels = 1 - benign
    train, test, train_labels, test_labels = train_test_split(
        inputs, labels, test_size=171, random_state=0, stratify=labels
    )
    if cases > len(test):
        generator = np.random.default_rng(0)
        rows = generator.integers(len(test), size=cases)
        noise = 0.02 * generator.normal(size=(cases, test.shape[1]))
        test = (test.iloc[rows] * (1 + noise)).reset_index(drop=True)
        test_labels = test_labels.iloc[rows].reset_index(drop=True)
    return Breast(train, train_labels, test, test_labels)


def classifier(data: Breast) -> LogisticRegression:
    """Of what all peers take, the quickest to ask and to explain."""
    return LogisticRegression(solver="newton-cholesky").fit(data.train, data.train_labels)
