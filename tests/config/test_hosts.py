"""hosts.yaml → the fleet: defaults, merging, and paths that do not depend on where one stands."""

from __future__ import annotations

from pathlib import Path

import pytest

import failover
from failover.config.hosts import load_fleet
from failover.core.fleet import Channel, Domain, Ec2, Endpoint, Fleet, Mode, Role, Spam, SpamEngine, Ssh
from failover.dns.powerdns import PowerDns
from failover.dns.rfc2136 import Rfc2136
from failover.dns.route53 import Route53
from failover.errors import ConfigError

SHORT = """\
version: 1
hosts:
  mx1: {role: primary, address: 192.0.2.11, mx: mx1.example.net}
  mx2: {role: standby, address: 192.0.2.12, mx: mx2.example.net}
domains:
  example.net: {dns: {kind: rfc2136, server: 192.0.2.53, key_name: failover, key: "file:/etc/failover/tsig"}}
"""


def load(folder: Path, text: str) -> Fleet:
    (folder / "hosts.yaml").write_text(text)
    return load_fleet(folder / "hosts.yaml")


def test_the_shortest_file_takes_every_default(tmp_path: Path) -> None:
    fleet = load(tmp_path, SHORT)
    mx1 = fleet.hosts["mx1"]
    assert (mx1.role, mx1.smtp, mx1.mx) == (Role.PRIMARY, Endpoint("192.0.2.11", 25), "mx1.example.net")
    assert (mx1.ssh, mx1.spam, mx1.handler) == (Ssh(), None, None)
    dns = Rfc2136("192.0.2.53", 53, "failover", "file:/etc/failover/tsig", "hmac-sha256")
    assert fleet.domains["example.net"] == Domain("example.net", dns)
    assert fleet.policy.mode is Mode.OBSERVE
    assert fleet.state == f"sqlite:///{tmp_path}/failover.db"


def test_who_takes_whose_mail(tmp_path: Path) -> None:
    text = SHORT.replace("mx: mx2.example.net", "mx: mx2.example.net, standby_for: [mx1]")
    fleet = load(tmp_path, text.replace('tsig"}}', 'tsig"}, mx: [mx2, mx1]}'))
    assert [h.standby_for for h in fleet.hosts.values()] == [(), ("mx1",)]
    assert fleet.domains["example.net"].mx == ("mx2", "mx1")


def test_a_host_overrides_the_default_ssh_key_by_key(tmp_path: Path) -> None:
    fleet = load(
        tmp_path,
        """\
version: 1
defaults: {ssh: {user: failover, port: 2222, identity: keys/id, known_hosts: /etc/failover/known_hosts}}
hosts:
  mx1: {role: primary, address: 192.0.2.11}
  mx2: {role: standby, address: mx2.example.net, ssh: {port: 22, identity: "~/id"}}
""",
    )
    known = "/etc/failover/known_hosts"
    assert fleet.hosts["mx1"].ssh == Ssh("failover", 2222, f"{tmp_path}/keys/id", known)
    assert fleet.hosts["mx2"].ssh == Ssh("failover", 22, str(Path("~/id").expanduser()), known)


def test_relative_paths_are_relative_to_the_file_not_to_the_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "etc").mkdir()
    text = SHORT.replace("/etc/failover/tsig", "tsig") + 'notify: [{kind: webhook, url: "file:hook"}, {kind: stderr}]\n'
    (tmp_path / "etc" / "hosts.yaml").write_text(text + "state: sqlite:///run/failover.db\n")
    monkeypatch.chdir(tmp_path)
    fleet = load_fleet(Path("etc/hosts.yaml"))
    dns = fleet.domains["example.net"].dns
    assert isinstance(dns, Rfc2136)
    assert dns.key == f"file:{tmp_path}/etc/tsig"
    assert fleet.state == f"sqlite:///{tmp_path}/etc/run/failover.db"
    assert fleet.notify == (Channel("webhook", f"file:{tmp_path}/etc/hook"), Channel("stderr"))


