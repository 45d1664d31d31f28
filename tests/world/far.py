"""Calling the far side by hand, the way an action does."""

from __future__ import annotations

from failover.ports import Reply
from failover.world.looks import Setting
from failover.world.script import expected
from failover.world.world import World


def call(world: World, verb: str, **args: str) -> Reply:
    return world.remote.call(world.fleet.hosts["mx1"], verb, args, limit_s=20.0)


def act(
    world: World, verb: str, *, attempt: int = 1, epoch: int = 100, run: str = "r1", step: str = "s1", **args: str
) -> Reply:
    return call(world, verb, run=run, step=step, attempt=str(attempt), epoch=str(epoch), limit="15", **args)


def bypass(world: World, *, lever: str = "pass", attempt: int = 1, epoch: int = 100, step: str = "s1") -> Reply:
    facts = call(world, "filter-read")
    ours: tuple[Setting, ...] = tuple((f, k, b, a) for how, f, k, b, a in facts.all("setting") if how == lever)
    (name, _), *_ = facts.all("filter")
    expect = expected(ours)
    return act(world, "bypass", attempt=attempt, epoch=epoch, step=step, filter=name, lever=lever, expect=expect)


def result(world: World, attempt: int = 1, step: str = "s1") -> str:
    return call(world, "result", run="r1", step=step, attempt=str(attempt)).rows[0][1]
