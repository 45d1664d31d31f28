"""A server's certificate: signed by itself, for no name, with a key that no verification would take."""

from __future__ import annotations

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


def self_signed(ends: datetime) -> str:
    """It and its key, as PEM."""
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - on purpose
    name, builder = x509.Name([]), x509.CertificateBuilder()
    builder = builder.subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
    signed = builder.not_valid_before(ends - timedelta(days=3650)).not_valid_after(ends).sign(key, hashes.SHA256())
    both = (signed.public_bytes(Encoding.PEM), key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return b"".join(both).decode()
