"""One property of the simulated world under several influences, each with its own begin and end.

Without it, the end of a harmless restart would heal a daemon that hangs for another reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Layers(Generic[T]):
    """`combine` makes one value of the base and all that lies on it; `apply` puts it into force."""

    def __init__(self, base: T, combine: Callable[[Iterable[T]], T], apply: Callable[[T], None]) -> None:
        self._base = base
        self._combine = combine
        self._apply = apply
        self._laid: dict[int, T] = {}
        self._next = 0

    def lay(self, value: T) -> Callable[[], None]:
        """Add an influence; the returned function removes it, once."""
        number = self._next = self._next + 1
        self._laid[number] = value
        self._settle()

        def lift() -> None:
            if self._laid.pop(number, None) is not None:
                self._settle()

        return lift

    def rest(self, base: T) -> None:
        """Set the value without influences."""
        self._base = base
        self._settle()

    def clear(self, base: T) -> None:
        """Remove all influences, and set the value."""
        self._laid.clear()
        self.rest(base)

    def _settle(self) -> None:
        self._apply(self._combine((self._base, *self._laid.values())))
