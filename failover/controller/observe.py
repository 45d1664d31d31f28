"""Observe: look, remember, and decide on what is remembered. Look again while more samples may change the decision."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from failover.controller.result import CycleResult
from failover.core.decide.candidates import Situation
from failover.core.decide.past import Past
from failover.core.decide.verdict import Considered, Decision, Verdict, decide
from failover.core.fleet import Role
from failover.core.mx import bare
from failover.core.observe.baseline import RULES, Anomaly, unusual
from failover.core.observe.condition import Condition, at_once, judge, predicates
from failover.core.observe.diagnosis import ANCHORS
from failover.core.observe.signal import CONTROLLER, Outcome, Samples, latest
from failover.core.runs.playbook import Playbook
from failover.errors import FailoverError
from failover.fence import fence
from failover.runs.service import Runs

CALM_EVERY_S = 15.0
"""Between two looks while nothing is the matter: three looks after the first bad one still end within 45 s."""
LEAST_WINDOW_S = 600.0
ASKED_S = 5.0
"""For the MX of all domains, in a look; there may be thousands."""
SHARE = "traffic.share"
_THERE = ("in force", "unknown")
"""How a change reads that nobody is known to have undone."""


def see(runs: Runs, playbooks: tuple[Playbook, ...], budget_s: float, calm_s: float) -> CycleResult:
    clock = runs.ports.clock
    started = clock.monotonic()
    while True:
        begun = clock.monotonic()
        situation, verdict = _look_and_decide(runs, playbooks)
        peaks = peaks_of(runs, situation)
        unclear = verdict.undecided or bool(peaks) or _needs_samples(situation, verdict)
        calm = verdict.kind is Decision.HOLD and not unclear
        next_look = max(begun + (CALM_EVERY_S if calm else runs.ports.fleet.policy.spacing_s), clock.monotonic())
        if next_look - started > (calm_s if calm else budget_s if unclear else 0.0):
            return CycleResult(situation, verdict, peaks)
        clock.sleep(next_look - clock.monotonic())


def _needs_samples(s: Situation, v: Verdict) -> bool:
    """A predicate holds now but needs more samples: keep looking instead of waiting for cron's next minute."""
    triggers = [x.candidate.bound.trigger for x in v.considered] if v.kind is Decision.HOLD else []
    tests = [t for trigger in triggers if trigger for t in predicates(trigger)]
    lacking = [t for t in tests if judge(t, s.samples, now=s.now, pace=s.pace).holds is not True]
    return any(judge(at_once(t), s.samples, now=s.now, pace=s.pace).holds for t in lacking)


def _look_and_decide(runs: Runs, playbooks: tuple[Playbook, ...]) -> tuple[Situation, Verdict]:
    runs.store.remember(look(runs))
    situation = remembered(runs, playbooks)
    verdict = decide(situation)
    stopped = (x for x in verdict.considered if x.barrier and x.barrier.rule == "in force")
    if doubted := {run for x in stopped for run in _of(x, situation)}:
        situation = replace(situation, past=_reread(runs, situation.past, doubted))
        verdict = decide(situation)
    if moved := {d for x in verdict.considered if x.candidate.trigger.holds is not False for d in x.candidate.domains}:
        situation = replace(situation, tried_first=_tried_first(runs, moved))
        verdict = decide(situation)
    return situation, verdict


def _tried_first(runs: Runs, domains: Collection[str]) -> dict[str, frozenset[str]]:
    """By DNS. After the first name server that does not answer, or after ASKED_S, the others are not asked: the plan
    asks them itself."""
    until = runs.ports.clock.monotonic() + ASKED_S
    hosts = {f"{h.mx}.": name for name, h in runs.ports.fleet.hosts.items() if h.mx}
    found: dict[str, frozenset[str]] = {}
    with suppress(FailoverError):
        for domain in (d for name, d in runs.ports.fleet.domains.items() if name in domains):
            if runs.ports.clock.monotonic() > until:
                break
            with fence(f"the MX of {domain.name}"):
                now = runs.ports.zone(domain).mx(domain.name)
            if now.targets:
                found[domain.name] = frozenset(hosts.get(n, bare(n)) for n in now.first)
    return found


