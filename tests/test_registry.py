"""One's own models: kept, renamed, deleted, brought back, packed, and brought in without trust."""

import io
import json
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from own_data import LOANS, loans, trained_on_loans
from studies import SHIPPED

from minspnet import collection as collections
from minspnet import registry
from minspnet.adapters import Card, write_card
from minspnet.artifact import load, save
from minspnet.behind import cases_of
from minspnet.cli import main
from minspnet.collection import CARD, Collection, load_collection, save_collection
from minspnet.data import Cases, Split
from minspnet.errors import UserError
from minspnet.package import MOST, pack, unpack
from minspnet.registry import entries, entry_of, rename
from minspnet.wording import check_words
from minspnet.workspace import SHIPPED_MODELS, Workspace, as_name, checked_name

NAME = "loans-tiny"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("MINSPNET_HOME", str(tmp_path / "home"))
    return Workspace.from_environment()


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("models") / NAME
    save(trained_on_loans(), folder, collection=loans(), parent="c0ffee")
    rename_to(folder, "Loans, first try")
    return packed_of(folder)


def rename_to(folder: Path, title: str) -> None:
    (folder / registry.TITLE).write_text(title)


def packed_of(folder: Path) -> bytes:
    file = io.BytesIO()
    pack(folder, file)
    return file.getvalue()


def saved(workspace: Workspace) -> Path:
    folder = workspace.new_model(NAME)
    save(trained_on_loans(), folder, collection=loans())
    return folder


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(UserError) as caught:
        act()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def everything_in(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


# --- Collections ----------------------------------------------------------------------------


def test_a_collection_comes_back(workspace: Workspace) -> None:
    given = loans()
    workspace.save(given)
    assert workspace.collections() == ("loans",)
    found = workspace.collection("loans")
    assert (found.card, found.source, found.digest) == (given.card, given.source, given.digest)
    assert (found.cases.ids, found.cases.groups) == (given.cases.ids, given.cases.groups)
    np.testing.assert_array_equal(found.cases.inputs, given.cases.inputs)
    np.testing.assert_array_equal(found.cases.labels, given.cases.labels)
    for name, column in given.cases.columns.items():
        np.testing.assert_array_equal(found.cases.columns[name], column)


def test_groups_and_an_official_split_come_back(tmp_path: Path) -> None:
    cases = loans(40).cases
    grouped = Cases(
        cases.ids, cases.inputs, cases.labels, cases.columns, tuple(f"p{n // 2}" for n in range(40))
    )
    split = Split(np.arange(20), np.arange(20, 30), np.arange(30, 40))
    given = Collection(LOANS, grouped, split)
    save_collection(given, tmp_path)
    found = load_collection(tmp_path)
    assert found.cases.groups == grouped.groups
    assert found.split is not None
    for part in ("train", "validation", "test"):
        np.testing.assert_array_equal(getattr(found.split, part), getattr(split, part))
    digests = {given.digest, Collection(LOANS, grouped).digest, Collection(LOANS, cases).digest}
    assert len(digests) == 3


def test_a_variant_chooses_columns() -> None:
    told = LOANS.to_dict() | {
        "variants": [
            {"name": "all", "title": "All", "meaning": "", "inputs": ["income", "debt", "job"]},
            {"name": "money", "title": "Money", "meaning": "", "inputs": ["debt", "income"]},
        ]
    }
    given = Collection(Card.from_dict(told), loans().cases)
    np.testing.assert_array_equal(given.of_variant("money").inputs, loans().cases.inputs[:, [1, 0]])
    np.testing.assert_array_equal(given.of_variant(None).inputs, loans().cases.inputs)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"key": "phishing"}, "key must not be that of a task that ships"),
        ({"title": "![x](http://evil.example/x.png)"}, "card must hold no link or picture"),
        ({"summary": "x" * 2001}, "must be texts of at most 2,000 characters"),
        ({"question": "a\x1b[31mb"}, "must hold no control characters"),
    ],
)
def test_cards_that_pages_could_not_show_are_refused(change: dict, told: str) -> None:
    card = Card.from_dict(LOANS.to_dict() | change)
    assert told in refused(lambda: Collection(card, loans().cases))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"columns": {}}, "columns of loans must hold debt"),
        ({"ids": ("same",) * 200}, "case ids must be unique"),
        ({"ids": ("a](b",) * 200}, "case ids must"),
        ({"labels": np.full(200, 2)}, "must be one of the card's 2 classes"),
        ({"groups": ("one",)}, "must have one value each"),
    ],
)
def test_cases_that_do_not_fit_their_card_are_refused(change: dict, told: str) -> None:
    cases = Cases(**vars(loans().cases) | change)
    assert told in refused(lambda: Collection(LOANS, cases))


