"""Nights on which every act does harm, or does not help: to hold, and mostly to call a person."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from failover.core.decide.past import Pause
from failover.world.incidents import Recurring
from failover.world.life_kind import off
from failover.world.machine import Sshd
from failover.world.postfix import HOME, Daemon
from tests.judge.classes.act import ONE_CAUSE, break_handler, care, hang_filter
from tests.judge.deeds import Deed
from tests.judge.scene import Scene
from tests.judge.truth import MINUTE, Class, Sort, Truth

SOON_S, TOLD_S, LATER_S = 3 * MINUTE, 10 * MINUTE, 20 * MINUTE
"""A person is to know by then: disk full; mail is refused or stands; what gets worse slowly."""


def held(
    s: Scene,
    story: str,
    *hosts: str,
    due: float | None,
    lasts: float | None = None,
    may: frozenset[str] = frozenset(),
    misleads: tuple[str, ...] = (),
    extra: int = 0,
    harms: dict[str, str] | None = None,
) -> Truth:
    """`harms`: the act and the reason. One cause, however many hosts it strikes."""
    lasts = lasts or (due or TOLD_S) + 2 * MINUTE

    def harm(deed: Deed) -> str:
        return (harms or {}).get(deed.name.split()[0], "") if deed.at >= s.begins else ""

    return Truth(s.begins, lasts, s.tell(story), hosts, (), may, due, max(ONE_CAUSE, extra), misleads, harm)


# A filter that is slow --------------------------------------------------------------


def slow_filter(s: Scene, load: float, due: float | None) -> Truth:
    """Scans of seconds, so many at a time, and mail at `load` of what that makes."""
    host, takes, scanners = s.some_host(), s.chance.uniform(4, 10), s.chance.choice((5, 10, 20))
    m = s.machine(host)
    m.postfix.scanners = scanners
    rate = load * scanners / takes
    minutes = 20 * MINUTE
    s.at(0, lambda: m.under.scan_s.lay((0.7 * takes, 1.3 * takes)))
    s.mail(max(0.0, rate - (s.rate if host == s.first else 0)), minutes, lambda: s.world.send(via=host))
    story = f"scans on {host} take {takes:.1f} s, {scanners} at a time, mail at {load} of its capacity"
    return held(s, story, host, due=due, lasts=minutes, misleads=("failover run spam-filter-hung",))


def slow_filter_easy(s: Scene) -> Truth:
    return slow_filter(s, 0.7, None)


def slow_filter_at_its_end(s: Scene) -> Truth:
    return slow_filter(s, 1.02, None)


def slow_filter_too_slow(s: Scene) -> Truth:
    return slow_filter(s, 1.5, 15 * MINUTE)


def filter_down(s: Scene) -> Truth:
    """spamd has ended: mail passes unscanned."""
    host = s.some_host()
    s.at(0, lambda: s.machine(host).under.spamd.lay(Daemon.DOWN))
    return held(s, f"spamd of {host} has ended", host, due=15 * MINUTE, may=frozenset({f"restart:filter {host}"}))


# What several handlers wait for -----------------------------------------------------


def shared_database(s: Scene) -> Truth:
    """Slow for every host: each handler takes minutes for a message, or none ends; restarting only adds connections."""
    hung = s.chance.random() < 0.5
    for h in s.hosts:
        m, at = s.machine(h), s.chance.uniform(0, 60)
        if hung:
            s.at(at, partial(Recurring, s.world, m.under.handler, Daemon.HUNG, every=40.0))
        else:
            s.at(at, partial(m.under.handle_s.lay, (20.0, 90.0)))
    why = "the handlers wait for a database; a restart only adds connections"
    return held(
        s,
        f"a shared database is {'stuck' if hung else 'slow'}",
        *s.hosts,
        due=TOLD_S,
        harms={"restart:handler": why, "move": "the other host waits for the same database"},
        misleads=("failover run handler-down",),
    )


def handlers_ended(s: Scene) -> Truth:
    """A bad deploy on all hosts: to start them may be tried; a person has to know."""
    said = [break_handler(s, h, Daemon.DOWN, s.chance.uniform(0, 40)) for h in s.hosts]
    may = frozenset(f"restart:handler {h}" for h in s.hosts) | care(*s.hosts)
    return held(s, "; ".join(said), *s.hosts, due=TOLD_S, may=may, extra=1 + len(s.hosts))


def handler_slow(s: Scene) -> Truth:
    """It works, and often takes longer than a look waits."""
    host, most = s.some_host(), s.chance.uniform(5, 9)
    s.at(0, lambda: s.machine(host).under.handle_s.lay((1.0, most)))
    return held(s, f"the handler of {host} takes up to {most:.1f} s", host, due=None, lasts=15 * MINUTE)


def handler_calls_filter(s: Scene) -> Truth:
    """The handler itself asks the filter, which hangs: each message stops it again, also after a restart."""
    host = s.some_host()
    m = s.machine(host)
    for key in [k for k in m.files["master.cf"] if "content_filter" in k or k.startswith("spamassassin")]:
        del m.files["master.cf"][key]
    m.postfix.reload()
    s.at(0, lambda: m.under.spamd.lay(Daemon.HUNG))
    s.at(5, lambda: Recurring(s.world, m.under.handler, Daemon.HUNG, every=15.0))
    return held(s, f"the handler of {host} calls a filter that hangs", host, due=TOLD_S)


# What port 25 answers ---------------------------------------------------------------


def refusing(s: Scene, hosts: tuple[str, ...], answer: str, due: float = TOLD_S, *acts: str) -> Truth:
    for h in hosts:
        s.at(0, partial(s.machine(h).under.refuses.lay, answer))
    one = {f"move {s.first}"} if hosts == (s.first,) else set()
    return held(s, f"{', '.join(hosts)} answers {answer!r} to everybody", *hosts, due=due, may=frozenset({*acts, *one}))


def answers_451(s: Scene) -> Truth:
    """A lookup fails, here or everywhere."""
    hosts = s.chance.choice(((s.first,), (s.hosts[-1],), tuple(s.hosts)))
    return refusing(s, hosts, "451 4.3.0 <postmaster@lab.test>: Temporary lookup failure")


def answers_554(s: Scene) -> Truth:
    """A blocklist has turned against everybody."""
    hosts = s.chance.choice(((s.first,), tuple(s.hosts)))
    return refusing(s, hosts, "554 5.7.1 Service unavailable; Client host blocked using list.example")


def milter_dead(s: Scene) -> Truth:
    host = s.some_host()
    return refusing(s, (host,), "451 4.7.1 Service unavailable - try again later", TOLD_S, f"milter {host}")


def disk_full(s: Scene) -> Truth:
    """Postfix answers 452 to every sender."""
    host = s.some_host()
    m = s.machine(host)
    if s.chance.random() < 0.5:
        for n, percent in enumerate((14.0, 9.0, 4.0)):
            s.at(-120 + 40 * n, partial(m.under.disk_free.lay, percent))
    s.at(0, lambda: m.under.disk_free.lay(0.001))
    return refusing(s, (host,), "452 4.3.1 Insufficient system storage", SOON_S)


def smtpd_slots(s: Scene) -> Truth:
    """Strangers hold all connections; what gets through is delivered."""
    host, share = s.first, s.chance.uniform(0.85, 0.98)
    s.at(0, lambda: s.machine(host).under.crowded.lay(share))
    s.mail(s.chance.uniform(2, 6), 20 * MINUTE, lambda: s.world.send(via=host))
    why = "a flood follows the MX"
    return held(s, f"{share:.0%} of connections to {host} find no smtpd", host, due=15 * MINUTE, harms={"move": why})


# Where mail stands ------------------------------------------------------------------


def qmgr_dies(s: Scene) -> Truth:
    """The queue manager ends after each start: port 25 answers, and nothing moves."""
    host = s.some_host()
    s.at(0, lambda: s.machine(host).under.qmgr.lay(False))
    said = f"the queue manager of {host} keeps dying"
    return held(s, said, host, due=TOLD_S, may=frozenset({f"config {host}"}))


def pickup_dead(s: Scene) -> Truth:
    host = s.first
    s.at(0, lambda: s.machine(host).under.pickup.lay(False))
    return held(s, f"pickup of {host} is dead, mail waits in maildrop", host, due=TOLD_S)


def account_floods(s: Scene) -> Truth:
    """One account is over the handler's own limit: its mail is put off with 421, the rest flows."""
    host, to = s.first, (f"victim@{HOME}",)
    per_minute = s.chance.choice((6, 10, 15))
    taken: list[float] = []

    def over(mail: object) -> bool:
        if getattr(mail, "to", None) != to:
            return False
        taken[:] = [t for t in taken if s.world.now - t < 60]
        if len(taken) >= per_minute:
            return True
        taken.append(s.world.now)
        return False

    s.at(0, lambda: s.machine(host).under.turns_away.lay(over))
    rate, lasts = s.chance.uniform(0.7, 2.5), LATER_S
    s.mail(rate, lasts, lambda: s.world.send(to=to, via=host))
    why = "it feeds the loop of one account"
    return held(
        s,
        f"one account gets {rate:.1f} messages a second, its limit is {per_minute} a minute",
        host,
        due=15 * MINUTE,
        lasts=lasts,
        may=frozenset({f"hold {host}"}),
        harms={"flush": why, "move": "it moves the flood"},
    )


