"""The answer of `failover host status`, for people and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from failover.adapters.install import PERMITS, STATE, Found, Wanted, lacks
from failover.cli.output import table
from failover.core.clean import clean
from failover.core.fleet import Host
from failover.signals import debts


def lines(host: Host, found: Found, wanted: Wanted) -> list[str]:
    rows = [
        ("helper", _helper(host, found, wanted)),
        ("may call it", _who(found, wanted)),
        ("may name", _permits(host, found, wanted)),
        ("hosts.yaml", f"logs in as {host.ssh.user}" + (", and sends the script" if host.ssh.user == "root" else "")),
        ("epoch", f"{found.epoch}" + (f" ({_when(found.epoch)})" if found.epoch else ": no act yet")),
        ("state", f"{found.state_bytes} bytes in {STATE}" if found.state_bytes is not None else "none yet"),
        *((("not believed", found.unbelieved),) if found.unbelieved else ()),
        *(("in force", f"run {run}, step {step}") for run, step in found.force),
        *_owed(host, found),
        *(("last", f"{name} {word} {rc}, {_when(int(at))}") for name, word, rc, at in found.results),
        *(
            ("reset", f"epoch {was} to {to}, {_when(int(at))}, {_reason(why) or 'no reason'}")
            for at, was, to, *why in found.resets
        ),
    ]
    return [host.name, *table(rows)]


def _owed(host: Host, found: Found) -> list[tuple[str, str]]:
    """Mail on hold, and files that Postfix has not loaded."""
    try:
        owed = debts.of(host.name, found.debts)
    except ValueError as e:
        return [("owed", f"it says {e}")]
    return [("owed", f"{d.says}: {d.discharge}") for d in owed if d.kind != "force" and not d.busy]


def _helper(host: Host, found: Found, wanted: Wanted) -> str:
    if found.helper is None:
        return f"{' and '.join(found.foreign)} is somebody else's" if found.foreign else "not installed"
    if found.helper == wanted.text:
        return f"failover-host {found.helper}, ours"
    return f"failover-host {found.helper}; this failover brings {wanted.text}: failover host install {host.name}"


def _who(found: Found, wanted: Wanted) -> str:
    if not found.may:
        return f"not {wanted.user}" + (f"; sudoers names {found.sudoers}" if found.sudoers else "")
    key = {"forced": "; its key may run nothing else", "otherwise": "; its key may run anything"}.get(found.key, "")
    return f"{wanted.user}, by sudo{key}"


def _permits(host: Host, found: Found, wanted: Wanted) -> str:
    again = f"failover host install {host.name} --as root"
    if found.permits is None:
        return f"anything: there is no {PERMITS}; {again}" if found.helper else "nothing is installed"
    missing = f"; hosts.yaml needs also {', '.join(lacks(found, wanted))}: {again}" if lacks(found, wanted) else ""
    return ", ".join(sorted(found.permits)) + missing


def document(host: Host, found: Found, wanted: Wanted) -> dict[str, Any]:
    return {
        "host": host.name,
        "helper": {"version": found.helper.version, "digest": found.helper.digest} if found.helper else None,
        "ours": {"version": wanted.text.version, "digest": wanted.text.digest, "same": found.helper == wanted.text},
        "user": wanted.user,
        "may_call": found.may,
        "sudoers": found.sudoers,
        "key": found.key or None,
        "permits": None if found.permits is None else sorted(found.permits),
        "epoch": found.epoch,
        "state_bytes": found.state_bytes,
        "unbelieved": found.unbelieved or None,
        "owed": [{"says": says} for _, says in _owed(host, found)],
        "in_force": [{"run": run, "step": step} for run, step in found.force],
        "results": [
            {"result": name, "state": word, "rc": int(rc), "at": _when(int(at))} for name, word, rc, at in found.results
        ],
        "resets": [
            {"at": _when(int(at)), "from": int(was), "to": int(to), "reason": _reason(why)}
            for at, was, to, *why in found.resets
        ],
    }


def _reason(why: Sequence[str]) -> str:
    """Percent-encoded on the host, so it is cleaned here."""
    return clean(unquote(why[0])) if why else ""


def _when(unix: int) -> str:
    try:
        return datetime.fromtimestamp(unix, UTC).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return "beyond any date"
