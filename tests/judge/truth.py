"""What is right on a night: the acts that are wanted, those that may be, when silence is wrong. Values only."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.judge.deeds import Deed

if TYPE_CHECKING:
    from tests.judge.scene import Scene

MINUTE = 60.0
AFTER_S = 120.0


class Sort(enum.StrEnum):
    ACT = "to act"
    HOLD = "to hold, or call a person"
    LIFE = "normal life"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One of these acts, each `WHAT HOST`, within `due` seconds from the incident's begin.

    `moves`: it moves mail instead of curing it in place.
    """

    acts: tuple[str, ...]
    due: float
    moves: bool = False


@dataclass(frozen=True, slots=True)
class Truth:
    """`may`: acts that are neither wanted nor wrong. `harms`: says what is harmful on this night beyond the usual.

    `hosts`: those that a page has to name, one of them; empty: any page will do. `page_due`: seconds from `begins`
    after which silence is wrong; None: silence is right. `pages`: most that may come. `misleads`: words that a page
    must not have, for they advise the wrong act.
    """

    begins: float
    lasts: float
    story: str
    hosts: tuple[str, ...] = ()
    wanted: tuple[Wanted, ...] = ()
    may: frozenset[str] = frozenset()
    page_due: float | None = None
    pages: int | None = None
    misleads: tuple[str, ...] = ()
    harms: Callable[[Deed], str] = field(default=lambda deed: "")
    drains: bool = False
    """Two minutes after the last wanted act no mail waits on `hosts` that waited then."""
    whole: bool = False
    """Played to its end, also when all that is wanted was done."""

    @property
    def ends(self) -> float:
        return self.begins + self.lasts

    def settled(self, deeds: Sequence[Deed], now: float) -> bool:
        """Two minutes after the last wanted act there is nothing more to see."""
        if self.whole or not self.wanted:
            return False
        firsts = [self.first(w, deeds) for w in self.wanted]
        return all(d is not None and now - d.at > AFTER_S for d in firsts)

    def first(self, wanted: Wanted, deeds: Sequence[Deed]) -> Deed | None:
        return next((d for d in deeds if d.at >= self.begins and d.name in wanted.acts), None)

    def allowed(self, deed: Deed) -> bool:
        return deed.name in self.may or any(deed.name in w.acts for w in self.wanted)


@dataclass(frozen=True, slots=True)
class Class:
    """A class of nights. `stage` puts its incident into a scene, and returns the truth. `least`: hosts of the fleet."""

    name: str
    sort: Sort
    about: str
    stage: Callable[[Scene], Truth]
    least: int = 2
    mixes: bool = True
    """With some other normal life, and looks that are lost."""
