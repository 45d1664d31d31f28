"""Text from outside, made fit to be printed: cleaned once, where it is parsed, so that whoever prints it need not.

What a terminal obeys (ESC, C0, C1), what turns a line round (bidi marks), what is not seen (zero-width) and what cannot
be encoded (lone surrogates) becomes a blank. One field is one line.
"""

from __future__ import annotations

import hashlib
import re

LONGEST = 16_384
"""Characters of one field. The longest setting of a mail server is far below."""
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""Letters and marks by their category, which nobody sees (Unicode, Default_Ignorable_Code_Point)."""


def clean(text: str, most: int = LONGEST) -> str:
    """One line of printable text, of at most `most` characters; an ellipsis ends one that was cut."""
    cut = text if len(text) <= most else text[: most - 1] + "…"
    if cut.isascii() and cut.isprintable():
        return cut
    return _UNSEEN.sub(" ", "".join(c if c.isprintable() else " " for c in cut))


def field(text: str) -> str:
    """A field of an answer. One that is cut carries its digest, so that two long ones never read as the same."""
    if len(text) <= LONGEST:
        return clean(text)
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
    return f"{clean(text, LONGEST - 60)} ({len(text)} characters, sha256 {digest})"
