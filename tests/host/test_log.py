"""What `look` counts in a mail log: whole lines, each once, from where an earlier look ended; only Postfix's own."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from failover.host import script_text
from tests.host.test_script import LAST

READ = """
patience=5 deadline=$(($(uptime_s) + 30)) log=$1 log_from=$2 maillog=$3
ask() { printf 'maillog_file = %s\\nsyslog_name = postfix\\n' "$maillog"; }
look_log
"""
CUT = """
patience=5 deadline=$(($(uptime_s) + 600)) log=$1 maillog=$1 inode=$2 before=$3 line=$4
shift 4
ask() { printf 'maillog_file = %s\\nsyslog_name = postfix\\n' "$maillog"; }
for cut in "$@"; do
  for part in "head -c $cut" "tail -c +$((cut + 1))"; do
    $part "$line" >>"$log"
    said=$(log_from=$inode:$before && look_log | grep ^traffic)
    printf '%s\\n' "$said"
    before=$(printf '%s' "$said" | cut -f 5)
  done
done
"""
"""All in one shell: it takes the helper's text once, where a look of its own takes a tenth of a second for it."""
SHELLS = [shell for shell in ("dash", "bash") if shutil.which(shell)]

AT = "Nov 24 03:12:00 mx1 postfix"
ACCEPTED = f"{AT}/smtpd[812]: 4XyZ1: client=mail.example.org[192.0.2.7]\n"
REMOVED = f"{AT}/qmgr[77]: 4XyZ1: removed\n"
COUNTED = [
    ACCEPTED,
    "2026-11-24T03:12:00.123456+00:00 mx1 postfix/smtpd[812]: 0ABCDEF: client=unknown[2001:db8::7]\n",
    "Nov 24 03:12:00 mx1 mail.info postfix/smtpd[812]: 4XyZ1: client=a[192.0.2.7], orig_client=b[192.0.2.9]\n",
    f"{AT}/smtpd[812]: NOQUEUE: client=a[192.0.2.7]\n",  # before a proxy filter, whose second hand is not counted
    f"{AT}/submission/smtpd[812]: 4XyZ1: client=a[192.0.2.7], sasl_username=me\n",
]
NOT_COUNTED = [
    f"{AT}/smtpd[812]: connect from mail.example.org[192.0.2.7]\n",
    f"{AT}/smtpd[812]: 4XyZ1: client=localhost[127.0.0.1], orig_client=a[192.0.2.7]\n",
    f"{AT}/smtpd[812]: 4XyZ1: client=localhost[::1]\n",
    f"{AT}/pickup[812]: 4XyZ1: uid=65534 from=<a: client=b[192.0.2.7]>\n",
    f"{AT}/smtpd[812]: NOQUEUE: reject: RCPT from a[192.0.2.7]: 550 helo=<x/smtpd[1]: 4X: client=a[192.0.2.7]>\n",
    f"{AT}-in/smtpd[812]: 4XyZ1: client=a[192.0.2.7]\n",  # another instance
    f"{AT}-in/qmgr[77]: 4XyZ1: removed\n",
    f"{AT}/cleanup[9]: 4XyZ1: warning: header Subject: postfix/qmgr[77]: 4XyZ1: removed\n",
    f"{AT}/cleanup[9]: 4XyZ1: warning: header Subject: postfix/smtpd[812]: 4XyZ1: client=a[192.0.2.7]\n",
    f"{AT}/postsuper[9]: 4XyZ1: removed\n",
    "Nov 24 03:12:00 mx1 spamd[5]: postfix/qmgr[77]: 4XyZ1: removed\n",
    ": removed\n",
    "\n",
]


@dataclass(frozen=True)
class Log:
    path: Path

    def add(self, *lines: str) -> None:
        with self.path.open("a", newline="") as f:
            f.writelines(lines)

    @property
    def inode(self) -> int:
        return self.path.stat().st_ino

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def look(self, start: int | str = "", *, log: str = "", shell: str = "sh") -> list[tuple[str, ...]]:
        before = f"{self.inode}:{start}" if isinstance(start, int) else start
        text = script_text().removesuffix(LAST) + READ
        argv = [shell, "-c", 'eval "$(cat)"', "failover-host", log or str(self.path), before, str(self.path)]
        done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=20, check=False)
        assert done.stderr == ""
        return [tuple(line.split("\t")) for line in done.stdout.splitlines()]

    def counted(self, start: int) -> tuple[int, ...]:
        """ACCEPTED REMOVED FROM TO; nothing where a new start was made."""
        return tuple(int(field) for row in self.look(start) if row[0] == "traffic" for field in row[1:])


@pytest.fixture
def log(tmp_path: Path) -> Log:
    found = Log(tmp_path / "mail.log")
    found.add("Nov 24 03:11:59 mx1 postfix/master[1]: daemon started\n")
    return found


@pytest.mark.parametrize("shell", SHELLS)
def test_first_look_says_where_it_stood_and_the_next_counts_from_there(log: Log, shell: str) -> None:
    (row,) = log.look(shell=shell)
    assert row == ("log", str(log.inode), str(log.size), str(log.path))
    before = log.size
    log.add(*COUNTED, *NOT_COUNTED, REMOVED, REMOVED)
    assert log.look(before, shell=shell) == [
        ("log", str(log.inode), str(log.size), str(log.path)),
        ("traffic", str(len(COUNTED)), "2", str(before), str(log.size)),
        ("master", "counted"),
    ]
    assert log.counted(log.size) == (0, 0, log.size, log.size)


