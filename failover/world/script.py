"""The simulated `failover-host`: the same verbs, codes, lock, epochs and result files as the script on real hosts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Generator, Mapping

from failover.ports import Rc
from failover.world import debts, holds, looks, restarts
from failover.world.looks import Setting, again_in_cleanup, lever_refusal, lever_settings, pickup_filter
from failover.world.machine import Machine, Mark, Process, Result, Rows, Saved, Verb, refused
from failover.world.postfix import MAIN, MASTER

Args = Mapping[str, str]
LOCK_WAIT = 10.0
_STILL_AT_WORK = refused("still at work here", Rc.BUSY)
_SAFE = re.compile(r"[A-Za-z0-9._:/,@=+\[\]-]*")


def process(machine: Machine, verb: str, args: Args) -> Process:
    """A process on that host, not yet started; it exists before its work, since the lock names its holder."""
    p = Process(verb, _say((Rc.OK, [])), machine)
    p.work = _work(p, verb, args)
    return p


def _work(p: Process, verb: str, args: Args) -> Verb:
    if wrong := _usage(verb, args):
        return _say(refused(wrong, Rc.USAGE))
    if verb in _READS:
        return _READS[verb](p.machine, args)
    return _SETTLING[verb](p, args) if verb in _SETTLING else _acting(p, _ACTS[verb], args)


def _usage(verb: str, args: Args) -> str | None:
    """The error of a request; the real script refuses the same, before it reads anything."""
    if verb not in _KEYS:
        return f"no such verb: {verb}"
    must, may = _KEYS[verb]
    if bad := [k for k, v in args.items() if not _SAFE.fullmatch(v)]:
        return f"not a value for {bad[0]}"
    if odd := [k for k in args if k not in {*must, *may, "limit"} and not (verb == "settings" and k[1:].isdigit())]:
        return f"{verb} knows no key {odd[0]}"
    lacking = [k for k in must if not args.get(k)]
    return f"{verb} needs {lacking[0]}" if lacking else None


def _say(what: tuple[int, Rows]) -> Verb:
    yield 0.01
    return what


# The frame of every acting verb -------------------------------------------------


def _acting(p: Process, act: Callable[[Machine, Args], Verb], args: Args) -> Verb:
    """Lock, epoch, an earlier result, `running`, act, result: in this order, each durable before the next."""
    m = p.machine
    yield 0.02
    if not (yield from _lock(p, float(args["limit"]))):
        return refused("another failover-host is at work here", Rc.BUSY)
    no, freed = _owes_less(m, args)
    if no:
        return no
    key = (args["run"], args["step"], args["attempt"])
    if earlier := m.results.get(key):
        p.unlock()
        return _again(earlier)
    if m.full:
        return Rc.REFUSED, [*freed, ("because", "no room for what an act writes")]
    m.results[key] = Result(p)
    yield 0.02
    rc, rows = yield from act(m, args)
    rc = rc if rc in {Rc.OK, Rc.CHANGED, Rc.REFUSED} else Rc.FAILED
    m.results[key] = Result(p, rc, rows)
    p.unlock()
    yield 0.01
    return rc, [*freed, *rows]


def _again(earlier: Result) -> tuple[int, Rows]:
    """The stored answer; a done act is never repeated."""
    if earlier.settled:
        return refused("it was settled before this request arrived", Rc.STALE)
    if earlier.rc is None:
        return refused("it was begun before and ended without a result", Rc.FAILED)
    return earlier.rc, earlier.rows


def _lock(p: Process, patience: float) -> Generator[float, None, bool]:
    until = p.machine.timeline.now + min(patience, LOCK_WAIT)
    while p.machine.locked_by is not None:
        if p.machine.timeline.now >= until:
            return False
        yield 0.1
    p.machine.locked_by = p
    return True


def _no_epoch(m: Machine, args: Args) -> tuple[int, Rows] | None:
    """A newer controller has been here: refused."""
    epoch = int(args["epoch"])
    if epoch >= m.epoch:
        return None
    return Rc.STALE, [("seen", str(m.epoch)), ("because", f"epoch {epoch} is stale, this host has seen {m.epoch}")]


def _remembered(m: Machine, args: Args) -> bool:
    if int(args["epoch"]) > m.epoch and m.full:
        return False
    m.epoch = int(args["epoch"])
    return True


def _owes_less(m: Machine, args: Args) -> tuple[tuple[int, Rows] | None, Rows]:
    """First free our debts, and tell; then record a newer epoch."""
    if no := _no_epoch(m, args):
        return no, []
    told = debts.discharge(m).rows
    if _remembered(m, args):
        return None, told
    return (Rc.REFUSED, [*told, ("because", "cannot write the epoch")]), told


def _release(p: Process, args: Args) -> Verb:
    """It needs no room and no result: a repeat does no harm."""
    m = p.machine
    yield 0.02
    if not (yield from _lock(p, float(args["limit"]))):
        return _STILL_AT_WORK
    if no := _no_epoch(m, args):
        return no
    yield 0.05
    freed = debts.discharge(m)
    told: Rows = [*freed.loaded_rows, ("released", str(freed.released))]
    if not _remembered(m, args):
        told.append(("note", f"epoch {args['epoch']} cannot be written"))
    p.unlock()
    if not freed.owing:
        return Rc.OK, told
    held = [r for r in debts.rows(m) if r[1] == "held"]
    return Rc.FAILED, [*told, *held, ("because", "mail on hold cannot be released")]


def _settle(p: Process, args: Args) -> Verb:
    yield 0.02
    if not (yield from _lock(p, float(args["limit"]))):
        return _STILL_AT_WORK
    no, freed = _owes_less(p.machine, args)
    if no:
        return no
    key = (args["run"], args["step"], args["attempt"])
    if key not in p.machine.results:
        if p.machine.full:
            return Rc.REFUSED, [*freed, ("because", "cannot write the result")]
        p.machine.results[key] = Result(settled=True)
    p.unlock()
    return Rc.OK, [*freed, *looks.result_rows(p.machine, args)]


def _epoch_set(p: Process, args: Args) -> Verb:
    yield 0.02
    if not (yield from _lock(p, float(args["limit"]))):
        return _STILL_AT_WORK
    if int(args["from"]) != p.machine.epoch:
        return refused(f"the highest epoch here is {p.machine.epoch}", Rc.CHANGED)
    p.machine.epoch = int(args["to"])
    return Rc.OK, [("epoch", args["to"])]


# Acts ---------------------------------------------------------------------------


def _bypass(m: Machine, args: Args) -> Verb:
    """Save, change, check, reload, end what hangs: after a kill at any moment the saved state is there."""
    name, lever = args["filter"], args["lever"]
    if not m.postfix.takes_mail:
        return refused("Postfix is not running")
    if no := lever_refusal(m, lever, name):
        return refused(no)
    wanted = lever_settings(m, lever, name)
    if expected(wanted) != args["expect"]:
        return refused("the settings are not as they were read", Rc.CHANGED)
    saved = m.saved[args["run"], args["step"]] = Saved(m.snapshot(), wanted, m.time)
    m.mark = Mark(args["run"], args["step"], m.time, m.postfix.loaded)
    yield 0.02
    for file, key, _, after in wanted:
        m.write(file, key, after)
        yield 0.03
    if m.check_says:
        for file, key, before, _ in wanted:
            m.write(file, key, before)
        saved.undone, m.mark = True, None
        return refused(f"postfix check: {m.check_says}; put back", Rc.FAILED)
    yield 0.1
    saved.digests = {f: m.digest(f) for f in (MAIN, MASTER)}
    m.postfix.reload()
    m.mark = None
    yield 0.1
    spamc = "/spamc " in saved.files[MASTER][f"{name}/unix"]  # only a lone spamc surely has handed nothing over
    ended, left = m.postfix.end_scans() if spamc else (0, sum(bool(x.doing) for x in m.postfix.frozen_mail(name)))
    if lever == "pass" and ended:
        m.postfix.flush()
    yield 0.1
    rows: Rows = [("setting", *s) for s in wanted]
    rows += [("digest", f, d) for f, d in saved.digests.items()]
    return Rc.OK, [*rows, ("ended", str(ended)), ("left", str(left))]


def expected(settings: tuple[Setting, ...]) -> str:
    text = "".join(f"{file}\t{key}\t{before}\n" for file, key, before, _ in settings)
    return hashlib.sha256(text.encode()).hexdigest()


def _restore(m: Machine, args: Args) -> Verb:
    """Put the bytes back if nobody else wrote; else only our settings; nothing if somebody edited ours."""
    saved = m.saved.get((args["of_run"], args["of_step"]))
    if saved is None:
        return refused("nothing was saved under that name")
    if saved.held:
        return (yield from holds.let_go(m, saved))
    if saved.undone or saved.digests != {f: m.digest(f) for f in (MAIN, MASTER)}:
        last = 3 if saved.undone else 4
        conflicts = [s for s in saved.settings if m.read(s[0], s[1]) not in s[2:last]]
        if conflicts:
            rows: Rows = [("conflict", f, k, m.read(f, k), after) for f, k, _, after in conflicts]
            return Rc.CHANGED, [*rows, ("because", "somebody else changed our setting")]
    m.mark = Mark(args["of_run"], args["of_step"], m.time, m.postfix.loaded)
    yield 0.02
    rows = []
    for file in (MAIN, MASTER):
        ours = [s for s in saved.settings if s[0] == file]
        if saved.digests.get(file) == m.digest(file):
            how = "bytes" if saved.files[file] != m.files[file] else "nothing"
            m.files[file].clear()
            m.files[file].update(saved.files[file])
        else:
            how = "settings" if ours else "nothing"
            for _, key, before, _ in ours:
                m.write(file, key, before)
        yield 0.03
        rows += [("restored", file, how), ("digest", file, m.digest(file))]
    yield 0.1
    m.postfix.reload()
    saved.undone, m.mark = True, None
    yield 0.1
    return Rc.OK, rows


def _requeue(m: Machine, args: Args) -> Verb:
    """Only frozen mail, not while it is delivered, never mail that others hold; until two whole passes find none."""
    key = (args["run"], args["step"], args["attempt"])
    name, batch = args["filter"], int(args.get("batch", "200"))
    until = m.timeline.now + max(1.0, float(args["limit"]) - 2)
    if pickup_filter(m):
        return refused(f"requeued mail would meet {pickup_filter(m)} again at pickup")
    if twice := again_in_cleanup(m):
        return refused(f"requeued mail goes through cleanup again, and {twice} would be applied again")
    done = passes = empty = 0
    while empty < 2 and m.timeline.now < until:
        passes += 1
        free = [x for x in m.postfix.frozen_mail(name) if not x.doing][:batch]
        yield from debts.hold(m, key, free)
        done += sum(m.postfix.requeue(x) for x in debts.on_hold(m, key))
        empty = 0 if free else empty + 1
        yield 0.1
        m.postfix.pickup()
        debts.discharge(m)
    left = m.postfix.frozen_mail(name)
    held = sum(bool(x.doing) for x in left)
    counts = {"requeued": done, "left": len(left), "passes": passes, "held": held, "sessions": 0}
    return Rc.OK, [(k, str(n)) for k, n in counts.items()]


def _flush(m: Machine, args: Args) -> Verb:
    yield 0.05
    return Rc.OK, [("flushed", str(m.postfix.flush()))]


_ACTS: Mapping[str, Callable[[Machine, Args], Verb]] = {
    "bypass": _bypass,
    "hold": holds.hold,
    "restore": _restore,
    "requeue": _requeue,
    "flush": _flush,
    "restart": restarts.restart,
}
_READS: Mapping[str, Callable[[Machine, Args], Verb]] = {**looks.VERBS, "debts": debts.debts, "unit": restarts.unit}
_SETTLING: Mapping[str, Callable[[Process, Args], Verb]] = {
    "settle": _settle,
    "release": _release,
    "epoch-set": _epoch_set,
}

_LOOK = "config_dir spam spam_address scan top debts handler container peers filters patience log log_from waited"
_OWN = ("run", "step", "attempt", "epoch", "limit")
_KEYS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "hello": ((), ()),
    "look": ((), tuple(_LOOK.split())),
    "unit": (("kind", "name"), ("config_dir", "patience")),
    "filter-read": ((), ("config_dir", "filter")),
    "settings": ((), ("config_dir",)),
    "frozen": (("filter",), ("config_dir",)),
    "queue": ((), ("config_dir", "what")),
    "result": (("run", "step", "attempt"), ()),
    "bypass": ((*_OWN, "filter", "lever", "expect"), ("config_dir",)),
    "hold": ((*_OWN, "what"), ("config_dir",)),
    "restore": ((*_OWN, "of_run", "of_step"), ("config_dir",)),
    "requeue": ((*_OWN, "filter"), ("config_dir", "batch")),
    "restart": ((*_OWN, "kind", "name", "answers"), ("config_dir", "speaks", "grace")),
    "flush": (_OWN, ("config_dir",)),
    "settle": (_OWN, ("config_dir",)),
    "release": (_OWN, ("config_dir",)),
    "debts": ((), ("of_run", "of_step")),
    "epoch-set": (("to", "from"), ("reason",)),
}
"""Required and allowed arguments of each verb, as in `dispatch` of the real script."""
