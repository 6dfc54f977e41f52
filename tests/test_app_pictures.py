"""Every page on a user's own pictures: in colour, and of no known size in millimetres."""

from pathlib import Path

import numpy as np
import pytest
from picture_files import npz
from test_app import amiss, open_app, own_store

from dashboard import cache, navigation
from minspnet.adapters import read_pictures
from minspnet.artifact import save
from minspnet.collection import Collection
from minspnet.data import folds
from minspnet.presets import Preset
from minspnet.recipe import TrainSpec
from minspnet.spec import ExpertSpec, ModelSpec, StemSpec
from minspnet.study import conduct
from minspnet.workspace import Workspace

__all__ = ["own_store"]
MODEL = "patches-tiny"
PAGES = tuple(page.stem for page in sorted((navigation.ROOT / "pages").glob("*.py")))
SAME_FOR_ALL = ("data", "models", "reviews", "train")
"""Pages on which a model's inputs play no part."""


def patches() -> Collection:
    """Noise that is redder or bluer, 30 pixels a side, so that the last squares are smaller."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 120, (120, 30, 30, 3), dtype=np.uint8)
    labels = np.arange(120) % 2
    images[labels == 1, 8:20, 8:20, 0] += 90
    images[labels == 0, 8:20, 8:20, 2] += 90
    found = read_pictures(npz(images=images, labels=labels), "patches.npz")
    return Collection(found.card, found.cases, found.split, found.source)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root, own = tmp_path_factory.mktemp("home"), patches()
    domain = own.card.domain()
    shape = own.cases.inputs.shape[1:]
    experts = (ExpertSpec("second look", "inverted_bottleneck", 40),)
    spec = ModelSpec(shape, len(domain.concepts), 2, StemSpec("image", 8, downsample=4), experts)
    recipe = Preset(spec, TrainSpec(epochs=1))
    split = next(folds(own.cases, 0))
    study = conduct(domain, domain.variants[0], recipe, own.cases, split, 0)
    save(study, Workspace(root).new_model(MODEL), collection=own)
    return root


@pytest.fixture(autouse=True)
def workspace(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINSPNET_HOME", str(home))


@pytest.mark.parametrize("page", [one for one in PAGES if one not in SAME_FOR_ALL])
def test_every_page_opens(page: str) -> None:
    app = open_app(page, model=MODEL)
    assert app.query_params["model"] == MODEL
    assert not app.error and not amiss(app)


def test_pictures_are_drawn_in_colour() -> None:
    case = cache.model(MODEL).traces["test"].case_ids[0]
    assert cache.picture(MODEL, case).shape == (32, 32, 3)
    charts = [chart.proto.spec for chart in open_app("case", model=MODEL).get("plotly_chart")]
    assert any('"type":"image"' in spec and '"pixels"' in spec for spec in charts)
    assert not any('"text":"mm"' in spec for spec in charts)
