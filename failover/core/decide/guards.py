"""Rules that keep the controller from starting a playbook whose trigger holds. Each is one function; all are pure.

Each is against a known failure of automation: a false alarm of the prober's own network (quorum), overload taken for
death and cured again and again (attempts), a target that was sick as well (target), the last server taken out (one at a
time), a switch reverted behind a person's back (paused, busy). Old samples do not come here: no trigger holds on them
(`core.pace`).

A cure that goes domain by domain is several runs: those for the same host and another domain do not block each other,
and are not each other's attempts.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from failover.core import ahead
from failover.core.decide.candidates import Candidate, Situation
from failover.core.decide.past import InForce, Ran
from failover.core.fleet import Mode
from failover.core.observe.condition import predicates
from failover.core.observe.diagnosis import Diagnosis, recent, shown_since, smtp_failing
from failover.core.observe.signal import Outcome, Samples, latest
from failover.core.runs.playbook import Playbook, moves_mail
from failover.core.runs.targets import unfit
from failover.core.words import count, duration

AGAIN_S = 60.0
"""A run that ended before its first act is tried again after so long."""
NOT_FIRST = "not first"
"""The rule of a move that would help nobody."""
NOTHINGS = 3
"""After so many of those within a cooldown, a person has to look."""


class Weight(enum.StrEnum):
    """The effect of a barrier: wait, ask a person, or page a person."""

    HOLD = "hold"
    ASK = "ask"
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class Barrier:
    rule: str
    weight: Weight
    because: str


Rule = Callable[[Candidate, Situation, Mapping[str, Diagnosis]], Barrier | None]


def barrier(c: Candidate, s: Situation, found: Mapping[str, Diagnosis]) -> Barrier | None:
    """The first rule that stops a candidate whose trigger holds; None if none does."""
    return next((b for rule in RULES if (b := rule(c, s, found)) is not None), None)


def _paused(c: Candidate, s: Situation, found: Mapping[str, Diagnosis]) -> Barrier | None:
    for p in s.past.pauses:
        if p.until > s.now and (p.host is None or p.host in c.subjects):
            if ahead.is_ahead(p.since, s.now):
                said = f"paused by {p.by}, {ahead.words(p.since)}, so nobody can tell when it ends: {p.reason}"
                return Barrier("clock", Weight.PAGE, f"{said}; `failover unpause` ends it")
            left = duration((p.until - s.now).total_seconds())
            return Barrier("paused", Weight.HOLD, f"paused by {p.by} for another {left}: {p.reason}")
    return None


def _busy(c: Candidate, s: Situation, found: Mapping[str, Diagnosis]) -> Barrier | None:
    """A run at work goes on; a run that waits for a person keeps everything off its hosts."""
    for r in s.past.ran:
        if not r.open or not r.subjects & c.subjects or _of_another_domain(r, c, s):
            continue
        if r.busy:
            return Barrier("busy", Weight.HOLD, f"run {r.run} is at work there, by {r.busy}")
        said = f"run {r.run} is {r.state.value} there{': ' + r.because if r.because else ''}"
        return Barrier("open run", Weight.PAGE, said)
    return None


def _diagnosis(c: Candidate, s: Situation, found: Mapping[str, Diagnosis]) -> Barrier | None:
    """The trigger alone is not enough: the diagnosis has to name the incident. Before mail is moved, for as long as the
    trigger asks: one lost look at a host that let us in before does not make it unreachable."""
    if said := not_named(c, found):
        return Barrier("diagnosis", Weight.HOLD, said)
    if c.bound.cures and c.host and moves_mail(c.bound) and _other_before(c, s):
        meant = " and ".join(c.bound.cures)
        said = f"it is for {meant}, and {c.host} has not shown that for {duration(_asked_s(c))} in every look"
        return Barrier("diagnosis", Weight.HOLD, said)
    return None


def for_another(c: Candidate, found: Mapping[str, Diagnosis]) -> bool:
    """The diagnosis names an incident that this one does not cure."""
    return bool(not_named(c, found) and c.host and found[c.host].incident)


def not_named(c: Candidate, found: Mapping[str, Diagnosis]) -> str:
    """In words: it is for incidents that the diagnosis of its host does not name. Empty if that names one."""
    if not c.bound.cures or c.host is None or found[c.host].incident in c.bound.cures:
        return ""
    d = found[c.host]
    shown = f"{d.incident}: {d.summary}" if d.incident else d.summary
    return f"it is for {' and '.join(c.bound.cures)}; {c.host} shows {shown}"


def _asked_s(c: Candidate) -> float:
    return max((t.lasting for t in predicates(c.bound.trigger)), default=0.0) if c.bound.trigger else 0.0


def _other_before(c: Candidate, s: Situation) -> bool:
    """Did a look within the trigger's span show something else, or nothing that has a name?"""
    seen = tuple(x for x in s.samples if x.at <= s.now)
    since = s.now - timedelta(seconds=_asked_s(c))
    return not shown_since(str(c.host), s.fleet, seen, since) <= frozenset(c.bound.cures)


