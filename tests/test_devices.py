"""What fits a device is worked out from what the list says, and wrong lists are refused."""

import json
from dataclasses import replace

import pytest
import torch
from forests import Forest

from minspnet.devices import DEVICES, Device, check, fit, from_text, to_text
from minspnet.errors import UserError
from minspnet.memory import peak_features
from minspnet.network import Network
from minspnet.spec import ExpertSpec, ModelSpec, StemSpec

CHIP = Device("chip", cores=2, mhz=100, macs_per_cycle=0.5, memory_kb=4, most_ms=1)


def test_time_and_memory_by_hand() -> None:
    """2 x 100 MHz x 0.5 are 100 million MACs a second: 10 ns each. 1,024 numbers are 4 kB."""
    found = fit(CHIP, mean_macs=50_000, total_macs=200_000, weights=1000, features=24)
    assert (found.mean_ms, found.slowest_ms, found.memory_kb) == pytest.approx((0.5, 2, 4))
    assert found.fits and not found.reason


@pytest.mark.parametrize(
    ("macs", "weights", "reason"),
    [
        (100_001, 10, "1 ms on average, 1 allowed"),
        (10, 1025, "4 kB needed, 4 there"),
        (200_000, 2048, "2 ms on average, 1 allowed; 8 kB needed, 4 there"),
    ],
)
def test_what_does_not_fit_is_said(macs: float, weights: int, reason: str) -> None:
    found = fit(CHIP, macs, macs, weights, 0)
    assert not found.fits and found.reason == reason


def test_a_measured_speed_takes_the_place_of_the_clock() -> None:
    measured = replace(CHIP, ns_per_mac=3.0)
    assert fit(measured, 1e6, 1e6, 1, 1).mean_ms == pytest.approx(3)
    assert "measured" in measured.assumption and "MHz" not in measured.assumption
    assert "2 cores x 100 MHz x 0.5 MACs a cycle" in CHIP.assumption


def test_lists_come_back_and_those_to_begin_with_are_sound() -> None:
    assert from_text(to_text(DEVICES)) == DEVICES
    assert len({device.name for device in DEVICES}) == len(DEVICES)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"cores": 0}, "cores of chip must be above 0"),
        ({"mhz": float("nan")}, "mhz of chip must be above 0 (1e-12 to 1e+12), got nan"),
        ({"memory_kb": -1.0}, "memory_kb of chip must be above 0"),
        ({"ns_per_mac": -1.0}, "ns_per_mac of chip must be 0, or above 0"),
        ({"mhz": 5e-324}, "mhz of chip must be above 0"),
        ({"ns_per_mac": 5e-324}, "ns_per_mac of chip must be 0, or above 0"),
        ({"name": " "}, "name must be one line"),
        ({"name": "a\nb"}, "name must be one line"),
        ({"cores": "two"}, "Device.cores must be of type int"),
    ],
)
def test_wrong_devices_are_refused(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError) as refused:
        Device.from_dict(json.loads(json.dumps(CHIP.to_dict() | changes)))
    assert str(refused.value).startswith(sentence)


def test_two_devices_of_one_name_or_too_many_are_refused() -> None:
    with pytest.raises(UserError, match="devices must number 1 or more, got none"):
        check([])
    with pytest.raises(UserError, match="names of their own, got chip"):
        check([CHIP, CHIP])
    with pytest.raises(UserError, match="devices must number 30 at most, got 31"):
        check([replace(CHIP, name=str(k)) for k in range(31)])


def test_features_held_by_hand() -> None:
    """A dense layer of 8 on 3 columns holds 3 + 8 at once, and the 3 that the stem keeps."""
    spec = ModelSpec((3,), 1, 2, StemSpec("tabular"), (ExpertSpec("a", "dense", 8),))
    # What the widest step reads and writes is 8 + 8 or 3 + 8, by how the block is laid.
    assert peak_features(Network(spec)) - 3 in (3 + 8, 8 + 8)


@pytest.mark.usefixtures("alone")
def test_counting_leaves_the_network_as_it_was(forest: Forest) -> None:
    before = [len(module._forward_hooks) for module in forest.network.modules()]
    state = torch.get_rng_state()
    peak = peak_features(forest.network)
    assert peak >= forest.inputs[0].size
    assert [len(module._forward_hooks) for module in forest.network.modules()] == before
    assert torch.equal(torch.get_rng_state(), state)
