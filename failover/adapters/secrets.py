"""Secrets, read by reference at the moment of use. Never logged, never shown."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from failover.errors import ConfigError

_LARGEST = 65_536


def resolve(reference: str) -> str:
    """The secret behind `file:PATH`, `env:NAME` or `cred:NAME` (systemd.exec(5), LoadCredential=); without
    one line break at its end. Raises ConfigError, which names the reference and never the value."""
    kind, _, where = reference.partition(":")
    match kind:
        case "env" if where:
            secret = os.environ.get(where, "")
        case "file" if where:
            secret = _read(Path(where), reference)
        case "cred" if where:
            secret = _read(_credential(where), reference)
        case _:
            raise ConfigError(
                "a secret is given itself, where a reference is expected (not shown)",
                try_="write file:PATH, env:NAME or cred:NAME in its place",
            )
    if not secret:
        raise ConfigError(f"{reference} is empty or not set", try_=_fill(kind, where))
    return secret


def _credential(name: str) -> Path:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if "/" in name or name in {".", ".."}:
        raise ConfigError(f"cred:{name} is a path, not a credential's name", try_="write file:PATH for a path")
    if not folder:
        raise ConfigError(
            f"cred:{name}: no systemd credentials here (CREDENTIALS_DIRECTORY is not set)",
            try_=f"start failover by its unit, with LoadCredential={name}:PATH, or use file:PATH",
        )
    return Path(folder) / name


def _read(path: Path, reference: str) -> str:
    """The opened file is checked, not its name; a pipe or a device is not waited for."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as e:
        raise ConfigError(f"{reference} cannot be read: {_why(e)}", try_=_fill("file", str(path))) from e
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise ConfigError(f"{reference} is not a file", try_="name the file that holds the secret")
        if found.st_mode & stat.S_IRWXO:
            mode = f"{stat.S_IMODE(found.st_mode):04o}"
            raise ConfigError(f"{reference} is open to every user here (mode {mode})", try_=f"chmod o-rwx {path}")
        raw = os.read(handle, _LARGEST + 1)
    finally:
        os.close(handle)
    return _decoded(raw, reference)


def _decoded(raw: bytes, reference: str) -> str:
    if len(raw) > _LARGEST:
        raise ConfigError(f"{reference} is larger than 64 KiB", try_="name the file that holds the secret alone")
    try:
        return raw.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        # `from None`: the original error carries the bytes
        raise ConfigError(
            f"{reference} is not UTF-8 text", try_="write the secret as text (base64 for a key)"
        ) from None


def _why(e: Exception) -> str:
    return e.strerror or str(e) if isinstance(e, OSError) else str(e)


def _fill(kind: str, where: str) -> str:
    if kind == "env":
        return f"set {where} in the environment of failover"
    return f"write the secret into {where}, readable by failover's user only (mode 0600)"
