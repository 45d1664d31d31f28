"""Nights of normal life: nothing is to be done, and hardly anybody to be woken."""

from __future__ import annotations

from failover.world.life import KINDS
from failover.world.life_kind import after, down, off
from failover.world.postfix import Daemon
from tests.judge.scene import Scene
from tests.judge.truth import MINUTE, Class, Sort, Truth


def lived(s: Scene, story: str, minutes: float, pages: int = 0) -> Truth:
    """A watch costs more than cron: a third of the time."""
    return Truth(s.begins, minutes * MINUTE * (1.0 if s.cron else 0.35), s.tell(story), pages=pages)


def some(s: Scene, names: tuple[str, ...], count: int = 1, minutes: float = 30) -> Truth:
    chosen = s.chance.sample(names, count)
    lasts = minutes * MINUTE * (1.0 if s.cron else 0.35)
    for name in chosen:
        s.some_life(name, s.begins + s.chance.uniform(0, lasts / 2))
    return lived(s, "", minutes, sum(KINDS[n].pages for n in chosen))


def quiet(s: Scene) -> Truth:
    s.world.quiet_until = 1e8
    return lived(s, "no mail at all", 60)


def even(s: Scene) -> Truth:
    return lived(s, "nothing happens", 60)


def boots(s: Scene) -> Truth:
    """Up to 160 s; a longer one may be told."""
    host = s.chance.choice(s.hosts)
    m, seconds = s.machine(host), s.chance.choice((s.chance.uniform(40, 120), s.chance.uniform(120, 200)))

    def boot() -> None:
        off(s.world, m.under.postfix, seconds + s.chance.uniform(2, 5))
        s.world.timeline.after(2.0, m.halt)
        off(s.world, m.under.link, seconds, at=2.0)
        down(s.world, m.under.spamd, seconds + s.chance.uniform(4, 12), at=1.0)
        down(s.world, m.under.handler, seconds + s.chance.uniform(5, 20), at=1.0)

    s.at(0, boot)
    return lived(s, f"{host} boots for {seconds:.0f} s", 25, pages=1)


def deploys(s: Scene) -> Truth:
    return some(s, ("deploy", "deploys"))


def updates(s: Scene) -> Truth:
    names = ("spamd-restart", "sa-update", "postfix-reload", "postfix-restart", "package-upgrade", "certificate")
    return some(s, (*names, "log-rotation", "configured"), 3)


def bursts(s: Scene) -> Truth:
    return some(s, ("newsletter", "standby-burst", "spam-wave", "blocklist-slow", "resolver-fails"))


def destinations(s: Scene) -> Truth:
    return some(s, ("slow-destination", "bounces", "probe-queued", "greylisting", "held", "flushed", "big-mail"), 2)


def backups(s: Scene) -> Truth:
    return some(s, ("backup", "noisy-neighbour"))


def network(s: Scene) -> Truth:
    names = ("sshd-restart", "sshd-full", "firewall", "flapping", "own-link-flaps", "packet-loss", "slow-look")
    return some(s, (*names, "migration"), 2)


def clocks(s: Scene) -> Truth:
    return some(s, ("own-clock", "clock-set", "suspended"))


def mixed(s: Scene) -> Truth:
    """Four things of an ordinary day."""
    return some(s, tuple(k for k in KINDS if k not in {"reboot", "kernel-upgrade", "own-link", "quiet"}), 4, 40)


def long_queue_that_moves(s: Scene) -> Truth:
    """A newsletter comes, scans take a second or two: the queue is long for minutes, and every message gets through."""
    host, takes = s.some_host(), s.chance.uniform(0.5, 2.0)
    m, lasts = s.machine(host), 8 * MINUTE
    s.at(0, lambda: after(s.world, lasts, [m.under.scan_s.lay((0.5 * takes, 1.5 * takes))]))
    s.mail(s.chance.uniform(5, 12) / takes, 60, lambda: s.world.send(via=host))
    return lived(s, f"a burst on {host}, scans of {takes:.1f} s", 20)


def short_stall(s: Scene) -> Truth:
    """A filter or a handler that says nothing for some seconds: a lock, a swap, a long look-up."""
    host, seconds = s.some_host(), s.chance.uniform(5, 30)
    m = s.machine(host)
    layer = s.chance.choice((m.under.spamd, m.under.handler))
    for n in range(s.chance.randint(1, 3)):
        down(s.world, layer, seconds, Daemon.HUNG, at=s.begins + 200 * n)
    return lived(s, f"the {'filter' if layer is m.under.spamd else 'handler'} of {host} hangs for {seconds:.0f} s", 20)


def one_remote_slow(s: Scene) -> Truth:
    """One server elsewhere answers 4xx for hours: its mail waits, the rest flows."""
    to = (f"x@far{s.chance.randint(1, 9)}.example",)
    for m in s.world.machines.values():
        m.under.puts_off.lay(lambda mail: mail.to == to)
    s.mail(s.chance.uniform(0.1, 0.5), 20 * MINUTE, lambda: s.world.send(to=to))
    return lived(s, f"{to[0]} is put off", 25)


CLASSES = (
    Class("quiet", Sort.LIFE, "no mail at all", quiet),
    Class("even", Sort.LIFE, "nothing happens", even),
    Class("boots", Sort.LIFE, "a host boots, for up to 200 s", boots),
    Class("deploys", Sort.LIFE, "handlers are replaced", deploys),
    Class("updates", Sort.LIFE, "packages, rules, certificates", updates),
    Class("bursts", Sort.LIFE, "newsletters, spam waves", bursts),
    Class("destinations", Sort.LIFE, "mail for others that waits", destinations),
    Class("backups", Sort.LIFE, "backups and noisy neighbours", backups),
    Class("network", Sort.LIFE, "links and SSH that flap", network),
    Class("clocks", Sort.LIFE, "clocks that are set", clocks),
    Class("mixed", Sort.LIFE, "four things of an ordinary day", mixed),
    Class("long-queue-moves", Sort.LIFE, "a long queue that moves", long_queue_that_moves),
    Class("short-stall", Sort.LIFE, "a filter or handler stalls for seconds", short_stall),
    Class("one-remote-slow", Sort.LIFE, "one server elsewhere is slow", one_remote_slow),
)
