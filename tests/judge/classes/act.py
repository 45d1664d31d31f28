"""Nights on which something is to be done at once."""

from __future__ import annotations

from functools import partial

from failover.world.machine import Sshd
from failover.world.postfix import HANDLE_S, SCAN_S, Daemon
from tests.judge.deeds import Deed
from tests.judge.scene import Scene
from tests.judge.truth import MINUTE, Class, Sort, Truth, Wanted

LOCAL_S, MOVE_S = 150.0, 7 * MINUTE
"""From the first second of trouble: a cure in place, a move of mail. A boot takes up to three minutes."""
BOOT_S = 2 * MINUTE
"""A host that is gone for less has booted, mostly: to move its mail is harm."""
SETTLES_S = 5 * MINUTE
ONE_CAUSE = 3
"""Pages for one cause, on however many hosts: that it is there, that it is cured, and one to spare."""
CARE = ("flush", "requeue")
"""What goes with a cure on the same host."""


def care(*hosts: str) -> frozenset[str]:
    return frozenset(f"{what} {h}" for what in CARE for h in hosts)


def bypass(host: str, due: float = LOCAL_S) -> Wanted:
    return Wanted((f"bypass {host}", f"restart:filter {host}"), due)


def restart(host: str, due: float = LOCAL_S) -> Wanted:
    return Wanted((f"restart:handler {host}",), due)


def local(
    s: Scene, story: str, *wanted: Wanted, hosts: tuple[str, ...], lasts: float | None = None, pages: int | None = None
) -> Truth:
    due = max(w.due for w in wanted)
    return Truth(
        s.begins,
        lasts or due + SETTLES_S,
        s.tell(story),
        hosts,
        wanted,
        care(*hosts) | {f"restore {h}" for h in hosts} | {f"restart:filter {h}" for h in hosts},
        pages=pages,
        drains=lasts is None,
        whole=lasts is not None,
    )


# The filter, the handler ----------------------------------------------------------


def hang_filter(s: Scene, host: str, at: float = 0.0) -> str:
    """All at once, or each scan slower and slower until none ends."""
    layer, slow = s.machine(host).under.spamd, s.machine(host).under.scan_s
    if s.chance.random() < 0.3:
        for n, takes in enumerate((1.0, 2.5, 4.5)):
            s.at(at - 90.0 + 30 * n, partial(slow.lay, (takes * 0.7, takes * 1.3)))
        s.at(at, lambda: slow.clear(SCAN_S))
        slowly = ", slower and slower before"
    else:
        slowly = ""
    s.at(at, lambda: layer.lay(Daemon.HUNG))
    return f"the filter of {host} hangs {at:.0f} s after the begin{slowly}"


def break_handler(s: Scene, host: str, state: Daemon, at: float = 0.0) -> str:
    """All at once; or a handler that hangs is slow before."""
    under = s.machine(host).under
    if state is Daemon.HUNG and s.chance.random() < 0.3:
        s.at(at - 60, lambda: under.handle_s.lay((0.5, 4.0)))
        s.at(at, lambda: under.handle_s.clear(HANDLE_S))
    s.at(at, lambda: under.handler.lay(state))
    return f"the handler of {host} is {state.value} {at:.0f} s after the begin"


def filter_hung(s: Scene) -> Truth:
    host = s.some_host()
    return local(s, hang_filter(s, host), bypass(host), hosts=(host,))


def filter_hung_bad_sight(s: Scene) -> Truth:
    """One look of five is lost."""
    s.losing = 0.2
    host = s.some_host()
    return local(s, hang_filter(s, host) + "; a fifth of the looks is lost", bypass(host, 5 * MINUTE), hosts=(host,))


def filters_hung(s: Scene) -> Truth:
    """A bad rule update: the same minute on all hosts."""
    said = [hang_filter(s, h, s.chance.uniform(0, 30)) for h in s.hosts]
    due = LOCAL_S + 15 * len(s.hosts)
    return local(s, "; ".join(said), *(bypass(h, due) for h in s.hosts), hosts=tuple(s.hosts), pages=ONE_CAUSE)


