"""hosts.yaml's models → core values: defaults merged, relative paths made absolute."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from failover.core import fleet as core
from failover.dns import PROVIDERS
from failover.fields import inside, reference

if TYPE_CHECKING:
    from failover.channels.kind import Form
    from failover.config import hosts as file

_USUAL = {
    core.SpamEngine.SPAMASSASSIN: core.Endpoint("127.0.0.1", 783),
    core.SpamEngine.RSPAMD: core.Endpoint("127.0.0.1", 11333),
    core.SpamEngine.SMTP: core.Endpoint("127.0.0.1", 10024),
    core.SpamEngine.LMTP: core.Endpoint("127.0.0.1", 10024),
    core.SpamEngine.NONE: core.Endpoint("127.0.0.1", 783),  # nobody looks there
}


def fleet(f: file.HostsFile, folder: Path) -> core.Fleet:
    return core.Fleet(
        hosts={name: _host(name, h, f.defaults.ssh, folder) for name, h in f.hosts.items()},
        domains={
            name: core.Domain(name, PROVIDERS[d.dns.kind].provider(d.dns, folder), tuple(d.servers), tuple(d.mx))
            for name, d in f.domains.items()
        },
        policy=_policy(f.policy, folder),
        notify=tuple(_channel(c, folder) for c in f.notify),
        state=state_url(f.state, folder),
        witnesses={
            name: core.Host(name, core.Role.STANDBY, w.address, ssh=_ssh(w.ssh, f.defaults.ssh, folder))
            for name, w in f.witnesses.items()
        },
    )


def state_url(url: str, folder: Path) -> str:
    """A SQLite file named relatively lies in `folder`; every other URL as it is."""
    return f"sqlite:///{inside(path, folder)}" if (path := url.removeprefix("sqlite:///")) != url else url


def _host(name: str, h: file.Host, defaults: file.Ssh, folder: Path) -> core.Host:
    return core.Host(
        name,
        core.Role(h.role),
        h.address,
        h.mx,
        h.smtp.port,
        _ssh(h.ssh, defaults, folder),
        core.Postfix(h.postfix.service, h.postfix.config_dir, h.postfix.log),
        _spam(h.spam) if h.spam else None,
        _spam(h.standby_spam) if h.standby_spam else None,
        _handler(h.handler) if h.handler else None,
        core.Ec2(h.cloud.region, h.cloud.instance) if h.cloud else None,
        tuple(h.standby_for),
    )


def _ssh(own: file.Ssh, defaults: file.Ssh, folder: Path) -> core.Ssh:
    s = defaults.model_copy(update={k: getattr(own, k) for k in own.model_fields_set})
    identity, known_hosts = (p and inside(p, folder) for p in (s.identity, s.known_hosts))
    return core.Ssh(s.user, s.port, identity, known_hosts)


def _spam(s: file.Spam) -> core.Spam:
    engine = core.SpamEngine(s.engine)
    return core.Spam(engine, s.address or _USUAL[engine], s.unit)


def _handler(h: file.Handler) -> core.Handler:
    return core.Handler(h.address, h.banner or "", h.container)


def _policy(p: file.Policy, folder: Path) -> core.Policy:
    return core.Policy(
        mode=core.Mode(p.mode),
        playbooks={name: core.Mode(mode) for name, mode in p.playbooks.items()},
        quorum=p.quorum,
        anchors=tuple(p.anchors),
        spacing_s=p.spacing,
        fresh_s=p.fresh,
        gap_s=p.gap,
        clear_s=p.clear,
        ask_s=p.ask,
        heartbeat=p.heartbeat and reference(p.heartbeat, folder),
    )


def _channel(form: Form, folder: Path) -> core.Channel:
    given = form.channel()
    url, secret = (r and reference(r, folder) for r in (given.url, given.secret))
    return core.Channel(given.kind, url, secret)
