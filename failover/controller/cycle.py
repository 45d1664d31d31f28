"""One cycle of the controller: finish what is open, look, remember, decide, act, go back, tell.

Whatever it does goes through the same engine as a person's run. A cycle that dies anywhere leaves a journal that the
next one goes on from; one that lost its lead to another controller ends without acting.
"""

from __future__ import annotations

from collections.abc import Callable

from failover.controller.act import act, ask, go_back
from failover.controller.alerts import tell
from failover.controller.background import looking_meanwhile
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
    c: Runs,
    playbooks: tuple[Playbook, ...],
    *,
    budget_s: float = 0.0,
    calm_s: float = 0.0,
    alive: Callable[[], object] = lambda: None,
) -> CycleResult:
    """See, decide and act once. For `budget_s` seconds it goes on looking while more looks may bring a decision, and
    for `calm_s` seconds also while nothing is the matter, each CALM_EVERY_S. `alive` is called each time that it has
    looked and told while a run waited; it takes no longer than a few seconds.

    Raises Standby when another controller decides, Refused when one took over meanwhile, and whatever the store
    raises; nothing for what hosts, name servers and channels do.
    """
    with leading(c) as lead, looking_meanwhile(c, playbooks, lead, alive) as meanwhile:
        count_from_now(c)
        faults: list[Alert] = []
        finished = list(finish(c, playbooks, by(), faults))
        turn = see(c, playbooks, budget_s, calm_s)
        if ended := list(finish(c, playbooks, by(), faults)):  # whoever had it while we looked has it no more
            finished += ended
            turn = see(c, playbooks, budget_s, calm_s)
        turn.runs += finished
        turn.alerts += faults
        meanwhile.begins_now()
        if turn.verdict.kind is Decision.RUN:
            act(c, playbooks, turn, lead)
        elif turn.verdict.ask:
            ask(c, playbooks, turn)
        turn.back = returns(turn.situation, turn.verdict)
        go_back(c, turn, lead)
        lead.renew()
        tell(c, turn, meanwhile.seen or turn)
        turn.missed = meanwhile.missed
        return turn
