"""The rules of DESIGN.md, section 5: who may import whom, and what may stand where.

import-linter reads the layers from ``importlinter.toml``; ``pages/`` is no package, so its
rules and the dashboard's are checked on the syntax tree.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

from dashboard import heavy

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("minspnet", "dashboard", "pages")
NUMPY_ONLY = (
    "errors spec policy domain trace metrics sweep data domains artifact waterfall "
    "record.store record.verify adapters patches reasons certify operating search "
    "deploy.session latency "
    "cohort errortree projection spreadsheet sheets intake "
    "counterfactual whatif picture_columns "
    "intervention concept_scores concept_weights worth_checking trust "
    "spread wording collection workspace registry package budgets queue.worker predict "
    "conformal traits unusual coverage_facts caution behind titles agreement judgement access "
    "membership doors "
    "estimate learned learning.lessons learning.merging learning.shift"
)
LONGEST = 400
CACHES = "dashboard/cache"
"""How the modules begin that may cache: one, and one a page that keeps much."""


def test_imports_keep_the_layers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", list(sys.path))
    config = str(ROOT / "tests" / "importlinter.toml")
    broken = lint_imports(config_filename=config, no_cache=True, no_logo=True)
    assert not broken, capsys.readouterr().out


def test_evidence_can_be_read_without_torch() -> None:
    """A page shows a saved model before torch is imported: that dominates a cold start."""
    program = f"""
import importlib, sys
for name in {NUMPY_ONLY.split()}:
    importlib.import_module(f"minspnet.{{name}}")
    heavy = {{"torch", "sklearn", "captum", "onnx", "onnxruntime"}} & set(sys.modules)
    assert not heavy, f"minspnet.{{name}} imports {{heavy}}"
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def imports(tree: ast.AST) -> Iterator[str]:
    """Dotted names of all that is imported, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def uses_streamlit_cache(tree: ast.AST) -> bool:
    """Whether ``st.cache_data`` or its like is called, decorates or is imported."""
    attributes = (
        f"streamlit.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in ("st", "streamlit")
    )
    return any(name.startswith("streamlit.cache") for name in (*attributes, *imports(tree)))


def broken_rules(path: str, source: str) -> list[str]:
    """Say which rules a file breaks, given where it lies."""
    tree = ast.parse(source)
    packages = {name.split(".")[0] for name in imports(tree)}
    broken = []
    if path.startswith("pages/"):
        heavy = sorted(packages & {"torch", "captum", "sklearn", "numpy"})
        broken += [f"{path} is a page and imports {name}" for name in heavy]
    if path.startswith("dashboard/figures/") and "streamlit" in packages:
        broken.append(f"{path} is a figure and imports streamlit")
    if not path.startswith(CACHES) and uses_streamlit_cache(tree):
        broken.append(f"{path} caches, which only {CACHES}*.py do")
    if source.count("\n") > LONGEST:
        broken.append(f"{path} has more than {LONGEST} lines: are these two ideas?")
    if Path(path).stem in ("utils", "helpers", "common"):
        broken.append(f"{path} is not named after what it does")
    return broken


@pytest.mark.parametrize(
    ("path", "source", "rules"),
    [
        ("pages/a.py", "import streamlit as st\nfrom dashboard import cache\nst.title('A')", 0),
        ("pages/a.py", "import numpy as np", 1),
        ("pages/a.py", "def f():\n    from sklearn.metrics import roc_auc_score", 1),
        ("pages/a.py", "import torch.nn, captum.attr", 2),
        ("pages/a.py", "import streamlit as st\n@st.cache_data(ttl=1)\ndef f(): ...", 1),
        ("pages/a.py", "from streamlit import cache_resource", 1),
        ("dashboard/cache.py", "import streamlit as st\n@st.cache_resource\ndef f(): ...", 0),
        (
            "dashboard/cache_routing.py",
            "import streamlit as st\n@st.cache_resource\ndef f(): ...",
            0,
        ),
        ("dashboard/cache.py", "from dashboard import cache_keys", 0),
        ("dashboard/state.py", "import streamlit\nf = streamlit.cache_data(len)", 1),
        ("dashboard/figures/a.py", "import numpy, plotly.graph_objects", 0),
        ("dashboard/figures/a.py", "import streamlit as st", 1),
        ("minspnet/utils.py", "", 1),
        ("minspnet/a.py", "\n" * LONGEST, 0),
        ("minspnet/a.py", "\n" * (LONGEST + 1), 1),
    ],
)
def test_the_rules_can_be_broken(path: str, source: str, rules: int) -> None:
    assert len(broken_rules(path, source)) == rules


def test_no_file_breaks_a_rule() -> None:
    files = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    assert len(files) > 20
    broken = [
        rule
        for path in files
        for rule in broken_rules(path.relative_to(ROOT).as_posix(), path.read_text())
    ]
    assert not broken, "\n".join(broken)


BEHIND_DOORS = {
    "registry": {"rename", "delete", "restore", "settle_title"},
    "package": {"pack", "unpack"},
    "predict": {"predict"},
    "queue.worker": {"start", "work"},
    "queue.queue": {"Queue"},
    "record.store": {"Store"},
    "record.reviews": {"Reviews"},
    "record.queues": {"ReviewQueues"},
    "record.drafts": {"Drafts"},
    "record.audit": {"AuditLog", "add_entry"},
}
"""What asks nobody, by module of the core: pages go through ``minspnet.doors``."""
MAY_BE_READ = {
    "store": {"operating_point", "operating_points", "devices", "adoptions", "sets"},
    "queue": {"entries", "is_worked_on", "is_starting"},
}
"""Of what ``cache.store()`` and ``cache_train.queue()`` give, what everybody may see.

