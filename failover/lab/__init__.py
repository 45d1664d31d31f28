"""A real mail world on this machine: Postfix, SpamAssassin, OpenSSH and BIND, each host in namespaces of its own.

Every host is an overlay over the machine's own root, so there is no image to build, and nothing of the machine is
written: packages go into a layer kept in the cache, all else into memory that goes away with the host.
"""

from failover.lab.lab import Lab

__all__ = ["Lab"]
