"""AWS Signature Version 4, recomputed from the request as it arrived; independent of the client that signed it.

Source: "Create a signed AWS API request" in the IAM User Guide.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, urlsplit

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<day>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, ?"
    r"SignedHeaders=(?P<headers>[^,]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class Signed:
    """What a request says of itself: whose key, for which service and region, and when it was signed."""

    key: str
    service: str
    region: str
    token: str | None
    at: datetime
    day: str
    headers: tuple[str, ...]
    signature: str


def read(headers: Mapping[str, str]) -> Signed | None:
    """None when it is not signed, or not in this form."""
    found = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if found is None or "x-amz-date" not in headers:
        return None
    return Signed(
        found["key"],
        found["service"],
        found["region"],
        headers.get("x-amz-security-token"),
        datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC),
        found["day"],
        tuple(found["headers"].split(";")),
        found["signature"],
    )


def fits(signed: Signed, secret: str, method: str, target: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Does the signature belong to exactly this request?"""
    scope = f"{signed.day}/{signed.region}/{signed.service}/aws4_request"
    canonical = hashlib.sha256(_canonical(signed, method, target, headers, body).encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{signed.at:%Y%m%dT%H%M%SZ}\n{scope}\n{canonical}"
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.compare_digest(hmac.digest(key, text.encode(), "sha256").hex(), signed.signature)


def _canonical(signed: Signed, method: str, target: str, headers: Mapping[str, str], body: bytes) -> str:
    url = urlsplit(target)
    pairs = sorted((quote(k, safe="-_.~"), quote(v, safe="-_.~")) for k, v in parse_qsl(url.query, True))
    lines = "".join(f"{name}:{' '.join(headers.get(name, '').split())}\n" for name in signed.headers)
    return "\n".join(
        (
            method,
            quote(url.path, safe="/-_.~%"),
            "&".join(f"{k}={v}" for k, v in pairs),
            lines,
            ";".join(signed.headers),
            hashlib.sha256(body).hexdigest(),
        )
    )
