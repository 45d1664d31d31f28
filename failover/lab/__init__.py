"""A real mail world on this machine: Postfix, SpamAssassin, OpenSSH and BIND, each host in namespaces of its own.

Every host is an overlay over the machine's own root: there is no image to build, and the machine is not changed.
Packages go into a layer in the cache, all else into memory that goes away with the host.
"""

from failover.lab.lab import Lab

__all__ = ["Lab"]
