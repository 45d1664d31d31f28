"""The channels: are there enough, does none lead through a mail host, and can their secrets be read?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from urllib.parse import urlsplit

from failover.adapters.request import REFERENCES
from failover.channels import CHANNELS
from failover.channels.kind import Leads, example
from failover.core.fleet import Channel, Fleet, Mode
from failover.doctor.findings import Finding, fail, failed, ok, warn
from failover.errors import FailoverError

NAME = "notify"
ENOUGH = 2
LOOPBACK = {"127.0.0.1", "::1", "localhost"}
Resolve = Callable[[str], str]
Addresses = Callable[[str], tuple[str, ...]]


def findings(fleet: Fleet, resolve: Resolve, addresses: Addresses) -> Iterator[Finding]:
    """`resolve` reads a reference, `addresses` finds those of a name; both raise FailoverError."""
    yield _enough(fleet)
    ways = [(channel, CHANNELS[channel.kind].leads) for channel in fleet.notify]
    if beat := fleet.policy.heartbeat:
        ways.append((Channel("heartbeat", beat), Leads.HTTPS))
    for channel, leads in ways:
        if leads is not Leads.NOWHERE:
            yield _leads(fleet, channel, leads, resolve, addresses)


def _enough(fleet: Fleet) -> Finding:
    n, modes = len(fleet.notify), {fleet.policy.mode, *fleet.policy.playbooks.values()}
    if n >= ENOUGH:
        return ok(NAME, "fleet", f"{n} channels")
    acts = modes - {Mode.OBSERVE}
    said = f"{n or 'no'} channel{'' if n == 1 else 's'}: nobody hears of it when the only way to tell fails"
    try_ = f"notify: [{', '.join(example(kind.form) for kind in islice(CHANNELS.values(), ENOUGH))}]"
    if acts:
        return fail(NAME, "fleet", f"{said}, and policy has mode {' and '.join(sorted(acts))}", try_=try_)
    return warn(NAME, "fleet", said, try_=try_)


def _leads(fleet: Fleet, channel: Channel, leads: Leads, resolve: Resolve, addresses: Addresses) -> Finding:
    """A URL is a secret: only its reference is shown, and the host of an https one."""
    kept = [given for given in (channel.url, channel.secret) if given and given.startswith(REFERENCES)]
    where = " ".join([channel.kind, *kept])
    try:
        secrets = {given: resolve(given) for given in kept}
    except FailoverError as e:
        return failed(NAME, where, e)
    if channel.url is None:
        return ok(NAME, where, "its service's own address")
    scheme, host = _parts(secrets.get(channel.url, channel.url))
    if not host or (leads is Leads.HTTPS and scheme != "https" and host not in LOOPBACK):
        return fail(NAME, where, "what is kept there is no https URL (not shown)", try_="keep the service's URL there")
    if sick := _own_mail(fleet, scheme, host) or _patient(fleet, host, addresses):
        said = f"it goes through {sick} itself: it is silent when that one is"
        return fail(NAME, where, said, try_="a channel outside of the mail hosts: PagerDuty, ntfy, another provider")
    if leads is Leads.HIDDEN:
        return ok(NAME, where, "goes through none of the mail hosts, as far as its URL tells")
    if not _known(addresses, host):
        return warn(NAME, where, f"{host} has no address from here", try_="see DNS and the route from here")
    return ok(NAME, where, f"goes to {host}, which is none of the mail hosts")


def _parts(url: str) -> tuple[str, str]:
    """Scheme and host; empty when it is no URL."""
    try:
        parts = urlsplit(url.strip())
        return parts.scheme.lower(), (parts.hostname or "").lower().rstrip(".")
    except ValueError:
        return "", ""


def _own_mail(fleet: Fleet, scheme: str, host: str) -> str | None:
    """For Apprise's mailto the host is a domain; its mail server takes the message."""
    return next((f"the mail of {d}" for d in fleet.domains if scheme.startswith("mailto") and host == d), None)


def _patient(fleet: Fleet, host: str, addresses: Addresses) -> str | None:
    """The mail host that a name or an address belongs to."""
    mine = {host, *_known(addresses, host)}
    for h in fleet.hosts.values():
        names = {name for name in (h.address, h.mx) if name}
        if mine & {*names, *(a for name in names for a in _known(addresses, name))}:
            return h.name
    return None


def _known(addresses: Addresses, name: str) -> tuple[str, ...]:
    try:
        return addresses(name)
    except FailoverError:
        return ()
