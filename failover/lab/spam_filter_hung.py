"""The scenes of the drill `spam-filter-hung`: the spam filter hangs, and the real command line takes it out of the path
and puts it back. It is also the second wave of `august-11`.
"""

from __future__ import annotations

import time

from failover.errors import StepFailed
from failover.lab import queues
from failover.lab.playing import PATIENCE_S, STEADY, Playing, unexpected

INCIDENT = "spamd-hung"
PEAK = {"mx1": 20.0}  # messages a second
PILED_UP = 60  # messages; the playbook's trigger is above 50
HELD = 3
SEEN_FLOWING = 15  # letters


def play(drill: Playing) -> None:
    """Raises FailoverError when a scene cannot go on."""
    healthy(drill)
    wave(drill)


def wave(drill: Playing) -> None:
    hangs(drill)
    is_named(drill)
    piles_up(drill)
    is_cured(drill)
    undo_is_refused(drill)
    heals(drill)
    is_put_back(drill)
    flows_again(drill)


def healthy(drill: Playing, rates: dict[str, float] = STEADY) -> None:
    """`rates`: messages a second by host."""
    drill.before = drill.configuration()
    drill.send("steady", rates)
    told = ", ".join(f"{rate:g} a second to {host}" for host, rate in rates.items())
    drill.story.say(f"mail flows, {told}, and every letter is scanned", mark="mail")
    drill.until_scanned("mx1", SEEN_FLOWING)
    drill.until_scanned("mx2", 1)


def hangs(drill: Playing) -> None:
    drill.lab.incident(INCIDENT)
    drill.hung = time.time()
    drill.send("peak", PEAK)
    drill.story.say(f"spamd on mx1 hangs, and a peak of mail comes, {PEAK['mx1']:g} a second more", mark="hang")


def is_named(drill: Playing) -> None:
    """While the first mail piles up, since the look waits for a scan anyway."""
    for _ in range(3):
        code, said = drill.story.failover(drill.lab, "check", limit=30)
        if code in {1, 2} and "spam filter hung" in said:
            drill.named = time.time()
            return drill.story.say(f"named, {drill.named - (drill.hung or 0):.1f} s after it hung", mark="named")
    raise unexpected("`failover check` does not name the hung spam filter")


def piles_up(drill: Playing) -> None:
    drill.story.until(lambda: drill.waiting() > PILED_UP, "mail piles up on mx1", within=PATIENCE_S)
    waiting = drill.waiting()
    hold(drill)
    drill.story.say(f"{waiting} messages wait on mx1; an administrator puts {len(drill.held)} of them on hold")


def is_cured(drill: Playing) -> None:
    """The plan that was read is run: `--plan` refuses it if a bound value has changed."""
    plan = str(drill.lab.folder / "plan.json")
    drill.recommended(10, "--dry-run", "--out", plan, limit=60)
    if drill.configuration() != drill.before:
        drill.failures.append("the dry run changed a configuration")
    drill.begun = time.time()
    drill.story.marks["run"] = drill.story.elapsed
    drill.expect({0}, "run", "--plan", plan, "--yes", "--reason", "drill", limit=180)
    drill.run, cured = drill.newest_run(), time.time()
    drill.story.until(lambda: not drill.backlog(cured), "the backlog of mx1 drains", within=PATIENCE_S)
    drill.senders.pop("peak").stop()
    since, gone = drill.spans()[1:]
    drill.story.say(f"new mail flowed {since or 0:.1f} s after the run began, the backlog was gone after {gone:.1f} s")


def undo_is_refused(drill: Playing) -> None:
    """The undo is refused: spamd still hangs."""
    during = drill.configuration()
    drill.expect({6}, "rollback", "--yes", limit=60)
    if drill.configuration() != during:
        drill.failures.append("a rollback that was refused changed a configuration")
    drill.story.say("refused, as it must be while spamd hangs; mail still flows past it")


def heals(drill: Playing) -> None:
    drill.lab.heal(INCIDENT)
    drill.story.say("spamd goes on; it first works off what had waited in its socket", mark="heal")


def is_put_back(drill: Playing) -> None:
    """Refused again while the filter is slow to come back, as it may be on a busy machine."""
    for tries_left in reversed(range(5)):
        drill.story.until(drill.filter_answers, "the spam filter of mx1 answers again", within=PATIENCE_S)
        if drill.expect({0, 6} if tries_left else {0}, "rollback", "--yes", limit=60)[0] == 0:
            break
    drill.restored = drill.configuration() == drill.before
    told = "byte for byte as before" if drill.restored else "NOT as before"
    drill.story.say(f"main.cf and master.cf read {told} (sha256, mode, owner)", mark="undone")


def flows_again(drill: Playing) -> None:
    drill.until_scanned("mx1", SEEN_FLOWING, since=time.time())
    drill.story.say("new mail to mx1 is scanned again")


def hold(drill: Playing) -> None:
    """The newest waiting letters: all delivery slots hang with older ones, so none of these is being delivered."""
    waiting = queues.names(drill.lab, "mx1")
    stuck = [x for x in drill.books().accepted if x.host == "mx1" and x.queue_id in waiting][-HELD:]
    drill.held = {str(x.queue_id): x.sent.seq for x in stuck}
    drill.lab.run("mx1", ["postsuper", "-h", "-"], input="".join(f"{i}\n" for i in drill.held), timeout=20)
    if missing := set(drill.held) - queues.names(drill.lab, "mx1", "hold"):
        raise StepFailed(f"postsuper -h did not hold {', '.join(missing)}", try_="read /var/log/mail.log of mx1")
