"""Reading a command line: every refusal is one sentence."""

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from minspnet.artifact import Model, load
from minspnet.caution import COVERAGE
from minspnet.errors import UserError, requirement
from minspnet.operating import LARGEST_FILE, read
from minspnet.training.history import check_suffix

EXIT_USER_ERROR = 2


class OneLineParser(argparse.ArgumentParser):
    """Say what is wrong in one line; the usage is for ``--help``."""

    def error(self, message: str) -> NoReturn:
        _, _, sentence = message.partition(": ")
        said = sentence if " must " in sentence else f"{message}; see --help."
        self.exit(EXIT_USER_ERROR, f"minspnet: {said}\n")


def whole(name: str, least: int = 0, most: int = 2**31) -> Callable[[str], int]:
    """Read a whole number between two bounds."""

    def read(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            must = f"be a whole number from {least} to {most}"
            raise argparse.ArgumentTypeError(str(requirement(name, must, text, "correct it")))
        return int(text)

    return read


def one_of(name: str, choices: tuple[str, ...]) -> Callable[[str], str]:
    """Read one of a few words."""

    def read(text: str) -> str:
        if text not in choices:
            must = f"be one of {', '.join(choices)}"
            raise argparse.ArgumentTypeError(str(requirement(name, must, text, "pick one")))
        return text

    return read


def add_point(parser: argparse.ArgumentParser) -> None:
    """Let a command decide by an operating point that was exported."""
    parser.add_argument(
        "--point",
        type=Path,
        metavar="FILE",
        help="an exported operating point, in place of the one chosen after training",
    )


def add_coverage(parser: argparse.ArgumentParser) -> None:
    """Let a command ask for sets of answers at another coverage."""
    parser.add_argument(
        "--coverage",
        type=float,
        default=COVERAGE,
        metavar="SHARE",
        help="share of new cases whose set of possible answers is to hold the true one "
        f"(usually {COVERAGE})",
    )


def open_model(folder: Path, point: Path | None = None) -> Model:
    """Read the model that a command names, with its task, under an operating point of choice.

    Raises:
        UserError: If the model or the point cannot be read, or do not belong together.
    """
    model = load(folder)
    if point is None:
        return model
    try:
        with point.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        must = f"be a file that can be read ({error.strerror or error})"
        raise requirement("--point", must, point, "name another") from error
    names = tuple(expert.name for expert in model.spec.experts)
    return replace(model, policy=read(content, model.digest, names).policy)


def history_file(text: str) -> Path:
    """Read the name of a table that can be written once training is done."""
    path = Path(text)
    try:
        check_suffix(path)
        if not path.parent.is_dir():
            raise requirement("--history", "lie in a folder that is there", text, "make it first")
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return path


def onnx_file(text: str) -> Path:
    """Read the name of a network to write for other runtimes."""
    path = Path(text)
    if path.suffix != ".onnx":
        must = "end in .onnx"
        raise argparse.ArgumentTypeError(str(requirement("--out", must, text, "rename it")))
    return path


@contextmanager
def new_folder(folder: Path) -> Iterator[None]:
    """Make the folder before the work that fills it, and take it away if nothing came of it."""
    try:
        made = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError("it cannot be written to")
    except OSError as error:
        raise requirement(
            "--out", f"be a folder for files ({error.strerror or error})", folder, "name another"
        ) from error
    try:
        yield
    except BaseException as error:
        if made:
            with suppress(OSError):
                folder.rmdir()
        if isinstance(error, OSError):
            raise UserError(f"{folder} could not be filled: {error}; make room there.") from error
        raise