@pytest.mark.parametrize(
    "rows",
    [
        (range(100), range(100, 150), range(140, 200)),
        (range(200), (), ()),
        (range(9), range(9, 20), (200,)),
    ],
)
def test_an_official_split_that_is_none_is_refused(rows: tuple) -> None:
    split = Split(*(np.array(part, np.intp) for part in rows))
    assert "official split must" in refused(lambda: Collection(LOANS, loans().cases, split))


def test_a_broken_collection_says_so(tmp_path: Path) -> None:
    save_collection(loans(40), tmp_path)
    for name, content in (
        ("cases.safetensors", b"no tensors"),
        ("card.toml", b"\xff\xfe"),
        ("card.toml", b"key = 1"),
        ("card.toml", b"#" * (2**20 + 1)),
    ):
        before = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content)
        refused(lambda: load_collection(tmp_path))
        (tmp_path / name).write_bytes(before)
    (tmp_path / "card.toml").unlink()
    assert "card.toml" in refused(lambda: load_collection(tmp_path))


def test_a_hand_edited_card_is_read(tmp_path: Path) -> None:
    save_collection(loans(40), tmp_path)
    text = write_card(LOANS).replace('title = "Means"', 'title = "Means of living"')
    (tmp_path / "card.toml").write_text(text)
    assert load_collection(tmp_path).card.concepts[0].title == "Means of living"
    (tmp_path / "card.toml").write_text(text.replace('"income"', '"wealth"'))
    assert "columns of loans must hold wealth" in refused(lambda: load_collection(tmp_path))


@pytest.mark.parametrize(
    "name", ["", "..", "../x", "a/b", "a.b", "-a", "_a", "a b", "x" * 81, "a\0"]
)
def test_names_that_are_paths_are_refused(workspace: Workspace, name: str) -> None:
    assert "name must be letters, digits, - and _" in refused(lambda: checked_name(name))
    refused(lambda: workspace.model_folder(name))
    assert checked_name(as_name(name)) == as_name(name)


def test_words_on_pages_may_be_nearly_anything() -> None:
    check_words("card", ["Größe [cm] (mittel)", "a_b * c < 3 $", "https://example.org/x", "*", ""])


# --- Models ---------------------------------------------------------------------------------


def test_a_model_holds_its_task_and_cases(workspace: Workspace) -> None:
    model = load(saved(workspace))
    assert model.domain == LOANS.domain()
    assert (model.data, model.domain_key) == (loans().digest, "loans")
    assert model.created and not model.parent
    found = cases_of(model)
    np.testing.assert_array_equal(found.inputs, loans().cases.inputs)
    assert found.ids == loans().cases.ids


def test_a_card_that_is_not_the_models_is_refused(workspace: Workspace) -> None:
    folder = saved(workspace)
    before = (folder / "card.toml").read_text()
    (folder / "card.toml").write_text(before.replace("Loans", "Other"))
    assert "card.toml of model loans-tiny must match the hash" in refused(lambda: load(folder))
    (folder / "card.toml").unlink()
    assert "must hold all its files, got card.toml" in refused(lambda: load(folder))


