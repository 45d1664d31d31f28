"""run, plan, rollback, runs, status and pause through the front door, over the simulated world."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from failover.cli import progress
from failover.cli.options import hoist
from failover.config.catalogue import find
from failover.config.playbooks import load_playbook
from failover.runs.service import Runs
from failover.world.ports import ports
from failover.world.postfix import MASTER, Daemon
from failover.world.world import World
from tests.cli.conftest import Cli

HUNG = ("spam-filter-hung", "--set", "sick=mx1")


@pytest.fixture
def world() -> World:
    """mx1's filter has hung for more than a minute under a message a second."""
    world = World.august_11(7, rate=1.0, hang_at=5, until=200)
    world.advance(90)
    return world


def heal(world: World) -> None:
    world.spamd("mx1", Daemon.OK)
    world.advance(5)


def test_without_a_name_it_says_what_is_wrong_and_asks(cli: Cli, world: World) -> None:
    said = cli("run")
    assert said.code == 4, "nobody is here to ask"
    assert "mx1 is failed: spam filter hung" in said.out or "mx1 is failing: spam filter hung" in said.out
    assert "bypass   spam.bypass    master.cf: transport spamassassin → pass-through" in said.out
    assert "undo: restore 1 line, once the filter answers again · expires in 4 h" in said.out
    assert "Not changed: MX records, mx2." in said.out
    assert "--yes" in said.err
    assert world.files() == world.pristine


def test_a_healthy_fleet_is_held_not_cured(cli: Cli, world: World) -> None:
    heal(world)
    world.advance(300)
    said = cli("run", "--yes")
    assert said.code == 0
    assert not world.store.runs()


def test_cure_refuse_heal_undo(cli: Cli, world: World) -> None:
    cured = cli("run", "--yes", "--reason", "pager", "--json").document
    assert (cured["state"], [s["state"] for s in cured["steps"]]) == (
        "succeeded",
        ["verified", "unchanged", "skipped"],
    ), "the bypass is verified by the mail that left: nothing is left to flush"
    assert {"version", "run", "playbook", "state", "steps", "timeline"} <= cured.keys()

    standing = cli("status", "--json").document["mitigations"]
    assert [(m["host"], m["step"], m["on_host"]) for m in standing] == [("mx1", "bypass", "in force")]
    assert standing[0]["until"] > standing[0]["since"]

    refused = cli("rollback", "--yes")
    assert refused.code == 6
    assert "was not rolled back" in refused.out
    assert "spam.scan on mx1 is fail" in refused.out

    heal(world)
    undone = cli("rollback", "--yes", "--json")
    assert (undone.code, undone.document["state"]) == (0, "rolled_back")
    assert world.files() == world.pristine
    assert cli("rollback", "--yes").code == 4, "nothing is left to undo"


def test_a_rollback_lists_its_undos_in_the_order_in_which_it_makes_them(cli: Cli, world: World) -> None:
    """The MX move was the last step and goes back last, too: not while the filter of that host is out."""
    runs = Runs(ports(world), world.store)
    plan = runs.plan(load_playbook(find("august-11", None)), {"sick": "mx1", "to": "mx2", "domain": "lab.test"})
    always = tuple(replace(s, when=None, verify=()) if s.id == "shift" else s for s in plan.steps)
    _, view = runs.run(replace(plan, steps=always))
    assert view.order[-1] == "shift"

    listed = [s["id"] for s in cli("rollback", "--dry-run", "--json").document["undo"]]
    shown = [line.split()[0] for line in cli("rollback", "--dry-run").out.splitlines()[1:]]
    heal(world)
    timeline = cli("rollback", "--yes", "--json").document["timeline"]
    assert [e["step"] for e in timeline if e["kind"] == "undone"] == listed == shown == ["bypass", "shift"]


def test_what_is_in_force_is_said_by_a_look_too(cli: Cli, world: World) -> None:
    """By the host's own word, so where nobody remembers it, too."""
    assert "in force " not in cli("run").out
    assert cli("run", *HUNG, "--yes").code == 0
    assert "in force " in cli("run").out


def test_a_dry_run_says_every_step_and_changes_nothing(cli: Cli, world: World) -> None:
    said = cli("plan", *HUNG, "--json")
    assert said.code == 10
    step = said.document["steps"][0]
    assert step.keys() >= {"id", "action", "host", "certainty", "before", "after", "diff", "undo", "eta_s"}
    assert step["certainty"] == "exact"
    assert cli("run", *HUNG, "--dry-run").out.count("undo:") == 2, "what is unchanged owes none"
    assert world.files() == world.pristine
    assert not world.store.runs()


