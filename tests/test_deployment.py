"""The container files and the commands of docs/deployment.md, as far as they run without Docker."""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import postgres
from benchmarks.restore import DOCS, ROOT, commands, play, table

DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
NOBODY = "65534"


def told(instruction: str) -> str:
    """The last of an instruction's texts, its lines joined."""
    joined = DOCKERFILE.replace("\\\n", " ")
    return re.findall(rf"^{instruction} +(.*)$", joined, re.MULTILINE)[-1]


def environment(home: Path, free: int) -> dict[str, str]:
    """What the image sets, with a data folder and port of the test's own."""
    pairs = dict(pair.split("=", 1) for pair in told("ENV").split())
    assert pairs["MINSPNET_HOME"] == "/data" and pairs["PATH"].startswith("/opt/minspnet/bin:")
    pairs |= {"MINSPNET_HOME": str(home), "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    pairs |= {"HOME": str(home), "MPLCONFIGDIR": str(home), "STREAMLIT_SERVER_PORT": str(free)}
    return pairs | {"TMPDIR": str(home)}


def as_nobody(command: list[str]) -> list[str]:
    """Run without rights: reading is all that such a user may do outside their own folder."""
    if os.geteuid() or not shutil.which("setpriv"):
        return command
    # What root installed lies where others may not look; writing stays forbidden.
    may = "+dac_read_search"
    limits = ["--no-new-privs", "--bounding-set", f"-all,{may}", "--inh-caps", f"-all,{may}"]
    user = ["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--ambient-caps", f"-all,{may}"]
    return ["setpriv", *user, *limits, *command]


@contextlib.contextmanager
def database(home: Path) -> Iterator[str]:
    """PostgreSQL where there is one."""
    if postgres.missing():
        yield f"sqlite:///{home / 'minspnet.sqlite'}"
        return
    with postgres.postgres() as url:
        folder = Path(url.split("host=")[1])
        folder.chmod(0o755)
        yield url


def written_to(folder: Path) -> dict[str, int]:
    """When each file of a folder was last written; nothing if it is not there."""
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_the_image_starts_and_is_well_as_a_user_without_rights(tmp_path: Path) -> None:
    before = written_to(ROOT / "var")
    home = tmp_path / "data"
    home.mkdir()
    for folder in (
        home,
        *(one for one in home.parents if one.is_relative_to("/tmp/pytest-of-root")),
    ):
        folder.chmod(0o755)
    if os.geteuid() == 0:
        shutil.chown(home, int(NOBODY), int(NOBODY))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    command = json.loads(told("CMD"))
    command = [one.replace("8501", str(free)).replace("0.0.0.0", "127.0.0.1") for one in command]
    check = json.loads(told("HEALTHCHECK").split("CMD")[1])
    with database(home) as url, (tmp_path / "log").open("w+") as log:
        settings = environment(home, free) | {"MINSPNET_DATABASE_URL": url}
        server = subprocess.Popen(
            as_nobody(command), cwd=ROOT, env=settings, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            for _ in range(240):
                well = subprocess.run(check, cwd=ROOT, env=settings, capture_output=True)
                if well.returncode == 0 or server.poll() is not None:
                    break
                time.sleep(0.25)
            log.seek(0)
            assert well.returncode == 0, log.read()
            whose = Path(f"/proc/{server.pid}").stat().st_uid
            assert whose == (int(NOBODY) if shutil.which("setpriv") else os.geteuid())
            with urllib.request.urlopen(f"http://127.0.0.1:{free}/", timeout=10) as page:
                assert b"Streamlit" in page.read()
        finally:
            server.terminate()
            server.wait(30)
        # What the first page does: open the database that the setting names.
        opened = "from pathlib import Path; from minspnet.record.store import Store; "
        opened += "print(Store.from_environment(Path('nowhere')).engine.dialect.name)"
        command = as_nobody([sys.executable, "-c", opened])
        done = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True)
        assert done.stdout.strip() == url.split(":")[0].split("+")[0], done.stderr
    # It wrote nowhere but into its folder.
    assert written_to(ROOT / "var") == before


def test_a_server_that_is_not_well_is_said_to_be(tmp_path: Path) -> None:
    check = json.loads(told("HEALTHCHECK").split("CMD")[1])
    settings = environment(tmp_path, 1)
    done = subprocess.run(check, cwd=ROOT, env=settings, capture_output=True, text=True)
    assert done.returncode == 1 and "refused" in done.stderr


def test_the_image_holds_what_the_product_imports_and_no_secret() -> None:
    copied = re.findall(r"^COPY (?!--from)(\S+)", DOCKERFILE, re.MULTILINE)
    assert {"dashboard", "minspnet", "pages", "sample_data", "requirements.txt"} <= {*copied}
    assert all((ROOT / name).exists() for name in copied)
    kept = [line[1:] for line in _lines("Dockerfile.dockerignore") if line.startswith("!")]
    assert {*copied} <= {*kept}
    assert "**/secrets.toml" in _lines("Dockerfile.dockerignore")
    assert re.search(r"^USER (?!0)\d+:\d+$", DOCKERFILE, re.MULTILINE)
    assert "pip uninstall" in DOCKERFILE.split("AS packages")[1]


def test_compose_waits_for_the_database_and_lets_nothing_be_written() -> None:
    compose = (DEPLOY / "compose.yaml").read_text()
    dashboard = compose.split("  dashboard:")[1].split("\nnetworks:")[0]
    for line in ("condition: service_healthy", "read_only: true", "- data:/data", "- ALL"):
        assert line in dashboard
    assert '"127.0.0.1:8501:8501"' in dashboard and "no-new-privileges:true" in dashboard
    assert "pg_isready" in compose and "password" not in compose.split("services:")[1].lower()
    given = {line.split("=")[0] for line in _lines("example.env") if "=" in line}
    assert given == {
        "POSTGRES_USER",
        "POSTGRES_DB",
        "POSTGRES_PASSWORD",
        "MINSPNET_DATABASE_URL",
    }
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {"deploy/minspnet.env", "deploy/secrets.toml", "deploy/roles.toml"} <= {*ignored}


def test_the_proxy_lets_uploads_through_and_little_more() -> None:
    nginx = (DEPLOY / "nginx.conf").read_text()
    config = (ROOT / "dashboard" / ".streamlit" / "config.toml").read_text()
    most = int(re.search(r"maxUploadSize = (\d+)", config)[1])
    allowed = int(re.search(r"client_max_body_size (\d+)m;", nginx)[1])
    assert most < allowed <= most + 5
    assert "proxy_set_header Host $http_host;" in nginx  # held against the Origin, port and all
    assert "$http_upgrade" in nginx and "frame-ancestors 'none'" in nginx


def test_a_backup_while_people_write_is_restored_by_the_docs_commands() -> None:
    found = play("SQLite", writers=2, reviews=15)
    assert found["lost"] == 0 and found["confirmed"] <= found["restored"] <= found["written"]
    assert found["confirmed"] > 0
    assert found["verified"] and found["model_same"] and found["change_found"]


def test_every_block_of_the_docs_has_its_run() -> None:
    blocks = re.findall(r"```sh (\S+)", DOCS.read_text())
    assert sorted(blocks) == sorted(
        f"{verb}-{name}" for verb in ("backup", "restore") for name in ("sqlite", "postgresql")
    )
    with pytest.raises(KeyError):
        commands("backup-oracle")


def test_a_table_adds_up_by_hand() -> None:
    one = {"database": "SQLite", "confirmed": 10, "lost": 1, "restored": 12, "verified": True}
    one |= {"writing_meanwhile": True, "model_same": True, "change_found": False, "seconds": 0.26}
    about = {"writers": 2, "reviews": 9, "machine": "M", "cores": 2}
    text = table({**about, "records": [one, one | {"verified": False, "seconds": 0.1}]})
    assert text.splitlines()[-1] == "| SQLite | 2 | 2 | 20 | 2 | 24 | 1 | 2 | 0 | 0.3 |"


def _lines(name: str) -> list[str]:
    return (DEPLOY / name).read_text().splitlines()
