"""The reading verbs of the simulated `failover-host`: no lock, no epoch, nothing changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from failover.ports import Rc
from failover.world import debts
from failover.world.machine import CORES, DISK_BYTES, HOLD, Machine, Rows, Verb, refused
from failover.world.postfix import HANDLE_S, MAIN, MASTER, SCAN_S, Daemon, Mail, Queue, passes_through

Args = Mapping[str, str]
Setting = tuple[str, str, str, str]
"""FILE, KEY, BEFORE, AFTER."""


def look(m: Machine, args: Args) -> Verb:
    patience = float(args.get("patience", "5"))
    waits = max(0.0, m.postfix.all_scan_until() - m.timeline.now)
    scan, banner = waits + _takes(m, m.postfix.scan_s, 0.04), _takes(m, m.postfix.handle_s, 0.012)
    slow = args.get("spam", "none") != "none" and m.postfix.spamd is not Daemon.OK
    longest = max(scan if args.get("scan") == "yes" else waits, banner if args.get("handler") else 0.0)
    hung = slow or longest > patience or (args.get("handler") and m.postfix.handler is Daemon.HUNG)
    yield m.hesitates + (patience + 0.5 if hung else max(0.3, longest))
    rows: Rows = [("now", f"{m.time:.3f}"), *_queues(m)]
    if args.get("filters") == "yes":
        rows += [("filter", t, "") for t in transports(m)]
        rows += [_frozen(m, t) for t in _watched(m)]
    if args.get("waited"):
        rows += _waited(m, float(args["waited"]))
    if args.get("spam", "none") != "none":
        rows.append(("spam.ping", *_ping(m, patience, waits)))
        if args.get("scan") == "yes":
            rows.append(("spam.scan", *_scan(m, patience, scan)))
    if args.get("handler"):
        rows.append(("handler", *_handler(m, patience, banner)))
    if args.get("container"):
        ended = m.postfix.handler is Daemon.DOWN
        rows.append(
            ("container", "exited" if ended else "running", "812", "2020-08-11T06:00:00Z", "0", "false", "0", "-")
        )
    if args.get("log"):
        rows += _log(m, args.get("log_from", ""))
    rows += [("peer", a, *m.see_peer(a)) for a in args.get("peers", "").split(",") if a]
    command, percent = m.busiest
    rows += [("load", f"{m.load:.2f}", str(CORES)), ("top", f"{percent:g}", command, "812")]
    free = f"{DISK_BYTES * m.disk_free / 100:.0f}"
    rows.append(("disk", f"{m.disk_free:g}", free, "/var/spool/postfix"))
    rows.append(("inodes", f"{m.inodes_free:g}", "/var/spool/postfix"))
    rows += debts.rows(m) if args.get("debts") != "no" else []
    rows.append(("postfix", "running" if m.postfix.running else "stopped"))
    return Rc.OK, rows


LINE = 1_000_000
"""Bytes of the simulated log per accepted message, and one byte per removed message: an offset has both counts."""


def _log(m: Machine, log_from: str) -> Iterator[tuple[str, ...]]:
    end = m.postfix.accepted * LINE + m.postfix.removed
    yield "log", "812", str(end)
    inode, _, offset = log_from.partition(":")
    if inode == "812" and int(offset) <= end:
        accepted, removed = divmod(int(offset), LINE)
        counts = (m.postfix.accepted - accepted, m.postfix.removed - removed)
        yield ("traffic", *(str(n) for n in counts), offset, str(end))
        yield "master", "counted"
        if not m.postfix.qmgr:
            yield "master", "dying", "qmgr", "1", "bad numerical configuration"
        if m.crowded:
            yield "master", "limit", "smtp", "1"


def _takes(m: Machine, span: tuple[float, float], usual: float) -> float:
    """The time of a look at a service; random only if something slows it down."""
    return usual if span in (SCAN_S, HANDLE_S) else m.rng.uniform(*span)


def _queues(m: Machine) -> Iterator[tuple[str, ...]]:
    for q in Queue:
        yield "queue", q.value, str(len(m.postfix.of(q)))
    waiting = [x for x in _opened(m) if x.queue is not Queue.DEFERRED]
    yield "oldest", str(_oldest(m, waiting)), *_part(m)


def _frozen(m: Machine, transport: str) -> tuple[str, ...]:
    found = [x for x in _opened(m) if x.filter == transport]
    return "frozen", transport, str(len(found)), str(_oldest(m, found)), *_part(m)


def _opened(m: Machine) -> list[Mail]:
    """The first `heads` of the waiting mail; in the worst case, a filter's mail is last in each queue."""
    waiting = [*m.postfix.of(Queue.INCOMING, Queue.ACTIVE), *m.postfix.of(Queue.DEFERRED)]
    if len(waiting) <= m.heads:
        return waiting
    watched = _watched(m)
    return sorted(waiting, key=lambda x: (x.queue is Queue.DEFERRED, x.filter in watched))[: m.heads]


