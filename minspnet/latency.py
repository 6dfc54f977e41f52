"""Milliseconds of one case on this machine, for every set of experts that can run together.

The gate thresholds are inputs of an exported model, so that 0 opens an expert's gate and 2 shuts
it: each set is timed as it is, and a policy's mean time follows from the sets its cases take,
without timing the policy.
"""

import os
import platform
import time
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from minspnet.deploy.session import Exported
from minspnet.errors import requirement
from minspnet.strict import Recipe
from minspnet.tally import MOST_SETS, count_sets, reachable_sets


@dataclass(frozen=True)
class Machine(Recipe):
    """Where times were taken.

    Attributes:
        processor: Its model name.
        cores: That the process may use.
        threads: That one operator used.
        runtime: Version of ONNX Runtime.
    """

    processor: str
    cores: int
    threads: int
    runtime: str


@dataclass(frozen=True)
class Latency(Recipe):
    """Measured times of one case at a time.

    Attributes:
        machine: Where.
        experts: Their names.
        sets: Which experts ran, set by set.
        milliseconds: Median of each set.
        quartiles: Of each set, the first and the third.
        rounds: How often each set was timed.
        ungated: Milliseconds of a graph that has neither gates nor branches and always runs
            every expert: what gates have to beat. None if it was not timed.
    """

    machine: Machine
    experts: tuple[str, ...]
    sets: tuple[tuple[bool, ...], ...]
    milliseconds: tuple[float, ...]
    quartiles: tuple[tuple[float, ...], ...]
    rounds: int
    ungated: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        counts = {len(self.sets), len(self.milliseconds), len(self.quartiles)}
        widths = {len(self.experts), *map(len, self.sets)}
        if len(counts) > 1 or len(widths) > 1 or not self.sets:
            raise requirement(
                "latency", "have a time for every set of the experts", counts, "measure it anew"
            )

    def of(self, active: Bool[np.ndarray, "case expert"]) -> Float[np.ndarray, " case"]:
        """Milliseconds of each case, given which experts ran.

        Raises:
            UserError: If a case took a set that was not timed.
        """
        taken, cases = np.unique(active, axis=0, return_inverse=True)
        times = [self._by_set.get(tuple(map(bool, row)), np.nan) for row in taken]
        if np.isnan(times).any():
            raise requirement(
                "active", "hold only sets that were timed", "another one", "measure it anew"
            )
        return np.array(times)[cases.reshape(-1)]

    @cached_property
    def _by_set(self) -> dict[tuple[bool, ...], float]:
        return dict(zip(self.sets, self.milliseconds, strict=True))

    @property
    def base(self) -> float:
        """What every case waits for: stem, base exit, class head, and the call itself."""
        return self._by_set[(False,) * len(self.experts)]

    @property
    def all_on(self) -> float:
        """With every expert."""
        return self._by_set[(True,) * len(self.experts)]

    @property
    def added(self) -> tuple[float, ...]:
        """What each expert adds: the mean difference of the sets that differ in it alone."""
        means = []
        for expert in range(len(self.experts)):
            differences = [
                milliseconds - without
                for one, milliseconds in self._by_set.items()
                if one[expert]
                and (without := self._by_set.get((*one[:expert], False, *one[expert + 1 :])))
                is not None
            ]
            means.append(float(np.mean(differences)))
        return tuple(means)


def measure(
    exported: Exported,
    case: Float[np.ndarray, "1 *input"],
    rounds: int = 100,
    ungated: Exported | None = None,
) -> Latency:
    """Time every reachable set of experts, one run after another.

    The sets take turns in an order drawn anew each round, so that a machine that slows down meets
    all of them alike; each timed run follows an untimed one of its own.

    Args:
        exported: For one case a run.
        case: Any; what it holds does not change the time.
        rounds: Runs of each set.
        ungated: The same network exported to always run everything; takes its turn with the sets.

    Raises:
        UserError: If the model is for batches, or reaches too many sets.
    """
    if exported.batches:
        raise requirement("model", "be exported for one case a run", "one for batches", "export it")
    if (reachable := count_sets(exported.tree)) > MOST_SETS:
        raise requirement(
            "the forest", f"reach at most {MOST_SETS} sets of experts", reachable, "prune it"
        )
    sets = reachable_sets(exported.tree)
    feeds = [
        {
            "inputs": np.asarray(case, dtype=np.float32),
            "gate_thresholds": np.where(active, 0, 2).astype(np.float32),
        }
        for active in sets
    ]
    runs = [partial(exported.session.run, None, feed) for feed in feeds]
    if ungated is not None:
        runs.append(partial(ungated.session.run, None, {"inputs": feeds[0]["inputs"]}))
    for run in runs * 3:
        run()
    generator = np.random.default_rng(0)
    seconds = np.empty((rounds, len(runs)))
    for turn in range(rounds):
        for place in generator.permutation(len(runs)):
            runs[place]()  # untimed: a graph that had its turn long ago would find cold caches
            start = time.perf_counter()
            runs[place]()
            seconds[turn, place] = time.perf_counter() - start
    low, middle, high = 1000 * np.quantile(seconds, [0.25, 0.5, 0.75], axis=0)
    count = len(sets)
    return Latency(
        this_machine(exported),
        exported.tree.names,
        tuple(tuple(map(bool, row)) for row in sets),
        tuple(map(float, middle[:count])),
        tuple((float(a), float(b)) for a, b in zip(low[:count], high[:count], strict=True)),
        rounds,
        None if ungated is None else float(middle[-1]),
    )


def this_machine(exported: Exported) -> Machine:
    """Describe the machine and how the runtime uses it."""
    import onnxruntime

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = exported.session.get_session_options().intra_op_num_threads
    return Machine(processor(), cores or 1, threads, onnxruntime.__version__)


def processor() -> str:
    """Model name of the processor."""
    about = Path("/proc/cpuinfo")
    if about.is_file():
        for line in about.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
