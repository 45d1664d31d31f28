"""Least privilege on real hosts: with the helper installed everything works, and beside it nothing does."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from failover.host import script_text
from failover.lab import Lab
from tests.labs import arrived, rolled_back, send, until
from tests.scenarios.installed import HELPER, Controller

pytestmark = pytest.mark.lab

EVERYTHING = [
    "sh",
    "-c",
    "find /usr/local/sbin /etc/sudoers.d /etc/failover-host* ~failover -type f | sort | xargs sha256sum; "
    "stat -c '%n %a %U:%G' ~failover/.ssh ~failover/.ssh/authorized_keys",
]
PERMITS = "/etc/failover-host.permits"
AGAIN = f"is not on this host's list, {PERMITS}: run failover host install again"
CURE = ("run", "spam-filter-hung", "--set", "sick=mx1", "--yes")


@pytest.fixture(scope="module")
def installed(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controller]:
    ours = Controller.of(lab, tmp_path_factory.mktemp("controller"))
    ours.install("mx1")
    yield ours
    ours.remove("mx1")


@pytest.fixture
def controller(installed: Controller) -> Iterator[Controller]:
    """Installed on mx1, without a forced command; afterwards, too."""
    yield installed
    installed.put_back()


@pytest.fixture
def forced(controller: Controller) -> Iterator[Controller]:
    controller.install("mx1", "--forced-command")
    yield controller
    controller.put_back()
    controller.remove("mx1")
    controller.install("mx1")


def test_install_and_remove_leave_everything_as_it_was(lab: Lab, tmp_path: Path) -> None:
    ours = Controller.of(lab, tmp_path)
    before = lab.run("mx2", EVERYTHING, timeout=10).stdout
    ours.install("mx2", "--forced-command")
    assert "already so" in ours.install("mx2", "--forced-command").stdout
    status = json.loads(ours.fine("host", "status", "mx2", "--json").stdout)
    assert (status["ours"]["same"], status["may_call"], status["key"]) == (True, True, "forced")
    modes = lab.run("mx2", ["stat", "-c", "%a %U:%G", HELPER, "/etc/sudoers.d/failover"], timeout=10).stdout
    assert modes == "755 root:root\n440 root:root\n"
    lab.run("mx2", ["visudo", "-c"], timeout=10)

    ours.remove("mx2")
    assert lab.run("mx2", EVERYTHING, timeout=10).stdout == before
    lab.run("mx2", ["test", "-d", "/var/lib/failover-host"], timeout=10)
    ours.remove("mx2", "--purge")
    lab.run("mx2", ["test", "!", "-e", "/var/lib/failover-host"], timeout=10)


def test_somebody_elses_sudoers_file_is_left_alone(lab: Lab, tmp_path: Path) -> None:
    ours, theirs = Controller.of(lab, tmp_path), "failover ALL=(ALL) ALL"
    lab.run("mx2", ["sh", "-c", f"echo '{theirs}' >/etc/sudoers.d/failover"], timeout=10)
    try:
        refused = ours.failover("host", "install", "mx2", "--as", "root", "--yes")
        assert refused.returncode == 4
        assert "/etc/sudoers.d/failover" in refused.stderr
        assert lab.run("mx2", ["cat", "/etc/sudoers.d/failover"], timeout=10).stdout == f"{theirs}\n"
        lab.run("mx2", ["test", "!", "-e", HELPER], timeout=10)
    finally:
        lab.run("mx2", ["rm", "/etc/sudoers.d/failover"], timeout=10)


@pytest.mark.parametrize("way", ["controller", "forced"])
def test_the_main_job_as_the_ordinary_user(request: pytest.FixtureRequest, way: str) -> None:
    """Check, run, a refused rollback, a refused remove, rollback: no root log-in anywhere."""
    controller: Controller = request.getfixturevalue(way)
    lab, seq, before = controller.lab, request.node.name, controller.files()
    lab.incident("spamd-hung")
    send(lab, seq)
    assert "spam filter hung" in controller.failover("check", "--host", "mx1").stdout

    cured = controller.fine(*CURE, "--json")
    assert json.loads(cured.stdout)["state"] == "succeeded", cured.stdout
    until(lambda: len(arrived(lab, seq)) == 1, within=15, what="the stuck message is delivered")
    assert controller.failover("rollback", "--yes").returncode == 6, "the filter still hangs"

    kept = controller.failover("host", "remove", "mx1", "--as", "root", "--yes")
    assert kept.returncode == 4
    assert json.loads(cured.stdout)["run"] in kept.stderr
    controller.heal()
    rolled_back(controller.failover)
    assert controller.files() == before


@pytest.mark.parametrize(
    "command",
    [
        "sudo -n id",
        "sudo -n /bin/sh -c id",
        "sudo -n postconf -M",
        "sudo -n /usr/bin/env text=x /usr/local/sbin/failover-host install",
        f"sudo -n -u postfix {HELPER} hello",
        f"sudo -n sh {HELPER} hello",
        f"cp {HELPER} ~/failover-host && sudo -n ~/failover-host hello",
        f"echo id >>{HELPER}",
        f"mv {HELPER} /tmp",
        "cat /etc/sudoers.d/failover",
        "ls /var/lib/failover-host/saved",
    ],
)
def test_sudo_opens_nothing_beside_the_helper(controller: Controller, command: str) -> None:
    done = controller.ssh(command)
    assert done.returncode != 0
    assert "uid=0" not in done.stdout
    assert "end\thello\t0" not in done.stdout


@pytest.mark.parametrize("by", [HELPER, "./failover-host"])
def test_through_sudo_the_helper_is_not_replaced(controller: Controller, by: str) -> None:
    """Else whoever may call it would be root: the text that install puts there comes from outside."""
    evil = "#!/bin/sh\n# failover-host: x\nid"
    digest = hashlib.sha256(f"{evil}\n".encode()).hexdigest()
    asked = f"export text='{evil}'; cd /usr/local/sbin; sudo -n {by} install user=failover digest={digest}"
    done = controller.ssh(asked)
    assert "end\tinstall\t77\n" in done.stdout or "password is required" in done.stderr, done
    installed = controller.lab.run("mx1", ["cat", HELPER], timeout=10).stdout
    assert installed == script_text()


SAVED = """
umask 077 && mkdir -p /var/lib/failover-host/saved/r,s && cd /var/lib/failover-host/saved/r,s &&
echo /etc/postfix-two >config_dir && printf 'main.cf\\tx\\t-\\t=1\\n' >settings
"""


@pytest.mark.parametrize("at", ["/home/failover/evil", "/home/failover/link"])
def test_through_sudo_no_configuration_of_ones_own(controller: Controller, at: str) -> None:
    """safety 9: Postfix's commands run, as root, what daemon_directory of main.cf names."""
    lay = f"mkdir -p {at} && cp /etc/postfix/*.cf {at}" if "link" not in at else f"ln -sfn /home/failover/evil {at}"
    for verb in ("filter-read", "look limit=5 patience=1", "flush run=r step=s attempt=1 epoch=1 limit=5"):
        done = controller.ssh(f"{lay}; sudo -n {HELPER} {verb} config_dir={at}")
        assert done.stdout.endswith(f"end\t{verb.split()[0]}\t77\n"), done
    of_root = (
        "mkdir -p /srv/mail /etc/postfix-two; for to in /srv/mail /etc/postfix-two; do cp /etc/postfix/*.cf $to; done; "
        f"printf 'config_dir:%s\\n' /srv/mail /etc/postfix-two >>{PERMITS}"
    )
    controller.lab.run("mx1", ["sh", "-c", of_root], timeout=10)
    for folder, rc in (("/srv/mail", 77), ("/etc/postfix-two", 0)):
        done = controller.ssh(f"sudo -n {HELPER} filter-read config_dir={folder}")
        assert done.stdout.endswith(f"end\tfilter-read\t{rc}\n"), done
    theirs = (
        "cd /etc/postfix-two && mv main.cf ~failover && chown failover ~failover/main.cf && ln -s ~failover/main.cf ."
    )
    controller.lab.run("mx1", ["sh", "-c", theirs], timeout=10)
    done = controller.ssh(f"sudo -n {HELPER} filter-read config_dir=/etc/postfix-two")
    controller.lab.run("mx1", ["sh", "-c", SAVED], timeout=10)
    act = f"run=r step=undo attempt={at[-4:]} epoch={int(time.time())} limit=9"
    undone = controller.ssh(f"sudo -n {HELPER} restore {act} of_run=r of_step=s")
    made = ["/srv/mail", "/etc/postfix-two", "/home/failover/main.cf", "/var/lib/failover-host/saved/r,s"]
    controller.lab.run("mx1", ["rm", "-rf", *made], timeout=10)
    controller.install("mx1")
    assert done.stdout.endswith("/main.cf is not in root's hands alone\nend\tfilter-read\t77\n"), done
    assert undone.stdout.endswith("/main.cf is not in root's hands alone\nend\trestore\t78\n"), undone


