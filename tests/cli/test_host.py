"""`failover host` through the front door: what is shown before it asks, what is sent, and what is refused unsent."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import paramiko
import pytest

from failover.cli import main, wiring
from failover.core.fleet import Fleet, Host
from failover.host import VERSION, script_text
from failover.ports import Rc, Reply
from tests.cli.conftest import Said

LIST = ["address:127.0.0.1:25", "address:192.0.2.11:25", "config_dir:/etc/postfix", "service:postfix"]
DIGEST = hashlib.sha256(script_text().encode()).hexdigest()
LINE = "failover ALL=(root) NOPASSWD: /usr/local/sbin/failover-host"
Rows = dict[str, tuple[str, ...]]
BARE: Rows = {
    "helper": ("absent",), "sudo": ("yes",), "sudoers": ("-", ""), "user": ("failover", "/home/failover"),
    "may": ("no",), "key": ("otherwise",), "keys_file": (".ssh/authorized_keys",), "epoch": ("0",),
    "permits": ("absent",),
}  # fmt: skip
DONE: Rows = {
    **BARE, "helper": (VERSION, DIGEST, "root:root 755"), "sudoers": ("failover", "root:root 440"), "may": ("yes",),
    "permits": ("ours", "root:root 644"),
}  # fmt: skip


@dataclass
class Far:
    """A host that answers with these rows, and where installing makes it so."""

    rows: Rows = field(default_factory=lambda: dict(BARE))
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    refuses: dict[str, str] = field(default_factory=dict)
    listed: list[str] = field(default_factory=list)

    def call(self, host: Host, verb: str, args: Mapping[str, str], *, limit_s: float) -> Reply:
        self.asked.append((host.ssh.user, verb, dict(args)))
        if verb == "install":
            self.listed = args["permits"].split(",")
            self.rows = DONE | ({"key": ("forced",)} if args["forced"] == "yes" else {"key": self.rows["key"]})
        if verb in self.refuses:
            return Reply(verb, Rc.REFUSED, (("because", self.refuses[verb]),))
        rows = [(key, *row) for key, row in self.rows.items()]
        return Reply(verb, Rc.OK, (*rows, *(("permit", item) for item in self.listed)))

    @property
    def verbs(self) -> list[str]:
        return [verb for _, verb, _ in self.asked]


Cli = Callable[..., Said]


@pytest.fixture
def far() -> Far:
    return Far()


@pytest.fixture
def cli(far: Far, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    def remote(of: Fleet) -> Far:
        return far

    monkeypatch.setattr(wiring, "remote", remote)
    paramiko.ECDSAKey.generate().write_private_key_file(str(tmp_path / "id"))
    hosts = tmp_path / "hosts.yaml"
    hosts.write_text(
        f"version: 1\ndefaults: {{ssh: {{user: failover, identity: {tmp_path}/id}}}}\n"
        "hosts:\n  mx1: {role: primary, address: 192.0.2.11}\n"
    )

    def run(*words: str) -> Said:
        with pytest.raises(SystemExit) as e:
            main(["host", *words, "--hosts", str(hosts)])
        said = capsys.readouterr()
        assert isinstance(e.value.code, int)
        return Said(e.value.code, said.out, said.err)

    return run


def test_it_shows_every_file_and_line_and_does_nothing_unasked(cli: Cli, far: Far) -> None:
    said = cli("install", "mx1", "--as", "root", "--forced-command")
    assert said.code == 4
    assert "--yes" in said.err
    for shown in (
        "/etc/failover-host.permits",
        ", ".join(LIST),
        "/usr/local/sbin/failover-host",
        "root:root 755",
        LINE,
        "root:root 440",
        "authorized_keys",
    ):
        assert shown in said.out
    assert 'restrict,command="/usr/local/sbin/failover-host forced" ecdsa-sha2-nistp256 ' in said.out
    assert far.verbs == ["installed"]


def test_installed_as_root_and_looked_at_again(cli: Cli, far: Far) -> None:
    assert cli("install", "mx1", "--as", "root", "--yes").code == 0
    assert far.verbs == ["installed", "install", "installed"]
    user, _, args = far.asked[1]
    assert (user, args) == ("root", {"user": "failover", "forced": "no", "digest": DIGEST, "permits": ",".join(LIST)})

    again = cli("install", "mx1", "--as", "root")
    assert (again.code, far.verbs[3:]) == (0, ["installed"])
    assert "already so" in again.out


def test_a_list_that_lacks_or_allows_more_is_written_anew_and_shown(cli: Cli, far: Far) -> None:
    far.rows, far.listed = dict(DONE), [*LIST[1:], "service:ssh"]
    said = cli("install", "mx1", "--as", "root")
    assert "now:  lacks address:127.0.0.1:25; allows besides service:ssh; root:root 644" in said.out
    status = cli("status", "mx1")
    assert "service:ssh; hosts.yaml needs also address:127.0.0.1:25: failover host install mx1 --as root" in status.out
    assert cli("status", "mx1", "--json").document["permits"] == sorted(far.listed)
    far.rows["permits"] = ("absent",)
    assert "anything: there is no /etc/failover-host.permits" in cli("status", "mx1").out
    far.rows["permits"] = ("other", "")
    assert "/etc/failover-host.permits is not as we write it" in cli("install", "mx1", "--as", "root", "--yes").err


def test_the_forced_command_is_for_the_key_of_hosts_yaml(cli: Cli, far: Far, tmp_path: Path) -> None:
    assert cli("install", "mx1", "--as", "root", "--forced-command", "--yes").code == 0
    key = paramiko.ECDSAKey.from_private_key_file(str(tmp_path / "id"))
    assert far.asked[1][2]["public"] == f"{key.get_name()}:{key.get_base64()}"
    assert far.asked[1][2]["forced"] == "yes"


@pytest.mark.parametrize(
    ("words", "rows", "code", "says"),
    [
        (("install", "mx1"), {}, 2, "--as root"),
        (("install", "mx9", "--as", "root"), {}, 2, "mx9"),
        (("install", "mx1", "--as", "root", "--yes", "--key", "/nonexistent", "--forced-command"), {}, 2, "/nonexist"),
        (("install", "mx1", "--as", "root", "--yes"), {"helper": ("other",)}, 4, "/usr/local/sbin/failover-host"),
        (("install", "mx1", "--as", "root", "--yes"), {"sudoers": ("?", "x")}, 4, "/etc/sudoers.d/failover"),
        (("install", "mx1", "--as", "root", "--yes"), {"user": ("absent",)}, 4, "useradd"),
        (("install", "mx1", "--as", "root", "--yes"), {"sudo": ("no",)}, 4, "sudo is not installed"),
        (("remove", "mx1"), {}, 2, "--as root"),
        (("remove", "mx1", "--as", "root", "--yes"), {"force": ("r-1", "bypass")}, 4, "failover rollback r-1"),
        (("remove", "mx1", "--as", "root", "--yes"), {"force": ("r-1", "b")}, 4, "failover host restore mx1 r-1 b"),
        (("status", "mx1", "--reset-epoch", "9999999999", "--yes"), {}, 2, "--reason"),
        (("status", "mx1", "--reset-epoch", "17", "--reason", "x", "--yes"), {}, 4, "not in the future"),
    ],
)
def test_refused_before_anything_is_sent_that_changes(
    cli: Cli, far: Far, words: tuple[str, ...], rows: Rows, code: int, says: str
) -> None:
    far.rows |= rows
    said = cli(*words)
    assert said.code == code
    assert says in said.err
    assert set(far.verbs) <= {"installed"}


def test_what_is_written_back_at_once_is_no_success(cli: Cli, far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.cli.test_host.DONE", BARE)
    said = cli("install", "mx1", "--as", "root", "--yes")
    assert said.code == 5
    assert "/usr/local/sbin/failover-host still reads: absent" in said.err


def test_an_epoch_of_the_future_becomes_now_and_says_why(cli: Cli, far: Far) -> None:
    assert cli("status", "mx1", "--reset-epoch", "9999999999", "--reason", "a clock; $(id)", "--yes").code == 0
    _, verb, args = far.asked[0]
    assert (verb, args["from"]) == ("epoch-set", "9999999999")
    assert abs(int(args["to"]) - time.time()) < 60
    assert unquote(args["reason"]).endswith(": a clock; $(id)")


def test_status_is_one_document(cli: Cli, far: Far) -> None:
    far.rows = {
        **DONE,
        "key": ("forced",),
        "result": ("r-1,bypass,1", "done", "0", "1700000000"),
        "force": ("r-1", "b"),
    }
    found: dict[str, Any] = cli("status", "mx1", "--json").document
    assert found["helper"] == {"version": VERSION, "digest": DIGEST}
    assert found["ours"]["same"] is True
    assert (found["may_call"], found["key"], found["in_force"]) == (True, "forced", [{"run": "r-1", "step": "b"}])
    assert far.asked[0][0] == "failover"
    assert "its key may run nothing else" in cli("status", "mx1").out


def test_removed_only_after_asking(cli: Cli, far: Far) -> None:
    assert cli("remove", "mx1", "--as", "root").code == 4
    assert "remove" not in far.verbs
    assert cli("remove", "mx1", "--as", "root", "--yes", "--purge").code == 0
    assert far.asked[-1] == ("root", "remove", {"purge": "yes"})


def test_what_is_owed_at_the_very_removal_names_what_discharges_it(cli: Cli, far: Far) -> None:
    far.refuses = {"remove": "still owed here: held 3 1 r-1 requeue /etc/postfix left"}
    said = cli("remove", "mx1", "--as", "root", "--yes")
    assert said.code == 4
    assert "held 3 1 r-1 requeue" in said.err
    assert "failover host restore mx1" in said.err


def test_text_is_what_would_be_installed(cli: Cli) -> None:
    assert cli("text").out == script_text()
