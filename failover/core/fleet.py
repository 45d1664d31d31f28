"""The fleet as the operator declared it: hosts, domains, and how each is reached. Values only."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from failover.core.pace import Pace


class Role(enum.StrEnum):
    PRIMARY = "primary"
    STANDBY = "standby"


class SpamEngine(enum.StrEnum):
    SPAMASSASSIN = "spamassassin"
    RSPAMD = "rspamd"
    SMTP = "smtp"
    LMTP = "lmtp"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Endpoint:
    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Ssh:
    """Paths are absolute by the time they are here; host keys are always checked against `known_hosts`."""

    user: str = "root"
    port: int = 22
    identity: str | None = None
    known_hosts: str | None = None


@dataclass(frozen=True, slots=True)
class Postfix:
    service: str = "smtp/inet"
    config_dir: str = "/etc/postfix"
    log: str = "auto"


@dataclass(frozen=True, slots=True)
class Spam:
    engine: SpamEngine
    address: Endpoint
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Handler:
    """The program that Postfix hands mail to; `banner` is text its 220 must contain."""

    address: Endpoint
    banner: str = ""
    container: str | None = None


@dataclass(frozen=True, slots=True)
class Ec2:
    region: str
    instance: str


@dataclass(frozen=True, slots=True)
class Host:
    name: str
    role: Role
    address: str
    mx: str | None = None
    smtp_port: int = 25
    ssh: Ssh = Ssh()
    postfix: Postfix = Postfix()
    spam: Spam | None = None
    standby_spam: Spam | None = None
    handler: Handler | None = None
    cloud: Ec2 | None = None
    standby_for: tuple[str, ...] = ()
    """The hosts whose mail it is to take before any other host does."""

    @property
    def smtp(self) -> Endpoint:
        return Endpoint(self.address, self.smtp_port)


class Dns(Protocol):
    """Where a domain's records are changed: the value of a provider (`failover/dns/`), and what the core asks of it."""

    @property
    def kind(self) -> str: ...

    @property
    def place(self) -> Mapping[str, str]:
        """What leads to the zone. Plans keep it and are compared by it, so its words stay as they are."""
        ...

    @property
    def anchor(self) -> Endpoint:
        """Where a change is asked for: it answers if our own network works."""
        ...

    @property
    def takes_s(self) -> tuple[float, float]:
        """(usual, at most) seconds until all servers show a change."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person must know of a change here before they say yes."""
        ...


@dataclass(frozen=True, slots=True)
class Domain:
    name: str
    dns: Dns
    servers: tuple[str, ...] = ()
    mx: tuple[str, ...] = ()
    """The hosts that take its mail, the preferred first; empty: all that have an MX name."""


class Mode(enum.StrEnum):
    OBSERVE = "observe"
    ASK = "ask"
    AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Policy:
    mode: Mode = Mode.OBSERVE
    playbooks: Mapping[str, Mode] = field(default_factory=dict)
    quorum: int = 2
    anchors: tuple[Endpoint, ...] = ()
    spacing_s: float = 5.0
    """Least time between two samples that count as separate; what "3 samples" means for cron and watch alike."""
    fresh_s: float = 90.0
    """How old a look may be and still count as now."""
    gap_s: float = 150.0
    """A longer time without a look breaks a window of looks: nobody knows what was in between."""
    clear_s: float = 300.0
    """How long an incident must be gone before it is told as over, and before its return is a new one."""
    ask_s: float = 1800.0
    """How long a question to a person (mode ask) stands."""
    heartbeat: str | None = None
    """A URL (or a reference to one) called after each finished cycle: a dead-man's switch that pages on silence."""

    @property
    def pace(self) -> Pace:
        return Pace(self.spacing_s, self.gap_s, self.fresh_s)

    def mode_of(self, playbook: str) -> Mode:
        return self.playbooks.get(playbook, self.mode)


@dataclass(frozen=True, slots=True)
class Channel:
    """Where people are told. `url` is a reference or a plain URL; `stderr` needs none.

    `secret`: a reference to what it asks for besides (PagerDuty's routing key, ntfy's token).
    """

    kind: str
    url: str | None = None
    secret: str | None = None

    @property
    def id(self) -> str:
        """The same for as long as it leads to the same place; says nothing of a URL that may be a secret."""
        where = hashlib.sha256(f"{self.url}\n{self.secret}".encode()).hexdigest()[:8]
        return self.kind if self.url is None and self.secret is None else f"{self.kind}-{where}"


@dataclass(frozen=True, slots=True)
class Fleet:
    hosts: Mapping[str, Host]
    domains: Mapping[str, Domain] = field(default_factory=dict)
    policy: Policy = Policy()
    notify: tuple[Channel, ...] = ()
    state: str = "sqlite:///failover.db"
    witnesses: Mapping[str, Host] = field(default_factory=dict)
    """Machines that carry no mail and only say whether they see the MX hosts greet: vantages for the quorum."""

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Where people are told: standard error when the operator named nothing."""
        return self.notify or (Channel("stderr"),)

    def peers(self, of: str) -> tuple[Host, ...]:
        return tuple(h for h in self.hosts.values() if h.name != of)
