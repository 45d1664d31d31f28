"""Which playbooks there are: the operator's folder first, then those that came with failover."""

from __future__ import annotations

import re
from pathlib import Path

import failover
from failover.core.words import meant
from failover.errors import ConfigError

_NAME = re.compile(r"[a-z0-9-]+")
_SUFFIXES = (".yaml", ".yml")


def built_in() -> Path:
    """Beside the code in an installed package, at the top in a checkout."""
    package = Path(failover.__file__).resolve().parent
    carried = package / "_playbooks"
    return carried if carried.is_dir() else package.parent / "playbooks"


def find(name_or_path: str, extra: Path | None) -> Path:
    """The file of a playbook. A name is looked up in the list, and never made into a path. Raises ConfigError."""
    if is_path(name_or_path):
        return Path(name_or_path)
    known = list_all(extra)
    if name_or_path not in known:
        raise ConfigError(f'there is no playbook "{name_or_path}"; {meant(name_or_path, known)}', try_=_list(extra))
    return known[name_or_path]


def is_path(name_or_path: str) -> bool:
    return "/" in name_or_path or name_or_path.endswith(_SUFFIXES)


def list_all(extra: Path | None) -> dict[str, Path]:
    """Name → file, sorted by name. A playbook in `extra` hides the built-in one of its name. Raises ConfigError when
    `extra` is no folder."""
    if extra is not None and not extra.is_dir():
        raise ConfigError(
            f"{extra}: there is no such folder of playbooks", try_="correct --playbooks or FAILOVER_PLAYBOOKS"
        )
    found: dict[str, Path] = {}
    for folder in (built_in(), extra):
        files = sorted(folder.iterdir()) if folder is not None and folder.is_dir() else []
        found |= {f.stem: f for f in files if f.suffix in _SUFFIXES and _NAME.fullmatch(f.stem)}
    return dict(sorted(found.items()))


def _list(extra: Path | None) -> str:
    where = f" and {extra}" if extra else "; your own go into a folder: --playbooks DIR (FAILOVER_PLAYBOOKS)"
    return f"`failover playbooks list` shows those of {built_in()}{where}"
