"""The real pages under bad input: links, files and every widget, by Streamlit's own test runner.

A page may say one clear sentence or go on as if nothing was; it may not fail, nor tell of the
program's insides, nor let markup that came from outside stand as markup.
"""

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Element

from benchmarks.fuzz import seeds
from benchmarks.fuzz.forms import link_value
from benchmarks.fuzz.uploads import UPLOADS, Place, bad_file
from benchmarks.fuzz.words import MARK, number, word

ROOT = Path(__file__).resolve().parents[2]
APP = str(ROOT / "dashboard" / "app.py")
PAGES = (
    "overview", "cases", "case", "reviews", "concepts", "routing", "activations", "attributions",
    "compare", "facts", "data", "train", "models", "score",
)  # fmt: skip
_COUNTED = 2**53 - 1
TIMEOUT = 60.0
"""Seconds that a page may take for one run."""
LONGEST = 1_000
"""Characters of a refusal: it is one sentence or a few."""
_INSIDES = re.compile(rf"Traceback \(|File \"|{re.escape(str(ROOT))}|site-packages")
_REFUSES = re.compile(r" must .+, got ", re.DOTALL)
_RAW = re.compile(rf"(?<!\\)\]\(http://evil|(?<!\\)\$\$\\href|(?<!\\):material/{MARK}")
"""Markdown of ``words`` that would do something; HTML does nothing unless it is allowed."""
_SAFE = ("model-delete", "model-restore", "train-start")
_PLACES = {
    "Data: table": ("data", "data-file", {}),
    "Data: pictures": ("data", "data-file", {}),
    "Models: import": ("models", "model-file-0", {}),
    "Score: file": ("score", "score-file-", {}),
    "Routing: operating point": ("routing", "load-point", {"tab": "Operating points"}),
    "Data: card": ("data", "data-card-", {}),
}
"""Of each upload: page, how its field's key begins, and what the link says besides."""
_LINKS = {
    "domain": ["phishing", "lung_nodules"],
    "model": [seeds.TABULAR, seeds.PICTURES, seeds.SIGNAL, seeds.OWN],
    "case": ["SITE-0001", "LIDC-IDRI-0003-1"],
    "gates": ["0.1,0.2", "off,off", "0.1"],
    "cut": ["0.5", "0.05"],
    "edit": ["size:0.5", "long_address:1"],
    "cohort": ["chance:0.2..0.8", "part:test;said:phishing"],
    "tab": ["Devices", "Leakage", "Map"],
    "part": ["test", "validation"],
    "finding": ["size", "0"],
    "unit": ["0.0", "1.3"],
    "order": ["wrong", "id"],
    "first": ["phishing/base", "phishing/all experts"],
    "others": ['["phishing/base"]', "[]"],
    "measure": ["auc", "accuracy"],
    "coverage": ["0.9", "90"],
    "abstain": ["on", "unsure"],
    "judge": ["first"],
    "demo": ["", "1"],
    "utm_source": ["x"],
    "embed": ["true"],
}
"""Every parameter of a link that means something, sound values of each, and two that mean none."""


class Fault(AssertionError):
    """A page did what no page may."""


def check(app: AppTest) -> str:
    """Look a page over.

    Returns:
        ``taken`` or ``refused``.

    Raises:
        Fault: If it failed, or told what it must not.
    """
    if app.exception:
        raise Fault(f"the page failed: {app.exception[0].message}")
    for element in (*app.error, *app.warning):
        if len(element.value) > LONGEST * 4:
            raise Fault(f"a refusal of {len(element.value):,} characters: {element.value[:200]}")
    for element in (*app.error, *app.warning, *app.info, *app.success, *app.markdown, *app.caption):
        if _INSIDES.search(element.value):
            raise Fault(f"insides are told: {element.value[:300]}")
        # Within backticks all is text.
        if _RAW.search(re.sub(r"`[^`]*`", "", element.value)):
            raise Fault(f"markup stands as markup: {element.value[:300]}")
        if getattr(element, "allow_html", False) and MARK in element.value:
            raise Fault(f"HTML with words from outside: {element.value[:300]}")
    # Warnings speak of cases and columns too; those of a link that cannot be followed refuse.
    refused = app.error or any(_REFUSES.search(one.value) for one in app.warning)
    return "refused" if refused else "taken"


