"""The wiring of a mail host, found by one look: the filter, the handler, its container, Postfix.

Reading verbs only. Each finding names its evidence; a missing one says what would have shown it.
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from failover.config.write_hosts import Line
from failover.core.fleet import Endpoint, Host, SpamEngine
from failover.core.words import duration
from failover.errors import FailoverError, Refused
from failover.ports import Rc, Remote, Reply
from failover.signals.sight import Answer, answer

PATIENCE_S = 4
CONTAINER = "sl-email"
HANDLER = Endpoint("127.0.0.1", 20381)
"""SimpleLogin's own names (its README); others are given by hand."""
BANNER = "Python SMTP"
"""The greeting of aiosmtpd, on which SimpleLogin's handler is built."""
SCANNED_AT = (11333, 11334)
"""rspamd's normal worker and its controller speak HTTP. Its proxy on 11332, which smtpd_milters names, speaks the
milter protocol and is no scan address (rspamd.com/doc/workers)."""
USUAL = {
    SpamEngine.SPAMASSASSIN: (Endpoint("127.0.0.1", 783),),
    SpamEngine.RSPAMD: tuple(Endpoint("127.0.0.1", port) for port in SCANNED_AT),
}
UNITS = {SpamEngine.SPAMASSASSIN: ("spamd", "spamassassin"), SpamEngine.RSPAMD: ("rspamd",)}
_TRANSPORTS = ("relay_transport", "default_transport", "local_transport", "virtual_transport", "mailbox_transport")
_LOCAL = re.compile(r"(?:smtp|lmtp|relay)(?:[:/a-z]*):\[?(127\.0\.0\.1|localhost)\]?:([0-9]{1,5})")
_SPAM = '{engine: spamassassin, address: "127.0.0.1:783", unit: spamd}'
_HANDLER = '{address: "127.0.0.1:20381", banner: "Python SMTP", container: sl-email}'


@dataclass(frozen=True, slots=True)
class Guess:
    """A filter and its likely address. `wired`: found in Postfix's own settings."""

    engine: SpamEngine
    at: Endpoint
    why: str
    wired: bool


@dataclass(frozen=True, slots=True)
class HostFound:
    """`lines` go into hosts.yaml. `why_not`: we could not look."""

    lines: tuple[Line, ...]
    why_not: FailoverError | None = None


def look_at(remote: Remote, host: Host) -> HostFound:
    """Never raises for what the host does; ends at the first call without an answer."""
    at = _Host(remote, host)
    try:
        wiring = at.asked("filter-read", {})
        settings = _settings(at)
        lines = (_postfix(settings, at.look(log="auto")), _spam(at, wiring), _handler(at, settings, wiring), _CLOUD)
    except FailoverError as e:
        return HostFound(unseen(f"could not be looked at: {e}"), e)
    return HostFound(lines)


def unseen(why: str) -> tuple[Line, ...]:
    """The lines of a host that only a look can fill."""
    return (Line("spam", None, f"spam filter: {why}", _SPAM), Line("handler", None, "", _HANDLER), _CLOUD)


_CLOUD = Line(
    "cloud",
    None,
    "A cloud instance cannot be told from here. For vm.resize on EC2:",
    "{kind: ec2, region: eu-west-3, instance: i-0123456789abcdef0}",
)


@dataclass(frozen=True, slots=True)
class _Host:
    remote: Remote
    host: Host

    def asked(self, verb: str, args: Mapping[str, str]) -> Reply:
        """Raises Refused when the verb says no, Unreachable, OutcomeUnknown."""
        reply = self.remote.call(self.host, verb, args, limit_s=PATIENCE_S + 4.0)
        if reply.rc != Rc.OK:
            raise Refused(f"{self.host.name}: {reply.because}", try_=f"failover host status {self.host.name}")
        return reply

    def look(self, **args: str) -> Reply:
        patience = str(math.ceil(PATIENCE_S))
        return self.asked("look", {"limit": str(PATIENCE_S + 1), "patience": patience, **args})

    def has_service(self, name: str) -> bool:
        reply = self.remote.call(self.host, "unit", {"kind": "service", "name": name}, limit_s=PATIENCE_S + 4.0)
        return reply.rc == Rc.OK


def _settings(at: _Host) -> Mapping[str, str]:
    keys = ["master.cf:smtp/inet", *(f"main.cf:{name}" for name in _TRANSPORTS)]
    reply = at.asked("settings", {f"s{n}": key for n, key in enumerate(keys, 1)})
    return {row[1]: row[2] for row in reply.all("setting") if len(row) == 3}


def _postfix(settings: Mapping[str, str], seen: Reply) -> Line:
    logs = _log(seen)
    if settings.get("smtp/inet", "-") == "-":
        why = "master.cf has no service smtp/inet: name the one that takes mail (postconf -M)"
        return Line("postfix", None, f"{why}; {logs}", "{service: smtp/inet, config_dir: /etc/postfix}")
    return Line("postfix", {"service": "smtp/inet"}, f"in master.cf of /etc/postfix; {logs}")


def _log(seen: Reply) -> str:
    """`auto` finds the log at each look, so it is shown but not written."""
    match seen.one("log"):
        case (_, _, "journal"):
            return "its log is the systemd journal"
        case (_, _, path):
            return f"its log is {path}"
    why = next((row[-1] for row in seen.all("error") if row[:1] == ("log",)), "nothing came")
    return f"its log was not seen ({why}): add log: /PATH, else its traffic is not known"


# The filter --------------------------------------------------------------------


