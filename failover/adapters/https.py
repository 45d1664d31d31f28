"""One request over HTTPS with one deadline; its error says whether it may have arrived. URLs are secrets: only hosts
are shown.

The deadline is our own: a socket's time-out is per read, and does not cover the
name lookup (measured). One connection for one request, without a pool: nothing
is followed, repeated or kept.
"""

from __future__ import annotations

import json
import logging
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from typing import Any
from urllib.parse import unquote
from urllib.request import getproxies, proxy_bypass

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential
from urllib3 import HTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util import Url, make_headers, parse_url

from failover.adapters.request import Request
from failover.adapters.watchdog import Errand, Overdue, Stage
from failover.core.clean import clean
from failover.core.runs.answer import Answer, meaning, table
from failover.errors import FailoverError, OutcomeUnknown, StepFailed, Unreachable

_TRIES = 3


def deliver(request: Request, deadline_s: float, backoff_s: float = 0.5) -> None:
    """Send it, at most three times if the server is busy, within `deadline_s` seconds in all.

    Raises:
        Unreachable: certainly not told.
        OutcomeUnknown: sent, and no answer came, or a 5xx: maybe told.
        StepFailed: the server refused it.
    """
    logging.getLogger("urllib3.connection").setLevel(logging.ERROR)  # its warning of a bad header shows the whole URL
    ends = time.monotonic() + deadline_s
    errand: Errand[None] = Errand()
    tries = Retrying(
        retry=retry_if_exception_type((_Busy, _Broken)),
        stop=stop_after_attempt(_TRIES),
        wait=wait_exponential(backoff_s, max=deadline_s / 4),
        reraise=True,
    )
    try:
        errand.run(lambda: tries(_once, request, deadline_s, errand), lambda _: ends)
    except Overdue as e:
        raise _no_answer(request, e.stage, f"no answer in {deadline_s:g} s") from None


ANSWERS = table({Answer.NOTHING: range(300, 500)})
"""By status, if not in `taken`: these mean that it was refused. After a 5xx, or another 2xx, it may have been
taken."""


class _Busy(StepFailed):
    """429: it may be sent again; the receiver knows a repeat by its key."""


class _Broken(OutcomeUnknown):
    """5xx: sent again, too, although it may have been taken."""


def _once(request: Request, deadline_s: float, errand: Errand[None]) -> None:
    maybe = errand.stage is Stage.SENT  # by an earlier try
    try:
        status = _status(request, deadline_s, errand)
    except TimeoutError:  # the socket's, which ends at the same moment as the errand
        raise _no_answer(request, errand.stage, f"no answer in {deadline_s:g} s") from None
    except (HTTPError, HTTPException, OSError) as e:
        raise _no_answer(request, errand.stage, clean(str(e), 300).strip() or type(e).__name__) from None
    if status in request.taken:
        return
    said, again = f"{request.url.host} answered {status}", status == 429 or status >= 500
    said += f", {_TRIES} times" if again else ""
    if maybe or meaning(ANSWERS, status) is not Answer.NOTHING:
        fix = "ask there before repeating it: it may have been told"
        raise (_Broken if again else OutcomeUnknown)(said, try_=fix)
    errand.at(Stage.CONNECT)
    if again:
        raise _Busy(said, try_="look at that service")
    raise StepFailed(said, try_=request.fix)


def ask(request: Request, deadline_s: float, *, most: int = 1 << 20) -> tuple[int, bytes]:
    """Send it once, within `deadline_s` seconds in all; returns the status and the body.

    Raises Unreachable (nothing was sent), OutcomeUnknown (no whole answer of at most `most` bytes came).
    """
    host, errand, ends = request.url.host, Errand[tuple[int, bytes]](), time.monotonic() + deadline_s
    try:
        return errand.run(lambda: _answer(request, deadline_s, errand, most), lambda _: ends)
    except (Overdue, HTTPError, HTTPException, OSError) as e:
        slow = isinstance(e, Overdue | TimeoutError)
        why = f"no answer in {deadline_s:g} s" if slow else clean(str(e), 300).strip() or type(e).__name__
        if errand.stage is Stage.SENT:
            raise OutcomeUnknown(f"{host} was asked, and no good answer came: {why}", try_="look at it there") from None
        raise Unreachable(f"{host} was not asked: {why}", try_="is it up, and within reach from here?") from None


def _answer(request: Request, deadline_s: float, errand: Errand[tuple[int, bytes]], most: int) -> tuple[int, bytes]:
    with _sent(request, deadline_s, errand) as response:
        body = response.read(most + 1)
        if len(body) > most:
            raise HTTPException(f"an answer of more than {most} bytes")
        return response.status, body


def _status(request: Request, deadline_s: float, errand: Errand[None]) -> int:
    """The answer's body is not read, so neither its size nor its time matters."""
    with _sent(request, deadline_s, errand) as response:
        return response.status


@contextmanager
def _sent(request: Request, deadline_s: float, errand: Errand[Any]) -> Iterator[HTTPResponse]:
    """Redirects are not followed. Without an answer the connection is reset, so that our kernel sends no more."""
    url, body = request.url, None
    headers = {**make_headers(basic_auth=unquote(url.auth or "") or None), **request.headers}
    if request.document is not None:
        headers["Content-Type"] = "application/json"
        body = json.dumps(request.document, ensure_ascii=False).encode(errors="replace")
    connection = _connection(url, deadline_s)
    try:
        connection.connect()
        sock = connection.sock
        errand.holds(sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        errand.at(Stage.SENT)
        method = request.method or ("GET" if body is None else "POST")
        connection.request(method, url.request_uri, body, headers, preload_content=False)
        response = connection.getresponse()
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))
        yield response
    finally:
        connection.close()


def _connection(url: Url, timeout_s: float) -> HTTPConnection:
    """Not yet connected; through the proxy of the environment (https_proxy, no_proxy)."""
    host = url.host or ""
    if url.scheme == "http":
        return HTTPConnection(host, url.port, timeout=timeout_s)
    context = ssl.create_default_context()
    named = None if proxy_bypass(host) else getproxies().get("https")
    if not named:
        return HTTPSConnection(host, url.port, timeout=timeout_s, ssl_context=context)
    proxy = parse_url(named)
    connection = HTTPSConnection(proxy.host or "", proxy.port or 80, timeout=timeout_s, ssl_context=context)
    credentials = make_headers(proxy_basic_auth=unquote(proxy.auth or "") or None)
    connection.set_tunnel(host, url.port or 443, credentials, scheme=proxy.scheme or "http")
    return connection


def _no_answer(request: Request, stage: Stage, why: str) -> FailoverError:
    host = request.url.host
    if stage is Stage.SENT:
        return OutcomeUnknown(f"{host} may have been told: {why}", try_="ask there before repeating it")
    return Unreachable(f"{host} was not told: {why}", try_="check the network from here, and its name")
