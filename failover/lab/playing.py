"""One playing of a drill on a lab: the steps for its scenes, its notes, and its end in any case.

Violations are collected as failures; a scene that cannot go on raises.
"""

from __future__ import annotations

import json
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
PATIENCE_S = 180.0  # for each wait; long, so that a busy machine fails no drill
HOLDS, LOOKED_ENOUGH = "would hold", 4  # on a busy machine three looks may not fit into one command
CONFIGURATION = "cd /etc/postfix && for f in main.cf master.cf; do sha256sum $f; stat -c '%n %a %u:%g %s' $f; done"


@dataclass(slots=True)
class Playing:
    """Times are Unix times; `ledgers` are (host, file, bytes that were in it before)."""

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
    """Letters that the administrator put on hold: sequence number by queue id."""
    entries: tuple[str, ...] = ("mx1",)
    """The servers that accept the letters of the spans."""
    run: str | None = None
    restored: bool = False
    late: int = 0
    """Messages in the queues of mx1 and mx2 at the end."""

    # The end, whatever happened -------------------------------------------------------

    def stop(self) -> None:
        """Stop the senders. Raises StepFailed if one did not end well."""
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
        held = "".join(f"{queue_id}\n" for queue_id in self.held)
        self.lab.run("mx1", ["postsuper", "-H", "-"], input=held, timeout=20)
        flush = ["postqueue", "-f"]  # refused for a moment where a reload has just ended qmgr
        self.story.until(
            lambda: self.lab.run("mx1", flush, timeout=20, check=False).returncode == 0, "a flush is taken", within=20
        )
        self.story.until(
            lambda: not queues.names(self.lab, "mx1", "hold"), "the hold queue becomes empty", within=PATIENCE_S
        )
        self.story.until(queues.empty(self.lab, *STEADY), "what was on hold is delivered", within=PATIENCE_S)

    def books(self) -> Books:
        return read(sorted(self.folder.glob("*.jsonl")), self.ledgers)

    def spans(self) -> tuple[float | None, float | None, float | None]:
        """Seconds: hang → named; begin of the run → first new letter delivered; begin of the run → backlog gone."""
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
            raise unexpected(f"`failover {' '.join(words)}` ended with {code}: … {last}")
        return code, said

    def recommended(self, wanted: int, *words: str, limit: float) -> str:
        """`failover run WORDS` by its own recommendation; repeated while it needs more looks."""
        for _ in range(LOOKED_ENOUGH):
            code, said = self.story.failover(self.lab, "run", *words, limit=limit)
            if code != 0 or HOLDS not in said:
                break
        if code != wanted or HOLDS in said:
            raise unexpected(f"`failover run {' '.join(words)}` ended with {code}")
        return said

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

    def until_scanned(self, host: str, n: int, *, since: float = 0.0) -> None:
        def enough() -> bool:
            return self.books().scanned(host, taken_after=since) >= n

        self.story.until(enough, f"{n} letters go through the spam filter of {host}", within=PATIENCE_S)


def unexpected(what: str) -> StepFailed:
    """Of a command of ours in a scene; the story above has all that it printed."""
    return StepFailed(what, try_="read what it printed")
