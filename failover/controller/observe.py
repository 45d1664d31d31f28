"""What a cycle sees: it looks, remembers, and judges what it remembers; once more where that may decide it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from failover.controller.result import CycleResult
from failover.core.decide.candidates import Situation
from failover.core.decide.past import Past
from failover.core.decide.verdict import Considered, Decision, Verdict, decide
from failover.core.fleet import Role
from failover.core.observe.baseline import RULES, Anomaly, unusual
from failover.core.observe.condition import Condition, at_once, judge, predicates
from failover.core.observe.diagnosis import ANCHORS
from failover.core.observe.signal import CONTROLLER, Outcome, Samples, latest
from failover.core.runs.playbook import Playbook
from failover.runs.service import Runs

CALM_EVERY_S = 15.0
"""From look to look of a tick that fills its minute: three strikes after the first bad one still end within 45 s."""
LEAST_WINDOW_S = 600.0
SHARE = "traffic.share"


def see(c: Runs, playbooks: tuple[Playbook, ...], budget_s: float, calm_s: float) -> CycleResult:
    clock = c.ports.clock
    started = clock.monotonic()
    while True:
        begun = clock.monotonic()
        situation, verdict = _look_and_decide(c, playbooks)
        peaks = peaks_of(c, situation)
        unclear = verdict.undecided or bool(peaks) or _so_far(situation, verdict)
        calm = verdict.kind is Decision.HOLD and not unclear
        next_look = max(begun + (CALM_EVERY_S if calm else c.ports.fleet.policy.spacing_s), clock.monotonic())
        if next_look - started > (calm_s if calm else budget_s if unclear else 0.0):
            return CycleResult(situation, verdict, peaks)
        clock.sleep(next_look - clock.monotonic())


def _so_far(s: Situation, v: Verdict) -> bool:
    """The newest look meets a test that asks for more of them: the next looks tell, and cron's next minute is late."""
    triggers = [c.candidate.bound.trigger for c in v.considered] if v.kind is Decision.HOLD else []
    tests = [t for trigger in triggers if trigger for t in predicates(trigger)]
    lacking = [t for t in tests if judge(t, s.samples, now=s.now, pace=s.pace).holds is not True]
    return any(judge(at_once(t), s.samples, now=s.now, pace=s.pace).holds for t in lacking)


def _look_and_decide(c: Runs, playbooks: tuple[Playbook, ...]) -> tuple[Situation, Verdict]:
    c.store.remember(look(c))
    situation = remembered(c, playbooks)
    verdict = decide(situation)
    if doubted := {
        m for x in verdict.considered if x.barrier and x.barrier.rule == "in force" for m in _of(x, situation)
    }:
        situation = replace(situation, past=_reread(c, situation.past, doubted))
        verdict = decide(situation)
    return situation, verdict


def _of(x: Considered, s: Situation) -> tuple[str, ...]:
    """The runs of this playbook that stand on its subjects."""
    return tuple(m.run for m in s.past.standing if m.playbook == x.candidate.name and m.subjects & x.candidate.subjects)


def _reread(c: Runs, past: Past, runs: Collection[str]) -> Past:
    """What should be in force, and yet it is bad: is it still there? Somebody may have undone it."""
    gone = {m.run: reads for m in c.mitigations() if m.run in runs and not (reads := c.reads(m)).startswith(_THERE)}
    return replace(past, standing=tuple(replace(m, gone=gone.get(m.run, "")) for m in past.standing))


_THERE = ("in force", "unknown")


def peaks_of(c: Runs, s: Situation) -> tuple[Anomaly, ...]:
    """Standbys that take far more than their usual share, while nothing of ours sends mail there.

    The long past is read only for a share that is high at all.
    """
    moved = any(m.away_from for m in s.past.standing)
    high = [
        h.name for h in c.ports.fleet.hosts.values() if h.role is Role.STANDBY and not moved and _is_high(h.name, s)
    ]
    if not high:
        return ()
    week = c.store.samples(c.now - timedelta(days=8))
    return tuple(p for h in high if (p := unusual(week, h, SHARE, now=c.now)) is not None)


def _is_high(host: str, s: Situation) -> bool:
    shares = [x.value for x in latest(s.samples, host, SHARE)]
    return any(isinstance(v, float | int) and v > RULES[SHARE].floor for v in shares)


def look(c: Runs) -> Samples:
    """With the anchors when it might be us, and once more when it was: what they said then must not outlive it."""
    seen = c.weighed(c.ports.look(c.ports.fleet.hosts, None))
    if any(s.outcome is not Outcome.OK for s in seen if s.name in {"ssh.reach", "smtp.banner"}) or _was_us(c):
        return (*seen, *c.ports.anchors())
    return seen


def _was_us(c: Runs) -> bool:
    lately = c.store.samples(c.now - timedelta(seconds=c.ports.fleet.policy.fresh_s))
    return any(s.outcome is not Outcome.OK for s in latest(lately, CONTROLLER, ANCHORS))


def remembered(c: Runs, playbooks: tuple[Playbook, ...]) -> Situation:
    """The situation as the store knows it. Makes no look."""
    samples = c.store.samples(c.now - timedelta(seconds=window_s(playbooks, c)))
    return Situation(c.ports.fleet, playbooks, samples, c.now, c.past(playbooks))


def window_s(playbooks: Iterable[Playbook], c: Runs) -> float:
    """How far back a decision has to remember: the longest span that a condition asks for, and a look before it."""
    back = [cond for p in playbooks for cond in (*((p.trigger,) if p.trigger else ()), *_failback(p))]
    spans = [t.lasting for cond in back for t in predicates(cond)]
    return max((LEAST_WINDOW_S, *spans)) + c.ports.fleet.policy.gap_s


def _failback(p: Playbook) -> tuple[Condition, ...]:
    return p.failback.when if p.failback else ()


def last_look(samples: Samples) -> datetime | None:
    return max((s.at for s in samples), default=None)
