"""`dns.calm`: let senders remember a domain's MX for an hour. A verb that only a test adds: this file, and one line."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field

from failover.actions import records
from failover.actions.base import Action, Context, Flags
from failover.actions.fields import OnDomain, SpanRef
from failover.actions.steps import state_step
from failover.actions.subjects import domain_of
from failover.core.runs.plan import Step
from failover.core.runs.playbook import StepSpec

HOUR = 3600


class Calm(OnDomain):
    """Lets senders remember the MX records of a domain for an hour."""

    expires: SpanRef = Field(description="After this it is due to be taken back.", examples=["4h"])


class DnsCalm:
    name = "dns.calm"
    with_ = Calm
    read, act = staticmethod(records.read), staticmethod(records.act)
    settle, undo = staticmethod(records.settle), staticmethod(records.undo)
    flags = Flags(changes_mx=True)

    def plan(self, spec: StepSpec[Calm], context: Context) -> Step:
        domain = domain_of(spec, context.ports.fleet)
        now, _ = records.planned_on(domain, context)
        return state_step(
            spec,
            domain,
            says=f"{domain.name}: TTL of MX {now.ttl} → {HOUR}",
            before=records.bound(domain, now),
            want=records.bound(domain, replace(now, ttl=HOUR)),
            undo=f"back to {now.ttl}",
            expires_s=spec.with_.expires,
            eta_s=1.0,
            limit_s=60.0,
        )


ACTION: Action[Calm] = DnsCalm()
