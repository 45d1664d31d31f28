"""MX sets as values: the hosts that take a domain's mail, and how a preference is moved without losing a record.

A change is (records that go, records that come). Its state and its undo depend
on these records alone: edits of the rest of the set by others stay.
"""

from __future__ import annotations

import enum
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

Record = tuple[int, str]
"""(preference, exchange): the lower preference is tried first (RFC 5321, 5.1)."""

HIGHEST = 65_535
LONGEST_TTL = 2**31 - 1
"""RFC 2181, 8."""
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,254}}$)({_LABEL}\.)+", re.DOTALL)
_TEXT = re.compile(r"(?P<records>.*) \(TTL (?P<ttl>[0-9]{1,10})\)", re.DOTALL)


class NoMove(ValueError):
    """This move cannot or must not be made. `instead`: what a person may do."""

    def __init__(self, because: str, *, instead: str) -> None:
        super().__init__(because)
        self.instead = instead


class MxMode(enum.StrEnum):
    """`overlay` adds one better record and deletes none; `swap` exchanges preferences; `weighted` adds names beside
    the best, and senders pick among equals by chance."""

    OVERLAY = "overlay"
    SWAP = "swap"
    WEIGHTED = "weighted"


class Standing(enum.StrEnum):
    BEFORE = "before"
    WANTED = "wanted"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class MxSet:
    """`targets` are (preference, exchange) pairs; exchanges are absolute and lower case. `ttl` in seconds."""

    ttl: int
    targets: frozenset[Record]

    def __str__(self) -> str:
        return ", ".join(shown(r) for r in sorted(self.targets)) or "(empty)"

    @property
    def text(self) -> str:
        """The set as text, for the journal; `parse` reads it back."""
        return f"{self} (TTL {self.ttl})"

    @property
    def best(self) -> int:
        """The preference that is tried first. Raises ValueError for an empty set."""
        return min(preference for preference, _ in self.targets)

    @property
    def first(self) -> frozenset[str]:
        """The exchanges that are tried first."""
        return frozenset(name for preference, name in self.targets if preference == self.best)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(name for _, name in self.targets)


def mx_set(ttl: int, records: Iterable[Record]) -> MxSet:
    """A set that may be published, with absolute lower-case names. Raises ValueError.

    An address is no name (RFC 1035, 3.3.9); `.` alone says that the domain takes no mail (RFC 7505).
    """
    if not 0 <= ttl <= LONGEST_TTL:
        raise ValueError(f"a TTL of {ttl} s; it must be from 0 to {LONGEST_TTL}")
    return MxSet(ttl, frozenset(_record(preference, name) for preference, name in records))


def _record(preference: int, name: str) -> Record:
    if not 0 <= preference <= HIGHEST:
        raise ValueError(f"preference {preference} of {name}; it must be from 0 to {HIGHEST}")
    return preference, exchange(name)


def exchange(name: str) -> str:
    """A name as MX records carry it: absolute, lower case. Raises ValueError."""
    relative = name.lower().removesuffix(".")
    if name == ".":
        return "."
    if _is_address(relative):
        raise ValueError(f"{name} is an address; an MX record needs a name")
    if not _NAME.fullmatch(f"{relative}."):
        raise ValueError(f"{name!r} is no host name")
    return f"{relative}."


