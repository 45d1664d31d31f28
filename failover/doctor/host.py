"""One mail host over SSH: log-in, helper, lever for its filter, clock, settings that will hang."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from failover.adapters import helper, install
from failover.core.fleet import Host
from failover.core.words import duration
from failover.doctor import latent, lever
from failover.doctor.findings import Finding, fail, failed, ok, warn
from failover.errors import FailoverError
from failover.ports import Clock, Rc, Remote, Reply
from failover.signals import debts
from failover.signals.debts import Debt

CALL_S = 6.0
"""Seconds for one answer; a host that hangs uses them up with the first."""
SKEW_S = 5.0
"""A larger difference makes times in logs and reports misleading. TSIG would allow 300 s (RFC 8945, 10)."""
NONE: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class HostLook:
    """`standing` is filled with our debts there, by the host's own word."""

    host: Host
    remote: Remote
    clock: Clock
    ours: helper.Text
    standing: dict[str, tuple[Debt, ...]] = field(default_factory=dict)
    permits: frozenset[str] = frozenset()
    """Entries that hosts.yaml needs in the host's list of permits."""

    def findings(self) -> Iterator[Finding]:
        """Ends at the first call without an answer."""
        began = self.clock.monotonic()
        try:
            hello = self.remote.call(self.host, "hello", NONE, limit_s=CALL_S)
        except FailoverError as e:
            yield failed("ssh", self.host.name, e)
            return
        took = self.clock.monotonic() - began
        yield ok("ssh", self.host.name, f"{self.host.ssh.user} is let in, host key as known, {duration(took)}")
        yield from self._who(hello)
        yield clocks(self.host.name, hello, self.clock.now(), took)
        yield from epochs(self.host.name, hello, self.clock.now())
        yield from self._wiring()
        yield from self._standing()

    def _who(self, hello: Reply) -> Iterator[Finding]:
        """Root is sent the script; any other user needs it installed, with the same text."""
        name, user = self.host.name, self.host.ssh.user
        if user == "root":
            yield ok("helper", name, f"root, so the script is sent: failover-host {self.ours}")
            return
        differs = helper.difference(name, hello, self.ours)
        if differs is None:
            yield ok("helper", name, f"failover-host {self.ours}, ours; {user} may call it by sudo")
            yield from self._listed()
        else:
            yield fail("helper", name, differs.said, try_=f"failover host install {name} --as root")

    def _listed(self) -> Iterator[Finding]:
        """Does the host's list permit all that hosts.yaml needs?"""
        name, again = self.host.name, f"failover host install {self.host.name} --as root"
        wanted = install.Wanted(self.host.ssh.user, self.ours, permits=self.permits)
        try:
            found = install.look(_Hurried(self.remote), self.host, wanted)
        except FailoverError as e:
            yield failed("permits", name, e)
            return
        if found.permits is None:
            said = f"it has no list of what {wanted.user} may name, so they may have it connect anywhere"
            yield warn("permits", name, said, try_=again)
        elif missing := install.lacks(found, wanted):
            said = f"hosts.yaml needs what its list does not allow: {', '.join(missing)}"
            yield warn("permits", name, said, try_=again)

    def _wiring(self) -> Iterator[Finding]:
        wiring = self._asked("filter-read", NONE)
        if isinstance(wiring, Finding):
            yield wiring
            return
        yield lever.lever(self.host, wiring)
        wanted = latent.settings(wiring)
        settings = self._asked("settings", {f"s{n}": key for n, key in enumerate(wanted, 1)})
        if isinstance(settings, Finding):
            yield settings
        else:
            yield from latent.latent(self.host, wiring, settings)

    def _standing(self) -> Iterator[Finding]:
        owed = debts.ask(_Hurried(self.remote), self.host)
        if owed.debts is None:
            said = f"it does not say what it holds of ours: {owed.why}"
            yield warn("in force", self.host.name, said, try_=f"failover host status {self.host.name}")
        else:
            self.standing[self.host.name] = owed.debts

    def _asked(self, verb: str, args: Mapping[str, str]) -> Reply | Finding:
        keys = {"config_dir": self.host.postfix.config_dir, **args}
        try:
            reply = self.remote.call(self.host, verb, keys, limit_s=CALL_S)
        except FailoverError as e:
            return failed("postfix", self.host.name, e)
        if reply.rc != Rc.OK:
            return fail("postfix", self.host.name, reply.because, try_=_no_reading(self.host, reply.rc))
        if verb == "filter-read" and not reply.one("digest"):
            return fail("postfix", self.host.name, "it says nothing of main.cf and master.cf", try_=_look_there)
        return reply


_look_there = "see that `postconf -n` answers there, and that postfix.config_dir of hosts.yaml is its folder"


def _no_reading(host: Host, rc: int) -> str:
    if rc == Rc.NOT_PERMITTED:
        return f"failover host status {host.name}"
    return _look_there


@dataclass(frozen=True, slots=True)
class _Hurried:
    """The same remote, with less patience than an installation has."""

    remote: Remote

    def call(self, host: Host, verb: str, args: Mapping[str, str], *, limit_s: float) -> Reply:
        return self.remote.call(host, verb, args, limit_s=min(limit_s, CALL_S))


def clocks(name: str, hello: Reply, ours: datetime, took_s: float) -> Finding:
    """The host answers in whole seconds, at some moment of the call: that much is no difference."""
    theirs = _seconds(hello, "now")
    if theirs is None:
        return warn("clock", name, "it does not say its time", try_=f"on {name}: date -u")
    apart = abs(theirs + 0.5 - (ours.timestamp() - took_s / 2))
    if apart - 0.5 - took_s / 2 <= SKEW_S:
        return ok("clock", name, f"within {duration(SKEW_S)} of ours")
    said = f"{duration(apart)} {'ahead of' if theirs > ours.timestamp() else 'behind'} ours"
    return warn("clock", name, said, try_=f"on {name} and here: timedatectl set-ntp true")


def epochs(name: str, hello: Reply, ours: datetime) -> Iterator[Finding]:
    """An epoch is at least the time its run began, so a host with one in the future refuses all runs until then."""
    if why := (hello.one("unbelieved") or ("",))[0]:
        yield fail("memory", name, why, try_=f"as it says, on {name}, as root; then: failover host status {name}")
    seen = _seconds(hello, "epoch")
    if seen is not None and seen > ours.timestamp() + SKEW_S:
        at = datetime.fromtimestamp(min(seen, 32503680000), UTC).isoformat(timespec="seconds")
        yield fail(
            "epoch",
            name,
            f"its lock epoch {seen} ({at}) is in the future (a wrong clock?): it may refuse our changes",
            try_=f"check the clocks; then: failover host status {name} --reset-epoch {seen} --reason TEXT",
        )


def _seconds(reply: Reply, key: str) -> int | None:
    text = (reply.one(key) or ("",))[0]
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else None
