"""Nothing from YAML, a mail queue or a call's values reaches a shell: canaries are planted, none hatches.

All as the ordinary user, so that sshd, sudo and both of their argument lists are on the way. DNS cannot carry a
canary here: BIND refuses such a name as an exchange.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from failover.lab import Lab
from failover.ports import Rc
from tests.labs import ledger, until
from tests.scenarios.host import MailHost
from tests.scenarios.installed import Controller
from tests.scenarios.test_hangs import answers, start

pytestmark = pytest.mark.lab

NAME = "canary"
FIND = ["find", "/tmp", "/var", "/root", "/home", "/etc", "/run", "/usr/local", "-name", NAME]  # noqa: S108  looked at
KEYS = {
    "look": ("spam", "spam_address", "scan", "handler", "peers", "filters", "patience", "config_dir", "limit"),
    "filter-read": ("filter", "config_dir"),
    "settings": ("s1", "s2; touch", "config_dir"),
    "frozen": ("filter",),
    "result": ("run", "step", "attempt"),
    "bypass": ("run", "step", "attempt", "epoch", "filter", "lever", "expect", "config_dir"),
    "restore": ("of_run", "of_step"),
    "requeue": ("filter", "batch"),
    "settle": ("run", "epoch"),
    "epoch-set": ("to", "from", "reason"),
    "installed": ("user", "public"),
    "install": ("user", "public", "digest", "forced"),
    "remove": ("purge",),
}
GOOD = {"run": "r", "step": "s", "attempt": "1", "epoch": "1"}


def eggs(canary: str) -> tuple[str, ...]:
    do = f"touch {canary}"
    return (
        f"$({do})", f"`{do}`", f"; {do} ;", f"\n{do}\n", f"| {do}", f"& {do} &", f"' ; {do} ; '", f'" ; {do} ; "',
        f"x$({do.replace(' ', '${IFS}')})", f"a'$({do})'b", f"\\$({do})", f"*$({do})", f"1;{do}", f"/etc/$({do})",
    )  # fmt: skip


@pytest.fixture
def canary(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A file that anybody could make, on the hosts and where the controller runs; nobody has, afterwards."""
    nest = tmp_path_factory.mktemp("n")
    for host in ("mx1", "mx2"):
        lab.run(host, ["mkdir", "-p", "-m", "1777", str(nest)], timeout=10)
    yield str(nest / NAME)
    assert [hatched(lab, host) for host in ("mx1", "mx2")] == ["", ""]
    assert not (nest / NAME).exists()
    assert not Path(NAME).exists()


def hatched(lab: Lab, host: str) -> str:
    return lab.run(host, FIND, timeout=60, check=False).stdout


@pytest.fixture(scope="module")
def controller(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controller]:
    """The longest way: sshd, the forced command, sudo, the helper."""
    ours = Controller.of(lab, tmp_path_factory.mktemp("controller"))
    ours.install("mx1", "--forced-command")
    yield ours
    ours.put_back()
    ours.remove("mx1")


@pytest.fixture(params=["forced", "sudo"])
def either(controller: Controller, request: pytest.FixtureRequest) -> Iterator[Controller]:
    if request.param == "forced":
        yield controller
        return
    controller.remove("mx1")
    controller.install("mx1")
    yield controller
    controller.install("mx1", "--forced-command")


def test_a_canary_that_hatched_is_seen(lab: Lab, canary: str) -> None:
    """Made by the least of users."""
    lab.run("mx1", ["runuser", "-u", "nobody", "--", "sh", "-c", eggs(canary)[0]], timeout=10, check=False)
    assert hatched(lab, "mx1") == f"{canary}\n"
    lab.run("mx1", ["rm", canary], timeout=10)


def test_every_key_of_every_verb(either: Controller, canary: str) -> None:
    hostile = eggs(canary)
    turns = [(verb, key) for verb, keys in KEYS.items() for key in keys]
    calls = [(verb, {**GOOD, key: hostile[n % len(hostile)]}, 10) for n, (verb, key) in enumerate(turns)]
    calls += [("frozen", {"filter": egg}, 10) for egg in hostile]
    calls += [(f"hello {egg}", {}, 10) for egg in hostile[:3]]
    told = answers(start(either.lab, *calls, user="failover"))
    assert len(told) == len(calls)
    for (verb, args, _), answer in zip(calls, told, strict=True):
        refused = answer["rc"] == Rc.USAGE or (" " in verb and answer["error"])
        assert refused, (verb, args, answer)


PLACES = ("mx1.lab.test", '"127.0.0.1:783"', '"127.0.0.1:20381"', '"Python SMTP"', "spamd", "smtp/inet", "10.77.0.11")


