"""Install and remove `failover-host` on a mail host.

Root sends the script, and the script installs its own text: so the text that
runs is the text that is installed. Each part is checked there (digest, visudo,
and sudo itself, whether the user may run it).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from failover.adapters import helper
from failover.adapters.reply import INSTALLED
from failover.core.fleet import Host
from failover.errors import ConfigError, OutcomeUnknown, Refused, StepFailed
from failover.ports import Rc, Remote, Reply

SUDOERS = "/etc/sudoers.d/failover"
PERMITS = "/etc/failover-host.permits"
STATE = "/var/lib/failover-host"
LIMIT_S = 40.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """`public` is KIND:BASE64 of the key that gets the forced command; None leaves authorized_keys alone. `permits`:
    entries of the host's list (`failover.actions.permits`); none leaves the list alone."""

    user: str
    text: helper.Text
    public: str | None = None
    permits: frozenset[str] = frozenset()

    def keys(self) -> Mapping[str, str]:
        return {"user": self.user} | ({"public": self.public} if self.public else {})


@dataclass(frozen=True, slots=True)
class Found:
    """The answer of `failover-host installed`. `helper` None: there is none; `sudoers`: the user of our line."""

    helper: helper.Text | None
    owned: str
    foreign: tuple[str, ...]
    sudo: bool
    sudoers: str | None
    sudoers_owned: str
    home: str | None
    may: bool
    key: str
    keys_file: str
    epoch: int
    state_bytes: int | None
    results: tuple[tuple[str, ...], ...]
    resets: tuple[tuple[str, ...], ...]
    force: tuple[tuple[str, ...], ...]
    debts: tuple[tuple[str, ...], ...]
    """Rows as in a look."""
    permits: frozenset[str] | None
    """The entries of its list; None: no list (an earlier install), so everything is permitted."""
    permits_owned: str
    unbelieved: str
    """Why the host's memory is not believed, and what to do; empty: it is believed."""


@dataclass(frozen=True, slots=True)
class Change:
    """`now` and `then` are sentences for people."""

    what: str
    now: str
    then: str


def as_user(host: Host, user: str, identity: str | None = None) -> Host:
    """The same host with another user."""
    return replace(host, ssh=replace(host.ssh, user=user, identity=identity or host.ssh.identity))


def look(remote: Remote, host: Host, wanted: Wanted) -> Found:
    """Raises Unreachable, OutcomeUnknown, Refused (the helper there does not know the verb)."""
    args = {**wanted.keys(), "config_dir": host.postfix.config_dir}
    return _found(_fine(host, remote.call(host, "installed", args, limit_s=LIMIT_S)))


_ROWS = {"result": (4, (2, 3)), "reset": (3, (0, 1, 2)), "force": (2, ())}
"""Per row: the least number of fields, and the indices of whole numbers."""


def whole(text: str) -> bool:
    """Plain digits, few enough for a time, an epoch or a size."""
    return bool(re.fullmatch(r"[0-9]{1,12}", text))


def _found(reply: Reply) -> Found:
    """Raises OutcomeUnknown if a row of changes in force cannot be read: it must not look like none."""
    for key, (fields, numbers) in _ROWS.items():
        for row in reply.all(key):
            if len(row) < fields or not all(whole(row[n]) for n in numbers):
                raise OutcomeUnknown(
                    f"a row `{key}` of its helper cannot be read", try_="see it by hand: failover-host installed"
                )

    def cell(key: str, n: int = 0) -> str:
        row = reply.one(key) or ()
        return row[n] if len(row) > n else ""

    there, lets_in = cell("helper"), cell("sudoers")
    odd = {INSTALLED: there == "other", SUDOERS: lets_in == "?", PERMITS: cell("permits") == "other"}
    return Found(
        helper=helper.Text(there, cell("helper", 1)) if there.isdigit() else None,
        owned=cell("helper", 2),
        foreign=tuple(file for file, is_odd in odd.items() if is_odd),
        sudo=cell("sudo") == "yes",
        sudoers=lets_in if lets_in not in {"-", "?", ""} else None,
        sudoers_owned=cell("sudoers", 1),
        home=cell("user", 1) or None,
        may=cell("may") == "yes",
        key=cell("key"),
        keys_file=cell("keys_file"),
        epoch=int(cell("epoch")) if whole(cell("epoch")) else 0,
        state_bytes=int(cell("state")) if whole(cell("state")) else None,
        results=tuple(row[:4] for row in reply.all("result")),
        resets=reply.all("reset"),
        force=tuple(row[:2] for row in reply.all("force")),
        debts=reply.all("debt"),
        permits=frozenset(row[0] for row in reply.all("permit") if row) if cell("permits") == "ours" else None,
        permits_owned=cell("permits", 1),
        unbelieved=cell("unbelieved"),
    )


def changes(host: Host, found: Found, wanted: Wanted) -> tuple[Change, ...]:
    """The changes of an install; empty if all is in place. Raises Refused if it must not be done."""
    if no := _forbidden(host, found, wanted):
        what, try_ = no
        raise Refused(f"{host.name}: {what}; nothing was changed", try_=try_)
    made: list[Change] = []
    if found.helper != wanted.text or found.owned != "root:root 755":
        now = f"version {found.helper}, {found.owned}" if found.helper else "absent"
        made.append(Change(INSTALLED, now, f"version {wanted.text}, root:root 755"))
    if found.sudoers != wanted.user or found.sudoers_owned != "root:root 440" or not (found.may or made):
        now = f"lets in {found.sudoers}, {found.sudoers_owned}" if found.sudoers else "absent"
        made.append(Change(SUDOERS, now, f"{sudoers_line(wanted.user)}, root:root 440"))
    if wanted.permits and (found.permits, found.permits_owned) != (wanted.permits, "root:root 644"):
        made.append(Change(PERMITS, _list_now(found, wanted), f"{', '.join(sorted(wanted.permits))}, root:root 644"))
    if wanted.public and found.key != "forced":
        now = {"absent": "does not hold the key"}.get(found.key, "lets the key in without, or with other options")
        made.append(Change(f"{found.home}/.ssh/authorized_keys", now, forced_line(wanted.public)))
    return tuple(made)


