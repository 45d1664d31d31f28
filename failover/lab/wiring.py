"""The ways in which a spam filter is wired into Postfix; every one is met in the field, and each is cured differently.

Their configurations are the folders of the same names in `files/mx/usr/local/share/lab/wiring`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from failover.errors import ConfigError

if TYPE_CHECKING:
    from failover.lab.lab import Lab

DEFAULT = "smtpd-pipe"
WIRINGS = {
    "smtpd-pipe": "smtpd -o content_filter=spamassassin, a pipe to spamc",
    "main-pipe": "content_filter in main.cf, taken back for pickup; the same pipe",
    "smtp": "content_filter in main.cf, an SMTP filter on 10025 that sends on to 10026",
    "other-name": "as smtpd-pipe, the transport named spamfilter",
}


def rewire(lab: Lab, host: str, wiring: str) -> None:
    """Write main.cf and master.cf anew, and reload. Sessions and mail already there keep what they were given."""
    if wiring not in WIRINGS:
        raise ConfigError(f"the lab knows no wiring {wiring!r}", try_=f"one of {', '.join(WIRINGS)}")
    lab.run(host, ["lab-wiring", wiring], timeout=30)