def test_shipped_models_need_no_card() -> None:
    model = load(SHIPPED[0])
    assert (model.data, model.created, model.parent) == ("", "", "")
    entry = entry_of(model)
    assert entry.shipped and entry.title == entry.name and not entry.own_cases


def test_another_title_leaves_the_digest(workspace: Workspace) -> None:
    folder = saved(workspace)
    before = load(folder).digest
    rename(workspace, NAME, "  Loans of 2024 ")
    entry = entry_of(load(folder))
    assert (entry.title, entry.name, entry.digest) == ("Loans of 2024", NAME, before)
    for title in ("", "x" * 81, "a\nb", "![x](y)"):
        assert "title must" in refused(lambda title=title: rename(workspace, NAME, title))
    assert entry_of(load(folder)).title == "Loans of 2024"


def test_lists_can_tell_models_apart(workspace: Workspace, packed: bytes) -> None:
    """By their titles: given by someone, coming in by file, or coming back."""
    first, second = (unpack(io.BytesIO(packed), f"{NAME}.minspnet", workspace) for _ in range(2))

    def title(name: str) -> str:
        return registry.title_of(workspace.models / name)

    assert (title(first), title(second)) == ("Loans, first try", "Loans, first try (2)")
    told = refused(lambda: rename(workspace, second, "Loans, first try"))
    assert told.startswith("title must be no other model's, got 'Loans, first try'; choose")
    rename(workspace, second, title(second))  # one's own is free
    registry.delete(workspace, first)
    rename(workspace, second, "Loans, first try")
    registry.restore(workspace, first)
    assert title(first) == "Loans, first try (2)"
    longest = "x" * registry.LONGEST_TITLE
    rename(workspace, first, longest)
    assert len(registry.free_title(workspace, longest, second)) <= registry.LONGEST_TITLE


def test_a_deleted_model_comes_back_and_keeps_its_name(workspace: Workspace) -> None:
    folder = saved(workspace)
    before = everything_in(folder)
    registry.delete(workspace, NAME)
    assert registry.deleted(workspace) == [NAME]
    assert NAME not in [entry.name for entry in entries(workspace)[0]]
    assert workspace.new_model(NAME).name == f"{NAME}-2"
    registry.restore(workspace, NAME)
    assert everything_in(folder) == before
    assert not registry.deleted(workspace)
    assert "must be in the trash" in refused(lambda: registry.restore(workspace, NAME))


@pytest.mark.parametrize("act", [registry.delete, lambda w, name: rename(w, name, "x")])
def test_what_ships_stays(workspace: Workspace, act: Callable) -> None:
    name = SHIPPED[0].name
    assert "must be one of your own" in refused(lambda: act(workspace, name))
    assert "must be one that is there" in refused(lambda: act(workspace, "none"))
    assert (SHIPPED_MODELS / name / "model.json").is_file()


def test_no_name_is_given_twice(workspace: Workspace) -> None:
    names = [workspace.new_model(wanted).name for wanted in ("a", "a", "phishing", "a")]
    assert names == ["a", "a-2", "phishing-2", "a-3"]


# --- One safe file --------------------------------------------------------------------------


def test_a_packed_model_comes_back_whole(workspace: Workspace, packed: bytes) -> None:
    name = unpack(io.BytesIO(packed), f"{NAME} (1).minspnet", workspace)
    assert name == f"{NAME}-1"
    entry = entry_of(load(workspace.models / name))
    assert (entry.title, entry.parent, entry.own_cases) == ("Loans, first try", "c0ffee", True)
    assert packed_of(workspace.models / name) == packed
    assert unpack(io.BytesIO(packed), f"{name}.minspnet", workspace) == f"{name}-2"
    assert not list(workspace.models.glob(".*"))


