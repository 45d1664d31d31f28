"""What of `failover-host` can be tried without a mail host: its text, and what it takes for a value."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from failover.host import VERSION, script_text

LAST = 'main "$@"\n'
SHELLS = [shell for shell in ("dash", "bash") if shutil.which(shell)]


def ran(text: str, *args: str, shell: str = "sh") -> subprocess.CompletedProcess[str]:
    argv = [shell, "-c", 'eval "$(cat)"', "failover-host", *args]
    return subprocess.run(argv, input=text, capture_output=True, text=True, timeout=20, check=False)


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_takes_the_text_and_it_says_its_version(shell: str) -> None:
    done = ran(script_text(), "hello", shell=shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"version\t{VERSION}\n" in done.stdout
    assert done.stdout.endswith("end\thello\t0\n")


def test_only_the_last_line_does_anything() -> None:
    text = script_text()
    assert text.endswith(LAST)
    done = ran(text.removesuffix(LAST), "hello")
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("args", [(), ("nothing",), ("hello", "limit"), ("hello", "run=a"), ("flush", "run=a")])
def test_wrong_usage_is_64_and_says_why(args: tuple[str, ...]) -> None:
    done = ran(script_text(), *args)
    assert done.returncode == 64
    assert done.stdout.startswith(f"\nbegin\t{VERSION}\nbecause\t")


@pytest.mark.parametrize("value", ["limit=3601", "limit=9999999999", "limit=99999999999", "patience=61"])
def test_no_call_holds_the_host_for_long(value: str) -> None:
    """safety 15: a limit of ten digits held the lock for 300 years."""
    done = ran(script_text(), "look", value)
    assert (done.returncode, "not a value for" in done.stdout) == (64, True)


ACT = ("run=r", "step=s", "attempt=1", "limit=5")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("filter-read", "config_dir=/srv/mail"), "neither /etc/postfix nor"),
        (("filter-read", "config_dir=/etc/postfix-x/run/root"), "neither /etc/postfix nor"),
        (("flush", *ACT, "epoch=9999999999"), "of the future"),
        (("epoch-set", "from=1", "to=9999999999"), "of the future"),
        (("look", "log=/etc/shadow"), "/etc/shadow is not Postfix's log"),
        (("installed", "user=root", "public=ssh-ed25519:AAAA"), "root is another user"),
    ],
)
def test_through_sudo_only_what_it_is_for(args: tuple[str, ...], said: str) -> None:
    """safety 9 and 16: a configuration elsewhere, an epoch that locks everybody out, line lengths of any file,
    whether a key opens root's account."""
    done = ran(f"SUDO_UID=1000\n{script_text()}", *args)
    assert done.returncode == 77, done
    assert said in done.stdout


TAKEN = [
    ("run", "20261124-0312-spam-filter-hung-a3f"),
    ("limit", "30"),
    ("filter", "smtp-amavis"),
    ("spam_address", ""),
    ("handler", "127.0.0.1:20381"),
    ("peers", "mx2.example.com:25,[::1]:25"),
    ("lever", "pass"),
    ("expect", "a0" * 32),
    ("config_dir", "/etc/postfix-in"),
    (
        "permits",
        "address:[::1]:25,address:mx2.example.com:25,service:amavis@x,container:sl-email,config_dir:/etc/postfix-in",
    ),
    ("log", "auto"),
    ("log", "journal"),
    ("log", "/var/log/mail+in.log"),
    ("log_from", "0:0"),
    ("log_from", "18446744073709551615:123456789012345"),
    ("log_from", f"{'0f' * 16}:1224002"),
    ("s1", "master.cf:127.0.0.1:10026/inet/content_filter"),
    ("s9", "main.cf:mynetworks"),
]
REFUSED = [
    ("run", "../x"),
    ("run", ".."),
    ("run", "-x"),
    ("run", "a b"),
    ("run", "a" * 65),
    ("limit", "030"),
    ("limit", "1e3"),
    ("limit", "-1"),
    ("limit", "12345678901"),
    ("filter", "a/b"),
    ("filter", "x\n"),
    ("handler", "127.0.0.1"),
    ("handler", "$(id):25"),
    ("handler", "a:99999999"),
    ("handler", "[::1;id]:25"),
    ("peers", "a:1 b:2"),
    ("lever", "PASS"),
    ("expect", "a0" * 31),
    ("config_dir", "etc"),
    ("config_dir", "/etc/../root"),
    ("permits", "file:/etc/shadow"),
    ("permits", "address:a:25 service:x"),
    ("permits", "address:a:25\nservice:x"),
    ("permits", "service:../x"),
    ("permits", "config_dir:/etc/../root"),
    ("log", ""),
    ("log", "mail.log"),
    ("log", "/var/log/../../etc/shadow"),
    ("log", "/var/log/$(id)"),
    ("log", "/var/log/a b"),
    ("log_from", ""),
    ("log_from", ":"),
    ("log_from", "12:"),
    ("log_from", ":12"),
    ("log_from", "12"),
    ("log_from", "1:2:3"),
    ("log_from", f"{'0F' * 16}:1"),
    ("log_from", f"{'0f' * 15}:1"),
    ("log_from", f"{'0f' * 16};:1"),
    ("log_from", f"{'0f' * 16}:0x1"),
    ("log_from", "01:2"),
    ("log_from", "1:02"),
    ("log_from", "1:-2"),
    ("log_from", "1:x"),
    ("log_from", "1:2\n"),
    ("log_from", "1:1234567890123456"),
    ("log_from", "1" * 35 + ":1"),
    ("s1", "main.cf:a/b"),
    ("s1", "main.cf:-e"),
    ("s1", "aliases:x"),
    ("s100", "main.cf:x"),
    ("PATH", "/srv"),
    ("STATE", "/srv"),
]


@pytest.mark.parametrize(("key", "value", "rc"), [(*t, 0) for t in TAKEN] + [(*r, 1) for r in REFUSED])
def test_values(key: str, value: str, rc: int) -> None:
    assert ran(script_text().removesuffix(LAST) + 'valid "$1" "$2"; exit $?\n', key, value).returncode == rc


def test_a_redirection_that_fails_never_ends_the_shell() -> None:
    """dash ends where a special builtin, such as `:`, cannot be redirected: no sentence says why. `true` goes on."""
    assert [line for line in script_text().splitlines() if re.search(r"(^|[ ;&|{(]): >", line)] == []
