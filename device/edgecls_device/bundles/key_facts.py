"""What can be told of a key without telling it."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from edgecls_device.bundles.signing import fingerprint, is_private, public_key

__all__ = ["KeyFacts", "key_facts"]


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyFacts:
    """One key.

    Attributes:
        file: Where it is.
        is_private: Whether the file can sign.
        fingerprint: SHA-256 of the public key's DER SubjectPublicKeyInfo, as hex.
        public_key: The public key as PEM.
    """

    kind: ClassVar[str] = "edgecls.key"
    version: ClassVar[int] = 1

    file: str
    is_private: bool
    fingerprint: str
    public_key: str


def key_facts(path: Path) -> KeyFacts:
    """Return what a key's file holds, private or public.

    Raises:
        BundleError: If it is no Ed25519 key, or locked with a passphrase.
        MissingDependencyError: If it is a private one and there is no openssl, or one before 3.0.
        StorageError: If it cannot be read.
    """
    pem = public_key(path)
    return KeyFacts(
        file=str(path),
        is_private=is_private(path),
        fingerprint=fingerprint(pem),
        public_key=pem.decode(),
    )
