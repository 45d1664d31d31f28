"""Alerts for our debts on hosts: mail that we hold, and changes that our records do not have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from failover.core.alerting.alert import Alert
from failover.core.alerting.severity import urgency
from failover.core.observe.signal import Outcome, Samples, Signal, latest

HELD, FORCE, UNLOADED, EPOCH = "debt.held", "debt.force", "debt.unloaded", "debt.epoch"
NAMES = frozenset({HELD, FORCE, UNLOADED, EPOCH})


def steps(force: Signal) -> tuple[tuple[str, str], ...]:
    """(RUN, STEP) of each change in force, by the host's own word."""
    words = str(force.value or "").split()
    return tuple((run, step) for run, _, step in (w.partition(",") for w in words))


def weighed(
    samples: Iterable[Signal], amiss: Callable[[str, str], str], *, sure: bool = True, epoch: int = 0
) -> Samples:
    """The samples judged with our records: a change in force that they do not have fails, and an epoch in the future is
    ok if ours is as high.

    `amiss`: how our records are wrong about a step in force; empty if they are right. `sure`: there are records.
    `epoch`: the newest of our records.
    """
    known = (_let_in(s, epoch) if s.name == EPOCH else s for s in samples)
    return tuple(_weighed(s, amiss, sure=sure) if s.name == FORCE and s.value else s for s in known)


def is_weighed(s: Signal) -> bool:
    """Is it judged with our records?"""
    return (s.name == FORCE and bool(s.value)) or (s.name == EPOCH and s.outcome is Outcome.WARN)


def _let_in(s: Signal, epoch: int) -> Signal:
    if not is_weighed(s) or not isinstance(s.value, float) or s.value > epoch:
        return s
    said = f"its lock epoch {s.value:.0f} is in the future (a wrong clock?); ours are higher, so it takes our changes"
    return replace(s, outcome=Outcome.OK, reason=said)


def _weighed(s: Signal, amiss: Callable[[str, str], str], *, sure: bool) -> Signal:
    wrong = [(run, step, why) for run, step in steps(s) if (why := amiss(run, step))]
    if not wrong:
        return s
    back = "; ".join(f"failover host restore {s.host} {run} {step}" for run, step, _ in wrong)
    why = " and ".join(dict.fromkeys(why for *_, why in wrong)) if sure else "no records are here"
    outcome = Outcome.FAIL if sure else Outcome.WARN
    return replace(s, outcome=outcome, reason=f"in force, and {why}: {s.reason}; back: {back}")


_TOLD = (
    (HELD, "held", "mail is on hold"),
    (FORCE, "unknown-change", "a change nobody knows"),
    (UNLOADED, "unloaded", "Postfix does not run by its files"),
)


def alerts(hosts: Iterable[str], samples: Samples) -> Iterator[Alert]:
    """Nobody else tells these: a change that our records do not have has neither expiry nor guard."""
    for host in hosts:
        for name, key, title in _TOLD:
            for s in latest(samples, host, name):
                if s.outcome is Outcome.FAIL:
                    how = urgency(f"debt {key}")
                    text = f"{s.reason}\nWhat there is: failover status"
                    about, said = f"{host}/{key}", f"{host}: {title}"
                    yield Alert(about, "seen", how.severity, said, text, how.patience_s, again_s=how.again_s)
