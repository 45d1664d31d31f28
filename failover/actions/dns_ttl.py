"""`dns.ttl`: shorten the time for which senders may remember a domain's MX, ahead of a shift; its undo lengthens it.

Its effect comes late: who asked just before still remembers for the old TTL.
"""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field

from failover.actions import records
from failover.actions.base import Action, Context, Flags
from failover.actions.fields import OnDomain, SpanRef
from failover.actions.steps import NO_UNDO, state_step
from failover.actions.subjects import domain_of
from failover.core.runs.plan import Certainty, Step
from failover.core.runs.playbook import StepSpec
from failover.core.words import duration
from failover.errors import Refused


class Ttl(OnDomain):
    """Sets the TTL of a domain's MX records."""

    ttl: SpanRef = Field(description="How long senders may remember them.", examples=["60s"])


class DnsTtl:
    name = "dns.ttl"
    with_ = Ttl
    read, act = staticmethod(records.read), staticmethod(records.act)
    settle, undo = staticmethod(records.settle), staticmethod(records.undo)
    flags = Flags(changes_mx=True)

    def plan(self, spec: StepSpec[Ttl], context: Context) -> Step:
        domain = domain_of(spec, context.ports.fleet)
        now, assumed = records.planned_on(domain, context)
        if not now.targets:
            raise Refused(f"{domain.name} has no MX records, so they have no TTL", try_="publish MX first")
        want = replace(now, ttl=_ttl(spec))
        unchanged = want == now
        usual, most = domain.dns.takes_s
        return state_step(
            spec,
            domain,
            certainty=Certainty.UNCHANGED if unchanged else Certainty.ASSUMED if assumed else Certainty.EXACT,
            says=f"{domain.name}: TTL of MX {duration(now.ttl)} → {duration(want.ttl)}",
            before=records.bound(domain, now),
            want=records.bound(domain, want),
            diff=() if unchanged else (f"- {domain.name}. {now.ttl} MX …", f"+ {domain.name}. {want.ttl} MX …"),
            undo=NO_UNDO if unchanged else f"back to {duration(now.ttl)}",
            notes=() if unchanged else (*domain.dns.notes, *_notes(now.ttl)),
            eta_s=usual,
            limit_s=spec.timeout or most,
        )


ACTION: Action[Ttl] = DnsTtl()


def _ttl(spec: StepSpec[Ttl]) -> int:
    given = spec.with_.ttl
    if given != int(given) or not 1 <= given <= 604_800:
        raise Refused(f"step {spec.id} (dns.ttl) has no usable ttl: {given!r}", try_="whole seconds, up to a week: 60s")
    return int(given)


def _notes(old: int) -> tuple[str, ...]:
    return (f"it counts for everybody in {duration(old)}, when the last caches of the old TTL have lapsed",)
