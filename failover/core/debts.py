"""Debts of ours on hosts, as a decision takes them: mail that we hold, and changes that our records know nothing of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from failover.core.alert import Alert
from failover.core.signal import Outcome, Samples, Signal, latest
from failover.core.urgency import urgency

HELD, FORCE, EPOCH = "debt.held", "debt.force", "debt.epoch"
NAMES = frozenset({HELD, FORCE, EPOCH})


def steps(force: Signal) -> tuple[tuple[str, str], ...]:
    """(RUN, STEP) of each change that stands, by the host's own word."""
    words = str(force.value or "").split()
    return tuple((run, step) for run, _, step in (w.partition(",") for w in words))


def weighed(samples: Iterable[Signal], knows: Callable[[str], bool], *, sure: bool = True) -> Samples:
    """The same samples; a change in force of a run that our records do not know is no good news. `knows`: by run.

    `sure`: there are records, and they do not know it; else there are none, and that may be why.
    """
    return tuple(_weighed(s, knows, sure=sure) if s.name == FORCE and s.value else s for s in samples)


def _weighed(s: Signal, knows: Callable[[str], bool], *, sure: bool) -> Signal:
    unknown = [(run, step) for run, step in steps(s) if not knows(run)]
    if not unknown:
        return s
    back = "; ".join(f"failover host restore {s.host} {run} {step}" for run, step in unknown)
    why = "in force, and our records know nothing of it" if sure else "in force, and no records are here"
    return replace(s, outcome=Outcome.FAIL if sure else Outcome.WARN, reason=f"{why}: {s.reason}; back: {back}")


def alerts(hosts: Iterable[str], samples: Samples) -> Iterator[Alert]:
    """Held mail waits for nobody; what is in force and unknown has no expiry, no guard and nobody who remembers it."""
    for host in hosts:
        for name, key, title in ((HELD, "held", "mail is on hold"), (FORCE, "unknown-change", "a change nobody knows")):
            for s in latest(samples, host, name):
                if s.outcome is Outcome.FAIL:
                    how = urgency(f"debt {key}")
                    text = f"{s.reason}\nWhat there is: failover status"
                    about, said = f"{host}/{key}", f"{host}: {title}"
                    yield Alert(about, "seen", how.severity, said, text, how.patience_s, again_s=how.again_s)
