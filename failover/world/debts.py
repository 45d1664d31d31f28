"""The simulated host's debts: mail that a requeue holds, and our changes in force; as in `debts.sh`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from failover.ports import Rc
from failover.world.machine import Held, Machine, Rows, Saved, Verb
from failover.world.postfix import Mail, Queue

Args = Mapping[str, str]
CONFIG_DIR = "/etc/postfix"


@dataclass(frozen=True, slots=True)
class Freed:
    """`owing`: some of it stays on hold; `loaded`: Postfix was reloaded."""

    released: int
    owing: bool
    loaded: bool

    @property
    def loaded_rows(self) -> Rows:
        return [("loaded", CONFIG_DIR)] if self.loaded else []

    @property
    def rows(self) -> Rows:
        return self.loaded_rows + ([("freed", str(self.released))] if self.released else [])


def hold(m: Machine, key: tuple[str, str, str], mails: Iterable[Mail]) -> Iterator[float]:
    """The list first, then the mail."""
    chosen = tuple(mails)
    m.held[key] = Held(m.time, frozenset(x.id for x in chosen))
    yield 0.02
    for x in chosen:
        m.postfix.hold(x)
    yield 0.05


def on_hold(m: Machine, key: tuple[str, str, str]) -> list[Mail]:
    return [x for x in m.postfix.of(Queue.HOLD) if x.id in m.held[key].ids]


def discharge(m: Machine) -> Freed:
    """Let go the mail that no requeue works on; a list is removed only when none of its mail is on hold."""
    loaded = _load(m)
    released = 0
    for key in list(m.held):
        found = on_hold(m, key)
        if found and m.keeps_hold:
            return Freed(released, owing=True, loaded=loaded)
        for x in found:
            m.postfix.release(x)
        released += len(found)
        del m.held[key]
    return Freed(released, owing=False, loaded=loaded)


def _load(m: Machine) -> bool:
    """Load the change of an act that died before its reload."""
    if m.mark is None:
        return False
    if stale := any(_unloaded(m)):
        m.postfix.reload()
    saved = m.saved.get((m.mark.run, m.mark.step))
    if saved is not None and all(m.read(f, k) == before for f, k, before, _ in saved.settings):
        saved.undone = True
    m.mark = None
    return stale


def _unloaded(m: Machine) -> Iterator[tuple[str, ...]]:
    if m.mark is not None and m.postfix.running and m.postfix.loaded is m.mark.loaded:
        state = "left" if m.locked_by is None else "busy"
        yield "unloaded", f"{m.mark.since:.0f}", m.mark.run, m.mark.step, CONFIG_DIR, state


def rows(m: Machine) -> Rows:
    told = (*_held(m), *_force(m), *_unloaded(m))
    return [("debt", *row) for row in (*told, ("saved", str(len(m.saved))), ("epoch", str(m.epoch)))]


def _held(m: Machine) -> Iterator[tuple[str, ...]]:
    for key, list_ in m.held.items():
        if n := len(on_hold(m, key)):
            by = m.results[key].by if key in m.results else None
            state = "busy" if by is not None and by.alive else "left"
            yield "held", str(n), f"{list_.since:.0f}", key[0], key[1], CONFIG_DIR, state


def _force(m: Machine) -> Iterator[tuple[str, ...]]:
    """A setting changed several times counts for the newest change."""
    seen: set[tuple[str, str]] = set()
    for (run, step), saved in reversed(m.saved.items()):
        for file, key in _standing(m, saved):
            if (file, key) not in seen:
                seen.add((file, key))
                yield "force", run, step, f"{saved.since:.0f}", file, key, CONFIG_DIR


def _standing(m: Machine, saved: Saved) -> Iterator[tuple[str, str]]:
    settings = () if saved.undone else saved.settings
    return ((f, k) for f, k, before, after in settings if before != after and m.read(f, k) == after)


def debts(m: Machine, args: Args) -> Verb:
    yield 0.1
    found = rows(m)
    if "of_run" not in args:
        return Rc.OK, found
    saved = m.saved.get((args["of_run"], args["of_step"]))
    if saved is None:
        return Rc.REFUSED, [*found, ("because", "nothing was saved under that name")]
    found.append(("saved", f"{saved.since:.0f}", CONFIG_DIR))
    if saved.undone:
        return Rc.OK, [*found, ("undone", f"{m.time:.0f}")]
    return Rc.OK, [*found, *(("change", f, k, m.read(f, k), before, after) for f, k, before, after in saved.settings)]