def handler_ended(s: Scene) -> Truth:
    host = s.some_host()
    return local(s, break_handler(s, host, Daemon.DOWN), restart(host), hosts=(host,))


def handler_stuck(s: Scene) -> Truth:
    host = s.some_host()
    return local(s, break_handler(s, host, Daemon.HUNG), restart(host), hosts=(host,))


def handler_relapses(s: Scene) -> Truth:
    """It ends again after each start: to be tried, and then to be told."""
    host = s.some_host()
    m = s.machine(host)
    m.relapsing.add(m.container)
    said = break_handler(s, host, Daemon.DOWN)
    return local(s, f"{said}, and ends after each start", restart(host), hosts=(host,), lasts=15 * MINUTE)


def both(s: Scene) -> Truth:
    """The night of 11 August: the handler and the filter of one host, in either order."""
    host, gap = s.some_host(), s.chance.choice((0.0, s.chance.uniform(0, 60), s.chance.uniform(60, 240)))
    first = s.chance.random() < 0.5
    one = break_handler(s, host, s.chance.choice((Daemon.DOWN, Daemon.HUNG)), 0.0 if first else gap)
    other = hang_filter(s, host, gap if first else 0.0)
    due = LOCAL_S + gap + 30
    return local(s, f"{one}; {other}", restart(host, due), bypass(host, due), hosts=(host,))


def two_hosts(s: Scene) -> Truth:
    """Two incidents that have nothing to do with each other."""
    one, other = s.two_hosts()
    gap = s.chance.uniform(0, 40)
    filter_there = s.chance.random() < 0.3
    said = [hang_filter(s, one)]
    said.append(hang_filter(s, other, gap) if filter_there else break_handler(s, other, Daemon.DOWN, gap))
    second = bypass(other, LOCAL_S + gap) if filter_there else restart(other, LOCAL_S + gap)
    return local(s, "; ".join(said), bypass(one), second, hosts=(one, other))


def beside_a_dead_host(s: Scene) -> Truth:
    """A standby is dead, and a person knows or will; what breaks elsewhere is cured all the same."""
    host, dead = s.first, s.hosts[-1]
    s.at(s.chance.choice((-100.0, 0.0)), lambda: s.machine(dead).under.link.lay(False))
    if s.chance.random() < 0.5:
        said, wanted = hang_filter(s, host), bypass(host, LOCAL_S + 30)
    else:
        said, wanted = break_handler(s, host, Daemon.DOWN), restart(host, LOCAL_S + 30)
    return local(s, f"{said}; {dead} is dead", wanted, hosts=(host,))


def filter_hung_in_a_flood(s: Scene) -> Truth:
    """A newsletter has just come: thousands wait for the filter that hangs."""
    host = s.first
    s.mail(s.chance.uniform(10, 40), 60, lambda: s.world.send(via=host), at=-30)
    return local(s, hang_filter(s, host) + ", and a newsletter comes", bypass(host), hosts=(host,))


# An MX that senders do not reach ----------------------------------------------------


def moved(s: Scene, story: str, *, also: tuple[str, ...] = (), may: frozenset[str] = frozenset()) -> Truth:
    wanted = Wanted((f"move {s.first}", *also), MOVE_S, moves=not also)

    def hasty(deed: Deed) -> str:
        return "so short is a boot" if deed.name == f"move {s.first}" and deed.at < s.begins + BOOT_S else ""

    allowed = care(s.first) | may
    return Truth(s.begins, MOVE_S + SETTLES_S, s.tell(story), (s.first,), (wanted,), allowed, harms=hasty)


def mx_cut(s: Scene) -> Truth:
    s.at(0, lambda: s.machine(s.first).under.link.lay(False))
    return moved(s, f"{s.first} is cut off")


def mx_stopped(s: Scene) -> Truth:
    """Postfix has ended; SSH works."""
    s.at(0, lambda: s.machine(s.first).under.postfix.lay(False))
    return moved(s, f"Postfix of {s.first} has ended", also=(f"restart:postfix {s.first}",))


