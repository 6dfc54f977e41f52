"""Fitting the class head on concepts, apart from the rest of the network."""

import numpy as np
import torch
from jaxtyping import Float, Int

from minspnet.data import UNLABELLED
from minspnet.network import Network
from minspnet.recipe import TrainSpec
from minspnet.training.prototypes import learn_prototypes


def fit_head(
    network: Network,
    concepts: Float[np.ndarray, "case concept"],
    labels: Int[np.ndarray, " case"],
    recipe: TrainSpec,
    seed: int,
) -> None:
    """Fit the class head on given concepts and freeze it.

    On *true* concepts a corrected concept then means what it says; prototypes are learned and
    pushed onto training cases first, and the weights of concepts and likenesses are fitted
    together, which is convex.

    Args:
        network: Its head is changed in place.
        concepts: Graded concepts of training cases.
        labels: Class indices; unlabelled cases are left out.
        recipe: ``head_strength`` and the weights of the prototype terms.
        seed: Of the prototypes.

    Raises:
        UserError: If a class has fewer cases than prototypes.

    Source: Koh et al. 2020, Concept Bottleneck Models (independent and sequential training).
    """
    from sklearn.linear_model import LogisticRegression

    head, spec = network.head, network.spec
    labelled = np.flatnonzero(labels != UNLABELLED)
    known = concepts[labelled]
    if spec.binary:
        known = (known >= 0.5).astype(np.float32)
    with torch.no_grad():
        if spec.prototypes:
            learned = learn_prototypes(
                known,
                labels[labelled],
                spec.prototypes,
                spec.classes,
                recipe.cluster_weight,
                recipe.separation_weight,
                seed,
            )
            head.prototypes.copy_(torch.from_numpy(learned.concepts))
            head.prototype_rows.copy_(torch.from_numpy(labelled[learned.rows]))
            head.sharpness.fill_(learned.sharpness)
        said = [known] if head.linear else []
        if spec.prototypes:
            said.append(head.similarity(torch.from_numpy(known)).numpy())
        features = np.concatenate(said, axis=1).astype(np.float64)
        model = LogisticRegression(C=recipe.head_strength, max_iter=2000)
        model.fit(features, labels[labelled])
        weights, bias = model.coef_, model.intercept_
        if len(weights) > 1:
            weights, bias = weights[1:] - weights[:1], bias[1:] - bias[:1]
        split = spec.concepts if head.linear else 0
        if head.linear:
            head.weights.copy_(torch.from_numpy(weights[:, :split]))
        head.prototype_weights.copy_(torch.from_numpy(weights[:, split:]))
        head.bias.copy_(torch.from_numpy(bias))
    head.requires_grad_(False)