Adoptions and sets ask for themselves whoever changes them.
"""
KEEPERS = {
    "dashboard/who.py": {"Actor", "Doors", "store"},
    "dashboard/cache.py": {"Store"},
    "dashboard/cache_train.py": {"Queue"},
    "dashboard/widgets/download.py": {"download"},
}
"""Where the doors are made and what they need is opened."""


def ways_around(path: str, source: str) -> list[str]:
    """Say where a page reaches what is kept without asking who may."""
    kept, tree = KEEPERS.get(path, set()), ast.parse(source)
    names = {f"minspnet.{module}.{name}" for module, all_ in BEHIND_DOORS.items() for name in all_}
    found = [one for one in imports(tree) if one in names and one.split(".")[-1] not in kept]
    short = {module.split(".")[-1]: known for module, known in BEHIND_DOORS.items()}
    opened = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            base, attr = node.value, node.attr
            if isinstance(base, ast.Name) and attr in short.get(base.id, ()):
                found.append(f"{base.id}.{attr}")
            if attr == "download_button" and "download" not in kept:
                found.append(attr)
            if attr in ("save", "new_model") and "workspace" in ast.unparse(base).lower():
                found.append(ast.unparse(node))
            if isinstance(base, ast.Call):
                opened[base] = attr
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func).split(".")[-1]
            if called in ("Actor", "Doors") and called not in kept:
                found.append(f"{called}(...)")
            if called in MAY_BE_READ and called not in kept and not node.args:
                read = opened.get(node)
                found += [f"{called}().{read}"] * (read not in MAY_BE_READ[called])
    return [f"{path} goes around the doors by {one}" for one in found]


@pytest.mark.parametrize(
    ("path", "source", "ways"),
    [
        ("pages/a.py", "from minspnet.registry import delete\ndelete(w, 'x')", 1),
        ("pages/a.py", "from minspnet import registry\nregistry.delete(w, 'x')", 1),
        ("pages/a.py", "from minspnet import registry\nregistry.deleted(w)", 0),
        ("pages/a.py", "cache.store().reviews.find()", 1),
        ("pages/a.py", "store = cache.store()\nstore.audit", 1),
        ("pages/a.py", "cache.store().operating_point(digest)", 0),
        ("dashboard/who.py", "Doors(Actor('', 1), cache.store(), w)", 0),
        ("dashboard/desk.py", "Doors(Actor('', 1), cache.store(), w)", 3),
        ("pages/a.py", "cache_train.queue().stop('x')", 1),
        ("pages/a.py", "cache_train.queue().entries()", 0),
        ("pages/a.py", "Workspace.from_environment().save(collection)", 1),
        ("pages/a.py", "st.download_button('x', 'y')", 1),
        ("dashboard/widgets/download.py", "st.download_button('x', 'y')", 0),
        ("dashboard/batch.py", "from minspnet.predict import predict", 1),
        ("dashboard/cache.py", "from minspnet.record.store import Store", 0),
    ],
)
def test_a_way_around_the_doors_is_found(path: str, source: str, ways: int) -> None:
    assert len(ways_around(path, source)) == ways


def test_pages_ask_who_may() -> None:
    files = [p for folder in ("dashboard", "pages") for p in sorted((ROOT / folder).rglob("*.py"))]
    found = [
        way
        for path in files
        for way in ways_around(path.relative_to(ROOT).as_posix(), path.read_text())
    ]
    assert not found, "\n".join(found)


def hurried_imports(source: str) -> list[str]:
    """Modules of the core that a function imports without having them loaded before."""
    found = []
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef):
            continue
        loaded = False
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "heavy.load":
                loaded = True
        found += [
            str(node.module)
            for node in ast.walk(function)
            if isinstance(node, ast.ImportFrom)
            and str(node.module).startswith("minspnet")
            and not (loaded and node.module in heavy.MODULES)
        ]
    return found


@pytest.mark.parametrize(
    "path", sorted((ROOT / "dashboard").rglob("*.py")), ids=lambda path: path.name
)
def test_heavy_libraries_are_imported_by_one_thread_at_a_time(path: Path) -> None:
    assert not hurried_imports(path.read_text())


def test_a_hurried_import_is_found() -> None:
    late = "def f():\n    from minspnet.attribution import attribute\n"
    assert hurried_imports(late) == ["minspnet.attribution"]
    assert not hurried_imports(late.replace("from", "heavy.load()\n    from", 1))
    unknown = "def f():\n    heavy.load()\n    from minspnet.errors import UserError\n"
    assert hurried_imports(unknown) == ["minspnet.errors"]
