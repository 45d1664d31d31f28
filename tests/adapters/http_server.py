"""A real HTTP server in a thread, and the two services that it stands for, stricter than they are."""

from __future__ import annotations

import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "T0K3N"


@dataclass(frozen=True)
class Got:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


Judge = Callable[[Got], int | Callable[[Any], None]]


@contextmanager
def serving(judge: Judge, context: ssl.SSLContext | None = None) -> Iterator[tuple[str, list[Got]]]:
    """Its root, without a path, and all that it got. `judge` gives the status, or what to do with the request."""
    got: list[Got] = []

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            got.append(Got(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            answer = judge(got[-1])
            if callable(answer):
                answer(self)
                return
            self.send_response(answer)
            self.send_header("Location", f"http://127.0.0.1:{server.server_port}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST = do_PUT = do_HEAD = do_CONNECT = handle_any

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http{'s' if context else ''}://127.0.0.1:{server.server_port}", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def answering(
    *answers: int | Callable[[Any], None], context: ssl.SSLContext | None = None
) -> Iterator[tuple[str, list[Got]]]:
    """A URL with a secret in it, whose server gives these answers in turn."""
    left = iter(answers)
    with serving(lambda _: next(left), context) as (root, got):
        yield f"{root}/{SECRET}", got


@dataclass
class Ntfy:
    """Publishing as JSON (docs.ntfy.sh/publish) with the limits of its server.go; no field and no header besides."""

    topic: str
    token: str | None = None
    why: list[str] = field(default_factory=list)

    def __call__(self, got: Got) -> int:
        status, why = self._judged(got)
        self.why.append(why)
        return status

    def _judged(self, got: Got) -> tuple[int, str]:
        if (got.method, got.path) != ("POST", "/"):
            return 404, f"{got.method} {got.path}"
        if got.headers.get("authorization") != (f"Bearer {self.token}" if self.token else None):
            return 403, "authorization"
        if got.headers.get("content-type") != "application/json" or {"title", "x-title", "tags"} & got.headers.keys():
            return 400, "headers"
        if len(got.body) > 8192:
            return 413, f"{len(got.body)} bytes"
        d = got.document
        if {*d} != {"topic", "title", "message", "priority", "tags"} or d["topic"] != self.topic:
            return 400, f"fields {sorted(d)}"
        if not (d["title"].isprintable() and 0 < len(d["title"]) <= 200):
            return 400, "title"
        if not 0 < len(d["message"].encode()) < 4096 or "\x1b" in d["message"]:
            return 400, "message"  # the real one makes a file of a longer one
        if type(d["priority"]) is not int or d["priority"] not in range(1, 6):
            return 400, "priority"
        return 200, ""


@dataclass
class PagerDuty:
    """Events API v2, "Send an Alert Event": every field and limit of its table, and the alerts that come of it."""

    key: str
    open: dict[str, list[str]] = field(default_factory=dict)
    paged: list[str] = field(default_factory=list)
    why: list[str] = field(default_factory=list)

    def __call__(self, got: Got) -> int:
        why = self._objection(got)
        self.why.append(why)
        return 400 if why else 202

    def _objection(self, got: Got) -> str:
        if (got.method, got.path, got.headers.get("content-type")) != ("POST", "/v2/enqueue", "application/json"):
            return f"{got.method} {got.path} {got.headers}"
        if len(got.body) > 512 * 1024:
            return f"{len(got.body)} bytes"
        event = got.document
        if event["routing_key"] != self.key or not re.fullmatch(r"\w{32}", self.key):
            return "routing_key"
        if not 0 < len(event["dedup_key"]) <= 255:
            return "dedup_key"
        if event["event_action"] == "resolve":
            self.open.pop(event["dedup_key"], None)
            return "" if {*event} == {"routing_key", "event_action", "dedup_key"} else "fields"
        if {*event} != {"routing_key", "event_action", "dedup_key", "payload", "client"}:
            return f"fields {sorted(event)}"
        return "trigger" if event["event_action"] != "trigger" else self._trigger(event["dedup_key"], event["payload"])

    def _trigger(self, key: str, payload: Any) -> str:
        if {*payload} != {"summary", "source", "severity", "class", "custom_details"}:
            return f"payload {sorted(payload)}"
        if not 0 < len(payload["summary"]) <= 1024 or not payload["summary"].isprintable():
            return "summary"
        if payload["severity"] not in {"critical", "error", "warning", "info"}:
            return "severity"
        if not payload["source"] or not payload["class"] or not isinstance(payload["custom_details"], dict):
            return "source, class, custom_details"
        if key not in self.open:
            self.paged.append(payload["summary"])
        self.open.setdefault(key, []).append(payload["summary"])
        return ""
