"""Normal life of mail: bursts and silence, slow scans, destinations that defer, and admins at the queues."""

from __future__ import annotations

import random
from functools import partial

from failover.world.life_kind import HOUR, MINUTE, Kind, after, again_and_again, at_random, busy, down
from failover.world.postfix import HOME, Daemon, Mail, Queue
from failover.world.world import World

NEWSLETTER = 10_000


def newsletter(world: World, host: str, chance: random.Random) -> float:
    """10,000 of our users get it, in messages of several recipients."""
    batch, lasts = chance.choice((50, 50, 50, 20, 5)), chance.uniform(30, 600)
    for n in range(0, NEWSLETTER, batch):
        to = tuple(f"u{n + i}@{HOME}" for i in range(batch))
        world.timeline.after(chance.uniform(0, lasts), partial(world.send, to=to))
    return lasts


def quiet(world: World, host: str, chance: random.Random) -> float:
    lasts = chance.uniform(1, 3) * HOUR
    world.quiet_until = world.now + lasts
    return lasts


def standby_burst(world: World, host: str, chance: random.Random) -> float:
    """Senders that try the standby first, as spammers like to."""
    lasts = 10 * MINUTE
    at_random(world, chance, chance.randint(150, 900), lasts, lambda: world.send(via="mx2"))
    return lasts


def spam_wave(world: World, host: str, chance: random.Random) -> float:
    m, lasts = world.machines[host], chance.uniform(10, 40) * MINUTE
    lifts = [m.under.scan_s.lay((2.0, 4.0)), *busy(m, chance.uniform(2, 6), "spamd child", chance.uniform(80, 190))]
    at_random(world, chance, round(lasts * chance.uniform(0.2, 0.7)), lasts, lambda: world.send(via=host))
    return after(world, lasts, lifts)


def resolver_fails(world: World, host: str, chance: random.Random) -> float:
    """DNSSEC trouble: SERVFAIL for everything, and each scan waits for its lookups, but ends."""
    lifts = [m.under.scan_s.lay((3.0, 8.0)) for m in world.machines.values()]
    return after(world, chance.uniform(4, 6) * MINUTE, lifts)


def blocklist_slow(world: World, host: str, chance: random.Random) -> float:
    lifts = [m.under.scan_s.lay((1.0, chance.uniform(2, 4.5))) for m in world.machines.values()]
    return after(world, chance.uniform(10, 60) * MINUTE, lifts)


def slow_destination(world: World, host: str, chance: random.Random) -> float:
    return _put_off(world, host, chance, "slow.example", chance.randint(200, 500), chance.uniform(20, 60) * MINUTE)


def bounces(world: World, host: str, chance: random.Random) -> float:
    """Bounces to addresses that spammers made up: nobody there takes them."""
    return _put_off(world, host, chance, "nobody.example", chance.randint(100, 300), chance.uniform(15, 45) * MINUTE)


def probe_queued(world: World, host: str, chance: random.Random) -> float:
    """A monitoring system's test message to an address that no longer answers."""
    return _put_off(world, host, chance, "probe.example", 1, chance.uniform(20, 90) * MINUTE)


def _put_off(world: World, host: str, chance: random.Random, domain: str, count: int, lasts: float) -> float:
    to = (f"x@{domain}",)
    at_random(world, chance, count, lasts / 2, lambda: world.send(to=to, via=host))
    return after(world, lasts, [m.under.puts_off.lay(lambda mail: mail.to == to) for m in world.machines.values()])


def greylisting(world: World, host: str, chance: random.Random) -> float:
    """Every other server defers each message once, for some minutes."""
    lasts, wait, first = chance.uniform(20, 60) * MINUTE, chance.choice((60.0, 300.0)), dict[str, float]()

    def too_early(mail: Mail) -> bool:
        return world.now - first.setdefault(mail.seq, world.now) < wait

    lifts = [m.under.puts_off.lay(too_early) for m in world.machines.values()]
    count = chance.randint(20, 120)
    at_random(world, chance, count, lasts, lambda: world.send(to=(f"x@far{chance.randint(1, 9)}.example",), via=host))
    return after(world, lasts, lifts)


def big_mail(world: World, host: str, chance: random.Random) -> float:
    """40 MB: too big to be scanned, and the handler does nothing else while it reads it."""
    m, lasts = world.machines[host], chance.uniform(20, 60)
    m.postfix.heavy[world.send(via=host)] = lasts
    down(world, m.under.handler, chance.uniform(3, min(lasts, 15)), Daemon.HUNG, at=1.0)
    return lasts


def held(world: World, host: str, chance: random.Random) -> float:
    """An admin looks into some mail: `postsuper -h`, and `-H` when done."""
    postfix, lasts = world.machines[host].postfix, chance.uniform(10, 60) * MINUTE
    waits = [world.machines[host].under.puts_off.lay(lambda mail: mail.to == ("x@held.example",))]
    for _ in range(chance.randint(1, 20)):
        world.send(to=("x@held.example",), via=host)

    def hold() -> None:
        for mail in [x for x in postfix.of(Queue.DEFERRED) if x.to == ("x@held.example",)]:
            postfix.hold(mail)

    def release() -> None:
        for mail in postfix.of(Queue.HOLD):
            postfix.release(mail)

    world.timeline.after(5, hold)
    return after(world, lasts, [*waits, release])


def flushed(world: World, host: str, chance: random.Random) -> float:
    """An impatient admin: `postqueue -f`, several times."""
    lasts = chance.uniform(1, 10) * MINUTE
    _put_off(world, host, chance, "later.example", chance.randint(5, 60), lasts)
    again_and_again(world, chance.uniform(20, 90), world.now + lasts, world.machines[host].postfix.flush)
    return lasts


KINDS = (
    Kind("newsletter", "a newsletter to 10,000 recipients", newsletter, (30, 600), ("mx1",)),
    Kind("quiet", "a quiet night: no mail for hours", quiet, (HOUR, 3 * HOUR), ("mx1",)),
    Kind("standby-burst", "the standby gets a burst", standby_burst, (600, 600), ("mx2",)),
    Kind("spam-wave", "a spam wave: each scan takes seconds", spam_wave, (600, 2400), pages=1),
    Kind("resolver-fails", "the resolver answers SERVFAIL: each scan waits", resolver_fails, (240, 360), ("mx1",)),
    Kind("blocklist-slow", "a DNS blocklist is slow", blocklist_slow, (600, HOUR), ("mx1",), pages=1),
    Kind("slow-destination", "one destination elsewhere is slow: deferred grows", slow_destination, (1200, HOUR)),
    Kind("bounces", "a storm of bounces that nobody takes", bounces, (900, 2700)),
    Kind("probe-queued", "a monitoring probe stays in the queue", probe_queued, (1200, 5400)),
    Kind("greylisting", "greylisting everywhere", greylisting, (1200, HOUR)),
    Kind("big-mail", "a mail of 40 MB keeps the handler busy", big_mail, (20, 60)),
    Kind("held", "an admin puts mail on hold", held, (600, HOUR)),
    Kind("flushed", "an admin flushes by hand", flushed, (60, 600)),
)
