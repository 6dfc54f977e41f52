"""The dashboard on a model with very many validation cases: ``streamlit run`` it to time a page.

Real evidence, drawn with replacement and jittered, takes the place of the validation part, and
the cases drawn stand behind it. The app itself is the one that ships.
"""

import dataclasses
import os
import runpy
import sys
from pathlib import Path

import numpy as np
import streamlit as st

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.speed import resampled  # noqa: E402
from dashboard import cache, cache_routing  # noqa: E402
from minspnet.artifact import Model  # noqa: E402
from minspnet.data import Cases  # noqa: E402

COUNT = int(os.environ.get("MINSPNET_CASES", "100000"))
if not hasattr(cache, "few"):
    # This file runs at every click; what it replaces must be kept from the first time.
    cache.few = cache.model, cache.part
_model, _part = cache.few


@st.cache_resource(show_spinner=False)
def large_model(name: str) -> Model:
    """The model, with as many validation cases as asked for."""
    loaded = _model(name)
    traces = dict(loaded.traces) | {"validation": resampled(loaded.traces["validation"], COUNT)}
    return dataclasses.replace(loaded, traces=traces)


@st.cache_resource(show_spinner=False)
def large_part(name: str, part_name: str) -> Cases:
    """The cases behind them."""
    if part_name != "validation":
        return _part(name, part_name)
    few = cache.cases(name)
    rows = few.rows_of(_model(name).traces["validation"].case_ids)
    return few.take(rows[np.random.default_rng(0).integers(len(rows), size=COUNT)])


for module in (cache, cache_routing):
    module.model, module.part = large_model, large_part

runpy.run_path(str(ROOT / "dashboard" / "app.py"), run_name="__main__")
