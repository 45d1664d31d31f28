"""A DNS provider is added by one file and one line of the registry: hosts.yaml, init, plan, run, rollback, doctor."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from failover.config.hosts import load_fleet
from failover.dns import PROVIDERS
from failover.errors import ConfigError
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


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Product:
    """With the provider, and a fleet that uses it."""
    ours = Product.at(tmp_path_factory.mktemp("notebook"))
    ours.add("dns", "notebook", Path(__file__).with_name("notebook.py").read_text(), after="route53")
    for name, text in (("hosts.yaml", HOSTS), ("zone.txt", USUAL), ("known_hosts", "")):
        ours.write(name, text)
    return ours


def test_without_them_it_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "hosts.yaml").write_text(HOSTS)
    with pytest.raises(ConfigError, match=r'hosts.yaml:6:26: kind is "notebook"; known here: '):
        load_fleet(tmp_path / "hosts.yaml")


def test_one_file_and_one_line_add_a_provider(product: Product) -> None:
    told = product.python(STORY)
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


def test_init_doctor_check_and_the_errors_of_hosts_yaml_know_it(product: Product) -> None:
    drafted = product.python(DRAFT).stdout
    assert "    # leafed through: the page lies open\n    dns: {kind: notebook, page: zone.txt}\n" in drafted
    product.write("made.yaml", drafted)
    product.write("odd.yaml", HOSTS.replace("page: zone.txt", "pag: zone.txt, pen: blue"))
    doctor, check, made, odd, init = product.failover(
        "doctor --json",
        "check --json",
        "--hosts made.yaml check --json",
        "--hosts odd.yaml doctor",
        "init lab.test --dns kind=notebok",
    )
    rights = [f for f in json.loads(doctor.stdout)["checks"] if f["name"] == "dns rights"]
    assert [(f["outcome"], f["says"]) for f in rights] == [("ok", "the page lies open")]
    checked = json.loads(check.stdout)["domains"]["lab.test"]
    assert (checked["dns"], checked["state"]) == ("notebook", "healthy")
    assert made.returncode != 2
    assert 'odd.yaml:6:14: domains.lab.test.dns lacks "page"; add `page: zone.txt`' in odd.stderr
    assert 'odd.yaml:6:36: unknown key "pag" in domains.lab.test.dns; did you mean "page"?' in odd.stderr
    assert 'odd.yaml:6:51: "pen" without "ink"; a pen needs ink' in odd.stderr
    assert "no DNS provider is called 'notebok'" in init.stderr
