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
    "conformal traits unusual coverage_facts agreement judgement "
    "learning.account learning.lessons learning.merging learning.shift"
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
