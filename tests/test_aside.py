"""Rooms aside: moved out of or gone, and cleared away where a program was cut off."""

import os
import time
from pathlib import Path

import pytest

from minspnet.aside import aside


def test_what_is_moved_out_stays_and_the_rest_goes(tmp_path: Path) -> None:
    with aside(tmp_path, "saving") as room:
        (room / "half").write_text("1")
        (room / "whole").write_text("2")
        (room / "whole").replace(tmp_path / "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="full"), aside(tmp_path, "saving") as room:
        (room / "half").write_text("1")
        raise OSError("full")
    assert not list(tmp_path.iterdir())


def test_what_was_cut_off_days_ago_is_cleared_and_nothing_else(tmp_path: Path) -> None:
    names = (".saving-old", ".saving-now", "saving-mine", ".importing-old")
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    days_ago = time.time() - 2 * 86_400
    for name in names:
        if not name.endswith("now"):
            os.utime(tmp_path / name, (days_ago, days_ago))
    with aside(tmp_path, "saving"):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {*names} - {".saving-old"}
