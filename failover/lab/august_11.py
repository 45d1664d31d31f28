"""The scenes of the drill `august-11`: traffic flows, the spam filter hangs, the real command line cures it and puts
everything back. What must never happen meanwhile is collected as failures; a scene that cannot go on raises.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from failover.core.drill import drained, mitigated
from failover.errors import StepFailed
from failover.lab import queues
from failover.lab.lab import Lab
from failover.lab.ledger import Books, read
from failover.lab.sending import Sending
from failover.lab.story import Story

STEADY = {"mx1": 7.0, "mx2": 1.0}  # messages a second; a scan costs 60 ms of CPU (measured), so a small lab is slow
PEAK = {"mx1": 20.0}
PILED_UP = 60  # messages; the playbook's trigger is above 50
HELD = 3
PATIENCE_S = 180.0  # for each thing that is waited for: bounds, so that a busy machine is not a failed drill
INCIDENT = "spamd-hung"
CONFIGURATION = "cd /etc/postfix && for f in main.cf master.cf; do sha256sum $f; stat -c '%n %a %u:%g %s' $f; done"


@dataclass(slots=True)
class August11:
    """One playing of it. Times are Unix times; `ledgers` are (host, file, bytes that were in it before)."""

    lab: Lab
    story: Story
    folder: Path
    ledgers: tuple[tuple[str, Path, int], ...]
    failures: list[str] = field(default_factory=list)
    senders: dict[str, Sending] = field(default_factory=dict)
    before: str = ""
    hung: float | None = None
    named: float | None = None
    begun: float | None = None
    held: dict[str, str] = field(default_factory=dict)
    """Letters the administrator put on hold: sequence number by queue id."""
    entries: tuple[str, ...] = ("mx1",)
    """The servers that take on the letters which the spans are about."""
    run: str | None = None
    restored: bool = False

    def play(self) -> None:
        """Raises FailoverError when a scene cannot go on."""
        self.healthy()
        self.second_wave()

    def second_wave(self) -> None:
        self.hangs()
        self.piles_up()
        self.is_named()
        self.is_cured()
        self.undo_is_refused()
        self.heals()
        self.is_put_back()
        self.flows_again()

    # Scenes -------------------------------------------------------------------------

    def healthy(self) -> None:
        self.before = self.configuration()
        self.send("steady", STEADY)
        rates = ", ".join(f"{rate:g} a second to {host}" for host, rate in STEADY.items())
        self.story.say(f"mail flows, {rates}, and every letter is scanned", mark="mail")
        self._until_scanned("mx1", 30)
        self._until_scanned("mx2", 1)

    def hangs(self) -> None:
        self.lab.incident(INCIDENT)
        self.hung = time.time()
        self.send("peak", PEAK)
        self.story.say(f"spamd on mx1 hangs, and a peak of mail comes, {PEAK['mx1']:g} a second more", mark="hang")

    def piles_up(self) -> None:
        self.story.until(lambda: self.waiting() > PILED_UP, "mail piles up on mx1", within=PATIENCE_S)
        waiting = self.waiting()
        self._hold()
        self.story.say(f"{waiting} messages wait on mx1; an administrator puts {len(self.held)} of them on hold")

    def is_named(self) -> None:
        for _ in range(3):
            code, said = self.story.failover(self.lab, "check", limit=30)
            if code in {1, 2} and "spam filter hung" in said:
                self.named = time.time()
                return self.story.say(f"named, {self.named - (self.hung or 0):.1f} s after it hung", mark="named")
        raise StepFailed("`failover check` does not name the hung spam filter", try_="read what it printed")

    def is_cured(self) -> None:
        """The plan that was read is the plan that is run: `--plan` refuses when anything it rests on has changed."""
        plan = str(self.lab.folder / "plan.json")
        self.expect({10}, "run", "--dry-run", "--out", plan, limit=60)
        if self.configuration() != self.before:
            self.failures.append("the dry run changed a configuration")
        self.begun = time.time()
        self.story.marks["run"] = self.story.elapsed
        self.expect({0}, "run", "--plan", plan, "--yes", "--reason", "drill", limit=180)
        self.run, cured = self.newest_run(), time.time()
        self.story.until(lambda: not self.backlog(cured), "the backlog of mx1 drains", within=PATIENCE_S)
        self.senders.pop("peak").stop()
        since, gone = self.spans()[1:]
        self.story.say(
            f"new mail flowed {since or 0:.1f} s after the run began, the backlog was gone after {gone:.1f} s"
        )

    def undo_is_refused(self) -> None:
        """What the undo guards against still holds: spamd hangs."""
        during = self.configuration()
        self.expect({6}, "rollback", "--yes", limit=60)
        if self.configuration() != during:
            self.failures.append("a rollback that was refused changed a configuration")
        self.story.say("refused, as it must be while spamd hangs; mail still flows past it")

    def heals(self) -> None:
        self.lab.heal(INCIDENT)
        self.story.say("spamd goes on; it first works off what had waited in its socket", mark="heal")

    def is_put_back(self) -> None:
        """Refused again while the filter is slow to come back, which on a busy machine it may be at the second look."""
        for tries_left in reversed(range(5)):
            self.story.until(self.filter_answers, "the spam filter of mx1 answers again", within=PATIENCE_S)
            if self.expect({0, 6} if tries_left else {0}, "rollback", "--yes", limit=60)[0] == 0:
                break
        self.restored = self.configuration() == self.before
        told = "byte for byte as before" if self.restored else "NOT as before"
        self.story.say(f"main.cf and master.cf read {told} (sha256, mode, owner)", mark="undone")

    def flows_again(self) -> None:
        self._until_scanned("mx1", 15, since=time.time())
        self.story.say("new mail to mx1 is scanned again")

    # The end, whatever happened -------------------------------------------------------

    def stop(self) -> None:
        """No more mail is sent. Raises StepFailed when a sender did not end well."""
        while self.senders:
            _, sender = self.senders.popitem()
            sender.stop()

    def settles(self) -> None:
        self.story.until(queues.empty(self.lab, *STEADY), "the queues of mx1 and mx2 become empty", within=PATIENCE_S)
        gone = set(self.held) - queues.names(self.lab, "mx1", "hold")
        came = {d.received.seq for d in self.books().deliveries} & set(self.held.values())
        if gone or came:
            self.failures.append(f"released from hold by nobody's order: {', '.join(sorted(gone | came))}")
        if not self.held:
            return self.story.say("the queues are empty")
        self.story.say(f"the queues are empty; {len(self.held) - len(gone)} on hold stayed there, and are released now")
        self._release()

    def _release(self) -> None:
        for argv in (["postsuper", "-H", "-"], ["postqueue", "-f"]):
            self.lab.run("mx1", argv, input="".join(f"{queue_id}\n" for queue_id in self.held), timeout=20)
        self.story.until(
            lambda: not queues.names(self.lab, "mx1", "hold"), "the hold queue becomes empty", within=PATIENCE_S
        )
        self.story.until(queues.empty(self.lab, *STEADY), "what was on hold is delivered", within=PATIENCE_S)

    def books(self) -> Books:
        return read(sorted(self.folder.glob("*.jsonl")), self.ledgers)

    def spans(self) -> tuple[float | None, float | None, float | None]:
        """Seconds: hang → named; run begun → the first new letter delivered; run begun → what had waited is gone."""
        books, begun = self.books(), self.begun
        named = self.named - self.hung if self.named and self.hung else None
        if begun is None:
            return named, None, None
        sent = [s for host in self.entries for s in books.sent(host, apart=frozenset(self.held.values()))]
        return named, mitigated(sent, books.received, begun), drained(sent, books.received, begun)

    # What the scenes ask and do ---------------------------------------------------------

    def send(self, name: str, rates: dict[str, float]) -> None:
        self.senders[name] = Sending.start(self.lab, self.folder / f"{name}.jsonl", rates, seed=811 + len(self.senders))

    def expect(self, wanted: set[int], *words: str, limit: float) -> tuple[int, str]:
        code, said = self.story.failover(self.lab, *words, limit=limit)
        if code not in wanted:
            last = " ".join(said.split())[-300:]
            raise StepFailed(f"`failover {' '.join(words)}` ended with {code}: … {last}", try_="read what it printed")
        return code, said

    def newest_run(self) -> str | None:
        _, said = self.story.failover(self.lab, "runs", "list", "--json", limit=30, quiet=True)
        return next((str(run["run"]) for run in json.loads(said)["runs"]), None)

    def filter_answers(self) -> bool:
        _, said = self.story.failover(self.lab, "check", "--host", "mx1", "--json", limit=30, quiet=True)
        signals = json.loads(said)["hosts"]["mx1"]["signals"]
        return all(signals.get(name, {}).get("outcome") == "ok" for name in ("spam.ping", "spam.scan"))

    def configuration(self) -> str:
        return "".join(self.lab.run(host, ["sh", "-c", CONFIGURATION], timeout=20).stdout for host in STEADY)

    def waiting(self) -> int:
        return len(queues.names(self.lab, "mx1"))

    def backlog(self, taken_before: float) -> frozenset[str]:
        return self.books().undelivered("mx1", taken_before=taken_before, apart=frozenset(self.held.values()))

    def _until_scanned(self, host: str, n: int, *, since: float = 0.0) -> None:
        def enough() -> bool:
            return self.books().scanned(host, taken_after=since) >= n

        self.story.until(enough, f"{n} letters go through the spam filter of {host}", within=PATIENCE_S)

    def _hold(self) -> None:
        """The newest that wait: none of them is being delivered, since all delivery slots hang with older ones."""
        waiting = queues.names(self.lab, "mx1")
        stuck = [x for x in self.books().accepted if x.host == "mx1" and x.queue_id in waiting][-HELD:]
        self.held = {str(x.queue_id): x.sent.seq for x in stuck}
        self.lab.run("mx1", ["postsuper", "-h", "-"], input="".join(f"{i}\n" for i in self.held), timeout=20)
        if missing := set(self.held) - queues.names(self.lab, "mx1", "hold"):
            raise StepFailed(f"postsuper -h did not hold {', '.join(missing)}", try_="read /var/log/mail.log of mx1")
