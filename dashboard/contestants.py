"""Who can be compared: the models of a task, under each policy that has a name, and baselines."""

from dashboard import cache, cache_compare, state
from dashboard.cache_compare import Contestant
from dashboard.state import View, unedited
from minspnet.policy import CLOSED, Policy
from minspnet.titles import in_sentence

SCREEN, IN_FORCE, ALL_ON, BASELINE = "on screen", "in force", "all experts", "baseline"


def offered(view: View) -> dict[str, Contestant]:
    """Everyone that can be picked, by key; the model on screen comes first.

    Of policies of a model that say the same, one is offered, under all of their names.
    """
    alike = cache.models()[cache.task_of(view.model)]
    names = [view.model, *(name for name in alike if name != view.model)]
    found: dict[str, Contestant] = {}
    for name in names:
        title = cache.title_of(name) if len(names) > 1 else "MINSPNET"
        named: dict[Policy, list[tuple[str, str]]] = {}
        for role, said, policy in _policies(name, view):
            named.setdefault(policy, []).append((role, said))
        for policy, roles in named.items():
            key = f"{name}/{roles[0][0]}"
            called, *also = (said for _, said in roles)
            found[key] = Contestant(key, f"{title}: {called}", name, policy, also=tuple(also))
    for baseline in cache_compare.baselines(view.model)[0]:
        key = f"{view.model}/{BASELINE}/{baseline}"
        title = baseline[:1].upper() + baseline[1:]
        if len(names) > 1:
            title += f" on {in_sentence(cache.title_of(view.model))}"
        found[key] = Contestant(key, title, view.model, None, baseline)
    return found


def usual(view: View, known: dict[str, Contestant]) -> tuple[str, list[str]]:
    """Whom to begin with: the policy in force against all experts, and one baseline."""
    keys = list(known)
    wanted = [f"{view.model}/{ALL_ON}", f"{view.model}/{BASELINE}/logistic regression"]
    others = [cache.model(key.split("/")[0]).name for key in keys]
    wanted += [key for key, name in zip(keys, others, strict=True) if name != view.model][:1]
    first = next(key for key in keys if known[key].policy is not None)
    picked = [key for key in wanted if key in known and key != first]
    return first, picked or [key for key in keys if key != first][:1]


def _policies(name: str, view: View) -> list[tuple[str, str, Policy]]:
    """Role, words and policy of every named way to run one model, the one in force first."""
    loaded = cache.model(name)
    experts = len(loaded.spec.experts)
    named = [(IN_FORCE, "thresholds in force", state.operating_point(name).without_interventions())]
    if name == view.model:
        named.append((SCREEN, SCREEN, unedited(view)))
    named.append(("as trained", "as trained", loaded.policy))
    if experts:
        cut = loaded.policy.decision_threshold
        named.append((ALL_ON, "all experts on", Policy.shared(0, experts).with_cut(cut)))
        named.append(("base", "base path only", Policy.shared(CLOSED, experts).with_cut(cut)))
    for point in cache.store().operating_points(loaded.digest):
        if len(point.policy.gate_thresholds) == experts:
            named.append((f"saved {point.saved_at} {point.name}", f"“{point.name}”", point.policy))
    return named
