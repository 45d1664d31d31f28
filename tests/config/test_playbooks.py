"""Playbooks as core values, the built-in ones, their schema, and where they are found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from failover.config.catalogue import built_in, find, list_all
from failover.config.playbooks import bind_playbook, load_playbook, playbook_schema
from failover.core.fleet import Domain, Fleet, Host, Role
from failover.core.observe import condition as cond
from failover.core.observe.signal import Outcome
from failover.core.runs.playbook import OnFailure, Watch
from failover.dns.route53 import Route53
from failover.errors import ConfigError

FLEET = Fleet(
    {n: Host(n, Role.STANDBY, f"192.0.2.{i}") for i, n in enumerate(("mx1", "mx2"), 11)},
    {"example.net": Domain("example.net", Route53("Z0123456789"))},
)


def playbook(folder: Path, name: str = "mine") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(f"""\
version: 1
name: {name}
summary: Tells people, nothing else.
params: {{text: {{default: hello}}}}
steps:
  - id: tell
    action: notify
    with: {{text: "${{text}}"}}
    verify: {{none: "the channel's answer is the effect"}}
""")
    return path


def test_the_built_in_ones_load_under_their_names_and_bind() -> None:
    assert list_all(None)
    for name, path in list_all(None).items():
        loaded = load_playbook(path, named=name)
        samples = {"host": "mx2", "domain": "example.net"}
        given = {p: samples[q.type] for p, q in loaded.params.items() if q.type in samples and q.default is None}
        assert "${" not in repr(bind_playbook(loaded, given, FLEET))


def test_spam_filter_hung_reads_as_it_is_written() -> None:
    p = load_playbook(find("spam-filter-hung", None))
    scan = cond.Predicate("spam.scan", "${sick}", Outcome.FAIL, samples=3)
    stuck = cond.Predicate("queue.frozen", "${sick}", age_above=20.0)
    many = cond.Predicate("queue.pending", "${sick}", above=50, samples=3)
    assert p.trigger == cond.All((scan, cond.Any((stuck, many))))
    assert (p.limits.deadline, p.limits.cooldown, p.limits.max_runs, p.limits.per) == (2700, 3600, 2, 86400)
    bypass, requeue, drain = p.steps
    assert bypass.with_ == {"host": "${sick}", "mode": "pass", "expires": 14400.0}
    assert bypass.on_failure is OnFailure.ROLLBACK
    assert bypass.verify == (Watch("queue.frozen", "${sick}", leaves="some", within=60.0),)
    assert drain.verify == tuple(
        Watch(name, "${sick}", leaves="all", stalls_at_most=120.0) for name in ("queue.frozen", "queue.pending")
    )
    assert drain.no_rollback
    assert requeue.with_ == {"host": "${sick}", "only": "frozen", "batch": 200}
    assert p.failback
    assert [t.lasting for c in p.failback.when for t in cond.predicates(c)] == [900.0, 900.0]


def test_what_cannot_be_bound_is_an_error_of_configuration() -> None:
    with pytest.raises(ConfigError, match="--set sick=mx1"):
        bind_playbook(load_playbook(find("spam-filter-hung", None)), {}, FLEET)


def test_a_name_that_is_not_the_files_is_refused_where_names_are_looked_up(tmp_path: Path) -> None:
    path = playbook(tmp_path).rename(tmp_path / "other.yaml")
    assert load_playbook(path).name == "mine"
    with pytest.raises(ConfigError, match=r'other\.yaml:2:7: the name is "mine", the file is called other'):
        load_playbook(path, named="other")


def test_ones_own_come_first(tmp_path: Path) -> None:
    mine = playbook(tmp_path, "spam-filter-hung")
    (tmp_path / "notes.txt").write_text("no playbook")
    (tmp_path / "Not A Name.yaml").write_text("no playbook")
    assert find("spam-filter-hung", tmp_path) == mine
    assert find("spam-filter-hung", None).parent == built_in()
    assert set(list_all(tmp_path)) == set(list_all(None))


@pytest.mark.parametrize("name", ["..", "a b", "", "spam\n", "\x00", "-"])
def test_an_odd_name_never_becomes_a_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="there is no playbook"):
        find(name, tmp_path)


def test_a_path_is_a_path_and_a_near_name_is_guessed(tmp_path: Path) -> None:
    path = playbook(tmp_path)
    assert find(str(path), None) == path
    with pytest.raises(ConfigError, match='did you mean "spam-filter-hung"'):
        find("spam-filter-hang", None)
    with pytest.raises(ConfigError, match="no such folder"):
        list_all(tmp_path / "none")


def test_the_schema_knows_each_action_by_its_arguments() -> None:
    schema = json.loads(json.dumps(playbook_schema()))
    steps = schema["properties"]["steps"]["items"]
    assert steps["discriminator"]["propertyName"] == "action"
    assert set(steps["discriminator"]["mapping"]) == {
        *(
            "spam.bypass",
            "spam.restore",
            "queue.requeue",
            "queue.flush",
            "queue.hold",
            "queue.release",
            "dns.prefer",
            "dns.ttl",
        ),
        *("service.restart", "container.restart", "vm.resize", "notify", "wait"),
    }
    bypass = schema["$defs"]["BypassStep"]
    assert set(bypass["required"]) == {"id", "verify", "action", "with"}
    assert schema["$defs"]["Bypass"]["properties"]["expires"]["description"]
    assert schema["$defs"]["Predicate"]["oneOf"] == [{"required": [k]} for k in ("is", "above", "below", "age_above")]