def _forbidden(host: Host, found: Found, wanted: Wanted) -> tuple[str, str] | None:
    user = wanted.user
    if found.foreign:
        return f"{' and '.join(found.foreign)} is not as we write it", "look whose it is, and move it away by hand"
    if not found.sudo:
        return "sudo is not installed", f"on {host.name}: apt-get install sudo"
    if found.home is None:
        return f"there is no user {user}", f"on {host.name}: useradd --create-home --shell /bin/sh {user}"
    if wanted.public and found.keys_file and ".ssh/authorized_keys" not in found.keys_file:
        return f"sshd reads the keys of {user} from {found.keys_file}", f"put there: {forced_line(wanted.public)}"
    return None


def lacks(found: Found, wanted: Wanted) -> tuple[str, ...]:
    """Entries that hosts.yaml needs and the host's list lacks."""
    return tuple(sorted(wanted.permits - found.permits)) if found.permits is not None else ()


def _list_now(found: Found, wanted: Wanted) -> str:
    if found.permits is None:
        return "absent: it may name whatever it likes"
    more = sorted(found.permits - wanted.permits)
    said = [f"lacks {', '.join(lacks(found, wanted))}"] * bool(lacks(found, wanted))
    return "; ".join([*said, *([f"allows besides {', '.join(more)}"] * bool(more)), found.permits_owned])


def sudoers_line(user: str) -> str:
    return f"{user} ALL=(root) NOPASSWD: {INSTALLED}"


def forced_line(public: str) -> str:
    kind, _, base64 = public.partition(":")
    return f'restrict,command="{INSTALLED} forced" {kind} {base64} failover'


def install(remote: Remote, root: Host, wanted: Wanted) -> tuple[str, ...]:
    """Install as root, then look again. Returns the changes made. Raises Refused, StepFailed, OutcomeUnknown."""
    more = {"forced": "yes" if wanted.public else "no", "digest": wanted.text.digest}
    more |= {"permits": ",".join(sorted(wanted.permits))} if wanted.permits else {}
    reply = _fine(root, remote.call(root, "install", {**wanted.keys(), **more}, limit_s=LIMIT_S))
    if left := changes(root, look(remote, root, wanted), wanted):
        raise StepFailed(
            f"{root.name}: installed, but {left[0].what} still reads: {left[0].now}",
            try_="somebody or something writes it back: configuration management?",
        )
    return tuple(" ".join(row) for row in reply.all("did"))


def remove(remote: Remote, root: Host, *, purge: bool) -> tuple[str, ...]:
    """Raises Refused while a change of ours is in force there: the rollback needs what lies on that host."""
    reply = remote.call(root, "remove", {"purge": "yes" if purge else "no"}, limit_s=LIMIT_S)
    if reply.rc == Rc.REFUSED:  # it has let go what it can, and owes the rest
        raise Refused(
            f"{root.name}: {reply.because}; nothing was removed",
            try_=f"failover host restore {root.name} lists it, each with the command that discharges it",
        )
    return tuple(" ".join(row) for row in _fine(root, reply).all("did"))


def reset_epoch(remote: Remote, host: Host, *, seen: int, to: int, reason: str) -> None:
    """Break-glass. `reason` is percent-encoded. Raises Refused (the epoch is another one now)."""
    args = {"from": str(seen), "to": str(to), "reason": reason}
    _fine(host, remote.call(host, "epoch-set", args, limit_s=LIMIT_S))


def public_key(host: Host, file: Path | None) -> str:
    """KIND:BASE64 of `file`, else of hosts.yaml's identity. Raises ConfigError, Unreachable (it cannot be read)."""
    if file is None and host.ssh.identity is None:
        raise ConfigError(f"{host.name}: hosts.yaml names no identity to restrict", try_="--key FILE.pub")
    try:
        kind, base64 = _read_public(file) if file is not None else _derive(host)
    except (OSError, ValueError) as e:
        raise ConfigError(f"{file} holds no public key ({e})", try_="--key FILE.pub, as ssh-keygen writes it") from e
    return f"{kind}:{base64}"


def _read_public(file: Path) -> tuple[str, str]:
    kind, base64, *_ = file.read_text(encoding="utf-8").split()
    return kind, base64


def _derive(host: Host) -> tuple[str, str]:
    from failover.adapters.ssh_session import identity

    key = identity(host)
    assert key is not None  # an identity is named
    return key.get_name(), key.get_base64()


def _fine(host: Host, reply: Reply) -> Reply:
    said = f"{host.name}: {reply.because}"
    match reply.rc:
        case Rc.OK:
            return reply
        case Rc.FAILED:
            raise StepFailed(said, try_=f"what was done is done; the same command again goes on; see {host.name}")
        case Rc.BUSY:
            raise Refused(f"{said}; nothing was changed", try_="wait for the run that is acting there")
        case _:
            raise Refused(f"{said}; nothing was changed", try_=f"failover host status {host.name}")
