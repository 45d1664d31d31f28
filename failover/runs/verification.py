"""Verification: a step is done when its values read as set, and when its effect was seen."""

from __future__ import annotations

from datetime import datetime, timedelta

from failover.core.observe.signal import Samples
from failover.core.runs.journal import GAVE_WAY, UNSEEN, Did
from failover.core.runs.leaving import waited_s
from failover.core.runs.next import only_waits
from failover.core.runs.plan import Step, StepKind
from failover.core.runs.playbook import OnFailure, Risk
from failover.core.runs.recovery import Reading
from failover.core.runs.verify import Seen, patience_left, signals, watch
from failover.runs.in_force import compared
from failover.runs.looking import there_now, why_waiting
from failover.runs.patience import PATIENCE_S, await_reading, wait
from failover.runs.session import Session

AWAY = timedelta(seconds=60)
"""A longer time between two looks of one watch was no waiting: the machine slept, we were stopped, or the clock was
set. Patience begins anew with a new look."""


def verify(s: Session, step: Step) -> None:
    if step.kind is StepKind.STATE:
        reading = await_reading(s, step, lambda: compared(step, s.ports))
        if reading in {Reading.UNKNOWN, Reading.RUNNING}:  # not seen is not failed: what was done stays, and waits
            return s.pause(f"{step.id}: {why_waiting(s, step, reading)}")
        if reading is not Reading.WANTED:
            said = f"after the change it still reads otherwise: {there_now(s, step)}"
            return s.fail(step, "verify", said, no_effect=reading is Reading.BEFORE)
    if not step.verify:
        return s.record(Did.VERIFIED, step.id, {"because": step.no_verify or "it reads as set"})
    _verify_effect(s, step)


def _verify_effect(s: Session, step: Step) -> None:
    seen, said = _watched(s, step)
    match seen:
        case Seen.YES:
            read = "it reads as set; " if step.kind is StepKind.STATE else ""
            s.record(Did.VERIFIED, step.id, {"because": f"{read}{said}"})
        case Seen.GIVES_WAY:
            s.fail(step, GAVE_WAY, said)
        case Seen.NOT_YET:
            s.pause(s.must_stop() or "stopped while verifying")
        case Seen.UNKNOWN if only_waits(step) and step.on_failure is OnFailure.CONTINUE:
            s.fail(step, UNSEEN, said)
        case Seen.UNKNOWN:
            s.pause(f"{step.id} is done but not verified: {said}")
        case Seen.NO:  # where traffic moves, some of it has moved, whatever is not seen of the rest
            s.fail(step, "verify", said, no_effect=step.risk is not Risk.TRAFFIC)


def _watched(s: Session, step: Step) -> tuple[Seen, str]:
    """Look again and again until each watch has seen its effect, or its patience ends."""
    state = s.view.steps[step.id]
    since = now = min(max(state.ended or s.since, s.since), s.ports.clock.now())  # a resumed run looks afresh
    samples: Samples = ()
    while True:
        samples = (*samples, *_look(s, step, state.waited_at or since))
        before, now = now, s.ports.clock.now()
        if abs(now - before) > AWAY:
            since = now
            continue
        verdicts = [watch(w, samples, since=since, now=now, waited=state.waited) for w in step.verify]
        if (together := _together(verdicts))[0] is not Seen.NOT_YET:
            return together
        if s.must_stop():
            return Seen.NOT_YET, ""
        if only_waits(step) and (due := s.due(s.run.id)):
            return Seen.GIVES_WAY, f"{together[1]}; not waited for any longer, since {due}"
        open_ = [w for w, (seen, _) in zip(step.verify, verdicts, strict=True) if seen is Seen.NOT_YET]
        wait(s, min(patience_left(w, samples, since=since, now=now, waited=state.waited) for w in open_))


def _look(s: Session, step: Step, waiting_since: datetime) -> Samples:
    s.renew(PATIENCE_S)
    waited = waited_s(waiting_since, s.ports.clock.now())
    return s.ports.look({w.host for w in step.verify}, signals(step.verify), waited)


def _together(verdicts: list[tuple[Seen, str]]) -> tuple[Seen, str]:
    """One that says no speaks for all, then one that is unknown; yes takes them all."""
    for outcome in (Seen.NO, Seen.UNKNOWN):
        if said := [words for seen, words in verdicts if seen is outcome]:
            return outcome, "; ".join(said)
    if all(seen is Seen.YES for seen, _ in verdicts):
        return Seen.YES, "; ".join(words for _, words in verdicts)
    return Seen.NOT_YET, "; ".join(words for seen, words in verdicts if seen is Seen.NOT_YET)
