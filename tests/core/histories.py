"""Random situations, written as the tables of tests/cases write them: what falsifies a law reads as a case to add.

Each is one in which something would be done, with up to four things changed, so that most of them are near an edge.
Half of the fleets are of three hosts, and as many have two domains.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from hypothesis import strategies as st

Case = dict[str, Any]

HUNG = {"spam.ping": "fail:timeout", "spam.scan": "fail:timeout", "queue.frozen": "fail:412@190s"}
ENDED = {"handler.banner": "fail:refused", "container.state": "fail:exited"}
FROZEN = {"smtp.banner": "fail:timeout", "smtp.dialogue": "fail:timeout", "smtp.peer": "fail:timeout"}
DOWN = {**FROZEN, "ssh.reach": "fail:timeout"}
SPLIT = {**DOWN, "smtp.peer from mx3": "ok", "smtp.peer from far": "ok"}
UNSEEN = {"handler.banner": "unknown", "spam.scan": "unknown", "cpu.load": "unknown"}
MOODS: tuple[dict[str, str], ...] = (
    HUNG, ENDED, FROZEN, DOWN, {**HUNG, **ENDED}, {**HUNG, "ssh.reach": "fail:timeout"}, UNSEEN, {},
    SPLIT, SPLIT,
)  # fmt: skip
AWAY: tuple[dict[str, str], ...] = (*([{}] * 5), HUNG, ENDED, UNSEEN, UNSEEN, UNSEEN, DOWN)
ELSEWHERE: tuple[dict[str, str], ...] = (*([{}] * 9), HUNG, ENDED, DOWN, {"everything": "-"})
LOOKS = (*(["3m 2m 1m 0s"] * 6), "10s 5s 0s", "4s 2s 0s", "210s 60s 0s", "211s 60s 1s", "4m 3m 2m 91s", "4m 3m 2m 90s",
         "2m 1m 0s -1m")  # fmt: skip
LONG = " ".join(f"{minutes}m" for minutes in range(16, 0, -1)) + " 0s"
BOOKS = (
    ("mx-down", "spam-filter-hung", "handler-down"),
    ("move-at-one-word", "handler-down"),
    ("move-when-handler-ends", "move-at-one-word"),
    ("restart-what-is-unseen", "mx-down"),
    ("move-without-a-patient", "filter-without-a-patient", "spam-filter-hung"),
)
NAMES = tuple(dict.fromkeys(b for books in BOOKS for b in books))
SIGNALS = ("spam.scan", "spam.ping", "queue.frozen", "handler.banner", "smtp.banner", "smtp.peer", "ssh.reach",
           "cpu.load", "disk.free")  # fmt: skip
HOSTS, ACTED = ("mx1", "mx2"), (True, True, False)
WORDS = ("ok", "warn", "fail:timeout", "fail:refused", "unknown", "-")
SPANS = ("-5m", "0s", "1s", "4m59s", "5m", "9m59s", "10m", "59m59s", "60m", "5h", "23h59m59s", "24h")
COVERS = (["mx1"], ["mx2"], ["mx1", "mx2"], ["mx1", "mx2", "example.net"], ["example.net"],
          ["mx1", "mx2", "example.org"], ["mx1", "mx3", "example.net"])  # fmt: skip
FLEETS: tuple[Case, ...] = (
    *([{}] * 4),
    {"domains": ["example.net", "example.org"]},
    {"hosts": ["mx1", "mx2", "mx3"]},
    {"hosts": ["mx1", "mx2", "mx3"], "nameless": ["mx2"]},
    {"hosts": ["mx1", "mx2", "mx3"], "witnesses": ["far"]},
    {"hosts": ["mx1", "mx2", "mx3"], "domains": ["example.net", "example.org"]},
    {"hosts": ["mx1", "mx2", "mx3"], "domains": ["example.net", "example.org"], "standby_for": {"mx3": ["mx1"]},
     "takes": {"example.net": ["mx1", "mx3"]}},
    {"hosts": ["mx1", "mx2", "mx3"], "domains": ["example.net", "example.org"], "witnesses": ["far"],
     "takes": {"example.net": ["mx2", "mx1"], "example.org": ["mx1", "mx3", "mx2"]}},
)  # fmt: skip
GUARDS = ("spam.scan on mx1 is ok", "cpu.load on mx1 is ok", "smtp.banner on mx1 is ok", "handler.banner on mx2 is ok")
RULES = tuple(f"{g} for {span}" for g in GUARDS for span in ("2m", "15m"))
Change = tuple[str, Any]


def _pools(random: Random) -> dict[str, list[Any]]:
    """What came before: drawn once, so that an example has few choices to make and to be cut down to."""
    one = random.choice
    ended = [
        {"playbook": one(NAMES), "host": one(HOSTS), "ago": one(SPANS), "covers": one(COVERS), "acted": one(ACTED)}
        for _ in range(60)
    ]
    waits = {"state": "paused", "waits": "for a person"}
    open_ = [{"playbook": one(NAMES), "host": one(HOSTS), "covers": one(COVERS), **waits} for _ in range(20)]
    busy = [{**r, "busy": "kim on ops1"} for r in open_[:5]]
    pauses = [{"of": who, "ends_in": end} for who in ("mx1", "mx2", "all") for end in ("-5m", "0s", "1s", "30m")]
    return {"ended": ended, "open": [*open_, *busy], "pauses": pauses, "standing": [_standing(one) for _ in range(60)]}


def _standing(one: Any) -> Case:
    playbook = one(NAMES[:4])
    moved = one((True, False))
    return {
        "playbook": playbook,
        "host": one(("mx1", "mx1", "mx2")),
        "covers": ["mx1", "mx2", one(("example.net", "example.org"))] if moved else one(COVERS[:2]),
        "away_from": [one(("mx1", "mx2"))] if moved else [],
        "ago": one(("10m", "1h", "3h59m59s", "4h", "5h")),
        "expires": one((None, "4h", "4h")),
        "back": one(("auto", "auto", "auto", "ask", "never")),
        "back_when": [one(RULES) for _ in range(one((0, 1, 1, 2)))],
        "guards": [one(GUARDS) for _ in range(one((0, 1, 1, 2)))],
        "gone": one(("", "", "", "content_filter reads spamfilter")),
    }


POOLS = _pools(Random(11))
_seen = st.tuples(
    st.sampled_from(["mx1", "mx2", "mx3"]),
    st.sampled_from((*SIGNALS, *(f"smtp.peer from {place}" for place in ("mx2", "mx3", "far")))),
    st.sampled_from(WORDS),
    st.sampled_from([None, 0, -1, -2]),
)
_changes = st.one_of(
    _seen.map(lambda seen: ("seen", seen)),
    *(st.sampled_from([(kind, what) for what in pool]) for kind, pool in POOLS.items()),
    st.sampled_from(
        [
            *(("policy", {"mode": mode}) for mode in ("ask", "observe")),
            *(("policy", {"quorum": n}) for n in (1, 3)),
            *(("policy", {"playbooks": {name: mode}}) for name in NAMES for mode in ("ask", "auto")),
        ]
    ),
    st.sampled_from([("witnesses", "far"), *(("controller", {"net.anchors": w}) for w in ("ok", "fail", "unknown"))]),
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Something would be done, but for what is changed."""
    case: Case = {
        "looks": draw(st.sampled_from(LOOKS)),
        **draw(st.sampled_from(FLEETS)),
        "mx1": {**draw(st.sampled_from(MOODS))},
        "mx2": {**draw(st.sampled_from(ELSEWHERE))},
        "playbooks": [*draw(st.sampled_from(BOOKS))],
    }
    if tried := draw(st.sampled_from([*([None] * 8), *SPANS])):
        case["ran"] = [{"playbook": draw(st.sampled_from(case["playbooks"])), "host": "mx1", "ago": tried}]
    return _changed(case, draw(st.lists(_changes, max_size=4)))


