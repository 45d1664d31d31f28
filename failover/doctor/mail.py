"""One look at the fleet, as `check` takes it: is the standby fit to take the mail now?"""

from __future__ import annotations

from collections.abc import Iterator

from failover.core.fleet import Fleet, Host, Role
from failover.core.observe.diagnosis import Diagnosis, State, diagnose_all
from failover.core.observe.signal import Outcome, Samples, latest, worst
from failover.doctor.findings import Finding, fail, ok, warn
from failover.ports import Clock, Remote, SmtpClient
from failover.signals import SIGNALS, weighs
from failover.signals.look import look
from failover.signals.traffic import POSITION

PATIENCE_S = 4.0
_ROOM = ("disk.free", "disk.inodes")


def findings(fleet: Fleet, remote: Remote, smtp: SmtpClient, clock: Clock) -> Iterator[Finding]:
    every = frozenset(SIGNALS)  # by name: also why nothing is counted
    samples = look(fleet, wanted=every, remote=remote, smtp=smtp, clock=clock, patience_s=PATIENCE_S, workers=32)
    diagnoses = diagnose_all(fleet, tuple(s for s in samples if weighs(s)))
    if not any(h.role is Role.STANDBY for h in fleet.hosts.values()):
        yield fail("standby", "fleet", "hosts.yaml has no standby: there is nowhere to", try_="role: standby for one")
    for host in fleet.hosts.values():
        yield health(host, diagnoses[host.name])
        if not any(s.outcome is Outcome.FAIL for s in latest(samples, host.name, "ssh.reach")):  # said already
            yield room(host, samples)
            yield log(host, samples)


def health(host: Host, found: Diagnosis) -> Finding:
    """A standby that is not well is no target. A primary that is not well hinders no failover."""
    said = f"{host.role.value} is {found.state.value}"
    if found.state is State.HEALTHY:
        return ok("mail", host.name, said)
    shown = [s for s in found.evidence_for or found.latent if s.name != "ssh.reach"]  # its words stand beside `ssh`
    words = "; ".join(f"{s.name}: {s.reason}" for s in shown[:3]) or "see ssh"
    see = f"failover check --host {host.name}"
    if host.role is Role.STANDBY and found.state is not State.DEGRADED:
        return fail("mail", host.name, f"{said} ({found.summary}): {words}", try_=f"{see}; cure it first")
    return warn("mail", host.name, f"{said} ({found.summary}): {words}", try_=see)


def log(host: Host, samples: Samples) -> Finding:
    """Without a mail log, a cure is judged by the queue alone."""
    found = next((s for s in latest(samples, host.name, POSITION.name)), None)
    if found is not None and found.outcome is Outcome.OK:
        return ok("log", host.name, f"mail is counted in {found.reason}")
    return warn(
        "log",
        host.name,
        f"{found.reason if found else 'not looked at'}; neither its traffic nor its share of it is known",
        try_=f"write for {host.name} in hosts.yaml `postfix: {{log: /PATH/OF/ITS/LOG}}`, or let rsyslog or journald "
        "have what Postfix logs",
    )


def room(host: Host, samples: Samples) -> Finding:
    """A requeue writes each message anew, so it needs room on the disk."""
    found = worst(s for name in _ROOM for s in latest(samples, host.name, name))
    free = f"on {host.name}: df -h and df -i at the queue; free space outside of the queue"
    if found is None or found.outcome is Outcome.UNKNOWN:
        return warn("disk", host.name, found.reason if found else "not looked at", try_=free)
    judge = {Outcome.FAIL: fail, Outcome.WARN: warn}.get(found.outcome)
    return judge("disk", host.name, found.reason, try_=free) if judge else ok("disk", host.name, found.reason)
