"""The state of a host, and the known incident that its signals show.

A long queue shows that there is an incident, never which: three published outages had the same long queue and three
different cures. The filter, the handler and the ports tell the class. Pure: same samples, same answer.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise, takewhile

from failover.core.fleet import Fleet, Host
from failover.core.observe.signal import CONTROLLER, Outcome, Samples, Signal, latest, worst
from failover.core.words import number

MANY = 50.0
"""Fewer waiting messages can be for one slow destination, while all others go out."""


STILL_S = 30.0
"""Mail does not move if the same message is the oldest for so long; longer than a slow filter scans one (8 to 13 s)."""
SAME_S = 5.0
"""The oldest is the same within this: ages are whole seconds, and read up to some seconds after the look began."""
SILENT_S = 75.0
"""A handler that is silent for so long is stuck. What stops the others as well does so within a minute."""
SHARED_S = 180.0
"""A handler that waits for the same as others may answer in between. A time, and not so many looks: the verdict must
not depend on how often we look."""
WORKED_S = 180.0
"""Postfix works if it took or removed mail within this time: three looks of cron."""
DROPPED_S = 180.0
"""A maildrop that holds many, and never fewer, for so long is picked up by nobody."""


class State(enum.StrEnum):
    """failed > unknown > degraded > healthy."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNKNOWN = "unknown"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`incident` is a class of `RULES` or None; `latent`: other signals that are not well."""

    host: str
    state: State
    incident: str | None
    summary: str
    evidence_for: Samples = ()
    evidence_against: tuple[str, ...] = ()
    latent: Samples = ()


