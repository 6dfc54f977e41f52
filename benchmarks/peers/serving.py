"""Environments of the peers, and their servers; whatever is started ends with its whole group."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.browser import ROOT
from benchmarks.peers.tool import SERVERS, Tool

INSTALL_S = 300
START_S = 60
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/\d+/")


class PeerError(RuntimeError):
    """A peer that does not install or start in its time; the run goes on."""


def install(tool: Tool, peers: Path) -> None:
    """Make the environment of a peer unless it is there, of exact versions."""
    if tool.environment is None:
        return
    folder = peers / Path(tool.environment).stem
    done = folder / "installed"
    if done.exists():
        return
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps"]
    try:
        for command in (
            [sys.executable, "-m", "venv", str(folder)],
            [*pip, "-r", str(SERVERS / tool.environment)],
        ):
            subprocess.run(command, check=True, timeout=INSTALL_S, capture_output=True)
    except (subprocess.SubprocessError, OSError) as error:
        raise PeerError(f"not installed: {type(error).__name__}") from error
    done.touch()


@contextmanager
def serving(tool: Tool, peers: Path, cases: int, store: Path) -> Iterator[str]:
    """Start a tool and give its address as soon as it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = store / f"{port}.log"
    environment = os.environ | {
        "MINSPNET_DATABASE_URL": f"sqlite:///{store / f'{port}.sqlite'}",
        "MINSPNET_CASES": str(cases),
    }
    with log.open("w") as output:
        process = subprocess.Popen(
            tool.command(peers, port, cases),
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield _address(tool, port, log, process)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _address(tool: Tool, port: int, log: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + START_S
    url = f"http://127.0.0.1:{port}/"
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), urllib.request.urlopen(url, timeout=1):
            if not tool.prints_address:
                return url
            if printed := _ADDRESS.search(log.read_text()):
                return printed[0]
        time.sleep(0.05)
    raise PeerError(f"not started within {START_S} s")
