"""Markup in every word that a file can carry: pages show it as text, and it does nothing."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from own_data import loans, trained_on_loans
from streamlit.testing.v1 import AppTest
from test_app import look_inside, open_app, own_store

from minspnet.adapters import Card
from minspnet.artifact import load, save
from minspnet.errors import UserError
from minspnet.registry import TITLE
from minspnet.workspace import Workspace

__all__ = ["own_store"]
MODEL = "planted"
MARK = "zqmark"
HTML = f"<img src=x onerror={MARK}><script>{MARK}</script>"
PAGES = ("overview", "cases", "case", "concepts", "facts", "compare", "data", "models", "score")
KEYS = ("key", "target", "modality", "id", "group")
LIVE = re.compile(rf"(?<!\\)!?\[[^\]]*{MARK}[^\]]*\]\(|<https?:")
"""A link or picture in Markdown."""


def planted_card() -> Card:
    plain = loans().card.to_dict()
    for name, value in plain.items():
        if isinstance(value, str) and name not in KEYS:
            plain[name] = f"{value} {HTML}"
    plain["limits"] = [f"limit {HTML}"]
    plain["target_values"] = list(plain["classes"])
    plain["classes"] = [f"{one} {HTML}" for one in plain["classes"]]
    for feature in plain["features"]:
        feature |= {"title": f"{feature['title']} {HTML}", "unit": HTML}
    for concept in plain["concepts"]:
        for name in ("title", "meaning", "low_word", "high_word", "unit"):
            concept[name] = f"{concept[name]} {HTML}"
    return Card.from_dict(plain)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with such data, and a model on them, as a visitor could bring both in."""
    root = tmp_path_factory.mktemp("planted")
    workspace, collection = Workspace(root), replace(loans(), card=planted_card())
    workspace.save(collection)
    folder = workspace.models / MODEL
    save(trained_on_loans(), folder, collection=collection)
    (folder / TITLE).write_text(f"Mine {HTML}"[:80])
    return root


@pytest.fixture(autouse=True)
def _there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINSPNET_HOME", str(home))


def elements(block: Any) -> Iterator[Any]:
    """Everything that a page holds."""
    for child in block.children.values():
        yield from elements(child) if hasattr(child, "children") else [child]


def amiss(app: AppTest) -> list[str]:
    """What would be markup in a browser: HTML that is let through, links and pictures."""
    found = []
    for element in (one for root in (app.main, app.sidebar) for one in elements(root)):
        told = getattr(element, "proto", None)
        words = str(told)
        if MARK in words and (element.type == "html" or getattr(told, "allow_html", False)):
            found.append(f"{element.type} lets HTML through: {words[:200]}")
        for name in ("body", "label", "help", "value"):
            said = getattr(told, name, "")
            if isinstance(said, str) and LIVE.search(said):
                found.append(f"{element.type} holds a link: {said[:200]}")
    return found


@pytest.mark.parametrize("page", PAGES)
def test_no_word_of_a_file_is_markup_on_a_page(page: str) -> None:
    app = open_app(page, model=MODEL)
    if page == "case":
        look_inside(app, "experts")
    assert not app.exception and not amiss(app)
    shown = " ".join(str(one.proto) for one in elements(app.sidebar))
    assert MARK in shown  # it is there, as text


def test_markup_would_be_noticed() -> None:
    def page() -> None:
        import streamlit as st

        st.markdown("<b>zqmark</b>", unsafe_allow_html=True)
        st.html("<b>zqmark</b>")
        st.write("![zqmark](http://evil.example/x.png)")
        st.write("<b>zqmark</b> \\[zqmark\\](x)")

    assert len(amiss(AppTest.from_function(page).run())) == 3


def test_words_that_would_be_links_are_refused_with_the_file(home: Path, tmp_path: Path) -> None:
    folder = home / "models" / MODEL
    card = (folder / "card.toml").read_text().replace("Loans ", "[Loans](http://evil.example) ", 1)
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "card.toml").write_text(card)
    said = json.loads((tmp_path / "model.json").read_text())
    said["sha256"]["card.toml"] = hashlib.sha256(card.encode()).hexdigest()
    (tmp_path / "model.json").write_text(json.dumps(said))
    with pytest.raises(UserError, match="hold no link or picture"):
        load(tmp_path)
