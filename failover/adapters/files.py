"""Our files on this machine: no link is followed that another user could have made.

Root refuses to write below another user's folder: that user could replace the file, or lead root anywhere by a link.
"""

from __future__ import annotations

import os
import pwd
import stat
import tempfile
from pathlib import Path

from failover.errors import ConfigError

_LINKS_MOST = 40


def real(path: Path, *, alone: bool = False) -> Path:
    """`path` without links; it need not exist. Each link on the way, and the file, must be ours or root's. For root
    each folder must be root's, too; others may at most add names (/tmp); `alone`: not even that, in the file's folder.

    Raises ConfigError, which names the user to become."""
    at, rest, links = Path("/"), [*reversed(path.absolute().parts[1:])], 0
    while rest:
        _fit(at, path, alone=alone and len(rest) == 1)
        here = at / rest.pop()
        if here.name == "..":
            at = at.parent
            continue
        try:
            found = here.lstat()
        except FileNotFoundError:
            return here.joinpath(*reversed(rest))
        except OSError as e:
            raise ConfigError(f"{path} cannot be reached: {e.strerror}", try_=f"look at {here}") from e
        if found.st_uid not in {0, os.geteuid()} and not (os.geteuid() and stat.S_ISDIR(found.st_mode)):
            raise _not_ours(path, here, found)
        if not stat.S_ISLNK(found.st_mode):
            at = here
            continue
        links += 1
        if links > _LINKS_MOST:
            raise ConfigError(f"{path} leads in a circle, by {here}", try_="name the file itself")
        to = here.readlink()
        at = Path("/") if to.is_absolute() else at
        rest += reversed([p for p in to.parts if p != "/"])
    return at


def _fit(folder: Path, path: Path, *, alone: bool) -> None:
    mode, us = folder.stat().st_mode, os.geteuid()
    others = stat.S_IWOTH if us else stat.S_IWOTH | stat.S_IWGRP
    if (alone or not us) and mode & others and (alone or not mode & stat.S_ISVTX):
        said = f"others than {user(us)} may write in {folder} (mode {stat.S_IMODE(mode):04o})"
        raise ConfigError(f"{path} is not used: {said}", try_=f"chmod go-w {folder}, or name another file")


def _not_ours(path: Path, here: Path, found: os.stat_result) -> ConfigError:
    owner = user(found.st_uid)
    return ConfigError(
        f"{path} is not ours: {here} belongs to {owner}, and we run as {user(os.geteuid())}; nothing was touched",
        try_=f"sudo -u {owner} failover …, or name another file",
    )


def user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def put(path: Path, text: str, mode: int) -> None:
    """Readers see the old file or the new one, never half. Raises OSError, ConfigError (another user's folder)."""
    to = real(path)
    with tempfile.NamedTemporaryFile(
        "w", dir=to.parent, prefix=f".{path.name}.", delete=False, encoding="utf-8", errors="surrogateescape"
    ) as f:
        try:
            f.write(text)
            f.flush()
            os.fchmod(f.fileno(), mode)
            Path(f.name).replace(to)
        except BaseException:
            Path(f.name).unlink()
            raise
