"""Does the mail handler's container run, as Docker sees it? The handler's banner says whether it works.

Docker's restart policy acts when a container ends, with growing pauses; never when it hangs, and not after somebody
stopped it (docker-run(1)). So "running" proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from failover.core.fleet import Host
from failover.core.observe.signal import Outcome, Signal
from failover.core.words import duration
from failover.ports import Reply
from failover.signals.family import Family, Visit
from failover.signals.kind import SignalKind
from failover.signals.sight import number, why_missing

STATE = SignalKind("container.state", "state of the handler's container")


def of(host: Host) -> str | None:
    return host.handler.container if host.handler else None


def has(host: Host, kind: SignalKind) -> bool:
    return of(host) is not None


def asks(visit: Visit) -> dict[str, str]:
    name = of(visit.host)
    return {"container": name} if name is not None and visit.wants(STATE) else {}


def read(visit: Visit, facts: Reply) -> Iterable[Signal]:
    """From `container STATE PID STARTED_AT EXIT_CODE OOM_KILLED RESTARTS HEALTH`; the value is the state."""
    name, sight = of(visit.host), visit.sight
    if name is None:
        return
    row = facts.one("container")
    if not row:
        yield sight.unknown(STATE, why_missing(facts, "container"))
        return
    state, _, started, code, oom, restarts, health = (*row, *[""] * 7)[:7]
    match state:
        case "running" if health == "unhealthy":
            yield sight.signal(STATE, Outcome.WARN, f"{name} runs, and its own check says unhealthy", state)
        case "running":
            yield sight.signal(STATE, Outcome.OK, f"{name} runs{_since(started, facts)}", state)
        case "timeout":
            yield sight.signal(STATE, Outcome.WARN, f"docker does not answer, so nobody can start {name} again", state)
        case "absent":
            yield sight.signal(STATE, Outcome.FAIL, f"docker has no container {name}", state)
        case _:
            memory = ", out of memory" if oom == "true" else ""
            again = f", started again {restarts} times by docker" if number(restarts) else ""
            yield sight.signal(STATE, Outcome.FAIL, f"{name} is {state}, exit code {code or '?'}{memory}{again}", state)


def _since(started: str, facts: Reply) -> str:
    """The time since its start, by the host's own clock; empty when it cannot be read."""
    now = number((facts.one("now") or ("",))[0])
    try:
        began = datetime.fromisoformat(started[:19]).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return ""
    return f" since {duration(now - began)}" if now is not None and now >= began else ""


FAMILY = Family((STATE,), has=has, asks=asks, read=read)