def test_through_sudo_only_what_root_has_listed(controller: Controller) -> None:
    """safety 16: the key was a prober of every address from there, and restarted any service."""
    lab, mx2 = controller.lab, controller.lab.address("mx2")
    look = f"sudo -n {HELPER} look limit=9 patience=2 top=no"
    said = controller.ssh(f"{look} peers={mx2}:25,{mx2}:22 handler=127.0.0.1:22 container=other").stdout
    assert f"peer\t{mx2}:25\tok\t" in said
    assert f"peer\t{mx2}:22\terror\t0\t{mx2}:22 {AGAIN}\n" in said
    assert f"handler\terror\t0\t127.0.0.1:22 {AGAIN}\n" in said
    assert f"error\tcontainer\tother {AGAIN}\n" in said
    assert "\nend\tlook\t0\n" in said
    scan = controller.ssh(f"{look} spam=spamassassin scan=yes spam_address={mx2}:22").stdout
    assert scan.count(f"{mx2}:22 {AGAIN}") == 2
    act = "run=r step=s attempt=listed epoch=1 limit=5"
    lab.run("mx1", ["cp", "-a", "/etc/postfix", "/etc/postfix-two"], timeout=10)
    try:
        for verb, args, what in (
            ("restart", f"{act} kind=service name=ssh answers=127.0.0.1:25", "service:ssh"),
            ("restart", f"{act} kind=container name=db answers=127.0.0.1:25", "container:db"),
            ("restart", f"{act} kind=service name=postfix answers={mx2}:22", f"address:{mx2}:22"),
            ("unit", "limit=5 kind=service name=ssh", "service:ssh"),
            ("filter-read", "limit=5 config_dir=/etc/postfix-two", "config_dir:/etc/postfix-two"),
        ):
            done = controller.ssh(f"sudo -n {HELPER} {verb} {args}").stdout
            assert done.endswith(f"because\t{what} {AGAIN}\nend\t{verb}\t77\n"), done
    finally:
        lab.run("mx1", ["rm", "-rf", "/etc/postfix-two"], timeout=10)


