"""A user's own models stand beside those that ship, on every page."""

import os
import shutil
from pathlib import Path

import pytest
from own_data import loans, network_on, trained_on_loans
from test_app import TABULAR, amiss, open_app, own_store

from dashboard import cache, cache_activations, navigation
from minspnet.artifact import save
from minspnet.workspace import Workspace

__all__ = ["own_store"]
LOANS, OTHER = "loans-tiny", "loans-other"
PAGES = tuple(page.stem for page in sorted((navigation.ROOT / "pages").glob("*.py")))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a model, and another of the same task on other data."""
    root = tmp_path_factory.mktemp("home")
    workspace = Workspace(root)
    save(trained_on_loans(), workspace.new_model(LOANS), collection=loans())
    other = loans(seed=1)
    save(network_on(other, epochs=1), workspace.new_model(OTHER), collection=other)
    return root


@pytest.fixture(autouse=True)
def workspace(home: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("MINSPNET_HOME", str(home))
    return Workspace(home)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens(page: str) -> None:
    app = open_app(page, model=LOANS)
    assert app.query_params["model"] == LOANS
    assert not app.error
    assert not amiss(app)


def test_a_link_is_followed() -> None:
    case = cache.model(LOANS).traces["test"].case_ids[0]
    app = open_app("case", domain=cache.task_of(LOANS), model=LOANS, case=case)
    assert not amiss(app)
    assert app.selectbox(key="case-id").value == case


def test_other_data_under_the_same_key_is_another_task() -> None:
    one, two = cache.task_of(LOANS), cache.task_of(OTHER)
    assert one != two
    assert (cache.models()[one], cache.models()[two]) == ((LOANS,), (OTHER,))
    titles = cache.task_titles()
    assert titles[one] != titles[two]
    assert all(titles[task].startswith("Loans") for task in (one, two))


def test_models_on_the_same_data_share_it(workspace: Workspace) -> None:
    again = workspace.new_model(LOANS)
    assert again.name == f"{LOANS}-2"
    save(trained_on_loans(), again, collection=loans())
    assert cache.cases(again.name) is cache.cases(LOANS)
    assert cache.cases(LOANS) is not cache.cases(OTHER)
    shutil.rmtree(again)


def test_models_come_and_go_while_the_server_runs(workspace: Workspace) -> None:
    app = open_app(model=LOANS)
    saved = workspace.new_model("late")
    assert "late" not in app.run().selectbox(key="sidebar-model").options
    save(trained_on_loans(), saved, collection=loans())
    assert "late" in " ".join(app.run().selectbox(key="sidebar-model").options)
    app.selectbox(key="sidebar-model").set_value("late").run()
    assert app.query_params["model"] == "late"
    shutil.rmtree(saved)
    app.run()
    assert app.query_params["model"] == TABULAR.replace("mean_and_se", "all_measurements")
    assert "The model late is no longer there" in app.warning[0].value.replace("\\", "")
    assert not app.exception


def test_a_name_that_means_another_model_shows_that_model(workspace: Workspace) -> None:
    folder = workspace.new_model("twice")
    save(trained_on_loans(), folder, collection=loans())
    before = cache.models() and cache.model("twice").digest
    other = loans(seed=1)
    save(network_on(other, epochs=1), folder, collection=other)
    os.utime(folder / "model.json")
    assert cache.models() and cache.model("twice").digest != before
    shutil.rmtree(folder)


def test_words_of_a_card_stay_words() -> None:
    app = open_app(model=LOANS)
    assert app.sidebar.selectbox[0].value == cache.task_of(LOANS)


def test_a_unit_follows_numbers_where_they_are_known() -> None:
    """Levels have no order, and a missing cell takes no column out."""
    known = cache_activations.recorded(LOANS)
    policy = cache.model(LOANS).policy
    layer = next(k for k, one in enumerate(known.layers) if one.units > 1)
    found = dict(cache_activations.followed_columns(LOANS, layer, 0, policy))
    assert {*found} == {0, 1} and all(abs(value) <= 1 for value in found.values())


def test_cells_are_said_in_words() -> None:
    """A level by its name, a missing cell as missing, and what is usual of either."""
    app = open_app("case", model=LOANS)
    ids = cache.model(LOANS).traces["test"].case_ids
    job = [cache.feature_table(LOANS, case).iloc[2] for case in ids]
    known = {*loans().card.features[2].levels, "missing"}
    assert {row["value"] for row in job} <= known and len({row["value"] for row in job}) > 2
    assert {*job[0]["usual"].split(", ")} == known - {"missing"}
    assert not any(row["outside"] for row in job)
    table = next(one.value for one in app.dataframe if "Usual" in one.value)
    assert not any("nan" in str(cell) for row in table.to_numpy() for cell in row)
    assert table["This case"][0].endswith("EUR a month")
