"""`failover doctor`: each judgement by what it was shown, that it ends in time, and that it changes nothing."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import dns.rcode
import pytest

from failover.adapters.clock import SystemClock
from failover.adapters.helper import of_text
from failover.cli import doctor, main, wiring
from failover.config.catalogue import list_all
from failover.core.fleet import Channel, Domain, Ec2, Endpoint, Fleet, Mode, Policy, Role, Spam, SpamEngine
from failover.core.observe.diagnosis import Diagnosis, State
from failover.core.observe.signal import Outcome
from failover.dns import rfc2136_right, route53_right
from failover.dns.rfc2136 import Rfc2136
from failover.dns.route53 import Route53
from failover.doctor import aws_right, channels, domain, examine, latent, lever, mail, playbooks, state
from failover.doctor.examine import Look
from failover.doctor.findings import Finding, exit_code, ok, ready, warn
from failover.doctor.host import HostLook, clocks, epochs
from failover.errors import ConfigError, FailoverError, Unreachable
from failover.host import script_text
from failover.ports import Rc, Reply
from failover.runs.service import Runs
from failover.signals import debts
from failover.world.ports import ports
from tests.cli.conftest import Said
from tests.fakes import AT, Clock, Smtp, Zone
from tests.signals import fakes
from tests.signals.fakes import fleet, host
from tests.standins.aws import KEY, SECRET, Aws
from tests.world.runs import scene

GONE = Unreachable("mx2: cannot connect to 192.0.2.12:22: nothing came for 4.5 s", try_="use its console")
PIPE = "spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/bin/spamc{} -f -e /usr/sbin/sendmail -oi -t 5"
Rows = Mapping[str, list[tuple[str, ...]]]
WIRING: Rows = {
    "wiring": [("content_filter",)],
    "place": [("smtp/inet", "spamassassin")],
    "milters": [("",)],
    "filter": [("spamassassin", "")],
    "digest": [("main.cf", "0"), ("master.cf", "0")],
    "service": [("spamassassin/unix", PIPE.format(""))],
    "kind": [("pipe",)],
    "command": [("spamc",)],
    "lever": [("pass", "ok"), ("clear", "ok")],
}


def reply(verb: str, rows: Rows, rc: int = 0) -> Reply:
    return Reply(verb, rc, tuple((key, *row) for key, several in rows.items() for row in several))


def wired(**changes: list[tuple[str, ...]]) -> Reply:
    return reply("filter-read", {**WIRING, **changes})


def settings(**values: str) -> Reply:
    return reply("settings", {"setting": [("main.cf", k, f"={v}") for k, v in values.items()]})


def outcomes(found: Iterator[Finding] | tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(f.name, f.outcome.value) for f in found]


# Ending in time ------------------------------------------------------------------


def test_what_hangs_is_unknown_in_time_and_what_it_said_before_is_kept() -> None:
    over = threading.Event()

    def hangs() -> Iterator[Finding]:
        yield ok("ssh", "mx2", "let in")
        over.wait(20)

    looks = [Look("ssh", "mx2", hangs), Look("ssh", "mx1", lambda: [ok("ssh", "mx1", "let in")])]
    found = examine.examine(looks, within_s=0.3)
    over.set()
    assert [(f.subject, f.outcome.value) for f in found] == [("mx2", "ok"), ("mx2", "unknown"), ("mx1", "ok")]
    assert not ready(found)
    assert exit_code(found) == 3


def test_more_hosts_than_workers_still_end_in_time() -> None:
    over = threading.Event()

    def hangs() -> Iterator[Finding]:
        over.wait(20)
        yield from ()

    found = examine.examine([Look("ssh", f"mx{i}", hangs) for i in range(9)], within_s=0.3, workers=2)
    over.set()
    assert [f.outcome for f in found] == [Outcome.UNKNOWN] * 9


@pytest.mark.faults
def test_an_error_of_a_look_is_its_finding_and_a_fault_of_ours_is_unknown() -> None:
    def refuses() -> list[Finding]:
        raise GONE

    (found,) = examine.examine([Look("ssh", "mx2", refuses)], within_s=5)
    assert (found.outcome, found.try_) == (Outcome.FAIL, "use its console")
    assert found.says.startswith("cannot connect")
    broken = Look("ssh", "mx2", lambda: [1 / 0])  # type: ignore[list-item]
    all_ = examine.examine([broken, Look("ssh", "mx1", refuses)], within_s=5)
    assert [f.outcome for f in all_] == [Outcome.UNKNOWN, Outcome.FAIL]
    assert all_[0].says.startswith("a fault of failover's own, not of mx2; please report it: ZeroDivisionError at ")


@pytest.mark.parametrize(("worst", "code"), [("ok", 0), ("warn", 0), ("unknown", 3), ("fail", 6)])
def test_exit_code(worst: str, code: int) -> None:
    found = (ok("a", "x", ""), warn("b", "x", "", try_=""), Finding("c", "x", Outcome(worst), ""))
    assert exit_code(found) == code
    assert ready(found) == (code == 0)


# The host ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "outcome", "words"),
    [
        ({}, "ok", "pass-through"),
        ({"lever": [("pass", "no", "always_bcc would add"), ("clear", "ok")]}, "ok", "cleared"),
        ({"lever": [("pass", "no", "neither pipe"), ("clear", "no", "no service")]}, "fail", "neither pipe"),
        ({"wiring": [("milter",)], "milters": [("inet:127.0.0.1:11332",)]}, "warn", "milter (inet:127.0.0.1:11332)"),
        ({"wiring": [("none",)], "filter": []}, "warn", "no content_filter or milter calls it"),
        ({"filter": [("a", ""), ("b", "")]}, "warn", "several content filters: a, b"),
        ({"note": [("clear", "another's"), ("pass", "some mail stays")]}, "warn", "pass-through; but some mail stays"),
        ({"wiring": []}, "fail", "could not be read"),
    ],
)
def test_lever(changes: dict[str, list[tuple[str, ...]]], outcome: str, words: str) -> None:
    found = lever.lever(host("mx1", 11), wired(**changes))
    assert found.outcome == outcome, found
    assert words in found.says
    assert bool(found.try_) == (outcome != "ok")


def latent_of(wiring: Reply, read: Reply | None = None, **changes: object) -> list[str]:
    found = latent.latent(host("mx1", 11, **changes), wiring, read or settings())
    return [f"{f.outcome}: {f.says} / {f.try_}" for f in found]


def test_spamc_and_its_pipe_without_time_limits_are_named_with_the_line_to_write() -> None:
    spamc, pipe, line = latent_of(wired())
    assert "warn: spamassassin: spamc has no -t" in spamc
    assert "-t 120" in spamc
    assert "postconf -e spamassassin_time_limit=240s" in pipe
    assert line.startswith("ok: ")


@pytest.mark.parametrize("option", [" -t 30", " --timeout=30", " -t30", " --timeout 30", " -d 127.0.0.1 -t 30"])
def test_a_limit_of_spamc_counts_but_not_that_of_the_command_behind_it(option: str) -> None:
    found = latent_of(wired(service=[("spamassassin/unix", PIPE.format(option))]), settings(command_time_limit="60s"))
    assert len(found) == 1
    assert "line break" in found[0]


def test_either_time_limit_of_the_pipe_counts() -> None:
    for key in ("spamassassin_time_limit", "command_time_limit"):
        assert not any("postconf" in f for f in latent_of(wired(), settings(**{key: "90s"})))
    assert "main.cf:spamassassin_time_limit" in latent.settings(wired())


def test_a_milter_without_limits_is_named_and_what_becomes_of_mail_then() -> None:
    milter = wired(
        wiring=[("milter",)], milters=[("inet:127.0.0.1:11332",)], kind=[], service=[], command=[], filter=[]
    )
    rspamd: dict[str, Any] = {"spam": Spam(SpamEngine.RSPAMD, Endpoint("127.0.0.1", 11332))}
    (found,) = latent_of(milter, **rspamd)
    assert "300 s" in found
    assert "451" in found
    (found,) = latent_of(milter, settings(milter_default_action="accept"), **rspamd)
    assert "unscanned" in found
    assert latent_of(milter, settings(milter_content_timeout="30s"), **rspamd) == ["ok: none known on its path / "]


def test_spamd_called_by_the_handler_may_wait_for_the_last_line_break() -> None:
    by_handler = wired(wiring=[("none",)], kind=[], service=[], command=[], filter=[])
    (found,) = latent_of(by_handler)
    assert found.startswith("warn: ")
    assert "final line break" in found
    assert latent_of(by_handler, spam=None) == ["ok: none known on its path / "]


@pytest.mark.parametrize(("off", "outcome"), [(0, "ok"), (4, "ok"), (-4, "ok"), (8, "warn"), (-3600, "warn")])
def test_clock(off: int, outcome: str) -> None:
    hello = reply("hello", {"now": [(str(int(AT.timestamp()) + off),)]})
    found = clocks("mx1", hello, AT, 0.1)
    assert found.outcome == outcome
    if outcome == "warn":
        assert ("ahead" if off > 0 else "behind") in found.says


def test_an_epoch_of_the_future_shuts_us_out() -> None:
    now = int(AT.timestamp())
    assert not list(epochs("mx1", reply("hello", {"epoch": [(str(now - 60),)]}), AT))
    (found,) = epochs("mx1", reply("hello", {"epoch": [(str(now + 3600),)]}), AT)
    assert found.outcome is Outcome.FAIL
    assert f"--reset-epoch {now + 3600}" in found.try_


@dataclass
class Far:
    """One host, answering verb by verb; an error is raised."""

    answers: dict[str, Reply | FailoverError] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def call(self, host: object, verb: str, args: Mapping[str, str], *, limit_s: float) -> Reply:
        self.asked.append(verb)
        found = self.answers.get(verb) or FAR[verb]
        if isinstance(found, FailoverError):
            raise found
        return found


OURS = of_text(script_text())
BYPASS = ("force", "run-1", "bypass", "1604000000.0", "master.cf", "spamassassin/unix", "/etc/postfix")
HELD = ("held", "7", "1604000000.0", "run-2", "requeue", "/etc/postfix", "left")
HELLO: Rows = {"version": [(OURS.version,)], "digest": [(OURS.digest,)], "now": [(str(int(AT.timestamp())),)]}
FAR = {
    "hello": reply("hello", HELLO),
    "filter-read": wired(),
    "settings": settings(command_time_limit="60s"),
    "debts": reply("debts", {"debt": [BYPASS]}),
    "installed": reply("installed", {"permits": [("ours", "root:root 644")], "permit": [("address:192.0.2.12:25",)]}),
}
NEEDS = frozenset({"address:192.0.2.12:25"})


def of_host(
    far: Far, user: str = "failover", needs: frozenset[str] = NEEDS
) -> tuple[list[Finding], dict[str, tuple[debts.Debt, ...]]]:
    h = host("mx1", 11)
    look = HostLook(replace(h, ssh=replace(h.ssh, user=user)), far, Clock(), OURS, permits=needs)
    return list(look.findings()), look.standing


def test_a_host_that_is_well_says_so_and_what_of_ours_stands_there() -> None:
    found, standing = of_host(Far())
    assert {f.outcome for f in found} <= {Outcome.OK, Outcome.WARN}
    assert [f.name for f in found][:4] == ["ssh", "helper", "clock", "bypass"]
    assert [(d.run, d.step) for d in standing["mx1"]] == [("run-1", "bypass")]


def test_behind_a_closed_door_nothing_more_is_asked() -> None:
    far = Far({"hello": GONE})
    found, _ = of_host(far)
    assert outcomes(tuple(found)) == [("ssh", "fail")]
    assert far.asked == ["hello"]


def test_another_helper_is_not_let_act_and_root_brings_its_own() -> None:
    other = reply("hello", {**HELLO, "digest": [("f" * 64,)]})
    found = {f.name: f for f in of_host(Far({"hello": other}))[0]}
    assert found["helper"].outcome is Outcome.FAIL
    assert found["helper"].try_ == "failover host install mx1 --as root"
    found = {f.name: f for f in of_host(Far({"hello": other}), user="root")[0]}
    assert found["helper"].outcome is Outcome.OK


def test_a_host_whose_list_lacks_what_hosts_yaml_needs_or_has_none_is_to_be_installed_again() -> None:
    found = {f.name: f for f in of_host(Far(), needs=NEEDS | {"address:192.0.2.13:25"})[0]}
    assert found["permits"].outcome is Outcome.WARN
    assert found["permits"].says.endswith("does not allow: address:192.0.2.13:25")
    assert found["permits"].try_ == "failover host install mx1 --as root"
    none = Far({"installed": reply("installed", {"permits": [("absent",)]})})
    found = {f.name: f for f in of_host(none)[0]}
    assert (found["permits"].outcome, found["permits"].try_) == (Outcome.WARN, "failover host install mx1 --as root")


def test_a_helper_that_may_not_read_is_said_in_its_own_words() -> None:
    no = reply("filter-read", {"because": [("/etc/postfix-mx1 is not in root's hands alone",)]}, Rc.NOT_PERMITTED)
    found = {f.name: f for f in of_host(Far({"filter-read": no}))[0]}
    assert found["postfix"].outcome is Outcome.FAIL
    assert "root's hands" in found["postfix"].says


@pytest.mark.parametrize(
    ("role", "state_", "outcome"),
    [
        (Role.STANDBY, State.HEALTHY, "ok"),
        (Role.STANDBY, State.DEGRADED, "warn"),
        (Role.STANDBY, State.UNKNOWN, "fail"),
        (Role.STANDBY, State.FAILED, "fail"),
        (Role.PRIMARY, State.FAILED, "warn"),
    ],
)
def test_a_standby_that_is_not_well_is_no_target(role: Role, state_: State, outcome: str) -> None:
    found = mail.health(replace(host("mx2", 12), role=role), Diagnosis("mx2", state_, None, "spam filter hung"))
    assert found.outcome == outcome


def test_a_fleet_without_a_standby_and_a_full_disk() -> None:
    only = fleet(host("mx1", 11))
    full = fakes.Remote({"mx1": fakes.facts("disk 2 900000000 /var/spool/postfix")})
    found = {f.name: f for f in mail.findings(only, full, Smtp(), Clock())}
    assert found["standby"].outcome is Outcome.FAIL
    assert found["disk"].outcome is Outcome.FAIL
    assert "2 % free" in found["disk"].says


STREAM = "f6f3922a32e3469ea7f5fd17052a7992"


@pytest.mark.parametrize(
    ("row", "outcome", "says"),
    [
        ("log 812 9000 /var/log/mail.log", "ok", "/var/log/mail.log up to byte 9000"),
        (f"log {STREAM} 9000 journal", "ok", "in the journal up to entry 9000"),
        ("error log no log file: maillog_file is not set", "warn", "no log file: maillog_file is not set"),
        ("error log journalctl does not answer in 4 s", "warn", "journalctl does not answer"),
    ],
)
def test_where_mail_is_counted_and_what_to_write_where_it_is_not(row: str, outcome: str, says: str) -> None:
    remote = fakes.Remote({"mx1": fakes.facts(row)})
    shown = list(mail.findings(fleet(), remote, Smtp(), Clock()))
    (found,) = (f for f in shown if (f.name, f.subject) == ("log", "mx1"))
    assert found.outcome == outcome
    assert says in found.says
    assert ("postfix: {log: /" in found.try_) == (outcome == "warn")
    assert all(f.outcome is Outcome.OK for f in shown if f.name == "mail")


# Domains -------------------------------------------------------------------------

HERE = Rfc2136("192.0.2.53", 53, "failover", "env:KEY")


@pytest.mark.parametrize(
    ("ours", "other", "outcome"),
    [
        ("NXDOMAIN", "REFUSED", "ok"),
        ("NXDOMAIN", None, "ok"),
        ("NXDOMAIN", "NXDOMAIN", "warn"),
        ("REFUSED", None, "fail"),
        ("NOTAUTH", None, "fail"),
        ("NOERROR", None, "fail"),
    ],
)
def test_what_the_impossible_update_tells(ours: str, other: str | None, outcome: str) -> None:
    found = rfc2136_right.judged(
        "example.net", HERE, dns.rcode.from_text(ours), dns.rcode.from_text(other) if other else None
    )
    assert found.outcome == outcome
    if outcome != "ok" and ours != "NOERROR":
        assert "grant failover. name example.net. MX" in found.try_


def test_an_update_without_a_key_is_not_even_tried() -> None:
    found = domain.right(Domain("example.net", Rfc2136("192.0.2.53")), Clock())
    assert found.outcome is Outcome.FAIL
    assert "must be signed" in found.says


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    with Aws() as stand_in:
        stand_in.route53.add("Z0123456789", "example.net", mx=["10 mx1.example.net.", "20 mx2.example.net."])
        stand_in.ec2.add("i-0123456789abcdef0", "m5.large")
        stand_in.lend(monkeypatch)
        yield stand_in


def of_route53() -> Finding:
    return domain.right(Domain("example.net", Route53("Z0123456789")), SystemClock())


def test_route53_tells_a_right_from_a_denial_and_nothing_is_changed(aws: Aws) -> None:
    before = aws.route53.mx("Z0123456789")
    found = of_route53()
    assert found.outcome is Outcome.OK, found
    aws.denied = {"ChangeResourceRecordSets"}
    found = of_route53()
    assert found.outcome is Outcome.FAIL
    assert "AccessDenied" in found.says
    assert aws.asked("ChangeResourceRecordSets") == 2
    aws.denied = {"GetChange"}
    found = of_route53()
    assert (found.outcome, "GetChange" in found.try_) == (Outcome.FAIL, True), "safety 3: every right that a run needs"
    assert aws.route53.mx("Z0123456789") == before
    assert len(aws.route53.zones["Z0123456789"].history) == 1


def test_route53_that_cannot_be_asked_is_no_right(aws: Aws) -> None:
    aws.keys.clear()
    found = of_route53()
    assert found.outcome is Outcome.FAIL
    assert KEY not in str(found)
    assert SECRET not in str(found)


def test_a_deletion_that_was_taken_is_no_proof(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route53_right._Asking, "answer", lambda *_: "yes")
    assert of_route53().outcome is Outcome.FAIL


def test_ec2_answers_dry_runs(aws: Aws) -> None:
    at = Ec2("eu-west-3", "i-0123456789abcdef0")
    found = aws_right.machine(host("mx1", 11, cloud=at), at)
    assert found.outcome is Outcome.OK, found
    aws.denied = {"StopInstances"}
    found = aws_right.machine(host("mx1", 11, cloud=at), at)
    assert found.outcome is Outcome.FAIL
    assert "ec2:StopInstances" in found.says
    assert not [r for r in aws.requests if r.action == "StopInstances" and r.params.get("DryRun") != "true"]


def test_a_standby_must_stand_in_the_domain() -> None:
    from failover.core.mx import mx_set

    mx = mx_set(86400, [(10, "mx1.example.net"), (20, "mx2.example.net")])

    def judged(name: str | None, bad: str = "") -> str:
        of = fleet(host("mx1", 11), host("mx2", 12, mx=name))
        (found,) = domain.targets(of, "example.net", mx, Zone(mx, bad_names={bad: "has no address"}))
        return found.outcome.value

    assert judged("mx2.example.net") == "ok"
    assert judged("mx3.example.net") == "warn"
    assert judged(None) == "warn"
    assert judged("mx2.example.net", "mx2.example.net.") == "fail"
    assert [f.outcome for f in domain.ttl("example.net", mx)] == [Outcome.WARN]
    assert not list(domain.ttl("example.net", replace(mx, ttl=300)))


# The controller's own side -------------------------------------------------------

SECRETS = {"env:A": "https://hooks.example.org/secret-a", "env:B": "https://mx1.example.net/secret-b"}
SECRETS |= {"env:C": "https://hooks.example.com/secret-c", "env:D": "mailto://me:secret-d@example.net"}
ADDRESSES = {"hooks.example.org": ("198.51.100.1",), "hooks.example.com": ("192.0.2.12",)}


def resolve(reference: str) -> str:
    if reference not in SECRETS:
        raise ConfigError(f"{reference} is empty or not set", try_="set it")
    return SECRETS[reference]


def addresses(name: str) -> tuple[str, ...]:
    if name not in ADDRESSES:
        raise Unreachable(f"{name} has no address", try_="")
    return ADDRESSES[name]


def told(mode: Mode, *of: Channel) -> list[Finding]:
    hosts = {"mx1": host("mx1", 11, mx="mx1.example.net"), "mx2": host("mx2", 12, mx="mx2.example.net")}
    given = Fleet(hosts, {"example.net": Domain("example.net", HERE)}, Policy(mode), of)
    return list(channels.findings(given, resolve, addresses))


STDERR, HOOK = Channel("stderr"), Channel("webhook", "env:A")


@pytest.mark.parametrize(
    ("mode", "of", "outcome"),
    [
        (Mode.OBSERVE, [STDERR], "warn"),
        (Mode.ASK, [STDERR], "fail"),
        (Mode.AUTO, [], "fail"),
        (Mode.AUTO, [STDERR, HOOK], "ok"),
    ],
)
def test_two_channels_before_it_may_act(mode: Mode, of: list[Channel], outcome: str) -> None:
    assert told(mode, *of)[0].outcome == outcome


@pytest.mark.parametrize(
    ("channel", "outcome", "words"),
    [
        (HOOK, "ok", "hooks.example.org"),
        (Channel("webhook", "env:B"), "fail", "mx1"),
        (Channel("webhook", "env:C"), "fail", "mx2"),
        (Channel("apprise", "env:D"), "fail", "the mail of example.net"),
        (Channel("webhook", "env:NONE"), "fail", "env:NONE is empty or not set"),
        (Channel("pagerduty", None, "env:NONE"), "fail", "env:NONE is empty or not set"),
        (Channel("pagerduty", None, "env:A"), "ok", "its service's own address"),
    ],
)
def test_no_channel_goes_through_the_patient(channel: Channel, outcome: str, words: str) -> None:
    found = told(Mode.OBSERVE, STDERR, channel)[1]
    assert found.outcome == outcome, found
    assert words in found.says
    assert "secret" not in str(found)


def test_a_heartbeat_needs_https_as_a_webhook_does() -> None:
    def beat(url: str) -> Outcome:
        given = Fleet({"mx1": host("mx1", 11)}, policy=Policy(heartbeat="env:BEAT"), notify=(STDERR,))
        return list(channels.findings(given, lambda _: url, addresses))[1].outcome

    assert beat("https://hooks.example.org/secret") is Outcome.OK
    assert beat("http://hooks.example.org/secret") is Outcome.FAIL


def test_the_playbooks_that_come_with_it_can_be_bound_to_two_hosts() -> None:
    found = list(playbooks.findings(list_all(None), fleet()))
    assert [f.outcome for f in found] == [Outcome.OK], found


def test_a_playbook_that_names_a_host_that_there_is_not(tmp_path: Path) -> None:
    text = list_all(None)["spam-filter-hung"].read_text()
    (tmp_path / "mine.yaml").write_text(text.replace("name: spam-filter-hung", "name: mine").replace("${sick}", "mx9"))
    (tmp_path / "broken.yaml").write_text("version: 1\nname: broken\n")
    found = {f.subject: f for f in playbooks.findings(list_all(tmp_path), fleet())}
    assert found["mine"].outcome is Outcome.FAIL
    assert "mx9" in found["mine"].says
    assert found["broken"].outcome is Outcome.FAIL
    assert found["fleet"].outcome is Outcome.OK


def test_state_that_is_not_there_stays_so(tmp_path: Path) -> None:
    (found,) = state.folder(tmp_path / "failover.db")
    assert found.outcome is Outcome.OK
    assert list(tmp_path.iterdir()) == []


def test_state_that_is_another_programs_or_has_no_log(tmp_path: Path) -> None:
    path = tmp_path / "failover.db"
    path.write_text("something else entirely")
    assert state.database(path).outcome is Outcome.FAIL
    path.unlink()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE t (x)")
    other.close()
    assert "no write-ahead log" in state.database(path).says


def test_what_a_host_remembers_and_we_do_not() -> None:
    """Each comes with the command that needs the host alone, whoever's records are lost."""
    standing = {"mx1": debts.of("mx1", [BYPASS, HELD])}
    change, held = state.forgotten(standing, lambda run, step: "nobody knows it")
    assert (change.outcome, change.try_) == (Outcome.WARN, "failover host restore mx1 run-1 bypass")
    assert (held.outcome, held.try_) == (Outcome.FAIL, "failover host restore mx1 run-2 requeue")
    assert [f.name for f in state.forgotten(standing, lambda run, step: "")] == ["on hold"]