@dataclass(frozen=True, slots=True)
class HostView:
    """The samples of one host, with the questions of the rules."""

    host: str
    samples: Samples
    quorum: int
    _named: dict[str, list[Signal]] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Sorted once: the rules ask dozens of times."""
        for s in self.samples:
            if s.host == self.host:
                self._named.setdefault(s.name, []).append(s)

    def of(self, name: str) -> Sequence[Signal]:
        return self._named.get(name, ())

    @property
    def names(self) -> Iterable[str]:
        return self._named

    def now(self, *names: str) -> Samples:
        """The newest look at each signal, one per vantage."""
        return tuple(s for n in names for s in _newest(self.of(n)))

    def fails(self, name: str, *ways: str) -> bool:
        """Does it fail, in one of the `ways` (`timeout`, `refused`, …) if given?"""
        return any(s.outcome is Outcome.FAIL and (not ways or s.value in ways) for s in self.now(name))

    def warns(self, name: str) -> bool:
        return any(s.outcome is Outcome.WARN for s in self.now(name))

    @property
    def smtp_failing(self) -> Samples:
        """The signals that say "no banner on port 25", one per vantage."""
        failing = [s for s in self.now("smtp.banner", "smtp.peer") if s.outcome is Outcome.FAIL]
        return tuple({s.vantage: s for s in failing}.values())

    @property
    def smtp_down(self) -> bool:
        return len(self.smtp_failing) >= self.quorum

    @property
    def smtp_works(self) -> bool:
        return any(s.outcome is Outcome.OK for s in self.now("smtp.banner", "smtp.peer"))

    def moves(self, name: str) -> bool | None:
        """Has the oldest message left, or fewer wait? False: the same one is the oldest for STILL_S. None: cannot be
        told yet, for no mail was seen to wait before it.

        By the oldest, and not by how many wait: on a busy host as many may come as go.
        """
        looks = [(s, s.at - timedelta(seconds=s.age)) for s in self.of(name) if s.age is not None and _count(s)]
        if not looks:
            return None
        newest, arrived = looks[-1]
        same = list(takewhile(lambda look: look[1] >= arrived - timedelta(seconds=SAME_S), reversed(looks)))
        if any((after.at_most or 0.0) < _count(before) for (after, _), (before, _) in pairwise(same)):
            return True
        if newest.at - same[-1][0].at >= timedelta(seconds=STILL_S):
            return False
        return True if len(same) < len(looks) else None

    def lasts(self, name: str, seconds: float, *ways: str) -> bool:
        """Has every look failed (in one of the `ways`) for so long?"""
        looks = self.of(name)
        failing = list(
            takewhile(lambda s: s.outcome is Outcome.FAIL and (not ways or s.value in ways), reversed(looks))
        )
        return bool(failing) and failing[0].at - failing[-1].at >= timedelta(seconds=seconds)

    def lately(self, name: str, seconds: float, way: str) -> bool:
        """Has a look of the last `seconds` before its newest failed in this way?"""
        looks = self.of(name)
        since = looks[-1].at - timedelta(seconds=seconds) if looks else None
        return since is not None and any(s.value == way for s in looks if s.at >= since)

    def grows(self, name: str, seconds: float) -> bool:
        """Is it over its limit for so long, and never less?"""
        looks = list(takewhile(lambda s: s.outcome in {Outcome.WARN, Outcome.FAIL}, reversed(self.of(name))))
        fell = any(_count(after) < _count(before) for after, before in pairwise(looks))
        return bool(looks) and not fell and looks[0].at - looks[-1].at >= timedelta(seconds=seconds)

    @property
    def at_work(self) -> bool:
        """Has Postfix taken or removed mail lately, by its log? Few get through to a crowded one."""
        looks = [s for name in ("queue.removed_rate", "traffic.accepted") for s in self.of(name)]
        since = max((s.at for s in looks), default=None)
        return any(_count(s) > 0 for s in looks if since and since - s.at <= timedelta(seconds=WORKED_S))

    def stands_still(self, name: str) -> bool:
        return any(_count(s) > MANY for s in self.now(name)) and self.moves(name) is False

    @property
    def filter_fails(self) -> bool:
        return self.fails("spam.scan") or self.fails("spam.ping")

    @property
    def mail_ages_at_filter(self) -> bool:
        return self.fails("queue.frozen") and not self.moves("queue.frozen")


def _newest(looks: Sequence[Signal]) -> Iterable[Signal]:
    last = max((s.at for s in looks), default=None)
    return (s for s in looks if s.at == last)


def _count(s: Signal) -> float:
    return float(s.value) if isinstance(s.value, int | float) else 0.0


def host_state(host: str, samples: Samples, quorum: int) -> tuple[State, tuple[str, ...]]:
    """Failed when mail through it does not move; unknown when we cannot tell; degraded for any other fail or warn."""
    view = HostView(host, samples, quorum)
    everything = _everything(view)
    for state, found in (
        (State.FAILED, _blocked(view)),
        (State.UNKNOWN, _unknown(view, everything)),
        (State.DEGRADED, [s for s in everything if s.outcome in {Outcome.FAIL, Outcome.WARN}]),
    ):
        if found:
            return state, tuple(f"{s.name}: {s.reason}" for s in found)
    return (State.HEALTHY, ()) if everything else (State.UNKNOWN, ("not looked at",))


def _everything(view: HostView) -> Samples:
    return view.now(*view.names)


def _blocked(view: HostView) -> list[Signal]:
    """The signals that show that mail does not move. `queue.pending` itself fails when Postfix is stopped."""
    found = list(view.smtp_failing) if view.smtp_down else []
    if view.filter_fails and view.mail_ages_at_filter:
        found += _bad(view, "spam.scan", "spam.ping", "queue.frozen")
    found += [s for n in ("queue.frozen", "queue.pending") if view.stands_still(n) for s in view.now(n)]
    found += [s for n in ("handler.banner", "queue.pending") if view.fails(n) for s in view.now(n)]
    return list(dict.fromkeys(found))


def _unknown(view: HostView, everything: Samples) -> list[Signal]:
    """After a failed `ssh.reach` the host is unknown."""
    if view.fails("ssh.reach"):
        return list(view.now("ssh.reach"))
    return [s for s in _troubles(everything) if s.outcome is Outcome.UNKNOWN]


def _troubles(everything: Samples) -> Samples:
    """Signals that are not ok. Not a vantage that could not look at port 25 if another one could; nor a part of a long
    queue without frozen mail: some hosts always have one, and `queue.deferred` tells it."""
    smtp_known = any(s.outcome is not Outcome.UNKNOWN for s in everything if s.name.startswith("smtp."))
    unknown = [s for s in everything if s.outcome is Outcome.UNKNOWN]
    known_else = [s for s in unknown if s.partial or (smtp_known and s.name.startswith("smtp."))]
    return tuple(s for s in everything if s.outcome is not Outcome.OK and s not in known_else)


def _bad(view: HostView, *names: str) -> Samples:
    return tuple(s for s in view.now(*names) if s.outcome is not Outcome.OK)


def _hung(v: HostView) -> bool:
    """No answer: hung after one look; only slow if several looks show that frozen mail moves.

    If the handler is stuck, too, and no mail is frozen, the handler calls the filter: not hung.
    """
    silent = v.fails("spam.ping", "timeout") and v.fails("spam.scan", "timeout")
    if v.moves("queue.frozen") and any(s.value for s in v.now("queue.frozen")):
        return False
    return (v.filter_fails and v.mail_ages_at_filter) or (silent and not v.fails("handler.banner"))


def _slow(v: HostView) -> bool:
    late = v.warns("spam.scan") or v.fails("spam.scan", "timeout") or v.fails("spam.ping", "timeout")
    return late and not v.fails("handler.banner")


@dataclass(frozen=True, slots=True)
class Incident:
    """`told_as`: the incident under whose key it is told: one may turn into the other while the host stays failed."""

    incident: str
    words: str
    holds: Callable[[HostView], bool]
    shown_by: tuple[str, ...]
    told_as: str = ""


def _full(v: HostView) -> bool:
    return v.fails("disk.free") or v.fails("disk.inodes")


def _handler_down(v: HostView) -> bool:
    """Refused, or closed at once: so Docker's port proxy does for a container that has ended."""
    if v.fails("container.state") and v.fails("handler.banner"):
        return True
    return v.fails("handler.banner", "refused", "closed")


