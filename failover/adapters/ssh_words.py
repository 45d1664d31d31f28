"""The error of a call in words. The stage that it reached decides what is known, and what to try."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from failover.adapters import reply
from failover.adapters.known_hosts import HostKey
from failover.adapters.sock import OURS
from failover.adapters.watchdog import Overdue, Stage
from failover.core.clean import clean
from failover.core.fleet import Host
from failover.core.words import duration
from failover.errors import Blind, FailoverError, OutcomeUnknown, Refused, Unreachable
from failover.fence import fault

if TYPE_CHECKING:
    from failover.adapters.ssh_session import Output


def lost(host: Host, verb: str, stage: Stage, error: Exception, seconds: float, *, late: bool) -> FailoverError:
    """The call ended by `error` after `seconds` at `stage`; `late`: the stage's time was up, by our clock.

    The far side's are: silence until our time was up, and errors of the socket, the SSH protocol or the log-in. Any
    other error is ours, and says so.
    """
    if _ours(error):
        return _blind(host, error)
    if not _theirs(error, late=late):
        return fault(host.name, error)
    match stage:
        case Stage.CONNECT:
            return _no_connection(host, error, seconds)
        case Stage.GREET:
            return _no_greeting(host, error, seconds)
        case Stage.LOGIN:
            return _no_login(host, error, seconds)
        case Stage.CHANNEL:
            return Unreachable(
                f"{host.name}: logged in, but sshd opens no session for a command ({_cause(error, seconds)}); "
                "nothing was run",
                try_=f"look for MaxSessions or a lack of memory and processes on {host.name}",
            )
        case Stage.SENT:
            return _unknown(host, f"`{verb}` was sent, then {_cause(error, seconds)}")


def cut_off(host: Host, verb: str, output: Output) -> FailoverError:
    """No whole answer. Nothing was run only if sudo refused, or the shell found no such program."""
    said = _printable(output.stderr)
    refused = output.exit_code == 1 and said.startswith("sudo:")
    missing = output.exit_code in {126, 127} and host.ssh.user != "root"
    if not output.stdout and refused and "tty" in said:
        return Unreachable(
            f"{host.name}: sudo there wants a terminal ({said}); nothing was run",
            try_=f"write there, by visudo -f /etc/sudoers.d/failover-tty: Defaults:{host.ssh.user} !requiretty",
        )
    if not output.stdout and (refused or missing):
        return Unreachable(
            f"{host.name}: {host.ssh.user} may not run {reply.INSTALLED} there ({said}); nothing was run",
            try_=f"`failover host install {host.name} --as root` puts it there with its sudoers line",
        )
    if len(output.stdout) > reply.LONGEST:
        why = f"more than {reply.LONGEST // 1024 // 1024} MiB came back, which is no answer of ours"
    elif output.exit_code is None:
        why = f"its answer stopped after {len(output.stdout)} bytes, without an exit status"
    else:
        why = f"its answer of {len(output.stdout)} bytes is not whole (exit status {output.exit_code})"
    return _unknown(host, f"`{verb}` was sent, but {why}" + (f"; it said: {said}" if said else ""))


def no_hello(host: Host, error: FailoverError) -> Unreachable:
    """A hello changes nothing, so nothing was done."""
    return Unreachable(
        f"{host.name}: failover-host there did not say who it is; nothing else was sent ({error})",
        try_=f"`failover host status {host.name}`, or try {reply.INSTALLED} hello by hand there",
    )


def wrong_helper(host: Host, said: str) -> Refused:
    return Refused(f"{said}; nothing was changed", try_=f"failover host install {host.name} --as root")


def wrong_key(host: Host, offered: HostKey, trusted: tuple[HostKey, ...], file: str) -> Unreachable:
    return Unreachable(
        f"{host.name}: wrong host key at {_where(host)}: offered {offered.fingerprint}, "
        f"known {' or '.join(k.fingerprint for k in trusted)}; nothing was sent, not even a log-in",
        try_="find out on the host's own console whether its key was changed (`ssh-keygen -lf` of its host key); "
        f"only then replace it in {file}",
    )


def unknown_key(host: Host, offered: HostKey, file: str) -> Blind:
    kind = "ecdsa" if offered.kind.startswith("ecdsa") else offered.kind.removeprefix("ssh-")
    return Blind(
        f"{host.name}: the host key of {_where(host)} is not in {file}: offered {offered.fingerprint}; "
        "nothing was sent, not even a log-in",
        try_="compare that fingerprint with the host's own, then: "
        f"ssh-keyscan -p {host.ssh.port} -t {kind} {host.address} >> {file}",
    )


def _where(host: Host) -> str:
    return f"[{host.address}]:{host.ssh.port}" if ":" in host.address else f"{host.address}:{host.ssh.port}"


def _unknown(host: Host, what: str) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"{host.name}: {what}: it may or may not have happened, and may still be going on",
        try_=f"look before trying again: `failover check --host {host.name}`; "
        "an open run finds out by itself at `failover runs resume`",
    )


_NO_KEY = "No authentication methods"
_TIME_OUTS = ("No existing session", "imeout", "imed out")
"""Paramiko's words for its own time-outs; they go by the wall clock, which may be set."""