# What cannot be seen, or is nobody's ------------------------------------------------


def own_network(s: Scene) -> Truth:
    """The controller is alone for some minutes."""
    lasts, noticed = s.chance.uniform(4, 9) * MINUTE, s.chance.random() < 0.5
    s.world.network.noticed = noticed

    def cut() -> None:
        s.world.timeline.after(lasts, s.world.network.link.lay(False))

    s.at(0, cut)
    return held(s, f"the controller's own link is cut for {lasts:.0f} s", due=None, lasts=lasts + 3 * MINUTE)


def one_vantage(s: Scene) -> Truth:
    """A provider on our way drops port 25 of one host; every other place reaches it."""
    host = s.first
    s.at(0, lambda: s.world.smtp.blind.add(host))
    return held(s, f"only the controller cannot reach port 25 of {host}", host, due=None, lasts=12 * MINUTE)


def dead_peers(s: Scene) -> Truth:
    """Standbys die, one or all but one; the first is well and keeps its mail."""
    count = s.chance.randint(1, max(1, len(s.hosts) - 2))
    dead = s.chance.sample(s.hosts[1:], count)
    for h in dead:
        s.at(s.chance.uniform(0, 60), partial(s.machine(h).under.link.lay, False))
    return held(s, f"{', '.join(dead)} die", *dead, due=15 * MINUTE, extra=1 + len(dead))