def _handler_waits(v: HostView) -> bool:
    """Both are silent, and no mail is frozen at the filter: so Postfix does not call the filter, the handler does. Not
    with a change of ours in force, which may have taken the filter out."""
    silent = v.fails("spam.ping", "timeout") and v.fails("spam.scan", "timeout")
    frozen, ours = (any(s.value for s in v.now(name)) for name in ("queue.frozen", "debt.force"))
    return silent and v.fails("handler.banner", "timeout") and not frozen and not ours


def _handler_stuck(v: HostView) -> bool:
    return v.lasts("handler.banner", SILENT_S, "timeout")


def _handler_silent(v: HostView) -> bool:
    return v.fails("handler.banner", "timeout")


def _dying(v: HostView) -> bool:
    return v.fails("postfix.daemons")


def _smtpd_full(v: HostView) -> bool:
    """No banner comes, and mail is taken and removed all the same: so the processes are taken, and none is frozen."""
    return v.smtp_down and not v.fails("ssh.reach") and v.warns("postfix.processes") and v.at_work


def _postfix_frozen(v: HostView) -> bool:
    """The kernel accepts connections for a stopped master until its backlog is full (measured: two to three minutes, by
    our own looks): so no banner comes, and later no connection."""
    if not v.smtp_down or v.fails("ssh.reach"):
        return False
    silent = any(s.value == "timeout" for name in ("smtp.banner", "smtp.peer") for s in v.of(name))
    return silent and all(s.value in {"timeout", "unreachable"} for s in v.smtp_failing)


def _port_down(v: HostView) -> bool:
    """We get in, so the host is there, and nobody is greeted."""
    return v.smtp_down and any(s.outcome is Outcome.OK for s in v.now("ssh.reach"))


def _refuses(v: HostView) -> bool:
    """It greets, and does not take a letter to postmaster (RFC 5321, 4.5.1): so it takes none."""
    return v.smtp_works and v.fails("smtp.dialogue", "wrong")


def _not_picked_up(v: HostView) -> bool:
    return v.grows("queue.maildrop", DROPPED_S)


def _unreachable(v: HostView) -> bool:
    return v.smtp_down and v.fails("ssh.reach")