@st.composite
def alike_cases(draw: st.DrawFn) -> Case:
    """As `cases`, with a filter that hangs and up to a dozen runs for it, most of them alike, each at a time of its
    own."""
    case: Case = {"mx1": dict(HUNG), "playbooks": ["spam-filter-hung", "handler-down"]} | draw(st.sampled_from(FLEETS))
    times = draw(st.lists(st.integers(0, 26 * 60), max_size=12, unique=True))
    case["ran"] = [
        {"playbook": draw(st.sampled_from(case["playbooks"])), "host": "mx1", "ago": f"{minutes}m",
         "acted": draw(st.sampled_from(ACTED)), "covers": draw(st.sampled_from(COVERS[:3]))}
        for minutes in times
    ]  # fmt: skip
    return case


@st.composite
def standing_cases(draw: st.DrawFn) -> Case:
    """All is well and something of ours stands, but for what is changed."""
    case: Case = {
        "looks": draw(st.sampled_from([LONG, LONG, LONG, "2m 1m 0s"])),
        **draw(st.sampled_from(FLEETS)),
        "mx1": {**draw(st.sampled_from(AWAY))},
        "mx2": {**draw(st.sampled_from(AWAY))},
        "standing": draw(st.lists(st.sampled_from(POOLS["standing"]), min_size=1, max_size=2)),
        "playbooks": [*draw(st.sampled_from(BOOKS))],
    }
    return _changed(case, draw(st.lists(_changes, max_size=3)))


def _changed(case: Case, changes: Sequence[Change]) -> Case:
    for kind, what in changes:
        match kind:
            case "seen":
                _see(case, *what)
            case "ended" | "open":
                case["ran"] = [*case.get("ran", []), what]
            case "policy" | "controller":
                case[kind] = {**case.get(kind, {}), **what}
            case _:
                case[kind] = [*case.get(kind, []), what]
    return case


def _see(case: Case, host: str, signal: str, word: str, which: int | None) -> None:
    """In every look, or in one of them alone."""
    n = len(case["looks"].split())
    row = case.setdefault(host, {}).get(signal, "ok").split()
    row = row * n if len(row) == 1 else row
    case[host][signal] = word if which is None else " ".join(word if i == which % n else w for i, w in enumerate(row))
