"""Lines of a mail log and of the journal, made up, through the real awk: counted or not, numbers stay numbers."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failover.host import script_text
from tests.fuzz.made_up import fuzz, mutated
from tests.host.test_log import ACCEPTED, COUNTED, NOT_COUNTED, REMOVED
from tests.host.test_script import LAST

GOOD = [line.encode() for line in (ACCEPTED, REMOVED, *COUNTED, *NOT_COUNTED)] + [
    b"-- cursor: s=" + b"0f" * 16 + b";i=12ad;b=1;m=2;t=3;x=4\n",
    b"1700000000.1 mx1 systemd-journald[1]: Suppressed 99 messages from postfix@-.service\n",
    b"%s%s%s%n\n", b"$(id)\n", b"\x1b[2J\n", b"\xff\xfe[1]: 4X: client=a[1.2.3.4]\n", b"x" * 9000 + b": removed\n",
]  # fmt: skip
LINE = st.sampled_from(GOOD) | st.sampled_from(GOOD).flatmap(mutated) | st.binary(max_size=40)
COUNT = script_text().removesuffix(LAST) + '\nsyslog_name=postfix\ncount_lines 0 <"$1"\n'


@pytest.mark.parametrize("_", [0])
@fuzz(25)
@given(lines=st.lists(LINE, max_size=12))
def test_any_log_is_counted_in_numbers(_: int, lines: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    log = tmp_path_factory.getbasetemp() / "fuzzed.log"
    log.write_bytes(b"".join(lines) + b"\n")
    argv = ["sh", "-c", 'eval "$(cat)"', "failover-host", str(log)]
    done = subprocess.run(argv, input=COUNT.encode(), capture_output=True, timeout=60, check=False)
    assert done.stderr == b""
    first, cursor, *rest = done.stdout.split(b"\n")
    accepted, removed, skipped, size, suppressed = map(int, first.split())
    assert rest == [b""]
    assert cursor == b"" or cursor.startswith(b"-- cursor: ")
    assert size == log.stat().st_size
    assert (skipped, accepted + removed + suppressed <= log.read_bytes().count(b"\n")) == (0, True)


def test_what_was_said_about_a_client_is_never_mail() -> None:
    said = "".join(NOT_COUNTED) * 3
    done = subprocess.run(
        ["sh", "-c", 'eval "$(cat)"', "failover-host", "/dev/stdin"],
        input=script_text().removesuffix(LAST) + f"\nsyslog_name=postfix\nprintf '%s' {said!r} | count_lines 0\n",
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout.split()[:2] == ["0", "0"]
