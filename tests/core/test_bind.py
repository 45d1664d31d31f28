"""Binding: every reference replaced, types kept, and every reason why not at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failover.core.fleet import Domain, Fleet, Host, Role
from failover.core.observe import condition as cond
from failover.core.runs.bind import Unbound, bind, parameters
from failover.core.runs.playbook import Failback, Param, Playbook, StepSpec, Value, Watch
from failover.dns.rfc2136 import Rfc2136

FLEET = Fleet(
    {
        "mx1": Host("mx1", Role.PRIMARY, "192.0.2.11", "mx1.example.net"),
        "mx2.site-b": Host("mx2.site-b", Role.STANDBY, "192.0.2.12"),
    }
)
PARAMS = {
    "sick": Param("host", each=True),
    "span": Param("duration", default=14400.0),
    "many": Param("number", default=200),
    "loud": Param("flag", default=False),
    "word": Param("string", default="x"),
}


def playbook(**with_: Value) -> Playbook:
    step = StepSpec("s", "notify", with_, no_verify="because ${word}")
    return Playbook("p", "on ${sick}", (step,), params=PARAMS)


def bound(*given: str, **with_: Value) -> Playbook:
    return bind(playbook(**with_), dict(g.split("=", 1) for g in ("sick=mx1", *given)), FLEET)


@pytest.mark.parametrize(
    ("written", "given", "value"),
    [
        ("${sick}", "sick=mx2.site-b", "mx2.site-b"),
        ("${span}", "span=1h30m", 5400.0),
        ("${span}", "word=unused", 14400.0),
        ("${many}", "many=7", 7),
        ("${many}", "many=0.5", 0.5),
        ("${loud}", "loud=True", True),
        ("${word}", "word=4h", "4h"),
        ("${word}", "word=${sick}", "${sick}"),
        ("${hosts.mx1.address}", "word=x", "192.0.2.11"),
        ("${hosts.mx2.site-b.role}", "word=x", "standby"),
        ("for ${span} on ${sick}: ${many}, ${loud}", "word=x", "for 4 h on mx1: 200, false"),
        (5.0, "word=x", 5.0),
        ("$sick {sick}", "word=x", "$sick {sick}"),
    ],
)
def test_a_whole_reference_keeps_its_type_and_one_in_a_text_is_said_in_words(
    written: Value, given: str, value: Value
) -> None:
    found = bound(given, text=written).steps[0].with_["text"]
    assert found == value
    assert type(found) is type(value)


def test_references_are_replaced_wherever_they_may_stand() -> None:
    test = cond.Predicate("spam.scan", "${sick}", above=1)
    p = Playbook(
        "p",
        "${sick} hangs",
        (StepSpec("s", "queue.flush", {"host": "${sick}"}, test, (Watch("queue.frozen", "${sick}", falls_to=0),)),),
        worse="moving ${sick}",
        not_fixed=("spamd on ${sick}",),
        params={"sick": Param("host")},
        trigger=cond.All((test, cond.Any((test, test)))),
        preconditions=(test,),
        failback=Failback((test,)),
    )
    assert "${" not in repr(bind(p, {"sick": "mx1"}, FLEET))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, 'the parameter "sick" is missing; give --set sick=mx1 (hosts: mx1, mx2.site-b)'),
        ({"sick": "mx9"}, 'the parameter "sick" is "mx9"; give --set sick=mx1 (hosts: mx1, mx2.site-b)'),
        ({"sick": ""}, 'the parameter "sick" is ""; give --set sick=mx1 (hosts: mx1, mx2.site-b)'),
        ({"sick": "mx1", "span": "90"}, 'the parameter "span" is "90"; give --set span=10m (a duration)'),
        ({"sick": "mx1", "many": "nan"}, 'the parameter "many" is "nan"; give --set many=100 (a number)'),
        ({"sick": "mx1", "loud": "1"}, 'the parameter "loud" is "1"; give --set loud=true (a flag)'),
        ({"sick": "mx1", "sik": "mx1"}, 'p has no parameter "sik"; it has sick, span, many, loud, word'),
    ],
)
def test_what_is_given_wrongly(given: dict[str, str], said: str) -> None:
    with pytest.raises(Unbound) as caught:
        bind(playbook(host="${sick}"), given, FLEET)
    assert caught.value.problems == (said,)


FOUR = Fleet(
    {
        n: Host(n, Role.PRIMARY if n == "mx1" else Role.STANDBY, "192.0.2.1", f"{n}.example.net")
        for n in ("mx1", "mx2", "mx3", "mx4")
    },
    {
        "example.net": Domain("example.net", Rfc2136("192.0.2.53"), mx=("mx1", "mx3", "mx2")),
        "example.org": Domain("example.org", Rfc2136("192.0.2.53"), mx=("mx2", "mx1")),
        "example.com": Domain("example.com", Rfc2136("192.0.2.53"), mx=("mx3", "mx4")),
    },
)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"sick": "mx1", "domain": "example.net"},
            'the parameter "to" is missing; give --set to=mx3 (hosts: mx3, mx2)',
        ),
        (
            {"sick": "mx1", "to": "mx2"},
            'the parameter "domain" is missing; give --set domain=example.net '
            "(mx1 serves example.net, example.org; each is a run of its own)",
        ),
        (
            {"sick": "mx4", "to": "mx3"},
            'the parameter "domain" is missing; give --set domain=example.com (domains: example.com)',
        ),
        (
            {"to": "mx2", "domain": "example.org"},
            'the parameter "sick" is missing; give --set sick=mx1 (hosts: mx1, mx2, mx3, mx4)',
        ),
    ],
)
def test_a_person_is_told_what_there_is_to_choose_from(given: dict[str, str], said: str) -> None:
    moves = Playbook(
        "p", "", (), params={"sick": Param("host", each=True), "to": Param("host"), "domain": Param("domain")}
    )
    with pytest.raises(Unbound) as caught:
        bind(moves, given, FOUR)
    assert caught.value.problems == (said,)


def test_every_reason_is_said_at_once_and_once() -> None:
    with pytest.raises(Unbound) as caught:
        bound("many=x", text="${hosts.mx9.address} ${nobody} ${nobody} ${hosts.mx2.site-b.mx}", host="all")
    assert caught.value.problems == (
        'the parameter "many" is "x"; give --set many=100 (a number)',
        '${hosts.mx9.address}: there is no host "mx9" in hosts.yaml',
        "${nobody} names nothing; declare it under params, or use ${hosts.NAME.address}",
        '${hosts.mx2.site-b.mx}: "mx2.site-b" has no mx in hosts.yaml',
        'the playbook names the host "all"; hosts.yaml has mx1, mx2.site-b',
    )


@given(st.dictionaries(st.sampled_from([*PARAMS, "other"]), st.text(max_size=8)))
def test_binding_never_ends_but_bound_or_unbound(given: dict[str, str]) -> None:
    try:
        values = parameters(playbook(), given, FLEET)
    except Unbound as e:
        assert e.problems  # noqa: PT017  either end is fine, each with its own law
    else:
        assert values["sick"] in FLEET.hosts
        assert set(values) == set(PARAMS)