@pytest.mark.parametrize("n", range(len(PLACES)))
def test_every_text_of_hosts_yaml(controller: Controller, canary: str, tmp_path: Path, n: int) -> None:
    egg, was = eggs(canary)[n], controller.hosts.read_text()
    place = PLACES[n] + ("}" if PLACES[n] == "spamd" else "")
    assert place in was
    hosts = tmp_path / "hosts.yaml"
    hosts.write_text(was.replace(place, json.dumps(egg) + ("}" if place.endswith("}") else ""), 1))
    for command in (("check", "--host", "mx1"), ("host", "status", "mx1")):
        done = controller.failover(*command, hosts=hosts)
        assert "this is a bug" not in done.stderr, done.stderr
    for value in (egg, eggs(canary)[n + 7]):
        refused = controller.failover("plan", "spam-filter-hung", "--set", f"sick={value}")
        assert refused.returncode == 2


MAIL = r"""
import json, smtplib, sys
address, names = sys.argv[1], json.load(sys.stdin)
quoted = ['"' + n.replace("\\", "\\\\").replace('"', '\\"') + '"' for n in names]
taken = []
with smtplib.SMTP(address, 25, local_hostname="$(id)`id`.example.org", timeout=30) as smtp:
    smtp.ehlo()
    for n, name in enumerate(quoted):
        smtp.docmd("MAIL", f"FROM:<{name}@example.org>")
        code, said = smtp.docmd("RCPT", f"TO:<{name}@lab.test>")
        if code == 250:
            smtp.data(f"Message-ID: <{names[n]}@x>\r\nSubject: {names[n]}\r\nFrom: {name}@example.org\r\n"
                      f"X-Failover-Seq: {sys.argv[2]}-{n}\r\n\r\n{names[n]}\r\n")
            taken.append(f"{sys.argv[2]}-{n}")
        else:
            smtp.rset()
print(json.dumps(taken))
"""


def stuck(lab: Lab, canary: str, run: str) -> set[str]:
    """Mail of hostile senders to hostile recipients, behind the hung filter; what of it was taken."""
    names = [egg.replace("\n", " ") for egg in eggs(canary)] + ["-oQ/x y", "a|b", "a>b", "%s%n", "../../etc/passwd"]
    lab.incident("spamd-hung")
    argv = [sys.executable, "-c", MAIL, lab.address("mx1"), run]
    taken = set(json.loads(lab.run("sender", argv, input=json.dumps(names), timeout=60).stdout))
    assert len(taken) >= 15, "or the test tests nothing"
    return taken


def delivered_once(lab: Lab, taken: set[str]) -> None:
    def mine() -> list[str]:
        return [m["x_seq"] for m in ledger(lab) if m["x_seq"] in taken]

    until(lambda: set(mine()) == taken, within=30, what="all of it is delivered")
    assert len(mine()) == len(taken), "once each"


def test_senders_and_recipients_of_stuck_mail(controller: Controller, canary: str, tmp_path: Path) -> None:
    lab = controller.lab
    taken = stuck(lab, canary, tmp_path.name)
    assert "spam filter hung" in controller.failover("check", "--host", "mx1").stdout
    controller.fine("run", "spam-filter-hung", "--set", "sick=mx1", "--yes", within=200)
    delivered_once(lab, taken)
    controller.put_back()


def test_senders_and_recipients_of_requeued_mail(lab: Lab, canary: str, tmp_path: Path) -> None:
    """The other lever, where no pass-through is possible."""
    host = MailHost(lab)
    taken = stuck(lab, canary, tmp_path.name)
    try:
        assert host.bypass("clear").rc == Rc.OK
        requeued = host.act("requeue", "requeue", {"filter": "spamassassin"})
        assert requeued.rc == Rc.OK, requeued
        assert host.act("flush", "flush").rc == Rc.OK
        delivered_once(lab, taken)
    finally:
        lab.heal("spamd-hung")
        assert host.restore().rc == Rc.OK


def test_names_of_files_in_the_queue(controller: Controller, canary: str) -> None:
    """Only Postfix and root can put files there; still, a name is a name."""
    lab, spool = controller.lab, "/var/spool/postfix"
    names = [egg.replace("/", "") for egg in eggs(NAME)] + ["-rf", "--help", "'", '"', "a b"]
    plant = 'cd $0/$1 && shift && for n; do echo x >"./$n"; chmod 700 "./$n"; done'
    for queue in ("deferred", "incoming", "hold"):
        lab.run("mx1", ["sh", "-c", plant, spool, queue, *names], timeout=10)
    try:
        look = ("look", {"filters": "yes", "patience": "5"}, 20)
        told = answers(start(lab, look, ("frozen", {"filter": "spamassassin"}, 8), user="failover"))
        assert [t["rc"] for t in told] in ([0, 0], [0, Rc.FAILED]), told
    finally:
        lab.run("mx1", ["sh", "-c", f"cd {spool} && find deferred incoming hold -type f -delete"], timeout=10)
