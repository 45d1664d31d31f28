"""Debts of ours on hosts, as a decision takes them: mail that we hold, and changes that our records do not tell of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from failover.core.alerting.alert import Alert
from failover.core.alerting.severity import urgency
from failover.core.observe.signal import Outcome, Samples, Signal, latest

HELD, FORCE, UNLOADED, EPOCH = "debt.held", "debt.force", "debt.unloaded", "debt.epoch"
NAMES = frozenset({HELD, FORCE, UNLOADED, EPOCH})


def steps(force: Signal) -> tuple[tuple[str, str], ...]:
    """(RUN, STEP) of each change that stands, by the host's own word."""
    words = str(force.value or "").split()
    return tuple((run, step) for run, _, step in (w.partition(",") for w in words))


def weighed(
    samples: Iterable[Signal], amiss: Callable[[str, str], str], *, sure: bool = True, epoch: int = 0
) -> Samples:
    """The same samples; a change in force that our records do not tell of is no good news, and an epoch of the future
    shuts out only who is below it.

    `amiss`: what our records wrongly say of a run's step that is in force, empty where they are right. `sure`: there
    are records; else there are none, and that may be why. `epoch`: the last that our records gave.
    """
    known = (_let_in(s, epoch) if s.name == EPOCH else s for s in samples)
    return tuple(_weighed(s, amiss, sure=sure) if s.name == FORCE and s.value else s for s in known)


def is_weighed(s: Signal) -> bool:
    """Do our records bear on it?"""
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
    """Held mail waits for nobody; what is in force and unknown, or not taken up, has no expiry, no guard and nobody who
    remembers it."""
    for host in hosts:
        for name, key, title in _TOLD:
            for s in latest(samples, host, name):
                if s.outcome is Outcome.FAIL:
                    how = urgency(f"debt {key}")
                    text = f"{s.reason}\nWhat there is: failover status"
                    about, said = f"{host}/{key}", f"{host}: {title}"
                    yield Alert(about, "seen", how.severity, said, text, how.patience_s, again_s=how.again_s)
