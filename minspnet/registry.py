"""Models by name: what tells them apart, and renaming, deleting and bringing back one's own."""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from minspnet.artifact import Model, load
from minspnet.data import PARTS
from minspnet.errors import UserError, requirement
from minspnet.wording import check_words
from minspnet.workspace import SHIPPED_MODELS, Workspace

LONGEST_TITLE = 80
TITLE = "title.txt"
"""A file beside the model, so that another title leaves its digest as it is."""


@dataclass(frozen=True)
class Entry:
    """What tells one model from another.

    Attributes:
        name: Folder, and key in links.
        title: As its owner calls it; the name if they never said.
        shipped: Came with the product, and stays.
        task: Title of the task.
        inputs: Title of the choice of inputs.
        experts: How many.
        residual: Whether it also decides by what no concept names.
        parameters: Of the network; 0 if that was not noted.
        cases: Of the training, validation and test part.
        accuracy: On the test cases at its operating point; None if that was not noted.
        auc: Likewise.
        macs: Of a case with every expert on.
        policy: Operating point as text.
        own_cases: The folder holds the cases.
        size: Bytes of the folder's files.
        digest: Of the model.
        parent: Digest of the model that its training went on from; empty if there is none.
        created: When it was saved, in UTC; empty if that was not noted.
    """

    name: str
    title: str
    shipped: bool
    task: str
    inputs: str
    experts: int
    residual: bool
    parameters: int
    cases: tuple[int, int, int]
    accuracy: float | None
    auc: float | None
    macs: int
    policy: dict[str, str]
    own_cases: bool
    size: int
    digest: str
    parent: str
    created: str


def entry_of(model: Model) -> Entry:
    """Say what tells a model from others."""
    gated = model.metrics.get("gated", {})
    train, validation, test = (len(model.traces[part]) for part in PARTS)
    return Entry(
        model.name,
        title_of(model.folder),
        model.folder.parent == SHIPPED_MODELS,
        model.domain.title,
        model.domain.variant(model.variant).title,
        len(model.spec.experts),
        model.spec.residual,
        model.metrics.get("parameters", 0),
        (train, validation, test),
        gated.get("accuracy"),
        gated.get("auc"),
        model.cost.total,
        model.policy.to_text(),
        bool(model.data),
        sum(path.stat().st_size for path in model.folder.iterdir() if path.is_file()),
        model.digest,
        model.parent,
        model.created,
    )


def entries(workspace: Workspace) -> tuple[list[Entry], list[str]]:
    """Every model, those that ship first, and a sentence about each that cannot be read."""
    found, unreadable = [], []
    for shelf in (SHIPPED_MODELS, workspace.models):
        for described in sorted(shelf.glob("[!.]*/model.json")):
            try:
                found.append(entry_of(load(described.parent)))
            except UserError as error:
                unreadable.append(str(error))
    return found, unreadable


def folder_of(workspace: Workspace, name: str) -> Path:
    """Where a model lies, among those that ship or in the workspace.

    Raises:
        UserError: If there is none of that name.
    """
    own = workspace.model_folder(name)
    for folder in (SHIPPED_MODELS / name, own):
        if (folder / "model.json").is_file():
            return folder
    raise requirement("model", "be one that is there", repr(name), "list them with models")


def title_of(folder: Path) -> str:
    """What its owner calls a model; its name if they never said."""
    try:
        return (folder / TITLE).read_text(encoding="utf-8").strip() or folder.name
    except (OSError, UnicodeDecodeError):
        return folder.name


def rename(workspace: Workspace, name: str, title: str) -> None:
    """Give a model of one's own another title; name, links and digest stay as they are.

    Raises:
        UserError: If it ships, the title cannot be shown in a line, or another one has it: lists
            could not tell them apart.
    """
    folder = _own(workspace, name, "renamed")
    checked = checked_title(title)
    if checked != free_title(workspace, checked, name):
        raise requirement("title", "be no other model's", repr(checked), "choose another")
    new = folder / f".{TITLE}.new"
    new.write_text(checked, encoding="utf-8")
    new.replace(folder / TITLE)


def free_title(workspace: Workspace, title: str, name: str) -> str:
    """A title, numbered if any of one's own models but ``name`` has it."""
    folders = (path.parent for path in workspace.models.glob("*/model.json"))
    return numbered(title, {title_of(folder) for folder in folders if folder.name != name})


def numbered(title: str, taken: Collection[str]) -> str:
    """A title as it is, or with the first number that makes it another than those taken."""
    choices = chain([title], (f"{title[: LONGEST_TITLE - 6]} ({number})" for number in count(2)))
    return next(one for one in choices if one not in taken)


def settle_title(workspace: Workspace, name: str) -> None:
    """Number the title of a model that came in beside another of the same."""
    folder = _own(workspace, name, "renamed")
    if (title := title_of(folder)) != (free := free_title(workspace, title, name)):
        rename(workspace, name, free)


def checked_title(title: str) -> str:
    """Pass on what can be a title, without blanks around it.

    Raises:
        UserError: If it cannot.
    """
    title = title.strip()
    if not title.isprintable() or not 1 <= len(title) <= LONGEST_TITLE:
        raise requirement(
            "title",
            f"be a line of 1 to {LONGEST_TITLE} characters",
            repr(title),
            "choose another",
        )
    check_words("title", [title])
    return title


def delete(workspace: Workspace, name: str) -> None:
    """Move a model of one's own to the trash, from where ``restore`` brings it back.

    Raises:
        UserError: If it ships, or is not there.
    """
    folder = _own(workspace, name, "deleted")
    workspace.deleted_models.mkdir(parents=True, exist_ok=True)
    folder.rename(workspace.deleted_models / name)


def restore(workspace: Workspace, name: str) -> None:
    """Bring a deleted model back under its name, which nothing else was given meanwhile.

    Raises:
        UserError: If it is not in the trash.
    """
    folder = workspace.model_folder(name)
    deleted = workspace.deleted_models / folder.name
    if not deleted.is_dir() or folder.exists():
        raise requirement("model", "be in the trash", repr(name), "pick one that was deleted")
    workspace.models.mkdir(parents=True, exist_ok=True)
    deleted.rename(folder)
    settle_title(workspace, name)


def deleted(workspace: Workspace) -> list[str]:
    """Names of the models in the trash."""
    return sorted(path.parent.name for path in workspace.deleted_models.glob("*/model.json"))


def _own(workspace: Workspace, name: str, done: str) -> Path:
    folder = folder_of(workspace, name)
    if folder.parent == SHIPPED_MODELS:
        raise requirement(
            "model", f"be one of your own to be {done}", f"{name}, which ships", "pick another"
        )
    return folder
