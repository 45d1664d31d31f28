"""One cycle of the controller: finish what is open, look, remember, decide, act, go back, tell.

Whatever it does goes through the same engine as a person's run. A cycle that dies anywhere leaves a journal that the
next one goes on from; one that lost its lead to another controller ends without acting.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from failover import history, telling
from failover.controller import Controller, whoami
from failover.core import aftermath, attention
from failover.core.alert import Alert, announce
from failover.core.candidates import Situation
from failover.core.condition import Condition, at_once, judge, predicates
from failover.core.diagnosis import ANCHORS
from failover.core.fleet import Role
from failover.core.ids import new_key
from failover.core.past import Cycle, Past
from failover.core.playbook import Playbook
from failover.core.returns import Return, returns
from failover.core.run import Did, Phase, RunState, View
from failover.core.signal import CONTROLLER, Outcome, Samples, latest
from failover.core.usual import RULES, Peak, unusual
from failover.core.verdict import Considered, Kind, Verdict, decide
from failover.errors import FailoverError, Refused, StaleEpoch
from failover.ports import Lease, Proposal, RunRecord
from failover.unfinished import finish

LEADER = "cycle"
"""What the lease of the controller that decides is held for, in place of a run."""
LEAD_S = 120.0
"""How long a controller that stopped answering keeps the others from deciding."""
OLD_S = 15.0
"""A decision older than this (planning took long, the machine slept) is made again on a new look before it acts."""
TOLD_FOR = timedelta(minutes=10)
"""So long after its end the controller's own run is still news, should the cycle that ran it not have told it."""
CALM_EVERY_S = 15.0
"""From look to look of a tick that fills its minute: three strikes after the first bad one still end within 45 s."""
LEAST_WINDOW_S = 600.0
SHARE = "traffic.share"
BY = "controller on "


@dataclass(slots=True)
class Turn:
    """What one cycle saw, decided and did."""

    situation: Situation
    verdict: Verdict
    peaks: tuple[Peak, ...] = ()
    """Standbys that take far more mail than they usually do: the first that was seen on 11 August 2020."""
    back: tuple[Return, ...] = ()
    runs: list[tuple[RunRecord, View]] = field(default_factory=list)
    """Run, resumed or rolled back in this cycle."""
    alerts: list[Alert] = field(default_factory=list)
    """Besides those that any cycle would find again."""
    flushed: telling.Flushed = field(default_factory=telling.Flushed)

    @property
    def blocked(self) -> bool:
        """Something is bad and the controller may not, or cannot, help."""
        waiting = any(r.open and not r.busy for r in self.situation.past.ran)
        return self.verdict.kind is Kind.PAGE or waiting or bool(self.alerts)


def cycle(c: Controller, playbooks: tuple[Playbook, ...], *, budget_s: float = 0.0, calm_s: float = 0.0) -> Turn:
    """See, decide and act once. For `budget_s` seconds it goes on looking while more looks may bring a decision, and
    for `calm_s` seconds also while nothing is the matter, each CALM_EVERY_S.

    Raises Refused when another controller is at it, and whatever the store raises; nothing for what hosts, name
    servers and channels do.
    """
    with _leading(c) as lead:
        finished = list(finish(c, playbooks, _by()))
        turn = _seen(c, playbooks, budget_s, calm_s)
        if ended := list(finish(c, playbooks, _by())):  # whoever had it while we looked has it no more
            finished += ended
            turn = _seen(c, playbooks, budget_s, calm_s)
        turn.runs += finished
        if turn.verdict.kind is Kind.RUN:
            _act(c, playbooks, turn, lead)
        elif turn.verdict.ask:
            _ask(c, playbooks, turn)
        turn.back = returns(turn.situation, turn.verdict)
        _go_back(c, turn, lead)
        lead.renew()
        _tell(c, playbooks, turn)
        return turn


def _by() -> str:
    return f"{BY}{whoami()}"


# Leading ---------------------------------------------------------------------