def nobody_fit(s: Scene) -> Truth:
    """The first MX is dead, and nobody is fit to take its mail."""
    how = s.chance.choice(("cut", "refuses", "disk"))
    for h in s.hosts[1:]:
        under = s.machine(h).under
        lay = {
            "cut": lambda under=under: under.link.lay(False),
            "refuses": lambda under=under: under.refuses.lay("451 4.3.0 Temporary lookup failure"),
            "disk": lambda under=under: under.disk_free.lay(0.1),
        }[how]
        s.at(-60, lay)
    s.at(0, lambda: s.machine(s.first).under.link.lay(False))
    said = f"{s.first} is cut off, and the others are unfit ({how})"
    named = () if how == "cut" else (s.first,)  # where nobody answers, it may be our own network: any page will do
    return held(s, said, *named, due=TOLD_S, extra=1 + len(s.hosts))


def certificate_ended(s: Scene) -> Truth:
    """Senders that insist on TLS deliver no more; the others do."""
    host, days = s.some_host(), s.chance.uniform(0.1, 10)
    s.machine(host).certificate = s.world.timeline.datetime - timedelta(days=days)
    return held(s, f"the certificate of {host} ended {days:.1f} days ago", host, due=LATER_S)


def flaps(s: Scene) -> Truth:
    """The link of the first MX comes and goes: senders get through in the end; somebody has to know."""
    m, at = s.machine(s.first), 0.0
    while at < LATER_S:
        gone = s.chance.uniform(20, 60)
        s.at(at, partial(off, s.world, m.under.link, gone))
        at += gone + s.chance.uniform(20, 60)
    may = frozenset({f"move {s.first}"})
    return held(s, f"the link of {s.first} comes and goes", s.first, due=LATER_S, may=may)


