"""The list that a host is given is enough for all that failover ever names to it, and no more than hosts.yaml says."""

from __future__ import annotations

from dataclasses import replace

from failover.actions import container_restart, service_restart
from failover.actions.permits import permits
from failover.core.fleet import Host, Postfix
from failover.signals import SIGNALS
from failover.signals.look import look
from tests.fakes import Clock, Smtp
from tests.signals.fakes import Remote, fleet, host

FLEET = fleet(
    *(host(f"mx{n}", 10 + n) for n in (1, 2, 3)), host("mx4", 14, postfix=Postfix(config_dir="/etc/postfix-in"))
)


def test_all_that_a_look_names_is_listed() -> None:
    remote = Remote()
    look(FLEET, wanted=frozenset(SIGNALS), remote=remote, smtp=Smtp(), clock=Clock(), workers=1)
    for name, args in remote.asked:
        at = [args["handler"], args["spam_address"], *args["peers"].split(",")]
        named = {f"address:{a}" for a in at} | {f"container:{args['container']}", f"config_dir:{args['config_dir']}"}
        assert named <= permits(FLEET, FLEET.hosts[name])
    assert len(remote.asked) == 4


def test_all_that_is_restarted_is_listed() -> None:
    for h in FLEET.hosts.values():
        for unit in (*service_restart._units(h).values(), container_restart._unit(h)):
            named = {f"{unit.kind}:{unit.name}", *(f"address:{at}" for at in unit.answers)}
            assert named <= permits(FLEET, h)


def test_nothing_else_is() -> None:
    bare = Host("mx1", FLEET.hosts["mx1"].role, "192.0.2.11")
    assert permits(replace(FLEET, hosts={"mx1": bare}), bare) == {
        "config_dir:/etc/postfix",
        "service:postfix",
        "address:192.0.2.11:25",
        "address:127.0.0.1:25",
    }
