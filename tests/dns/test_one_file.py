"""A DNS provider is added by one file and one line of the registry: hosts.yaml, init, plan, run, rollback, doctor."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from failover.dns import PROVIDERS
from tests.copies import Product

USUAL = "10 mx1.lab.test, 20 mx2.lab.test (TTL 60)"
HOSTS = """\
version: 1
hosts:
  mx1: {role: primary, address: 127.0.0.1, mx: mx1.lab.test, ssh: {port: 9, known_hosts: known_hosts}}
  mx2: {role: standby, address: 127.0.0.2, mx: mx2.lab.test, ssh: {port: 9, known_hosts: known_hosts}}
domains:
  lab.test: {dns: {kind: notebook, page: zone.txt}}
"""
STORY = """
import json
from dataclasses import replace
from pathlib import Path
import failover
from failover.config.hosts import HostsFile, load_fleet
from failover.config.playbooks import load_playbook
from failover.runs.service import Runs
from failover.dns import zone_of
from failover.signals import anchors
from failover.world.ports import ports
from failover.world.world import World, fleet

of = replace(fleet(), domains=load_fleet(Path("hosts.yaml")).domains)
world = World(7, of=of)
world.zones["lab.test"] = zone_of(of.domains["lab.test"], world.clock)
c = Runs(ports(world), world.store)
plan = c.plan(load_playbook(Path("playbooks/shift-mx.yaml")), {"domain": "lab.test", "to": "mx2"})
record, done = c.run(plan)
page = Path("zone.txt").read_text()
back = c.rollback(record)
print(json.dumps({
    "from": failover.__file__, "place": dict(plan.steps[0].where), "warnings": plan.warnings[:1],
    "run": done.state, "page": page, "rollback": back.state, "page_then": Path("zone.txt").read_text(),
    "anchors": [str(a) for a in anchors.of(of)],
    "schema": list(HostsFile.model_json_schema()["$defs"]["Domain"]["properties"]["dns"]["discriminator"]["mapping"]),
}))
"""
DRAFT = """
from datetime import UTC, datetime
from pathlib import Path
from failover.cli.init import _tried
from failover.config.write_hosts import text
from failover.dns.entry import Found
from failover.doctor.draft import Wanted, draft, servers
from failover.doctor.found_dns import Exchange
from failover.doctor.found_host import HostFound, unseen

wanted = Wanted("lab.test", Path("made.yaml"), "root", 22, None, None, {})
listed = servers((Exchange(10, "mx1.lab.test", ("127.0.0.1",)),), wanted.ssh)
zone = Found("lab.test", "lab.test", ("ns.notebook.test",), "ns.notebook.test", None, "")
print(text(draft(wanted, listed, {"mx1": HostFound(unseen("no"))}, zone, _tried(wanted, zone), datetime.now(UTC))))
"""


@pytest.fixture
def product(tmp_path: Path) -> Product:
    """With a fleet that uses the provider, which can be added."""
    ours = Product.at(tmp_path)
    for name, text in (("hosts.yaml", HOSTS), ("zone.txt", USUAL), ("known_hosts", "")):
        ours.write(name, text)
    return ours


def add(product: Product) -> None:
    product.add("dns", "notebook", Path(__file__).with_name("notebook.py").read_text(), after="route53")


def test_without_them_it_is_unknown(product: Product) -> None:
    said = product.failover("doctor")
    assert said.returncode == 2
    assert 'hosts.yaml:6:26: kind is "notebook"; known here: ' in said.stderr


def test_its_errors_are_told_at_their_place(product: Product) -> None:
    add(product)
    odd = "{kind: notebook, pag: zone.txt, pen: blue}"
    product.write("hosts.yaml", HOSTS.replace("{kind: notebook, page: zone.txt}", odd))
    said = product.failover("doctor").stderr
    assert 'hosts.yaml:6:14: domains.lab.test.dns lacks "page"; add `page: zone.txt`' in said
    assert 'hosts.yaml:6:36: unknown key "pag" in domains.lab.test.dns; did you mean "page"?' in said
    assert 'hosts.yaml:6:51: "pen" without "ink"; a pen needs ink' in said


def test_one_file_and_one_line_add_a_provider(product: Product) -> None:
    add(product)
    told = product.python("-c", STORY)
    found = json.loads(told.stdout or "{}")
    assert found.pop("schema", None) == ["notebook", *sorted(PROVIDERS)], told.stderr
    assert found == {
        "from": str(product.folder / "failover" / "__init__.py"),
        "place": {"page": str(product.folder / "zone.txt")},
        "warnings": ["prefer: ink does not come off"],
        "run": "succeeded",
        "page": "9 mx2.lab.test, 10 mx1.lab.test, 20 mx2.lab.test (TTL 60)",
        "rollback": "rolled_back",
        "page_then": USUAL,
        "anchors": ["192.0.2.9:53"],
    }
    doctor = json.loads(product.failover("doctor", "--json").stdout)["checks"]
    assert [(f["outcome"], f["says"]) for f in doctor if f["name"] == "dns rights"] == [("ok", "the page lies open")]
    checked = json.loads(product.failover("check", "--json").stdout)["domains"]["lab.test"]
    assert (checked["dns"], checked["state"]) == ("notebook", "healthy")


def test_init_writes_it_where_dns_shows_it(product: Product) -> None:
    add(product)
    said = product.python("-c", DRAFT)
    assert "    # leafed through: the page lies open\n    dns: {kind: notebook, page: zone.txt}\n" in said.stdout, said
    product.write("made.yaml", said.stdout)
    assert product.failover("--hosts", "made.yaml", "check", "--json").returncode != 2
    asked = product.failover("init", "lab.test", "--dns", "kind=notebok").stderr
    assert "no DNS provider is called 'notebok'" in asked