def test_a_password_of_a_pipe_is_nowhere_but_on_its_host(cli: Cli, world: World, tmp_path: Path) -> None:
    """safety 19: whole entries of master.cf are bound values, shown, recorded and told."""
    entry, kept = world.machines["mx1"].files[MASTER], str(tmp_path / "plan.json")
    entry["spamassassin/unix"] = entry["spamassassin/unix"].replace("-d 127.0.0.1", "--password=hunter2 -u hunter2")
    world.pristine = world.files()
    said = [cli("plan", *HUNG, "--out", kept), cli("plan", *HUNG, "--json"), cli("plan", *HUNG, "-v")]
    entry["spamassassin/unix"] = entry["spamassassin/unix"].replace("password=hunter2", "password=hunter22")
    stale = cli("run", "--plan", kept, "--yes")
    assert (stale.code, "when approved" in stale.err) == (4, True)
    entry["spamassassin/unix"] = entry["spamassassin/unix"].replace("hunter22", "hunter2")

    said += [stale, cli("run", "--plan", kept, "--yes", "--json")]
    (record,) = world.store.runs()
    assert said[-1].document["state"] == "succeeded"
    shown = ("status", "--json"), ("runs", "show", record.id), ("runs", "report", record.id)
    said += [cli(*words) for words in shown]
    heal(world)
    said.append(cli("rollback", "--yes", "--json"))
    assert said[-1].document["state"] == "rolled_back"
    assert world.files() == world.pristine
    told = (*said, Path(kept).read_text(), *world.store.events(record.id), *world.store.runs())
    assert [t for t in told if "hunter2" in repr(t)] == []
    assert "--password=*** -u ***" in said[1].out


def test_an_approved_plan_is_applied_or_refused_with_what_differs(cli: Cli, world: World, tmp_path: Path) -> None:
    kept = str(tmp_path / "plan.json")
    cli("plan", *HUNG, "--out", kept)
    entry = world.machines["mx1"].read("master.cf", "spamassassin/unix")
    world.machines["mx1"].write("master.cf", "spamassassin/unix", entry.replace("-", "n", 1))
    stale = cli("run", "--plan", kept, "--yes")
    assert stale.code == 4
    assert "master.cf spamassassin/unix was" in stale.err
    assert not world.store.runs()
    world.machines["mx1"].write("master.cf", "spamassassin/unix", entry)
    assert cli("run", "--plan", kept, "--yes").code == 0


def test_the_same_key_is_the_same_run(cli: Cli, world: World) -> None:
    first = cli("run", *HUNG, "--yes", "--key", "inc-1", "--json").document["run"]
    assert cli("run", *HUNG, "--yes", "--key", "inc-1", "--json").document["run"] == first
    assert len(world.store.runs()) == 1


def test_events_are_one_object_a_line_ending_with_the_end(cli: Cli) -> None:
    lines = [json.loads(line) for line in cli("run", *HUNG, "--yes", "--events").out.splitlines()]
    assert [e["kind"] for e in lines][:3] == ["begun", "intent", "acted"]
    assert lines[-1]["kind"] == "closed"
    assert lines[-1]["data"]["state"] == "succeeded"


def test_paused_it_observes_and_never_acts(cli: Cli, world: World) -> None:
    assert cli("pause", "--for", "2h", "--reason", "migration").code == 0
    said = cli("run", *HUNG, "--yes")
    assert said.code == 4
    assert "migration" in said.err
    assert world.files() == world.pristine
    assert cli("unpause").code == 0
    assert cli("run", *HUNG, "--yes").code == 0


