"""Keep what a function gave: Streamlit's ``cache_resource``, but for keys that hash themselves.

Streamlit looks up a function's signature and hashes each argument anew at every call; at some 80
calls a rerun that was a seventh of a moved slider's time.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, ParamSpec, TypeVar

Given = ParamSpec("Given")
Value = TypeVar("Value")


class Kept(Generic[Given, Value]):
    """A function whose results are kept for all sessions, those asked for last the longest."""

    def __init__(self, compute: Callable[Given, Value], most: int | None) -> None:
        self.__wrapped__ = compute
        self.__doc__ = compute.__doc__
        self._most = most
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._changing = threading.Lock()
        self._computing: dict[Hashable, threading.Lock] = {}

    def __call__(self, *args: Given.args, **kwargs: Given.kwargs) -> Value:
        key = (args, *kwargs.items())
        with self._changing:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
            turn = self._computing.setdefault(key, threading.Lock())
        # Whoever asks for the same meanwhile waits for it rather than computing it too.
        with turn:
            with self._changing:
                if key in self._values:
                    return self._values[key]
            try:
                value = self.__wrapped__(*args, **kwargs)
                with self._changing:
                    self._values[key] = value
                    while self._most is not None and len(self._values) > self._most:
                        self._values.popitem(last=False)
            finally:
                with self._changing:
                    self._computing.pop(key, None)
        return value

    def clear(self) -> None:
        """Forget everything."""
        with self._changing:
            self._values.clear()


def kept(most: int | None = None) -> Callable[[Callable[Given, Value]], Kept[Given, Value]]:
    """Keep what a function gives, by its arguments: small and hashable, as names and policies.

    Args:
        most: Results to keep; None keeps all. One that fails is asked again.
    """
    return lambda compute: Kept(compute, most)
