"""The SSH adapter against servers that hang, lie or go away at every step: the right error, and in time."""

from __future__ import annotations

import dataclasses
import errno
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import paramiko
import pytest

from failover.adapters import ssh, ssh_session, ssh_words
from failover.adapters.ssh import SshRemote
from failover.adapters.watchdog import Abandoned, Errand, Overdue, Stage
from failover.core.fleet import Host, Role, Ssh
from failover.errors import Blind, FailoverError, Fault, OutcomeUnknown, Unreachable
from failover.ports import Reply
from tests.adapters.sshd import Behave, Keys, Request, Sshd, answer, make_keys, really_run

LIMIT_S = 2.0
GRACE_S = 0.3
SCRIPT = r"""
main() { for word; do printf 'word\t%s\n' "$word"; done; printf 'end\t%s\t0\n' "$1"; }
main "$@"
"""
FINE = b"end\thello\t0\n"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def serve(keys: Keys) -> Iterator[Callable[..., Sshd]]:
    with ExitStack() as stack:

        def start(behave: Behave = really_run, **how: object) -> Sshd:
            return stack.enter_context(Sshd(keys, behave, **how))  # type: ignore[arg-type]  # the dataclass checks

        yield start


@pytest.fixture
def raw() -> Iterator[Callable[..., int]]:
    """A port behind which `serve(connection)` runs; None: the kernel accepts, nobody is there."""
    with ExitStack() as stack:

        def start(serve: Callable[[socket.socket], None] | None) -> int:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            if serve is not None:
                thread = threading.Thread(target=_serve_one, args=(listener, serve), daemon=True)
                thread.start()
                stack.callback(thread.join, 5)
            return int(listener.getsockname()[1])

        yield start


@pytest.fixture
def remote(serve: object, raw: object) -> Iterator[SshRemote]:
    """Afterwards, while the servers still hang, every call that was given up must be gone: they must not pile up."""
    with SshRemote(lambda: SCRIPT, grace_s=GRACE_S) as remote:
        yield remote
    for thread in threading.enumerate():
        if thread.name == "errand":
            thread.join(5)
            assert not thread.is_alive(), "an abandoned call still hangs"


def _serve_one(listener: socket.socket, serve: Callable[[socket.socket], None]) -> None:
    connection, _ = listener.accept()
    with connection, suppress(OSError):  # the client went away: what the test waits for
        serve(connection)


def host_at(port: int, keys: Keys, tmp_path: Path, *, known: paramiko.PKey | None = None, user: str = "root") -> Host:
    known_hosts = tmp_path / f"known_hosts.{port}"
    key = known or keys.host
    known_hosts.write_text(f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}\n")
    to = Ssh(user=user, port=port, identity=str(keys.identity), known_hosts=str(known_hosts))
    return Host("mx1", Role.PRIMARY, "127.0.0.1", ssh=to)


def with_ssh(host: Host, **changes: str) -> Host:
    return dataclasses.replace(host, ssh=dataclasses.replace(host.ssh, **changes))  # type: ignore[arg-type]


def failure(kind: type[FailoverError], remote: SshRemote, host: Host, *, limit_s: float = LIMIT_S) -> str:
    """The call's error, as it is read, once it was seen to be of this kind. The far side hangs until the test ends, so
    an error at all shows that the call has a deadline of its own."""
    with pytest.raises(FailoverError) as caught:
        remote.call(host, "hello", {}, limit_s=limit_s)
    assert caught.type is kind, caught.value
    return f"{caught.value} / {caught.value.try_}"


def test_script_runs_there_with_its_arguments_untouched(
    remote: SshRemote, serve: Callable[..., Sshd], keys: Keys, tmp_path: Path
) -> None:
    hostile = "a b'c\"d$(touch pwned)`id`;&|<>\\ *é"
    sshd = serve()
    reply = remote.call(host_at(sshd.port, keys, tmp_path), "hello", {"value": hostile}, limit_s=5)
    assert reply.all("word")[:2] == (("hello",), (f"value={hostile}",))
    assert reply.rc == 0


def test_far_side_gets_what_is_left_of_the_limit(
    remote: SshRemote, serve: Callable[..., Sshd], keys: Keys, tmp_path: Path
) -> None:
    sshd = serve()
    host = host_at(sshd.port, keys, tmp_path)
    assert ("limit=7",) in remote.call(host, "hello", {}, limit_s=7).all("word")
    assert ("limit=3",) in remote.call(host, "hello", {"limit": "3"}, limit_s=7).all("word")
    assert sshd.commands[1].startswith("timeout -k 2 8 ")


