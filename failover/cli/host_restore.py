"""`failover host restore`: undo our changes with the host's own memory; it needs no records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from failover.cli import wiring
from failover.cli.options import Options
from failover.errors import Changed, FailoverError, OutcomeUnknown, Refused, StaleEpoch, StepFailed
from failover.ports import Rc, Reply
from failover.signals import debts

if TYPE_CHECKING:
    from failover.core.fleet import Fleet, Host
    from failover.core.runs.journal import Did
    from failover.ports import Remote
    from failover.signals.debts import Debt, Owed

LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Back:
    """A restore to do: `verb` of failover-host, with an epoch above every one seen there."""

    host: Host
    run: str
    step: str
    verb: str
    epoch: int
    seen: int
    held: tuple[Debt, ...] = ()
    unloaded: tuple[Debt, ...] = ()
    in_force: tuple[Debt, ...] = ()
    changes: tuple[tuple[str, ...], ...] = ()

    @property
    def of_filter(self) -> bool:
        """Whether it puts a filter back into the path; letting mail go does not."""
        return bool(self.unloaded) or any(row[0] != "hold" for row in self.changes)

    @property
    def diff(self) -> tuple[str, ...]:
        from failover.actions.setting import diff

        return tuple(line for file, key, now, before, _ in self.changes for line in diff(f"{file} {key}", now, before))


def plan(remote: Remote, host: Host, run: str, step: str) -> Back:
    """Raises OutcomeUnknown (the host does not tell), Refused (nothing is owed there), Changed (drift)."""
    from failover.core.hidden import hidden

    told = debts.ask(remote, host, run, step)
    owed = [d for d in _of(host, told) if (d.run, d.step) == (run, step)]
    held, unloaded, in_force = (tuple(d for d in owed if d.kind == kind) for kind in ("held", "unloaded", "force"))
    if not told.changes and not owed:
        raise Refused(
            f"{host.name} has nothing of run {run}, step {step} to put back, and holds no mail of it; "
            "nothing was changed",
            try_=f"failover host restore {host.name} lists what there is",
        )
    for file, key, now, before, after in told.changes:
        if now not in {before, after}:
            raise Changed(
                f"{host.name}: {file} {key} reads {hidden(now)[1:] or '(empty)'}, neither as we set it nor as it was "
                "before: somebody edited it; nothing was changed",
                try_=f"on {host.name}: see saved/{run},{step}/before under /var/lib/failover-host, and edit by hand",
            )
    changes = tuple(row for row in told.changes if row[2] != row[3])
    verb = "restore" if changes or in_force else "release"
    epoch = max(int(wiring.clock().now().timestamp()), told.epoch + 1)
    return Back(host, run, step, verb, epoch, told.epoch, held, unloaded, in_force, changes)


def listing(remote: Remote, host: Host) -> tuple[Debt, ...]:
    """Raises OutcomeUnknown."""
    return _of(host, debts.ask(remote, host))


def _of(host: Host, told: Owed) -> tuple[Debt, ...]:
    if told.debts is None:
        raise OutcomeUnknown(
            f"{host.name} does not say what it owes: {told.why}", try_=f"failover host status {host.name}"
        )
    return told.debts


def guard(fleet: Fleet, remote: Remote, host: Host) -> str:
    """Law 1: why the filter must not go back into the path yet; empty when it answers and scans."""
    from failover.core.observe.signal import Outcome, latest, worst
    from failover.signals.look import look

    wanted = frozenset({"spam.ping", "spam.scan"})
    seen = look(fleet, hosts=[host.name], wanted=wanted, remote=remote, smtp=wiring.smtp(), clock=wiring.clock())
    found = {name: worst(latest(seen, host.name, name)) for name in sorted(wanted)}
    bad = [
        f"{n}: {s.reason if s else 'not known'}" for n, s in found.items() if s is None or s.outcome is not Outcome.OK
    ]
    return "; ".join(bad)


def lines(back: Back, although: str) -> Iterator[str]:
    yield f"restore on {back.host.name}, from what the host kept of run {back.run}, step {back.step}:"
    yield from (f"  {line}" for line in back.diff)
    yield from (f"  let go: {d.says}" for d in back.held)
    yield from (f"  load: {d.says}" for d in back.unloaded)
    if back.in_force and not back.changes:
        yield "  load: its files read as before, and Postfix has not loaded them"
    yield f"  epoch {back.epoch}, above {back.seen}, the highest seen there: a run at work there is refused then"
    if although:
        yield f"  although: {although} (whether the filter answers is not asked)"


def act(remote: Remote, back: Back) -> dict[str, Any]:
    """The host is read afterwards: that decides. Raises StepFailed, StaleEpoch, Changed, Refused, OutcomeUnknown."""
    keys = {"run": back.run, "step": back.step, "attempt": f"host-{back.epoch}", "epoch": str(back.epoch)}
    of = {"of_run": back.run, "of_step": back.step, "config_dir": _config_dir(back)} if back.verb == "restore" else {}
    reply = remote.call(back.host, back.verb, {**keys, **of}, limit_s=LIMIT_S)
    _fine(back.host, reply)
    if back.held and back.verb == "restore":  # only this verb lets go mail that may be ours
        again = {**keys, "attempt": f"{keys['attempt']}-held"}
        _fine(back.host, remote.call(back.host, "release", again, limit_s=LIMIT_S))
    left = [d for d in listing(remote, back.host) if (d.run, d.step) == (back.run, back.step)]
    if left:
        raise StepFailed(f"{back.host.name}: still {'; '.join(d.says for d in left)}", try_="see the mail log there")
    return {
        "host": back.host.name,
        "run": back.run,
        "step": back.step,
        "epoch": back.epoch,
        "restored": {row[0]: row[1] for row in reply.all("restored") if len(row) == 2},
        "diff": list(back.diff),
        "released": sum(d.messages or 0 for d in back.held),
        "notes": [" ".join(row) for row in reply.all("note")],
    }


def _config_dir(back: Back) -> str:
    return back.host.postfix.config_dir


def _fine(host: Host, reply: Reply) -> None:
    said = f"{host.name}: {reply.because}; {_nothing_but(reply)}"
    match reply.rc:
        case Rc.OK:
            return
        case Rc.CHANGED:
            raise Changed(said, try_="look at what was edited, then try again")
        case Rc.STALE:
            raise StaleEpoch(said, try_="the same command again takes a newer epoch")
        case Rc.BUSY | Rc.USAGE | Rc.NOT_PERMITTED | Rc.REFUSED:
            raise Refused(said, try_=f"failover host status {host.name}")
        case _:
            raise StepFailed(f"{host.name}: {reply.because}", try_="look at the host, then the same command again")


def _nothing_but(reply: Reply) -> str:
    """The effect of an act that was refused: each act first frees mail that we hold."""
    freed = [f"{row[0]} messages on hold were let go" for row in reply.all("freed")]
    freed += [f"Postfix ({row[0]}) took up what was in its files" for row in reply.all("loaded")]
    return f"{' and '.join(freed)}, nothing else was changed" if freed else "nothing was changed"


def recorded(opts: Options, fleet: Fleet, back: Back, although: str) -> bool:
    """Record an event, if there are records that know the run; none are made for this."""
    from failover.adapters.store_guest import guest
    from failover.core.runs.journal import fold
    from failover.runs.service import whoami

    try:
        with guest(opts.state_url or fleet.state) as there:
            known = there.run(back.run) if there is not None else None
        if known is None:
            return False
        store = wiring.store(opts, fleet)
        view = fold(known.plan, store.events(known.id))
        step = back.step if back.step in view.steps else None
        kind, data = _event(back, although, owed=step is not None and view.steps[step].owed)
        store.note(known.id, kind, step, data | {"by": whoami()}, at=wiring.clock().now())
    except FailoverError:
        return False
    return True


def _event(back: Back, although: str, *, owed: bool) -> tuple[Did, dict[str, Any]]:
    """Only settings that were put back end the step. After held mail alone, the step goes on and re-queues the rest."""
    from failover.core.runs.journal import Did

    if back.verb == "release" and not back.unloaded:
        return Did.NOTE, {"reason": f"mail on hold let go on {back.host.name} from the host alone"}
    reason = f"put back on {back.host.name} from the host alone" + (f", although: {although}" if although else "")
    return (Did.RESOLVED if owed else Did.NOTE), {"choice": "keep", "reason": reason}
