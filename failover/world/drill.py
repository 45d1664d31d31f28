"""The drills `august-11` and `spam-filter-hung` in the simulated world, with the real scenes, playbooks and engine.

It tests the logic; only the real lab shows what a real Postfix does. The report
says which of the two it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from failover.config.catalogue import find
from failover.config.playbooks import load_playbook
from failover.core.decide.verdict import Decision
from failover.core.drill import DrillReport, Sent, Tally, count, drained, mitigated, report
from failover.core.runs.journal import RunState, RunView
from failover.core.runs.playbook import Playbook
from failover.errors import FailoverError, StepFailed
from failover.ports import RunRecord
from failover.runs.service import Runs
from failover.world.ports import ports
from failover.world.postfix import Daemon, Mail, Queue
from failover.world.world import World

AUGUST_11, SPAM_FILTER_HUNG = "august-11", "spam-filter-hung"
RATE = 7.0
"""Messages a second."""
HANG_AT, NAMED_WITHIN, TRAFFIC_FOR = 30.0, 180.0, 420.0
ENDS_AT, FIRST_WAVE = 20.0, 150.0
"""Seconds: when the handler's container ends, and how much later the second wave comes then."""
HELD = 3


@dataclass
class Playing:
    world: World
    line: Callable[[str], None]
    failures: list[str] = field(default_factory=list)
    scenario: str = SPAM_FILTER_HUNG
    hang_at: float = HANG_AT
    traffic_for: float = TRAFFIC_FOR
    playbook: Playbook = field(default_factory=lambda: load_playbook(find("spam-filter-hung", None)))
    held: list[Mail] = field(default_factory=list)
    named: float | None = None
    begun: float | None = None
    record: RunRecord | None = None
    restored: bool = False

    def __post_init__(self) -> None:
        self.controller = Runs(ports(self.world), self.world.store)

    # Scenes ---------------------------------------------------------------------

    def play(self) -> None:
        """Raises FailoverError when a scene cannot go on."""
        if self.scenario == AUGUST_11:
            self.first_wave()
        self.world.advance(self.hang_at + 10 - self.world.now)
        self.say("mail flows; then spamd on mx1 hangs, and mail piles up")
        self.is_named()
        self.some_is_held()
        self.is_cured()
        self.undo_is_refused()
        self.is_put_back()

    def first_wave(self) -> None:
        """The handler's container ends: it is not taken for a hung filter, and is cured without touching the filter."""
        restart = load_playbook(find("handler-down", None))
        self.world.advance(ENDS_AT)
        self.world.handler("mx1", Daemon.DOWN)
        self.world.advance(20)
        verdict, _ = self.controller.recommend((self.playbook, restart))
        if (verdict.kind, verdict.playbook, verdict.host) != (Decision.RUN, restart.name, "mx1"):
            raise StepFailed(f"not named: {'; '.join(verdict.because)}", try_="read the trigger of handler-down")
        _, view = self.controller.run(self.controller.plan(restart, {"sick": "mx1"}), reason="drill, first wave")
        self.expect(view, RunState.SUCCEEDED)
        if self.world.files() != self.world.pristine or any(not r.scanned for r in self.world.received):
            self.failures.append("the cure of the first wave took the filter out of the mail's path")
        self.say("the handler's container had ended, and runs again; what had waited is delivered, scanned")

    def is_named(self) -> None:
        while self.world.now < self.hang_at + NAMED_WITHIN:
            verdict, _ = self.controller.recommend((self.playbook,))
            if verdict.kind is Decision.RUN and verdict.host == "mx1":
                self.named = self.world.now
                return self.say(f"named, {self.named - self.hang_at:.0f} s after it hung: {'; '.join(verdict.because)}")
            self.world.advance(self.world.fleet.policy.spacing_s)
        raise StepFailed("nothing names the hung spam filter", try_="read the trigger of spam-filter-hung")

    def some_is_held(self) -> None:
        postfix = self.world.machines["mx1"].postfix
        self.held = [m for m in postfix.of(Queue.ACTIVE) if not m.doing][:HELD]
        for mail in self.held:
            postfix.hold(mail)
        self.say(f"an administrator puts {len(self.held)} messages on hold")

    def is_cured(self) -> None:
        plan = self.controller.plan(self.playbook, {"sick": "mx1"})
        if self.world.files() != self.world.pristine:
            self.failures.append("the dry run changed a configuration")
        self.begun = self.world.timeline.unix
        self.record, view = self.controller.run(plan, reason="drill")
        self.expect(view, RunState.SUCCEEDED)
        self.say(f"run {self.record.id} {view.state.value}: mail passes the filter by")

    def undo_is_refused(self) -> None:
        """The undo is refused: spamd still hangs."""
        during = self.world.files()
        self.expect(self.rolled_back(), RunState.PAUSED)
        if self.world.files() != during:
            self.failures.append("a rollback that was refused changed a configuration")
        self.say("a rollback is refused, as it must be while spamd hangs")

    def is_put_back(self) -> None:
        self.world.spamd("mx1", Daemon.OK)
        self.world.advance(10)
        self.expect(self.rolled_back(), RunState.ROLLED_BACK)
        self.restored = self.world.files() == self.world.pristine
        back = self.world.timeline.unix
        self.world.advance(130)  # until the last session that began before the undo has ended
        if any(not r.scanned for r in self.world.received if r.at > back + 125):
            self.failures.append("mail still passes unscanned after the rollback")
        self.say("spamd answers again, the filter is back, and mail is scanned")

    # The end, whatever happened ---------------------------------------------------

    def settle(self) -> None:
        """Traffic ends and the queues empty; mail on hold is let go last."""
        self.world.spamd("mx1", Daemon.OK)
        self.world.advance(max(0.0, self.traffic_for - self.world.now))
        if not self.world.drain():
            self.failures.append("mail was still queued an hour after the traffic had ended")
        postfix = self.world.machines["mx1"].postfix
        if {m.seq for m in postfix.of(Queue.HOLD)} != {m.seq for m in self.held}:
            self.failures.append("mail was released from hold by nobody's order")
        for mail in postfix.of(Queue.HOLD):
            postfix.release(mail)
        self.world.drain()

    def report(self) -> DrillReport:
        run = self.record
        mitigate, drain = self.spans()
        return report(
            self.tally(),
            scenario=self.scenario,
            mode="simulated",
            run=run.id if run else None,
            restored=self.restored,
            detect_s=None if self.named is None else round(self.named - self.hang_at, 1),
            mitigate_s=mitigate,
            drain_s=drain,
            failures=self.failures,
        )

    def tally(self) -> Tally:
        """Over everything; the time of a message on hold is no delay."""
        return replace(self.world.ledger(), delay=count(self.not_held(), self.world.received).delay)

    def not_held(self) -> list[Sent]:
        held = {m.seq for m in self.held}
        return [s for s in self.world.sent if s.seq not in held]

    def spans(self) -> tuple[float | None, float | None]:
        if self.begun is None:
            return None, None
        sent = self.not_held()
        found = (judge(sent, self.world.received, self.begun) for judge in (mitigated, drained))
        mitigate, drain = (None if s is None else round(s, 1) for s in found)
        return mitigate, drain

    # Small ones -------------------------------------------------------------------

    def rolled_back(self) -> RunView:
        if self.record is None:
            raise StepFailed("there is no run to roll back", try_="read what came before")
        return self.controller.rollback(self.record)

    def expect(self, view: RunView, state: RunState) -> None:
        if view.state is not state:
            raise StepFailed(
                f"the run ended {view.state.value}, not {state.value}: {view.because}", try_="failover runs show"
            )

    def say(self, text: str) -> None:
        self.line(f"{self.world.now:6.1f} s  {text}")


def august_11(line: Callable[[str], None], *, seed: int = 811) -> DrillReport:
    """Both waves: the handler's container ends, then the filter hangs.

    Played and told by `line`. Raises nothing for what fails in the drill: that is in the report.
    """
    return _played(line, seed, AUGUST_11, FIRST_WAVE)


def spam_filter_hung(line: Callable[[str], None], *, seed: int = 811) -> DrillReport:
    """The second wave alone."""
    return _played(line, seed, SPAM_FILTER_HUNG, 0.0)


def _played(line: Callable[[str], None], seed: int, scenario: str, later: float) -> DrillReport:
    hang_at, until = HANG_AT + later, TRAFFIC_FOR + later
    world = World.august_11(seed, rate=RATE, hang_at=hang_at, until=until)
    drill = Playing(world, line, scenario=scenario, hang_at=hang_at, traffic_for=until)
    try:
        drill.play()
    except FailoverError as e:
        drill.failures.append(str(e))
        drill.say(f"FAILED: {e}")
    drill.settle()
    return drill.report()
