"""A first-time user in a real browser: from a file to an explained case of their own network.

The steps are those of ``benchmarks.first_time``; the file is small, and so is the network.
"""

import csv
import os
import re
from pathlib import Path

import numpy as np
import pytest
from own_data import COLUMNS, LEVELS, loans
from playwright.sync_api import Page

from benchmarks.browser import browser, chromium_path, server
from benchmarks.first_time import MOST_CLICKS, explain_own, open_data, record_of, table
from benchmarks.journeys import tile
from minspnet.artifact import load
from minspnet.trace import replay
from minspnet.workspace import Workspace

if chromium_path() is None:
    if os.environ.get("CI"):
        pytest.fail("CI must have Chromium for the browser tests", pytrace=False)
    pytest.skip("Chromium is not installed: the browser was not tested", allow_module_level=True)


def loans_file(path: Path) -> Path:
    """Loans as a person would have them: words, missing cells."""
    collection = loans()
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*COLUMNS, "status"])
        for (income, debt, job), label in zip(
            collection.cases.inputs.tolist(), collection.cases.labels.tolist(), strict=True
        ):
            known = "" if np.isnan(job) else LEVELS[int(job)]
            status = collection.card.classes[label]
            writer.writerow([f"{income:.3f}", f"{debt:.3f}", known, status])
    return path


def test_a_table_of_loans_is_explained_within_a_few_clicks(tmp_path: Path) -> None:
    path = loans_file(tmp_path / "loans.csv")
    with server(tmp_path) as (address, log), browser() as chromium:
        page: Page = chromium.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(60_000)
        visitor = open_data(page, address)
        done = explain_own(visitor, path, "Tiny")
        shown = tile(page, "The network says").get_by_test_id("stMetricValue").inner_text()
        page.close()
        said = log.read_text()
    assert not re.search(r"error|warning|traceback", said, re.IGNORECASE), said
    assert visitor.clicks <= MOST_CLICKS and not visitor.keys
    assert "200 rows, 4 columns" in done.said["found"]
    one = record_of(done) | {"file": "loans", "load": 1.0}
    printed = table({"machine": "this", "cores": 2, "records": [one]}).splitlines()[-1]
    assert printed.startswith(f"| loans | 200 rows, 4 columns | {visitor.clicks} |")
    # What is on the screen is what the saved network says of the case it is least sure of.
    workspace = Workspace(tmp_path / "home")
    assert workspace.collections() == ("loans",)
    model = load(next(one for one in workspace.models.iterdir() if one.is_dir()))
    assert model.domain.classes == ("default", "paid")
    known = model.metrics["gated"]["accuracy"]
    assert float(done.said["accuracy"]) == pytest.approx(known, abs=1e-3)
    doubts = []
    for part in ("validation", "test"):
        decided = replay(model.traces[part], model.policy)
        margins = np.abs(decided.probabilities[:, 1] - decided.probabilities[:, 0])
        doubts.append((margins.min(), model.domain.classes[decided.predicted[margins.argmin()]]))
    assert shown == min(doubts)[1]