def test_session_is_kept_and_a_dead_one_is_replaced(
    remote: SshRemote, serve: Callable[..., Sshd], keys: Keys, tmp_path: Path
) -> None:
    sshd = serve()
    host = host_at(sshd.port, keys, tmp_path)
    for _ in range(2):
        assert remote.call(host, "hello", {}, limit_s=5).rc == 0
    assert sshd.connections == 1
    sshd.cut()
    assert remote.call(host, "hello", {}, limit_s=5).rc == 0
    assert sshd.connections == 2
    assert len(sshd.commands) == 3


def test_kept_session_that_opens_no_channel_is_replaced(
    remote: SshRemote, serve: Callable[..., Sshd], keys: Keys, tmp_path: Path
) -> None:
    sshd = serve()
    host = host_at(sshd.port, keys, tmp_path)
    remote.call(host, "hello", {}, limit_s=5)
    frozen = sshd._transports[0]
    frozen.server_object = Sshd(keys, really_run, hold={"session"})
    assert remote.call(host, "hello", {}, limit_s=2).rc == 0
    assert sshd.connections == 2
    frozen.server_object.__exit__()


def test_only_so_many_sessions_are_kept(
    remote: SshRemote, serve: Callable[..., Sshd], keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh, "KEPT", 1)
    one, two = serve(), serve()
    for sshd in (one, two, one, two):
        assert remote.call(host_at(sshd.port, keys, tmp_path), "hello", {}, limit_s=5).rc == 0
    assert (one.connections, two.connections) == (1, 2)


def test_hosts_at_once_one_host_in_turn(keys: Keys, tmp_path: Path, remote: SshRemote) -> None:
    both = threading.Barrier(2, timeout=5)

    def meet(sshd: Sshd, asked: Request) -> None:
        both.wait()
        answer(FINE, 0)(sshd, asked)

    with Sshd(keys, meet) as one, Sshd(keys, meet) as two, ThreadPoolExecutor(4) as pool:
        hosts = [host_at(s.port, keys, tmp_path) for s in (one, two)] * 2
        replies = list(pool.map(lambda h: remote.call(h, "hello", {}, limit_s=5), hosts))
        assert replies == [Reply("hello", 0)] * 4
        assert (one.most_running, two.most_running) == (1, 1)


# ---- nothing was run ----------------------------------------------------------------------------------------


