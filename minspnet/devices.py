"""Whether a policy fits a device: time per case and memory, with the assumption said."""

import json
from dataclasses import dataclass

from minspnet.errors import requirement
from minspnet.strict import Recipe

BYTES_A_NUMBER = 4
"""Weights and features are kept as 32-bit floats."""
MOST_DEVICES = 30
_LEAST, _MOST = 1e-12, 1e12
_WITHIN = f"be above 0 ({_LEAST:g} to {_MOST:g})"


@dataclass(frozen=True)
class Device(Recipe):
    """A target, described by what its data sheet or a measurement tells.

    Attributes:
        name: As people call it.
        cores: That work on one case together.
        mhz: Clock of each.
        macs_per_cycle: That one core sustains, all told: memory stalls lower it.
        memory_kb: For weights and features together, in units of 1,024 bytes.
        most_ms: How long a case may take on average.
        ns_per_mac: Measured on the device; above 0, it takes the place of clock and cores.
    """

    name: str
    cores: int
    mhz: float
    macs_per_cycle: float
    memory_kb: float
    most_ms: float
    ns_per_mac: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.name.strip() or len(self.name) > 60 or not self.name.isprintable():
            raise requirement(
                "name", "be one line of at most 60 characters", self.name, "retype it"
            )
        for what in ("cores", "mhz", "macs_per_cycle", "memory_kb", "most_ms"):
            if not _LEAST < getattr(self, what) < _MOST:
                raise requirement(
                    f"{what} of {self.name}", _WITHIN, getattr(self, what), "correct it"
                )
        if self.ns_per_mac and not _LEAST < self.ns_per_mac < _MOST:
            raise requirement(
                f"ns_per_mac of {self.name}",
                f"be 0, or {_WITHIN[3:]}",
                self.ns_per_mac,
                "0 if not measured",
            )

    @property
    def nanoseconds(self) -> float:
        """Time of one MAC, measured or worked out."""
        return self.ns_per_mac or 1000 / (self.cores * self.mhz * self.macs_per_cycle)

    @property
    def assumption(self) -> str:
        """What the time rests on, in words."""
        if self.ns_per_mac:
            return f"{self.ns_per_mac:g} ns a MAC, measured"
        cores = "core" if self.cores == 1 else "cores"
        return (
            f"{self.cores} {cores} x {self.mhz:g} MHz x {self.macs_per_cycle:g} MACs a cycle, "
            "nothing lost to calls and branches"
        )


DEVICES = (
    Device("Microcontroller, 64 MHz", 1, 64.0, 0.25, 256.0, 50.0),
    Device("Microcontroller, 480 MHz", 1, 480.0, 0.5, 1024.0, 10.0),
    Device("Single-board computer, one core", 1, 1500.0, 0.5, 1_000_000.0, 5.0),
    Device("Phone, one core", 1, 2400.0, 1.0, 2_000_000.0, 1.0),
)
"""Kinds of devices to begin with, not products: edit them to what you have."""


@dataclass(frozen=True)
class Fit:
    """What a policy asks of a device.

    Attributes:
        mean_ms: Per case, on average.
        slowest_ms: Of a case for which every expert runs.
        memory_kb: Weights of the whole network and its largest features.
        fits: Whether mean time and memory are within what the device allows.
        reason: What does not fit; empty if it does.
    """

    mean_ms: float
    slowest_ms: float
    memory_kb: float
    fits: bool
    reason: str


def fit(device: Device, mean_macs: float, total_macs: float, weights: int, features: int) -> Fit:
    """Translate a policy into time and memory on a device.

    Args:
        device: The target.
        mean_macs: Of the policy, per case.
        total_macs: With every expert on.
        weights: Numbers that the whole network stores.
        features: Numbers that have to be held at once while it runs.
    """
    mean, slowest = (macs * device.nanoseconds / 1e6 for macs in (mean_macs, total_macs))
    memory = BYTES_A_NUMBER * (weights + features) / 1024
    lacks = []
    if mean > device.most_ms:
        lacks.append(f"{mean:.3g} ms on average, {device.most_ms:g} allowed")
    if memory > device.memory_kb:
        lacks.append(f"{memory:,.0f} kB needed, {device.memory_kb:,.0f} there")
    return Fit(mean, slowest, memory, not lacks, "; ".join(lacks))


def to_text(devices: tuple[Device, ...]) -> str:
    """Write a list of devices."""
    return json.dumps([device.to_dict() for device in devices])


def from_text(text: str) -> tuple[Device, ...]:
    """Read what ``to_text`` wrote.

    Raises:
        UserError: If it is no such list.
    """
    return check([Device.from_dict(plain) for plain in json.loads(text)])


def check(devices: list[Device]) -> tuple[Device, ...]:
    """Refuse a list that is too long, or in which two devices share a name."""
    names = [device.name for device in devices]
    if not names:
        raise requirement("devices", "number 1 or more", "none", "keep one")
    if len(names) > MOST_DEVICES:
        raise requirement("devices", f"number {MOST_DEVICES} at most", len(names), "remove some")
    for name in names:
        if names.count(name) > 1:
            raise requirement("devices", "have names of their own", name, "rename one")
    return tuple(devices)