def _not_ready(c: Candidate, s: Situation, found: Mapping[str, Diagnosis]) -> Barrier | None:
    return None if c.ready.holds else Barrier("preconditions", Weight.PAGE, "; ".join(c.ready.because))


def _unseen(c: Candidate, s: Situation, found: Mapping[str, Diagnosis]) -> Barrier | None:
    """Unknown never counts as down, even if a trigger asks for it."""
    asked = [t for t in predicates(c.bound.trigger) if t.is_ is Outcome.UNKNOWN] if c.bound.trigger else []
    if not asked:
        return None
    said = f"{asked[0].signal} on {asked[0].host} is asked to be unknown, and nothing is run out of that"
    return Barrier("unknown", Weight.PAGE, said)


def standing(c: Candidate, s: Situation) -> InForce | None:
    """The change in force of this playbook for this host and domain."""
    made_for = {c.host} if c.host else c.subjects
    mine = (m for m in s.past.standing if m.playbook == c.name and m.is_for(made_for))
    return next((m for m in mine if not _of_another_domain(m, c, s)), None)


def _stands(c: Candidate, s: Situation, found: Mapping[str, Diagnosis]) -> Barrier | None:
    """Not twice; and not again after somebody, a person or a program, has reverted it."""
    m = standing(c, s)
    if m is None:
        return None
    if m.gone:
        said = f"somebody reverted run {m.run} ({m.gone}), and the problem is back"
        return Barrier("gone", Weight.PAGE, said)
    return Barrier("in force", Weight.HOLD, f"what it would do stands already: {m.says} (run {m.run})")


def _attempts(c: Candidate, s: Situation, found: Mapping[str, Diagnosis]) -> Barrier | None:
    """One attempt per class, then a person: a cure that did not last will not last the second time.

    A run that ended before its first act is no attempt, but several of them need a person. So does a run that a wrong
    clock dated ahead of now.
    """
    limits, mine = c.bound.limits, _mine(c, s)
    if lost := next((r for r in mine if ahead.is_ahead(r.opened, s.now)), None):
        said = f"run {lost.run} is {ahead.words(lost.opened)}, and nobody can tell how long ago it was made"
        return Barrier("clock", Weight.PAGE, f"{said}; the next `failover tick` gives it a time to count from")
    since = [r for r in mine if r.opened > s.now - timedelta(seconds=limits.cooldown)]
    if spent := [r for r in since if r.acted or len(since) >= NOTHINGS]:
        said = f"{_newest(spent, s)}, and the problem is back"
        return Barrier("attempts", Weight.PAGE, f"{said}; the next one not before {duration(limits.cooldown)} after it")
    if idle := [r for r in since if r.opened > s.now - timedelta(seconds=AGAIN_S)]:
        said = f"{_newest(idle, s)} and did nothing; the next one not before {duration(AGAIN_S)} after it"
        return Barrier("retry", Weight.HOLD, said)
    within = [r for r in mine if r.acted and r.opened > s.now - timedelta(seconds=limits.per)]
    if len(within) >= limits.max_runs:
        said = f"{count(limits.max_runs, 'run')} in {duration(limits.per)}, and no more are allowed"
        return Barrier("limit", Weight.PAGE, said)
    return None


def counted(playbooks: Iterable[Playbook]) -> int:
    """Of runs that differ only in time, so many of the newest decide as all would: no more need to be read."""
    return max((NOTHINGS, *(p.limits.max_runs for p in playbooks)))


def _newest(runs: Iterable[Ran], s: Situation) -> str:
    r = max(runs, key=lambda r: r.opened)
    ago = duration(max(0.0, (s.now - r.opened).total_seconds()))
    if r.dated:
        return f"run {r.run}, {ahead.words(r.dated)}, was made {ago} ago or earlier ({r.state.value})"
    return f"run {r.run} was made {ago} ago ({r.state.value})"


def _mine(c: Candidate, s: Situation) -> tuple[Ran, ...]:
    ran = (r for r in s.past.ran if r.playbook == c.name and c.host in {None, r.host})
    return tuple(r for r in ran if not _of_another_domain(r, c, s))


