"""A plan kept in a file, for somebody to read and approve: `failover run --plan FILE` applies exactly that one."""

from __future__ import annotations

from pathlib import Path

from failover.adapters import files
from failover.adapters.journal_json import dumps, loads
from failover.core.runs.plan import Plan
from failover.errors import ConfigError


def save_plan(plan: Plan, path: Path) -> None:
    """Raises ConfigError when it cannot be written."""
    try:
        files.put(path, dumps(plan) + "\n", 0o644)
    except OSError as e:
        raise ConfigError(f"the plan could not be saved to {path}: {e.strerror}", try_="give another --out") from e


def load_plan(path: Path) -> Plan:
    """Raises ConfigError if there is no plan that this version understands."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(f"no plan could be read from {path}: {e}", try_="make one: failover plan --out FILE") from e
    return loads(text)
