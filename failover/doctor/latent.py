"""Settings of this host's mail path that will make it hang one day, with the line to write. Pure.

Defaults as in postconf(5) of Postfix 3.7: command_time_limit 1000 s, milter_content_timeout 300 s. spamc(1): 600 s.
A body without a line break at its end: measured with spamd 4.0.1, which waits for more as long as the other side is
half open. spamc shuts its side down, so it is immune (measured); a client of one's own may not be.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from failover.core.fleet import Host, SpamEngine
from failover.doctor.findings import Finding, ok, warn
from failover.ports import Reply

NAME = "latent hang"
SCAN_S = 120
"""Our proposal for one scan: far above a healthy one, far below what a queue can wait."""
_MILTER = ("main.cf:milter_content_timeout", "main.cf:milter_default_action")


def settings(wiring: Reply) -> tuple[str, ...]:
    """The settings to ask for, by the answer of `filter-read`."""
    limits = [f"main.cf:{name}_time_limit" for name in _pipes(wiring)]
    return (*_MILTER, "main.cf:command_time_limit", *limits)


def latent(host: Host, wiring: Reply, read: Reply) -> Iterator[Finding]:
    values = {(file, key): value for file, key, value, *_ in (row for row in read.all("setting") if len(row) > 2)}
    found = [
        *_pipe(host, wiring, values),
        *_milters(host, wiring, values),
        *_last_line(host, wiring),
    ]
    yield from found or [ok(NAME, host.name, "none known on its path")]


def _pipes(wiring: Reply) -> tuple[str, ...]:
    service = (wiring.one("service") or ("",))[0].partition("/")[0]
    return (service,) if wiring.one("kind") == ("pipe",) and service else ()


def _pipe(host: Host, wiring: Reply, values: Mapping[tuple[str, str], str]) -> Iterator[Finding]:
    for name in _pipes(wiring):
        entry = (wiring.one("service") or ("", ""))[-1]
        spamc = wiring.one("command") == ("spamc",)
        if spamc and _timeout(entry) is None:
            yield warn(
                NAME,
                host.name,
                f"{name}: spamc has no -t, so a spamd that hangs holds a message 600 s (unless spamc.conf says less)",
                try_=f"master.cf, {name}: argv=/usr/bin/spamc -t {SCAN_S} …  (then it passes mail unscanned; with -x "
                "it is tried again later)",
            )
        limited = [values.get(("main.cf", key), "-") for key in (f"{name}_time_limit", "command_time_limit")]
        if not any(value.startswith("=") for value in limited):
            yield warn(
                NAME,
                host.name,
                f"{name}: no time limit of its own, so pipe(8) ends a command that hangs after 1000 s only",
                try_=f"postconf -e {name}_time_limit={2 * SCAN_S}s && postfix reload",
            )


def _timeout(entry: str) -> str | None:
    """The value of spamc's -t or --timeout in a master.cf entry."""
    try:
        words = shlex.split(entry.partition(" argv=")[2])[1:]
    except ValueError:
        return None
    for word, after in zip(words, [*words[1:], ""], strict=True):
        if word in {"-e", "--pipe-to"}:  # the rest is another command's
            return None
        if word in {"-t", "--timeout"}:
            return after
        if word.startswith("--timeout=") or (word.startswith("-t") and word[2:].isdigit()):
            return word.removeprefix("--timeout=").removeprefix("-t")
    return None


def _milters(host: Host, wiring: Reply, values: Mapping[tuple[str, str], str]) -> Iterator[Finding]:
    milters = " ".join(wiring.one("milters") or ())
    if not milters or "content_timeout" in milters:
        return
    if not values.get(("main.cf", "milter_content_timeout"), "-").startswith("="):
        action = values.get(("main.cf", "milter_default_action"), "-").removeprefix("=")
        yield warn(
            NAME,
            host.name,
            f"smtpd_milters has no time limit of its own: one that hangs holds each sender 300 s, then mail is "
            f"{'accepted unscanned' if action == 'accept' else 'put off (451)'}",
            try_="postconf -e milter_connect_timeout=5s milter_command_timeout=10s milter_content_timeout=30s "
            "&& postfix reload",
        )


def _last_line(host: Host, wiring: Reply) -> Iterator[Finding]:
    """A client of spamd other than spamc must end the body with a line break, or close its side."""
    if host.spam is None or host.spam.engine is not SpamEngine.SPAMASSASSIN:
        return
    if wiring.one("command") == ("spamc",):
        yield ok(NAME, host.name, "mail without a final line break cannot hang here: spamc closes its side")
    elif (wiring.one("wiring") or ("",))[0] == "none":
        yield warn(
            NAME,
            host.name,
            "spamd is called by something else than spamc: with a mail that lacks its final line break, spamd waits "
            "for more, and both hang (measured, 4.0.1)",
            try_=r'in that client: send the body as body.rstrip(b"\n") + b"\n", with its Content-length, and '
            "sock.shutdown(SHUT_WR) after it",
        )
