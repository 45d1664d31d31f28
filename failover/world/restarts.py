"""Restarting in the simulated world: services and the handler's container, with the host's own limit on it."""

from __future__ import annotations

from collections.abc import Mapping

from failover.ports import Rc
from failover.world.machine import Machine, Rows, Verb, refused
from failover.world.postfix import Daemon

Args = Mapping[str, str]
MOST, WITHIN = 3, 600.0
SERVICES = ("postfix", "spamd")
DOCKER_WORDS = {Daemon.DOWN: "exited"}


def state(m: Machine, kind: str, name: str) -> str | None:
    """The state as of `failover-host unit`; None if there is no such service or container."""
    if kind == "container":
        return DOCKER_WORDS.get(m.postfix.handler, "running") if name == m.container else None
    match name:
        case "postfix":
            return "running" if m.postfix.running else "stopped"
        case "spamd":
            return "stopped" if m.postfix.spamd is Daemon.DOWN else "running"
        case _:
            return None


def row(m: Machine, kind: str, name: str) -> tuple[str, ...]:
    begun = m.started.get(f"{kind}/{name}", 0.0)
    return state(m, kind, name) or "absent", str(812 + int(begun)), f"{begun:.3f}"


def recent(m: Machine, what: str) -> int:
    return sum(m.timeline.now - at < WITHIN for at, of in m.restarts if of == what)


def unit(m: Machine, args: Args) -> Verb:
    yield 0.1
    kind, name = args["kind"], args["name"]
    if state(m, kind, name) is None:
        return refused(f"there is no {kind} {name}")
    count = ("restarts", str(recent(m, f"{kind}/{name}")), str(MOST), f"{WITHIN:.0f}")
    return Rc.OK, [("manager", "docker" if kind == "container" else "systemd"), ("now", *row(m, kind, name)), count]


def restart(m: Machine, args: Args) -> Verb:
    """It is counted before it begins; done if it was started later than before, and answers."""
    kind, name = args["kind"], args["name"]
    what = f"{kind}/{name}"
    if state(m, kind, name) is None:
        return refused(f"there is no {kind} {name}")
    if recent(m, what) >= MOST:
        return refused(f"{name} was restarted {MOST} times in the last 10 minutes")
    m.restarts.append((m.timeline.now, what))
    rows: Rows = [("was", *row(m, kind, name))]
    yield float(args["grace"]) if state(m, kind, name) == "running" else 0.5
    m.started[what] = m.timeline.now
    _begin(m, name)
    yield 0.5
    rows.append(("now", *row(m, kind, name)))
    if name in m.relapsing:
        return Rc.FAILED, [*rows, ("because", f"{name} was started, and ended again at once")]
    return Rc.OK, rows


def _begin(m: Machine, name: str) -> None:
    """Deliveries to it end without an acknowledgement: Postfix defers that mail and loses nothing."""
    now = Daemon.DOWN if name in m.relapsing else Daemon.OK
    match name:
        case "postfix":
            m.postfix.frozen = False
            m.under.postfix.clear(now is Daemon.OK)
        case "spamd":
            m.postfix.end_scans()
            m.under.spamd.clear(now)
        case _:
            m.postfix.end_stuck_handling()
            m.under.handler.clear(now)