def test_every_kind_of_channel(tmp_path: Path) -> None:
    fleet = load(
        tmp_path,
        SHORT
        + """\
policy: {gap: 3m, clear: 10m, ask: 1h, heartbeat: "file:beat"}
notify:
  - {kind: stderr}
  - {kind: webhook, url: "https://hooks.example.net/x?y=z"}
  - {kind: ntfy, url: "https://ntfy.example.net:8443/mx-alerts", token: "file:token"}
  - {kind: ntfy, url: "env:NTFY"}
  - {kind: pagerduty, key: "cred:pagerduty"}
  - {kind: pagerduty, key: "file:key", url: "https://events.eu.pagerduty.com/v2/enqueue"}
  - {kind: apprise, url: "file:apprise"}
""",
    )
    assert fleet.notify == (
        Channel("stderr"),
        Channel("webhook", "https://hooks.example.net/x?y=z"),
        Channel("ntfy", "https://ntfy.example.net:8443/mx-alerts", f"file:{tmp_path}/token"),
        Channel("ntfy", "env:NTFY"),
        Channel("pagerduty", None, "cred:pagerduty"),
        Channel("pagerduty", "https://events.eu.pagerduty.com/v2/enqueue", f"file:{tmp_path}/key"),
        Channel("apprise", f"file:{tmp_path}/apprise"),
    )
    assert len({c.id for c in fleet.notify}) == len(fleet.notify)
    policy = fleet.policy
    assert (policy.gap_s, policy.clear_s, policy.ask_s, policy.heartbeat) == (180, 600, 3600, f"file:{tmp_path}/beat")


def test_more_channels_than_threads_are_wanted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r":7:9: notify has 17 channels; write at most 16"):
        load(tmp_path, SHORT + f"notify: [{', '.join(['{kind: stderr}'] * 17)}]\n")


def test_what_the_example_shows_as_comment_is_right_too(tmp_path: Path) -> None:
    lines = (Path(failover.__file__).parents[1] / "hosts.yaml").read_text().splitlines()
    shown = [
        line.replace("  # ", "  ", 1) if line.startswith(("  # - {", "  # heartbeat:")) else line for line in lines
    ]
    fleet = load(tmp_path, "\n".join(shown))
    assert [c.kind for c in fleet.notify] == ["stderr", "webhook", "ntfy", "pagerduty", "slack", "matrix", "apprise"]
    assert fleet.policy.heartbeat == "env:FAILOVER_HEARTBEAT"


@pytest.mark.parametrize(
    ("state", "url"),
    [
        ("sqlite:////var/lib/failover/f.db", "sqlite:////var/lib/failover/f.db"),
        ("postgresql+psycopg://failover@db.example.net/f", "postgresql+psycopg://failover@db.example.net/f"),
        ("postgresql://db.example.net/f", "postgresql+psycopg://db.example.net/f"),
    ],
)
def test_absolute_state_stays(tmp_path: Path, state: str, url: str) -> None:
    assert load(tmp_path, SHORT + f"state: {state}\n").state == url


@pytest.mark.parametrize(
    "state",
    ["sqlite://", "sqlite:///:memory:", "mysql://x/y", "postgresql://u:pw@h/d", "postgresql://h/d?password=pw", "f.db"],
)
def test_state_that_is_not_durable_or_holds_a_password_is_refused(tmp_path: Path, state: str) -> None:
    with pytest.raises(ConfigError, match=r":7:8: ") as caught:
        load(tmp_path, SHORT + f'state: "{state}"\n')
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("[::1]:783", Endpoint("::1", 783)),
        ("127.0.0.1:783", Endpoint("127.0.0.1", 783)),
        ("spamd.internal:783", Endpoint("spamd.internal", 783)),
        ("::1:783", None),
        ("[127.0.0.1:783", None),
        ("127.0.0.1:0", None),
        ("127.0.0.1:65536", None),
        ("256.0.0.1:783", None),
        ("a b:783", None),
        (":783", None),
        ("127.0.0.1:783\n", None),
    ],
)
def test_endpoints(tmp_path: Path, text: str, endpoint: Endpoint | None) -> None:
    quoted = text.replace("\n", "\\n")
    file = f'version: 1\nhosts: {{mx1: {{role: primary, address: 192.0.2.1, spam: {{address: "{quoted}"}}}}}}\n'
    if endpoint is None:
        with pytest.raises(ConfigError, match="is no address with port"):
            load(tmp_path, file)
    else:
        assert load(tmp_path, file).hosts["mx1"].spam == Spam(SpamEngine.SPAMASSASSIN, endpoint)


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file") as caught:
        load_fleet(tmp_path / "hosts.yaml")
    assert "--hosts FILE" in caught.value.try_
    assert "--hosts" in caught.value.try_


