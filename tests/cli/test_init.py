"""`failover init`: what becomes of what DNS and hosts say, that the file always loads, and when nothing is written."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import paramiko
import pytest
from hypothesis import given
from hypothesis import strategies as st

from failover.adapters import host_keys, known_hosts
from failover.adapters.known_hosts import HostKey
from failover.channels import CHANNELS
from failover.cli import init as command
from failover.cli import main, wiring
from failover.config.hosts import load_fleet
from failover.config.write_hosts import Line, text
from failover.core.fleet import Endpoint, Fleet, Host, Role, Spam, SpamEngine, Ssh
from failover.dns.entry import Found
from failover.dns.rfc2136 import Rfc2136
from failover.dns.route53 import Route53
from failover.doctor import found_dns, found_host
from failover.doctor.draft import Wanted, draft, servers
from failover.doctor.found_dns import Exchange
from failover.doctor.found_host import HostFound, guesses, handlers, look_at, unseen
from failover.errors import FailoverError, Refused, Unreachable
from failover.ports import Reply
from tests.adapters.sshd import Keys, Sshd, make_keys, really_run
from tests.cli.conftest import Said
from tests.cli.test_doctor import PIPE, reply, wired

AT = datetime(2026, 11, 24, 3, 12, tzinfo=UTC)
MX = (Exchange(10, "mx1.example.net", ("192.0.2.11",)), Exchange(20, "mx2.example.net", ("192.0.2.12",)))
ZONE = Found(
    "example.net", "example.net", ("ns1.example.net",), "ns1.example.net", "192.0.2.53", "it answers with authority"
)
AWS = Found("example.net", "example.net", ("ns-1.awsdns-01.org", "ns-2.awsdns-02.com"), "ns-1.awsdns-01.org", None, "")
GONE = Unreachable("no host key from 192.0.2.12:22: nothing came for 8 s", try_="ssh-keyscan")


def wanted(tmp: Path, **changes: object) -> Wanted:
    usual = Wanted(
        *("example.net", tmp / "hosts.yaml", "root", 22, None, None),
        {"key_name": "failover", "key": "env:FAILOVER_TSIG"},
    )
    return replace(usual, **changes)  # type: ignore[arg-type]  # the dataclass checks


def written(
    of: Wanted, exchanges: tuple[Exchange, ...] = MX, zone: Found | FailoverError = ZONE, **found: HostFound
) -> tuple[str, Fleet]:
    listed = servers(exchanges, of.ssh)
    seen = {s.host.name: found.get(s.host.name.replace("-", "_"), HostFound(unseen("not looked at"))) for s in listed}
    said = text(draft(of, listed, seen, zone, "", AT))
    of.out.write_text(said)
    return said, load_fleet(of.out)


# Names and roles -----------------------------------------------------------------


def test_the_most_preferred_is_primary_and_names_are_first_labels(tmp_path: Path) -> None:
    _, fleet = written(wanted(tmp_path))
    assert [(h.name, h.role, h.address, h.mx) for h in fleet.hosts.values()] == [
        ("mx1", Role.PRIMARY, "192.0.2.11", "mx1.example.net"),
        ("mx2", Role.STANDBY, "192.0.2.12", "mx2.example.net"),
    ]
    assert fleet.domains["example.net"].dns == Rfc2136("192.0.2.53", 53, "failover", "env:FAILOVER_TSIG")
    assert fleet.policy.mode == "observe"
    assert [c.kind for c in fleet.notify] == ["stderr"]


def test_an_example_of_every_kind_of_channel_is_there_and_right(tmp_path: Path) -> None:
    said, _ = written(wanted(tmp_path))
    (tmp_path / "hosts.yaml").write_text(said.replace("  # - {", "  - {"))
    assert [c.kind for c in load_fleet(tmp_path / "hosts.yaml").notify] == list(CHANNELS)


def test_one_label_twice_one_that_is_no_name_and_one_that_is_taken(tmp_path: Path) -> None:
    odd = [(10, "mail.a.example"), (20, "mail.b.example"), (30, "controller.example.net"), (40, "_x.example.net")]
    exchanges = tuple(Exchange(p, n, (f"192.0.2.{p}",)) for p, n in odd)
    _, fleet = written(wanted(tmp_path), exchanges)
    assert list(fleet.hosts) == ["mail", "mail-2", "mx", "mx-2"]
    assert fleet.hosts["mx-2"].mx is None  # hosts.yaml takes no underscore there


def test_the_same_machine_twice_and_one_without_address_are_left_out_and_said(tmp_path: Path) -> None:
    gone = Exchange(5, "old.example.net", (), "old.example.net has no address")
    twin, again = Exchange(30, "mx3.example.net", ("192.0.2.11",)), replace(MX[0], preference=30)
    said, fleet = written(wanted(tmp_path), (gone, *MX, twin, again))
    assert {n: h.role.value for n, h in fleet.hosts.items()} == {"mx1": "primary", "mx2": "standby"}
    assert "#   old:" in said
    assert "the address of mx1" in said
    assert "stands there as mx1 already, with preference 10" in said
    with pytest.raises(Refused):
        servers((gone,), Ssh())


@pytest.mark.parametrize(
    ("zone", "zone_id", "expected"),
    [(AWS, "Z0123456789", Route53("Z0123456789")), (AWS, None, None), (GONE, None, None)],
)
def test_the_zone(tmp_path: Path, zone: Found | FailoverError, zone_id: str | None, expected: object) -> None:
    said, fleet = written(wanted(tmp_path, dns={"zone_id": zone_id} if zone_id else {}), zone=zone)
    assert (fleet.domains["example.net"].dns if fleet.domains else None) == expected
    if zone is AWS and zone_id is None:
        assert "# domains:" in said
        assert "aws route53 list-hosted-zones-by-name --dns-name example.net" in said


def test_without_a_key_it_says_how_to_make_one(tmp_path: Path) -> None:
    said, fleet = written(wanted(tmp_path, dns={}))
    assert fleet.domains["example.net"].dns == Rfc2136("192.0.2.53")
    assert "tsig-keygen failover" in said


# Whatever they say, it loads -------------------------------------------------------

HOSTILE = st.text(st.characters(codec="utf-8"), max_size=40) | st.sampled_from(
    [
        "x\n  mx9: {role: primary}",
        '"}\n',
        "# \r\nversion: 2",
        "${hosts.mx1}",
        "&a *a",
        "!!python/object",
        "yes",
        "1e3",
        "\x85",
    ]
)
NAME = st.from_regex(r"[a-z0-9]{1,5}(-[a-z]{1,3})?", fullmatch=True) | HOSTILE


@given(st.lists(NAME, min_size=1, max_size=3), HOSTILE, HOSTILE, HOSTILE)
def test_whatever_dns_and_hosts_say_the_file_loads(
    tmp_path_factory: pytest.TempPathFactory, labels: list[str], server: str, greeting: str, unit: str
) -> None:
    of = wanted(tmp_path_factory.mktemp("x"), identity=Path("/key"))
    exchanges = tuple(Exchange(i, f"{n}.example.net", (f"192.0.2.{i + 1}",), n) for i, n in enumerate(labels))
    zone = Found("example.net", server, (server, greeting), server, None, greeting)
    value = {"engine": "spamassassin", "address": greeting, "unit": unit}
    row = reply("look", {"handler": [("ok", "9", greeting)]})
    handler = found_host._greeting(Endpoint("127.0.0.1", 25), greeting, row)
    found = HostFound((Line("spam", value, unit, "{engine: none}"), handler))
    listed = servers(exchanges, of.ssh)
    of.out.write_text(text(draft(of, listed, {s.host.name: found for s in listed}, zone, greeting, AT)))
    fleet = load_fleet(of.out)
    assert len(fleet.hosts) == len({e.name for e in exchanges})
    assert {h.address for h in fleet.hosts.values()} <= {e.addresses[0] for e in exchanges}


# What a host shows -----------------------------------------------------------------


def first(wiring: Reply) -> tuple[SpamEngine, str, bool]:
    guess = next(guesses(wiring))
    return guess.engine, str(guess.at), guess.wired


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (SpamEngine.SPAMASSASSIN, "127.0.0.1:783", True)),
        (
            {"service": [("x/unix", PIPE.format(" -d 10.0.0.9 -p 1783"))]},
            (SpamEngine.SPAMASSASSIN, "10.0.0.9:1783", True),
        ),
        ({"command": [("rspamc",)]}, (SpamEngine.RSPAMD, "127.0.0.1:11333", True)),
        ({"command": [], "milters": [("inet:localhost:11332",)]}, (SpamEngine.RSPAMD, "localhost:11333", True)),
        (
            {"command": [], "milters": [("unix:/spamass/spamass.sock",)]},
            (SpamEngine.SPAMASSASSIN, "127.0.0.1:783", True),
        ),
        ({"command": []}, (SpamEngine.SPAMASSASSIN, "127.0.0.1:783", False)),
    ],
)
def test_which_filter_postfix_calls(changes: dict[str, list[tuple[str, ...]]], expected: tuple[object, ...]) -> None:
    assert first(wired(**changes)) == expected


def test_where_postfix_may_hand_mail_on() -> None:
    assert handlers({}) == (Endpoint("127.0.0.1", 20381),)
    named = {"relay_transport": "=smtp:[127.0.0.1]:10030", "virtual_transport": "=lmtp:inet:localhost:24"}
    assert [str(e) for e in handlers(named)] == ["127.0.0.1:10030", "127.0.0.1:24", "127.0.0.1:20381"]
    assert handlers({"default_transport": "=smtp:[relay.example.org]:25"}) == (Endpoint("127.0.0.1", 20381),)


@dataclass
class Far:
    """A host where `answers` listen: each by the address that is dialled."""

    answers: Mapping[str, tuple[str, ...]]
    wiring: Reply = field(default_factory=wired)
    services: tuple[str, ...] = ("spamd",)
    acted: list[str] = field(default_factory=list)

    def call(self, host: Host, verb: str, args: Mapping[str, str], *, limit_s: float) -> Reply:
        match verb:
            case "filter-read":
                return self.wiring
            case "settings":
                return reply("settings", {"setting": [("master.cf", "smtp/inet", "=smtp inet n - y - - smtpd")]})
            case "unit":
                return Reply("unit", 0 if args["name"] in self.services else 78)
            case "look":
                rows = {"spam.ping": args.get("spam_address"), "handler": args.get("handler")}
                known = {k: [self.answers.get(at or "", ("refused", "0", "no"))] for k, at in rows.items() if at}
                return reply("look", {**known, "container": [("running", "1")]} if "docker" in self.services else known)
        self.acted.append(verb)
        return Reply(verb, 64)


def seen(far: Far) -> dict[str, object]:
    found = look_at(far, Host("mx1", Role.PRIMARY, "192.0.2.11"))
    assert not far.acted
    return {line.key: line.value for line in found.lines}


def test_a_host_as_simplelogin_has_it() -> None:
    far = Far({"127.0.0.1:783": ("ok", "9", "PONG"), "127.0.0.1:20381": ("ok", "9", "220 x Python SMTP 1.4")})
    assert seen(far) == {
        "postfix": {"service": "smtp/inet"},
        "spam": {"engine": "spamassassin", "address": "127.0.0.1:783", "unit": "spamd"},
        "handler": {"address": "127.0.0.1:20381", "banner": "Python SMTP"},
        "cloud": None,
    }
    docker = Far(far.answers, services=("docker",))
    assert seen(docker)["handler"] == {"address": "127.0.0.1:20381", "banner": "Python SMTP", "container": "sl-email"}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ({"log": [("812", "9000", "/var/log/mail.log")]}, "; its log is /var/log/mail.log"),
        ({"log": [("f" * 32, "9000", "journal")]}, "; its log is the systemd journal"),
        ({"error": [("log", "no log file: nothing there")]}, "(no log file: nothing there): add log: /PATH"),
    ],
)
def test_where_a_host_logs_is_told_beside_its_postfix(rows: dict[str, list[tuple[str, ...]]], words: str) -> None:
    line = found_host._postfix({"smtp/inet": "=x"}, reply("look", rows))
    assert line.value == {"service": "smtp/inet"}
    assert words in line.why


def test_a_wired_filter_that_hangs_now_is_still_written_and_an_unwired_one_is_not() -> None:
    hangs = {"127.0.0.1:783": ("timeout", "4000", "connected, no answer in 4 s")}
    assert seen(Far(hangs))["spam"] == {"engine": "spamassassin", "address": "127.0.0.1:783", "unit": "spamd"}
    unwired = wired(wiring=[("none",)], command=[], service=[], kind=[], filter=[])
    assert seen(Far(hangs, unwired))["spam"] is None
    rspamd = {"127.0.0.1:11333": ("ok", "9", "HTTP/1.1 200 OK")}
    assert seen(Far(rspamd, unwired, ("rspamd",)))["spam"] == {
        "engine": "rspamd", "address": "127.0.0.1:11333", "unit": "rspamd"
    }  # fmt: skip


@pytest.mark.parametrize("listens", [(11333, 11334), (11334,), ()])
@pytest.mark.parametrize("wiring", [{"milters": [("inet:localhost:11332",)]}, {"command": [("rspamc",)]}])
def test_rspamds_proxy_is_no_scan_address(listens: tuple[int, ...], wiring: dict[str, list[tuple[str, ...]]]) -> None:
    """case: rspamd's proxy on 11332 was written as the scan address; it speaks the milter protocol, so it failed for
    ever. Where the normal worker is not used, the controller scans."""
    at = "localhost" if "milters" in wiring else "127.0.0.1"
    there = {f"{at}:{port}": ("ok", "9", "HTTP/1.1 200 OK") for port in listens}
    there[f"{at}:11332"] = ("closed", "9", "closed without an answer")
    found = seen(Far(there, wired(**{"command": [], **wiring}), ("rspamd",)))["spam"]
    port = next(iter(listens), 11333)
    assert found == {"engine": "rspamd", "address": f"{at}:{port}", "unit": "rspamd"}


# Host keys -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return make_keys(tmp_path_factory.mktemp("keys"))


def of(key: paramiko.PKey) -> HostKey:
    return HostKey(key.get_name(), key.get_base64())


def test_every_kind_of_key_is_fetched_and_nobody_logs_in(keys: Keys) -> None:
    rsa = paramiko.RSAKey.generate(2048)
    with Sshd(keys, really_run, more_host_keys=(rsa,)) as sshd:
        assert set(host_keys.fetch("127.0.0.1", sshd.port)) == {of(keys.host), of(rsa)}
        assert sshd.logins == 0


@pytest.mark.parametrize("listens", [True, False])
def test_a_server_that_is_silent_or_not_there_ends_in_time(listens: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        if not listens:
            silent.close()
        with pytest.raises(Unreachable):
            host_keys.fetch("127.0.0.1", port, within_s=0.4)


def test_known_changed_revoked_and_not_known(tmp_path: Path, keys: Keys) -> None:
    mine, theirs = of(keys.host), of(keys.other)
    file, own = tmp_path / "known_hosts", tmp_path / "own"
    assert host_keys.trust("192.0.2.11", 22, (mine,), [file, own]).by is None
    own.write_text(host_keys.lines("192.0.2.11", 22, (mine,)))
    assert host_keys.trust("192.0.2.11", 22, (mine, theirs), [file, own]).known == (mine,)
    file.write_text(host_keys.lines("192.0.2.11", 22, (theirs,)))
    with pytest.raises(Refused, match="has changed"):
        host_keys.trust("192.0.2.11", 22, (mine,), [file, own])
    file.write_text(f"@revoked * {mine.kind} {mine.base64}\n")
    with pytest.raises(Refused, match="revokes"):
        host_keys.trust("192.0.2.11", 22, (mine,), [file, own])


def test_keys_are_added_to_what_is_there(tmp_path: Path, keys: Keys) -> None:
    file = tmp_path / "known_hosts"
    file.write_text("# mine")
    host_keys.add(file, host_keys.lines("192.0.2.11", 2222, (of(keys.host),)))
    assert file.read_text().startswith("# mine\n")
    assert known_hosts.load(file).trusted("192.0.2.11", 2222) == (of(keys.host),)
    assert [p.name for p in tmp_path.iterdir()] == ["known_hosts"]


# Through the front door ----------------------------------------------------------

Cli = Callable[..., Said]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], keys: Keys) -> Cli:
    """Two servers that offer the same key, at 192.0.2.11 and 12; DNS knows one domain."""
    far = Far({"127.0.0.1:783": ("ok", "9", "PONG")})
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FAILOVER_TSIG", raising=False)
    monkeypatch.delenv("FAILOVER_HOSTS", raising=False)
    monkeypatch.setattr(command, "USERS_OWN", ())
    monkeypatch.setattr(wiring, "remote", lambda _: far)
    monkeypatch.setattr(found_dns, "exchanges", lambda _: MX)
    monkeypatch.setattr(found_dns, "zone", lambda _: ZONE)
    monkeypatch.setattr(host_keys, "fetch", lambda *_: (of(keys.host),))

    def run(*words: str) -> Said:
        with pytest.raises(SystemExit) as e:
            main(["init", *words])
        said = capsys.readouterr()
        return Said(int(e.value.code or 0), said.out, said.err)

    return run


def test_a_key_that_nobody_compared_is_refused_and_nothing_is_written(cli: Cli, tmp_path: Path, keys: Keys) -> None:
    said = cli("example.net")
    assert said.code == 4
    assert of(keys.host).fingerprint.split()[1] in said.out
    assert "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" in said.out
    assert list(tmp_path.iterdir()) == []


def test_yes_writes_both_files_and_names_the_next_command(cli: Cli, tmp_path: Path) -> None:
    said = cli("example.net", "--yes")
    assert said.code == 0, said.err
    assert "Taken for their own without comparing, as --yes says: mx1, mx2" in said.out
    assert said.out.splitlines()[-1] == "next: failover doctor"
    fleet = load_fleet(tmp_path / "hosts.yaml")
    assert fleet.hosts["mx2"].spam == Spam(SpamEngine.SPAMASSASSIN, Endpoint("127.0.0.1", 783), "spamd")
    assert fleet.hosts["mx1"].ssh.known_hosts == str(tmp_path / "known_hosts")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["hosts.yaml", "known_hosts"]


def test_a_file_that_is_there_is_kept(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "hosts.yaml").write_text("mine")
    assert cli("example.net", "--yes").code == 4
    assert (tmp_path / "hosts.yaml").read_text() == "mine"
    assert cli("example.net", "--yes", "--force").code == 0
    assert (tmp_path / "hosts.yaml.bak").read_text() == "mine"


def test_a_changed_key_is_refused_even_with_yes(cli: Cli, tmp_path: Path, keys: Keys) -> None:
    other = host_keys.lines("192.0.2.12", 22, (of(keys.other),))
    (tmp_path / "known_hosts").write_text(other)
    said = cli("example.net", "--yes")
    assert said.code == 4
    assert "has changed" in said.err
    assert (tmp_path / "known_hosts").read_text() == other
    assert not (tmp_path / "hosts.yaml").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["not_a_domain"],
        ["example.net", "--out", "nowhere/hosts.yaml"],
        ["example.net", "--tsig", "failover:c2VjcmV0LXNlY3JldA=="],
        ["example.net", "--user", "a b"],
        ["example.net", "--zone-id", "x"],
        ["example.net", "--tsig", "a b:env:X"],
    ],
)
def test_wrong_usage_is_two_and_shows_no_secret(cli: Cli, tmp_path: Path, words: list[str]) -> None:
    said = cli(*words, "--yes")
    assert said.code == 2, said
    assert "c2Vj" not in said.err
    assert list(tmp_path.iterdir()) == []


def test_a_server_without_ssh_is_written_as_dns_has_it(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: Keys
) -> None:
    def fetch(address: str, port: int) -> tuple[HostKey, ...]:
        if address == "192.0.2.12":
            raise GONE
        return (of(keys.host),)

    monkeypatch.setattr(host_keys, "fetch", fetch)
    said = cli("example.net", "--yes")
    assert said.code == 0
    assert "not looked at: no host key from 192.0.2.12:22" in said.out
    fleet = load_fleet(tmp_path / "hosts.yaml")
    assert fleet.hosts["mx2"].spam is None
    assert fleet.hosts["mx2"].role is Role.STANDBY
