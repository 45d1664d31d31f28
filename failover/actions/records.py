"""MX records as bound values: a change is judged by its own records, made by compare and swap, and taken back alone.

Shared by the dns actions. There is no lock and no epoch at a name server: what
fences here is the swap itself. It looks at the zone, then whether our lease is
still ours, and is refused by the primary if the set was edited since, so that it
overwrites nobody's edit and moves nothing for a run that others have taken
over; repeated, it is found done. What remains: a request that the primary
already has, after its answer was lost, may be carried out after we read "as
before", until its signature lapses, if nobody edits anything before that. Then
the change is there though the run says that it was not made; `dns.mx` and the
next plan show it. How far the comparison goes, and for how long a request may
still be carried out, each provider says of itself (`failover/dns/`).
"""

from __future__ import annotations

from collections.abc import Mapping

from failover.actions.base import Attempt, Context, Ports, Result
from failover.actions.subjects import domain_in
from failover.core.fleet import Domain, Fleet, Host, SpamEngine
from failover.core.mx import MxSet, NoMove, Standing, parse, standing, taken_back
from failover.core.observe.condition import Any, Condition, Predicate
from failover.core.observe.signal import Outcome
from failover.core.runs.plan import Step
from failover.core.runs.recovery import Reading, compare
from failover.errors import Changed, Refused
from failover.ports import DnsZone

TRIES = 5
"""How often an undo goes on after somebody else changed other records of the set at the same moment."""
KEPT_OPEN_S = 300.0
"""Postfix may use a connection again for so long (postconf(5), smtp_connection_reuse_time_limit)."""


def bound(domain: Domain, mx: MxSet) -> Mapping[str, str]:
    return {f"MX {domain.name}": mx.text}


def sets(step: Step) -> tuple[MxSet, MxSet]:
    """Before and wanted, whole, as they were when it was planned."""
    return parse(*step.before.values()), parse(*step.want.values())


def planned_on(domain: Domain, context: Context) -> tuple[MxSet, bool]:
    """What the set will read when this step begins, and whether an earlier step of this plan makes it so."""
    earlier = [s for s in context.earlier if s.domain == domain.name and s.want]
    if earlier:
        return sets(earlier[-1])[1], True
    return context.ports.zone(domain).mx(domain.name), False


def read(step: Step, ports: Ports) -> Mapping[str, str]:
    """As our own records stand: the rest of the set may be edited by others without this being a difference."""
    before, want = sets(step)
    now = _zone(step, ports).mx(_name(step))
    match standing(now, before=before, want=want):
        case Standing.WANTED:
            return step.want
        case Standing.BEFORE:
            return step.before
        case _:
            return dict.fromkeys(step.before, now.text)


def act(step: Step, at: Attempt, ports: Ports) -> Result:
    """Refuses (Changed) when anything in the set differs from what was planned on, the TTL included."""
    before, want = sets(step)
    zone, name = _zone(step, ports), _name(step)
    if standing(zone.mx(name), before=before, want=want) is not Standing.WANTED:
        zone.swap(name, expected=before, wanted=want, check_lease=at.check_lease)
    return {"mx": want.text}


def settle(step: Step, at: Attempt, ports: Ports) -> Reading:
    return compare(read(step, ports), before=step.before, want=step.want)


def undo(step: Step, at: Attempt, ports: Ports) -> Result:
    """Takes back our own records and keeps everybody else's, also those that are written at the same moment."""
    before, want = sets(step)
    zone, name = _zone(step, ports), _name(step)
    for last in range(TRIES, 0, -1):
        now = zone.mx(name)
        match standing(now, before=before, want=want):
            case Standing.BEFORE:
                return {"mx": now.text}
            case Standing.OTHER:
                raise Changed(f"the MX of {name} reads {now.text}: our part was edited", try_="settle it by hand")
        try:
            left = taken_back(now, before=before, want=want)
            zone.swap(name, expected=now, wanted=left, check_lease=at.check_lease)
        except NoMove as e:
            raise Refused(str(e), try_=e.instead) from e
        except Changed:
            if last == 1:
                raise
        else:
            return {"mx": left.text}
    raise AssertionError("the last try returns or raises")


def _name(step: Step) -> str:
    assert step.domain is not None, "a dns step names its domain"
    return step.domain


def _zone(step: Step, ports: Ports) -> DnsZone:
    return ports.zone(domain_in(step, ports))


# Who is fit to take mail ----------------------------------------------------------


def fit(host: Host, fleet: Fleet, *, strict: bool) -> tuple[Condition, ...]:
    """Its port greets us and, as far as they can see, the other MX; its handler and its filter answer.

    `strict` is for going back, which can wait: a filter that is only slow does not do then.
    """
    wanted = [Predicate("smtp.banner", host.name, is_=Outcome.OK)]
    if host.handler is not None:
        wanted.append(Predicate("handler.banner", host.name, is_=Outcome.OK))
    conditions: list[Condition] = [*wanted]
    if host.spam is not None and host.spam.engine is not SpamEngine.NONE:
        conditions.append(_one_of("spam.scan", host, Outcome.OK, *(() if strict else (Outcome.WARN,))))
    if fleet.peers(host.name):  # a peer that is itself out of reach says nothing, and must not keep us
        conditions.append(_one_of("smtp.peer", host, Outcome.OK, Outcome.WARN, Outcome.UNKNOWN))
    return tuple(conditions)


def _one_of(signal: str, host: Host, *outcomes: Outcome) -> Condition:
    tests = tuple(Predicate(signal, host.name, is_=o) for o in outcomes)
    return tests[0] if len(tests) == 1 else Any(tests)


def hosts_named(names: frozenset[str], fleet: Fleet) -> tuple[tuple[Host, ...], tuple[str, ...]]:
    """Of exchanges (absolute names): the hosts that they are, and those that hosts.yaml does not have."""
    known = {f"{h.mx}.": h for h in fleet.hosts.values() if h.mx}
    return tuple(known[n] for n in sorted(names) if n in known), tuple(n for n in sorted(names) if n not in known)
