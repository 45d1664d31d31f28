"""No secret of a pipe's command is shown; what is shown still tells every two entries apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failover.core.hidden import hidden

HEAD = "=x unix - n n - - pipe flags=Rq user=filter argv="
SECRETS = [
    "/usr/bin/x --password={} -f ${{sender}}",
    "/usr/bin/x --password {} -f ${{sender}}",
    "/usr/bin/x --auth-token /{}",
    "/usr/bin/x --key=/{}",
    "/usr/bin/x -p{}",
    "/usr/bin/x -p {}",
    "/usr/bin/x {}",
    "/usr/bin/x {}==",
    "/usr/bin/x abc {}",
    "/usr/bin/env PASSWORD={} /usr/bin/x",
    "/usr/bin/curl https://user:{}@192.0.2.1/",
    "/usr/bin/x --url=smtp://user:{}@192.0.2.1:25 ${{recipient}}",
    "/usr/bin/x --header X-Key:{}",
]


@pytest.mark.parametrize("command", SECRETS)
def test_a_secret_is_not_shown_and_yet_told_apart(command: str) -> None:
    one, two = (hidden(HEAD + command.format(secret)) for secret in ("hunter2x", "hunter3x"))
    assert "hunter" not in one
    assert one.startswith(HEAD + command.split(" ")[0])
    assert one != two


@pytest.mark.parametrize(
    "entry",
    [
        "=spamassassin unix - n n - - pipe user=debian-spamd argv=/usr/bin/spamc -d 127.0.0.1 -p 783 -f -e "
        "/usr/sbin/sendmail -oi -f ${sender} -- ${recipient}",
        "=smtp-amavis unix - - n - 2 smtp -o smtp_data_done_timeout=1200 -o disable_dns_lookups=yes",
        "=x unix - n n - - pipe flags=q null_sender= argv=/usr/sbin/sendmail -oi -f ${sender} -- ${recipient}",
        "=relay unix - - n - - smtp -o smtp_sasl_password_maps=hash:/etc/postfix/sasl",
        "=spamassassin:dummy",
        "=",
        "-",
    ],
)
def test_what_is_surely_none_is_shown_as_it_is(entry: str) -> None:
    assert hidden(entry) == entry


def test_a_password_among_overrides() -> None:
    for how in (
        "-o smtp_sasl_password_maps={}",
        "-o {{smtp_sasl_password_maps={}}}",
        "-o {{ smtp_sasl_password_maps = {} }}",
    ):
        for value in ("static:user:hunter2", "inline:{host=user:hunter2}"):
            assert "hunter2" not in hidden("=x unix - - n - - smtp " + how.format(value) + " -o a=b"), (how, value)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=6, max_size=20), st.sampled_from(SECRETS))
def test_any_two_entries_read_differently(secret: str, command: str) -> None:
    entry, other = HEAD + command.format(secret), HEAD + command.format(secret + "x")
    assert hidden(entry) != hidden(other)