def _blind(v: HostView) -> bool:
    return v.fails("ssh.reach") and v.smtp_works


_FILTER = ("spam.scan", "spam.ping", "queue.frozen", "queue.pending", "queue.oldest_age")
_HANDLER = ("handler.banner", "spam.scan", "spam.ping")
_PORT = ("smtp.banner", "smtp.dialogue", "smtp.peer")

RULES = (
    Incident("disk-full", "no room for the queue", _full, ("disk.free", "disk.inodes")),
    Incident("handler-down", "mail handler down", _handler_down, ("handler.banner", "container.state")),
    Incident("spam-filter-hung", "spam filter hung", _hung, _FILTER),
    Incident("spam-filter-slow", "spam filter slow", _slow, (*_FILTER, "cpu.top", "cpu.load")),
    Incident("handler-waits", "mail handler and spam filter stuck", _handler_waits, _HANDLER),
    Incident("handler-stuck", "mail handler stuck", _handler_stuck, _HANDLER),
    Incident("handler-silent", "mail handler silent", _handler_silent, _HANDLER, told_as="handler-stuck"),
    Incident("postfix-dying", "a daemon of Postfix keeps dying", _dying, ("postfix.daemons", "queue.pending")),
    Incident("smtpd-full", "all smtpd processes taken", _smtpd_full, (*_PORT, "postfix.processes")),
    Incident("postfix-frozen", "Postfix frozen", _postfix_frozen, _PORT),
    Incident("mx-unreachable", "unreachable", _unreachable, (*_PORT, "ssh.reach")),
    Incident("port-down", "nobody is greeted", _port_down, (*_PORT, "queue.pending"), told_as="postfix-frozen"),
    Incident("mail-refused", "no mail is taken", _refuses, ("smtp.dialogue",)),
    Incident("not-picked-up", "mail submitted here is not picked up", _not_picked_up, ("queue.maildrop",)),
    Incident("ssh-unreachable", "no SSH: mail flows, we are blind", _blind, ("ssh.reach",)),
)
"""The first match names the incident: the disk, the handler, the filter, then the ports."""

SHARED = {
    "handler-stuck": Incident(
        "handlers-stuck", "mail handlers stuck on several hosts", _handler_stuck, _HANDLER, told_as="handler-stuck"
    )
}
"""Of an incident that several hosts show at once, the cause is what they share: another incident, with another cure."""

INCIDENTS = (*(rule.incident for rule in RULES), *(rule.incident for rule in SHARED.values()))
TOLD_AS = {rule.incident: rule.told_as for rule in (*RULES, *SHARED.values()) if rule.told_as}

NO_INCIDENT = "no known incident"
OUR_NETWORK = "no host answers here: suspect the controller's own network first"
ANCHORS = "net.anchors"
"""A signal of the controller itself: do the anchors answer?"""
LATELY_S = 300.0
"""Only looks of the last minutes tell whether mail moves."""


def recent(samples: Samples, now: datetime, within: float = LATELY_S) -> Samples:
    """The samples of the last minutes, without those from the future (a clock was set back)."""
    since = now - timedelta(seconds=within)
    return tuple(s for s in samples if since <= s.at <= now)


def our_network(fleet: Fleet, samples: Samples, now: datetime) -> str | None:
    """Why no look from here can be believed now; None if it can."""
    lately = recent(samples, now, fleet.policy.fresh_s)
    anchors = latest(lately, CONTROLLER, ANCHORS)
    if any(a.outcome is Outcome.FAIL for a in anchors):
        return f"the controller's own network is at fault: {anchors[0].reason}"
    views = [HostView(name, tuple(s for s in lately if s.host == name), fleet.policy.quorum) for name in fleet.hosts]
    if views and all(_no_answer_here(v) for v in views):
        return OUR_NETWORK if not anchors else f"no host answers here, though {anchors[0].reason}"
    return None


def smtp_failing(host: str, samples: Samples) -> tuple[str, ...]:
    """The vantages that see the host not greet, by their newest look."""
    return tuple(s.vantage for s in HostView(host, samples, 0).smtp_failing)