def test_connect_blackholed(remote: SshRemote, keys: Keys, tmp_path: Path) -> None:
    """A full accept queue: the kernel drops further SYNs, as a firewall does."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        said = failure(Unreachable, remote, host_at(listener.getsockname()[1], keys, tmp_path))
    assert "cannot connect" in said
    assert "nothing came for" in said


def test_connect_refused(remote: SshRemote, keys: Keys, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert "connection refused" in failure(Unreachable, remote, host_at(port, keys, tmp_path))


def _drip(what: Callable[[int], bytes]) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        connection.settimeout(0.05)
        for n in range(600):
            connection.sendall(what(n))
            try:
                if not connection.recv(4096):
                    return
            except TimeoutError:
                continue

    return serve


def _greet_only(connection: socket.socket) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
    while connection.recv(4096):
        pass


@pytest.mark.parametrize(
    "serve",
    [
        pytest.param(None, id="silent"),
        pytest.param(_drip(lambda n: b"SSH-2.0-"[n : n + 1] or b"x"), id="banner drip"),
        pytest.param(_drip(lambda n: b"please wait\r\n"), id="lines before the banner for ever"),
        pytest.param(_greet_only, id="no key exchange"),
    ],
)
def test_no_greeting(
    remote: SshRemote,
    raw: Callable[..., int],
    keys: Keys,
    tmp_path: Path,
    serve: Callable[[socket.socket], None] | None,
) -> None:
    said = failure(Unreachable, remote, host_at(raw(serve), keys, tmp_path))
    assert "accepts connections, but no SSH greeting" in said
    assert "nothing was sent" in said


def test_closed_before_greeting(remote: SshRemote, raw: Callable[..., int], keys: Keys, tmp_path: Path) -> None:
    said = failure(Unreachable, remote, host_at(raw(lambda connection: None), keys, tmp_path), limit_s=60)
    assert "the connection was closed" in said
    assert "MaxStartups" in said


def test_login_not_answered(remote: SshRemote, serve: Callable[..., Sshd], keys: Keys, tmp_path: Path) -> None:
    sshd = serve(hold={"auth"})
    assert "log-in of root was not answered" in failure(Unreachable, remote, host_at(sshd.port, keys, tmp_path))


def test_login_refused_names_the_identity(
    remote: SshRemote, serve: Callable[..., Sshd], keys: Keys, tmp_path: Path
) -> None:
    host = with_ssh(host_at(serve().port, keys, tmp_path), identity=str(keys.stranger))
    said = failure(Unreachable, remote, host, limit_s=5)
    assert "refuses to log in root" in said
    assert str(keys.stranger) in said


@pytest.mark.parametrize(
    "content", [pytest.param(None, id="missing"), pytest.param("no key", id="garbage"), pytest.param("", id="empty")]
)
def test_identity_of_no_use(
    remote: SshRemote, serve: Callable[..., Sshd], keys: Keys, tmp_path: Path, content: str | None
) -> None:
    identity = tmp_path / "identity"
    if content is not None:
        identity.write_text(content)
    sshd = serve()
    said = failure(Blind, remote, with_ssh(host_at(sshd.port, keys, tmp_path), identity=str(identity)))
    assert f"cannot use the identity {identity}" in said
    assert sshd.connections == 0


def test_wrong_host_key_tells_both_and_sends_nothing(
    remote: SshRemote, serve: Callable[..., Sshd], keys: Keys, tmp_path: Path
) -> None:
    sshd = serve()
    said = failure(Unreachable, remote, host_at(sshd.port, keys, tmp_path, known=keys.other), limit_s=5)
    assert f"offered {keys.host.get_name()} {keys.host.fingerprint}" in said
    assert f"known {keys.other.get_name()} {keys.other.fingerprint}" in said
    assert (sshd.logins, sshd.commands) == (0, [])


def test_unknown_host_key_says_how_to_add_it(
    remote: SshRemote, serve: Callable[..., Sshd], keys: Keys, tmp_path: Path
) -> None:
    sshd = serve()
    host = host_at(sshd.port, keys, tmp_path)
    Path(str(host.ssh.known_hosts)).write_text("# none\n")
    said = failure(Blind, remote, host, limit_s=5)
    assert str(keys.host.fingerprint) in said
    assert f"ssh-keyscan -p {sshd.port} -t ecdsa 127.0.0.1 >> {host.ssh.known_hosts}" in said
    assert sshd.logins == 0


def test_missing_known_hosts_is_said_before_connecting(
    remote: SshRemote, serve: Callable[..., Sshd], keys: Keys, tmp_path: Path
) -> None:
    sshd = serve()
    host = with_ssh(host_at(sshd.port, keys, tmp_path), known_hosts=str(tmp_path / "nowhere"))
    assert f"cannot read known_hosts {tmp_path / 'nowhere'}" in failure(Blind, remote, host)
    assert sshd.connections == 0


def test_known_key_of_a_kind_the_server_prefers_less(
    remote: SshRemote, serve: Callable[..., Sshd], keys: Keys, tmp_path: Path
) -> None:
    rsa = paramiko.RSAKey.generate(2048)
    sshd = serve(more_host_keys=(rsa,))
    assert remote.call(host_at(sshd.port, keys, tmp_path, known=rsa), "hello", {}, limit_s=5).rc == 0


@pytest.mark.parametrize("how", ["session", "refuse"])
def test_no_channel(remote: SshRemote, serve: Callable[..., Sshd], keys: Keys, tmp_path: Path, how: str) -> None:
    sshd = serve(hold={how})
    said = failure(Unreachable, remote, host_at(sshd.port, keys, tmp_path))
    assert "opens no session for a command" in said
    assert sshd.commands == []


def test_sudo_refusal_means_that_nothing_ran(
    remote: SshRemote, serve: Callable[..., Sshd], keys: Keys, tmp_path: Path
) -> None:
    def refuse(sshd: Sshd, asked: Request) -> None:
        asked.channel.sendall_stderr(b"sudo: a password is required\n")
        answer(b"", 1)(sshd, asked)

    sshd = serve(refuse)
    said = failure(Unreachable, remote, host_at(sshd.port, keys, tmp_path, user="failover"), limit_s=5)
    assert "sudo: a password is required" in said
    assert sshd.commands[0].startswith("sudo -n /usr/local/sbin/failover-host hello ")


# ---- it may have run ----------------------------------------------------------------------------------------


def test_exec_request_never_answered(remote: SshRemote, serve: Callable[..., Sshd], keys: Keys, tmp_path: Path) -> None:
    sshd = serve(hold={"exec"})
    said = failure(OutcomeUnknown, remote, host_at(sshd.port, keys, tmp_path))
    assert "may or may not have happened" in said
    assert len(sshd.commands) == 1


def test_cut_after_the_request_left(remote: SshRemote, serve: Callable[..., Sshd], keys: Keys, tmp_path: Path) -> None:
    """Certainly not repeated by itself: the far side may have acted."""
    sshd = serve(hold={"cut"})
    failure(OutcomeUnknown, remote, host_at(sshd.port, keys, tmp_path))
    assert len(sshd.commands) == 1


def test_eof_without_exit_status(remote: SshRemote, serve: Callable[..., Sshd], keys: Keys, tmp_path: Path) -> None:
    """A whole answer, but nobody says how the command ended."""
    sshd = serve(answer(FINE, None, close=False))
    assert "without an exit status" in failure(OutcomeUnknown, remote, host_at(sshd.port, keys, tmp_path))


@pytest.mark.parametrize(
    ("data", "exit_status"),
    [
        pytest.param(FINE, None, id="no exit status"),
        pytest.param(b"version\t1\n", 0, id="no end line"),
        pytest.param(b"end\thello\t0", 0, id="cut within the end line"),
        pytest.param(FINE, 137, id="killed after its end line"),
        pytest.param(b"end\tlook\t0\n", 0, id="another verb's answer"),
        pytest.param(b"\xff\xfe\x00" * 100_000, 0, id="garbage"),
        pytest.param(b"x\ty\n" * 1_300_000 + FINE, 0, id="huge"),
        pytest.param(b"", 255, id="nothing"),
    ],
)
def test_no_whole_answer(
    remote: SshRemote,
    serve: Callable[..., Sshd],
    keys: Keys,
    tmp_path: Path,
    data: bytes,
    exit_status: int | None,
) -> None:
    sshd = serve(answer(data, exit_status))
    failure(OutcomeUnknown, remote, host_at(sshd.port, keys, tmp_path), limit_s=5)


def test_output_drips_for_ever(remote: SshRemote, serve: Callable[..., Sshd], keys: Keys, tmp_path: Path) -> None:
    def drip(sshd: Sshd, asked: Request) -> None:
        while not sshd.wait(0.05):
            asked.channel.sendall(b"x")

    sshd = serve(drip)
    failure(OutcomeUnknown, remote, host_at(sshd.port, keys, tmp_path))


def test_a_daemon_that_keeps_the_pipe_open_does_not_hold_the_answer(
    remote: SshRemote, serve: Callable[..., Sshd], keys: Keys, tmp_path: Path
) -> None:
    """sshd sends no EOF while any child of the command still has its stdout."""

    def linger(sshd: Sshd, asked: Request) -> None:
        asked.channel.sendall(FINE)
        asked.channel.send_exit_status(0)
        sshd.wait()

    sshd = serve(linger)
    assert remote.call(host_at(sshd.port, keys, tmp_path), "hello", {}, limit_s=5).rc == 0


def test_what_was_called_unsent_cannot_be_sent_later() -> None:
    """The caller was told that nothing left; the thread that wakes up afterwards must not send."""
    errand: Errand[None] = Errand()
    wake, seen = threading.Event(), threading.Event()
    sent = []

    def work() -> None:
        errand.at(Stage.CHANNEL)
        wake.wait(5)
        try:
            errand.at(Stage.SENT)
            sent.append("exec")
        except Abandoned:
            seen.set()

    by = time.monotonic() + 0.1
    with pytest.raises(Overdue) as caught:
        errand.run(work, lambda _: by)
    assert caught.value.stage is Stage.CHANNEL
    wake.set()
    assert seen.wait(5)
    assert sent == []


# Whose fault it is --------------------------------------------------------------


AT_ONCE = 32


def seen_by_all(work: Callable[[int], object], times: int) -> list[object]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(work, range(times)))


def test_connections_made_at_once_share_nothing_of_fabrics(keys: Keys, tmp_path: Path) -> None:
    """safety, 200 hosts: threads filled one `fabric.Config` without a lock, and one of them found it empty."""
    host, before = host_at(22, keys, tmp_path), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # so that each thread is interrupted everywhere
    try:
        with socket.socket() as sock:

            def make(_: int) -> object:
                return ssh_session._connection(host, Errand(), (), None, sock, by=1.0).host  # type: ignore[arg-type]

            assert seen_by_all(make, 10 * AT_ONCE) == ["127.0.0.1"] * 10 * AT_ONCE
    finally:
        sys.setswitchinterval(before)


@pytest.mark.parametrize(
    "calls", [pytest.param(300, marks=pytest.mark.slow), pytest.param(10_000, marks=pytest.mark.soak)]
)
def test_of_many_calls_at_once_to_healthy_hosts_none_is_lost(
    serve: Callable[..., Sshd], keys: Keys, tmp_path: Path, calls: int
) -> None:
    """safety, 200 hosts: in 3 of 16 looks one of them read as unreachable."""
    sshd = serve(answer(FINE, 0))
    hosts = [dataclasses.replace(host_at(sshd.port, keys, tmp_path), name=f"h{n}") for n in range(calls)]
    lost = []
    with SshRemote(lambda: SCRIPT) as remote:

        def call(n: int) -> int:
            try:
                return remote.call(hosts[n], "hello", {}, limit_s=60).rc
            except FailoverError as e:
                lost.append(str(e))
                return -1

        assert seen_by_all(call, calls) == [0] * calls, lost


FAULTS = [AttributeError("load_overrides"), RuntimeError("can't start new thread"), KeyError("x"), AssertionError()]
THEIRS = [
    ConnectionResetError(104, "Connection reset by peer"),
    EOFError(),
    paramiko.SSHException("Negotiation failed."),
]
EARLY = [
    paramiko.SSHException("No existing session"),
    paramiko.SSHException("Timeout opening channel."),
    TimeoutError(),
]
OURS = [OSError(errno.EMFILE, "Too many open files"), OSError(errno.ENETUNREACH, "Network is unreachable")]
NO_KEY = paramiko.SSHException("No authentication methods available")
LOOKED_UP = socket.gaierror(-3, "Temporary failure in name resolution")


@pytest.mark.faults
@pytest.mark.parametrize(
    ("error", "late", "kind"),
    [
        *((e, late, Fault) for e in FAULTS for late in (False, True)),
        *((e, late, Unreachable) for e in THEIRS for late in (False, True)),
        *((e, False, Fault) for e in EARLY),
        *((e, True, Unreachable) for e in EARLY),
        *((e, False, Blind) for e in (*OURS, NO_KEY, LOOKED_UP)),
        (Overdue(Stage.GREET, 5.0), True, Unreachable),
    ],
)
@pytest.mark.parametrize("stage", [s for s in Stage if s < Stage.SENT])
def test_only_what_they_did_reads_as_theirs(
    error: Exception, late: bool, kind: type[FailoverError], stage: Stage
) -> None:
    """safety, 200 hosts: a fault of ours is told as the host's; "nothing came for 265 ms", with seconds left."""
    host = Host("mx1", Role.PRIMARY, "192.0.2.1")
    said = ssh_words.lost(host, "look", stage, error, 0.265, late=late)
    assert type(said) is kind
    assert ("nothing came" in str(said)) == (
        kind is Unreachable and type(error) not in map(type, THEIRS[:2]) and error is not THEIRS[2]
    )