def _part(m: Machine) -> tuple[str, str]:
    """EXAMINED TOTAL."""
    total = len(m.postfix.of(Queue.INCOMING, Queue.ACTIVE, Queue.DEFERRED))
    return str(min(m.heads, total)), str(total)


def _waited(m: Machine, seconds: float) -> Iterator[tuple[str, ...]]:
    """The waiting mail that is at least so many seconds old."""
    opened, watched = _opened(m), _watched(m)
    frozen_ = [x for x in opened if x.filter in watched]
    deferred_ = [x for x in opened if x.queue is Queue.DEFERRED]
    pending = [x for x in opened if x.queue is not Queue.DEFERRED]
    for which, found in (("pending", pending), ("deferred", deferred_), ("frozen", frozen_)):
        yield "waited", which, str(sum(m.postfix.clock - x.arrived >= seconds for x in found)), *_part(m)


def queue(m: Machine, args: Args) -> Verb:
    """The listing for people; it is read whole."""
    kind, _, value = args.get("what", "").partition("=")
    if kind not in {"", "sender", "recipient"}:
        return refused(f"not a value for what: {args['what']}", Rc.USAGE)
    yield 0.5
    mails = sorted(m.postfix.of(*Queue), key=lambda x: x.arrived)
    found = [x for x in mails if not kind or value in ((x.sender,) if kind == "sender" else x.to)]
    rows: Rows = [("now", f"{m.time:.0f}"), *_queues(m), ("queue", "corrupt", "0")]
    rows += [("filter", t, "") for t in transports(m)] + [_frozen(m, t) for t in _watched(m)]
    rows += [("old", *_listed(m, x)) for x in found[:50]] + [("message", *_listed(m, x)) for x in found[:4000]]
    return Rc.OK, [*rows, ("listed", str(len(found)), str(len(mails)), "yes")]


def _listed(m: Machine, mail: Mail) -> tuple[str, ...]:
    """QUEUE ID ARRIVAL BYTES RECIPIENTS SENDER RECIPIENT REASON."""
    arrival = m.time - (m.postfix.clock - mail.arrived)
    reason = "delivery temporarily suspended: it was put off" if mail.queue is Queue.DEFERRED else ""
    numbers = (f"{arrival:.0f}", "1000", str(len(mail.to)))
    return mail.queue.value, f"{mail.id:X}", *numbers, mail.sender, mail.to[0], reason


def oldest(m: Machine, transport: str) -> int:
    return _oldest(m, m.postfix.frozen_mail(transport))


def _oldest(m: Machine, mails: Iterable[Mail]) -> int:
    """By the host's clock: below 0 if it was set back."""
    return int(max((m.postfix.clock - x.arrived for x in mails), default=0))


def transports(m: Machine) -> tuple[str, ...]:
    """Every filter that is set somewhere in the files."""
    return tuple(dict.fromkeys(v for _, v in places(m) if v))