def open_page(page: str, **link: str) -> AppTest:
    """Open a page as a link does."""
    app = AppTest.from_file(APP, default_timeout=TIMEOUT)
    for name, value in link.items():
        app.query_params[name] = value
    return app.switch_page(f"../pages/{page}.py").run() if page != "overview" else app.run()


# --- Links ------------------------------------------------------------------------------


def give_link(chance: random.Random, place: Place) -> str:
    """Open a page by a link with odd parts."""
    names = chance.sample(sorted(_LINKS), chance.choice((1, 2, 3, 6)))
    link = {name: link_value(chance, place, _LINKS[name]) for name in names}
    if chance.random() < 0.6:
        link["model"] = chance.choice(_LINKS["model"])
    if chance.random() < 0.05:
        link[word(chance, place.outside)] = "x"
    # A browser has no lone surrogates, and no address of megabytes.
    link = {n: v.encode("utf-8", "ignore").decode()[:8_000] for n, v in link.items() if n}
    return check(open_page(chance.choice(PAGES), **link))


# --- Files ------------------------------------------------------------------------------


def give_file(chance: random.Random, place: Place) -> str:
    """Bring a bad file in where files are brought in; use what is taken."""
    kind = chance.choice(sorted(_PLACES))
    page, start, link = _PLACES[kind]
    name, content = bad_file(UPLOADS[kind], chance, place)
    model = name.rsplit(".", 1)[0]
    known = model if kind == "Score: file" and model in _LINKS["model"] else seeds.TABULAR
    app = open_page(page, model=known, **link)
    if kind == "Data: card":
        sound = chance.choice(sorted(seeds.read(place.seeds, "tables").items()))
        app.file_uploader(key="data-file").upload(*sound, "text/csv").run()
    check(app)
    fields = [one for one in app.file_uploader if str(one.key).startswith(start)]
    if not fields:
        raise Fault(f"no field for {kind}")
    try:
        fields[0].upload(_as_browser(name), content, "application/octet-stream").run()
    except Exception as error:
        if "file" in str(error).lower() and "type" in str(error).lower():
            return "refused"  # by Streamlit, for its ending
        raise
    said = check(app)
    for key in ("model-import", "score-start", "take-file"):
        found = [one for one in app.button if one.key == key and not one.disabled]
        if found:
            found[0].click().run()
            said = check(app)
            if key == "score-start" and (batch := app.session_state["batch"]):
                batch.job.thread.join(timeout=TIMEOUT)
                said = check(app.run())
    return said


def _as_browser(name: str) -> str:
    """What a browser tells of a file's name: its last part, and no control characters of ours."""
    plain = name.encode("utf-8", "ignore").decode().replace("\x00", "")
    return re.split(r"[/\\]", plain)[-1] or "file"


# --- Widgets ----------------------------------------------------------------------------


