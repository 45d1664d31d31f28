"""The lab's secrets, made anew at every `up`: host keys, the controller's identity, the TSIG key."""

from __future__ import annotations

import base64
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

KEY_NAME = "failover"
ALGORITHM = "hmac-sha256"


@dataclass(frozen=True, slots=True)
class KeyPair:
    private: str
    public: str


def ssh_key_pair() -> KeyPair:
    """An Ed25519 pair in OpenSSH's formats, without a comment."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    return KeyPair(private, key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode() + "\n")


def tsig_secret() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def write_secret(path: Path, text: str) -> None:
    """Readable by its owner alone from the first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
