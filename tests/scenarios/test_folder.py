"""What a mail host remembers lies in a folder of root's alone; nothing in any other is believed, moved or removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from failover.host import script_text
from failover.lab import Lab
from failover.ports import Rc, Reply
from tests.labs import lab_or_skip
from tests.scenarios.host import NONE, MailHost, read, words

pytestmark = pytest.mark.lab

STATE, OLD = "/var/lib/failover-host", "/var/lib/failover"
BEFORE = Path(__file__).parents[1] / "releases" / "failover-host-1.sh"
"""The helper of the release before, as it was sent."""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    ours = lab_or_skip("folder")
    yield ours
    ours.down()


@pytest.fixture
def host(lab: Lab) -> Iterator[MailHost]:
    ours = MailHost(lab)
    ours.sh(f"rm -rf {STATE} {STATE}.new {OLD}; id failover >/dev/null 2>&1 || useradd --system failover")
    lab.rewire("mx1", "smtpd-pipe")
    yield ours
    ours.sh(f"rm -rf {STATE} {STATE}.new {OLD}")


class Older(MailHost):
    """A controller of the release before: it sends the helper of its own."""

    def call(self, verb: str, args: dict[str, str] = NONE, *, limit: int = 30) -> Reply:  # type: ignore[assignment,override]
        argv, text = words(verb, {"limit": str(limit), **args}), BEFORE.read_text()
        return read(self.lab.run(self.name, argv, timeout=limit + 15, input=text, check=False))


def older(host: MailHost) -> Older:
    return Older(host.lab, run=host.run, epoch=host.epoch)


def in_force(host: MailHost) -> list[tuple[str, ...]]:
    return list(host.call("installed").all("force"))


def things(host: MailHost, folder: str = OLD) -> list[str]:
    return host.sh(f"cd {folder} 2>/dev/null && find . -type f | sort; true").split()


def test_a_change_in_force_by_the_release_before_is_moved_and_restored(host: MailHost) -> None:
    """safety 4: the folder of the release before becomes ours, whole; the way back is found after it."""
    before = host.config()
    assert older(host).bypass("pass").rc == Rc.OK
    assert in_force(host) == [(host.run, "bypass")], "a verb that only reads finds it where it lies, and moves nothing"
    assert host.call("result", {"run": host.run, "step": "bypass", "attempt": "1"}).one("result") == ("done", "0")
    assert "./saved" in "".join(things(host))

    assert host.act("flush", "flush").rc == Rc.OK
    assert in_force(host) == [(host.run, "bypass")]
    assert things(host) == ["./epoch", "./lock"]
    assert host.sh(f"stat -c '%U %a' {STATE}") == "root 700\n"
    assert host.restore().rc == Rc.OK
    assert host.config() == before


def test_a_helper_of_the_release_before_called_later_acts_not(host: MailHost) -> None:
    """safety 4: it finds nothing instead of half, and an epoch that says where all went."""
    assert older(host).bypass("pass").rc == Rc.OK
    assert host.act("flush", "flush").rc == Rc.OK
    changed = host.config()
    late = older(host).restore()
    assert (late.rc, f"moved-to-{STATE}" in late.because) == (Rc.STALE, True)
    assert older(host).act("flush", "late", attempt=7).rc == Rc.STALE
    assert host.config() == changed
    assert host.restore().rc == Rc.OK


def test_what_a_helper_of_the_release_before_did_since_is_taken_in(host: MailHost) -> None:
    """Two controllers during an upgrade: the newer one acted first, on a host that was never acted on."""
    assert host.act("flush", "flush", attempt=1).rc == Rc.OK
    assert older(host).bypass("pass").rc == Rc.OK
    newer = MailHost(host.lab, run="newer", epoch=host.epoch + 5)
    assert newer.act("flush", "flush", attempt=1).rc == Rc.OK
    assert in_force(host) == [(host.run, "bypass")]
    names = ["flush,1", "bypass,1"]
    assert all(f"./results/{host.run},{name}" in things(host, STATE) for name in names)
    assert host.sh(f"cat {STATE}/epoch") == f"{newer.epoch}\n"


CUT = """
mkdir -p /tmp/cut; echo 1 >/tmp/n
printf '%s\\n' '#!/bin/sh' 'n=$(cat /tmp/n); echo $((n + 1)) >/tmp/n' \\
  '[ $n -ne NTH ] || pkill -KILL -f "[f]ailover-host flush"' 'exec /bin/COMMAND "$@"' >/tmp/cut/COMMAND
