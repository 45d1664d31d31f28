"""AWS over HTTP, for boto3's real client: Route 53 and EC2, as strict as AWS or stricter, never softer.

    with Aws() as aws:
        aws.route53.add("Z0123456789", "example.net", mx=["10 mx1.example.net.", "20 mx2.example.net."])
        aws.ec2.add("i-0123456789abcdef0", "m5.large")
        aws.lend(monkeypatch)                       # endpoint, key and region into the environment
        aws.cut("StopInstances", done=True)         # carried out, and the answer never came
        …
        assert aws.asked("StopInstances") == 1

Where each rule is from ([D] AWS's API reference, read; [S] seen of AWS and quoted in public; [K] knowledge, not read):

- DELETE must match the current set in everything but the values' order: [D] ChangeResourceRecordSets; [S] floci#3565
- a batch is all or nothing, and deleting twice in it is refused: [D] ChangeResourceRecordSets
- "was not found", "do not match the current values": [S] boto#2887, external-dns#732; in brackets: [K]
- CREATE over what exists, names outside the zone, a value twice, weighted beside simple: InvalidChangeBatch: [K]
- an MX value without priority: InvalidChangeBatch: [S] ansible#23435 (its code; the rest of the words [K])
- PENDING, then INSYNC; NoSuchChange 404, NoSuchHostedZone 404: [D] GetChange, errors; their words [K]
- Throttling 400 "Rate exceeded": [K] (the reference names it ThrottlingException); PriorRequestNotComplete 400: [D]
- EC2's RequestLimitExceeded: [D] troubleshooting API requests; 503: [K]
- the type changes only while stopped: [D] ModifyInstanceAttribute; IncorrectInstanceState and its words: [K]
- an unknown type is InvalidInstanceAttributeValue there, InvalidInstanceType in DescribeInstanceTypes: [K]
- InsufficientInstanceCapacity is a 500: [S] cloudman#64, hammertime#29; restarting meets it too: [S] igvm#289
- a start that is accepted and falls back to stopped, with Server.InsufficientInstanceCapacity: [D] StateReason
- stopping what is pending is refused: [S] cloud-custodian#6014 (others saw it work: the stricter is kept)
- starting what is stopping is refused; starting what is starting, stopping what is stopping changes nothing: [K]
- the public address changes over a stop and start unless it is elastic, as `ipOwnerId` tells: [K]
- DescribeInstances lags behind: [D] eventual consistency
- DryRunOperation 412: [K]; UnauthorizedOperation: [D] troubleshooting API requests; 403: [K]
- keys: InvalidClientTokenId, SignatureDoesNotMatch, ExpiredToken 403 of Route 53: [K] common errors;
  AuthFailure 401, RequestExpired 400 of EC2: [K] EC2 error codes. Signatures are recomputed, 15 minutes of skew: [D];
  Route 53's may be for any region, as boto3 signs for its own when told another endpoint (AWS wants us-east-1)

Not here: IAM, alias records, health checks, tags, quotas of their own accord.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

import botocore.session

from tests.standins import route53, sigv4
from tests.standins.answers import AwsError, Xml, document
from tests.standins.ec2 import Ec2
from tests.standins.route53 import Route53

botocore.session.create_loader = cache(botocore.session.create_loader)
"""AWS's own description of its APIs is read once in a process, not by each client: it is megabytes of JSON."""

KEY, SECRET = "AKIASTANDIN000000001", "stand-in/secret/never/to/be/printed"
SKEW = timedelta(minutes=15)


