"""A real PowerDNS in a lab's place, and a line to its API."""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http.client import HTTPConnection
from typing import Any

from failover.lab import Lab
from tests.adapters.lab_net import Line, Speech, inside
from tests.labs import until

SHOP, API_KEY = "shop.test", "s3cret-api-key"
SCHEMA = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"
USUAL = ("10 mx1.lab.test.", "20 mx2.lab.test.")
WHERE, ADDRESS, API = "mx2", "10.77.0.12", 8081
INSIDE = "/run/lab/pdns"
CONF = f"""\
launch=gsqlite3
gsqlite3-database={INSIDE}/zones.db
gsqlite3-pragma-synchronous=0
local-address={ADDRESS}
api=yes
api-key={API_KEY}
webserver=yes
webserver-address={ADDRESS}
webserver-port={API}
webserver-allow-from=10.77.0.0/24
socket-dir={INSIDE}
security-poll-suffix=
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
"""
ZONE = f"/api/v1/servers/localhost/zones/{SHOP}."


class Pdns:
    """On mx2: DNS on port 53, the API on 8081, one zone in a SQLite file. Made anew by each."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        schema, folder = lab.run(WHERE, ["cat", SCHEMA], timeout=10).stdout, lab.folder / WHERE / "shared" / "pdns"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        self.db = sqlite3.connect(folder / "zones.db", check_same_thread=False, isolation_level=None, timeout=10)
        self.db.executescript(schema)
        (folder / "pdns.conf").write_text(CONF)
        argv = ["pdns_server", f"--config-dir={INSIDE}", "--daemon=no", "--guardian=no", "--setuid=", "--setgid="]
        with (folder / "log").open("w") as log:
            self.process = lab.popen(WHERE, argv, stdout=log, stderr=log)
        until(self.answers, within=20, what="PowerDNS answers")
        zone = {"name": f"{SHOP}.", "kind": "Native", "nameservers": [f"{WHERE}.lab.test."]}
        status, said = self.api("POST", "/api/v1/servers/localhost/zones", zone)
        assert status == 201, said
        self.put(USUAL)

    def close(self) -> None:
        self.lab.run(WHERE, ["pkill", "pdns_server"], timeout=10, check=False)
        self.process.wait(10)
        self.db.close()

    def answers(self) -> bool:
        with suppress(OSError):
            return self.api("GET", "/api/v1/servers")[0] == 200
        return False

    def api(self, method: str, path: str, document: Mapping[str, Any] | None = None) -> tuple[int, Any]:
        def ask() -> tuple[int, Any]:
            line = HTTPConnection(ADDRESS, API, timeout=10)
            line.request(method, path, json.dumps(document) if document else None, {"X-API-Key": API_KEY})
            answer = line.getresponse()
            said = answer.read()
            return answer.status, json.loads(said) if said.startswith((b"{", b"[")) else said

        return inside(self.lab, "controller", ask)

    def put(self, values: Sequence[str], ttl: int = 60, disabled: Sequence[str] = (), **more: object) -> None:
        """As a person or another tool would."""
        rows = [{"content": v, "disabled": v in disabled} for v in (*values, *disabled)]
        rrset = {"name": f"{SHOP}.", "type": "MX", "ttl": ttl, "changetype": "REPLACE", "records": rows, **more}
        for _ in range(1000):  # its SQLite file is busy now and then: 500
            if (status := self.api("PATCH", ZONE, {"rrsets": [rrset]})[0]) == 204:
                return
            assert status == 500
            time.sleep(0.02)
        raise AssertionError("never written")

    def zone(self) -> Any:
        return self.api("GET", ZONE)[1]

    def rrset(self) -> Any:
        return next((r for r in self.zone()["rrsets"] if r["type"] == "MX"), None)

    @property
    def mx(self) -> set[str]:
        return {r["content"] for r in self.rrset()["records"] if not r["disabled"]}

    def sql(self, statement: str) -> None:
        self.db.execute(statement)


def api_line() -> Line:
    return Line(ADDRESS, API, Speech(_request, _whole, lambda asked: asked.startswith(b"PATCH")))


def _whole(server: socket.socket) -> bytes:
    found = b""
    while part := server.recv(65_536):  # PowerDNS closes after each answer
        found += part
    return found


def _request(at: socket.socket) -> bytes:
    """The head, and as much of a body as it says."""
    found = b""
    while b"\r\n\r\n" not in found:
        if not (part := at.recv(65_536)):
            raise ConnectionError("cut")
        found += part
    head, _, body = found.partition(b"\r\n\r\n")
    lengths = [row.partition(b":")[2] for row in head.split(b"\r\n") if row.lower().startswith(b"content-length:")]
    while len(body) < int((lengths or [b"0"])[0]):
        body += at.recv(65_536)
    return head + b"\r\n\r\n" + body
