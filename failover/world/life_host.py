"""Normal life of a host: deploys, reboots, restarts, upgrades, backups, disks that fill, clocks that are set."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

from failover.world.life_kind import (
    HOUR,
    MINUTE,
    Kind,
    Lift,
    after,
    again_and_again,
    busy,
    down,
    off,
)
from failover.world.machine import Sshd
from failover.world.postfix import MAIN, MASTER, Daemon
from failover.world.world import World


def deploy(world: World, host: str, chance: random.Random) -> float:
    """The handler's container is replaced."""
    lasts = chance.uniform(5, 15)
    _deploy(world, host, lasts)
    return lasts


def _deploy(world: World, host: str, seconds: float, at: float = 0.0) -> None:
    m = world.machines[host]

    def replaced() -> None:
        m.started[f"container/{m.container}"] = m.timeline.now

    down(world, m.under.handler, seconds, at=at)
    world.timeline.after(at + seconds, replaced)


def deploys(world: World, host: str, chance: random.Random) -> float:
    """A release, its fix, and the fix of that."""
    at = 0.0
    for _ in range(chance.randint(3, 6)):
        _deploy(world, host, chance.uniform(5, 15), at)
        at += chance.uniform(60, 300)
    return at


def reboot(world: World, host: str, chance: random.Random) -> float:
    return _boot(world, host, chance, chance.uniform(60, 150))


def kernel_upgrade(world: World, host: str, chance: random.Random) -> float:
    """A reboot with fsck."""
    return _boot(world, host, chance, chance.uniform(170, 190))


def _boot(world: World, host: str, chance: random.Random, seconds: float) -> float:
    """In order: Postfix ends its deliveries, then the link goes down; later the services start one after another."""
    m = world.machines[host]
    off(world, m.under.postfix, seconds + chance.uniform(2, 5))
    world.timeline.after(2.0, m.halt)
    off(world, m.under.link, seconds, at=2.0)
    down(world, m.under.spamd, seconds + chance.uniform(4, 10), at=1.0)
    down(world, m.under.handler, seconds + chance.uniform(5, 15), at=1.0)
    return seconds + 17


def spamd_restart(world: World, host: str, chance: random.Random) -> float:
    """Its port is closed, then open but silent until the rules are read."""
    m, closed, reads = world.machines[host], chance.uniform(0.5, 3), chance.uniform(1.5, 9)
    down(world, m.under.spamd, closed)
    down(world, m.under.spamd, reads, Daemon.HUNG, at=closed)
    return closed + reads


def sa_update(world: World, host: str, chance: random.Random) -> float:
    """New rules are compiled, then spamd starts again."""
    m, compiles = world.machines[host], chance.uniform(20, 90)
    after(world, compiles, busy(m, 1.2, "sa-compile", 99.0))
    world.timeline.after(compiles, lambda: spamd_restart(world, host, chance))
    return compiles + 12


def postfix_reload(world: World, host: str, chance: random.Random) -> float:
    lasts = chance.uniform(1, 300)
    again_and_again(world, lasts / chance.randint(1, 5), world.now + lasts, world.machines[host].postfix.reload)
    return lasts


def postfix_restart(world: World, host: str, chance: random.Random) -> float:
    lasts = chance.uniform(0.5, 4)
    off(world, world.machines[host].under.postfix, lasts)
    return lasts


def package_upgrade(world: World, host: str, chance: random.Random) -> float:
    """apt holds the CPU, and restarts one service after another."""
    m, lasts = world.machines[host], chance.uniform(3, 8) * MINUTE
    when = [chance.uniform(0.2, 0.9) * lasts for _ in range(4)]
    down(world, m.under.spamd, chance.uniform(2, 10), at=when[0])
    off(world, m.under.postfix, chance.uniform(0.5, 4), at=when[1])
    down(world, m.under.handler, chance.uniform(5, 12), at=when[2])
    refuse = lambda: after(world, chance.uniform(0.5, 2), [m.under.sshd.lay(Sshd.REFUSED)])  # noqa: E731
    world.timeline.after(when[3], refuse)
    return after(world, lasts, busy(m, chance.uniform(1.5, 4), "dpkg", 97.0))


def certificate(world: World, host: str, chance: random.Random) -> float:
    """Renewed, and Postfix reloaded for it."""
    m = world.machines[host]
    m.files[MAIN]["smtpd_tls_cert_file"] = f"/etc/ssl/renewed-{chance.randint(1, 99)}.pem"
    m.postfix.reload()
    return after(world, chance.uniform(2, 20), busy(m, 0.5, "certbot", 60.0))


def backup(world: World, host: str, chance: random.Random) -> float:
    """Load 4 to 8 for an hour, and every disk access waits."""
    m, lasts = world.machines[host], chance.uniform(40, 80) * MINUTE
    slow: list[Lift] = [m.under.scan_s.lay((0.2, 1.8)), m.under.hesitates.lay(chance.uniform(0.3, 1.5))]
    return after(world, lasts, [*slow, *busy(m, chance.uniform(3.6, 7.6), "borg", 95.0)])


