"""The type checker that jaxtyping's import hook puts on every function of ``minspnet``."""

from typing import Self

from beartype import BeartypeConf, FrozenDict, beartype

# An int is a float (PEP 484). jaxtyping decorates method by method, where Self means nothing.
check = beartype(conf=BeartypeConf(is_pep484_tower=True, hint_overrides=FrozenDict({Self: object})))