def _ours(error: Exception) -> bool:
    """An error of our own files, machine or resolver?"""
    return isinstance(error, socket.gaierror) or _NO_KEY in str(error) or getattr(error, "errno", None) in OURS


def _theirs(error: Exception, *, late: bool) -> bool:
    import paramiko

    if isinstance(error, Overdue | EOFError):
        return True
    if isinstance(error, paramiko.SSHException):
        return late or not any(words in str(error) for words in _TIME_OUTS)
    return isinstance(error, OSError) and (late or error.errno is not None)


def _blind(host: Host, error: Exception) -> Blind:
    if isinstance(error, socket.gaierror):
        return Blind(
            f"{host.name}: cannot resolve {host.address}: {error.strerror}; nothing was sent",
            try_="write an IP address into hosts.yaml: an incident is no time to depend on DNS",
        )
    if _NO_KEY in str(error):
        return Blind(
            f"{host.name}: there is no key here to log in {host.ssh.user} with; nothing was run",
            try_="name one: `ssh: {identity: FILE}` in hosts.yaml, or load one into the agent",
        )
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return Blind(
        f"{host.name}: this machine could not connect to {_where(host)}: {said.lower()}; nothing was sent",
        try_="look at this machine's own network, and at its limits: ulimit -n",
    )


def _no_connection(host: Host, error: Exception, seconds: float) -> Unreachable:
    return Unreachable(
        f"{host.name}: cannot connect to {_where(host)}: {_cause(error, seconds)}; nothing was sent",
        try_=f"try `ssh -p {host.ssh.port} {host.ssh.user}@{host.address} true` from here, and from another network",
    )


def _no_greeting(host: Host, error: Exception, seconds: float) -> Unreachable:
    return Unreachable(
        f"{host.name}: {_where(host)} accepts connections, but no SSH greeting and key exchange came about "
        f"({_cause(error, seconds)}); nothing was sent",
        try_=f"sshd on {host.name} hangs, or refuses more connections (MaxStartups): use its console",
    )


def _no_login(host: Host, error: Exception, seconds: float) -> Unreachable:
    import paramiko

    using = host.ssh.identity or "the keys of the agent and of ~/.ssh"
    refused = isinstance(error, paramiko.AuthenticationException) and "timeout" not in str(error).lower()
    if refused:
        return Unreachable(
            f"{host.name}: {_where(host)} refuses to log in {host.ssh.user} with {using} ({error}); nothing was run",
            try_=f"check that its public key is in authorized_keys of {host.ssh.user} on {host.name}",
        )
    return Unreachable(
        f"{host.name}: {_where(host)} greets, but the log-in of {host.ssh.user} was not answered "
        f"({_cause(error, seconds)}); nothing was run",
        try_=f"PAM, DNS or the disk of {host.name} may hang: use its console",
    )


def _cause(error: Exception, seconds: float) -> str:
    """Paramiko says "No existing session" for a time-out, and EOFError has no words."""
    text = str(error)
    if isinstance(error, Overdue | TimeoutError) or any(words in text for words in _TIME_OUTS):
        return f"nothing came for {duration(seconds)}"
    if isinstance(error, EOFError) or "Error reading SSH protocol banner" in text or "Channel closed" in text:
        return "the connection was closed"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return clean(text, 300).strip() or type(error).__name__


def _printable(raw: bytes, longest: int = 300) -> str:
    return " ".join(clean(raw.decode("utf-8", "replace")[-longest:]).split())