@dataclass(slots=True)
class Lead:
    """The right to decide. Its loss ends the cycle: two that decide at once would both act."""

    c: Controller
    lease: Lease

    def renew(self) -> None:
        """Raises Refused when another controller has taken over."""
        try:
            self.lease = self.c.store.renew(self.lease, seconds=LEAD_S, now=self.c.now)
        except Refused as e:
            by = _led_by(self.c)
            raise Refused(f"another controller took over meanwhile: {by}", try_="nothing: it goes on by itself") from e


@contextmanager
def _leading(c: Controller) -> Iterator[Lead]:
    try:
        lead = Lead(c, c.store.lease(LEADER, ("controller",), seconds=LEAD_S, now=c.now))
    except Refused as e:
        raise Refused(f"another controller decides: {_led_by(c)}", try_="nothing: it goes on by itself") from e
    try:
        yield lead
    finally:
        with suppress(FailoverError):
            c.store.release(lead.lease)


def _led_by(c: Controller) -> str:
    return next((lease.holder for lease in c.store.holders(c.now) if lease.run == LEADER), "one that has just ended")


# Seeing ----------------------------------------------------------------------


def _seen(c: Controller, playbooks: tuple[Playbook, ...], budget_s: float, calm_s: float) -> Turn:
    clock = c.hands.clock
    started = clock.monotonic()
    while True:
        begun = clock.monotonic()
        situation, verdict = _seen_now(c, playbooks)
        peaks = peaks_of(c, situation)
        unclear = verdict.undecided or bool(peaks) or _so_far(situation, verdict)
        calm = verdict.kind is Kind.HOLD and not unclear
        next_look = max(begun + (CALM_EVERY_S if calm else c.hands.fleet.policy.spacing_s), clock.monotonic())
        if next_look - started > (calm_s if calm else budget_s if unclear else 0.0):
            return Turn(situation, verdict, peaks)
        clock.sleep(next_look - clock.monotonic())


def _so_far(s: Situation, v: Verdict) -> bool:
    """The newest look meets a test that asks for more of them: the next looks tell, and cron's next minute is late."""
    triggers = [c.candidate.bound.trigger for c in v.considered] if v.kind is Kind.HOLD else []
    tests = [t for trigger in triggers if trigger for t in predicates(trigger)]
    lacking = [t for t in tests if judge(t, s.samples, now=s.now, pace=s.pace).holds is not True]
    return any(judge(at_once(t), s.samples, now=s.now, pace=s.pace).holds for t in lacking)


def _seen_now(c: Controller, playbooks: tuple[Playbook, ...]) -> tuple[Situation, Verdict]:
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


def _reread(c: Controller, past: Past, runs: Collection[str]) -> Past:
    """What should be in force, and yet it is bad: is it still there? Somebody may have undone it."""
    gone = {m.run: reads for m in c.mitigations() if m.run in runs and not (reads := c.reads(m)).startswith(_THERE)}
    return replace(past, standing=tuple(replace(m, gone=gone.get(m.run, "")) for m in past.standing))


_THERE = ("in force", "unknown")


def peaks_of(c: Controller, s: Situation) -> tuple[Peak, ...]:
    """Standbys that take far more than their usual share, while nothing of ours sends mail there.

    The long past is read only for a share that is high at all.
    """
    moved = any(m.away_from for m in s.past.standing)
    high = [
        h.name for h in c.hands.fleet.hosts.values() if h.role is Role.STANDBY and not moved and _is_high(h.name, s)
    ]
    if not high:
        return ()
    week = c.store.samples(c.now - timedelta(days=8))
    return tuple(p for h in high if (p := unusual(week, h, SHARE, now=c.now)) is not None)


def _is_high(host: str, s: Situation) -> bool:
    shares = [x.value for x in latest(s.samples, host, SHARE)]
    return any(isinstance(v, float | int) and v > RULES[SHARE].floor for v in shares)


