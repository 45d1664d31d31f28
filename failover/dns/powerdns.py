"""PowerDNS Authoritative by its HTTP API, over TLS or on this machine itself.

Its PATCH replaces a set in one transaction, so a domain is never without MX;
but it has no precondition (PowerDNS/pdns#6247). So we read, compare, and write
at once. What is not guarded: an edit of the same set between that reading and
our write is overwritten, and so is one made while a request of ours whose
answer was lost is still on its way. `kind: rfc2136` compares at the server:
where PowerDNS takes dynamic updates (dnsupdate=yes), it is the better choice.

Measured with 4.7.3: a refused request (422) leaves set and serial alone, while
an empty one counts the serial up; 500 also comes of a busy database; a copy of
a zone (kind Slave) takes a PATCH that its next transfer undoes; records that
are disabled are left out when one set is asked for, and lost when it is
replaced without them. So those are read with the whole zone, and kept.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, Field

from failover.core.clean import clean
from failover.core.fleet import Domain, Endpoint
from failover.core.mx import MxSet, bare
from failover.core.observe.signal import Outcome
from failover.core.runs.answer import Answer, meaning, table
from failover.dns.entry import Drafted, Entry, Found
from failover.dns.sets import changed, from_texts, not_empty, reads, texts
from failover.errors import FailoverError, OutcomeUnknown, Refused, Unreachable
from failover.fence import reading
from failover.fields import Secret, Strict, Wrong, reference, shaped
from failover.ports import CheckLease, Clock, DnsZone, Right, by_hand

_T = TypeVar("_T")
DEADLINE_S = 8.0
"""For one request, its answer included."""
MOST = 64 << 20
"""Bytes of a zone as JSON: some 400,000 records."""
COPIES = {"slave", "secondary", "consumer"}
ANSWERS = table({Answer.DONE: (204,), Answer.NOTHING: (400, 401, 403, 404, 405, 406, 411, 413, 414, 415, 422)})
"""By status: these come before the transaction, or end it. 5xx may come after it, a redirect from anybody."""
_LOOPBACK = r"http://(127\.0\.0\.1|localhost|\[::1\])"
_URL = rf"(https://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)|{_LOOPBACK})(:(?P<port>[0-9]{{1,5}}))?(/[A-Za-z0-9._~/-]*)?"


def _url(url: str) -> str:
    if (found := re.fullmatch(_URL, url)) and int(found["port"] or 1) in range(1, 65_536):
        return url
    raise Wrong(
        "this is no URL of PowerDNS (not shown, it may hold a secret); write "
        '"https://ns1.example.net:8443", or http to this machine itself: "http://127.0.0.1:8081"'
    )


class Config(Strict):
    kind: Literal["powerdns"]
    url: Annotated[str, AfterValidator(_url)] = Field(examples=['"https://ns1.example.net:8443"'])
    key: Secret = Field(examples=['"file:/etc/failover/powerdns"'])
    server_id: Annotated[str, shaped(r"[A-Za-z0-9_.-]{1,64}", "server id; PowerDNS itself has localhost")] = "localhost"


@dataclass(frozen=True, slots=True)
class PowerDns:
    """`key` is a reference (`file:`, `env:`), never the secret itself."""

    kind: ClassVar[str] = "powerdns"
    takes_s: ClassVar[tuple[float, float]] = (3.0, 90.0)
    """The server itself at once; secondaries by NOTIFY, else within their xfr-cycle-interval (60 s)."""
    notes: ClassVar[tuple[str, ...]] = (
        "this API compares nothing: an edit of the MX between our reading and our write would be overwritten",
    )
    url: str
    key: str
    server_id: str = "localhost"

    @property
    def place(self) -> Mapping[str, str]:
        return {"PowerDNS": f"{self.server_id} at {self.url}"}

    @property
    def anchor(self) -> Endpoint:
        at = urlsplit(self.url)
        return Endpoint(at.hostname or "", at.port or (443 if at.scheme == "https" else 80))

    def zone(self, domain: Domain, clock: Clock) -> DnsZone:
        return PowerDnsZone(self, domain.servers)

    def right(self, domain: Domain, clock: Clock) -> Right:
        PowerDnsZone(self, domain.servers).judged(domain.name)
        said = f"the key at {self.url} may change every zone there, and {self.notes[0]}"
        instead = "let nothing else edit the MX; or, compared by the server: dnsupdate=yes there, kind: rfc2136 here"
        return Right(Outcome.WARN, said, instead)


@dataclass(frozen=True, slots=True)
class PowerDnsZone:
    """The zone of one domain. Only where the key is kept is held here, never the key."""

    at: PowerDns
    servers: tuple[str, ...] = ()
    deadline_s: float = DEADLINE_S

    def mx(self, name: str) -> MxSet:
        zone = self._zone(name)
        found = self._get(f"{zone['id']}?rrset_name={name}.&rrset_type=MX", f"read the MX of {name}")
        return _mx(name, _set(found, name, "MX"))

    def swap(self, name: str, *, expected: MxSet, wanted: MxSet, check_lease: CheckLease = by_hand) -> None:
        not_empty(name, wanted)
        zone = self._own(name)
        there = _set(self._get(zone["id"], f"read the zone of {name}"), name, "MX")
        found = _mx(name, there)
        if found == wanted:  # also by an earlier request of ours, whose answer was lost
            return
        if found != expected:
            raise changed(name, expected, found)
        kept = [r for r in there.get("records", []) if r.get("disabled")]
        check_lease()
        self._write(name, zone["id"], _rrset(name, wanted, kept), wanted)

    def seen(self, name: str) -> Mapping[str, MxSet | str]:
        """The zone's own name servers are asked as well: the delegation may name others."""
        from failover.adapters import resolver

        zone, names = name, list(self.servers)
        with suppress(FailoverError):
            found = self._zone(name)
            zone = found["name"]
            apex = self._get(f"{found['id']}?rrset_name={zone}.&rrset_type=NS", f"read the name servers of {name}")
            with reading("PowerDNS"):
                names += [bare(str(r["content"])) for r in _set(apex, zone, "NS").get("records", [])]
        return resolver.seen(name, resolver.authoritative(zone, at=(), extra=names))

    def trouble(self, exchange: str) -> str | None:
        from failover.adapters import resolver

        return resolver.trouble(exchange, at=())

    def judged(self, name: str) -> None:
        """Ask for something impossible: a set outside of the zone. Raises FailoverError if we may change nothing."""
        nowhere = f"failover-doctor-{secrets.token_hex(8)}.invalid"
        rrset = _rrset(nowhere, from_texts(300, ["10 mx.invalid."]), [])
        status, said = self._call(self._own(name)["id"], f"judge a change of the MX of {name}", rrset)
        if status != 422:
            raise self._refused(status, said, f"refuse a change that is outside of the zone of {name}")

    # Writing --------------------------------------------------------------------

    def _write(self, name: str, zone: str, rrset: Mapping[str, Any], wanted: MxSet) -> None:
        try:
            status, said = self._call(zone, f"change the MX of {name}", rrset)
        except OutcomeUnknown:
            if reads(self, name, wanted):
                return
            raise
        answer = meaning(ANSWERS, status)
        if answer is Answer.DONE or reads(self, name, wanted):
            return
        raise self._refused(status, said, f"change the MX of {name}", sure=answer is Answer.NOTHING)

    # Reading --------------------------------------------------------------------

    def _own(self, name: str) -> Mapping[str, str]:
        """Raises Refused if the server has only a copy."""
        zone = self._zone(name)
        if zone["kind"].lower() in COPIES:
            said = f"{self.at.url} has only a copy of the zone {zone['name']} ({zone['kind']})"
            raise Refused(said, try_="set `url` in hosts.yaml to its primary")
        return zone

    def _zone(self, name: str) -> Mapping[str, str]:
        """The zone that a name lies in: the longest match."""
        labels = name.split(".")
        for at in range(len(labels) - 1):
            listed = self._get(f"?zone={'.'.join(labels[at:])}.", f"find the zone of {name}")
            with reading("PowerDNS"):
                for zone in listed:
                    id_, own, kind = (_is(str, zone[key]) for key in ("id", "name", "kind"))
                    return {"id": quote(id_, safe="=."), "name": bare(quote(own)), "kind": kind}
        raise Refused(f"{self.at.url} has no zone for {name}", try_="set `url` in hosts.yaml to its primary")

    def _get(self, what: str, to: str) -> Any:
        """Raises Refused, Unreachable; never read as "no MX"."""
        try:
            status, said = self._call(what, to)
        except OutcomeUnknown as e:
            raise Unreachable(str(e), try_=e.try_) from e
        if status != 200:
            raise self._refused(status, said, to)
        with reading("PowerDNS"):
            return json.loads(said)

    def _call(self, what: str, to: str, rrset: Mapping[str, Any] | None = None) -> tuple[int, bytes]:
        """Raises Unreachable (nothing was sent), OutcomeUnknown, ConfigError (the key)."""
        from failover.adapters import https, request

        path = f"/api/v1/servers/{self.at.server_id}/zones" + ("" if what.startswith("?") else "/") + what
        asked = request.Request(
            request.url_of(self.at.url.rstrip("/") + path, "PowerDNS"),
            None if rrset is None else {"rrsets": [rrset]},
            {"X-API-Key": request.secret(self.at.key), "Accept": "application/json"},
            method="GET" if rrset is None else "PATCH",
        )
        try:
            return https.ask(asked, self.deadline_s, most=MOST)
        except (Unreachable, OutcomeUnknown) as e:
            raise type(e)(f"could not {to}: {e}", try_=e.try_) from e

    def _refused(self, status: int, said: bytes, to: str, *, sure: bool = True) -> FailoverError:
        what = f"{self.at.url} would not {to}: {status}{_words(said)}"
        if not sure:
            return OutcomeUnknown(what, try_="look at the MX there")
        return Refused(what, try_=self._what_to_try(status))

    def _what_to_try(self, status: int) -> str:
        if status in {401, 403}:
            return f"is the secret in {self.at.key} the api-key of pdns.conf?"
        if status == 404:
            return "in pdns.conf: api=yes; in hosts.yaml: url and server_id"
        return "see its log; `pdnsutil check-zone`"


