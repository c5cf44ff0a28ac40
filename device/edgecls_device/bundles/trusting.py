"""Whose bundles an installation takes: the public keys in its folder ``trusted``."""

from dataclasses import dataclass
from pathlib import Path

from edgecls_device.bundles.installation import Installation
from edgecls_device.bundles.signing import fingerprint, is_private, public_key
from edgecls_device.errors import BundleError
from edgecls_device.files import make_directory, storage_errors, write_atomically

__all__ = ["Trust", "trust_for", "trust_key", "trusted_keys"]

SHOWN_DIGITS = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Trust:
    """Which signatures are enough.

    Attributes:
        keys: Public keys that are trusted, as PEM.
        must_be_signed: Whether a bundle is refused that none of ``keys`` signed; without keys, whether an
            unsigned one is refused. Otherwise the signature's state is only told.
    """

    keys: tuple[bytes, ...] = ()
    must_be_signed: bool


def trusted_keys(installation: Installation) -> tuple[bytes, ...]:
    """Return the public keys whose bundles an installation takes, as PEM; none before it is installed.

    Raises:
        BundleError: If a file among them is no key: nothing is trusted by mistake, and none is left out.
        StorageError: If they cannot be read.
    """
    folder = installation.trusted
    if not folder.exists():
        return ()
    with storage_errors("read", folder):
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".pem")
    return tuple(public_key(path) for path in paths)


def trust_for(installation: Installation, *, key: Path | None = None) -> Trust:
    """Return what an installation demands of a bundle: once it trusts a key, a signature by such a key.

    Args:
        installation: It need not exist yet.
        key: A file with the only key that is good enough, whatever is trusted otherwise.

    Raises:
        BundleError: If a file that should hold a key does not.
        StorageError: If one cannot be read.
    """
    keys = trusted_keys(installation) if key is None else (public_key(key),)
    return Trust(keys=keys, must_be_signed=bool(keys))


def trust_key(installation: Installation, pem: bytes) -> Path:
    """Take bundles signed by a key from now on.

    Args:
        installation: Where.
        pem: The public key.

    Returns:
        The file that says so.

    Raises:
        BundleError: If it is no public Ed25519 key.
        StorageError: If the file cannot be written.
    """
    path = installation.trusted / f"{fingerprint(pem)[:SHOWN_DIGITS]}.pem"
    make_directory(path.parent)
    write_atomically(path, pem)
    with storage_errors("write", path):
        path.chmod(0o644)  # everybody may know whom this device trusts
    return path


def key_to_trust(path: Path) -> bytes:
    """Return the public key in a file, which must not hold the private one.

    Raises:
        BundleError: If it does, or holds no Ed25519 key.
        StorageError: If it cannot be read.
    """
    if is_private(path):
        message = f"Expected a public key, got {str(path)!r}, which holds a private one."
        hint = f"remove it from this device; the public key is in {path.name}.pub"
        raise BundleError(message, hint=hint)
    return public_key(path)
