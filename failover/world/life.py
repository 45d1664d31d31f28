"""Normal life: everything that happens to mail systems every week, and that no automation may take for an incident.

A registry, as data. Whoever judges by a queue's length, one failed look or one closed port acts wrongly on most of it.
"""

from __future__ import annotations

from failover.world import life_host, life_mail, life_net
from failover.world.life_kind import Kind

KINDS: dict[str, Kind] = {k.name: k for k in (*life_mail.KINDS, *life_host.KINDS, *life_net.KINDS)}
