"""Where a user's own things lie: data, models, jobs, and what was thrown away.

A folder of ``MINSPNET_HOME``, or ``var`` beside the product if that is not set. Names from outside
are checked before they become part of a path.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from minspnet.adapters.card import Card
from minspnet.collection import CARD, Collection, load_card, load_collection, save_collection
from minspnet.domains import SAMPLE_DATA
from minspnet.errors import requirement

SHIPPED_MODELS = SAMPLE_DATA / "models"
LONGEST_NAME = 80
"""Bytes of a name in UTF-8."""
_NAME = re.compile(r"[^\W_][\w-]*")


@dataclass(frozen=True)
class Workspace:
    """The folders under one root; none has to be there before something is kept in it."""

    root: Path

    @classmethod
    def from_environment(cls) -> Self:
        """The workspace that the environment names, or ``var`` beside the product."""
        home = os.environ.get("MINSPNET_HOME")
        return cls(Path(home) if home else SAMPLE_DATA.parent / "var")

    @property
    def data(self) -> Path:
        """Collections, a folder each, named by the key of their card."""
        return self.root / "data"

    @property
    def models(self) -> Path:
        """Model folders."""
        return self.root / "models"

    @property
    def jobs(self) -> Path:
        """Trainings that wait, run or have run."""
        return self.root / "jobs"

    @property
    def trash(self) -> Path:
        """What was deleted and can be brought back."""
        return self.root / "trash"

    def collections(self) -> tuple[str, ...]:
        """Keys of the collections, in order."""
        return tuple(sorted(path.parent.name for path in self.data.glob(f"*/{CARD}")))

    def card(self, key: str) -> Card:
        """Read the card of a collection alone.

        Raises:
            UserError: If there is no such collection, or its card cannot be used.
        """
        return load_card(self._known(key))

    def collection(self, key: str) -> Collection:
        """Read a collection.

        Raises:
            UserError: If there is none of that key, or it cannot be read.
        """
        return load_collection(self._known(key))

    def save(self, collection: Collection) -> Path:
        """Keep a collection under its key, in place of one of the same key."""
        folder = self.data / checked_name(collection.card.key)
        save_collection(collection, folder)
        return folder

    def model_folder(self, name: str) -> Path:
        """Where a model of that name lies, or would lie.

        Raises:
            UserError: If it cannot be a name.
        """
        return self.models / checked_name(name)

    def new_model(self, wanted: str) -> Path:
        """Make an empty folder for a model, under the wanted name or one with a number added.

        No name is given twice, be it to a shipped, an own or a deleted model: pages and links
        know a model by its name.
        """
        wanted = checked_name(wanted)
        number, name = 1, wanted
        self.models.mkdir(parents=True, exist_ok=True)
        while True:
            taken = (SHIPPED_MODELS / name).exists() or (self.trash / name).exists()
            if not taken:
                try:
                    (self.models / name).mkdir()
                    return self.models / name
                except FileExistsError:
                    pass
            number += 1
            name = f"{wanted}-{number}"

    def _known(self, key: str) -> Path:
        if key not in self.collections():
            known = ", ".join(self.collections()) or "nothing yet"
            raise requirement(
                "data", f"be one of {known}", repr(key), "bring it in on the Data page"
            )
        return self.data / key


def checked_name(name: str) -> str:
    """Pass on what can be the name of a folder, whatever the system.

    Raises:
        UserError: If it cannot.
    """
    if not _NAME.fullmatch(name) or len(name.encode()) > LONGEST_NAME:
        raise requirement(
            "name",
            f"be letters, digits, - and _, at most {LONGEST_NAME} bytes, a letter or digit first",
            repr(name),
            "choose another",
        )
    return name