def _of(x: Considered, s: Situation) -> tuple[str, ...]:
    """The runs of this playbook that are in force on its hosts and domains."""
    return tuple(m.run for m in s.past.standing if m.playbook == x.candidate.name and m.subjects & x.candidate.subjects)


def _reread(runs: Runs, past: Past, doubted: Collection[str]) -> Past:
    """A change is in force, and the problem is there all the same: read it again, for somebody may have undone it."""
    read = ((m.run, runs.reads(m)) for m in runs.mitigations() if m.run in doubted)
    gone = {run: words for run, words in read if not words.startswith(_THERE)}
    return replace(past, standing=tuple(replace(m, gone=gone.get(m.run, "")) for m in past.standing))


def peaks_of(runs: Runs, s: Situation) -> tuple[Anomaly, ...]:
    """Standbys that take far more than their usual share of the mail, while no run of ours sends mail there.

    The samples of the last days are read only where the share is high at all.
    """
    standbys = [h.name for h in runs.ports.fleet.hosts.values() if h.role is Role.STANDBY]
    high = [name for name in standbys if _is_high(name, s)]
    if not high or any(m.away_from for m in s.past.standing):
        return ()
    week = runs.store.samples(runs.now - timedelta(days=8))
    return tuple(p for h in high if (p := unusual(week, h, SHARE, now=runs.now)) is not None)


def _is_high(host: str, s: Situation) -> bool:
    shares = [x.value for x in latest(s.samples, host, SHARE)]
    return any(isinstance(v, float | int) and v > RULES[SHARE].floor for v in shares)


def look(runs: Runs) -> Samples:
    """Look at all hosts. Also at the anchors if SSH or SMTP failed anywhere, or if the anchors failed last time: so a
    stale failure is cleared."""
    seen = runs.weighed(runs.ports.look(runs.ports.fleet.hosts, None))
    if any(s.outcome is not Outcome.OK for s in seen if s.name in {"ssh.reach", "smtp.banner"}) or _was_us(runs):
        return (*seen, *runs.ports.anchors())
    return seen


def _was_us(runs: Runs) -> bool:
    lately = runs.store.samples(runs.now - timedelta(seconds=runs.ports.fleet.policy.fresh_s))
    return any(s.outcome is not Outcome.OK for s in latest(lately, CONTROLLER, ANCHORS))


def remembered(runs: Runs, playbooks: tuple[Playbook, ...]) -> Situation:
    """The situation as the store knows it. Contacts nothing."""
    samples = runs.store.samples(runs.now - timedelta(seconds=window_s(playbooks, runs)))
    return Situation(runs.ports.fleet, playbooks, samples, runs.now, runs.past(playbooks))


def window_s(playbooks: Iterable[Playbook], runs: Runs) -> float:
    """Seconds that a decision looks back: the longest span that a condition asks for, and one look before it."""
    back = [cond for p in playbooks for cond in (*((p.trigger,) if p.trigger else ()), *_failback(p))]
    spans = [t.lasting for cond in back for t in predicates(cond)]
    return max((LEAST_WINDOW_S, *spans)) + runs.ports.fleet.policy.gap_s


def _failback(p: Playbook) -> tuple[Condition, ...]:
    return p.failback.when if p.failback else ()


def holds_now(runs: Runs, trigger: Condition) -> bool:
    """By one look made now, however many samples or how long a time it asks for."""
    tests = predicates(trigger)
    fresh = runs.ports.look({t.host for t in tests}, frozenset(t.signal for t in tests))
    return judge(at_once(trigger), fresh, now=runs.now).holds is True


def last_look(samples: Samples) -> datetime | None:
    return max((s.at for s in samples), default=None)