def test_asked_to_stop_it_stops_at_a_safe_point_and_can_go_on(
    cli: Cli, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop_at_once(self: progress.Stopper) -> str | None:
        self.asked = "stopped by SIGTERM" if world.store.runs() and len(world.store.events(_run(world))) > 2 else None
        return self.asked

    monkeypatch.setattr(progress.Stopper, "why", stop_at_once)
    said = cli("run", *HUNG, "--yes")
    assert said.code == 130
    assert "failover runs resume" in said.out
    monkeypatch.undo()


def _run(world: World) -> str:
    return world.store.runs()[0].id


def test_of_a_run_whose_process_died_each_command_says_what_comes_next(cli: Cli, world: World) -> None:
    assert cli("run", *HUNG, "--yes").code == 0
    (done,) = world.store.runs()
    died = world.store.open(replace(done, id=f"{done.id}-b", key=None)).id
    for words in (("status",), ("run",), ("runs", "show", died)):
        said = cli(*words).out
        assert "nobody works on it" in said, words
        assert f"failover runs resume {died}" in said, words


def test_a_conflict_holds_the_host_until_a_person_speaks(cli: Cli, world: World) -> None:
    assert cli("run", *HUNG, "--yes").code == 0
    world.machines["mx1"].write("master.cf", "spamassassin/unix", "=spamassassin unix - n n - - pipe argv=/theirs")
    heal(world)
    conflict = cli("rollback", "--yes")
    assert conflict.code == 6
    run = _run(world)
    assert f"failover runs resolve {run} bypass --keep|--restore|--skip" in conflict.out
    assert cli("run", *HUNG, "--yes").code == 4
    assert cli("runs", "resolve", run, "bypass", "--keep", "--reason", "theirs").code == 0
    assert cli("rollback", run, "--yes").code == 0
    assert "argv=/theirs" in world.machines["mx1"].read("master.cf", "spamassassin/unix")


def test_accepting_a_run_frees_its_host_and_changes_nothing(cli: Cli, world: World) -> None:
    assert cli("run", *HUNG, "--yes").code == 0
    assert cli("rollback", "--yes").code == 6
    files = world.files()
    assert cli("runs", "accept", _run(world), "--reason", "we keep it").code == 0
    assert world.files() == files
    assert cli("runs", "show", _run(world), "--json").document["open"] is False
    assert cli("runs", "accept", _run(world), "--reason", "again").code == 4


def test_runs_are_listed_page_by_page_and_any_of_them_is_shown(cli: Cli, world: World) -> None:
    """safety: history costs. A page is read by index, however many runs there are."""
    assert cli("run", *HUNG, "--yes").code == 0
    first = world.store.runs()[0]
    for n in range(1, 5):
        world.store.open(replace(first, id=f"later-{n}", opened=first.opened + timedelta(minutes=n), key=None))
    page = cli("runs", "list", "--limit", "2").out
    assert [line.split()[0] for line in page.splitlines()] == ["later-4", "later-3", "older"]
    assert "failover runs list --before later-3" in page
    rest = cli("runs", "list", "--before", "later-3", "--json").document
    assert [r["run"] for r in rest["runs"]] == ["later-2", "later-1", first.id]
    assert (rest["older_before"], rest["runs"][-1]["state"], rest["runs"][-1]["hosts"]) == (None, "succeeded", ["mx1"])
    assert f"no runs before {first.id}" in cli("runs", "list", "--before", first.id).out
    assert "spam-filter-hung on mx1" in cli("runs", "show", first.id[:20]).out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("run", "no-such-playbook"), "no-such-playbook"),
        (("run", "spam-filter-hung", "--yes"), "sick"),
        (("run", "spam-filter-hung", "--set", "sick=mx9", "--yes"), "mx9"),
        (("run", "spam-filter-hung", "--set", "sick"), "NAME=VALUE"),
        (("run", "--plan", "/nonexistent"), "/nonexistent"),
        (("rollback", "no-such-run"), "no-such-run"),
        (("runs", "show", "no-such-run"), "no-such-run"),
        (("pause", "--for", "soon", "--reason", "x"), "soon"),
        (("runs", "resolve", "x", "y", "--reason", "z"), "exactly one"),
        (("no-such-command",), "no-such-command"),
    ],
)
def test_wrong_usage_is_2_with_what_was_found(cli: Cli, world: World, words: tuple[str, ...], says: str) -> None:
    said = cli(*words)
    assert said.code == 2
    assert says in said.err
    assert "Traceback" not in said.err
    assert world.files() == world.pristine


def test_global_options_stand_anywhere_but_not_in_what_lab_exec_runs() -> None:
    assert hoist(["check", "--hosts", "h.yaml", "-v"]) == ["--hosts", "h.yaml", "-v", "check"]
    assert hoist(["run", "x", "--state=sqlite:///s"]) == ["--state=sqlite:///s", "run", "x"]
    untouched = ["lab", "exec", "--name", "n", "mx1", "ls", "-v", "--state", "x"]
    assert hoist(untouched) == untouched
