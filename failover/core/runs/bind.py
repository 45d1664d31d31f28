"""Binding: the references of a playbook are replaced by values of this fleet and the parameters. Pure.

A reference is `${name}` (a parameter) or `${hosts.mx1.address}`. If it is the
whole value it keeps its type; inside a text it becomes text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from failover.core.fleet import Fleet, Host
from failover.core.observe.condition import All, Any, Condition, Predicate
from failover.core.runs.playbook import Failback, Param, Playbook, StepSpec, Value, Values, Watch
from failover.core.runs.targets import order, served
from failover.core.words import duration, number, seconds

REFERENCE = re.compile(r"\$\{([^{}]*)\}")
HOST_REFERENCE = re.compile(r"hosts\.(?P<host>.+)\.(?P<field>[a-z_]+)", re.DOTALL)
HOST_FIELDS: Mapping[str, Callable[[Host], str | None]] = {
    "name": lambda h: h.name,
    "address": lambda h: h.address,
    "mx": lambda h: h.mx,
    "role": lambda h: h.role.value,
}


class Unbound(ValueError):
    """The playbook cannot be bound: all reasons, each with what to give instead."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def bind(playbook: Playbook, given: Mapping[str, str], fleet: Fleet) -> Playbook:
    """The playbook with every reference replaced. `given`: text, as of `--set`; converted by the parameter's type
    (durations become seconds). Raises Unbound with all problems."""
    binder = _Binder(playbook, given, fleet, {}, [])
    bound = binder.bound()
    if binder.problems:
        raise Unbound(tuple(dict.fromkeys(binder.problems)))
    return bound


def parameters(playbook: Playbook, given: Mapping[str, str], fleet: Fleet) -> Mapping[str, Value]:
    """The parameters' values alone, to show or to record. Raises Unbound."""
    binder = _Binder(playbook, given, fleet, {}, [])
    binder.resolve()
    if binder.problems:
        raise Unbound(tuple(binder.problems))
    return binder.values


