"""One night, staged, played and graded; and the same night for each contestant."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from failover.world.postfix import Queue, transport_of
from tests.judge.classes import CLASSES
from tests.judge.deeds import Deed
from tests.judge.grade import Grade, Verdict, grade
from tests.judge.players import NAIVE, Naive, Page, controller
from tests.judge.scene import Scene
from tests.judge.truth import AFTER_S, Truth

OURS = "failover"


@dataclass(frozen=True, slots=True)
class Night:
    name: str
    seed: int
    player: str
    story: str
    grade: Grade
    deeds: tuple[str, ...] = ()
    pages: tuple[Page, ...] = ()
    cost_s: float = 0.0
    """Of one core."""

    @property
    def ran(self) -> str:
        return f"{self.name} {self.seed}"


def stage(name: str, seed: int) -> tuple[Scene, Truth]:
    which = CLASSES[name]
    scene = Scene(name, seed, least=which.least, mixes=which.mixes)
    return scene, which.stage(scene)


def still_waiting(scene: Scene, truth: Truth, deeds: Sequence[Deed]) -> int:
    """Messages for our domain on its hosts that came before the last wanted act, if they should have left."""
    firsts = [d.at for w in truth.wanted if (d := truth.first(w, deeds)) is not None]
    if not truth.drains or not firsts or scene.world.now - max(firsts) < AFTER_S - scene.every:
        return 0
    ago, queues = scene.world.now - max(firsts), (Queue.INCOMING, Queue.ACTIVE, Queue.DEFERRED, Queue.MAILDROP)
    there = [(m.postfix.clock - ago, x) for m in map(scene.machine, truth.hosts) for x in m.postfix.of(*queues)]
    return sum(x.arrived < since and (x.filter is not None or transport_of(x) == "smtp") for since, x in there)


def play(name: str, seed: int, player: str = OURS, told: Callable[[str], object] = lambda line: None) -> Night:
    """Raises what the player raises, with the night's name."""
    began = time.process_time()
    try:
        scene, truth = stage(name, seed)
        plays = controller(scene, truth, told) if player == OURS else Naive(NAIVE[player])(scene, truth)
        found = grade(CLASSES[name].sort, truth, plays)
        if found.verdict is Verdict.RIGHT and (left := still_waiting(scene, truth, plays.deeds.done)):
            found = replace(found, verdict=Verdict.LATE, why=f"all was done, and {left} messages wait as before")
        if doubled := scene.world.ledger().doubled:
            found = replace(found, verdict=Verdict.HARMFUL, why=f"mail is delivered twice: {doubled[:3]}")
    except Exception as e:
        e.add_note(f"in the night: script/judge --class {name} --seed {seed}")
        raise
    story = f"{truth.story}; it begins at {truth.begins:.0f} s"
    deeds, cost = tuple(map(str, plays.deeds.done)), time.process_time() - began
    return Night(name, seed, player, story, found, deeds, tuple(plays.pages), cost)
