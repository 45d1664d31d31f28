"""Can the spam filter be taken out of this host's mail path, as it is wired now? Pure."""

from __future__ import annotations

from failover.core.fleet import Host, SpamEngine
from failover.doctor.findings import Finding, fail, ok, warn
from failover.ports import Reply

_LEVERS = {"pass": "its transport is made a pass-through", "clear": "its setting is cleared, what waits re-queued"}
NAME = "bypass"


def lever(host: Host, wiring: Reply) -> Finding:
    """From what `filter-read` answers."""
    how = (wiring.one("wiring") or ("",))[0]
    match how:
        case "content_filter":
            return _content_filter(host, wiring)
        case "milter":
            return _milter(host, wiring)
        case "none":
            return _none(host)
        case _:
            return fail(NAME, host.name, "how its filter is wired could not be read", try_="see `postconf -n` there")


def _content_filter(host: Host, wiring: Reply) -> Finding:
    names = sorted({row[0] for row in wiring.all("filter")})
    if len(names) > 1:
        return warn(
            NAME,
            host.name,
            f"several content filters: {', '.join(names)}; which one hangs is for a person to say",
            try_=f"in a playbook of your own, for spam.bypass: with: {{filter: {names[0]}, …}}",
        )
    said = {row[0]: row[1:] for row in wiring.all("lever")}
    for which, words in _LEVERS.items():
        if said.get(which, ("no",))[0] == "ok":
            can = f"content_filter {names[0]} can be taken out: {words}"
            note = "; ".join(" ".join(row[1:]) for row in wiring.all("note") if row and row[0] == which)
            if not note:
                return ok(NAME, host.name, can)
            return warn(NAME, host.name, f"{can}; but {note}", try_=f"lower {names[0]}_time_limit, or install iproute2")
    why = "; ".join(f"{which}: {' '.join(said.get(which, ('no', 'not reported'))[1:])}" for which in _LEVERS)
    return fail(
        NAME,
        host.name,
        f"content_filter {', '.join(names) or '(its value is odd)'} cannot be taken out: {why}",
        try_=f"correct that in master.cf of {host.name}, or have the way by hand written down",
    )


def _milter(host: Host, wiring: Reply) -> Finding:
    milters = " ".join(wiring.one("milters") or ())
    return warn(
        NAME,
        host.name,
        f"its filter is a milter ({milters}), which this version does not take out",
        try_="keep at hand: postconf -e smtpd_milters= && postfix reload (nothing queued needs re-queueing)",
    )


def _none(host: Host) -> Finding:
    declared = host.spam is not None and host.spam.engine is not SpamEngine.NONE
    if not declared:
        return ok(NAME, host.name, "no spam filter in Postfix, and none declared")
    return warn(
        NAME,
        host.name,
        f"{host.spam.engine if host.spam else ''} is declared, but no content_filter or milter calls it: "
        "what does (the handler?) is switched there",
        try_="write down how; SimpleLogin: take the line ENABLE_SPAM_ASSASSIN out of simplelogin.env (=0 leaves it "
        "on), then docker restart sl-email",
    )
