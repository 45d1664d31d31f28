"""The decision table of the levers (tests/cases/levers.yaml): real configuration folders, read by the real helper."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from failover.lab import Lab
from failover.ports import Reply
from tests.labs import lab
from tests.scenarios.host import MailHost

__all__ = ["lab"]

pytestmark = pytest.mark.lab

CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).parents[1].joinpath("cases/levers.yaml").read_text())
DIR = "/etc/postfix-case"
MAIN = "compatibility_level = 3.6\nmyhostname = mx1.lab.test\nmydestination =\ninet_protocols = ipv4\n"
WRITE = """
rm -rf "$1" && mkdir -p "$1" && cd "$1" && printf %s "$2" >main.cf || exit
{ grep -v '^smtp  *inet' /usr/share/postfix/master.cf.dist; printf %s "$3"; } >master.cf || exit
shift 3
while [ $# -gt 0 ]; do printf %s "$2" >"$1" && shift 2 || exit; done
"""


def wiring(host: MailHost, case: dict[str, Any]) -> Reply:
    files = [part for pair in case.get("files", {}).items() for part in pair]
    smtp = "" if case["master"].startswith("smtp inet") else "smtp inet n - n - - smtpd\n"
    texts = [t.replace("@DIR@", DIR) for t in (MAIN + case["main"], smtp + case["master"], *files)]
    host.lab.run(host.name, ["sh", "-c", WRITE, "write", DIR, *texts], timeout=20)
    asked = {"filter": case["filter"]} if "filter" in case else {}
    return host.call("filter-read", {"config_dir": DIR, **asked})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["is"])
def test_a_lever_is_allowed_or_the_sentence_says_what_forbids_it(lab: Lab, case: dict[str, Any]) -> None:
    """safety 1, 5, 17; case: smtp:[127.0.0.1]:10024, lmtp beside Dovecot, header_checks FILTER, always_bcc, a script
    around spamc, …"""
    read = wiring(MailHost(lab), case)
    said = {row[0]: row[1:] for row in read.all("lever")}
    for lever in ("pass", "clear"):
        if case[lever] == "ok":
            assert said[lever] == ("ok",), (lever, said)
        else:
            assert said[lever][0] == "no", (lever, said)
            assert re.search(case[lever].replace("@DIR@", DIR), said[lever][1]), said
    told = any(row[0] == "clear" and "session" in row[1] for row in read.all("effect"))
    assert told == (case["clear"] == "ok"), "whose session is ended is said before"
    stays = [row[1] for row in read.all("note") if row[0] == "pass"]
    assert len(stays) == ("stays" in case), "what no lever can free is said before"
    assert all(case["stays"] in said for said in stays), stays
    settings = read.all("setting")
    if "to" in case:
        assert case["to"] in next(row[4] for row in settings if row[0] == "pass")
    if "defers" in case:
        assert case["defers"] == any(row[0] == "clear" and row[2] == "defer_transports" for row in settings)


SMALL = (
    """set -e; cp -a "$1" /run/small; mount -t tmpfs -o "$2" tmpfs "$1"; cp -a /run/small/. "$1"; rm -rf /run/small"""
)


@pytest.mark.parametrize(
    ("options", "words"), [("nr_inodes=20", "no inodes are left"), ("size=512k", "no space is left")]
)
def test_a_file_system_without_room_is_said_before_anything_is_done(lab: Lab, options: str, words: str) -> None:
    """case: spool without inodes: a change could not be written, and a reload would hang on it."""
    host = MailHost(lab)
    wiring(host, CASES[0])
    host.lab.run("mx1", ["sh", "-c", SMALL, "small", DIR, options], timeout=10)
    try:
        said = host.call("filter-read", {"config_dir": DIR}).all("lever")
        assert [(row[0], row[2]) for row in said] == [(lever, f"{words} at {DIR}") for lever in ("pass", "clear")]
    finally:
        host.sh(f"umount {DIR}")