# Through the front door ----------------------------------------------------------

HOSTS = """\
version: 1
hosts:
  mx1: {role: primary, address: 192.0.2.11, mx: mx1.example.net, spam: {engine: spamassassin}}
  mx2: {role: standby, address: 192.0.2.12, mx: mx2.example.net, spam: {engine: spamassassin}}
"""


@dataclass
class Both:
    """`look` as the signals' tests script it, the other verbs as above; a host that is gone is gone for all."""

    gone: dict[str, FailoverError]

    def call(self, host: object, verb: str, args: Mapping[str, str], *, limit_s: float) -> Reply:
        name = str(getattr(host, "name", ""))
        if name in self.gone:
            raise self.gone[name]
        if verb == "look":
            return fakes.Remote().call(host, verb, args, limit_s=limit_s)  # type: ignore[arg-type]
        return Far().call(host, verb, args, limit_s=limit_s)


Cli = Callable[..., Said]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    (tmp_path / "hosts.yaml").write_text(HOSTS)
    monkeypatch.setattr(wiring, "smtp", Smtp)
    monkeypatch.setattr(wiring, "clock", Clock)
    monkeypatch.delenv("FAILOVER_STATE", raising=False)
    monkeypatch.delenv("FAILOVER_PLAYBOOKS", raising=False)

    def run(*words: str, **gone: FailoverError) -> Said:
        monkeypatch.setattr(wiring, "remote", lambda _: Both(gone))
        with pytest.raises(SystemExit) as e:
            main(["doctor", *words, "--hosts", str(tmp_path / "hosts.yaml")])
        said = capsys.readouterr()
        return Said(int(e.value.code or 0), said.out, said.err)

    return run


