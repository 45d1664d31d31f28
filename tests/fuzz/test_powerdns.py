"""What PowerDNS's API answers, broken in every way, over real HTTP: a value, or an error on purpose.

A stand-in carries out each request as it came; only its answer is spoilt on the way back, never into a refusal, since
who refuses in PowerDNS's name can say anything. So "nothing was done" after it did something is a lie that is seen.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failover.adapters import resolver
from failover.core.mx import MxMode, MxSet, mx_set, prefer
from failover.core.runs.answer import Answer
from failover.dns.powerdns import PowerDns, PowerDnsZone
from failover.errors import FailoverError
from tests.fuzz.made_up import NASTY, NUMBERS, fuzz, no_fault, plain

NAME, KEY = "example.net", "s3cret"
TWO = mx_set(300, [(10, "mx1.example.net"), (20, "mx2.example.net")])
MORE = prefer(TWO, "mx2.example.net", MxMode.OVERLAY)
SEED = st.integers(0, 2**32)
BASE = "/api/v1/servers/localhost/zones"


class Api(ThreadingHTTPServer):
    """One zone with one set; `spoil` makes of each answer (status, body) another."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.spoil: Callable[[int, bytes], tuple[int, bytes]] = lambda status, body: (status, body)
        self.dice, self.patches = random.Random(0), 0
        self.reset()

    def handle_error(self, *_: object) -> None: ...

    def reset(self) -> None:
        self.patches, self.spoil = 0, lambda status, body: (status, body)
        rows = [{"content": f"{10 * i} mx{i}.example.net.", "disabled": False} for i in (1, 2)]
        self.rrset: dict[str, Any] = {"name": f"{NAME}.", "type": "MX", "ttl": 300, "records": rows, "comments": []}

    def judged(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        zone = {"id": f"{NAME}.", "name": f"{NAME}.", "kind": "Native", "edited_serial": 1}
        if method == "GET" and path.startswith(f"{BASE}?zone="):
            return 200, [zone] if path.endswith(f"={NAME}.") else []
        if method == "GET" and path.startswith(f"{BASE}/{NAME}."):
            return 200, {**zone, "rrsets": [self.rrset]}
        if (method, path) != ("PATCH", f"{BASE}/{NAME}."):
            return 404, {"error": "Not Found"}
        (wanted,) = json.loads(body)["rrsets"]
        if wanted["name"] != f"{NAME}." or not wanted["records"]:
            return 422, {"error": f"RRset {wanted['name']} IN MX: Name is out of zone"}
        self.patches += 1
        self.rrset = {k: wanted[k] for k in ("name", "type", "ttl", "records")} | {"comments": []}
        return 204, None


class Handler(BaseHTTPRequestHandler):
    server: Api

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        assert self.headers["X-API-Key"] == KEY
        status, said = self.server.judged(self.command, self.path, body)
        text = b"" if said is None else json.dumps(said).encode()
        status, text = self.server.spoil(status, text)
        self.send_response(status)
        self.send_header("Content-Length", str(len(text) + (3 if self.server.dice.random() < 0.05 else 0)))
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(text)

    do_GET = do_PATCH = handle_any

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with Api() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PDNS_KEY", KEY)
        patch.setattr(resolver, "authoritative", lambda *_, **__: ())
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()


def zone(api: Api) -> PowerDnsZone:
    return PowerDnsZone(PowerDns(f"http://127.0.0.1:{api.server_port}", "env:PDNS_KEY"), deadline_s=2.0)


def spoilt(api: Api, seed: int) -> None:
    api.reset()
    api.dice = dice = random.Random(seed)

    def spoil(status: int, body: bytes) -> tuple[int, bytes]:
        how = dice.choice(["whole", "status", "bytes", "values", "values"])
        if how == "status":
            return dice.choice([200, 204, 301, 302, 500, 502, 503]), body
        if how == "bytes":
            at = dice.randrange(len(body) + 1)
            return status, body[:at] + dice.randbytes(dice.randrange(4)) + body[at + dice.randrange(12) :]
        if how == "values" and body:
            return status, json.dumps(changed(dice, json.loads(body))).encode()
        return status, body

    api.spoil = spoil


def changed(dice: random.Random, value: Any) -> Any:
    """Somewhere in it: missing, doubled, of another kind, or with another text."""
    if isinstance(value, dict) and value and dice.random() < 0.8:
        key = dice.choice([*value])
        rest = {k: v for k, v in value.items() if k != key}
        return rest if dice.random() < 0.3 else {**rest, key: changed(dice, value[key])}
    if isinstance(value, list) and value and dice.random() < 0.8:
        at = dice.randrange(len(value))
        return [*value[:at], changed(dice, value[at]), *value[at + 1 :], *([value[at]] if dice.random() < 0.2 else [])]
    return dice.choice([None, True, -1, 1e400, {}, [], "", [[]], *NASTY, *NUMBERS])


def told(ask: Callable[[], object]) -> tuple[Answer, object]:
    said: FailoverError | None = None
    found: object = None
    try:
        found = ask()
    except FailoverError as e:
        said = e
    no_fault()
    assert said is None or plain(f"{said} {said.try_}")
    assert said is None or KEY not in f"{said} {said.try_}"
    return (said.answer if said else Answer.DONE), found


def test_what_is_not_spoilt_is_carried_out(api: Api) -> None:
    """Or nothing below would show anything."""
    api.reset()
    zone(api).swap(NAME, expected=TWO, wanted=MORE)
    assert zone(api).mx(NAME) == MORE
    zone(api).judged(NAME)
    assert api.patches == 1


@fuzz(150)
@given(seed=SEED)
def test_what_it_carried_out_is_never_nothing(api: Api, seed: int) -> None:
    spoilt(api, seed)
    answer, _ = told(lambda: zone(api).swap(NAME, expected=TWO, wanted=MORE))
    assert answer in {Answer.DONE, Answer.UNKNOWN} or api.patches == 0
    assert answer is not Answer.DONE or api.patches == 1, "nothing is told as done that was not"
    assert any(not r["disabled"] for r in api.rrset["records"]), "never without MX"


@fuzz(150)
@given(seed=SEED)
def test_a_set_is_read_or_said_to_be_unreadable(api: Api, seed: int) -> None:
    spoilt(api, seed)
    _, found = told(lambda: zone(api).mx(NAME))
    assert found is None or isinstance(found, MxSet)
    told(lambda: zone(api).seen(NAME))
    told(lambda: zone(api).judged(NAME))
    assert api.patches == 0
