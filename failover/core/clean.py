"""Text from outside, made safe to print. It is cleaned once, where it is parsed.

Control codes (ESC, C0, C1), bidi marks, zero-width characters and lone surrogates become a blank. One field is one
line.
"""

from __future__ import annotations

import re

LONGEST = 16_384
"""Most characters of a field; settings of mail servers are far shorter."""
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""Letters and marks that are invisible (Unicode, Default_Ignorable_Code_Point)."""


def clean(text: str, most: int = LONGEST) -> str:
    """One line of printable text, of at most `most` characters; an ellipsis ends one that was cut."""
    cut = text if len(text) <= most else text[: most - 1] + "…"
    if cut.isascii() and cut.isprintable():
        return cut
    return _UNSEEN.sub(" ", "".join(c if c.isprintable() else " " for c in cut))


def field(text: str) -> str:
    """A field of an answer. A cut one ends with its digest, so that two long ones never look the same."""
    if len(text) <= LONGEST:
        return clean(text)
    import hashlib  # loads OpenSSL, which `failover --help` can do without

    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
    return f"{clean(text, LONGEST - 60)} ({len(text)} characters, sha256 {digest})"
