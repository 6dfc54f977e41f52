"""Compare and Model facts on models unlike those that ship: any gate, no experts, no baselines."""

from pathlib import Path

import pytest
from studies import tiny_wrist, without_experts
from test_app import open_app, own_store
from test_app_compare import TABS
from test_app_models import words_of

from dashboard import cache
from dashboard.widgets import card
from minspnet.artifact import save

__all__ = ["own_store"]
SEVERAL, BARE = "unlike_several", "unlike_bare"


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, study = tmp_path_factory.mktemp("models"), tiny_wrist()
    save(study, folder / SEVERAL)
    save(without_experts(study), folder / BARE)
    return folder


@pytest.fixture(autouse=True)
def models(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point the app at these models; every name is met in this file alone."""
    monkeypatch.setattr(cache, "MODELS", shelf)
    return shelf


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize("model", [SEVERAL, BARE])
def test_two_models_of_a_task_are_compared(model: str, tab: str) -> None:
    app = open_app("compare", model=model)
    app.session_state["compare-tab"] = tab
    app.run()
    assert not app.exception and not app.error
    names = set(app.dataframe[0].value["Contestant"])
    assert any(BARE in name for name in names) and any(SEVERAL in name for name in names)


def test_a_model_alone_without_experts_is_said(
    shelf: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / BARE).symlink_to(shelf / BARE)
    monkeypatch.setattr(cache, "MODELS", tmp_path)
    app = open_app("compare", model=BARE)
    assert not app.exception
    assert "nothing to compare" in app.info[0].value


@pytest.mark.parametrize("tab", card.TABS)
@pytest.mark.parametrize("model", [SEVERAL, BARE])
def test_the_card_says_unknown_of_what_is_not_recorded(model: str, tab: str) -> None:
    app = open_app("facts", model=model)
    app.session_state["facts-tab"] = tab
    app.run()
    assert not app.exception and not app.error
    if tab == "How good it is":
        assert "unknown" in words_of(app)
    if tab == "How it is built" and model == BARE:
        assert "no experts" in words_of(app)
