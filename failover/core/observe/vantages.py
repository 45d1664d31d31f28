"""Who looks at whose port 25: a few hosts that can look, wherever they stand in the file, and every witness. Pure.

Asked before a look (`watches`), and once more in it (`again`), where a vantage turned out not to be able to look.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from failover.core.fleet import Fleet
from failover.core.observe.signal import Outcome, Samples

MOST = 64
"""A host looks at no more hosts at once: each is a process and a connection there."""

Watches = Mapping[str, tuple[str, ...]]
"""By watcher, the hosts that it looks at."""


def watches(fleet: Fleet, chosen: Sequence[str], before: Samples) -> Watches:
    """A chosen host is seen by all witnesses and by `quorum` other hosts; by those that did not let us in at the last
    look (`before`) only where too few others are left."""
    let_in = {s.host: s.outcome is Outcome.OK for s in before if s.name == "ssh.reach"}
    rings = [[h for h in fleet.hosts if let_in.get(h, True) is able] for able in (True, False)]
    found = _shared(fleet, dict.fromkeys(chosen, fleet.policy.quorum), rings, ())
    return {**found, **(dict.fromkeys(fleet.witnesses, tuple(chosen)) if chosen else {})}


def again(fleet: Fleet, chosen: Sequence[str], before: Samples, found: Samples) -> Watches:
    """For a chosen host that fewer than `quorum` others could look at: more of those that answered in this look
    (`found`), then of those that were not asked in it and let us in at the last one."""
    asked = [s for s in found if s.name == "smtp.peer"]
    could = Counter(s.host for s in asked if s.outcome is not Outcome.UNKNOWN)
    lacking = {t: n for t in chosen if (n := fleet.policy.quorum - could[t]) > 0}
    answered = _answered(found)
    contacted = {s.host for s in found if s.name == "ssh.reach"} | {s.vantage for s in asked}
    let_in = {s.host: s.outcome is Outcome.OK for s in before if s.name == "ssh.reach"}
    others = [h for h in fleet.hosts if h not in contacted and let_in.get(h, True)]
    rings = [[h for h in fleet.hosts if h in answered], others]
    return _shared(fleet, lacking, rings, {(s.vantage, s.host) for s in asked})


def _answered(found: Samples) -> frozenset[str]:
    """The hosts that let us in, or told of a peer."""
    known = [s for s in found if s.outcome is not Outcome.UNKNOWN]
    spoke = (s.host for s in known if s.name == "ssh.reach" and s.outcome is Outcome.OK)
    return frozenset((*spoke, *(s.vantage for s in known if s.name == "smtp.peer")))


def _shared(
    fleet: Fleet, wanted: Mapping[str, int], rings: Iterable[Sequence[str]], asked: Collection[tuple[str, str]]
) -> Watches:
    """As many watchers for each host as `wanted`, first of the first ring. The load is shared: each is seen by those
    that come after its place, and by one before any is seen by two."""
    rings, places = [*rings], {name: i for i, name in enumerate(fleet.hosts)}
    found: dict[str, list[str]] = {}

    def after(target: str) -> Iterator[str]:
        """Full ones are left out."""
        ringed = (r[(places[target] + i) % len(r)] for r in rings for i in range(1, len(r) + 1))
        free = (h for h in ringed if h != target and (h, target) not in asked)
        return (h for h in free if len(found.get(h, ())) < MOST)

    turns = {target: after(target) for target in wanted}
    for turn in range(max(wanted.values(), default=0)):
        for target in (t for t, n in wanted.items() if n > turn):
            if (watcher := next(turns[target], None)) is not None:
                found.setdefault(watcher, []).append(target)
    return {watcher: tuple(targets) for watcher, targets in found.items()}
