"""A DNS provider is told in its own files and on its line of the registry, and nowhere else in the product."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import failover
from failover.dns import PROVIDERS

PRODUCT = Path(failover.__file__).parent
OWN = re.compile(rf"dns/({'|'.join(PROVIDERS)})(_[a-z]+)?\.py|dns/__init__\.py")
NAMES = re.compile(rf"{'|'.join(PROVIDERS)}|rfc.?2136|route.?53", re.IGNORECASE)
SPOKEN = {
    "adapters/aws_answers.py": "what AWS answers, for EC2 as well",
    "cli/init.py": "--zone-id stands for --dns zone_id=, and says whose",
    "lab/files.py": "the lab's hosts.yaml: its name server is a BIND",
    "lab/layer.py": "the lab may have a PowerDNS",
    "world/world.py": "the simulated fleet",
}
SOURCES = sorted(str(p.relative_to(PRODUCT)) for p in PRODUCT.rglob("*.py"))


@pytest.mark.parametrize("source", [s for s in SOURCES if not OWN.fullmatch(s) and s not in SPOKEN])
def test_no_provider_is_named(source: str) -> None:
    rows = (PRODUCT / source).read_text().splitlines()
    named = [f"{source}:{i}: {row.strip()}" for i, row in enumerate(rows, 1) if NAMES.search(row)]
    assert not named, "say it in the provider's own file, as what core.fleet.Dns or ports.Provider asks for"


@pytest.mark.parametrize("kind", PROVIDERS)
def test_each_carries_what_is_asked_of_it(kind: str) -> None:
    entry = PROVIDERS[kind]
    at = entry.provider(entry.model.model_validate(dict(entry.example)), Path("/etc/failover"))
    assert at.kind == kind
    assert at.place
    assert at.anchor.host
    usual, most = at.takes_s
    assert 0 < usual < most <= 600
    required = {name for name, field in entry.model.model_fields.items() if field.is_required()}
    assert required <= entry.example.keys()
    assert all(f.examples for name, f in entry.model.model_fields.items() if name in required - {"kind"})


def test_the_diff_in_the_docs_is_of_the_file_that_there_is() -> None:
    docs = (PRODUCT.parent / "docs" / "adding.md").read_text()
    shown = docs.partition("+++ b/failover/dns/powerdns.py\n")[2].partition("\n```")[0].splitlines()[1:]
    own = iter((PRODUCT / "dns" / "powerdns.py").read_text().splitlines())
    assert [row for row in shown if row.strip("+ ") != "…" and row.removeprefix("+") not in own] == [], "in this order"
