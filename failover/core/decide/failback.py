"""The way back: which of our changes may be undone now, which must be, and which have to wait. Pure.

Law 1 holds here, too: nothing is undone while its reason lasts, not even at its expiry.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from failover.core.decide.candidates import Situation
from failover.core.decide.past import InForce
from failover.core.decide.verdict import Decision, Verdict
from failover.core.fleet import Mode
from failover.core.observe.condition import Condition, Judgement, at_once, judge
from failover.core.observe.diagnosis import our_network
from failover.core.words import duration

SOON_S = 1800.0
"""A person is reminded so long before a mitigation expires, or an eighth of its span if that is less."""


@dataclass(frozen=True, slots=True)
class Return:
    """The decision on one change in force: it stays (hold), is rolled back now (run), or a person is told (page).

    `stage`: the news: `may go back`, `ends soon`, `expired`; empty if it just stays.
    """

    standing: InForce
    kind: Decision
    because: tuple[str, ...]
    stage: str = ""


def returns(s: Situation, verdict: Verdict) -> tuple[Return, ...]:
    """One per change in force, newest first: a later change goes back before an earlier one."""
    newest_first = sorted(s.past.standing, key=lambda m: m.since, reverse=True)
    return tuple(_return(m, s, verdict) for m in newest_first)


def _return(m: InForce, s: Situation, verdict: Verdict) -> Return:
    for rule in (_own_network, _paused, _open, _still_needed):
        if why := rule(m, s, verdict):
            return _not_yet(m, s, why)
    rule_holds, guards = _together(m.back_when, s), _together(tuple(at_once(g) for g in m.guards), s)
    if guards.holds is not True:
        return _not_yet(m, s, "; ".join(guards.because))
    ready = bool(m.back_when) and rule_holds.holds is True
    at_its_end = _expired(m, s) and rule_holds.holds is not False and _well_now(m, s)
    if not ready and not at_its_end:
        return _not_yet(m, s, "; ".join(rule_holds.because) or "a person takes it back")
    because = rule_holds.because if ready else ("its time is over, and what its undo demands holds",)
    if m.back_mode == "auto" and s.fleet.policy.mode_of(m.playbook) is Mode.AUTO:
        return Return(m, Decision.RUN, because)
    return _not_yet(m, s, "it is for a person to take it back") if m.back_mode == "never" else _offer(m, because)


def _offer(m: InForce, because: tuple[str, ...]) -> Return:
    return Return(m, Decision.PAGE, because, "may go back")


def _not_yet(m: InForce, s: Situation, why: str) -> Return:
    """It stays; a person is told when it expires."""
    if _expired(m, s):
        return Return(m, Decision.PAGE, (f"its time was over at {m.until:%H:%M} UTC, and it stays: {why}",), "expired")
    if m.until is not None and m.until - s.now <= _soon(m):
        left = duration((m.until - s.now).total_seconds())
        return Return(m, Decision.PAGE, (f"it ends in {left}", why), "ends soon")
    return Return(m, Decision.HOLD, (why,))


def _expired(m: InForce, s: Situation) -> bool:
    return m.until is not None and m.until <= s.now


def _well_now(m: InForce, s: Situation) -> bool:
    """Its rule for one look: at the expiry nobody waits longer. Unknown is not well."""
    return _together((at_once(c) for c in m.back_when), s).holds is True


def _soon(m: InForce) -> timedelta:
    assert m.until is not None
    return min(timedelta(seconds=SOON_S), (m.until - m.since) / 8)


def _own_network(m: InForce, s: Situation, verdict: Verdict) -> str | None:
    return our_network(s.fleet, s.samples, s.now)


def _paused(m: InForce, s: Situation, verdict: Verdict) -> str | None:
    for p in s.past.pauses:
        if p.until > s.now and (p.host is None or p.host in m.subjects):
            return f"paused by {p.by}: {p.reason}"
    return None


def _open(m: InForce, s: Situation, verdict: Verdict) -> str | None:
    for r in s.past.ran:
        if r.open and r.subjects & m.subjects:
            return f"run {r.run} is {r.state.value} there"
    return None


def _still_needed(m: InForce, s: Situation, verdict: Verdict) -> str | None:
    for c in verdict.considered:
        on = {c.candidate.host} if c.candidate.host else c.candidate.subjects
        if c.fires and m.is_for(on):
            return f"the trigger of {c.candidate.name} holds on {', '.join(sorted(on))}"
    return None


def _together(conditions: Iterable[Condition], s: Situation) -> Judgement:
    """All of them: False if one is false, None if one cannot be told."""
    judged = [judge(c, s.samples, now=s.now, pace=s.pace) for c in conditions]
    verdicts = [j.holds for j in judged]
    holds = False if False in verdicts else None if None in verdicts else True
    return Judgement(holds, tuple(b for j in judged if j.holds is holds for b in j.because))