def ssh_dead(s: Scene) -> Truth:
    """sshd hangs; mail flows."""
    host, state = s.some_host(), s.chance.choice((Sshd.HUNG, Sshd.REFUSED))
    s.at(0, lambda: s.machine(host).under.sshd.lay(state))
    return held(s, f"sshd of {host} is {state.value}, mail flows", host, due=LATER_S)


def paused(s: Scene) -> Truth:
    """A person works there, and something breaks: nothing is done, and it is told in the end."""
    host, kind = s.some_host(), s.chance.choice(("filter", "handler"))

    def pause() -> None:
        now = s.world.clock.now()
        s.world.store.pause(Pause(s.chance.choice((None, host)), "ann", "works on it", now, now + timedelta(hours=2)))

    s.at(-30, pause)
    said = hang_filter(s, host) if kind == "filter" else break_handler(s, host, Daemon.DOWN)
    return held(s, f"{said}, and ann has paused it", host, due=LATER_S)


CLASSES = (
    Class("slow-filter-0.7", Sort.HOLD, "a slow filter at 0.7 of its capacity", slow_filter_easy),
    Class("slow-filter-1.02", Sort.HOLD, "a slow filter at 1.02 of its capacity", slow_filter_at_its_end),
    Class("slow-filter-1.5", Sort.HOLD, "a slow filter at 1.5 of its capacity", slow_filter_too_slow),
    Class("filter-down", Sort.HOLD, "a filter has ended, mail passes unscanned", filter_down),
    Class("shared-database", Sort.HOLD, "all handlers wait for one database", shared_database),
    Class("handlers-ended", Sort.HOLD, "all handlers have ended", handlers_ended),
    Class("handler-slow", Sort.HOLD, "a handler is slow, and works", handler_slow),
    Class("handler-calls-filter", Sort.HOLD, "the handler asks a filter that hangs", handler_calls_filter),
    Class("answers-451", Sort.HOLD, "port 25 answers 451 to everybody", answers_451),
    Class("answers-554", Sort.HOLD, "port 25 answers 554 to everybody", answers_554),
    Class("milter-dead", Sort.HOLD, "a milter is dead: 451", milter_dead),
    Class("disk-full", Sort.HOLD, "the disk is full: 452", disk_full),
    Class("smtpd-slots", Sort.HOLD, "all smtpd are taken", smtpd_slots),
    Class("qmgr-dies", Sort.HOLD, "the queue manager keeps dying", qmgr_dies),
    Class("pickup-dead", Sort.HOLD, "pickup is dead", pickup_dead),
    Class("account-floods", Sort.HOLD, "one account floods, 421", account_floods),
    Class("own-network", Sort.HOLD, "our own network is cut", own_network),
    Class("one-vantage", Sort.HOLD, "only we cannot reach port 25", one_vantage),
    Class("dead-peers", Sort.HOLD, "standbys die, the first is well", dead_peers, least=3),
    Class("nobody-fit", Sort.HOLD, "the first MX is dead, nobody is fit", nobody_fit),
    Class("certificate-ended", Sort.HOLD, "a certificate has ended", certificate_ended),
    Class("flaps", Sort.HOLD, "the link of the first MX comes and goes", flaps),
    Class("ssh-dead", Sort.HOLD, "sshd hangs, mail flows", ssh_dead),
    Class("paused", Sort.HOLD, "something breaks during a pause", paused),
)
