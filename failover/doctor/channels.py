"""The channels by which people are told: enough of them, none through the patient, and their secrets at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from failover.core.fleet import Channel, Fleet, Mode
from failover.doctor.findings import Finding, fail, failed, ok, warn
from failover.errors import FailoverError

NAME = "notify"
ENOUGH = 2
REFERENCES = ("file:", "env:", "cred:")
Resolve = Callable[[str], str]
Addresses = Callable[[str], tuple[str, ...]]


def findings(fleet: Fleet, resolve: Resolve, addresses: Addresses) -> Iterator[Finding]:
    """`resolve` reads a reference, `addresses` finds those of a name; both raise FailoverError."""
    yield _enough(fleet)
    for channel in fleet.notify:
        if channel.kind == "webhook":
            yield _webhook(fleet, channel, resolve, addresses)


def _enough(fleet: Fleet) -> Finding:
    n, modes = len(fleet.notify), {fleet.policy.mode, *fleet.policy.playbooks.values()}
    if n >= ENOUGH:
        return ok(NAME, "fleet", f"{n} channels")
    acts = modes - {Mode.OBSERVE}
    said = f"{n or 'no'} channel{'' if n == 1 else 's'}: nobody hears of it when the only way to tell fails"
    try_ = 'notify: [{kind: stderr}, {kind: webhook, url: "env:FAILOVER_WEBHOOK"}]'
    if acts:
        return fail(NAME, "fleet", f"{said}, and policy lets it {' and '.join(sorted(acts))}", try_=try_)
    return warn(NAME, "fleet", said, try_=try_)


def _webhook(fleet: Fleet, channel: Channel, resolve: Resolve, addresses: Addresses) -> Finding:
    """Its URL is a secret: only where it is kept, and its host, are ever said."""
    given = channel.url or ""
    where = given if given.startswith(REFERENCES) else "a webhook"
    try:
        host = _host(resolve(given) if given.startswith(REFERENCES) else given)
    except FailoverError as e:
        return failed(NAME, where, e)
    if not host:
        return fail(NAME, where, "what is kept there is no https URL (not shown)", try_="keep the webhook's URL there")
    if sick := _patient(fleet, host, addresses):
        said = f"it goes to {host}, which is {sick} itself: it is silent when that host is"
        return fail(NAME, where, said, try_="a channel outside of the mail hosts: PagerDuty, ntfy, another provider")
    try:
        addresses(host)
    except FailoverError:
        return warn(NAME, where, f"{host} has no address from here", try_="see DNS and the route from here")
    return ok(NAME, where, f"goes to {host}, which is none of the mail hosts")


def _host(url: str) -> str:
    try:
        return (urlsplit(url.strip()).hostname or "").lower().rstrip(".")
    except ValueError:
        return ""


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