def test_ready_with_warnings_is_zero(cli: Cli, tmp_path: Path) -> None:
    said = cli()
    assert said.code == 0, said.out
    assert said.out.splitlines()[-1].startswith("Ready, ")
    assert [p.name for p in tmp_path.iterdir()] == ["hosts.yaml"]


def test_a_host_that_is_gone_is_six_and_says_what_to_do(cli: Cli) -> None:
    said = cli(mx2=GONE)
    assert said.code == 6
    assert "cannot connect to 192.0.2.12:22" in said.out
    assert "try: use its console" in said.out
    assert said.out.splitlines()[-1].startswith("Not ready: ")


def test_json_is_one_document_of_the_agreed_shape(cli: Cli) -> None:
    said = cli("--json", mx2=GONE)
    found = json.loads(said.out)
    assert (said.code, list(found), found["version"], found["ready"]) == (6, ["version", "ready", "checks"], 1, False)
    assert {tuple(check) for check in found["checks"]} == {("name", "subject", "outcome", "says", "try")}
    assert all(check["try"] for check in found["checks"] if check["outcome"] != "ok")


def test_wrong_configuration_is_two(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "hosts.yaml").write_text("version: 1\nhosts: {}\n")
    assert cli().code == 2


def test_a_line_of_a_server_moves_no_cursor() -> None:
    shown = doctor.lines((warn("mail", "mx1", "greets with \x1b[2J", try_="\x07"),))
    assert all(line.isprintable() for line in shown)


def test_an_expired_mitigation_is_told() -> None:
    s = scene()
    s.start()
    s.world.advance(5 * 3600)
    found = [f for f in state.records(Runs(ports(s.world), s.world.store), {}) if f.name == "in force"]
    assert [(f.outcome.value, f.try_) for f in found] == [("warn", "failover rollback run-1")]