def _of_another_domain(r: Ran | InForce, c: Candidate, s: Situation) -> bool:
    """The same playbook for the same host, both for domains, without a domain in common."""
    same = r.playbook == c.name and c.host is not None and r.host == c.host
    theirs, mine = (x.subjects & s.fleet.domains.keys() for x in (r, c))
    return same and bool(theirs and mine) and not theirs & mine


def _tried_first(c: Candidate, s: Situation, found: Mapping[str, Diagnosis]) -> Barrier | None:
    said = not_first(c, s)
    return Barrier(NOT_FIRST, Weight.HOLD, said) if said else None


def not_first(c: Candidate, s: Situation) -> str | None:
    """Senders lose time only at a host that they try first. Moved for any other, mail would leave one that is well."""
    known = [d for d in c.domains if d in s.tried_first]
    if c.host is None or not known or any(c.host in s.tried_first[d] for d in known):
        return None
    first = sorted(frozenset().union(*(s.tried_first[d] for d in known)))
    return f"senders of {', '.join(known)} try {' and '.join(first)} first, so they lose no time at {c.host}"


def _quorum(c: Candidate, s: Situation, found: Mapping[str, Diagnosis]) -> Barrier | None:
    """Mail is moved away only if enough places see the host not answer, and more than see it greet now. A place that
    could not look does not count.

    A peer on the same network may see a host greet that the rest of the world cannot reach, so one that greets is no
    veto. But a tie is a problem of the network between them: a person has to look.
    """
    if not moves_mail(c.bound):
        return None
    if c.host is None:
        said = "it names no host that mail is moved away from (each: true), so no place can see that host not answer"
        return Barrier("quorum", Weight.PAGE, said)
    places, greeted = smtp_failing(c.host, _recent(s)), _greeted(c.host, _recent(s))
    seen = f"{', '.join(places) or 'nobody'} sees {c.host} not answer"
    if len(places) < s.fleet.policy.quorum:
        return Barrier("quorum", Weight.HOLD, f"{seen}; {s.fleet.policy.quorum} places have to")
    if len(places) <= len(greeted):
        said = f"the view is split: {seen}, {', '.join(greeted)} sees it greet; more have to see it fail"
        return Barrier("quorum", Weight.HOLD, said)
    return None


def _greeted(host: str, now: Samples) -> tuple[str, ...]:
    seen = (x for name in ("smtp.banner", "smtp.peer") for x in latest(now, host, name))
    return tuple(x.vantage for x in seen if x.outcome is Outcome.OK)


def _target(c: Candidate, s: Situation, found: Mapping[str, Diagnosis]) -> Barrier | None:
    """Mail is not moved to a host that is sick, full, or not known to be well.

    A playbook that takes a host out of service and names no target leaves the mail to any other host: one has to be
    well.
    """
    if not moves_mail(c.bound):
        return None
    asked = c.targets or tuple(h for h in s.fleet.hosts if h != c.host)
    wrong = {h: said for h in asked if (said := unfit(found.get(h), _recent(s)))}
    if not wrong if c.targets else len(wrong) < len(asked):
        return None
    why = [f"{host}, which would take the mail, {said}" for host, said in {**dict(c.passed), **wrong}.items()]
    return Barrier("target", Weight.PAGE, "; ".join(why) or "there is no other host to take the mail")


def _one_at_a_time(c: Candidate, s: Situation, found: Mapping[str, Diagnosis]) -> Barrier | None:
    """Never more than one MX out of service by us; mail of other domains may leave that one, too."""
    if not moves_mail(c.bound):
        return None
    for m in s.past.standing:
        if m.away_from and c.host not in m.away_from:
            said = f"mail is kept away from {', '.join(sorted(m.away_from))} already (run {m.run})"
            return Barrier("one at a time", Weight.PAGE, said)
    return None


def _mode(c: Candidate, s: Situation, found: Mapping[str, Diagnosis]) -> Barrier | None:
    match s.fleet.policy.mode_of(c.name):
        case Mode.OBSERVE:
            return Barrier("mode", Weight.PAGE, "policy says observe: a person has to start it")
        case Mode.ASK:
            return Barrier("mode", Weight.ASK, "policy says ask: it waits for a person's yes")
        case Mode.AUTO:
            return None


RULES: tuple[Rule, ...] = (
    _paused,
    _busy,
    _diagnosis,
    _unseen,
    _stands,
    _attempts,
    _tried_first,
    _quorum,
    _target,
    _not_ready,
    _one_at_a_time,
    _mode,
)
"""In the order in which they are asked. The target comes before the playbook's preconditions on it. The mode comes
last, so that a person is only asked for what could be done."""


def _recent(s: Situation) -> Samples:
    return recent(s.samples, s.now, s.fleet.policy.fresh_s)
