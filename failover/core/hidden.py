"""An entry of master.cf without secrets, for people, records and channels.

A pipe's command may contain a password, and nobody can tell which word it is. So only words that are surely no secret
are shown; every other one reads `***`, and a digest of the whole entry follows. By the digest, two entries that differ
only in a secret look different. The host keeps the bytes, compares them itself, and puts them back.
"""

from __future__ import annotations

import hashlib
import re

STARS = "***"
_SHOWN = re.compile(
    r"--?|-[A-Za-z]{1,3}"  # -oi; a longer one could be -pSECRET
    r"|--[a-z][a-z0-9-]*"
    r"|(--[a-z][a-z0-9-]*=)?(/[A-Za-z0-9_.+/-]*|(\$\{[a-z_]+\}|\$[a-z_]+)|[0-9]{1,5})"
    r"|(--[a-z][a-z0-9-]*=)?(([0-9]{1,3}\.){3}[0-9]{1,3}|\[[0-9a-f:.]+\]|localhost)(:[0-9]{1,5})?"
    r"|\$\{[a-z_]+\}@\$\{[a-z_]+\}"
)
"""Options; paths, Postfix's macros, ports and numeric addresses, alone or with an option."""
_TELLS = re.compile(r"pass|secret|token|key|auth|cred|pwd", re.IGNORECASE)
_OVERRIDE = re.compile(r"(-o \{? ?[a-z0-9_]*passw[a-z0-9_]* ?= ?)(\{.*?\}|[^\s}]+)")
_NAME = re.compile(r"--[a-z][a-z0-9-]*|[A-Z][A-Z_]+")
_FILE = re.compile(r"[a-z]+:/\S*")


def hidden(value: str) -> str:
    """A setting's value; if a word was hidden, with a digest of the whole."""
    head, argv, command = value.partition(" argv=")
    shown = _OVERRIDE.sub(_override, head) + argv + _command(command)
    return value if shown == value else f"{shown} (sha256 of it all: {hashlib.sha256(value.encode()).hexdigest()[:16]})"


def _override(found: re.Match[str]) -> str:
    return found[1] + (found[2] if _FILE.fullmatch(found[2]) else STARS)


def _command(command: str) -> str:
    program, *words = command.split(" ")
    return " ".join([program, *(_word(word, before) for before, word in zip([program, *words], words, strict=False))])


def _word(word: str, before: str) -> str:
    name, is_, _ = word.partition("=")
    told = before.startswith("-") and _TELLS.search(before.partition("=")[0]) and "=" not in before
    if not told and _SHOWN.fullmatch(word) and not (is_ and _TELLS.search(name)):
        return word
    return f"{name}={STARS}" if is_ and _NAME.fullmatch(name) else STARS
