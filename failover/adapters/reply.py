"""The answer of `failover-host` as a value, and the command that asks for it. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from failover.core.clean import field
from failover.ports import Reply

LONGEST = 4 * 1024 * 1024
"""Most bytes of an answer; a longer one is not ours."""
INSTALLED = "/usr/local/sbin/failover-host"
LONGEST_S = 3600
"""Most seconds of a call; the helper refuses more."""
LAST_RESORT_S = 5
"""Seconds after its own limit until the script is ended from outside: TERM, and KILL 2 s later. That may leave an act
half done, so it comes late."""


def parse(verb: str, stdout: bytes, exit_code: int | None) -> Reply | None:
    """None if it was cut off: no last line `end<TAB>verb<TAB>rc`, no exit status, or they disagree."""
    text = stdout.decode("utf-8", "replace")
    if len(stdout) > LONGEST or not text.endswith("\n"):
        return None
    *rows, last = (tuple(map(field, line.split("\t"))) for line in text[:-1].split("\n"))
    if exit_code is None or last != ("end", verb, str(exit_code)):
        return None
    return Reply(verb, exit_code, _answered(rows))


def _answered(rows: list[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """The rows after the last `begin`: start-up files of the shell may print before it. An older helper prints none."""
    begun = max((n for n, row in enumerate(rows) if row[0] == "begin"), default=-1)
    return tuple(rows[begun + 1 :])


def ended(stdout: bytes) -> bool:
    """The last line is there: nothing follows, even if a daemon keeps the pipe open."""
    return stdout.endswith(b"\n") and stdout[:-1].rpartition(b"\n")[2].startswith(b"end\t")


def sent_command(verb: str, args: Mapping[str, str], *, limit_s: int) -> str:
    """The script follows on stdin. It is read whole before it runs, so a text that is cut short does nothing."""
    run = 'text=$(cat); eval "$text"' if verb == "install" else 'eval "$(cat)"'  # install puts the very text there
    words = ["timeout", "-k", "2", str(limit_s + LAST_RESORT_S), "/bin/sh", "-c", run, "failover-host"]
    return shlex.join([*words, verb, *_pairs(args, limit_s)])


def installed_command(verb: str, args: Mapping[str, str], *, limit_s: int) -> str:
    return shlex.join(["sudo", "-n", INSTALLED, verb, *_pairs(args, limit_s)])


def _pairs(args: Mapping[str, str], limit_s: int) -> list[str]:
    return [f"{key}={value}" for key, value in {**args, "limit": str(min(limit_s, LONGEST_S))}.items()]
