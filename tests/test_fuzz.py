"""A short campaign of bad input (``python -m benchmarks.fuzz`` is the long one), and its alarms."""

import json
import random
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from test_app import TABULAR, open_app, own_store

from benchmarks.fuzz import forms, mutations, pages, seeds, uploads, watch
from benchmarks.fuzz.batch import ROOT
from benchmarks.fuzz.pages import Fault, check
from benchmarks.fuzz.table import table
from benchmarks.fuzz.uploads import Place
from benchmarks.fuzz.words import CANARY, word
from minspnet import doors
from minspnet.errors import UserError

__all__ = ["own_store"]
INPUTS = 16


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz")
    seeds.make(folder / "seeds")
    (folder / "outside").mkdir()
    return folder


@pytest.fixture
def place(room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("MINSPNET_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(doors, "start", lambda workspace: None)
    workspace = seeds.home_from(room / "seeds", tmp_path / "home")
    return Place(room / "seeds", workspace, room / "outside")


@pytest.mark.parametrize("entry", [*uploads.UPLOADS, *forms.FORMS])
def test_what_is_brought_in_is_taken_or_refused_in_a_sentence(entry: str, place: Place) -> None:
    refused = 0
    for number in range(INPUTS):
        chance = random.Random(f"{entry}/test/{number}")
        try:
            if entry in uploads.UPLOADS:
                upload = uploads.UPLOADS[entry]
                upload.give(*uploads.bad_file(upload, chance, place), chance, place)
            else:
                forms.FORMS[entry](chance, place)
        except UserError as error:
            refused += 1
            assert "Traceback" not in str(error) and str(place.workspace.root) not in str(error)
    assert refused > 0 or entry == "Train: lists"


def test_pages_take_bad_links_files_and_fields(place: Place) -> None:
    pages.give_link(random.Random(0), place)
    pages.give_file(random.Random(0), place)
    visit = pages.Visit(random.Random(6), place)
    visit.step(random.Random(1))


def test_a_page_that_fails_or_shows_markup_is_a_fault() -> None:
    app = open_app("models", model=TABULAR)
    assert check(app) == "taken"

    def with_words(*words: str, failed: bool = False, html: bool = False) -> SimpleNamespace:
        fields = dict.fromkeys(("warning", "info", "success", "caption", "error", "exception"), ())
        shown = [SimpleNamespace(value=one, allow_html=html) for one in words]
        broken = [SimpleNamespace(message="boom")] * failed
        return SimpleNamespace(**(fields | {"markdown": shown, "exception": broken}))

    check(with_words("plain \\[zqmark\\](http://evil.example)", "<script>zqmark</script>"))
    for page in (
        with_words(failed=True),
        with_words("Traceback (most recent call last)"),
        with_words(f"see {ROOT}/dashboard/app.py"),
        with_words("[zqmark](http://evil.example)"),
        with_words("<script>alert('zqmark')</script>", html=True),
    ):
        with pytest.raises(Fault):
            check(page)


def test_a_watched_process_tells_what_it_touched_and_how_long_it_took(tmp_path: Path) -> None:
    """In a process of its own: what listens to events cannot be taken away again."""
    home, outside = tmp_path / "home", tmp_path / "outside"
    home.mkdir()
    outside.mkdir()
    (outside / CANARY).write_text("x")
    program = f"""
import json, os, shutil, time
from pathlib import Path
from benchmarks.fuzz.watch import TooLong, Watch, at_most
home, outside = Path({str(home)!r}), Path({str(outside)!r})
watch = Watch(home, ())
open(outside / "before.txt", "w").close()
with watch.watching():
    (home / "a" / "b").mkdir(parents=True)
    (home / "a" / "b.txt").write_text("fine")
    shutil.rmtree(home / "a")
    import colorsys
allowed = list(watch.found)
with watch.watching():
    (outside / "{CANARY}").read_text()
    (outside / "new.txt").write_text("bad")
    os.rename(home, home.with_name("gone"))
try:
    with at_most(0.05):
        time.sleep(5)
except TooLong as error:
    print(json.dumps([allowed, watch.found, str(error)]))
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    allowed, found, late = json.loads(done.stdout)
    assert allowed == [] and "0.05 s" in late
    assert [one.replace(str(tmp_path), "") for one in found] == [
        f"open /outside/{CANARY}",
        "open /outside/new.txt to change it",
        "os.rename /gone to change it",
    ]


def test_a_listing_notes_any_change(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "a.txt").write_text("a")
    before = watch.listing(tmp_path)
    assert list(before) == ["kept/a.txt"] and watch.listing(tmp_path, ("kept",)) == {}
    (tmp_path / "kept" / "a.txt").write_text("ab")
    assert watch.listing(tmp_path) != before


def test_bad_files_follow_from_their_number_and_differ(place: Place) -> None:
    for name in ("Data: table", "Models: import"):
        entry = uploads.UPLOADS[name]
        made = [uploads.bad_file(entry, random.Random(k), place) for k in range(12)]
        assert made == [uploads.bad_file(entry, random.Random(k), place) for k in range(12)]
        assert len({content for _, content in made}) > 8
    assert len({word(random.Random(k), place.outside) for k in range(300)}) > 100
    assert mutations.in_bytes(b"", random.Random(0), place.outside) == b""


def test_a_table_adds_up_by_hand() -> None:
    """Two batches of one entry and one of another: 30 inputs, 2 faults, one file touched twice."""
    batch = {"inputs": 10, "taken": 4, "refused": 5, "faults": [{}], "outside": ["open /x"]}
    batch |= {"slowest": [0.5, 3], "peak_mb": 12.3}
    other = batch | {"faults": [], "outside": [], "slowest": [2.0, 7], "peak_mb": -1.0}
    records = [{"entry": "A", **batch}, {"entry": "A", **batch}, {"entry": "B", **other}]
    about = {"seed": 0, "machine": "M", "cores": 2, "memory_mb": 1536}
    text = table({**about, "seconds_core": 20.0, "seconds_page": 60.0, "records": records})
    assert text.splitlines()[-3:] == [
        "| A | 20 | 8 | 10 | 2 | 1 | 0.5 | 12 |",
        "| B | 10 | 4 | 5 | 0 | 0 | 2.0 | 0 |",
        "| all | 30 | 12 | 15 | 2 | 1 | 2.0 | 12 |",
    ]
