"""The ways in which a spam filter is wired into Postfix; all are met in practice, and each is cured differently.

Each is a folder in `files/mx/usr/local/share/lab/wiring`; `lab-wiring` there describes its files. The table
`tests/cases/wirings.yaml` says what each is, and what a run does about it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from failover.errors import ConfigError
from failover.lab.files import TREES

if TYPE_CHECKING:
    from failover.lab.lab import Lab

DEFAULT = "smtpd-pipe"
WIRINGS = tuple(sorted(folder.name for folder in (TREES / "mx/usr/local/share/lab/wiring").iterdir()))
REWIRE_S = 30.0


def rewire(lab: Lab, host: str, wiring: str) -> None:
    """
    Write main.cf and master.cf anew, and reload. Open sessions and queued mail keep their settings. `amavis`
    and the milters need a lab with the extra `filters`.
    """
    if wiring not in WIRINGS:
        raise ConfigError(f"the lab knows no wiring {wiring!r}", try_=f"one of {', '.join(WIRINGS)}")
    lab.run(host, ["lab-wiring", wiring], timeout=REWIRE_S)
