"""One cycle of the controller: finish what is open, look, remember, decide, act, go back, tell.

Whatever it does goes through the same engine as a person's run. A cycle that dies anywhere leaves a journal that the
next one goes on from; one that lost its lead to another controller ends without acting.
"""

from __future__ import annotations

from collections.abc import Callable

from failover.acting import act, ask, go_back
from failover.announcing import tell
from failover.clocks import count_from_now
from failover.controller import Controller
from failover.core.alert import Alert
from failover.core.playbook import Playbook
from failover.core.returns import returns
from failover.core.verdict import Kind
from failover.lead import by, leading
from failover.meanwhile import looking_meanwhile
from failover.seeing import see
from failover.turn import Turn
from failover.unfinished import finish


def cycle(
    c: Controller,
    playbooks: tuple[Playbook, ...],
    *,
    budget_s: float = 0.0,
    calm_s: float = 0.0,
    alive: Callable[[], object] = lambda: None,
) -> Turn:
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
        if turn.verdict.kind is Kind.RUN:
            act(c, playbooks, turn, lead)
        elif turn.verdict.ask:
            ask(c, playbooks, turn)
        turn.back = returns(turn.situation, turn.verdict)
        go_back(c, turn, lead)
        lead.renew()
        tell(c, turn, meanwhile.seen or turn)
        turn.missed = meanwhile.missed
        return turn