def test_a_connection_that_ends_during_the_log_in_is_said_to_be_closed(
    remote: SshRemote, raw: Callable[..., int], serve: Callable[..., Sshd], keys: Keys, tmp_path: Path
) -> None:
    """safety, 200 hosts: Paramiko says "No existing session" for it, which read as "nothing came for 265 ms"."""
    sshd = serve(hold={"auth"})
    host = host_at(sshd.port, keys, tmp_path)

    def cut() -> None:
        while not sshd.logins:
            time.sleep(0.01)
        sshd.cut()

    cutter = threading.Thread(target=cut, daemon=True)
    cutter.start()
    said = failure(Unreachable, remote, host, limit_s=20)
    cutter.join(5)
    assert "the log-in of root was not answered (the connection was closed)" in said


def test_sudo_that_wants_a_terminal_comes_with_the_line_to_write(
    remote: SshRemote, serve: Callable[..., Sshd], keys: Keys, tmp_path: Path
) -> None:
    """case: sudo requiretty."""

    def requiretty(_: Sshd, asked: Request) -> None:
        asked.channel.sendall_stderr(b"sudo: sorry, you must have a tty to run sudo\n")
        asked.channel.send_exit_status(1)
        asked.channel.close()

    said = failure(Unreachable, remote, host_at(serve(requiretty).port, keys, tmp_path, user="failover"), limit_s=5)
    assert "sudo there wants a terminal" in said
    assert "Defaults:failover !requiretty" in said