def mx_dropped(s: Scene) -> Truth:
    """A firewall drops port 25, for everybody; SSH works."""
    s.at(0, lambda: s.machine(s.first).under.port_open.lay(False))
    return moved(s, f"port 25 of {s.first} is dropped")


def mx_frozen(s: Scene) -> Truth:
    s.at(0, lambda: setattr(s.machine(s.first).postfix, "frozen", True))
    return moved(s, f"Postfix of {s.first} is frozen", also=(f"restart:postfix {s.first}",))


def mx_cut_peers_dead(s: Scene) -> Truth:
    """Those next in the file died some minutes before; two further ones are well."""
    s.begins += 3 * MINUTE
    dead = s.hosts[1:-2]
    for h in dead:
        s.machine(h).under.link.lay(False)
    s.at(0, lambda: s.machine(s.first).under.link.lay(False))
    return moved(s, f"{s.first} is cut off, and {', '.join(dead)} before")


def mx_cut_next_unfit(s: Scene) -> Truth:
    """The standby that comes next takes no mail, or hands none on; another one does."""
    bad, how = s.hosts[1], s.chance.choice(("refuses", "disk", "handler"))
    m = s.machine(bad)
    if how == "refuses":
        s.at(-60, lambda: m.under.refuses.lay("451 4.3.0 Temporary lookup failure"))
    elif how == "disk":
        s.at(-60, lambda: m.under.disk_free.lay(0.1))
    else:
        m.relapsing.add(m.container)
        s.at(-60, lambda: m.under.handler.lay(Daemon.DOWN))
    s.at(0, lambda: s.machine(s.first).under.link.lay(False))
    may = frozenset({f"restart:handler {bad}"}) | care(bad)
    return moved(s, f"{s.first} is cut off; {bad} is unfit ({how})", may=may)


def mx_cut_ssh_gone(s: Scene) -> Truth:
    """The standby that is well answers no SSH, but takes mail; the first is dead."""
    s.at(-60, lambda: s.machine(s.hosts[2]).under.sshd.lay(Sshd.HUNG))
    s.at(0, lambda: s.machine(s.first).under.link.lay(False))
    return moved(s, f"{s.first} is cut off, SSH of {s.hosts[2]} hangs")


CLASSES = (
    Class("filter-hung", Sort.ACT, "one filter hangs", filter_hung),
    Class("filter-hung-bad-sight", Sort.ACT, "one filter hangs, looks are lost", filter_hung_bad_sight, mixes=False),
    Class("filters-hung", Sort.ACT, "all filters hang in the same minute", filters_hung),
    Class("handler-ended", Sort.ACT, "one handler's container has ended", handler_ended),
    Class("handler-stuck", Sort.ACT, "one handler hangs", handler_stuck),
    Class("handler-relapses", Sort.ACT, "one handler ends after each start", handler_relapses),
    Class("both-on-one", Sort.ACT, "handler and filter of one host", both),
    Class("two-hosts", Sort.ACT, "two incidents on two hosts", two_hosts),
    Class("beside-a-dead-host", Sort.ACT, "filter or handler, and a dead standby", beside_a_dead_host),
    Class("filter-hung-flood", Sort.ACT, "one filter hangs under a newsletter", filter_hung_in_a_flood),
    Class("mx-cut", Sort.ACT, "the first MX is cut off", mx_cut),
    Class("mx-stopped", Sort.ACT, "Postfix of the first MX has ended", mx_stopped),
    Class("mx-dropped", Sort.ACT, "port 25 of the first MX is dropped", mx_dropped),
    Class("mx-frozen", Sort.ACT, "Postfix of the first MX is frozen", mx_frozen),
    Class("mx-cut-peers-dead", Sort.ACT, "the first MX and its next peers are dead", mx_cut_peers_dead, least=4),
    Class("mx-cut-next-unfit", Sort.ACT, "the first MX is cut off, the next is unfit", mx_cut_next_unfit, least=3),
    Class("mx-cut-ssh-gone", Sort.ACT, "the first MX is cut off, SSH of one peer hangs", mx_cut_ssh_gone, least=3),
)