def _is_address(text: str) -> bool:
    try:
        return bool(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        return False


def parse(text: str) -> MxSet:
    """The set of `MxSet.text`. Raises ValueError."""
    if not (whole := _TEXT.fullmatch(text)):
        raise ValueError(f"{text!r} is no MX set")
    records = [] if whole["records"] == "(empty)" else [r.partition(" ") for r in whole["records"].split(", ")]
    return mx_set(int(whole["ttl"]), ((int(preference), name) for preference, _, name in records))


def shown(record: Record) -> str:
    preference, name = record
    return f"{preference} {bare(name)}"


def bare(name: str) -> str:
    """Without its last dot, as people write it."""
    return name.removesuffix(".") or "."


# Moving -----------------------------------------------------------------------


def prefer(
    now: MxSet,
    target: str,
    mode: MxMode,
    *,
    names: Iterable[str] = (),
    preference: int | None = None,
    new: bool = False,
) -> MxSet:
    """The set in which senders try `target` first (weighted: one of its `names` most often). Keeps every other name.

    `new`: the target need not be published yet. Returns `now` if nothing has to change. Raises NoMove.
    """
    wanted = _name(target)
    _usable(now)
    if mode is MxMode.WEIGHTED:
        return _weighted(now, wanted, [_name(n) for n in names], new=new)
    _published(now, [wanted], new=new)
    if now.first == {wanted}:
        return now
    return _swapped(now, wanted) if mode is MxMode.SWAP else _overlaid(now, wanted, preference)


def _usable(now: MxSet) -> None:
    if not now.targets:
        raise NoMove(
            "there are no MX records: senders use the address of the domain itself", instead="publish MX first"
        )
    if "." in now.names:
        raise NoMove("a null MX is published: the domain takes no mail (RFC 7505)", instead="publish real MX first")


def _published(now: MxSet, names: Iterable[str], *, new: bool) -> None:
    unknown = [bare(n) for n in names if n not in now.names]
    if unknown and not new:
        raise NoMove(
            f"{', '.join(unknown)} is not among the MX names ({now})",
            instead="publish it first, behind the others; or, if certificate, MTA-STS and TLSA know it: new: true",
        )


def _name(text: str) -> str:
    try:
        name = exchange(text)
    except ValueError as e:
        raise NoMove(str(e), instead="name the target as its MX record does") from e
    if name == ".":
        raise NoMove("`.` as a target would refuse all mail (RFC 7505)", instead="name a host")
    return name


def _overlaid(now: MxSet, target: str, preference: int | None) -> MxSet:
    if now.best < 1:
        better = ", ".join(shown((p + 100, n)) for p, n in sorted(now.targets))
        raise NoMove(
            f"{shown(min(now.targets))} leaves no better preference than 0",
            instead=f"publish the same order with room in front, such as {better}; or use mode: swap",
        )
    chosen = now.best - 1 if preference is None else preference
    if not 0 <= chosen < now.best:
        raise NoMove(f"preference {chosen} is not better than {now.best}", instead=f"take one from 0 to {now.best - 1}")
    return replace(now, targets=now.targets | {(chosen, target)})


def _swapped(now: MxSet, target: str) -> MxSet:
    """The target gets the best preference; the names that had it get the target's."""
    own = [p for p, n in now.targets if n == target]
    if not own:
        raise NoMove(f"{bare(target)} has no preference to exchange ({now})", instead="use mode: overlay")
    if min(own) == now.best:
        raise NoMove(f"{bare(target)} is among the best already, with others ({now})", instead="use mode: overlay")
    best, worse = now.best, min(own)
    kept = {(p, n) for p, n in now.targets if p != best and (p, n) != (worse, target)}
    return replace(now, targets=frozenset({(best, target), *((worse, n) for n in now.first)} | kept))


def _weighted(now: MxSet, target: str, names: list[str], *, new: bool) -> MxSet:
    """Senders choose among equals at random (RFC 5321, 5.1), so a host with more names is tried first more often."""
    if len(set(names)) < 2:
        raise NoMove("weighted needs two names or more, all of one host", instead="with: names: [mx2a.…, mx2b.…]")
    _published(now, names, new=new)
    wanted = replace(now, targets=now.targets | {(now.best, n) for n in names})
    others = wanted.first - set(names) - {target}
    if len(others) >= len(set(names)):
        raise NoMove(
            f"{len(set(names))} names against {len(others)} move no more than half of the mail",
            instead=f"give {len(others) + 1} names or more",
        )
    return wanted


# Where a change stands, and back ------------------------------------------------


def standing(now: MxSet, *, before: MxSet, want: MxSet) -> Standing:
    """The state of our change in `now`, whatever else was edited.

    If a name that we gave a record now has one that is neither ours nor of the old set, somebody edited ours.
    """
    if before.targets == want.targets:
        return _ttl_standing(now, before=before, want=want)
    went, came = before.targets - want.targets, want.targets - before.targets
    if came <= now.targets and not went & now.targets:
        return Standing.WANTED
    ours = {name for _, name in came}
    edited = {r for r in now.targets if r[1] in ours} - before.targets
    if went <= now.targets and not came & now.targets and not edited:
        return Standing.BEFORE
    return Standing.OTHER


def _ttl_standing(now: MxSet, *, before: MxSet, want: MxSet) -> Standing:
    if now.ttl == want.ttl:
        return Standing.WANTED
    return Standing.BEFORE if now.ttl == before.ttl else Standing.OTHER


def taken_back(now: MxSet, *, before: MxSet, want: MxSet) -> MxSet:
    """`now` without our change, everything else kept. Raises NoMove if no host would be left to take mail.

    A name of the old set stays published: if somebody has removed its old records and ours is the last one, the old
    ones come back in the same change.
    """
    if before.targets == want.targets:
        return replace(now, ttl=before.ttl)
    went, came = before.targets - want.targets, want.targets - before.targets
    left = replace(now, targets=(now.targets - came) | went)
    lost = (now.names & before.names) - left.names
    left = replace(left, targets=left.targets | {r for r in before.targets if r[1] in lost})
    if not left.targets:
        raise NoMove(
            f"taking {', '.join(shown(r) for r in sorted(came))} back would leave no MX at all: the others are gone",
            instead="publish another MX first, then roll back",
        )
    return left
