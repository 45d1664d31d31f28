"""hosts.yaml → the fleet. The models are the file's shape; what they let through is safe to use in commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError

from failover.channels import CHANNELS
from failover.channels.kind import Form
from failover.config import fleet_values
from failover.config.explain import explain
from failover.config.problems import Problem, refusal
from failover.config.source import Source, read
from failover.core.fleet import Fleet
from failover.core.words import meant
from failover.dns import PROVIDERS, USUAL
from failover.fields import (
    Address,
    EndpointText,
    HostId,
    Hostname,
    PathText,
    PlaybookId,
    Port,
    SecretUrl,
    Span,
    Strict,
    Wrong,
    shaped,
)

_LATER = {
    "cooldowns": "this version takes the cooldown from the playbook (limits: {cooldown: 1h})",
    "cloudflare": f"cloudflare is not in this version; use {' or '.join(PROVIDERS)}",
    **{word: write for kind in CHANNELS.values() for word, write in kind.instead.items()},
    "container": "write auto, journal or a file's path; logs of a container are not in this version",
}
_MISSING = "write one (version, and hosts with role and address), or give yours with --hosts FILE (FAILOVER_HOSTS)"


def _state(url: str) -> str:
    if re.fullmatch(r"sqlite:///[^:?][^?]*", url):
        return url
    if not re.match(r"postgresql(\+psycopg)?://", url):
        raise Wrong("the state is neither SQLite in a file nor PostgreSQL; write sqlite:///failover.db")
    if re.match(r"[^/]*//[^@/]*:[^@/]*@", url) or "password=" in url:
        raise Wrong("a password is written here itself (not shown); leave it out, PostgreSQL's ~/.pgpass is read")
    return re.sub(r"^postgresql:", "postgresql+psycopg:", url)


def _few(channels: list[Any]) -> list[Any]:
    if len(channels) > _CHANNELS:
        raise Wrong(
            f"notify has {len(channels)} channels; write at most {_CHANNELS}, each is told in a thread of its own"
        )
    return channels


def _log(text: str) -> str:
    if text in {"auto", "journal"} or re.fullmatch(_ABSOLUTE, text):
        return text
    raise Wrong(f'"{text}" is no log; {_LATER.get(text, "write auto, journal, or a path such as /var/log/mail.log")}')


_CHANNELS = 16
_ABSOLUTE = r"/(?!.*(^|/)\.\.(/|$))[A-Za-z0-9._/+-]*"
_Service = shaped(r"[A-Za-z0-9_.:\[\]-]+/(inet|unix|pass|fifo)", "master.cf service; write one such as smtp/inet")
_User = shaped(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}", "user name; write one such as failover")
_Unit = shaped(r"[A-Za-z0-9][A-Za-z0-9@_.:-]{0,127}", "systemd unit; write one such as spamd")
_Container = shaped(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}", "container name; write one such as sl-email")
_Banner = shaped(r"[ -~]{1,200}", "part of a banner; write printable ASCII such as Python SMTP")


class Ssh(Strict):
    user: Annotated[str, _User] = "root"
    port: Port = 22
    identity: PathText | None = None
    known_hosts: PathText | None = None


class Smtp(Strict):
    port: Port = 25


class Postfix(Strict):
    service: Annotated[str, _Service] = "smtp/inet"
    config_dir: Annotated[str, shaped(_ABSOLUTE, "absolute path; write one such as /etc/postfix")] = "/etc/postfix"
    log: Annotated[str, AfterValidator(_log)] = "auto"


class Spam(Strict):
    engine: Literal["spamassassin", "rspamd", "smtp", "lmtp", "none"] = "spamassassin"
    address: EndpointText | None = None
    unit: Annotated[str, _Unit] | None = None


class Handler(Strict):
    address: EndpointText = Field(examples=['"127.0.0.1:20381"'])
    banner: Annotated[str, _Banner] | None = None
    container: Annotated[str, _Container] | None = None


class Ec2(Strict):
    kind: Literal["ec2"] = Field(examples=["ec2"])
    region: Annotated[str, shaped(r"[a-z]{2}(-[a-z]+)+-[0-9]", "AWS region; write one such as eu-west-3")] = Field(
        examples=["eu-west-3"]
    )
    instance: Annotated[str, shaped(r"i-[0-9a-f]{8,17}", "EC2 instance; write one such as i-0123456789abcdef0")] = (
        Field(examples=["i-0123456789abcdef0"])
    )


class Host(Strict):
    role: Literal["primary", "standby"] = Field(examples=["primary", "standby"])
    address: Address = Field(examples=["192.0.2.11"])
    mx: Hostname | None = None
    smtp: Smtp = Smtp()
    ssh: Ssh = Ssh()
    postfix: Postfix = Postfix()
    spam: Spam | None = None
    standby_spam: Spam | None = None
    handler: Handler | None = None
    cloud: Ec2 | None = None
    standby_for: list[HostId] = Field(default_factory=list)


class Witness(Strict):
    """A machine without mail that is asked over SSH whether it sees the MX hosts greet: one more place for a quorum."""

    address: Address = Field(examples=["192.0.2.9"])
    ssh: Ssh = Ssh()


if TYPE_CHECKING:

    class Dns(Strict):
        kind: str

else:
    Dns = Annotated[reduce(or_, (e.model for e in PROVIDERS.values())), Field(discriminator="kind")]


class Domain(Strict):
    dns: Dns = Field(examples=[USUAL.text])
    servers: list[Address] = Field(default_factory=list)
    mx: list[HostId] = Field(default_factory=list)


if TYPE_CHECKING:
    AnyChannel = Form
else:
    AnyChannel = reduce(or_, (kind.form for kind in CHANNELS.values()))
Mode = Literal["observe", "ask", "auto"]


class Policy(Strict):
    """What the controller may do by itself. `spacing`: least time between two looks that count as separate samples;
    `fresh`: how old a look may be and still count; `quorum`: how many vantages must see a host fail; `anchors`:
    addresses that prove that our own network works; `gap`: a longer time without a look breaks a window of looks;
    `clear`: how long an incident must be gone to be over; `ask`: how long a question stands in mode ask; `heartbeat`:
    called after each finished cycle, so that silence pages."""

    mode: Mode = "observe"
    playbooks: dict[PlaybookId, Mode] = Field(default_factory=dict)
    quorum: Annotated[int, Field(ge=1, le=9)] = 2
    anchors: list[EndpointText] = Field(default_factory=list)
    spacing: Span = 5.0
    fresh: Span = 90.0
    gap: Span = 150.0
    clear: Span = 300.0
    ask: Span = 1800.0
    heartbeat: SecretUrl | None = None


class Defaults(Strict):
    ssh: Ssh = Ssh()


class HostsFile(Strict):
    version: Literal[1] = Field(examples=["1"])
    state: Annotated[str, AfterValidator(_state)] = "sqlite:///failover.db"
    defaults: Defaults = Defaults()
    hosts: Annotated[dict[HostId, Host], Field(min_length=1)] = Field(
        examples=["{mx1: {role: primary, address: 192.0.2.11}}"]
    )
    witnesses: dict[HostId, Witness] = Field(default_factory=dict)
    domains: dict[Hostname, Domain] = Field(default_factory=dict)
    policy: Policy = Policy()
    notify: Annotated[list[Annotated[AnyChannel, Field(discriminator="kind")]], AfterValidator(_few)] = Field(
        default_factory=list
    )


def load_fleet(path: Path) -> Fleet:
    """The fleet that hosts.yaml declares; its relative paths are made absolute against its folder. Raises ConfigError
    with every problem of the file, each as `file:line:column: found this; write that`."""
    source = read(path, missing=_MISSING)
    problems = [*source.problems, *_contradictions(source)]
    try:
        file = HostsFile.model_validate(source.value)
    except ValidationError as e:
        raise refusal(source.name, [*problems, *explain(e, source, HostsFile, _LATER)]) from None
    if problems:
        raise refusal(source.name, problems)
    return fleet_values.fleet(file, path.absolute().parent)


def _contradictions(source: Source) -> list[Problem]:
    """Problems between fields. Judged on the plain values, so that they are told together with all others."""
    hosts = _mapping(_mapping(source.value).get("hosts"))
    domains = _mapping(_mapping(source.value).get("domains"))
    return [
        *_twice(source, hosts, lambda h: (h.get("address"), _mapping(h.get("smtp")).get("port", 25)), "address"),
        *_twice(source, hosts, lambda h: h.get("mx"), "mx"),
        *_odd_dns(source, domains),
        *_both(source, hosts, _mapping(_mapping(source.value).get("witnesses"))),
        *(p for name in hosts for p in _standing_by(source, hosts, name)),
        *(p for name in domains for p in _takers(source, hosts, _mapping(domains[name]).get("mx"), name)),
    ]


def _standing_by(source: Source, hosts: dict[str, Any], name: str) -> Iterator[Problem]:
    at = ("hosts", name, "standby_for")
    for i, other in enumerate(_list(_mapping(hosts[name]).get("standby_for"))):
        if other == name:
            yield Problem(source.where((*at, i)), f"{name} cannot stand by for itself; name another host")
        elif other not in hosts:
            yield Problem(source.where((*at, i)), f'"{other}" is no host; {meant(other, hosts)}')


def _takers(source: Source, hosts: dict[str, Any], mx: Any, domain: str) -> Iterator[Problem]:
    """Names of hosts, each with the name that its MX record carries."""
    for i, name in enumerate(names := _list(mx)):
        at = source.where(("domains", domain, "mx", i))
        if name not in hosts:
            yield Problem(at, f'"{name}" is no host; {meant(name, hosts)}')
        elif name in names[:i]:
            yield Problem(at, f'"{name}" stands there twice; keep the first')
        elif not _mapping(hosts[name]).get("mx"):
            yield Problem(at, f'{name} takes mail of {domain} and has no "mx"; write there the name of its MX record')


def _both(source: Source, hosts: dict[str, Any], witnesses: dict[str, Any]) -> list[Problem]:
    said = "is a host already, and sees its peers as such; leave it out here"
    return [Problem(source.where(("witnesses", n)), f'"{n}" {said}') for n in witnesses if n in hosts]


def _twice(source: Source, hosts: dict[str, Any], identity: Any, key: str) -> list[Problem]:
    first: dict[Any, str] = {}
    problems = []
    for name, host in hosts.items():
        if not (value := _mapping(host).get(key)) or not isinstance(value, str):
            continue
        other = first.setdefault(repr(identity(host)), name)
        if other != name:
            at = source.values["hosts", name, key]
            problems.append(Problem(at, f'{name} has the {key} of {other}, "{value}"; give each host its own'))
    return problems


def _odd_dns(source: Source, domains: dict[str, Any]) -> Iterator[Problem]:
    for name, domain in domains.items():
        dns = _mapping(_mapping(domain).get("dns"))
        entry = PROVIDERS.get(str(dns.get("kind")))
        for key, what in entry.at_odds(dns) if entry else ():
            yield Problem(source.where(("domains", name, "dns", key)), what)


def _list(value: Any) -> list[str]:
    return [v for v in value if isinstance(v, str)] if isinstance(value, list) else []


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