def _watched(m: Machine) -> tuple[str, ...]:
    """Filters that are set, and deferred transports, where a cleared filter's mail waits."""
    return tuple(sorted({*transports(m), *deferred(m)}))


def deferred(m: Machine) -> list[str]:
    return m.files[MAIN].get("defer_transports", "").replace(",", " ").split()


def _ping(m: Machine, patience: float, waits: float = 0.0) -> tuple[str, str, str]:
    match m.postfix.spamd:
        case Daemon.OK | Daemon.SLOW if waits > patience:
            return "timeout", str(int(patience * 1000)), f"no answer in {patience:g} s"
        case Daemon.HUNG:
            return "timeout", str(int(patience * 1000)), f"no answer in {patience:g} s"
        case Daemon.DOWN:
            return "refused", "0", "connection refused"
        case _:
            return "ok", str(4 + int(waits * 1000)), "SPAMD/1.5 0 PONG"


def _scan(m: Machine, patience: float, takes: float) -> tuple[str, str, str]:
    if m.postfix.spamd is Daemon.SLOW or (m.postfix.spamd is Daemon.OK and takes > patience):
        return "timeout", str(int(patience * 1000)), f"no answer in {patience:g} s"
    done = ("ok", str(int(takes * 1000)), "SPAMD/1.1 0 EX_OK")
    return done if m.postfix.spamd is Daemon.OK else _ping(m, patience)


def _handler(m: Machine, patience: float, takes: float) -> tuple[str, str, str]:
    if m.postfix.handler is Daemon.DOWN:
        return "refused", "0", ""
    if m.postfix.handler is Daemon.HUNG or takes > patience:
        return "timeout", str(int(patience * 1000)), ""
    return "ok", str(int(takes * 1000)), "220 mx Python SMTP 1.4.6"


# How the filter is wired --------------------------------------------------------


def places(m: Machine) -> tuple[tuple[str, str], ...]:
    """PLACE, VALUE for everywhere that content_filter is set, also where it is set empty."""
    found = [("main", m.files[MAIN]["content_filter"])] if "content_filter" in m.files[MAIN] else []
    suffix = "/content_filter"
    found += [(k.removesuffix(suffix), v) for k, v in sorted(m.files[MASTER].items()) if k.endswith(suffix)]
    return tuple(found)


def filter_read(m: Machine, args: Args) -> Verb:
    yield 0.2
    rows: Rows = [("wiring", "content_filter" if transports(m) else "none")]
    rows += [("place", place, value) for place, value in places(m)]
    wanted = (args["filter"],) if args.get("filter") else transports(m)
    rows += [("milters", ""), *(("filter", name, "") for name in wanted), ("pickup", pickup_filter(m))]
    rows += [("bcc", "always_bcc", bcc) for bcc in [m.files[MAIN].get("always_bcc")] if bcc]
    rows += [("digest", f, m.digest(f)) for f in (MAIN, MASTER)]
    return Rc.OK, rows + (_of_one(m, wanted[0]) if len(wanted) == 1 else [])


def _of_one(m: Machine, name: str) -> Rows:
    entry = m.files[MASTER].get(f"{name}/unix")
    rows: Rows = []
    if entry is not None:
        command = "sendmail" if passes_through(entry) else "spamc" if " pipe " in entry else ""
        kind = "pipe" if command else "other"
        rows += [("service", f"{name}/unix", entry), ("kind", kind), ("command", command)]
    for lever in ("pass", "clear"):
        no = lever_refusal(m, lever, name)
        rows.append(("lever", lever, "no", no) if no else ("lever", lever, "ok"))
        if not no:
            rows += [("setting", lever, *s) for s in lever_settings(m, lever, name)]
    return rows


def pickup_filter(m: Machine) -> str:
    """The filter of mail that comes by pickup, by the files."""
    override = m.files[MASTER].get("pickup/unix/content_filter")
    return override if override is not None else m.files[MAIN].get("content_filter", "")


