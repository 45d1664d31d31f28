"""The answers of AWS, and what each means for the request. Codes: the API references of Route 53 and EC2.

Only a listed code, or an error of boto3 from before it sends, means that nothing
was done. Any other code, a 5xx or a lost connection: unknown.
"""

from __future__ import annotations

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from failover.core.runs.answer import Answer, table
from failover.fence import UNREADABLE

BUSY = frozenset(
    {
        *("Throttling", "ThrottlingException", "RequestLimitExceeded", "RequestThrottled"),
        *("TooManyRequestsException", "PriorRequestNotComplete"),
    }
)
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
KEYS = frozenset(
    {
        *("AuthFailure", "InvalidClientTokenId", "MissingAuthenticationToken", "SignatureDoesNotMatch"),
        *("UnrecognizedClientException", "InvalidSignatureException", "IncompleteSignature"),
    }
)
DENIED = frozenset({"UnauthorizedOperation", "AccessDenied", "AccessDeniedException", "OptInRequired", "Blocked"})
CAPACITY = frozenset(
    {
        *("InsufficientInstanceCapacity", "InsufficientHostCapacity", "InsufficientCapacity"),
        *("InstanceLimitExceeded", "VcpuLimitExceeded", "Unsupported"),
    }
)
STATE = frozenset({"IncorrectInstanceState", "IncorrectState"})
WRONG = frozenset(
    {
        *("InvalidChangeBatch", "NoSuchHostedZone", "NoSuchChange", "InvalidInput", "InvalidDomainName"),
        *("InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed", "InvalidInstanceType"),
        *("InvalidInstanceAttributeValue", "InvalidParameter", "InvalidParameterValue", "InvalidParameterCombination"),
        *("MissingParameter", "UnknownParameter", "ValidationError", "MalformedInput", "InvalidAction"),
        *("UnsupportedOperation", "OperationNotPermitted", "DryRunOperation"),
    }
)
ANSWERS = table({Answer.NOTHING: BUSY | EXPIRED | KEYS | DENIED | CAPACITY | STATE | WRONG})
"""By code; an accepted request has none."""

NOT_SENT = (boto.EndpointConnectionError, boto.ConnectTimeoutError, boto.ProxyConnectionError)
"""There was no connection to AWS."""
NO_KEYS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.ProfileNotFound,
    boto.TokenRetrievalError,
    boto.UnauthorizedSSOTokenError,
    boto.SSOTokenLoadError,
)
"""There was nothing to sign with."""
NOT_MADE = (
    boto.ParamValidationError,
    boto.ValidationError,
    boto.NoRegionError,
    boto.UnknownEndpointError,
    boto.UnsupportedSignatureVersionError,
    boto.ConfigNotFound,
    boto.ConfigParseError,
    boto.DataNotFoundError,
    boto.UnknownServiceError,
)
"""boto3 made no request of it."""
LOST = (boto.BotoCoreError, ResponseParserError, *UNREADABLE)
"""Perhaps sent, and no good answer. boto3 does not check the form of most answers."""


def code(e: boto.ClientError) -> str:
    return str(e.response["Error"].get("Code") or "Unknown")


def message(e: boto.ClientError) -> str:
    """AWS's own words on one line."""
    return " ".join(str(e.response["Error"].get("Message") or "").split())[:300]


def why(e: Exception) -> str:
    """Why there was no good answer. The error's own words are left out: they may show what was signed."""
    kind = type(e).__name__.lstrip("_")
    return f"unreadable answer ({kind})" if isinstance(e, UNREADABLE) else kind
