"""Sessions without browsers: what the benchmark times is a slider that was moved and followed."""

import asyncio
from pathlib import Path

from benchmarks.browser import server
from benchmarks.sessions import ONE, PAGE, cpu_s, resident_mb, table
from benchmarks.visitor import Visitor, visit

SHARES = (0.0, 0.7, 1.0)


async def _moved(visitor: Visitor) -> list[str]:
    """The addresses after each move of the shared gate threshold, then of the decision one."""
    await visitor.open()
    addresses = []
    for key in ("gate-shared", "cut"):
        for share in SHARES:
            await visitor.move(key, share)
            addresses.append(visitor.address)
    return addresses


def test_two_sessions_move_sliders_and_each_is_followed(tmp_path: Path) -> None:
    """Both ends are known by hand: always, off, 1 % and 99 %; and one session is not the other."""

    async def both(address: str) -> list[list[str]]:
        links = [f"model={model}" for model in (ONE, "lung_nodules")]
        async with visit(address, PAGE, links[0]) as one, visit(address, PAGE, links[1]) as other:
            found = await asyncio.gather(_moved(one), _moved(other))
            assert one.errors == other.errors == []
            assert {"gate-shared", "gate-0", "cut"} <= set(one.handles)
        return found

    with server(tmp_path) as (address, log):
        pid = int(log.with_suffix(".pid").read_text())
        found = asyncio.run(asyncio.wait_for(both(address), 120))
        assert resident_mb(pid) > 100 and cpu_s(pid) > 0.5
    for model, addresses in zip((ONE, "lung_nodules"), found, strict=True):
        assert all(f"model={model}&" in one for one in addresses)
        assert "gates=0.0%2C0.0" in addresses[0] and "gates=1.01%2C1.01" in addresses[2]
        assert addresses[3].endswith("cut=0.01") and addresses[5].endswith("cut=0.99")
        assert len(set(addresses)) == 6


def test_what_goes_wrong_is_an_error(tmp_path: Path) -> None:
    """A page that is not there, and a model that is not there, are told and not waited for."""

    async def lost(address: str) -> list[str]:
        async with visit(address, "nowhere", "") as visitor:
            await asyncio.wait_for(visitor.open(), 60)
            return visitor.errors

    with server(tmp_path) as (address, _):
        assert asyncio.run(lost(address)) == ["no page nowhere"]


def test_a_table_counts_waits_by_hand() -> None:
    """Waits of 1 to 100: the 95th is at 95.05; 49 more sessions took 98 MB."""
    held = {"started": 70, "first": 500.0, "all": 598.0, "end": 600}
    record = {
        "sessions": 50,
        "models": ONE,
        "busy": 0.25,
        "waits_s": [float(n) for n in range(1, 101)],
        "opening_s": [3.25],
        "errors": ["one"],
        "resident_mb": held,
        "cpu_ms": 40.4,
    }
    text = table({"machine": "M", "cores": 2, "seconds": 60.0, "records": [record]})
    cells = [cell.strip() for cell in text.strip().splitlines()[-1].strip("|").split("|")]
    assert cells[:8] == ["50", ONE, "0.2", "100", "50.50", "95.05", "100.00", "1"]
    assert cells[8:] == ["3.2", "40", "70", "500", "598", "600", "2.0"]
