"""The target for the mail of a sick host: the first host that is fit, in an operator's order. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from failover.core.fleet import Fleet, Role
from failover.core.observe.diagnosis import Diagnosis, State
from failover.core.observe.signal import Outcome, Samples, latest


@dataclass(frozen=True, slots=True)
class Choice:
    """`host` takes the mail; `why`: empty if there was no other host.

    `passed`: the hosts before it in the order, and what is wrong with each. If none is fit, `host` is the first, and
    `passed` has them all.
    """

    host: str
    why: str = ""
    passed: tuple[tuple[str, str], ...] = ()


def takers(fleet: Fleet, domain: str | None) -> tuple[str, ...]:
    """The hosts that take the mail of this domain, the preferred first: its `mx`, else all with an MX name. Without a
    domain: every host."""
    if domain is None or domain not in fleet.domains:
        return tuple(fleet.hosts)
    return fleet.domains[domain].mx or tuple(name for name, h in fleet.hosts.items() if h.mx)


def served(fleet: Fleet, host: str | None) -> tuple[str, ...]:
    """The domains whose mail this host takes, in the order of the fleet; a domain without `mx` may be any host's."""
    return tuple(n for n, d in fleet.domains.items() if host is None or not d.mx or host in d.mx)


def order(fleet: Fleet, sick: str | None, domain: str | None) -> tuple[str, ...]:
    """The hosts that may take the mail of `sick`: first those with `standby_for` it, then the standbys (for a sick
    standby the primaries, which have the mail already); each in the order of the domain's MX, else of the fleet."""
    role = fleet.hosts[sick].role if sick else Role.PRIMARY

    def rank(name: str) -> tuple[bool, bool]:
        host = fleet.hosts[name]
        return sick not in host.standby_for, host.role is role

    return tuple(sorted((n for n in takers(fleet, domain) if n != sick), key=rank))


def choose(fleet: Fleet, sick: str | None, domain: str | None, wrong: Callable[[str], str | None]) -> Choice | None:
    """The first host in order without anything `wrong`; the first of all if none is fit; None if there is no host."""
    able = order(fleet, sick, domain)
    passed: list[tuple[str, str]] = []
    for name in able:
        said = wrong(name)
        if said is None:
            return Choice(name, _why(name, fleet, sick, able, passed), tuple(passed))
        passed.append((name, said))
    return Choice(able[0], "", tuple(passed)) if able else None


def _why(name: str, fleet: Fleet, sick: str | None, able: tuple[str, ...], passed: list[tuple[str, str]]) -> str:
    if passed:
        return f"mail goes to {name}, as {'; '.join(f'{n} {said}' for n, said in passed)}"
    if sick in fleet.hosts[name].standby_for:
        return f"mail goes to {name}, which stands by for {sick}"
    return f"mail goes to {name}, the first of {', '.join(able)}" if len(able) > 1 else ""


def unfit(d: Diagnosis | None, now: Samples) -> str | None:
    """Why a host may not take the mail of others; None if it may. `now`: recent samples."""
    if d is None:
        return "is no host of hosts.yaml"
    if d.state in {State.FAILED, State.UNKNOWN}:
        return f"is {d.state.value}: {d.summary}"
    greets = latest(now, d.host, "smtp.banner")
    if not greets or any(g.outcome is not Outcome.OK for g in greets):
        return "is not seen to greet"
    if refusing := next((g for g in latest(now, d.host, "smtp.dialogue") if g.outcome is Outcome.FAIL), None):
        return f"takes no mail: {refusing.reason}"
    if any(g.outcome is Outcome.FAIL for g in latest(now, d.host, "spam.scan")):
        return f"would hold it up: {d.summary}"
    full = (n for n in ("disk.free", "disk.inodes") if any(g.outcome is not Outcome.OK for g in latest(now, d.host, n)))
    return next((f"is nearly full: {name}" for name in full), None)
