"""Route 53 as far as one zone's record sets go: batches are atomic, and a DELETE must match what is there now."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from tests.standins.answers import AwsError, Rows, Xml, document

NAMESPACE = "https://route53.amazonaws.com/doc/2013-04-01/"
NAME_SERVERS = ("ns-1.awsdns-01.example.", "ns-2.awsdns-02.example.")
_HOST = r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.?"


@dataclass(frozen=True, slots=True)
class RecordSet:
    name: str
    type: str
    ttl: int
    values: tuple[str, ...]
    identifier: str | None = None
    weight: int | None = None

    @property
    def key(self) -> tuple[str, str, str | None]:
        return (self.name, self.type, self.identifier)

    def same(self, other: RecordSet) -> bool:
        """Everything counts but the order of the values."""
        return (self.key, self.ttl, self.weight, sorted(self.values)) == (
            other.key,
            other.ttl,
            other.weight,
            sorted(other.values),
        )


Sets = dict[tuple[str, str, str | None], RecordSet]


@dataclass
class Zone:
    """`history`: every state it has been in, oldest first; what a resolver may have seen."""

    id: str
    name: str
    sets: Sets = field(default_factory=dict)
    history: list[Sets] = field(default_factory=list)


@dataclass
class Route53:
    """`pending_polls`: how many looks a change stays PENDING for."""

    pending_polls: int = 2
    zones: dict[str, Zone] = field(default_factory=dict)
    _changes: dict[str, int] = field(default_factory=dict)

    # For tests -----------------------------------------------------------------

    def add(self, id_: str, name: str, *, mx: Iterable[str] = (), ttl: int = 300) -> Zone:
        zone = self.zones[id_] = Zone(id_, _fqdn(name))
        sets = [RecordSet(zone.name, "NS", 172800, NAME_SERVERS)]
        if values := tuple(mx):
            sets.append(RecordSet(zone.name, "MX", ttl, values))
        _keep(zone, {s.key: s for s in sets})
        return zone

    def mx(self, id_: str, name: str | None = None) -> RecordSet | None:
        zone = self.zones[id_]
        return zone.sets.get((_fqdn(name or zone.name), "MX", None))

    def meddle(self, id_: str, mx: Iterable[str], *, ttl: int = 300) -> None:
        """Somebody else's edit of the zone's own MX, at once."""
        zone = self.zones[id_]
        one = RecordSet(zone.name, "MX", ttl, tuple(mx))
        _keep(zone, {**zone.sets, one.key: one})

    # The API -------------------------------------------------------------------

    def answer(self, action: str, target: str, query: Mapping[str, str], body: bytes) -> bytes:
        if action == "GetChange":
            return document("GetChangeResponse", (("ChangeInfo", self._poll(target)),), NAMESPACE)
        zone = self.zones.get(target)
        if zone is None:
            raise AwsError("NoSuchHostedZone", f"No hosted zone found with ID: {target}", 404)
        if action == "GetHostedZone":
            return document("GetHostedZoneResponse", _described(zone), NAMESPACE)
        if action == "ListResourceRecordSets":
            return document("ListResourceRecordSetsResponse", _listed(zone, query), NAMESPACE)
        _keep(zone, _changed(zone, _changes(body)))
        number = f"C{len(self._changes) + 1:013d}"
        self._changes[number] = self.pending_polls
        return document("ChangeResourceRecordSetsResponse", (("ChangeInfo", self._info(number)),), NAMESPACE)

    def _poll(self, id_: str) -> Xml:
        if id_ not in self._changes:
            raise AwsError("NoSuchChange", f"Could not find resource with ID: {id_}", 404)
        info = self._info(id_)
        self._changes[id_] = max(0, self._changes[id_] - 1)
        return info

    def _info(self, id_: str) -> Xml:
        status = "PENDING" if self._changes[id_] else "INSYNC"
        return (("Id", f"/change/{id_}"), ("Status", status), ("SubmittedAt", "2026-11-24T10:00:00.000Z"))


def route(method: str, path: str) -> tuple[str, str]:
    """The operation and the id it is asked for; an unknown one has no name."""
    parts = [unquote(p) for p in path.strip("/").split("/")][1:]
    match (method, *parts):
        case ("GET", "change", id_):
            return "GetChange", id_
        case ("GET", "hostedzone", id_):
            return "GetHostedZone", id_
        case ("GET", "hostedzone", id_, "rrset"):
            return "ListResourceRecordSets", id_
        case ("POST", "hostedzone", id_, "rrset"):
            return "ChangeResourceRecordSets", id_
        case _:
            return "", ""


# A batch -----------------------------------------------------------------------


def _changed(zone: Zone, changes: list[tuple[str, RecordSet]]) -> Sets:
    """The zone as the whole batch leaves it, each change seeing the ones before; or a refusal of all of it."""
    now, wrong = dict(zone.sets), []
    for action, wanted in changes:
        said = _faults(zone, wanted) or _clash(action, wanted, now)
        if said:
            wrong.append(said)
        elif action == "DELETE":
            del now[wanted.key]
        else:
            now[wanted.key] = wanted
    if wrong:
        raise AwsError("InvalidChangeBatch", f"[{', '.join(wrong)}]")
    return now


def _clash(action: str, wanted: RecordSet, now: Sets) -> str | None:
    there = now.get(wanted.key)
    which = f"resource record set [name='{wanted.name}', type='{wanted.type}'"
    which += f", set identifier='{wanted.identifier}']" if wanted.identifier else "]"
    if action == "DELETE":
        if there is None:
            return f"Tried to delete {which} but it was not found"
        return (
            None
            if there.same(wanted)
            else f"Tried to delete {which} but the values provided do not match the current values"
        )
    if action == "CREATE" and there is not None:
        return f"Tried to create {which} but it already exists"
    others = [s for s in now.values() if (s.name, s.type) == (wanted.name, wanted.type) and s.key != wanted.key]
    if any((s.identifier is None) != (wanted.identifier is None) for s in others):
        return f"RRSet with DNS name {wanted.name}, type {wanted.type} mixes simple and weighted sets"
    return None


def _faults(zone: Zone, wanted: RecordSet) -> str | None:
    if wanted.name != zone.name and not wanted.name.endswith(f".{zone.name}"):
        return f"RRSet with DNS name {wanted.name} is not permitted in zone {zone.name}"
    if len(set(wanted.values)) != len(wanted.values):
        return f"Duplicate Resource Record: '{next(v for v in wanted.values if wanted.values.count(v) > 1)}'"
    for value in wanted.values if wanted.type == "MX" else ():
        if said := _mx_fault(value):
            return f"Invalid Resource Record: 'FATAL problem: {said} encountered with '{value}''"
    return None


def _mx_fault(value: str) -> str | None:
    if not re.match(r"\d+ ", value):
        return "MXRRDATAPriorityRequired (Value must have a priority)"
    if not re.fullmatch(rf"\d{{1,5}} ({_HOST}|\.)", value) or int(value.split()[0]) > 65535:
        return "MXRRDATAMalformed (Value is not a priority and a domain name)"
    return None


# XML ---------------------------------------------------------------------------


def _changes(body: bytes) -> list[tuple[str, RecordSet]]:
    try:
        root = ET.fromstring(body)  # noqa: S314  (our own client wrote it)
    except ET.ParseError as e:
        raise AwsError("MalformedInput", f"Invalid XML ; {e}") from None
    found = [(_text(c, "Action"), _record_set(c)) for c in root.iter(f"{{{NAMESPACE}}}Change")]
    if not found or any(action not in {"CREATE", "DELETE", "UPSERT"} for action, _ in found):
        raise AwsError("InvalidInput", "Invalid request: Expected one to 1000 changes, each a CREATE, DELETE or UPSERT")
    return found


def _record_set(change: ET.Element) -> RecordSet:
    values = tuple(e.text or "" for e in change.iter(f"{{{NAMESPACE}}}Value"))
    ttl, weight = _text(change, "TTL"), _text(change, "Weight")
    name, type_ = _text(change, "Name"), _text(change, "Type")
    if not ttl.isdigit() or int(ttl) > 2147483647 or not values:
        said = "Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords]], but found none"
        raise AwsError("InvalidInput", f"Invalid request: {said} in Change with [Name={name}, Type={type_}]")
    return RecordSet(
        _fqdn(name), type_, int(ttl), values, _text(change, "SetIdentifier") or None, int(weight) if weight else None
    )


def _text(inside: ET.Element, tag: str) -> str:
    found = next(inside.iter(f"{{{NAMESPACE}}}{tag}"), None)
    return (found.text or "").strip() if found is not None else ""


def _described(zone: Zone) -> Xml:
    about: Xml = (
        ("Id", f"/hostedzone/{zone.id}"),
        ("Name", zone.name),
        ("CallerReference", "stand-in"),
        ("Config", (("PrivateZone", False),)),
        ("ResourceRecordSetCount", len(zone.sets)),
    )
    servers: Xml = (("NameServers", [("NameServer", n.rstrip(".")) for n in NAME_SERVERS]),)
    return (("HostedZone", about), ("DelegationSet", servers))


def _listed(zone: Zone, query: Mapping[str, str]) -> Xml:
    start = (_order(_fqdn(query["name"])), query.get("type", "")) if "name" in query else ((), "")
    after = sorted((s for s in zone.sets.values() if (_order(s.name), s.type) >= start), key=_place)
    most = min(300, int(query.get("maxitems", 300)))
    page, rest = after[:most], after[most:]
    more: Rows = [("NextRecordName", rest[0].name), ("NextRecordType", rest[0].type)] if rest else []
    sets = [("ResourceRecordSet", _shown(s)) for s in page]
    return (("ResourceRecordSets", sets), ("IsTruncated", bool(rest)), ("MaxItems", most), *more)


def _shown(s: RecordSet) -> Xml:
    routed: list[tuple[str, Xml]] = [("SetIdentifier", s.identifier)] if s.identifier else []
    routed += [("Weight", str(s.weight))] if s.weight is not None else []
    records: Xml = [("ResourceRecord", (("Value", v),)) for v in s.values]
    return [("Name", s.name), ("Type", s.type), *routed, ("TTL", s.ttl), ("ResourceRecords", records)]


def _place(s: RecordSet) -> tuple[tuple[str, ...], str, str]:
    return (_order(s.name), s.type, s.identifier or "")


def _order(name: str) -> tuple[str, ...]:
    """Names are listed by their labels from the right."""
    return tuple(reversed(name.rstrip(".").split(".")))


def _fqdn(name: str) -> str:
    return name.lower().rstrip(".") + "."


def _keep(zone: Zone, sets: Sets) -> None:
    zone.sets = sets
    zone.history.append(dict(sets))
