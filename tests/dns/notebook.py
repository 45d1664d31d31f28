"""A provider as a test adds it: the zone is a text file on this machine, whose MX set is its only line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from failover.core.fleet import Domain, Endpoint
from failover.core.mx import MxSet, parse
from failover.core.observe.signal import Outcome
from failover.dns.entry import Drafted, Entry, Found
from failover.dns.sets import changed, not_empty
from failover.errors import Refused
from failover.fields import PathText, Strict, inside
from failover.ports import CheckLease, Clock, DnsZone, Right, by_hand


class Config(Strict):
    kind: Literal["notebook"]
    page: PathText = Field(examples=["zone.txt"])
    pen: str | None = None
    ink: str | None = None


@dataclass(frozen=True, slots=True)
class Notebook:
    kind: ClassVar[str] = "notebook"
    anchor: ClassVar[Endpoint] = Endpoint("192.0.2.9", 53)
    takes_s: ClassVar[tuple[float, float]] = (1.0, 7.0)
    notes: ClassVar[tuple[str, ...]] = ("ink does not come off",)
    page: str

    @property
    def place(self) -> Mapping[str, str]:
        return {"page": self.page}

    def zone(self, domain: Domain, clock: Clock) -> DnsZone:
        return NotebookZone(Path(self.page))

    def right(self, domain: Domain, clock: Clock) -> Right:
        self.zone(domain, clock).mx(domain.name)
        return Right(Outcome.OK, "the page lies open")


@dataclass(frozen=True, slots=True)
class NotebookZone:
    page: Path

    def mx(self, name: str) -> MxSet:
        try:
            return parse(self.page.read_text().strip())
        except OSError as e:
            raise Refused(f"no page for {name}: {e.strerror}", try_="write one") from e

    def swap(self, name: str, *, expected: MxSet, wanted: MxSet, check_lease: CheckLease = by_hand) -> None:
        not_empty(name, wanted)
        if (found := self.mx(name)) not in (expected, wanted):
            raise changed(name, expected, found)
        check_lease()
        self.page.write_text(wanted.text)

    def seen(self, name: str) -> Mapping[str, MxSet | str]:
        return {"127.0.0.1": self.mx(name)}

    def trouble(self, exchange: str) -> str | None:
        return None


def _odd(dns: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "pen" in dns and "ink" not in dns:
        yield "pen", '"pen" without "ink"; a pen needs ink'


def _serves(zone: Found) -> bool:
    return any(re.search("notebook", server) for server in zone.servers)


def _draft(zone: Found, given: Mapping[str, str]) -> Drafted:
    value = {**ENTRY.example, **ENTRY.chosen(given)}
    return Drafted(value, f"zone {zone.name}: a notebook", "as it lies here", tries="leafed through")


ENTRY = Entry(
    Config,
    lambda c, folder: Notebook(inside(c.page, folder)),
    {"kind": "notebook", "page": "zone.txt"},
    _draft,
    serves=_serves,
    at_odds=_odd,
)