def test_a_list_that_is_not_roots_alone_lets_nothing_through_and_none_is_as_before(controller: Controller) -> None:
    lab, hello = controller.lab, f"sudo -n {HELPER} hello limit=5"

    def laid(how: str) -> str:
        lab.run("mx1", ["sh", "-c", how], timeout=10)
        return controller.ssh(hello).stdout

    kept = f"cp -a {PERMITS} /root/kept && rm {PERMITS}"
    assert f"{PERMITS} is not a file in root's hands alone\nend\thello\t77\n" in laid(
        f"{kept} && ln -s /root/kept {PERMITS}"
    )
    assert "\nend\thello\t77\n" in laid(f"ln -sfn /nowhere {PERMITS}")
    refused = controller.failover("host", "install", "mx1", "--as", "root", "--yes")
    assert (refused.returncode, PERMITS in refused.stderr) == (4, True)
    assert "\nend\thello\t77\n" in laid(f"rm {PERMITS} && cp -a /root/kept {PERMITS} && chown failover {PERMITS}")
    assert "\nend\thello\t77\n" in laid(f"chown root {PERMITS} && chmod 664 {PERMITS}")
    assert "\nend\thello\t0\n" in laid(f"rm {PERMITS}"), "an install of before"
    mx2 = lab.address("mx2")
    free = f"sudo -n {HELPER} look limit=9 patience=2 top=no peers={mx2}:22"
    assert f"peer\t{mx2}:22\twrong\t" in controller.ssh(free).stdout
    warned = json.loads(controller.failover("doctor", "--json").stdout)["checks"]
    (warning,) = [c for c in warned if (c["name"], c["subject"]) == ("permits", "mx1")]
    assert (warning["outcome"], warning["try"]) == ("warn", "failover host install mx1 --as root")
    controller.install("mx1")
    assert lab.run("mx1", ["stat", "-c", "%a %U:%G", PERMITS], timeout=10).stdout == "644 root:root\n"
    assert "address:" in controller.fine("host", "status", "mx1").stdout


def test_without_the_forced_command_the_key_opens_a_shell(controller: Controller) -> None:
    """What the next test would not notice, if the lab's sshd let nobody in anyway."""
    assert "uid=" in controller.ssh("id").stdout


