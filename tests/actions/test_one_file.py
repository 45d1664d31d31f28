"""A verb is added by one file and one line of the registry: lint, schema, plan, run, expiry and rollback follow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.copies import Product

BOOK = """\
version: 1
name: calm
summary: Senders ask less often.
params: {domain: {type: domain}}
steps:
  - id: calm
    action: dns.calm
    with: {domain: "${domain}", expires: 4h}
    verify: {none: the step reads it}
"""
STORY = """
import json, sys
from pathlib import Path
import failover
from failover.config.playbooks import load_playbook
from failover.runs.service import Runs
from failover.world.ports import ports
from failover.world.world import World

world = World(7)
c = Runs(ports(world), world.store)
plan = c.plan(load_playbook(Path(sys.argv[1])), {"domain": "lab.test"})
record, done = c.run(plan)
ttl, (m,) = world.zone.now.ttl, c.mitigations()
back = c.rollback(record)
print(json.dumps({
    "from": failover.__file__, "warnings": plan.warnings, "not_changed": plan.not_changed,
    "run": done.state, "ttl": ttl, "for": (m.until - m.since).total_seconds(),
    "rollback": back.state, "ttl_then": world.zone.now.ttl,
}))
"""


@pytest.fixture
def product(tmp_path: Path) -> Product:
    ours = Product.at(tmp_path)
    ours.write("calm.yaml", BOOK)
    return ours


def test_one_file_and_one_line_add_a_verb(product: Product) -> None:
    product.write("bad.yaml", BOOK.replace("name: calm", "name: bad").replace(", expires: 4h", ""))
    asked = ("playbooks lint calm.yaml", "playbooks schema", "playbooks lint bad.yaml")
    unknown, before, _ = product.failover(*asked)
    assert unknown.returncode == 2
    assert 'calm.yaml:7:13: action is "dns.calm"; did you mean' in unknown.stdout

    product.add("actions", "dns_calm", Path(__file__).with_name("dns_calm.py").read_text(), after="dns_ttl")
    known, after, bad = product.failover(*asked)
    assert known.stdout == "1 playbook is right\n"
    was, now = (json.loads(said.stdout)["$defs"] for said in (before, after))
    assert now.keys() - was.keys() == {"Calm", "CalmStep"}
    assert now["CalmStep"]["properties"]["action"]["const"] == "dns.calm"
    assert bad.stdout == 'bad.yaml:8:5: steps[1].with lacks "expires"; add `expires: 4h`\n'

    told = product.python(STORY, "calm.yaml")
    found = json.loads(told.stdout)
    assert found == {
        "from": str(product.folder / "failover" / "__init__.py"),
        "warnings": ["calm is not verified: the step reads it"],
        "not_changed": ["mx1", "mx2"],
        "run": "succeeded",
        "ttl": 3600,
        "for": 4 * 3600,
        "rollback": "rolled_back",
        "ttl_then": 60,
    }, told.stderr
