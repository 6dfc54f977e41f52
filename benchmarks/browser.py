"""A real Chromium against a real server: shared by benchmarks, screenshots and tests."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium_path() -> str | None:
    """Where a Chromium is installed, if it is."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")


@contextmanager
def server(
    store: Path, entry: str = "dashboard/app.py", options: Sequence[str] = ()
) -> Iterator[tuple[str, Path]]:
    """Start the dashboard as ``make run`` does; gives its address and its log.

    What people write, bring and train lies in the same folder, and the number of its process
    beside the log, in ``server.pid``.

    Args:
        store: That folder.
        entry: The app.
        options: More of what Streamlit takes on its command line.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = store / "server.log"
    environment = os.environ | {
        "MINSPNET_DATABASE_URL": f"sqlite:///{store / 'store.sqlite'}",
        "MINSPNET_HOME": str(store / "home"),
    }
    command = [sys.executable, "-m", "streamlit", "run", entry]
    command += ["--server.port", str(port), "--server.headless", "true"]
    command += ["--server.fileWatcherType", "none", *options]
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        log.with_suffix(".pid").write_text(str(process.pid))
        try:
            address = f"http://localhost:{port}"
            _wait_for(f"{address}/_stcore/health", process)
            yield address, log
        finally:
            process.terminate()
            process.wait(10)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the dashboard did not start")


@contextmanager
def browser() -> Iterator[Browser]:
    """Start Chromium."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium_path(), args=list(ARGUMENTS))
        try:
            yield started
        finally:
            started.close()


def settle(page: Page) -> None:
    """Wait until the server has nothing left to send."""
    # What was just pressed takes a moment to reach it.
    page.wait_for_timeout(250)
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
