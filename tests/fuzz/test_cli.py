"""End to end: whatever hosts, SMTP and name servers say, each command ends on purpose and prints plain text."""

from __future__ import annotations

import io
import json
import random
import tempfile
from collections import Counter
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failover import dns as zones
from failover.adapters import dial as network
from failover.adapters import reply
from failover.cli import main, wiring
from failover.core.fleet import Endpoint, Host
from failover.core.mx import MxSet, mx_set
from failover.errors import Changed, OutcomeUnknown, Refused, Unreachable
from failover.ports import Reply, SmtpAnswer, Tls, TlsAnswer
from tests.cli.test_check import HOSTS
from tests.fakes import Clock
from tests.fuzz.made_up import NASTY, NUMBERS, fuzz, no_fault, plain
from tests.signals.fakes import HEALTHY

KEYS = [
    *sorted({line.split(" ")[0] for line in HEALTHY.splitlines()}),
    "log", "traffic", "error", "because", "peer", "spam.at", "version", "digest", "epoch", "installed",
    "wiring", "lever", "filter", "place", "service", "command", "kind", "milters", "setting", "result",
    "standing", "force", "held", "begin", "end", "user", "helper", "sudoers", "keys", "unit", "state",
    "restarts", "boot", "left", "owed", "debt", "",
]  # fmt: skip
WORDS = [
    "ok", "timeout", "refused", "closed", "wrong", "error", "running", "exited", "absent", "content_filter",
    "milter", "none", "pass", "clear", "spamassassin", "smtp/inet", "active", "incoming", "deferred", "hold",
    "main.cf", "master.cf", "=x", "-", "0", "7", "812", "queue", "log", "journal", "192.0.2.11:25",
    "192.0.2.12:25", "spamc", "inet:1.2.3.4:11332",
]  # fmt: skip
GOOD = tuple(tuple(line.split(" ")) for line in HEALTHY.splitlines())
RCS = (0, 0, 0, 0, 64, 70, 73, 75, 76, 77, 78, 1)


@dataclass(frozen=True)
class Dice:
    """By a seed and by what is asked: looks draw from several threads, in any order."""

    seed: int

    def of(self, *asked: object) -> random.Random:
        return random.Random(f"{self.seed} {asked}")


def text(dice: random.Random) -> str:
    return dice.choice([*NASTY, *NUMBERS, "".join(chr(dice.randrange(1, 0xD800)) for _ in range(5))])


def row(dice: random.Random) -> tuple[str, ...]:
    fields = (text(dice) if dice.random() < 0.4 else dice.choice(WORDS) for _ in range(dice.randrange(9)))
    return (dice.choice(KEYS), *fields)


@dataclass
class Far:
    """Answers every verb of every host, as bytes that the real parser reads."""

    dice: Dice
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)

    def call(self, host: Host, verb: str, args: Mapping[str, str], *, limit_s: float) -> Reply:
        self.asked[host.name, verb] += 1
        dice = self.dice.of(host.name, verb, self.asked[host.name, verb])
        if dice.random() < 0.2:
            raise dice.choice([Unreachable, OutcomeUnknown, Refused])(f"{host.name}: {text(dice)}", try_=text(dice))
        rc = dice.choice(RCS)
        rows = [*(GOOD if dice.random() < 0.5 else ()), *(row(dice) for _ in range(dice.randrange(30)))]
        lines = ["\t".join(r) for r in rows] + [f"end\t{verb}\t{rc}"]
        said = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")
        found = reply.parse(verb, dice.choice([b"", b"", b"\xff\xfe\n", b"\x1b[2J"]) + said, rc)
        if found is None:
            raise OutcomeUnknown(f"{host.name}: no whole answer", try_="look")
        return found


@dataclass
class Mail:
    dice: Dice

    def banner(self, at: Endpoint, *, patience_s: float) -> SmtpAnswer:
        dice = self.dice.of(at)
        return SmtpAnswer(dice.random() < 0.5, text(dice), 0.01, dice.random() < 0.5)

    def dialogue(self, at: Endpoint, recipient: str, *, patience_s: float) -> SmtpAnswer:
        return self.banner(at, patience_s=patience_s)

    def certificate(self, at: Endpoint, *, patience_s: float) -> TlsAnswer:
        dice = self.dice.of("tls", at)
        until = datetime.fromtimestamp(dice.randrange(2**37), UTC) if dice.random() < 0.5 else None
        return TlsAnswer(dice.choice([*Tls]), text(dice), until)


MX = mx_set(60, [(10, "mx1.example.net"), (20, "mx2.example.net")])


@dataclass
class Zone:
    dice: Dice

    def mx(self, name: str) -> MxSet:
        dice = self.dice.of("mx", name)
        if dice.random() < 0.5:
            raise dice.choice([Unreachable, Refused])(f"the primary says {text(dice)}", try_=text(dice))
        return MX

    def seen(self, name: str) -> dict[str, MxSet | str]:
        dice = self.dice.of("seen", name)
        first: MxSet | str = MX if dice.random() < 0.5 else text(dice)
        return {"192.0.2.53": first, "192.0.2.54": MX}

    def trouble(self, exchange: str) -> str | None:
        dice = self.dice.of("trouble", exchange)
        return dice.choice([None, text(dice)])

    def swap(self, name: str, **_: Any) -> None:
        dice = self.dice.of("swap", name)
        raise Changed(text(dice), try_=text(dice))


