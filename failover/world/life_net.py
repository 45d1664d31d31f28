"""Normal life of the network, of SSH, and of the controller itself: everything that makes a look fail."""

from __future__ import annotations

import random

from failover.core.alerting.alert import Message
from failover.core.fleet import Channel
from failover.errors import Unreachable
from failover.world.life_kind import MINUTE, Kind, after, off
from failover.world.machine import Sshd
from failover.world.world import World

HERE = ("mx1",)


def sshd_restart(world: World, host: str, chance: random.Random) -> float:
    return after(world, chance.uniform(0.5, 3), [world.machines[host].under.sshd.lay(Sshd.REFUSED)])


def sshd_full(world: World, host: str, chance: random.Random) -> float:
    """Strangers try passwords, and sshd sometimes refuses the next client (MaxStartups)."""
    share = chance.uniform(0.1, 0.4)
    return after(world, chance.uniform(5, 30) * MINUTE, [world.machines[host].under.sshd_full.lay(share)])


def firewall(world: World, host: str, chance: random.Random) -> float:
    """A change that drops SSH from the controller, on one host or on all, and is taken back."""
    hosts = [host] if chance.random() < 0.5 else list(world.machines)
    lifts = [world.machines[h].under.sshd.lay(Sshd.HUNG) for h in hosts]
    return after(world, chance.uniform(100, 140), lifts)


def flapping(world: World, host: str, chance: random.Random) -> float:
    layer, at = world.machines[host].under.link, 0.0
    while at < 30:
        gone = chance.uniform(1, 6)
        off(world, layer, gone, at=at)
        at += gone + chance.uniform(0.5, 5)
    return at


def own_link(world: World, host: str, chance: random.Random) -> float:
    """The controller is alone: no host, no anchor, no channel. Its kernel knows, or does not."""
    world.network.noticed = chance.random() < 0.5
    return after(world, chance.uniform(4, 6) * MINUTE, [world.network.link.lay(False)])


def own_link_flaps(world: World, host: str, chance: random.Random) -> float:
    at = 0.0
    while at < 60:
        gone = chance.uniform(2, 12)
        off(world, world.network.link, gone, at=at)
        at += gone + chance.uniform(2, 12)
    return at


def packet_loss(world: World, host: str, chance: random.Random) -> float:
    """One connection of ten fails."""
    return after(world, chance.uniform(10, 30) * MINUTE, [world.network.losing.lay(0.1)])


def slow_look(world: World, host: str, chance: random.Random) -> float:
    """The look on the host waits for something, longer than we do."""
    return after(world, chance.uniform(5, 60), [world.machines[host].under.hesitates.lay(chance.uniform(4, 20))])


def own_clock(world: World, host: str, chance: random.Random) -> float:
    """NTP sets the controller's clock, forward or back; nobody sets it back again tonight."""
    world.clock.ahead.lay(chance.choice((-120.0, -30.0, -3.0, 3.0, 30.0, 120.0)))
    return 1.0


def suspended(world: World, host: str, chance: random.Random) -> float:
    """The controller's machine is suspended at any moment."""
    lasts = chance.uniform(5, 60) * MINUTE
    world.moments.hooks[len(world.moments.seen) + chance.randint(1, 12)] = lambda: world.clock.suspend(lasts)
    return lasts + MINUTE


def pager_down(world: World, host: str, chance: random.Random) -> float:
    """The channel does not answer."""

    def fails(channel: Channel, message: Message) -> None:
        raise Unreachable(f"{channel.id}: 503", try_="wait")

    world.notifier.fails = fails
    return after(world, chance.uniform(2, 20) * MINUTE, [lambda: setattr(world.notifier, "fails", lambda c, m: None)])


KINDS = (
    Kind("sshd-restart", "sshd is restarted", sshd_restart, (0.5, 3)),
    Kind("sshd-full", "sshd refuses now and then (MaxStartups)", sshd_full, (300, 1800)),
    Kind("firewall", "a firewall change drops SSH from the controller", firewall, (100, 140)),
    Kind("flapping", "a host's link flaps", flapping, (30, 45)),
    Kind("own-link", "the controller's own link is cut", own_link, (240, 360), HERE, pages=1),
    Kind("own-link-flaps", "the controller's own link flaps", own_link_flaps, (60, 90), HERE),
    Kind("packet-loss", "one connection of ten is lost", packet_loss, (600, 1800), HERE),
    Kind("slow-look", "a look takes longer than we wait", slow_look, (5, 60)),
    Kind("own-clock", "NTP sets the controller's clock", own_clock, (1, 1), HERE),
    Kind("suspended", "the controller's machine is paused", suspended, (360, 3660), HERE),
    Kind("pager-down", "the service that tells people is down", pager_down, (120, 1200), HERE),
)
