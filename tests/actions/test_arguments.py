"""A step's `with:` is parsed once, when its references are replaced: the verb sees its own types and defaults."""

from __future__ import annotations

import pytest

from failover.actions import ACTIONS
from failover.actions.arguments import parsed, values
from failover.actions.notify import Notify
from failover.actions.queue_hold import Hold
from failover.actions.queue_requeue import Requeue
from failover.core.runs.playbook import StepSpec, Value
from failover.errors import Refused


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