def ran(seed: int, *commands: tuple[str, ...], far: Far | Loud | None = None) -> str:
    """What all of them print, one after the other on one state; each ends by its own exit code."""
    said, dice = io.StringIO(), Dice(seed)
    asked = far or Far(dice)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        (Path(folder) / "hosts.yaml").write_text(HOSTS)
        patch.setenv("FAILOVER_HOSTS", f"{folder}/hosts.yaml")
        patch.setenv("FAILOVER_STATE", f"sqlite:///{folder}/state.db")
        patch.setattr(wiring, "remote", lambda _: asked)
        patch.setattr(wiring, "smtp", lambda: Mail(dice))
        patch.setattr(wiring, "clock", Clock)
        patch.setattr(zones, "zone_of", lambda *_, **__: Zone(dice))
        patch.setattr(network, "dial", lambda ends: {e: dice.of(e).choice([None, "timed out"]) for e in ends})
        for words in commands:
            with redirect_stdout(said), redirect_stderr(said), pytest.raises(SystemExit):
                main([word.replace("FOLDER", folder) for word in words])
        textfile = Path(folder) / "out.prom"
        said.write(textfile.read_text() if textfile.exists() else "")
    return said.getvalue()


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [s for k, v in value.items() for s in (str(k), *strings(v))]
    return [s for v in value for s in strings(v)] if isinstance(value, list) else [str(value)]


SEED = st.integers(0, 2**32)
COMMANDS = [
    (("check",), ("check", "-v")),
    (("check", "--nagios"), ("check", "--textfile", "FOLDER/out.prom")),
    (("why",), ("status",)),
    (("plan", "spam-filter-hung", "--set", "sick=mx1"), ("plan", "shift-mx", "--set", "sick=mx1")),
    pytest.param(
        (("run", "spam-filter-hung", "--set", "sick=mx1", "--yes"), ("status",), ("runs", "list"), ("why",)),
        marks=pytest.mark.slow,
    ),
    pytest.param((("tick",), ("status",)), marks=pytest.mark.slow),
    (("host", "status", "mx1"), ("doctor",)),
]


@pytest.mark.parametrize("commands", COMMANDS, ids=lambda c: " ".join(words[0] for words in c))
@fuzz(4)
@given(seed=SEED)
def test_every_command_prints_plain_text_whatever_is_said(commands: tuple[tuple[str, ...], ...], seed: int) -> None:
    """safety 10, and 7: one host's nonsense ended it for all."""
    said = ran(seed, *commands)
    assert plain(said), [line for line in said.splitlines() if not plain(line)]
    assert "this is a bug" not in said, said
    no_fault()


@fuzz(4)
@given(seed=SEED)
def test_json_carries_plain_text_too(seed: int) -> None:
    """safety 10: escaped in JSON it is plain, and raw again for whoever reads the document."""
    said = ran(seed, ("check", "--json"))
    assert all(plain(s) and "\n" not in s for s in strings(json.loads(said[said.index("{") :])))
    no_fault()


@dataclass
class Loud:
    """Says all that is nasty in each field of each row that is told to people; `rc` says no, or yes."""

    rc: int
    without: frozenset[str] = frozenset()

    def call(self, host: Host, verb: str, args: Mapping[str, str], *, limit_s: float) -> Reply:
        loud = "".join(NASTY).replace("\r\n", "").replace("\u2028", "")
        rows = (
            "reset\t1\t2\t3\t%1b[2J%c2%9b%e2%80%ae\n"
            if verb == "installed" and self.rc == 0 and host.name == "mx1"
            else ""
        )
        rows += "".join(
            f"{key}\t{loud}\t{loud}\t{loud}\n" for key in KEYS if key not in {"begin", "end", *self.without}
        )
        said = f"{rows}end\t{verb}\t{self.rc}\n".encode("utf-8", "surrogatepass")
        found = reply.parse(verb, said, self.rc)
        assert found is not None
        return found


def test_a_reason_that_the_host_keeps_encoded_is_decoded_plainly() -> None:
    """safety 10: percent-encoded it is plain, and raw again once it is decoded."""
    said = ran(0, ("host", "status", "mx1"), far=Loud(0, frozenset({"result", "force", "reset"})))
    assert "epoch 2 to 3, " in said
    assert plain(said)


@pytest.mark.parametrize("rc", [0, 78])
@pytest.mark.parametrize(
    "words",
    [
        ("check", "-v"),
        pytest.param(("doctor",), marks=pytest.mark.slow),
        ("host", "status", "mx1"),
        ("host", "install", "mx1"),
        ("plan", "spam-filter-hung", "--set", "sick=mx1"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_host_that_says_all_that_is_nasty_prints_none_of_it(words: tuple[str, ...], rc: int) -> None:
    """safety 10: because, installed and hello rows reached the terminal raw: title, clear screen, clipboard."""
    said = ran(0, words, far=Loud(rc))
    assert plain(said), [line[:200] for line in said.splitlines() if not plain(line)]
    assert "this is a bug" not in said, said
    no_fault()