def test_a_shipped_model_can_be_handed_on(workspace: Workspace) -> None:
    content = packed_of(SHIPPED[0])
    name = unpack(io.BytesIO(content), f"{SHIPPED[0].name}.minspnet", workspace)
    assert name == f"{SHIPPED[0].name}-2"
    assert load(workspace.models / name).digest == load(SHIPPED[0]).digest


Change = Callable[[dict[str, bytes]], object]


def rezipped(packed: bytes, change: Change) -> bytes:
    """The same file with its members changed."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def rehashed(members: dict[str, bytes], name: str, content: bytes) -> None:
    """Change a member and have model.json vouch for it."""
    import hashlib

    members[name] = content
    described = json.loads(members["model.json"])
    described["sha256"][name] = hashlib.sha256(content).hexdigest()
    members["model.json"] = json.dumps(described).encode()


def without(name: str) -> Change:
    return lambda members: members.pop(name)


def with_more(name: str, content: bytes = b"x") -> Change:
    return lambda members: members.update({name: content})


def in_json(name: str, change: Callable[[dict], object]) -> Change:
    """Change what a member says, and have model.json vouch for it."""

    def apply(members: dict[str, bytes]) -> None:
        said = json.loads(members[name])
        change(said)
        content = json.dumps(said).encode()
        members[name] = content
        if name != "model.json":
            rehashed(members, name, content)

    return apply


def with_experts(**changes: object) -> Callable[[bytes], bytes]:
    """Say other things of the first expert."""
    change = in_json("model.json", lambda said: said["spec"]["experts"][0].update(changes))
    return lambda packed: rezipped(packed, change)


def with_metrics(**changes: object) -> Callable[[bytes], bytes]:
    return lambda packed: rezipped(packed, in_json("metrics.json", lambda m: m.update(changes)))


def with_cost(packed: bytes) -> bytes:
    return rezipped(packed, in_json("model.json", lambda said: said["cost"].update(base="x")))


def with_deviations(members: dict[str, bytes]) -> None:
    card = members["card.toml"].replace(b'rule = "spread"', b'rule = "deviation"')
    rehashed(members, "card.toml", card)


def with_markup_in_the_name(packed: bytes) -> bytes:
    def change(said: dict) -> None:
        first, second = said["spec"]["experts"]
        first["name"] = second["parent"] = "![x](http://e)"

    return rezipped(packed, in_json("model.json", change))


def other_cases(members: dict[str, bytes]) -> None:
    from minspnet.collection import _cases_bytes

    rehashed(members, "cases.safetensors", _cases_bytes(loans(20)))


def link(packed: bytes) -> bytes:
    file = io.BytesIO(packed)
    with zipfile.ZipFile(file, "a") as archive:
        about = zipfile.ZipInfo("title.txt")
        about.external_attr = (stat.S_IFLNK | 0o777) << 16
        del archive.NameToInfo["title.txt"]
        archive.filelist = [m for m in archive.filelist if m.filename != "title.txt"]
        archive.writestr(about, "/etc/passwd")
    return file.getvalue()


def twice(packed: bytes) -> bytes:
    file = io.BytesIO(packed)
    with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("title.txt", "again")
    return file.getvalue()


def lying(packed: bytes) -> bytes:
    """Declare a member smaller than it is, in both places where a zip says so."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        about = archive.getinfo("title.txt")
    size, less = struct.pack("<L", about.file_size), struct.pack("<L", 3)
    changed = bytearray(packed)
    for mark, offset in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        place = (
            packed.rindex(mark, 0, packed.rindex(b"title.txt"))
            if mark == b"PK\1\2"
            else about.header_offset
        )
        assert changed[place + offset : place + offset + 4] in (size, b"\0\0\0\0")
        changed[place + offset : place + offset + 4] = less
    return bytes(changed)


