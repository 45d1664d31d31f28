"""`dns.prefer`: senders try another MX first. By addition where there is room, so that no set is ever without a record.

Verified in seconds at the authoritative servers (`dns.mx`); senders follow as
their caches lapse, and a connection that they hold open goes on being used.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from failover.actions import records
from failover.actions.base import Action, Context, Flags
from failover.actions.fields import HostRef, OnDomain, SpanRef
from failover.actions.steps import NO_UNDO, state_step
from failover.actions.subjects import domain_of
from failover.core.fleet import Domain, Fleet, Host
from failover.core.mx import MxMode, MxSet, NoMove, bare, parse, prefer, shown
from failover.core.observe.condition import judge, predicates
from failover.core.runs.plan import Certainty, Step
from failover.core.runs.playbook import Risk, StepSpec
from failover.core.words import duration, found
from failover.errors import Refused
from failover.fields import Wrong, is_hostname


def _names(value: Any) -> tuple[str, ...]:
    names = value if isinstance(value, list | tuple) else ()
    if names and all(isinstance(n, str) and is_hostname(n) and "." in n for n in names):
        return tuple(names)
    raise Wrong(f"{found(value)} is no list of names; write [mx2a.example.net, mx2b.example.net]")


_Names = Annotated[
    tuple[str, ...],
    PlainValidator(_names),
    WithJsonSchema({"type": "array", "items": {"type": "string"}, "minItems": 1}),
]


class Prefer(OnDomain):
    """Has senders try another MX of a domain first."""

    to: HostRef = Field(description="The host that shall be tried first.", examples=['"${to}"'])
    away: HostRef | None = Field(
        default=None,
        description="The host that does not answer: nothing is moved unless senders try it first.",
        examples=['"${sick}"'],
    )
    mode: Literal["overlay", "swap", "weighted"] = Field(
        default="overlay",
        description="overlay: one better record more; swap: preferences exchanged; weighted: names beside the best.",
    )
    names: _Names | None = Field(default=None, description="weighted: the names of the host, two or more.")
    preference: Annotated[int, Field(ge=0, le=65_535)] | None = Field(
        default=None, description="overlay: the preference of the record; else one better than the best."
    )
    new: bool = Field(default=False, description="The MX need not be published yet.")
    expires: SpanRef | None = Field(default=None, description="After this it is due to be taken back.")


class DnsPrefer:
    name = "dns.prefer"
    with_ = Prefer
    read, act = staticmethod(records.read), staticmethod(records.act)
    settle, undo = staticmethod(records.settle), staticmethod(records.undo)
    flags = Flags(moves_mail=True, changes_mx=True)

    def plan(self, spec: StepSpec[Prefer], context: Context) -> Step:
        fleet = context.ports.fleet
        domain, to = domain_of(spec, fleet), _target(spec, context)
        now, assumed = records.planned_on(domain, context)
        first = _tried_first(spec.with_.away, now, fleet)
        want = _wanted(spec.with_, domain, to, now) if first else now
        unchanged = want == now
        if not unchanged:
            _may_take_it(to, domain, now, want, context)
        back, strangers = records.hosts_named(now.first - {f"{to.mx}."}, fleet)
        usual, most = domain.dns.takes_s
        return state_step(
            spec,
            domain,
            certainty=Certainty.UNCHANGED if unchanged else Certainty.ASSUMED if assumed else Certainty.EXACT,
            says=_says(domain, to, now, want) if first else _not_first(domain, str(spec.with_.away), now),
            before=records.bound(domain, now),
            want=records.bound(domain, want),
            diff=diff(domain, now, want),
            undo=_undo_words(now, want, back, strangers) + ("" if unchanged else _expiry(spec.with_.expires)),
            guards=tuple(c for h in back for c in records.fit(h, fleet, strict=True)),
            requires=() if unchanged else records.fit(to, fleet, strict=False),
            notes=() if unchanged else (*domain.dns.notes, *_notes(want)),
            risk=Risk.TRAFFIC,
            eta_s=usual,
            limit_s=spec.timeout or most,
            expires_s=spec.with_.expires,
        )

    def away_from(self, step: Step, fleet: Fleet) -> tuple[str, ...]:
        """The hosts that senders tried first before."""
        to, had = str(step.args.get("to", "")), parse(*step.before.values()).first
        others = tuple(n for n in fleet.hosts if n != to)
        return tuple(n for n in others if f"{fleet.hosts[n].mx}." in had) or others


ACTION: Action[Prefer] = DnsPrefer()


def _target(spec: StepSpec[Prefer], context: Context) -> Host:
    hosts, name = context.ports.fleet.hosts, spec.with_.to
    if name not in hosts:
        raise Refused(
            f"step {spec.id} (dns.prefer) names no host of hosts.yaml: {name!r}", try_=f"one of: {', '.join(hosts)}"
        )
    if hosts[name].mx is None:
        raise Refused(f"{name} has no `mx` in hosts.yaml", try_="write the name that MX records carry: mx: mx2.…")
    return hosts[name]


def _tried_first(away: str | None, now: MxSet, fleet: Fleet) -> bool:
    """Do senders try this host first? They lose no time at any other. None: whatever they try, it is to be another."""
    return away is None or away not in fleet.hosts or f"{fleet.hosts[away].mx}." in now.first


def _not_first(domain: Domain, away: str, now: MxSet) -> str:
    return f"{domain.name}: senders do not try {away} first ({now}), so there is nothing to move"


def _wanted(with_: Prefer, domain: Domain, to: Host, now: MxSet) -> MxSet:
    try:
        return prefer(
            now,
            str(to.mx),
            MxMode(with_.mode),
            names=with_.names or (),
            preference=with_.preference,
            new=with_.new,
        )
    except (NoMove, ValueError) as e:
        instead = e.instead if isinstance(e, NoMove) else "correct the step"
        raise Refused(f"{domain.name}: {e}", try_=instead) from e


def _may_take_it(to: Host, domain: Domain, now: MxSet, want: MxSet, context: Context) -> None:
    """Raises Refused unless the names that come can stand in an MX record and the target is seen to be well."""
    zone = context.ports.zone(domain)
    for name in sorted({n for _, n in want.targets - now.targets}):
        if why := zone.trouble(name):
            raise Refused(f"{domain.name}: {why}", try_="publish an A or AAAA record for it first")
    needed = records.fit(to, context.ports.fleet, strict=False)
    signals = frozenset(t.signal for c in needed for t in predicates(c))
    seen = context.ports.look({to.name}, signals)
    judged = [judge(c, seen, now=context.ports.clock.now()) for c in needed]
    if bad := [b for j in judged if not j.holds for b in j.because]:
        raise Refused(
            f"{to.name} is not fit to take the mail of {domain.name}: {'; '.join(bad)}",
            try_=f"see `failover check --host {to.name}`; the other MX keeps the mail meanwhile",
        )


def _says(domain: Domain, to: Host, now: MxSet, want: MxSet) -> str:
    came, went = sorted(want.targets - now.targets), sorted(now.targets - want.targets)
    if not came:
        return f"{domain.name}: {to.mx} is preferred already ({now})"
    if went:
        return f"{domain.name}: {now} → {want}"
    place = "beside" if came[0][0] == now.best else "in front of"
    return f"{domain.name}: {', '.join(map(shown, came))} {place} {shown(min(now.targets))}"


def diff(domain: Domain, now: MxSet, want: MxSet) -> tuple[str, ...]:
    """As a zone file has it."""
    gone = [f"- {domain.name}. {now.ttl} MX {p} {n}" for p, n in sorted(now.targets - want.targets)]
    come = [f"+ {domain.name}. {want.ttl} MX {p} {n}" for p, n in sorted(want.targets - now.targets)]
    return (*gone, *come)


def _undo_words(now: MxSet, want: MxSet, back: tuple[Host, ...], strangers: tuple[str, ...]) -> str:
    if want == now:
        return NO_UNDO
    what = "exchange them back" if now.targets - want.targets else "remove what was added, keep all else"
    who = f", once {' and '.join(h.name for h in back)} is well again" if back else ""
    unseen = f" (not looked at, since not in hosts.yaml: {', '.join(map(bare, strangers))})" if strangers else ""
    return f"{what}{who}{unseen}"


def _notes(want: MxSet) -> tuple[str, ...]:
    return (
        f"senders follow within {duration(want.ttl)} (the TTL) of the last name server; "
        f"connections that they keep open last up to {duration(records.KEPT_OPEN_S)} longer",
    )


def _expiry(expires: float | None) -> str:
    return f" · expires in {duration(expires)}" if expires else ""