WARNED = [
    f'{AT}/master[7]: warning: service "smtp" (25) has reached its process limit "100": new clients may wait\n',
    f"{AT}/qmgr[91]: fatal: bad numerical configuration: qmgr_message_active_limit = 20000relayhost =\n",
    f"{AT}/master[7]: warning: process /usr/lib/postfix/sbin/qmgr pid 91 exit status 1\n",
    f"{AT}/master[7]: warning: /usr/lib/postfix/sbin/qmgr: bad command startup -- throttling\n",
    f"{AT}/master[7]: warning: /usr/lib/postfix/sbin/pickup: bad command startup -- throttling\n",
]
NOT_WARNED = [
    f"{AT}/smtpd[7]: warning: /usr/lib/postfix/sbin/qmgr: bad command startup -- throttling\n",
    f'{AT}/cleanup[7]: warning: service "smtp" (25) has reached its process limit "1": new clients\n',
    f"{AT}/master[7]: warning: $(id)/qmgr: bad command startup -- throttling\n",
    f'{AT}/master[7]: warning: service "a b" (25) has reached its process limit "1": new clients\n',
    f"{AT}-in/master[7]: warning: /usr/lib/postfix/sbin/qmgr: bad command startup -- throttling\n",
    f"{AT}/smtpd[1]: 4X: reject: helo=<postfix/master[7]: warning: /x/qmgr: bad command startup -- throttling>\n",
    f"{AT}/master[7]: warning: process /usr/lib/postfix/sbin/smtpd pid 9 killed by signal 9\n",
]


@pytest.mark.parametrize("shell", SHELLS)
def test_what_master_warns_of_is_told_with_the_daemons_own_words(log: Log, shell: str) -> None:
    before = log.size
    log.add(*NOT_WARNED, *WARNED, REMOVED, *NOT_WARNED)
    _, traffic, *rows = log.look(before, shell=shell)
    assert traffic[:3] == ("traffic", "0", "1")
    assert rows[0] == ("master", "counted")
    assert sorted(rows[1:]) == [
        ("master", "dying", "pickup", "1", ""),
        ("master", "dying", "qmgr", "1", "bad numerical configuration: qmgr_message_active_limit = 20000relayhost ="),
        ("master", "limit", "smtp", "1"),
    ]


def test_no_other_line_is_taken_for_mail(log: Log) -> None:
    before = log.size
    log.add(*NOT_COUNTED)
    assert log.counted(before)[:2] == (0, 0)


def test_a_line_is_counted_once_wherever_a_look_cuts_it(log: Log, tmp_path: Path) -> None:
    line, before = tmp_path / "line", log.size
    line.write_text(REMOVED)
    text = script_text().removesuffix(LAST) + CUT
    cuts = (0, 1, len(AT), len(REMOVED) - 9, len(REMOVED) - 2, len(REMOVED) - 1)
    args = (log.path, log.inode, before, line, *cuts)
    argv = ["sh", "-c", 'eval "$(cat)"', "failover-host", *map(str, args)]
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=120, check=True)
    rows = [tuple(map(int, row.split("\t")[1:])) for row in done.stdout.splitlines()]
    ends = [before + n * len(REMOVED) for n in range(len(cuts) + 1)]
    assert rows == [row for at, to in pairwise(ends) for row in ((0, 0, at, at), (0, 1, at, to))]


@pytest.mark.parametrize("way", ["renamed", "copied", "emptied", "emptied, and longer by now"])
def test_rotated_or_written_anew_is_a_new_start(log: Log, way: str) -> None:
    log.add(*COUNTED)
    before = f"{log.inode}:{log.size}"
    if way == "renamed":
        log.path.rename(log.path.with_suffix(".1"))
        log.path.touch()
    elif way == "copied":
        shutil.copy(log.path, log.path.with_suffix(".1"))
        log.path.with_suffix(".1").rename(log.path)
    else:
        os.truncate(log.path, 0)
    log.add(*([f"longer {REMOVED}"] * 40 if "longer" in way else [REMOVED]))
    (row,) = log.look(before)
    assert row == ("log", str(log.inode), str(log.size), str(log.path))


def test_of_much_only_the_newest_is_read_and_the_offsets_say_so(log: Log) -> None:
    before, many = log.size, 80_000
    log.add(REMOVED * many)
    _, removed, start, to = log.counted(before)
    assert to == log.size
    assert 0 <= start - (to - 4 * 1024 * 1024) < len(REMOVED)
    assert removed == (to - start) // len(REMOVED) < many


def test_bytes_that_are_no_text_are_counted_over(log: Log) -> None:
    before = log.size
    with log.path.open("ab") as f:
        f.write(b"\0" * 4000 + b"\n\xff\xfe: removed\n" + REMOVED.encode())
    assert log.counted(before) == (0, 1, before, log.size)


def test_what_cannot_be_read_is_said(log: Log, tmp_path: Path) -> None:
    for asked, words in [
        (str(tmp_path / "none"), "is no file"),
        (str(tmp_path), "is no file"),
        ("/dev/zero", "is no file"),
    ]:
        (row,) = log.look(log=asked)
        assert row[:2] == ("error", "log")
        assert words in row[2]
    assert log.look(log="auto") == [("log", str(log.inode), str(log.size), str(log.path))]