class SetsEnvironment(Protocol):
    def setenv(self, name: str, value: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it arrived. `code` is AWS's refusal, `done` when it was carried out, or how the line went."""

    service: str
    action: str
    params: Mapping[str, str]
    code: str


@dataclass(frozen=True, slots=True)
class Fault:
    """`error` is answered; or the line goes: `cut` closed, `hang` silent, `half` an answer, `drip` byte by byte.

    `done`: is the request carried out? `late_s`: only so long after the line went.
    """

    how: str
    done: bool = False
    error: AwsError | None = None
    late_s: float = 0.0


class Aws:
    """A server of its own on a free port. `clock` is what instances go by; pass a test's own to let time pass."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, hang_s: float = 30.0) -> None:
        self.clock = clock
        self.ec2 = Ec2(clock)
        self.route53 = Route53()
        self.requests: list[Asked] = []
        self.keys = {KEY: SECRET}
        self.expired: set[str] = set()
        self.denied: set[str] = set()
        self._faults: dict[str, list[Fault]] = defaultdict(list)
        self._late: list[tuple[float, Callable[[], object]]] = []
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._hang_s = hang_s
        self.dripped_whole = 0
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.aws = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Aws:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def reset(self, clock: Callable[[], float]) -> None:
        """As new, at the same address; for a server that several tests share in turn."""
        with self._lock:
            self.clock, self.ec2, self.route53 = clock, Ec2(clock), Route53()
            self.requests, self.keys, self.expired, self.denied = [], {KEY: SECRET}, set(), set()
            self._late = []
            self._faults.clear()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def environ(self) -> dict[str, str]:
        """What a process needs to talk to this AWS and no other, whatever the account that runs it has set up."""
        return {
            "AWS_ENDPOINT_URL_ROUTE_53": self.url,
            "AWS_ENDPOINT_URL_EC2": self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "eu-west-3",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "NO_PROXY": "127.0.0.1",
        }

    def lend(self, to: SetsEnvironment) -> None:
        for name, value in self.environ.items():
            to.setenv(name, value)

    def asked(self, action: str) -> int:
        """How often, whatever came of it."""
        return sum(r.action == action for r in self.requests)

    # Faults: each for the next `times` requests of that action, in the order given ---

    def fail(self, action: str, code: str, message: str = "", *, status: int = 400, times: int = 1) -> None:
        """Refused, nothing done."""
        self._add(action, Fault("error", error=AwsError(code, message or code, status)), times)

    def throttle(self, action: str, *, times: int = 1) -> None:
        if action[0].isupper() and action.endswith(("RecordSets", "Change", "HostedZone")):
            return self.fail(action, "Throttling", "Rate exceeded", times=times)
        self.fail(action, "RequestLimitExceeded", "Request limit exceeded.", status=503, times=times)

    def busy(self, *, times: int = 1) -> None:
        said = "The request was rejected because Route 53 was still processing a prior request."
        self.fail("ChangeResourceRecordSets", "PriorRequestNotComplete", said, times=times)

    def cut(self, action: str, *, done: bool, late_s: float = 0.0, times: int = 1) -> None:
        """The connection closes without an answer."""
        self._add(action, Fault("cut", done, late_s=late_s), times)

    def hang(self, action: str, *, done: bool, times: int = 1) -> None:
        """The connection stays, and no answer comes."""
        self._add(action, Fault("hang", done), times)

    def half(self, action: str, *, times: int = 1) -> None:
        """Done, and the answer breaks off in the middle."""
        self._add(action, Fault("half", True), times)

    def drip(self, action: str, *, times: int = 1) -> None:
        """Done, and the answer comes so slowly that no read ever times out."""
        self._add(action, Fault("drip", True), times)

    def _add(self, action: str, fault: Fault, times: int) -> None:
        with self._lock:
            self._faults[action] += [fault] * times

    # Answering -----------------------------------------------------------------

    def handle(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes, str]:
        """HTTP status, body, and how it goes down the line (empty: whole)."""
        with self._lock:
            with suppress(AwsError):  # what is refused so late, nobody hears of
                self._carry_out_late()
            service, action, params = _named(method, target, body)
            fault: Fault | None = None
            try:
                self._authorize(service, action, method, target, headers, body)
                waiting = self._faults[action]
                fault = waiting.pop(0) if waiting else None
                answer = self._carry_out(service, action, params, body, fault)
                code, status = (fault.how if fault else "done"), 200
            except AwsError as e:
                code, status, answer = e.code, e.status, _refusal(service, e)
            self.requests.append(Asked(service, action, params, code))
            return status, answer, fault.how if fault and fault.how != "error" else ""

    def _carry_out(
        self, service: str, action: str, params: Mapping[str, str], body: bytes, fault: Fault | None
    ) -> bytes:
        if fault and fault.error:
            raise fault.error
        do = partial(self._serve, service, action, params, body)
        if fault and fault.late_s:
            self._late.append((self.clock() + fault.late_s, do))
            return b""
        return b"" if fault and not fault.done else do()

    def _serve(self, service: str, action: str, params: Mapping[str, str], body: bytes) -> bytes:
        if service == "ec2":
            return self.ec2.answer(action, params)
        return self.route53.answer(action, params["Id"], params, body)

    def _carry_out_late(self) -> None:
        due = [do for at, do in self._late if at <= self.clock()]
        self._late = [(at, do) for at, do in self._late if at > self.clock()]
        for do in due:
            do()

    def settle(self) -> None:
        """Carry out what is due by now, as a request would."""
        with self._lock:
            self._carry_out_late()

    def _authorize(
        self, service: str, action: str, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> None:
        said = _ec2_keys if service == "ec2" else _route53_keys
        signed = sigv4.read(headers)
        if signed is None:
            raise said("missing")
        if signed.key in self.expired or abs(datetime.now(UTC) - signed.at) > SKEW:
            raise said("expired")
        secret = self.keys.get(signed.key)
        if secret is None:
            raise said("unknown")
        if signed.service != service or not sigv4.fits(signed, secret, method, target, headers, body):
            raise said("signature")
        if action in self.denied:
            raise _denied(service, action)


def _named(method: str, target: str, body: bytes) -> tuple[str, str, dict[str, str]]:
    url = urlsplit(target)
    if url.path.startswith("/2013-04-01/"):
        action, id_ = route53.route(method, url.path)
        return "route53", action, {"Id": id_, **dict(parse_qsl(url.query, True))}
    params = dict(parse_qsl(body.decode(), True))
    return "ec2", params.get("Action", ""), params


def _ec2_keys(what: str) -> AwsError:
    if what == "expired":
        return AwsError("RequestExpired", "Request has expired.")
    return AwsError("AuthFailure", "AWS was not able to validate the provided access credentials", 401)


def _route53_keys(what: str) -> AwsError:
    code, said = {
        "missing": ("MissingAuthenticationToken", "Missing Authentication Token"),
        "unknown": ("InvalidClientTokenId", "The security token included in the request is invalid."),
        "expired": ("ExpiredToken", "The security token included in the request is expired"),
        "signature": (
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided.",
        ),
    }[what]
    return AwsError(code, said, 403)


def _denied(service: str, action: str) -> AwsError:
    if service == "ec2":
        said = "You are not authorized to perform this operation. Encoded authorization failure message: 4nc0d3d"
        return AwsError("UnauthorizedOperation", said, 403)
    said = f"User: arn:aws:iam::123456789012:user/failover is not authorized to perform: route53:{action}"
    return AwsError("AccessDenied", said, 403)


def _refusal(service: str, e: AwsError) -> bytes:
    if service == "ec2":
        error: Xml = (("Code", e.code), ("Message", e.message))
        return document("Response", (("Errors", (("Error", error),)), ("RequestID", "0")))
    inner: Xml = (("Error", (("Type", "Sender"), ("Code", e.code), ("Message", e.message))), ("RequestId", "0"))
    return document("ErrorResponse", inner, route53.NAMESPACE)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    aws: Aws

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that left is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {k.lower(): v for k, v in self.headers.items()}
        aws = self.server.aws
        status, answer, line = aws.handle(self.command, self.path, headers, body)
        head = f"HTTP/1.1 {status} AWS\r\nContent-Type: text/xml\r\nContent-Length: {len(answer)}\r\n\r\n".encode()
        if line:
            self.close_connection = True
            self._lose(line, head + answer)
        else:
            self.wfile.write(head + answer)

    do_GET = do_POST = _any

    def _lose(self, how: str, answer: bytes) -> None:
        over, patience = self.server.aws._over, self.server.aws._hang_s
        if how == "hang":
            over.wait(patience)
        elif how == "half":
            self.wfile.write(answer[: len(answer) * 2 // 3])
        elif how == "drip":
            until = time.monotonic() + patience
            for byte in answer:
                if over.wait(0.1) or time.monotonic() > until:
                    break
                self.wfile.write(bytes([byte]))
            else:
                self.server.aws.dripped_whole += 1
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *args: object) -> None:
        pass
