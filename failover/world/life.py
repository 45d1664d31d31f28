"""Normal life: events of every week in mail systems that no automation may take for an incident.

A registry, as data. A decision by the length of a queue, one failed look or one closed port is wrong for most of them.
"""

from __future__ import annotations

from failover.world import life_host, life_mail, life_net
from failover.world.life_kind import Kind

KINDS: dict[str, Kind] = {k.name: k for k in (*life_mail.KINDS, *life_host.KINDS, *life_net.KINDS)}
