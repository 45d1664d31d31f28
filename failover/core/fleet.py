"""The fleet as hosts.yaml declares it: hosts, domains, and the way to each. Values only."""

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
    """Paths are absolute here; host keys are always checked against `known_hosts`."""

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
    """The hosts whose mail it takes before any other host does."""

    @property
    def smtp(self) -> Endpoint:
        return Endpoint(self.address, self.smtp_port)


class Dns(Protocol):
    """A DNS provider (`failover/dns/`) as the core needs it: facts about the place where records are changed."""

    @property
    def kind(self) -> str: ...

    @property
    def place(self) -> Mapping[str, str]:
        """The way to the zone. Plans store it and are compared by it, so its words must not change."""
        ...

    @property
    def anchor(self) -> Endpoint:
        """The address of the provider: it answers if our own network works."""
        ...

    @property
    def takes_s(self) -> tuple[float, float]:
        """(usual, at most) seconds until all servers show a change."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Facts that a person must know before they approve a change here."""
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
    """Least time between two samples that count as separate, so "3 samples" is the same for cron and watch."""
    fresh_s: float = 90.0
    """The most age of a look that counts as now."""
    gap_s: float = 150.0
    """A longer time without a look breaks a window of looks."""
    clear_s: float = 300.0
    """An incident that is gone for so long is resolved; its return is a new one."""
    ask_s: float = 1800.0
    """The life of a proposal (mode ask)."""
    heartbeat: str | None = None
    """A URL (or a reference) called after each finished cycle: the service behind it pages on silence."""

    @property
    def pace(self) -> Pace:
        return Pace(self.spacing_s, self.gap_s, self.fresh_s)

    def mode_of(self, playbook: str) -> Mode:
        return self.playbooks.get(playbook, self.mode)


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to reach people. `url` is a reference or a plain URL; `stderr` needs none.

    `secret`: a reference to its key or token (PagerDuty's routing key, ntfy's token).
    """

    kind: str
    url: str | None = None
    secret: str | None = None

    @property
    def id(self) -> str:
        """The same while url and secret are; shows neither."""
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
    """Machines without mail that only say whether they see the MX hosts greet: vantages for the quorum."""

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The channels of hosts.yaml; standard error if there are none."""
        return self.notify or (Channel("stderr"),)

    def peers(self, of: str) -> tuple[Host, ...]:
        return tuple(h for h in self.hosts.values() if h.name != of)
