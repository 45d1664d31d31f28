"""The scenes of the drill `both-waves`: in the morning the handler's container ends, in the afternoon the filter hangs.

Two causes with one symptom and two cures; the second wave comes once the first is over, and is played as `august-11`.
"""

from __future__ import annotations

import time

from failover.errors import StepFailed
from failover.lab.august_11 import PATIENCE_S, PILED_UP, August11

MORNING = "handler-down"


def play(drill: August11) -> None:
    """Raises FailoverError when a scene cannot go on. The lab's handlers are containers."""
    drill.healthy()
    first_wave(drill)
    drill.second_wave()


def first_wave(drill: August11) -> None:
    handler_ends(drill)
    is_named(drill)
    is_cured(drill)


def handler_ends(drill: August11) -> None:
    drill.lab.incident(MORNING)
    drill.story.say("the mail handler's container on mx1 ends, and its restart policy leaves it so", mark="ends")
    drill.story.until(lambda: drill.waiting() > PILED_UP, "mail piles up on mx1", within=PATIENCE_S)
    drill.story.say(f"{drill.waiting()} messages wait on mx1")


def is_named(drill: August11) -> None:
    code, said = drill.story.failover(drill.lab, "check", limit=30)
    if code != 2 or "mail handler down" not in said:
        raise StepFailed("`failover check` does not name the ended handler", try_="read what it printed")


def is_cured(drill: August11) -> None:
    """By what `run` recommends of itself: the long queue alone must not have it touch the filter."""
    code, said = drill.story.failover(drill.lab, "run", "--yes", "--reason", "drill, first wave", limit=180)
    if code != 0 or MORNING not in said:
        raise StepFailed(f"`failover run` ended with {code}, not cured by {MORNING}", try_="read what it printed")
    cured = time.time()
    drill.story.until(lambda: not drill.backlog(cured), "the backlog of the first wave drains", within=PATIENCE_S)
    if drill.configuration() != drill.before:
        drill.failures.append("the cure of the first wave changed a configuration")
    if unscanned := sum(not d.received.scanned for d in drill.books().deliveries):
        drill.failures.append(f"{unscanned} passed unscanned in the first wave, in which the filter worked")
    drill.story.say("the first wave is over: the handler runs, all that had waited is delivered, scanned", mark="cured")
    drill.story.until(lambda: drill.waiting() < PILED_UP / 2, "the spam filter catches up", within=PATIENCE_S)
