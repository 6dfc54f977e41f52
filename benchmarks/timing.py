"""How long something takes."""

import statistics
import time
from collections.abc import Callable


def median_ms(work: Callable[[], object], trials: int = 11) -> float:
    """Median wall time in milliseconds."""
    times = []
    for _ in range(trials):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)