def flipped(packed: bytes) -> bytes:
    """Change one byte in the middle of the weights."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        member = archive.getinfo("weights.safetensors")
    place = member.header_offset + member.compress_size // 2
    return packed[:place] + bytes([packed[place] ^ 255]) + packed[place + 1 :]


BAD: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda packed: b"", "must be a whole .minspnet file"),
    "text": (lambda packed: b"model", "must be a whole .minspnet file"),
    "cut": (lambda packed: packed[: len(packed) // 2], "must be a whole .minspnet file"),
    "flipped": (flipped, "must"),
    "more": (lambda p: rezipped(p, with_more("run.py")), "must hold"),
    "outside": (
        lambda p: rezipped(p, lambda m: (m.pop("title.txt"), m.update({"../x": b"x"}))),
        "must hold nothing but",
    ),
    "nested": (
        lambda p: rezipped(p, lambda m: m.update({"a/title.txt": m.pop("title.txt")})),
        "must hold nothing but",
    ),
    "absolute": (
        lambda p: rezipped(p, lambda m: m.update({"/title.txt": m.pop("title.txt")})),
        "must hold nothing but",
    ),
    "link": (link, "title.txt must be a plain file"),
    "twice": (twice, "must hold"),
    "lying": (lying, "must be"),
    "no weights": (lambda p: rezipped(p, without("weights.safetensors")), "must hold weights"),
    "no cases": (lambda p: rezipped(p, without("cases.safetensors")), "must hold all its files"),
    "other weights": (
        lambda p: rezipped(p, with_more("weights.safetensors")),
        "must match the hash",
    ),
    "pickle": (
        lambda p: rezipped(p, lambda m: rehashed(m, "weights.safetensors", b"\x80\x04.")),
        "cannot be read",
    ),
    "other cases": (lambda p: rezipped(p, other_cases), "case id must be one of the 20 cases"),
    "no metrics": (
        lambda p: rezipped(p, lambda m: rehashed(m, "metrics.json", b"{}")),
        "gated.accuracy in metrics.json must be a number, got nothing",
    ),
    "title": (
        lambda p: rezipped(p, with_more("title.txt", b"![x](http://e)")),
        "title must hold no link",
    ),
    "long title": (
        lambda p: rezipped(p, with_more("title.txt", b"x" * 2000)),
        "title.txt must unpack to at most 1,024",
    ),
    "bomb": (
        lambda p: rezipped(p, with_more("metrics.json", b" " * 2**25)),
        "must unpack to at most",
    ),
    "dense": (
        lambda p: rezipped(p, with_more("weights.safetensors", b"\0" * 2**24)),
        "must unpack to at most",
    ),
    "title in no words": (
        lambda p: rezipped(p, with_more("title.txt", b"\xff\xe9")),
        "parts of the model must go together, got UnicodeDecodeError",
    ),
    "scores in words": (with_metrics(gated="x"), "gated.accuracy in metrics.json must be a number"),
    "metrics in a list": (
        lambda p: rezipped(p, lambda m: rehashed(m, "metrics.json", b'["gated"]')),
        "metrics.json of model x cannot be read",
    ),
    "markup in metrics": (
        with_metrics(baselines={"![x](http://e)": {"accuracy": 1, "auc": 1}}),
        "words of metrics.json must hold no link",
    ),
    "baselines in words": (
        with_metrics(baselines={"trees": {"accuracy": "x", "auc": 1}}),
        "baselines.trees.accuracy in metrics.json must be a number, got 'x'",
    ),
    "no baselines": (with_metrics(baselines=3), "baselines in metrics.json must be a table, got 3"),
    "no runs": (with_metrics(over_splits=[1]), "over_splits in metrics.json must be a table"),
    "a cost in words": (with_cost, "model"),
    "another rule": (
        lambda p: rezipped(p, with_deviations),
        "parts of the model must go together, got KeyError",
    ),
    "an expert's markup": (with_markup_in_the_name, "names of experts must hold no link"),
    "a huge expert": (with_experts(width=10**6, hidden=10**6), "must be at most 100,000"),
    "a deep expert": (with_experts(repeats=10**9), "must have at most 100 experts and layers"),
    "a name in no words": (
        lambda p: p.replace(b"title.txt", b"titl\xff.txt"),
        "must",
    ),
    "no card": (lambda p: rezipped(p, lambda m: rehashed(m, "card.toml", b"key = 1")), "must"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_files_leave_everything_as_it_was(
    workspace: Workspace, packed: bytes, kind: str
) -> None:
    make, told = BAD[kind]
    saved(workspace)
    before = everything_in(workspace.root)
    content = make(packed)
    assert told in refused(lambda: unpack(io.BytesIO(content), "x.minspnet", workspace))
    assert everything_in(workspace.root) == before
    assert [path.name for path in workspace.models.iterdir()] == [NAME]


def test_every_member_that_is_written_may_be_read(packed: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert sorted(archive.namelist()) == sorted(MOST)


# --- Verbs ----------------------------------------------------------------------------------


def test_verbs_list_export_and_import(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved(workspace)
    file = tmp_path / "x.minspnet"
    assert main(["models", "export", NAME, "--out", str(file)]) == 0
    assert "with the model's cases" in capsys.readouterr().out
    assert main(["models", "import", str(file)]) == 0
    assert "x is now among the models" in capsys.readouterr().out
    assert main(["models", "--json"]) == 0
    names = [one["name"] for one in json.loads(capsys.readouterr().out)["models"]]
    assert names == [*(folder.name for folder in SHIPPED), NAME, "x"]
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(names)
    assert main(["evaluate", str(workspace.models / "x")]) == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["export", "none", "--out", "x.minspnet"], "model must be one that is there"),
        (["export", "../x", "--out", "x.minspnet"], "name must be letters"),
        (["import", "none.minspnet"], "must be a file that can be read"),
        (["export", "phishing", "--out", "no/x.minspnet"], "must be a file that can be written"),
    ],
)
def test_verbs_refuse_in_a_sentence(
    words: list[str],
    told: str,
    workspace: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["models", *words]) == 2
    assert told in capsys.readouterr().err


def test_a_disk_that_is_full_leaves_the_old_data(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.save(loans())
    before = everything_in(workspace.root)
    monkeypatch.setattr(collections, "_card_bytes", fail)
    with pytest.raises(OSError, match="full"):
        workspace.save(loans(seed=1))
    assert everything_in(workspace.root) == before


def test_new_cases_never_lie_under_an_old_card(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.save(loans())
    replace = Path.replace

    def cut_off(path: Path, target: Path) -> Path:
        if path.name == CARD:
            fail()
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", cut_off)
    with pytest.raises(OSError, match="full"):
        workspace.save(loans(seed=1))
    assert workspace.collections() == ()


def fail(*given: object) -> bytes:
    raise OSError("the disk is full")


def test_a_packed_file_that_lies_before_the_archive_is_refused(workspace: Workspace) -> None:
    """Found by fuzzing: seeking there failed in words of Python's."""
    packed = bytearray(rezipped(packed_of(SHIPPED[0]), lambda members: None))
    end = packed.rfind(b"PK\5\6")
    told = int.from_bytes(packed[end + 16 : end + 20], "little")
    packed[end + 16 : end + 20] = (told + 1_000).to_bytes(4, "little")
    with pytest.raises(UserError, match=r"be a whole \.minspnet file"):
        unpack(io.BytesIO(packed), "one.minspnet", workspace)


def test_what_is_no_description_is_said_without_its_folder(workspace: Workspace) -> None:
    change = with_more("model.json", b"\xff")
    packed = rezipped(packed_of(SHIPPED[0]), change)
    with pytest.raises(UserError) as refused:
        unpack(io.BytesIO(packed), "one.minspnet", workspace)
    assert str(refused.value).startswith("model.json of one is not a model description")
    assert str(workspace.root) not in str(refused.value)
