"""What the Attributions page keeps between reruns; the rules are those of ``dashboard.cache``."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from dashboard import cache, heavy
from dashboard.jobs import Job
from dashboard.keep import kept
from minspnet import artifact
from minspnet.policy import Policy
from minspnet.trace import replay
from minspnet.trust import NAMES, Measured, doubts, left_out
from minspnet.waterfall import contrast

PART = "validation"
"""The part by whose cases methods are judged."""
SAMPLES = (16, 32, 64, 128)
USUAL = 64
_SEED = 0
_KEPT = 64


@kept(_KEPT)
def _found(digest: str, policy: Policy) -> dict[int, dict[str, Measured]]:
    """By row of the part's trace, what each method was measured to be; filled by the job."""
    return {}


@kept(_KEPT)
def _jobs(digest: str, policy: Policy) -> dict[str, Job]:
    """The job at work on a policy, if there ever was one."""
    return {}


def _key(name: str, policy: Policy) -> tuple[str, Policy]:
    # What-if edits belong to one case, and a cut-off moves no log-odds.
    held = policy.without_interventions().with_cut(0.5)
    return cache.model(name).traces[PART].digest, held


def sample(name: str, count: int) -> tuple[int, ...]:
    """Rows of the validation cases looked at; a larger sample holds the smaller ones."""
    total = len(cache.model(name).traces[PART])
    rows = np.random.default_rng(_SEED).permutation(total)[:count]
    return tuple(map(int, rows))


def methods(name: str) -> tuple[str, ...]:
    """Names of the methods offered for a model."""
    unsuited = left_out(cache.model(name).spec)
    return tuple(method for method in NAMES if method not in unsuited)


def start(name: str, policy: Policy, count: int) -> None:
    """Measure all methods on a sample in the background, going on from what is known."""
    jobs = _jobs(*_key(name, policy))
    last = jobs.get("job")
    if last is None or not last.under_way:
        jobs["job"] = Job(lambda: _measure(name, policy, count))


def job(name: str, policy: Policy) -> Job | None:
    """The last job asked for, under way or not."""
    return _jobs(*_key(name, policy)).get("job")


def _measure(name: str, policy: Policy, count: int) -> Iterator[float]:
    heavy.load()
    from minspnet.attribution.quality import Question, measure

    digest, held = _key(name, policy)
    found, rows, asked = _found(digest, held), sample(name, count), methods(name)
    trace, cases = cache.model(name).traces[PART], cache.part(name, PART)
    known = cache.part(name, "train").inputs
    # One of its own: others run theirs at the same time.
    network = artifact.load_network(cache.model(name))
    for number, row in enumerate(rows):
        if row in found:
            continue
        decided = replay(trace[row], held)
        told, against = contrast(decided)
        target = f"class:{told}:{against}"
        question = Question(cases.inputs[row], decided.active[0], target, known)
        one = {}
        for step, (method, measured) in enumerate(measure(network, question, asked, row), 1):
            one[method] = measured
            if len(one) == len(asked):
                found[row] = one
            yield (number + step / len(asked)) / len(rows)


def measured(name: str, policy: Policy, count: int) -> dict[str, list[Measured]]:
    """Of each method, the sampled cases measured so far, in the order of the sample."""
    found = _found(*_key(name, policy))
    # Copied at once: the job may add to it.
    rows = [row for row in sample(name, count) if row in found]
    return {method: [found[row][method] for row in rows] for method in methods(name)}


def doubted(name: str, policy: Policy, method: str) -> tuple[tuple[str, ...], int]:
    """What speaks against a method, as far as it was measured, and on how many cases; at once."""
    known = measured(name, policy, max(SAMPLES)).get(method, [])
    return doubts(known), len(known)


@kept(256)
def stages(
    name: str,
    case_id: str,
    active: tuple[bool, ...],
    target: str,
    edits: tuple[tuple[int, float], ...],
) -> Mapping[str, Any]:
    """What flowed through each part that ran, by concept."""
    heavy.load()
    from minspnet.attribution.stages import stage_conductance

    known = cache.part(name, "train").inputs
    inputs = cache.case_inputs(name, case_id)
    return stage_conductance(cache.network(name), inputs, np.array(active), target, edits, known)


@kept(256)
def attention(name: str, case_id: str, active: tuple[bool, ...]) -> Mapping[str, Any]:
    """Where each part that pools by attention looked; empty where none does."""
    heavy.load()
    from minspnet.attribution.stages import attention_maps

    return attention_maps(cache.network(name), cache.case_inputs(name, case_id), np.array(active))