def shown_since(host: str, fleet: Fleet, samples: Samples, since: datetime) -> frozenset[str | None]:
    """The incidents that the looks after `since` showed, each as it was judged then; None: a look showed none."""
    mine = tuple(s for s in samples if s.host == host)
    looks = {s.at for s in mine if s.at > since}
    views = (HostView(host, recent(mine, at), fleet.policy.quorum) for at in looks)
    return frozenset(next((r.incident for r in RULES if r.holds(v)), None) for v in views)


def diagnose(host: Host, fleet: Fleet, samples: Samples) -> Diagnosis:
    return diagnose_all(fleet, samples)[host.name]


def diagnose_all(fleet: Fleet, samples: Samples) -> dict[str, Diagnosis]:
    """Every host of the fleet, in its order."""
    mine: dict[str, list[Signal]] = {name: [] for name in fleet.hosts}
    for s in samples:
        mine.setdefault(s.host, []).append(s)
    views = {name: HostView(name, tuple(mine[name]), fleet.policy.quorum) for name in fleet.hosts}
    states = {name: host_state(name, v.samples, v.quorum) for name, v in views.items()}
    if views and all(_no_answer_here(v) for v in views.values()):
        return {n: Diagnosis(n, State.UNKNOWN, None, OUR_NETWORK, _bad(v, *_NO_ANSWER)) for n, v in views.items()}
    healthy = [name for name, (state, _) in states.items() if state is State.HEALTHY]
    return _shared({name: _diagnose(v, *states[name], healthy) for name, v in views.items()}, views)


def _shared(found: dict[str, Diagnosis], views: dict[str, HostView]) -> dict[str, Diagnosis]:
    silent = [name for name, v in views.items() if v.lately("handler.banner", SHARED_S, "timeout")]
    if len(silent) < 2:
        return found
    return {
        name: replace(d, incident=rule.incident, summary=f"{rule.words}: {', '.join(silent)}")
        if (rule := SHARED.get(d.incident or ""))
        else d
        for name, d in found.items()
    }


def _diagnose(view: HostView, state: State, because: tuple[str, ...], healthy: list[str]) -> Diagnosis:
    if state is State.HEALTHY or not view.samples:
        return Diagnosis(view.host, state, None, because[0] if because else "healthy")
    rule = next((r for r in RULES if r.holds(view)), None)
    troubles = _troubles(_everything(view))
    speaking = _bad(view, *rule.shown_by) if rule else troubles
    incident, words = (rule.incident, rule.words) if rule else (None, NO_INCIDENT)
    latent = tuple(s for s in troubles if s not in speaking)
    return Diagnosis(view.host, state, incident, words, speaking, _against(view, speaking, healthy), latent)


_NO_ANSWER = ("ssh.reach", "smtp.banner")


def _no_answer_here(view: HostView) -> bool:
    """Neither SSH nor a greeting. If that is so for every host, it is more likely our own network."""
    answers = any(s.vantage == CONTROLLER and s.outcome is Outcome.OK for s in view.now("smtp.banner", "smtp.dialogue"))
    return view.fails("ssh.reach") and not answers


def _against(view: HostView, speaking: Samples, healthy: list[str]) -> tuple[str, ...]:
    """Things that work, and so speak against other causes; many healthy hosts are counted, not listed."""
    shown = {s.name for s in speaking}
    newest = [worst(view.now(name)) for name in _SAYING if name not in shown]
    said = [_SAYING[s.name](s) for s in newest if s is not None and s.outcome is Outcome.OK]
    others = [name for name in healthy if name != view.host]
    return (*said, *([f"{len(others)} other hosts healthy"] if len(others) > 3 else (f"{n} healthy" for n in others)))


_SAYING: dict[str, Callable[[Signal], str]] = {
    "handler.banner": lambda s: f"handler {s.reason}",
    "spam.scan": lambda s: f"spam filter {s.reason}",
    "smtp.banner": lambda _: "port 25 answers",
    "disk.free": lambda s: f"disk {number(round(s.value))} % free" if isinstance(s.value, float) else "disk has room",
}