class Visit:
    """A page that is open, and whose widgets are handled oddly."""

    def __init__(self, chance: random.Random, place: Place) -> None:
        self._chance, self._place = chance, place
        page = chance.choice((*PAGES, "case", "data", "train", "routing"))
        models = [name for name in _LINKS["model"] for _ in range(2)]
        self.app = open_page(page, model=chance.choice(models))
        self.app.session_state["reader-name"] = "A. Example"
        if page == "data":
            kind = chance.choice(("tables", "archives"))
            name, content = chance.choice(sorted(seeds.read(place.seeds, kind).items()))
            self.app.file_uploader(key="data-file").upload(name, content, "text/csv").run()
        check(self.app)

    def step(self, chance: random.Random) -> str:
        """Handle a few widgets at once, as a browser would tell of it."""
        self._chance, app = chance, self.app
        states = app._tree.get_widget_states()
        known = {state.id: state for state in states.widgets}
        chosen = list(_handles(app))
        for element in chance.sample(chosen, min(len(chosen), chance.choice((1, 1, 2, 4)))):
            state = known.get(element.proto.id)
            if state is None:
                state = states.widgets.add()
                state.id = element.proto.id
            self._handle(element, state)
        app._run(states, TIMEOUT)
        return check(app)

    def _handle(self, element: Element, state: WidgetState) -> None:
        chance, outside = self._chance, self._place.outside
        kind = element.type
        text = word(chance, outside).encode("utf-8", "ignore").decode()
        if kind in ("text_input", "text_area"):
            most = element.proto.max_chars or 10_000
            state.string_value = text[:most]
        elif kind == "number_input":
            # The browser holds a number to its limits, and a whole one to what it can count.
            low, high = element.min, element.max
            value = number(chance)
            value = value if value == value else 0.0
            if element.proto.data_type == element.proto.INT:
                value = float(int(max(-_COUNTED, min(_COUNTED, value))))
            value = max(value, low) if low is not None else value
            state.double_value = min(value, high) if high is not None else value
        elif kind in ("selectbox", "radio") and element.options:
            state.string_value = chance.choice(element.options)
        elif kind == "multiselect" and element.options:
            some = chance.sample(
                element.options, chance.randrange(min(4, len(element.options)) + 1)
            )
            state.string_array_value.data[:] = some
        elif kind == "slider":
            low, high = float(element.proto.min), float(element.proto.max)
            ends = [
                chance.choice((low, high, chance.uniform(low, high))) for _ in element.proto.default
            ]
            state.double_array_value.data[:] = sorted(ends)
        elif kind in ("checkbox", "toggle"):
            state.bool_value = chance.random() < 0.5
        elif kind == "button":
            state.trigger_value = True
        elif kind in ("arrow_data_frame", "dataframe") and element.proto.id:
            state.string_value = self._edits(element)

    def _edits(self, element: Any) -> str:
        """Cells as someone types them; or rows that are selected, some of which are gone."""
        chance, outside = self._chance, self._place.outside
        columns = [str(name) for name in element.value.columns]
        if element.proto.editing_mode == element.proto.EditingMode.READ_ONLY:
            rows = [chance.randrange(max(1, 2 * len(element.value)))]
            return json.dumps({"selection": {"rows": rows, "columns": [], "cells": []}})

        def cell(name: str) -> Any:
            held = element.value[name]
            if chance.random() < 0.15:
                return None
            if held.dtype.kind == "b" or str(held.dtype) == "boolean":
                return chance.random() < 0.5
            if held.dtype.kind in "iuf" or str(held.dtype) in ("Int64", "Float64"):
                value = number(chance)
                value = value if abs(value) < 1e300 else 1e300
                return int(value) if str(held.dtype) in ("Int64", "int64") else value
            sample = next((one for one in held if one is not None), "")
            if not isinstance(sample, str):
                return [word(chance, outside) for _ in range(chance.randrange(3))]
            return word(chance, outside).encode("utf-8", "ignore").decode()

        some = {name: cell(name) for name in chance.sample(columns, min(3, len(columns)))}
        edits: dict[str, Any] = {"edited_rows": {}, "added_rows": [], "deleted_rows": []}
        if len(element.value):
            edits["edited_rows"] = {str(chance.randrange(len(element.value))): some}
        if element.proto.editing_mode == element.proto.EditingMode.DYNAMIC:
            kind = chance.random()
            edits["added_rows"] = [some] * (kind < 0.3)
            edits["deleted_rows"] = [0] * (kind > 0.8 and len(element.value) > 0)
        return json.dumps(edits)


def _handles(app: AppTest) -> Iterator[Any]:
    """Widgets that someone could handle now; not those that start trainings or throw away."""
    kinds = ("text_input", "text_area", "number_input", "selectbox", "radio", "multiselect")
    kinds += ("slider", "checkbox", "toggle", "button", "arrow_data_frame")
    for kind in kinds:
        for element in app.get(kind):
            if getattr(element.proto, "disabled", False) or element.key in _SAFE:
                continue
            if kind != "arrow_data_frame" or element.proto.id:
                yield element
