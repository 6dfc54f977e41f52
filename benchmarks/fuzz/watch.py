"""What one process may do while it is given bad input: which files, how much memory, how long."""

import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = {
    "os.rename": 2,
    "os.link": 2,
    "os.symlink": 2,
    "os.remove": 1,
    "os.mkdir": 1,
    "os.rmdir": 1,
    "os.truncate": 1,
    "os.chmod": 1,
    "os.chown": 1,
    "os.utime": 1,
    "sqlite3.connect": 1,
}
"""Events that change files, and how many of their arguments are paths."""
_LEAVES = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "socket.connect")
"""Events that start programs or call other hosts."""


class TooLong(BaseException):
    """One input took more than its time; nothing that is fuzzed may swallow it."""


class Watch:
    """Notes whatever the process does outside of a folder, while it is on.

    Files may be changed within the folder alone, and read there, in the program and in the system;
    one file beside the folder must never be opened, whoever asks. Programs in C that open files by
    themselves are not seen here: ``listing`` before and after tells of them.

    Args:
        home: Where files may be changed.
        readable: Where else they may be read.
    """

    def __init__(self, home: Path, readable: tuple[Path, ...]) -> None:
        self.found: list[str] = []
        self.on = False
        self._home = f"{home.resolve()}{os.sep}"
        roots = [*readable, Path(sys.prefix), Path(sys.base_prefix), *map(Path, sys.path)]
        system = [Path(name) for name in ("/usr", "/lib", "/lib64", "/proc", "/sys", "/dev")]
        # Where the system keeps kinds of files, time zones, fonts and the like.
        system += [Path("/etc") / name for name in ("mime.types", "localtime", "fonts", "ssl")]
        known = [*roots, *system]
        self._readable = tuple({str(one.resolve()) for one in known if one != Path()})
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event == "open":
            path, mode, flags = arguments
            writes = bool((flags or 0) & _WRITES) or any(one in str(mode) for one in "wax+")
            self._check(event, path, writes)
        elif event in _CHANGES:
            for path in arguments[: _CHANGES[event]]:
                self._check(event, _within(path, arguments[-1]), True)
        elif event in _LEAVES:
            self._say(f"{event} {arguments!r:.200}")

    def _check(self, event: str, path: Any, writes: bool) -> None:
        if isinstance(path, int) or path is None:
            return
        try:
            name = os.fsdecode(path)
            if name in ("", ":memory:", os.devnull):
                return
            if not writes and not os.path.lexists(name):
                return  # nothing there, or a part of an open folder
            real = os.path.realpath(name)
        except (TypeError, ValueError):
            self._say(f"{event} {path!r:.200}")
            return
        inside = f"{real}{os.sep}".startswith(self._home)
        readable = not writes and real.startswith(self._readable)
        if not inside and not readable:
            self._say(f"{event} {real}{' to change it' if writes else ''}")

    def _say(self, what: str) -> None:
        if len(self.found) < 50:
            self.found.append(what)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Note what happens within."""
        self.on = True
        try:
            yield
        finally:
            self.on = False


def _within(path: Any, folder: Any) -> Any:
    """A path relative to an open folder, as whole trees are removed."""
    if isinstance(folder, int) and folder > 2 and isinstance(path, str) and path[:1] != "/":
        try:
            return f"{os.readlink(f'/proc/self/fd/{folder}')}/{path}"
        except OSError:
            return path
    return path


def listing(folder: Path, leaving_out: tuple[str, ...] = ()) -> dict[str, tuple[int, int]]:
    """Size and time of each file in a folder, by its path within; folders of some names aside."""
    found = {}
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in leaving_out]
        for name in files:
            told = os.lstat(os.path.join(root, name))
            found[os.path.relpath(os.path.join(root, name), folder)] = (
                told.st_size,
                told.st_mtime_ns,
            )
    return found


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """End what is within by ``TooLong`` once it has taken so long; main thread alone."""

    def stop(_: int, __: FrameType | None) -> None:
        raise TooLong(f"it took more than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def memory() -> float:
    """Memory that the process holds now, in MB."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


def peak() -> float:
    """The most memory that the process has held since ``forget_peak``, in MB."""
    with open("/proc/self/status") as file:
        line = next(one for one in file if one.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def address_space() -> int:
    """Address space that the process has asked for, in MB."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize() // 2**20


def forget_peak() -> None:
    """Let ``peak`` start from now."""
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def allow(megabytes: int) -> None:
    """Let the process ask for so much address space and no more, so that a bomb only fails."""
    size = megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