def look(c: Controller) -> Samples:
    """With the anchors when it might be us, and once more when it was: what they said then must not outlive it."""
    seen = c.hands.look(c.hands.fleet.hosts, None)
    if any(s.outcome is not Outcome.OK for s in seen if s.name in {"ssh.reach", "smtp.banner"}) or _was_us(c):
        return (*seen, *c.hands.anchors())
    return seen


def _was_us(c: Controller) -> bool:
    lately = c.store.samples(c.now - timedelta(seconds=c.hands.fleet.policy.fresh_s))
    return any(s.outcome is not Outcome.OK for s in latest(lately, CONTROLLER, ANCHORS))


def remembered(c: Controller, playbooks: tuple[Playbook, ...]) -> Situation:
    """The situation as the store knows it. Makes no look."""
    samples = c.store.samples(c.now - timedelta(seconds=window_s(playbooks, c)))
    return Situation(c.hands.fleet, playbooks, samples, c.now, c.past())


def window_s(playbooks: Iterable[Playbook], c: Controller) -> float:
    """How far back a decision has to remember: the longest span that a condition asks for, and a look before it."""
    back = [cond for p in playbooks for cond in (*((p.trigger,) if p.trigger else ()), *_failback(p))]
    spans = [t.lasting for cond in back for t in predicates(cond)]
    return max((LEAST_WINDOW_S, *spans)) + c.hands.fleet.policy.gap_s


def _failback(p: Playbook) -> tuple[Condition, ...]:
    return p.failback.when if p.failback else ()


# Acting ----------------------------------------------------------------------


def _act(c: Controller, playbooks: tuple[Playbook, ...], turn: Turn, lead: Lead) -> None:
    verdict, decided = turn.verdict, turn.situation.now
    book = next(p for p in playbooks if p.name == verdict.playbook)
    try:
        plan = c.plan(book, dict(verdict.params or {}))
        if not plan.changes:  # then it is no cure, and nobody may take the host for cared for
            turn.verdict = replace(verdict, kind=Kind.HOLD, because=(*verdict.because, "but it would change nothing"))
            return
        lead.renew()
        if (c.now - decided).total_seconds() > OLD_S and not _still(c, turn):
            return
        turn.runs.append(c.run(plan, reason="; ".join(verdict.because), by=_by()))
    except StaleEpoch:  # we were away for so long that another controller has been there
        raise
    except FailoverError as e:
        if not _at_work(c, turn):
            turn.alerts.append(_could_not(turn, e))


def _at_work(c: Controller, turn: Turn) -> bool:
    """Has somebody begun there since we looked? Then nothing is the matter: they were quicker."""
    mine = frozenset((turn.verdict.params or {}).values())
    return any(r.busy and r.subjects & mine for r in c.past().ran)


def _still(c: Controller, turn: Turn) -> bool:
    """Does a look made just now still show what the decision was made on?"""
    fired = next(x.candidate.bound.trigger for x in turn.verdict.considered if x.fires and x.barrier is None)
    assert fired is not None
    tests = predicates(fired)
    fresh = c.hands.look({t.host for t in tests}, frozenset(t.signal for t in tests))
    return judge(at_once(fired), fresh, now=c.now).holds is True


def _ask(c: Controller, playbooks: tuple[Playbook, ...], turn: Turn) -> None:
    """Put the plan before a person, unless it lies there already."""
    verdict = turn.verdict
    if any(p.playbook == verdict.playbook and dict(p.params) == verdict.params for p in turn.situation.past.proposed):
        return
    book = next(p for p in playbooks if p.name == verdict.playbook)
    try:
        plan = c.plan(book, dict(verdict.params or {}))
    except FailoverError as e:
        turn.alerts.append(_could_not(turn, e))
        return
    until = c.now + timedelta(seconds=c.hands.fleet.policy.ask_s)
    key = new_key(verdict.host or book.name, random.SystemRandom())
    c.store.propose(Proposal(key, plan, verdict.host, c.now, until))
    turn.situation = replace(turn.situation, past=c.past())


