"""What a command trains on: a task that ships, or data that a user has saved."""

from dataclasses import dataclass

from minspnet.budgets import USUAL, budget_preset
from minspnet.collection import Collection
from minspnet.data import Cases, Split, folds
from minspnet.domain import Domain, Variant
from minspnet.domains import DOMAINS, load_cases
from minspnet.errors import requirement
from minspnet.presets import Preset, preset
from minspnet.workspace import Workspace


@dataclass(frozen=True)
class Task:
    """A task with its cases.

    Attributes:
        domain: The task.
        variant: The choice of inputs.
        cases: With those inputs.
        collection: A user's own data, whole; None for a task that ships.
    """

    domain: Domain
    variant: Variant
    cases: Cases
    collection: Collection | None = None

    def split(self, seed: int) -> Split:
        """The official split of the data, or the one that a seed draws."""
        official = self.collection.split if self.collection else None
        return official or next(folds(self.cases, seed))

    def recipe(self, name: str, budget: str | None) -> Preset:
        """The recipe by the name of a preset, or by a budget, which serves any task.

        Raises:
            UserError: If there is none.
        """
        if budget is None and self.collection is None:
            return preset(self.domain, self.variant, name)
        if name != "default":
            raise requirement("preset", "be left out here", name, "say --budget alone")
        return budget_preset(self.domain, self.variant, self.cases, budget or USUAL)


def find_task(key: str, variant: str | None, workspace: Workspace) -> Task:
    """Look for a task that ships, then for saved data of that key.

    Raises:
        UserError: If there is neither, or no such choice of inputs.
    """
    if key in DOMAINS:
        domain = DOMAINS[key]
        return Task(domain, domain.variant(variant), load_cases(domain, variant))
    own = workspace.collections()
    if key not in own:
        known = ", ".join((*DOMAINS, *own))
        raise requirement("domain", f"be one of {known}", repr(key), "pick one of them")
    collection = workspace.collection(key)
    domain = collection.card.domain()
    chosen = domain.variant(variant)
    return Task(domain, chosen, collection.of_variant(chosen.name), collection)
