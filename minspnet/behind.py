"""The cases behind a model: those that came with it, or those that ship with its task."""

from minspnet.artifact import Model
from minspnet.collection import load_collection
from minspnet.data import Cases
from minspnet.domains import load_cases


def cases_of(model: Model) -> Cases:
    """All cases of a model's task, with the inputs that it reads.

    Raises:
        UserError: If they came with the model and cannot be read.
    """
    if model.data:
        return load_collection(model.folder).of_variant(model.variant)
    return load_cases(model.domain, model.variant)
