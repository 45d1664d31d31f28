"""The closed catalogue of actions: a playbook can name these and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from failover.actions.base import Action
from failover.actions.container_restart import ContainerRestart
from failover.actions.dns_prefer import DnsPrefer
from failover.actions.dns_ttl import DnsTtl
from failover.actions.queue import QueueFlush, QueueRequeue
from failover.actions.service_restart import ServiceRestart
from failover.actions.spam_bypass import SpamBypass
from failover.actions.spam_restore import SpamRestore
from failover.actions.tell import Notify, Wait
from failover.actions.vm_resize import VmResize

ACTIONS: Mapping[str, Action] = {
    a.name: a
    for a in (
        *(SpamBypass(), SpamRestore(), QueueFlush(), QueueRequeue()),
        *(ServiceRestart(), ContainerRestart()),
        *(DnsPrefer(), DnsTtl(), VmResize(), Notify(), Wait()),
    )
}
