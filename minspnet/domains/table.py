"""Cases of a table: one row each, each standing alone."""

import numpy as np
import pandas as pd
from jaxtyping import Int

from minspnet.data import Cases
from minspnet.domain import Domain, Variant


def table_cases(
    table: pd.DataFrame,
    ids: tuple[str, ...],
    labels: Int[np.ndarray, " case"],
    domain: Domain,
    variant: Variant,
) -> Cases:
    """Take the inputs of a variant, and every feature as a column."""
    columns = {one.name: table[one.name].to_numpy(np.float32) for one in domain.features}
    inputs = table[list(variant.inputs)].to_numpy(np.float32)
    return Cases(ids, inputs, labels, columns, ids)
