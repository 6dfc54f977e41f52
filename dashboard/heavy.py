"""Torch, captum and their like: slow to import, so that the first page comes before them.

Whoever needs one of ``MODULES`` calls ``load`` first. Threads that import modules of one library in
different orders at the same time would lock each other out.
"""

import gc
import importlib
import threading

MODULES = (
    "torch",
    "captum.attr",
    "sklearn.ensemble",
    "minspnet.network",
    "minspnet.ablation",
    "minspnet.activations",
    "minspnet.attribution",
    "minspnet.attribution.quality",
    "minspnet.attribution.routed",
    "minspnet.attribution.stages",
    "minspnet.baselines",
    "minspnet.deploy.export",
    "minspnet.deploy.session",
    "minspnet.latency",
    "minspnet.leakage",
    "minspnet.learning.update",
    "minspnet.memory",
    "minspnet.queue.preview",
)
_IMPORTING = threading.Lock()
_loaded = threading.Event()


def load() -> None:
    """Import all of ``MODULES``, or wait until another thread has."""
    if _loaded.is_set():
        return
    with _IMPORTING:
        if _loaded.is_set():
            return
        for module in MODULES:
            importlib.import_module(module)
        # Streamlit collects after every rerun; torch's objects would cost 85 ms each time.
        gc.collect()
        gc.freeze()
        _loaded.set()


def wait() -> None:
    """Let a thread that is importing finish before this one imports anything."""
    if not _loaded.is_set():
        with _IMPORTING:
            pass
