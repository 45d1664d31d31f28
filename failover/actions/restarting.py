"""What `service.restart` and `container.restart` share: an event that is seen by a later start and a working answer.

A hung daemon reads "active", so neither its state nor an exit code says anything: the far side compares when it
was started, and talks to it. Only what hosts.yaml names is ever started, and the host itself counts: restarted
three times in ten minutes, it refuses a fourth, whoever asks. For that reason, and since Postfix keeps
every message that nobody has acknowledged, repeating is safe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from failover.actions import remote
from failover.actions.base import Attempt, Context, Ports, Result
from failover.actions.fields import OnHost
from failover.actions.steps import event_step
from failover.actions.subjects import host_in, host_of
from failover.core.fleet import Endpoint, Host
from failover.core.runs.plan import Step
from failover.core.runs.playbook import Risk, StepSpec
from failover.core.runs.recovery import Reading
from failover.core.words import count, duration
from failover.errors import Refused
from failover.ports import Reply

GRACE_S = 10
"""What a running container has to finish what it is at, after which Docker kills it (its own default)."""
LIMITS_S = {"container": 60.0, "service": 120.0}
"""A service may take systemd's DefaultTimeoutStopSec, 90 s, to stop."""


@dataclass(frozen=True, slots=True)
class Unit:
    """`kind` service or container; it works again when it `speaks` (smtp, spamassassin, rspamd) at one of `answers`."""

    kind: str
    name: str
    answers: tuple[Endpoint, ...]
    speaks: str
    risk: Risk = Risk.NONE


def plan(spec: StepSpec[OnHost], context: Context, unit_of: Callable[[Host], Unit]) -> Step:
    host = host_of(spec, context.ports.fleet)
    unit = unit_of(host)
    found = remote.read(context.ports, host, "unit", {"kind": unit.kind, "name": unit.name})
    state, manager = _state(host, unit, found), (found.one("manager") or ("",))[0]
    restarts = _refuse_a_loop(host, unit, found)
    return event_step(
        spec,
        host,
        says=f"{unit.kind} {unit.name}, {state}: {_how(unit, manager, state)}; it must answer at {_at(unit)}",
        how={"kind": unit.kind, "name": unit.name},
        observed={"state": state, "restarts": restarts},
        undo="none; what was started stays started",
        risk=unit.risk,
        eta_s=GRACE_S + 3.0 if state == "running" else 3.0,
        limit_s=spec.timeout or LIMITS_S[unit.kind],
    )


def act(step: Step, at: Attempt, ports: Ports, unit_of: Callable[[Host], Unit]) -> Result:
    """The unit is read from hosts.yaml anew: a plan from a file starts nothing that the fleet does not name."""
    unit = unit_of(host_in(step, ports))
    args = {
        "kind": unit.kind,
        "name": unit.name,
        "answers": ",".join(str(e) for e in unit.answers),
        "speaks": unit.speaks,
        "grace": str(GRACE_S),
    }
    reply = remote.act(step, at, ports, "restart", args)
    was, now = (reply.one(key) or ("unknown",) * 3 for key in ("was", "now"))
    return {"was": was[0], "now": f"{now[0]} since {now[2]}"}


def settle(step: Step, at: Attempt, ports: Ports) -> Reading:
    return remote.settle(step, at, ports, limit_s=step.limit_s)


def asks(units: Iterable[Unit]) -> Iterator[str]:
    """What it names to the helper, as the host's list has it."""
    for unit in units:
        yield f"{unit.kind}:{unit.name}"
        yield from (f"address:{at}" for at in unit.answers)


def _state(host: Host, unit: Unit, found: Reply) -> str:
    state = (found.one("now") or ("unknown",))[0]
    if state == "paused":
        raise Refused(
            f"{host.name}: somebody has paused {unit.name}", try_=f"on {host.name}: docker unpause {unit.name}"
        )
    return state


def _refuse_a_loop(host: Host, unit: Unit, found: Reply) -> str:
    row = found.one("restarts") or ("0", "3", "600")
    n, most, within = (int(field) for field in row[:3])
    said = f"{count(n, 'restart')} in the last {duration(within)}"
    if n >= most:
        log = f"docker logs --tail 50 {unit.name}" if unit.kind == "container" else f"the log of {unit.name}"
        raise Refused(
            f"{host.name}: {unit.name} had {said}: restarting it does not cure it, a person has to look",
            try_=f"on {host.name}: {log}",
        )
    return said


def _how(unit: Unit, manager: str, state: str) -> str:
    match manager:
        case "docker":
            return f"docker restart -t {GRACE_S}" if state in {"running", "restarting"} else "docker start"
        case "systemd":
            return "systemctl restart"
        case _:
            return f"service {unit.name} restart (no systemd there)"


def _at(unit: Unit) -> str:
    return " or ".join(str(e) for e in unit.answers)