def test_the_example_loads_and_shows_the_full_form() -> None:
    fleet = load_fleet(Path(failover.__file__).parents[1] / "hosts.yaml")
    assert list(fleet.hosts) == ["mx1", "mx2"]
    assert isinstance(fleet.domains["example.org"].dns, Route53)
    assert len(fleet.notify) == 2


def test_everything_the_full_form_documents_is_taken(tmp_path: Path) -> None:
    fleet = load(
        tmp_path,
        """\
version: 1
hosts:
  mx1:
    role: primary
    address: 2001:db8::11
    smtp: {port: 2525}
    postfix: {service: "192.0.2.11:smtp/inet", config_dir: /etc/postfix-in, log: /var/log/mail.log}
    spam: {engine: none}
    standby_spam: {engine: rspamd, unit: rspamd}
    handler: {address: "127.0.0.1:20381", banner: "Python SMTP", container: sl-email}
    cloud: {kind: ec2, region: eu-west-3, instance: i-0123456789abcdef0}
policy: {mode: ask, playbooks: {spam-filter-hung: auto}, quorum: 1, anchors: ["192.0.2.1:53"], spacing: 10s, fresh: 2m}
""",
    )
    mx1 = fleet.hosts["mx1"]
    assert str(mx1.smtp) == "[2001:db8::11]:2525"
    assert mx1.spam is not None
    assert mx1.spam.engine is SpamEngine.NONE
    assert mx1.standby_spam == Spam(SpamEngine.RSPAMD, Endpoint("127.0.0.1", 11333), "rspamd")
    assert mx1.handler is not None
    assert mx1.handler.container == "sl-email"
    assert mx1.cloud == Ec2("eu-west-3", "i-0123456789abcdef0")
    policy = fleet.policy
    assert (policy.playbooks, policy.quorum, policy.spacing_s, policy.fresh_s) == (
        {"spam-filter-hung": "auto"},
        1,
        10,
        120,
    )
    assert policy.anchors == (Endpoint("192.0.2.1", 53),)


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("https://ns1.example.net:8443", True),
        ("https://[2001:db8::53]/pdns", True),
        ("http://127.0.0.1:8081", True),
        ("http://[::1]:8081", True),
        ("https://ns1.example.net:65536", False),
        ("http://ns1.example.net:8081", False),
        ("http://127.0.0.1.example.net", False),
        ("https://me:word@ns1.example.net", False),
        ("https://ns1.example.net/?key=word", False),
        ("ns1.example.net", False),
    ],
)
def test_powerdns_is_reached_by_tls_or_on_this_machine(tmp_path: Path, url: str, fine: bool) -> None:
    """Its key would be read by whoever listens in between; what looks like a secret is not shown."""
    text = SHORT.replace('rfc2136, server: 192.0.2.53, key_name: failover, key: "file:/etc/failover/tsig"', "{}")
    text = text.replace("{kind: {}}", f'{{kind: powerdns, url: "{url}", key: "file:api-key"}}')
    if fine:
        dns = load(tmp_path, text).domains["example.net"].dns
        assert dns == PowerDns(url, f"file:{tmp_path}/api-key")
        return
    with pytest.raises(ConfigError) as e:
        load(tmp_path, text)
    assert "https://ns1.example.net:8443" in str(e.value)
    assert "word" not in str(e.value)
