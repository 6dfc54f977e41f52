"""Check every annotated shape of the core while it is tested, and share small networks."""

import os
import tempfile
import threading

import jaxtyping

# Before anything imports minspnet: what is loaded earlier goes unchecked.
jaxtyping.install_import_hook("minspnet", "typechecker.check")

# Nobody's own models may stand among those that tests look at.
_HOME = tempfile.TemporaryDirectory(prefix="minspnet-")
os.environ["MINSPNET_HOME"] = _HOME.name

import numpy as np
import pytest
import torch
from forests import CONCEPTS, Forest, make_forest
from hypothesis import settings

from minspnet.network import Network
from minspnet.recipe import TrainSpec
from minspnet.spec import ExpertSpec, ModelSpec, StemSpec
from minspnet.training.train import TrainingData, train

torch.set_num_threads(1)
settings.register_profile("core", deadline=None, max_examples=15, derandomize=True)
settings.load_profile("core")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let beartype look at a random item of each container, inside strategies too."""
    ignore = pytest.mark.filterwarnings("ignore:Do not use the .random. module inside strategies")
    for item in items:
        item.add_marker(ignore)


@pytest.fixture
def alone() -> None:
    """Nothing that an earlier test began still runs: for tests of what the process shares."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(timeout=60)
            assert not thread.is_alive(), f"{thread.name} still runs"


@pytest.fixture(scope="session", params=["tabular", "image", "competing"])
def forest(request: pytest.FixtureRequest) -> Forest:
    """The hand-made forest with random weights, for columns and for pictures."""
    return make_forest(request.param)


@pytest.fixture(scope="session")
def training_data() -> TrainingData:
    """Columns whose first three grade the concepts; two concepts decide the class."""
    generator = np.random.default_rng(1)
    inputs = generator.normal(size=(160, 5)).astype(np.float32)
    concepts = 1 / (1 + np.exp(-2 * inputs[:, : len(CONCEPTS)]))
    labels = (concepts[:, 0] + concepts[:, 1] > 1).astype(np.intp)
    return TrainingData(inputs, concepts, labels)


@pytest.fixture(scope="session")
def small_spec() -> ModelSpec:
    """A stage behind a doubt gate, then an adding expert behind a learned one."""
    experts = (
        ExpertSpec("stage", "dense", 8),
        ExpertSpec("extra", "dense", 4, parent="stage", reading="add", gate="learned"),
    )
    return ModelSpec((5,), len(CONCEPTS), 2, StemSpec("tabular", 8), experts)


@pytest.fixture(scope="session")
def trained(small_spec: ModelSpec, training_data: TrainingData) -> Network:
    """A network trained for about a second."""
    recipe = TrainSpec(epochs=15, batch_size=32, learning_rate=0.03)
    return train(small_spec, recipe, training_data, np.array([0.3, 0.2]), seed=0)
