"""May our key change the MX of a domain (RFC 2136)? Tested by updates that cannot be carried out.

Each carries two prerequisites that exclude one another (a name is in use, and
the same name is not: RFC 2136, 2.4), and would change nothing anyway: it adds a
record that is there, or deletes one that is not. The answer tells:

- REFUSED or a TSIG error: we may not.
- NXDOMAIN (the prerequisite): the signature is right, and the server went on.

How much that proves depends on the server. BIND 9.18 judges rights before
prerequisites (measured: REFUSED for a type or a name that update-policy does
not grant, NXDOMAIN for one that it does); BIND before 9.16.37 and 9.18.11, as
far as known, after them. So a second update asks for a right that an MX key
does not need: if it is refused and the first was not, the first was granted.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.update

from failover.core.fleet import Domain
from failover.core.mx import Record
from failover.core.observe.signal import Outcome
from failover.dns.rfc2136_zone import Rfc2136Zone
from failover.errors import Refused
from failover.ports import Right

if TYPE_CHECKING:
    from failover.dns.rfc2136 import Rfc2136

PATIENCE_S = 3.0
_UNMET = {dns.rcode.NXDOMAIN, dns.rcode.YXDOMAIN}
_Rcode = dns.rcode.Rcode


def right(domain: Domain, at: Rfc2136) -> Right:
    if at.key is None:
        return Right(Outcome.FAIL, "no key is named, and an update must be signed", _key_line(domain.name))
    granted, other = _Asking(at, domain.servers, PATIENCE_S).answers(domain.name)
    return judged(domain.name, at, granted, other)


def judged(domain: str, at: Rfc2136, ours: _Rcode, other: _Rcode | None) -> Right:
    """`ours`: the answer for the MX; `other`: for a right that the key does not need (None: refused by TSIG)."""
    policy = f"update-policy {{ grant {at.key_name}. name {domain}. MX; }};"
    if ours == dns.rcode.NOERROR:
        said = f"{at.server} ignores prerequisites: what somebody else changes meanwhile would be overwritten"
        return Right(Outcome.FAIL, said, "use a server that takes RFC 2136 whole: BIND, Knot, PowerDNS")
    if ours not in _UNMET:
        said = f"{at.server} does not let the key {at.key_name} change the MX: {dns.rcode.to_text(ours)}"
        return Right(Outcome.FAIL, said, f"at {at.server} (BIND): {policy}")
    if other in _UNMET:
        said = (
            f"{at.server} takes updates signed with {at.key_name}; either they may change more than the MX, or it "
            "judges rights last, and only a change will show"
        )
        return Right(Outcome.WARN, said, f"narrow the key, BIND: {policy}")
    return Right(Outcome.OK, f"the key {at.key_name} may change the MX at {at.server}, and not everything else")


def _key_line(domain: str) -> str:
    return f'domains, {domain}, dns: key_name: failover, key: "file:/etc/failover/tsig"  (tsig-keygen failover)'


class _Asking(Rfc2136Zone):
    """The zone, asked for the impossible."""

    def answers(self, name: str) -> tuple[_Rcode, _Rcode | None]:
        """Raises Refused (by TSIG, or not its zone), Unreachable, OutcomeUnknown, ConfigError (the key)."""
        zone, owner = self._zone(name), dns.name.from_text(name)
        wanted = self._impossible(zone)
        mx = self.mx(name)
        _same_again(wanted, owner, sorted(mx.targets), mx.ttl)
        ours = self._exchange(wanted, f"tell whether we may change the MX of {name}").rcode()
        if ours not in _UNMET:
            return ours, None
        other = self._impossible(zone)
        other.delete(_nowhere(zone), dns.rdatatype.TXT)
        try:
            return ours, self._exchange(other, "tell whether we may change more").rcode()
        except Refused:  # Knot answers BADKEY for what its ACL does not grant
            return ours, None

    def _impossible(self, zone: dns.name.Name) -> dns.update.UpdateMessage:
        update, nowhere = dns.update.UpdateMessage(zone), _nowhere(zone)
        update.present(nowhere)
        update.absent(nowhere)
        return update


def _same_again(update: dns.update.UpdateMessage, owner: dns.name.Name, records: list[Record], ttl: int) -> None:
    """Add a record that is there; if there is none, delete one that is not there."""
    if not records:
        update.delete(owner, dns.rdatatype.MX)
    for preference, exchange in records[:1]:
        update.add(owner, ttl, dns.rdata.from_text("IN", "MX", f"{preference} {exchange}", relativize=False))


def _nowhere(zone: dns.name.Name) -> dns.name.Name:
    return dns.name.from_text(f"failover-doctor-{secrets.token_hex(8)}", zone)