def guesses(wiring: Reply) -> Iterator[Guess]:
    """The likeliest first: filters that Postfix calls, then others that may run."""
    entry = (wiring.one("service") or ("", ""))[-1]
    place = ", ".join(row[0] for row in wiring.all("place") if len(row) > 1 and row[1])
    match (wiring.one("command") or ("",))[0]:
        case "spamc":
            at = Endpoint(_option(entry, "-d", "--dest") or "127.0.0.1", _port(_option(entry, "-p", "--port")))
            yield Guess(SpamEngine.SPAMASSASSIN, at, f"content_filter of {place} runs spamc", wired=True)
        case "rspamc":
            why = f"content_filter of {place} runs rspamc"
            yield from (Guess(SpamEngine.RSPAMD, at, why, wired=True) for at in USUAL[SpamEngine.RSPAMD])
    milters = " ".join(wiring.one("milters") or ())
    if found := re.search(r"inet:\[?([A-Za-z0-9.-]+)\]?:11332\b", milters):
        why = f"smtpd_milters names its proxy ({milters}), beside which it scans"
        yield from (Guess(SpamEngine.RSPAMD, Endpoint(found[1], port), why, wired=True) for port in SCANNED_AT)
    elif "spamass" in milters:
        yield Guess(
            SpamEngine.SPAMASSASSIN, USUAL[SpamEngine.SPAMASSASSIN][0], f"smtpd_milters is {milters}", wired=True
        )
    named = ", ".join(f"{row[0]}:{row[1]}" for row in wiring.all("filter") if len(row) > 1)
    behind = f"content_filter {named} does not say what scans behind it" if named else "Postfix calls no filter itself"
    yield from (Guess(engine, at, behind, wired=False) for engine, places in USUAL.items() for at in places)


def _option(entry: str, *names: str) -> str | None:
    try:
        words = shlex.split(entry.partition(" argv=")[2])[1:]
    except ValueError:
        return None
    for word, after in pairwise(words):
        if word in {"-e", "--pipe-to"}:
            return None
        if word in names:
            return after
    return None


def _port(text: str | None) -> int:
    return (
        int(text)
        if text and re.fullmatch("[0-9]{1,5}", text) and 0 < int(text) < 65536
        else USUAL[SpamEngine.SPAMASSASSIN][0].port
    )


def _spam(at: _Host, wiring: Reply) -> Line:
    """The first guess that answers; else the first that Postfix calls."""
    silent: list[tuple[Guess, Answer]] = []
    for guess in guesses(wiring):
        if silent and not guess.wired:
            break
        found = answer(at.look(spam=guess.engine.value, spam_address=str(guess.at)).one("spam.ping") or ())
        if found.ok:
            return _filter(at, guess, f"answers PING in {duration(found.seconds)}")
        if guess.wired:
            silent.append((guess, found))
    if silent:
        guess, found = silent[0]
        return _filter(at, guess, f"does not answer now: {found.said(str(guess.at))}")
    return _no_filter(wiring)


def _filter(at: _Host, guess: Guess, said: str) -> Line:
    value: dict[str, str | int] = {"engine": guess.engine.value, "address": str(guess.at)}
    if unit := next((u for u in UNITS[guess.engine] if at.has_service(u)), None):
        value["unit"] = unit
    return Line("spam", value, f"{guess.why}; {guess.at} {said}" + (f"; service {unit}" if unit else ""), _SPAM)


def _no_filter(wiring: Reply) -> Line:
    named = ", ".join(sorted({row[0] for row in wiring.all("filter") if row}))
    tried = [str(e) for places in USUAL.values() for e in places]
    called = f"Postfix hands mail to the filter {named}, whose engine cannot be told" if named else "Postfix calls none"
    return Line("spam", None, f"{called}; nothing answers at {' or '.join(tried)}", _SPAM)


# The handler -------------------------------------------------------------------


def handlers(settings: Mapping[str, str]) -> tuple[Endpoint, ...]:
    """Local addresses that Postfix may hand mail to; lookup tables cannot be read from here."""
    found = [m for name in _TRANSPORTS for m in _LOCAL.finditer(settings.get(name, ""))]
    named = [Endpoint("127.0.0.1", int(m[2])) for m in found if 0 < int(m[2]) < 65536]
    return tuple(dict.fromkeys([*named, HANDLER]))[:3]


def _handler(at: _Host, settings: Mapping[str, str], wiring: Reply) -> Line:
    tried = handlers(settings)
    for endpoint in tried:
        seen = at.look(handler=str(endpoint), container=CONTAINER)
        row = seen.one("handler") or ("", "", "")
        if row[0] == "ok":
            return _greeting(endpoint, row[-1], seen)
    said = f"no handler greets at {' or '.join(str(e) for e in tried)}"
    return Line("handler", None, f"{said}: if Postfix hands mail to a program of yours, say where", _HANDLER)


def _greeting(endpoint: Endpoint, greeting: str, seen: Reply) -> Line:
    value: dict[str, str | int] = {"address": str(endpoint)}
    if BANNER in greeting:
        value["banner"] = BANNER
    why = f'it greets with "{greeting.strip()}"'
    match seen.one("container"):
        case (state, *_) if state not in {"absent", "timeout"}:
            value["container"] = CONTAINER
            why += f"; docker has the container {CONTAINER}, {state}"
        case _:
            why += f"; no container {CONTAINER} seen: if it runs in one, add container: NAME"
    return Line("handler", value, why, _HANDLER)