def test_with_the_forced_command_the_key_opens_nothing_else(forced: Controller, tmp_path: Path) -> None:
    controller, lab, at = forced, forced.lab, f"failover@{forced.lab.address('mx1')}"
    fine = f"sudo -n {HELPER} hello limit=5"
    assert "end\thello\t0" in controller.ssh(fine).stdout

    proof = f"/home/failover/pwned-{tmp_path.name}"
    for tail in (f"; touch {proof}", f"$(touch {proof})", f"`touch {proof}`", f"\ntouch {proof}", f"| touch {proof}",
                 f"' ; touch {proof} '", f"&& touch {proof}", f"> {proof}", f"$'\\n'touch {proof}", "*"):  # fmt: skip
        for command in (f"{fine}{tail}", f"{fine} {tail}", tail.lstrip(";&|> ")):
            done = controller.ssh(command)
            assert done.returncode in {64, 77}, (command, done)
            assert "end\thello\t0" not in done.stdout, command
    for command in ("", "id", "sh", "bash -i", "sudo -n id", f"{HELPER} hello", f"sudo -n {HELPER}-x hello",
                    f"sudo -n {HELPER} forced", "/usr/lib/openssh/sftp-server", "internal-sftp"):  # fmt: skip
        done = controller.ssh(command)
        assert done.returncode in {64, 77}, (command, done)
        assert "uid=" not in done.stdout
    lab.run("mx1", ["test", "!", "-e", proof], timeout=10)

    (tmp_path / "batch").write_text(f"put {tmp_path}/batch {proof}\n")
    assert controller.client("sftp", "-b", str(tmp_path / "batch"), at).returncode != 0
    for way in ((), ("-O",)):
        assert controller.client("scp", *way, str(tmp_path / "batch"), f"{at}:{proof}").returncode != 0
    lab.run("mx1", ["test", "!", "-e", proof], timeout=10)
    through = controller.client("ssh", "-W", "127.0.0.1:25", at)
    assert "220 " not in through.stdout
    assert through.returncode != 0
    back = controller.client("ssh", "-o", "ExitOnForwardFailure=yes", "-R", "12345:127.0.0.1:25", at, fine)
    assert back.returncode == 255, back
    assert "end\t" not in controller.client("ssh", "-tt", at, "id").stdout.replace("end\tforced\t77", "")


def test_a_wrong_host_key_is_refused_before_the_log_in(controller: Controller, tmp_path: Path) -> None:
    known = (controller.lab.folder / "known_hosts").read_text()
    address, other = controller.lab.address("mx1"), controller.lab.address("mx2")
    key = next(line.split(" ", 1)[1] for line in known.splitlines() if line.startswith(other))
    (tmp_path / "swapped").write_text(f"{address} {key}\n")
    hosts = tmp_path / "swapped.yaml"
    hosts.write_text(
        controller.hosts.read_text().replace(str(controller.lab.folder / "known_hosts"), str(tmp_path / "swapped"))
    )
    for command in (("host", "status", "mx1"), CURE):
        refused = controller.failover(*command, hosts=hosts)
        assert refused.returncode in {3, 4}, refused
        assert "wrong host key" in refused.stderr


def test_another_helper_than_ours_looks_but_does_not_act(controller: Controller) -> None:
    lab, before = controller.lab, controller.files()
    lab.run("mx1", ["sed", "-i", "$a # edited", HELPER], timeout=10)
    checked = controller.failover("check", "--host", "mx1", "--json")
    assert json.loads(checked.stdout)["hosts"]["mx1"]["signals"]["ssh.reach"]["outcome"] == "ok"
    assert "mx1 has failover-host" in checked.stderr

    lab.incident("spamd-hung")
    refused = controller.failover(*CURE)
    assert refused.returncode == 4, refused.stdout + refused.stderr
    assert "failover host install mx1" in refused.stderr + refused.stdout
    assert controller.files() == before
    controller.heal()
    controller.install("mx1")
    assert "has failover-host" not in controller.failover("check", "--host", "mx1").stderr


def test_a_lost_store_and_a_clock_that_ran_ahead(controller: Controller) -> None:
    """Break-glass: the epoch of the future becomes now, with its reason, and controllers act again."""
    future = "9999999998"
    controller.lab.run("mx1", ["sh", "-c", f"echo {future} >/var/lib/failover-host/epoch"], timeout=10)
    stale = controller.failover("host", "status", "mx1", "--reset-epoch", "9999999997", "--reason", "x", "--yes")
    assert stale.returncode == 4, "only what is read there is reset"
    why = "clock was in 2286; $(id)"
    said = controller.fine("host", "status", "mx1", "--reset-epoch", future, "--reason", why, "--yes").stdout
    assert f"epoch {future} to " in said
    assert why in said
    status = json.loads(controller.fine("host", "status", "mx1", "--json").stdout)
    assert status["epoch"] < int(future)