def again_in_cleanup(m: Machine) -> str | None:
    """A setting that a second cleanup would apply again."""
    return next((key for key in ("always_bcc", "virtual_alias_maps") if m.files[MAIN].get(key)), None)


def lever_refusal(m: Machine, lever: str, name: str) -> str | None:
    if f"{name}/unix" not in m.files[MASTER]:
        return f"master.cf has no service {name}/unix"
    if name not in transports(m):
        return f"{name} is not in use as a filter here"
    if lever == "clear" and (twice := again_in_cleanup(m)):
        return f"what waits would go through cleanup once more, and {twice} would be applied again"
    if lever == "pass" and " pipe " not in m.files[MASTER][f"{name}/unix"]:
        return f"{name}/unix is neither pipe nor smtp nor lmtp"
    if lever == "pass" and pickup_filter(m) == name:
        return f"mail that sendmail hands back would meet {name} again"
    return None


def lever_settings(m: Machine, lever: str, name: str) -> tuple[Setting, ...]:
    """All settings of the lever, with `before` as it reads now."""
    return _pass_settings(m, name) if lever == "pass" else _clear_settings(m, name)


def _pass_settings(m: Machine, name: str) -> tuple[Setting, ...]:
    key = f"{name}/unix"
    entry = m.files[MASTER][key]
    head, argv = entry.split(" argv=", 1)
    again = argv.split(" -e ", 1)[1] if " -e " in argv else "/usr/sbin/sendmail -oi -f ${sender} -- ${recipient}"
    after = entry if passes_through(entry) else f"{head} argv={again}"
    return ((MASTER, key, f"={entry}", f"={after}"),)


def _clear_settings(m: Machine, name: str) -> tuple[Setting, ...]:
    found = [(MAIN, "content_filter") if p == "main" else (MASTER, f"{p}/content_filter") for p, v in places(m) if v]
    more = " ".join(dict.fromkeys((*deferred(m), name)))
    return (
        *((f, k, m.read(f, k), "=") for f, k in found),
        (MAIN, "defer_transports", m.read(MAIN, "defer_transports"), f"={more}"),
    )


# Small ones ---------------------------------------------------------------------


def hello(m: Machine, args: Args) -> Verb:
    yield 0.02
    return Rc.OK, [("version", "1"), ("epoch", str(m.epoch)), ("now", f"{m.time:.0f}"), ("boot", f"b{m.boots}")]


def settings(m: Machine, args: Args) -> Verb:
    yield 0.05
    wanted = [v.split(":", 1) for k, v in args.items() if k.startswith("s") and k[1:].isdigit()]
    if any(f not in {*m.files, HOLD} for f, _ in wanted):
        return refused("settings are named FILE:KEY", Rc.USAGE)
    rows: Rows = [("setting", f, k, m.read(f, k)) for f, k in wanted]
    return Rc.OK, rows + [("digest", f, m.digest(f)) for f in (MAIN, MASTER)]


def frozen(m: Machine, args: Args) -> Verb:
    yield 0.2
    name = args["filter"]
    return Rc.OK, [("frozen", name, str(len(m.postfix.frozen_mail(name))), str(oldest(m, name)), "2")]


def result(m: Machine, args: Args) -> Verb:
    yield 0.02
    return Rc.OK, result_rows(m, args)


def result_rows(m: Machine, args: Args) -> Rows:
    found = m.results.get((args["run"], args["step"], args["attempt"]))
    if found is None or found.settled:
        return [("result", "absent", "0")]
    if found.rc is None:
        return [("result", "running" if found.by and found.by.alive else "died", str(Rc.FAILED))]
    words = {Rc.OK: "done", Rc.FAILED: "failed"}
    return [("result", words.get(found.rc, "refused"), str(found.rc)), *(("was", *r) for r in found.rows)]


VERBS: Mapping[str, Callable[[Machine, Args], Verb]] = {
    "hello": hello,
    "look": look,
    "filter-read": filter_read,
    "settings": settings,
    "frozen": frozen,
    "queue": queue,
    "result": result,
}
