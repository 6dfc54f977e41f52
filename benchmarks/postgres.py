"""A PostgreSQL server of one's own in a temporary folder, for as long as a test takes."""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER = "postgres"


def missing() -> str:
    """What is missing to start one, in words; empty if nothing is."""
    if _program("postgres") is None or _program("initdb") is None:
        return "PostgreSQL is not installed (Debian: apt-get install postgresql)"
    if importlib.util.find_spec("psycopg") is None:
        return "its driver is not installed (pip install 'psycopg[binary]')"
    if os.geteuid() == 0 and USER not in {one.pw_name for one in pwd.getpwall()}:
        return f"PostgreSQL does not run as root, and there is no user {USER}"
    return ""


def _program(name: str) -> str | None:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else shutil.which(name)


@contextmanager
def postgres() -> Iterator[str]:
    """Start a server that answers on a socket in its own folder alone; its address is yielded.

    What it was told to keep is on disk when it says so: ``fsync`` stays on.
    """
    # A server refuses to run as root; the folder is then its user's.
    who = USER if os.geteuid() == 0 else None
    name = USER if who else pwd.getpwuid(os.geteuid()).pw_name
    with tempfile.TemporaryDirectory(prefix="minspnet-") as room:
        folder = Path(room)
        if who:
            shutil.chown(folder, who)
        data = folder / "data"
        as_user = {"user": who, "cwd": room} if who else {"cwd": room}
        made = [_program("initdb"), "-D", str(data), "-A", "trust", "-U", name, "--no-locale"]
        subprocess.run([*made, "-E", "UTF8"], check=True, capture_output=True, **as_user)
        command = [_program("postgres"), "-D", str(data), "-k", room, "-c", "listen_addresses="]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [*command, "-c", "max_connections=100"], stdout=log, stderr=log, **as_user
            )
        try:
            _wait(server, folder)
            yield f"postgresql+psycopg://{name}@/postgres?host={room}"
        finally:
            server.send_signal(2)  # a fast shutdown
            server.wait(60)


def _wait(server: subprocess.Popen[bytes], folder: Path) -> None:
    ready = [_program("pg_isready"), "-h", str(folder), "-d", "postgres"]
    for _ in range(300):
        if server.poll() is not None:
            raise RuntimeError((folder / "log").read_text()[-2000:])
        if subprocess.run(ready, capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.1)
    raise TimeoutError("PostgreSQL did not start")
