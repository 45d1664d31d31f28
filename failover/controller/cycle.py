"""One cycle of the controller: finish open runs, look, decide, act or ask, take changes back, tell people.

It acts through the same engine as a person. If it dies anywhere, the next cycle goes on from the journal. If another
controller has taken over, it ends without acting.
"""

from __future__ import annotations

from collections.abc import Callable

from failover.controller.act import act, ask, go_back
from failover.controller.alerts import tell
from failover.controller.background import looking_in_background
from failover.controller.clocks import count_from_now
from failover.controller.leader import by, leading
from failover.controller.observe import see
from failover.controller.result import CycleResult
from failover.controller.resume import finish
from failover.core.alerting.alert import Alert
from failover.core.decide.failback import returns
from failover.core.decide.verdict import Decision
from failover.core.runs.playbook import Playbook
from failover.runs.service import Runs


def cycle(
    runs: Runs,
    playbooks: tuple[Playbook, ...],
    *,
    budget_s: float = 0.0,
    calm_s: float = 0.0,
    alive: Callable[[], object] = lambda: None,
) -> CycleResult:
    """Observe, decide and act once.

    `budget_s`: seconds in which it goes on looking while more looks may bring a decision. `calm_s`: the same while
    nothing is the matter, each CALM_EVERY_S. `alive` is called after each look that is made while a run waits; it takes
    no longer than a few seconds.

    Raises Standby when another controller decides, Refused when one takes over during the cycle, and whatever the store
    raises; nothing for what hosts, name servers and channels do.
    """
    with leading(runs) as leader, looking_in_background(runs, playbooks, leader, alive) as background:
        count_from_now(runs)
        result = _finish_and_see(runs, playbooks, budget_s, calm_s)
        background.forget()
        while result.verdict.kind is Decision.RUN and act(runs, playbooks, result, leader):
            result = _seen_again(runs, playbooks, result)
            background.forget()
        if result.verdict.ask:
            ask(runs, playbooks, result)
        result.back = returns(result.situation, result.verdict)
        go_back(runs, result, leader)
        leader.renew()
        tell(runs, result, background.seen or result)
        result.missed = background.missed
        return result


def _seen_again(runs: Runs, playbooks: tuple[Playbook, ...], before: CycleResult) -> CycleResult:
    """A run gave way to another cure, and that one is begun by a look made now."""
    result = see(runs, playbooks, 0.0, 0.0)
    result.runs, result.alerts = before.runs + result.runs, before.alerts + result.alerts
    return result


def _finish_and_see(runs: Runs, playbooks: tuple[Playbook, ...], budget_s: float, calm_s: float) -> CycleResult:
    """Runs whose process died come first. If another one dies while we look, it is finished too, and we look again."""
    faults: list[Alert] = []
    finished = list(finish(runs, playbooks, by(), faults))
    result = see(runs, playbooks, budget_s, calm_s)
    if more := list(finish(runs, playbooks, by(), faults)):
        finished += more
        result = see(runs, playbooks, budget_s, calm_s)
    result.runs += finished
    result.alerts += faults
    return result
