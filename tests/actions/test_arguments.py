"""A step's `with:` is parsed once, when its references are replaced: the verb sees its own types and defaults."""

from __future__ import annotations

from dataclasses import replace

import pytest

from failover.actions import ACTIONS
from failover.actions.arguments import parsed, values
from failover.actions.notify import Notify
from failover.actions.queue_hold import Hold
from failover.actions.queue_requeue import Requeue
from failover.core.fleet import Fleet, Host, Role
from failover.core.runs.playbook import OnFailure, Playbook, StepSpec, Value
from failover.errors import Refused
from failover.runs.planner import make_plan, signals_of
from tests.fakes import Scripted, ports


def spec(action: str, **with_: Value) -> StepSpec[dict[str, Value]]:
    return StepSpec("s", action, with_)


def test_a_span_is_in_seconds_and_a_default_is_the_models() -> None:
    hold = parsed(spec("queue.hold", host="mx1", sender="ann@example.net", expires=14400.0), Hold).with_
    assert (hold.expires, hold.what) == (14400.0, "sender=ann@example.net")
    requeue = parsed(spec("queue.requeue", host="mx1", only="frozen"), Requeue).with_
    assert values(requeue) == {"host": "mx1", "only": "frozen", "batch": 200}


def test_a_text_that_a_parameter_brought_is_no_reference() -> None:
    assert parsed(spec("notify", text="see ${sick}"), Notify).with_.text == "see ${sick}"
    assert parsed(spec("notify", text=7), Notify).with_.text == "7"


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (
            spec("queue.requeue", host="mx1", only="frozen", batch=0.5),
            "batch: the number 0.5 is no batch; write a whole number",
        ),
        (spec("queue.hold", host="mx1", sender="x; rm"), 'sender: "x; rm" is no address; write one such as'),
        (spec("queue.hold", host="mx1"), "what is held is said by none"),
        (spec("queue.flush", host="${sick}"), 'host: "${sick}" is no host'),
        (spec("wait"), "for: Field required"),
        (spec("vm.resize", host="", size=""), "is no host; .*; size: .* is no instance type"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_to_write(step: StepSpec[dict[str, Value]], said: str) -> None:
    with pytest.raises(Refused, match=said.replace("$", r"\$")) as e:
        parsed(step, ACTIONS[step.action].with_)
    assert str(e.value).startswith(f"step s ({step.action}): ")


def test_a_step_that_does_not_fit_is_left_out_where_the_rest_goes_on_without_it() -> None:
    there = ports(Fleet({"mx1": Host("mx1", Role.PRIMARY, "192.0.2.11")}), Scripted(()))
    hold = spec("queue.hold", host="mx1", ids="../x")
    with pytest.raises(Refused, match="is no list of queue ids"):
        make_plan(Playbook("p", "", (hold,)), {}, there, ())
    (step,) = make_plan(Playbook("p", "", (replace(hold, on_failure=OnFailure.CONTINUE),)), {}, there, ()).steps
    assert (step.left_out, step.host, step.args) == (True, "mx1", {"host": "mx1", "ids": "../x"})


def test_a_plan_needs_the_signals_that_its_verbs_read_on_the_hosts_that_they_are_for() -> None:
    shift = spec("dns.prefer", domain="example.net", to="mx2")
    requeue = spec("queue.requeue", host="mx1", only="frozen")
    assert signals_of(Playbook("p", "", (shift, spec("queue.hold", host="mx2")))) == ((), frozenset())
    assert signals_of(Playbook("p", "", (shift, requeue))) == (("mx1",), frozenset({"queue.frozen"}))