def log_rotation(world: World, host: str, chance: random.Random) -> float:
    m, lasts = world.machines[host], chance.uniform(2, 30)
    m.postfix.reload()
    return after(world, lasts, busy(m, 1.0, "gzip", 99.0))


def disk_fills(world: World, host: str, chance: random.Random) -> float:
    """Slowly, from 20 % free to 9 %; then somebody cleans up."""
    layer, lasts = world.machines[host].under.disk_free, chance.uniform(40, 100) * MINUTE
    return after(world, lasts, _sinking(world, layer.lay, 20, 9, lasts))


def inodes_go(world: World, host: str, chance: random.Random) -> float:
    layer, lasts = world.machines[host].under.inodes_free, chance.uniform(30, 80) * MINUTE
    return after(world, lasts, _sinking(world, layer.lay, 30, chance.randint(8, 20), lasts))


def _sinking(world: World, lay: Callable[[float], Lift], start: int, end: int, lasts: float) -> list[Lift]:
    """A percent at a time; each layer stays, and the lowest counts."""
    lifts: list[Lift] = []

    def lower(percent: float) -> None:
        lifts.append(lay(percent))

    for n, percent in enumerate(range(start, end - 1, -1)):
        world.timeline.after(n * lasts / (start - end + 2), partial(lower, float(percent)))
    return [lambda: [lift() for lift in lifts]]


def clock_set(world: World, host: str, chance: random.Random) -> float:
    """By up to five minutes, to and fro; and set right after a while."""
    step = chance.choice((-300.0, -120.0, -20.0, 20.0, 120.0, 300.0))
    return after(world, chance.uniform(10, 60) * MINUTE, [world.machines[host].under.skew.lay(step)])


def configured(world: World, host: str, chance: random.Random) -> float:
    """Configuration management writes settings of its own, and reloads."""
    m = world.machines[host]
    m.files[MAIN]["smtpd_banner"] = f"$myhostname ESMTP {chance.randint(1, 999)}"
    if chance.random() < 0.5:
        m.files[MASTER]["submission/inet"] = f"submission inet n - y - {chance.randint(10, 99)} smtpd"
    m.postfix.reload()
    return 1.0


def noisy_neighbour(world: World, host: str, chance: random.Random) -> float:
    """The hypervisor gives the CPU to others: everything takes seconds, and ends."""
    m, lasts = world.machines[host], chance.uniform(1, 4) * MINUTE
    slow: list[Lift] = [m.under.scan_s.lay((0.5, 6.0)), m.under.handle_s.lay((0.1, 3.0))]
    return after(world, lasts, [*slow, m.under.hesitates.lay(chance.uniform(0.5, 4)), m.under.load.lay(5.0)])


def migration(world: World, host: str, chance: random.Random) -> float:
    """The virtual machine moves to another hypervisor: for some seconds it is nowhere."""
    lasts = chance.uniform(2, 8)
    off(world, world.machines[host].under.link, lasts)
    return lasts


KINDS = (
    Kind("deploy", "the handler's container is replaced", deploy, (5, 15)),
    Kind("deploys", "several deploys in a row", deploys, (180, 1800)),
    Kind("reboot", "a reboot", reboot, (75, 170), pages=1),
    Kind("kernel-upgrade", "a reboot with fsck", kernel_upgrade, (187, 207), ("mx2",), pages=1),
    Kind("spamd-restart", "spamd is restarted", spamd_restart, (2, 12)),
    Kind("sa-update", "new rules for SpamAssassin", sa_update, (32, 102)),
    Kind("postfix-reload", "postfix reload, some times", postfix_reload, (1, 300)),
    Kind("postfix-restart", "postfix stop and start", postfix_restart, (0.5, 4)),
    Kind("package-upgrade", "apt upgrades and restarts services", package_upgrade, (180, 480)),
    Kind("certificate", "a certificate is renewed", certificate, (2, 20)),
    Kind("backup", "a backup: load 4 to 8 for an hour", backup, (2400, 4800)),
    Kind("log-rotation", "logs are rotated", log_rotation, (2, 30)),
    Kind("disk-fills", "a disk fills slowly, from 80 to 91 %", disk_fills, (2400, 6000), pages=1),
    Kind("inodes-go", "inodes get fewer", inodes_go, (1800, 4800), pages=1),
    Kind("clock-set", "a host's clock is wrong by up to five minutes", clock_set, (600, HOUR)),
    Kind("configured", "configuration management edits main.cf", configured, (1, 1)),
    Kind("noisy-neighbour", "the hypervisor gives the CPU to others", noisy_neighbour, (60, 240)),
    Kind("migration", "the virtual machine is moved", migration, (2, 8)),
)
