"""Settings on a mail host as bound values: read, compared, settled, and shown as a diff. Shared by the spam actions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from failover.actions import remote
from failover.actions.base import Attempt, Ports, Result
from failover.actions.subjects import host_in
from failover.core.fleet import Host
from failover.core.hidden import hidden
from failover.core.observe.condition import Condition, Predicate
from failover.core.observe.signal import Outcome
from failover.core.runs.plan import Step
from failover.core.runs.recovery import Reading, compare, settled
from failover.errors import OutcomeUnknown
from failover.ports import Reply


def filter_answers(host: Host) -> tuple[Condition, ...]:
    """Law 1 for the filter: it goes back into the path only when it answers and really scans."""
    return tuple(Predicate(name, host.name, is_=Outcome.OK) for name in ("spam.ping", "spam.scan"))


def read_settings(step: Step, ports: Ports) -> Mapping[str, str]:
    keys = [k.split(" ", 1) for k in step.before]
    asked = {f"s{i}": f"{file}:{key}" for i, (file, key) in enumerate(keys, 1)}
    reply = remote.read(ports, host_in(step, ports), "settings", asked)
    if any(len(row) != 3 for row in reply.all("setting")):
        raise OutcomeUnknown(f"{step.host}: a row of its settings cannot be read", try_="see it by hand: postconf -n")
    found = {f"{file} {key}": value for file, key, value in reply.all("setting")}
    return {key: as_planned(step, key, value) for key, value in found.items()}


def as_planned(step: Step, key: str, value: str) -> str:
    """Without what may be a secret, as the plan has it. A plan of an earlier release has it in full."""
    return value if value in {step.before.get(key), step.want.get(key)} else hidden(value)


def settle_setting(step: Step, at: Attempt, ports: Ports) -> Reading:
    """Settle on the host first, read after it: what is read then is at rest."""
    far = remote.settle(step, at, ports)
    if far is Reading.RUNNING:
        return far
    now = compare(read_settings(step, ports), before=step.before, want=step.want)
    return settled(far, now, undo=at.attempt.startswith("undo"))


def summary(reply: Reply, *keys: str) -> Result:
    """What the journal keeps: digests of the files as we left them, and the counts asked for."""
    kept = {f"digest {file}": sha for file, sha in (r for r in reply.all("digest") if len(r) == 2)}
    return kept | {key: " ".join(row) for key in keys for row in reply.all(key)}


def expected(rows: list[tuple[str, ...]]) -> str:
    """The digest by which the host refuses to change what is no longer as planned: of what is there, in full."""
    return hashlib.sha256("".join(f"{f}\t{k}\t{now}\n" for f, k, now, *_ in rows).encode()).hexdigest()


def diff(key: str, before: str, want: str) -> tuple[str, ...]:
    before, want = hidden(before), hidden(want)
    if before == want:
        return ()
    return (f"- {key}{_shown(before)}", f"+ {key}{_shown(want)}")


def _shown(setting: str) -> str:
    return " (not set)" if setting == "-" else f" = {setting[1:]}" if setting != "=" else " = (empty)"