@dataclass(frozen=True, slots=True)
class _Binder:
    playbook: Playbook
    given: Mapping[str, str]
    fleet: Fleet
    values: dict[str, Value]
    problems: list[str]

    def bound(self) -> Playbook:
        self.resolve()
        p = self.playbook
        return replace(
            p,
            summary=self._text(p.summary),
            worse=self._text(p.worse),
            not_fixed=tuple(self._text(t) for t in p.not_fixed),
            trigger=self._condition(p.trigger),
            preconditions=tuple(self._each(p.preconditions)),
            steps=tuple(self._step(s) for s in p.steps),
            failback=p.failback and Failback(tuple(self._each(p.failback.when)), p.failback.mode),
        )

    def resolve(self) -> None:
        declared = self.playbook.params
        for name in self.given.keys() - declared.keys():
            known = f"it has {', '.join(declared)}" if declared else "it has none"
            self.problems.append(f'{self.playbook.name} has no parameter "{name}"; {known}')
        for name, param in declared.items():
            if name in self.given:
                self._take(name, param, _converted(param.type, self.given[name]), self.given[name])
            elif param.default is not None:
                self._take(name, param, param.default, str(param.default))
            else:
                self.problems.append(f'the parameter "{name}" is missing; give {self._sample(name, param)}')

    def _take(self, name: str, param: Param, value: Value | None, text: str) -> None:
        known = {"host": self.fleet.hosts, "domain": self.fleet.domains}.get(param.type)
        if value is None or (known is not None and value not in known):
            self.problems.append(f'the parameter "{name}" is "{text}"; give {self._sample(name, param)}')
        else:
            self.values[name] = value

    def _sample(self, name: str, param: Param) -> str:
        samples = {"duration": "10m", "number": "100", "flag": "true", "string": "TEXT"}
        known = self._known(param)
        sample = known[0] if known else samples.get(param.type, param.type.upper())
        others = f" ({param.type}s: {', '.join(known)})" if known else f" (a {param.type})"
        if param.type == "domain" and len(known) > 1 and (sick := self._patient()):
            others = f" ({sick} serves {', '.join(known)}; each is a run of its own)"
        return f"--set {name}={sample}{others}"

    def _known(self, param: Param) -> tuple[str, ...]:
        """Values that may be given: if the host is known, only its domains, and hosts that can take their mail."""
        sick = None if param.each else self._patient()
        match param.type:
            case "domain":
                return served(self.fleet, sick) or tuple(self.fleet.domains)
            case "host":
                return (order(self.fleet, sick, self._domain()) if sick else ()) or tuple(self.fleet.hosts)
            case _:
                return ()

    def _patient(self) -> str | None:
        """The host that the playbook is for, if it was given."""
        each = (self.given.get(n) for n, p in self.playbook.params.items() if p.each)
        return next((host for host in each if host in self.fleet.hosts), None)

    def _domain(self) -> str | None:
        return next(
            (d for n, p in self.playbook.params.items() if p.type == "domain" and (d := self.given.get(n))), None
        )

    def _step(self, s: StepSpec[Values]) -> StepSpec[Values]:
        return replace(
            s,
            with_={k: self._host(v) if k == "host" else self._value(v) for k, v in s.with_.items()},
            when=self._condition(s.when),
            verify=tuple(self._watch(w) for w in s.verify),
            no_verify=s.no_verify and self._text(s.no_verify),
            no_rollback=s.no_rollback and self._text(s.no_rollback),
        )

    def _watch(self, w: Watch) -> Watch:
        return replace(w, host=self._subject(w.host, w.signal))

    def _each(self, conditions: tuple[Condition, ...]) -> list[Condition]:
        return [c for c in map(self._condition, conditions) if c is not None]

    def _condition(self, c: Condition | None) -> Condition | None:
        match c:
            case Predicate():
                return replace(c, host=self._subject(c.host, c.signal))
            case All(parts):
                return All(tuple(self._each(parts)))
            case Any(parts):
                return Any(tuple(self._each(parts)))
            case _:
                return None

    def _host(self, value: Value) -> str:
        """A host must be in hosts.yaml, also if the playbook names it itself."""
        return self._one_of(value, "host", self.fleet.hosts)

    def _subject(self, value: Value, signal: str) -> str:
        """The subject of a signal: a domain for `dns.…`, else a host."""
        if signal.startswith("dns."):
            return self._one_of(value, "domain", self.fleet.domains)
        return self._host(value)

    def _one_of(self, value: Value, what: str, known: Iterable[str]) -> str:
        name, names = self._value(value), list(known)
        if isinstance(name, str) and not REFERENCE.search(name) and name not in names:
            has = ", ".join(names) or f"no {what}s"
            self.problems.append(f'the playbook names the {what} "{name}"; hosts.yaml has {has}')
        return str(name)

    def _value(self, value: Value) -> Value:
        if not isinstance(value, str):
            return value
        whole = REFERENCE.fullmatch(value)
        if whole:
            found = self._look_up(whole[1])
            return value if found is None else found
        return self._text(value)

    def _text(self, text: str) -> str:
        return REFERENCE.sub(lambda m: self._said(m[1], m[0]), text)

    def _said(self, name: str, unresolved: str) -> str:
        value = self._look_up(name)
        if value is None:
            return unresolved
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, int | float):
            return duration(value) if self.playbook.params[name].type == "duration" else number(value)
        return str(value)

    def _look_up(self, name: str) -> Value | None:
        if name in self.playbook.params:
            return self.values.get(name)  # when absent, resolve() has said why
        found = HOST_REFERENCE.fullmatch(name)
        if not found or found["field"] not in HOST_FIELDS:
            self.problems.append(f"${{{name}}} names nothing; declare it under params, or use ${{hosts.NAME.address}}")
            return None
        host = self.fleet.hosts.get(found["host"])
        value = HOST_FIELDS[found["field"]](host) if host else None
        if value is None:
            lacks = f'"{found["host"]}" has no {found["field"]}' if host else f'there is no host "{found["host"]}"'
            self.problems.append(f"${{{name}}}: {lacks} in hosts.yaml")
        return value


def _converted(type_: str, text: str) -> Value | None:
    """The text as a value of the parameter's type; None when it is none."""
    match type_:
        case "duration":
            return seconds(text) or None
        case "flag":
            return {"true": True, "false": False}.get(text.lower())
        case "number":
            return _number(text)
        case _:
            return text or None


def _number(text: str) -> int | float | None:
    if re.fullmatch(r"[-+]?[0-9]{1,18}", text):
        return int(text)
    try:
        return value if math.isfinite(value := float(text)) else None
    except ValueError:
        return None