def _could_not(turn: Turn, e: FailoverError) -> Alert:
    v = turn.verdict
    text = "\n".join((*v.because, f"{v.playbook} could not be started: {e}", e.try_))
    title = f"{v.host or v.playbook}: {v.playbook} is needed and could not be started"
    return Alert(f"{v.host or 'controller'}/{v.playbook}", "could not", "critical", title, text)


def _go_back(c: Controller, turn: Turn, lead: Lead) -> None:
    """One return a cycle, and never beside a cure: each is looked at before the next."""
    due = next((r for r in turn.back if r.kind is Kind.RUN), None)
    if due is None or turn.verdict.kind is Kind.RUN:
        return
    lead.renew()
    record = c.find(due.standing.run)
    try:
        turn.runs.append((record, _put_off(c, record, c.rollback(record, by=_by()))))
    except Refused:  # held by somebody who is at work there, or paused since: it stays, and comes up again
        return
    except FailoverError as e:
        turn.alerts.append(_stuck(due, e))


def _put_off(c: Controller, record: RunRecord, view: View) -> View:
    """A return that a guard stopped at its first step has changed nothing: what stands goes on standing, and the next
    cycle asks again. A person's rollback pauses there instead; theirs is the next word."""
    owed = [s for s in view.steps.values() if s.owed]
    undone = any(s.phase is Phase.UNDONE for s in view.steps.values())
    if view.state is not RunState.PAUSED or undone or not owed or any(s.phase not in _WAITING for s in owed):
        return view
    because = f"its return waits: {view.because}"
    c.store.note(record.id, Did.CLOSED, None, {"state": RunState.SUCCEEDED.value, "because": because}, at=c.now)
    return c.view(record)


_WAITING = {Phase.UNDO_BLOCKED, Phase.VERIFIED, Phase.ACTED}


def _stuck(due: Return, e: FailoverError) -> Alert:
    title = f"{due.standing.playbook} could not be taken back: {e}"
    return Alert(f"{min(due.standing.subjects)}/{due.standing.run}", "could not", "critical", title, e.try_)


# Telling ---------------------------------------------------------------------


def _tell(c: Controller, playbooks: tuple[Playbook, ...], turn: Turn) -> None:
    situation = replace(turn.situation, past=c.past(), now=c.now)
    policy = c.hands.fleet.policy
    alerts = (
        *turn.alerts,
        *_news(c),
        *attention.alerts(situation, turn.verdict, turn.back),
        *attention.of_peaks(situation, turn.peaks),
    )
    announcement = announce(
        alerts,
        c.store.told(),
        now=c.now,
        clear_s=policy.clear_s,
        gap_s=policy.gap_s,
        unsure=attention.unsure(situation),
    )
    telling.tell(c.store, c.hands.fleet, announcement, c.now)
    turn.flushed = telling.flush(c.store, c.hands.notifier, c.hands.fleet, c.hands.clock)
    c.store.ended(_summary(turn, situation))
    c.store.thin(c.now)


def _news(c: Controller) -> Iterator[Alert]:
    """What the controller's own runs came to, by the journal: told also when the cycle that ran them was killed."""
    for record, view in c.journal():
        ended = max((s.ended for s in view.steps.values() if s.ended), default=record.opened)
        if record.by.startswith(BY) and view.state is not RunState.RUNNING and c.now - ended < TOLD_FOR:
            stands = history.standing(record, view, c.hands.fleet)
            ran = history.ran(record, view, c.hands.fleet)
            yield aftermath.of_run(ran, record.plan, view, stands.until if stands else None)


def _summary(turn: Turn, situation: Situation) -> Cycle:
    v = turn.verdict
    return Cycle(
        at=situation.now,
        by=whoami(),
        kind=v.kind.value,
        because=v.because,
        playbook=v.playbook,
        host=v.host,
        blocked=turn.blocked,
        seen={name: f"{d.state.value}: {d.summary}" for name, d in situation.diagnoses().items()},
    )


def last_look(samples: Samples) -> datetime | None:
    return max((s.at for s in samples), default=None)
