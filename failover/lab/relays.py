"""Two real mail servers that look up MX records: Exim on ns1, Postfix on ns2.

Postfix is in the lab's layer. Exim cannot be installed beside it (both are the mail-transport-agent), so its packages
are unpacked in the cache, and the program and its libraries are copied into the host.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from failover.errors import FailoverError
from failover.lab.layer import cached

if TYPE_CHECKING:
    from failover.lab.lab import Lab

RELAYS = {"ns1": "Exim", "ns2": "Postfix"}
DEBS = ("exim4-daemon-light", "libidn12", "libgnutls-dane0", "libunbound8", "libevent-2.1-7", "libnsl2")
FETCH_S, START_S = 120.0, 30.0
LOOKS = 3

EXIM = """primary_hostname = ns1.lab.test
local_interfaces = 10.77.0.53
spool_directory = /var/spool/exim4
log_file_path = /var/log/exim4/%s
queue_run_in_order = false
acl_smtp_rcpt = accept
tls_advertise_hosts =
keep_environment =
begin routers
by_mx:
  driver = dnslookup
  transport = out
  no_more
begin transports
out:
  driver = smtp
  connect_timeout = 5s
  hosts_avoid_tls = *
begin retry
* * F,1h,3s
"""
START_EXIM = """ldconfig
grep -q ^Debian-exim: /etc/passwd || echo Debian-exim:x:9981:9981::/var/spool/exim4:/usr/sbin/nologin >>/etc/passwd
grep -q ^Debian-exim: /etc/group || echo Debian-exim:x:9981: >>/etc/group
mkdir -p /etc/exim4 /var/spool/exim4 /var/log/exim4 && chown Debian-exim: /var/spool/exim4 /var/log/exim4
cat >/etc/exim4/exim4.conf
[ -s /run/exim.pid ] && kill -0 "$(cat /run/exim.pid)" 2>/dev/null ||
  exim4 -bd -q5s -oP /run/exim.pid </dev/null >/run/exim.out 2>&1"""
STOP_EXIM = "kill $(cat /run/exim.pid) && rm /run/exim.pid"
# queue_run_delay: mail that both MX refused for a moment should not wait five minutes.
START_POSTFIX = """cd /etc/postfix && cp /usr/share/postfix/master.cf.dist master.cf && cat >main.cf && newaliases
postconf -F '*/*/chroot = n' && { postfix status 2>/dev/null || postfix start; } </dev/null >/run/postfix.out 2>&1"""
POSTFIX = """compatibility_level = 3.6
myhostname = ns2.lab.test
mydestination =
inet_protocols = ipv4
mynetworks = 127.0.0.0/8, 10.77.0.0/24
smtpd_peername_lookup = no
relay_domains = lab.test
local_transport = error:nothing is local here
smtp_connect_timeout = 5s
queue_run_delay = 5s
minimal_backoff_time = 5s
maillog_file = /var/log/mail.log
"""


def start(lab: Lab) -> None:
    """Start both on a lab that is up; fetches Exim the first time. Raises FailoverError."""
    _lay_exim(lab)
    lab.run("ns1", ["sh", "-c", START_EXIM], input=EXIM, timeout=START_S)
    lab.run("ns2", ["sh", "-c", START_POSTFIX], input=POSTFIX, timeout=START_S)


def stop(lab: Lab) -> None:
    lab.run("ns1", ["sh", "-c", STOP_EXIM], timeout=START_S, check=False)
    lab.run("ns2", ["postfix", "stop"], timeout=START_S, check=False)


def waiting(lab: Lab) -> int:
    """Messages in both queues, counted from outside; one that moves may be missed."""
    found = 0
    for host, spools in (("ns1", ("exim4/input",)), ("ns2", _POSTFIX_QUEUES)):
        roots = [Path(f"/proc/{lab.held(host)}/root/var/spool", spool) for spool in spools]
        names = [n for root in roots for _, _, files in os.walk(root) for n in files]
        found += len([n for n in names if host != "ns1" or n.endswith("-H")])
    return found


_POSTFIX_QUEUES = tuple(f"postfix/{queue}" for queue in ("maildrop", "incoming", "active", "deferred"))


def empty(lab: Lab) -> Callable[[], bool]:
    """Nothing waits, at several looks."""
    looks: list[int] = []

    def look() -> bool:
        looks.append(waiting(lab))
        return looks[-LOOKS:] == [0] * LOOKS

    return look


def _lay_exim(lab: Lab) -> None:
    root, exim = Path(f"/proc/{lab.held('ns1')}/root"), _unpacked()
    if (root / "usr/sbin/exim4").exists():
        return
    (root / "usr/local/lib").mkdir(parents=True, exist_ok=True)
    for library in exim.rglob("*.so.*"):
        shutil.copyfile(library, root / "usr/local/lib" / library.name)
    shutil.copyfile(exim / "usr/sbin/exim4", root / "usr/sbin/exim4")
    (root / "usr/sbin/exim4").chmod(0o4755)


def _unpacked() -> Path:
    """The tree of Exim's packages, beside the lab's layer."""
    tree = cached().parent.with_name(f"{cached().parent.name}-exim")
    if tree.exists():
        return tree
    tree.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=tree.parent) as scratch:
        made = Path(scratch) / "root"
        made.mkdir()
        try:
            _fetch(scratch)
            for deb in Path(scratch).glob("*.deb"):
                subprocess.run(
                    ["dpkg-deb", "-x", str(deb), str(made)], check=True, capture_output=True, timeout=FETCH_S
                )
        except subprocess.SubprocessError as e:
            said = getattr(e, "stderr", b"") or b""
            told = said.decode(errors="replace").strip()[-300:] or str(e)
            raise FailoverError(f"fetching Exim failed: {told}", try_="`apt-get update`, then again") from e
        (made / "usr/sbin/exim4").chmod(0o755)  # no setuid program in a cache
        made.rename(tree)
    return tree


def _fetch(folder: str) -> None:
    """By the machine's package lists; if it has none, by lists fetched into `folder`."""
    lists = Path(folder, "lists")
    (lists / "partial").mkdir(parents=True)
    private = [f"Dir::State::lists={lists}", "Dir::Cache::pkgcache=", "Dir::Cache::srcpkgcache="]
    ours = [word for option in private for word in ("-o", option)]
    try:
        _apt(folder, "download", *DEBS)
    except subprocess.CalledProcessError:
        _apt(folder, *ours, "update")
        _apt(folder, *ours, "download", *DEBS)


def _apt(folder: str, *words: str) -> None:
    argv = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", *words]
    subprocess.run(argv, cwd=folder, check=True, capture_output=True, timeout=FETCH_S)
