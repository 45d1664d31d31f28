"""Acts as the world sees them, whoever does them, and the harm that each does by the world's own truth."""

from __future__ import annotations

from dataclasses import dataclass

from failover.core.mx import MxSet
from failover.world.machine import Machine
from failover.world.postfix import Daemon
from failover.world.remote import Call
from failover.world.world import World

OWN = {"run", "step", "attempt"}
BOOKKEEPING = {"settle", "release", "result"}
"""Verbs that only tell, or free, what an earlier act left."""
DISK_LEAST = 1.0
"""Percent."""


@dataclass(frozen=True, slots=True)
class Deed:
    """`name`: WHAT HOST. `harm`: why it does harm; empty if it does none."""

    at: float
    name: str
    detail: str = ""
    harm: str = ""

    def __str__(self) -> str:
        return f"{self.at:.0f} s {self.name}{f' ({self.detail})' if self.detail else ''}" + (
            f": HARM, {self.harm}" if self.harm else ""
        )


class Deeds:
    """Watches a world. `done` has its acts in order."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.done: list[Deed] = []
        world.moments.watch = self._at

    def _at(self, moment: str) -> None:
        when, _, what = moment.partition(" ")
        verb, _, about = what.partition(" ")
        if when == "before" and verb == "call":
            self._called(self.world.remote.calls[-1])
        elif when == "after" and verb == "swap":
            before, after = self.world.zones[about].history[-2:]
            self.moved(before, after)

    def _called(self, call: Call) -> None:
        if not call.args.keys() >= OWN or call.verb in BOOKKEEPING:
            return
        what = call.verb + (f":{call.args['kind']}/{call.args['name']}" if call.verb == "restart" else "")
        self.act(what, call.host)

    def act(self, what: str, host: str) -> None:
        m = self.world.machines[host]
        self.done.append(Deed(self.world.now, f"{word(what)} {host}", harm=harm(word(what), m)))

    def moved(self, before: MxSet, after: MxSet) -> None:
        """`move HOST`: HOST was tried first, and is no more."""
        was, now = (min(s.targets)[1].partition(".")[0] for s in (before, after))
        if was == now:
            return
        at, to = self.world.machines[was], self.world.machines[now]
        self.done.append(Deed(self.world.now, f"move {was}", f"to {now}", self._harm_of_move(at, to)))

    def _harm_of_move(self, was: Machine, to: Machine) -> str:
        if takes_mail(was) and usual_first(self.world) == was.name:
            return f"{was.name} takes mail"
        return "" if fit(to) else f"{to.name} is unfit"


def usual_first(world: World) -> str:
    first: str = min(world.zone.history[0].targets)[1].partition(".")[0]
    return first


def word(what: str) -> str:
    """restart:container/sl-email → restart:handler; any verb for a milter, or for a whole file of settings, is one."""
    for kind in ("milter", "config"):
        if what.startswith(kind):
            return kind
    return {"restart:container/sl-email": "restart:handler", "restart:service/spamd": "restart:filter"}.get(
        what, what.replace("restart:service/", "restart:")
    )


def takes_mail(m: Machine) -> bool:
    """From senders: be it late, be it not each time."""
    return m.link_up and m.port_open and m.postfix.takes_mail and not m.refuses and m.crowded < 1


def fit(m: Machine) -> bool:
    """It takes mail and hands it on."""
    works = m.postfix.handler in {Daemon.OK, Daemon.SLOW} and m.postfix.spamd is not Daemon.HUNG
    moves = m.postfix.qmgr and m.postfix.picks_up
    return takes_mail(m) and works and moves and m.disk_free > DISK_LEAST


def harm(what: str, m: Machine) -> str:
    """The harm of an act on a host by what the host really is just now; empty if it does none."""
    p = m.postfix
    works = (Daemon.OK, Daemon.SLOW)
    match what:
        case "bypass" if p.spamd in works:
            return "a filter that works is bypassed"
        case "restart:handler" if p.handler in works:
            return "a handler that works is restarted"
        case "restart:filter" if p.spamd in works:
            return "a filter that works is restarted"
        case "restart:postfix" if p.takes_mail and p.qmgr and p.picks_up:
            return "a Postfix that works is restarted"
        case "restore" if p.spamd is Daemon.HUNG:
            return "a filter that hangs is put back"
        case _:
            return ""
