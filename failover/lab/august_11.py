"""The scenes of the drill `august-11`: in the morning the handler's container ends, in the afternoon the filter hangs.

Two causes with one symptom, each cured by its own playbook; the second wave comes after the first.
"""

from __future__ import annotations

import time

from failover.lab import spam_filter_hung
from failover.lab.playing import PATIENCE_S, Playing, unexpected

MORNING, AFTERNOON = "handler-down", spam_filter_hung.INCIDENT
STEADY = {"mx1": 2.5, "mx2": 1.0}  # messages a second: the filter keeps up even on a busy machine
PILED_UP = 15  # messages; enough to see that nothing is handed on


def play(drill: Playing) -> None:
    """Raises FailoverError when a scene cannot go on. The lab's handlers are containers."""
    spam_filter_hung.healthy(drill, STEADY)
    first_wave(drill)
    spam_filter_hung.wave(drill)


def first_wave(drill: Playing) -> None:
    handler_ends(drill)
    is_named(drill)
    is_cured(drill)


def handler_ends(drill: Playing) -> None:
    drill.lab.incident(MORNING)
    drill.story.say("the mail handler's container on mx1 ends, and its restart policy leaves it so", mark="ends")
    drill.story.until(lambda: drill.waiting() > PILED_UP, "mail piles up on mx1", within=PATIENCE_S)
    drill.story.say(f"{drill.waiting()} messages wait on mx1")


def is_named(drill: Playing) -> None:
    code, said = drill.story.failover(drill.lab, "check", limit=30)
    if code != 2 or "mail handler down" not in said:
        raise unexpected("`failover check` does not name the ended handler")


def is_cured(drill: Playing) -> None:
    """By the recommendation of `run`: it must not touch the filter because of a long queue."""
    if MORNING not in drill.recommended(0, "--yes", "--reason", "drill, first wave", limit=180):
        raise unexpected(f"`failover run` did not cure it by {MORNING}")
    cured = time.time()
    drill.story.until(lambda: not drill.backlog(cured), "the backlog of the first wave drains", within=PATIENCE_S)
    if drill.configuration() != drill.before:
        drill.failures.append("the cure of the first wave changed a configuration")
    if unscanned := sum(not d.received.scanned for d in drill.books().deliveries):
        drill.failures.append(f"{unscanned} passed unscanned in the first wave, in which the filter worked")
    drill.story.say("the first wave is over: the handler runs, all that had waited is delivered, scanned", mark="cured")