chmod 755 /tmp/cut/*
"""


@pytest.mark.parametrize("command", ["mv", "cp", "sync", "rm"])
@pytest.mark.parametrize("nth", [1, 2, 4])
def test_killed_while_it_moves_nothing_is_lost(host: MailHost, command: str, nth: int) -> None:
    """safety 4: a reader sees all of it at any moment, and the next act goes on."""
    before = host.config()
    assert older(host).bypass("pass").rc == Rc.OK
    host.sh(CUT.replace("COMMAND", command).replace("NTH", str(nth)))
    argv = words("flush", {"run": "r", "step": "s", "attempt": "1", "epoch": str(host.epoch), "limit": "20"})
    text = script_text().replace("PATH=/usr/sbin", "PATH=/tmp/cut:/usr/sbin", 1)
    try:
        host.lab.run("mx1", argv, timeout=30, input=text, check=False)
    finally:
        host.sh("rm -rf /tmp/cut /tmp/n")
    assert in_force(host) == [(host.run, "bypass")]
    assert host.act("flush", "flush").rc == Rc.OK
    assert things(host) == ["./epoch", "./lock"]
    assert host.restore().rc == Rc.OK
    assert host.config() == before


FORGED = f"""
mkdir -p {OLD}/saved/evil,bypass/before {OLD}/saved/evil,bypass/wanted {OLD}/results
cp /etc/postfix/*.cf {OLD}/saved/evil,bypass/before; cp /etc/postfix/*.cf {OLD}/saved/evil,bypass/wanted
echo 'daemon_directory = /home/evil' >>{OLD}/saved/evil,bypass/before/main.cf
printf 'main.cf\\tx\\t-\\t-\\n' >{OLD}/saved/evil,bypass/settings; echo /etc/postfix >{OLD}/saved/evil,bypass/config_dir
echo precious >{OLD}/failover.db
chown -R failover: {OLD}; chmod 700 {OLD}
"""


def test_a_forged_change_in_the_controllers_folder_is_never_restored(host: MailHost) -> None:
    """safety 4: user failover became root through a forged saved file."""
    before = host.config()
    host.sh(FORGED)
    host.run = "evil"
    undo = host.restore()
    assert (undo.rc, f"{OLD}/saved" in undo.because) == (Rc.NOT_PERMITTED, True), undo
    assert host.config() == before
    assert in_force(host) == []
    said = host.call("installed").one("unbelieved")
    assert said is not None
    assert "cd /var/lib/failover && rm -r saved" in said[0]
    host.sh(f"cd {OLD} && rm -r saved results")
    assert host.act("flush", "flush").rc == Rc.OK, "the cure that was said is one; what else is there is not minded"
    assert host.sh(f"cat {OLD}/failover.db") == "precious\n"


@pytest.mark.parametrize("inside", ["epoch", "moving", "saved", "results"])
def test_a_link_in_the_controllers_folder_overwrites_nothing(host: MailHost, inside: str) -> None:
    """safety 4: a root file was overwritten through a symlink."""
    host.sh(f"install -d -o failover -m 700 {OLD}; mkdir -p /root/precious; echo 5 >/root/precious/x; rm -f /root/aim")
    host.sh(f"ln -s /root/precious/x /root/aim; ln -s /root/precious {OLD}/{inside}; chown -h failover {OLD}/{inside}")
    before = host.sh("ls -laR --time-style=full-iso /root/precious; cat /root/precious/x")
    host.act("flush", "flush")
    host.call("installed")
    host.call("remove", {"purge": "yes"})
    assert host.sh("ls -laR --time-style=full-iso /root/precious; cat /root/precious/x") == before


SPOILT = {
    "another user's": f"install -d -o failover -m 700 {STATE}",
    "open to a group": f"install -d -m 770 -g failover {STATE}",
    "open to all": f"install -d -m 755 {STATE}",
    "a link": f"install -d -m 700 /root/elsewhere; ln -s /root/elsewhere {STATE}",
    "a dangling link": f"ln -s /root/nowhere {STATE}",
    "a file": f"echo x >{STATE}",
    "below another's folder": "chown failover /var/lib",
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_folder_that_is_not_roots_alone_is_not_believed(host: MailHost, how: str) -> None:
    """safety 4: by no verb, acting or reading, and the answer says how to mend it."""
    before = host.config()
    try:
        host.sh(SPOILT[how])
        for verb in ("flush", "settle", "bypass"):
            args = host.plan("pass") if verb == "bypass" else NONE
            reply = host.act(verb, verb, args)
            assert (reply.rc, "root" in reply.because) == (Rc.NOT_PERMITTED, True), (verb, reply)
        assert host.call("result", {"run": "r", "step": "s", "attempt": "1"}).rc == Rc.NOT_PERMITTED
        for verb in ("hello", "installed"):
            assert host.call(verb).one("unbelieved"), verb
        assert host.call("remove", {"purge": "yes"}).rc == Rc.NOT_PERMITTED
        assert host.config() == before
        assert (
            host.sh("ls -A /root/elsewhere /root/nowhere 2>/dev/null; true").replace("/root/elsewhere:", "").strip()
            == ""
        )
    finally:
        host.sh(f"chown root: /var/lib; rm -rf {STATE} /root/elsewhere")


def test_purge_removes_what_was_made_here_and_nothing_else(host: MailHost) -> None:
    """safety 4: `host remove --purge` deleted the controller's database."""
    assert older(host).act("flush", "flush").rc == Rc.OK
    host.sh(f"echo precious >{OLD}/failover.db")
    assert host.act("flush", "flush", attempt=2).rc == Rc.OK
    host.sh(f"echo mine >{STATE}/notes")
    kept = host.call("remove", {"purge": "yes"})
    assert ("state", "left", "notes ") in kept.all("did"), kept
    assert things(host, STATE) == ["./notes"]
    assert things(host) == ["./failover.db"]
    host.sh(f"rm {STATE}/notes")
    assert ("state", "removed") in host.call("remove", {"purge": "yes"}).all("did")
    assert host.sh(f"ls -d {STATE} 2>/dev/null; true") == ""
