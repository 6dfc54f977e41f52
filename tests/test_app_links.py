"""A link reopens the tab that was open, on every page that has any."""

import json

import pytest
from streamlit.testing.v1 import AppTest
from test_app import APP, TABULAR, open_app, own_store
from test_app_attributions import nothing_starts

__all__ = ["nothing_starts", "own_store"]
TABS = {
    "cases": ("cases-tab", "Where it fails"),
    "concepts": ("concepts-tab", "Leakage"),
    "routing": ("routing-tab", "Devices"),
    "activations": ("activations-tab", "How sparse each layer is"),
    "attributions": ("attributions-tab", "Which stage carried it"),
    "compare": ("compare-tab", "Agreement"),
    "facts": ("facts-tab", None),
}


def open_link(page: str, **link: str) -> AppTest:
    """Open a page first, as a copied link does, not by way of Overview."""
    app = AppTest.from_file(APP, default_timeout=60)
    for name, value in link.items():
        app.query_params[name] = value
    return app.switch_page(f"../pages/{page}.py").run()


@pytest.mark.parametrize("page", sorted(TABS))
def test_the_address_names_the_open_tab_and_a_link_reopens_it(page: str) -> None:
    key, title = TABS[page]
    app = open_app(page, model=TABULAR)
    assert "tab" not in app.query_params
    title = title or app.tabs[-1].label
    app.session_state[key] = title
    app.run()
    assert not app.exception and app.query_params["tab"] == title
    again = open_link(page, model=TABULAR, tab=title)
    assert not again.exception
    assert again.session_state[key] == title and again.query_params["tab"] == title


def test_another_page_starts_at_its_first_tab() -> None:
    app = open_link("routing", model=TABULAR, tab="Devices")
    app.switch_page("../pages/case.py").run()
    assert "tab" not in app.query_params


def test_an_unknown_tab_is_said_and_the_first_one_shown() -> None:
    app = open_link("concepts", model=TABULAR, tab="<b>nothing</b>")
    app.run()
    assert any("tab must be one of Trust" in warning.value for warning in app.warning)
    assert "tab" not in app.query_params


@pytest.mark.parametrize(
    ("page", "link", "key", "value"),
    [
        ("cases", {"order": "wrong"}, "cases-order", "wrong"),
        ("concepts", {"part": "test"}, "concepts-part", "test"),
        ("concepts", {"finding": "asymmetry"}, f"concept-shown-{TABULAR}", 5),
    ],
)
def test_a_link_reopens_what_was_chosen(
    page: str, link: dict[str, str], key: str, value: object
) -> None:
    app = open_link(page, model=TABULAR, **link)
    assert not app.exception and app.session_state[key] == value
    assert {name: app.query_params[name] for name in link} == link
    app.run()
    assert {name: app.query_params[name] for name in link} == link


def test_a_link_reopens_a_unit() -> None:
    usual = open_app("activations", model=TABULAR)
    layer, unit = usual.query_params["unit"].split(".")
    other = f"{int(layer) + 1}.1"
    app = open_link("activations", model=TABULAR, unit=other)
    assert not app.exception and app.query_params["unit"] == other != f"{layer}.{unit}"


@pytest.mark.parametrize("unit", ["0.99999", "99.0", "-1.0", "x", "1", "9" * 400, "²."])
def test_an_unknown_unit_is_said(unit: str) -> None:
    app = open_link("activations", model=TABULAR, unit=unit)
    app.run()
    assert not app.exception
    assert any(said.value.startswith("unit must be one of 0.0 to") for said in app.warning)


def test_a_link_reopens_a_comparison() -> None:
    link = {
        "first": f"{TABULAR}/all experts",
        "others": json.dumps([f"{TABULAR}/base", f"{TABULAR}/baseline/extra trees"]),
        "measure": "auc",
        "part": "validation",
    }
    app = open_link("compare", model=TABULAR, **link)
    assert not app.exception
    assert app.selectbox(key="compare-first").value == link["first"]
    assert app.multiselect(key="compare-others").value == json.loads(link["others"])
    assert app.radio(key="compare-measure").value == "auc"
    assert {name: app.query_params[name] for name in link} == link


@pytest.mark.parametrize("others", ["{", "7", "[[[]]]", '["nobody"]', "[" * 5000])
def test_a_comparison_with_nobody_known_is_said(others: str) -> None:
    app = open_link("compare", model=TABULAR, others=others)
    app.run()
    assert not app.exception
    assert any(said.value.startswith("others must be one of") for said in app.warning)
