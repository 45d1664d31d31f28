"""The host keys that we trust: `known_hosts` (sshd(8)), read again when it changes.

Our own code: Paramiko decodes every key of the file (63 ms for 1000), does not
know patterns or `@revoked`, and takes only one key per type.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class HostKey:
    kind: str
    base64: str

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` prints it."""
        try:
            raw = base64.b64decode(self.base64, validate=True)
        except (binascii.Error, ValueError):
            return f"{self.kind} (not readable)"
        return f"{self.kind} SHA256:{base64.b64encode(hashlib.sha256(raw).digest()).decode().rstrip('=')}"


@dataclass(frozen=True, slots=True)
class KnownHosts:
    """`plain` by name; `others` are hashed names and patterns, tried in turn."""

    plain: dict[str, tuple[HostKey, ...]]
    others: tuple[tuple[str, HostKey], ...]
    revoked: frozenset[HostKey]

    def trusted(self, address: str, port: int) -> tuple[HostKey, ...]:
        """As ssh does: `[address]:port`, else the bare address."""
        for name in [address] if port == 22 else [f"[{address}]:{port}", address]:
            found = (*self.plain.get(name, ()), *(k for names, k in self.others if _matches(names, name)))
            if found:
                return tuple(k for k in found if k not in self.revoked)
        return ()


def load(path: Path) -> KnownHosts:
    """Raises OSError when it cannot be read."""
    stat = path.stat()
    return _load(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=32)
def _load(path: Path, _mtime: int, _size: int) -> KnownHosts:
    return parse(path.read_text(encoding="utf-8", errors="replace"))


def parse(text: str) -> KnownHosts:
    """An unknown line gives no trust; certificate authorities are not supported and give none."""
    plain: dict[str, tuple[HostKey, ...]] = {}
    others: list[tuple[str, HostKey]] = []
    revoked: set[HostKey] = set()
    for line in text.splitlines():
        match line.split():
            case ["@revoked", _, kind, key, *_]:
                revoked.add(HostKey(kind, key))
            case [names, kind, key, *_] if names[0] not in "#@":
                if any(c in names for c in "|*?!"):
                    others.append((names, HostKey(kind, key)))
                else:
                    for name in names.split(","):
                        plain[name] = (*plain.get(name, ()), HostKey(kind, key))
    return KnownHosts(plain, tuple(others), frozenset(revoked))


def _matches(names: str, name: str) -> bool:
    if names.startswith("|1|"):
        return _hashed(names, name)
    parts = names.split(",")
    if any(p.startswith("!") and _like(name, p[1:]) for p in parts):
        return False
    return any(_like(name, p) for p in parts if not p.startswith("!"))


def _like(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern.replace("[", "[[]"))


def _hashed(names: str, name: str) -> bool:
    """`|1|salt|HMAC-SHA1 of the name under it`, both in base64 (sshd(8), HashKnownHosts)."""
    try:
        salt, digest = (base64.b64decode(part, validate=True) for part in names.split("|")[2:4])
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode(), "sha1").digest(), digest)