def _mx(name: str, rrset: Mapping[str, Any]) -> MxSet:
    """Raises Refused for a set of another form."""
    try:
        with reading("PowerDNS"):
            values = [_is(str, r["content"]) for r in rrset.get("records", []) if not _is(bool, r["disabled"])]
            ttl = _is(int, rrset["ttl"]) if values else 0
        return from_texts(ttl, values)
    except ValueError as e:
        raise Refused(f"the MX of {name} in PowerDNS is odd: {e}", try_="correct it there first") from e


def _is(kind: type[_T], value: object) -> _T:
    """Raises TypeError."""
    if type(value) is not kind:
        raise TypeError
    return value


def _set(zone: Any, name: str, kind: str) -> Mapping[str, Any]:
    """Empty if there is none."""
    with reading("PowerDNS"):
        for rrset in zone["rrsets"]:
            if rrset["type"] == kind and bare(str(rrset["name"]).lower()) == name:
                found: Mapping[str, Any] = rrset
                return found
    return {}


def _rrset(name: str, mx: MxSet, kept: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Without comments: PowerDNS then keeps them."""
    records = [{"content": text, "disabled": False} for text in texts(mx)]
    return {"name": f"{name}.", "type": "MX", "ttl": mx.ttl, "changetype": "REPLACE", "records": [*records, *kept]}


def _words(said: bytes) -> str:
    """The error of PowerDNS, if it is JSON; a proxy may say anything."""
    with suppress(ValueError, LookupError, TypeError):
        return f" {clean(str(json.loads(said)['error']), 300)}"
    return ""


def _provider(c: Config, folder: Path) -> PowerDns:
    return PowerDns(re.sub("/+$", "", c.url), reference(c.key, folder), c.server_id)


def _draft(zone: Found, given: Mapping[str, str]) -> Drafted:
    """Only if asked for (`--dns kind=powerdns`): DNS does not show an API."""
    served = f"zone {zone.name}, served by {', '.join(zone.servers)}; its API was named"
    known = {"url", "key"} <= given.keys()
    why, tries = "its url, and where its api-key is kept: --dns url=… --dns key=file:…", ""
    if known:
        why, tries = "as given", "asked for a change that cannot be done"
    return Drafted({**ENTRY.example, **ENTRY.chosen(given)}, served, why, usable=known, tries=tries)


ENTRY = Entry(
    Config,
    _provider,
    {"kind": "powerdns", "url": "https://ns1.example.net:8443", "key": "file:/etc/failover/powerdns"},
    _draft,
)
