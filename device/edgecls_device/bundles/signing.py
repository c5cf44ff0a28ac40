"""Ed25519 (RFC 8032) through the ``openssl`` program, which every Debian has: a device needs no package.

Keys are the PEM files that openssl itself writes and reads: PKCS#8 for private ones, SubjectPublicKeyInfo
(RFC 8410) for public ones. A key's fingerprint is the SHA-256 of its DER SubjectPublicKeyInfo, as hex.
"""

import base64
import binascii
import hashlib
import os
import re
import tempfile
from pathlib import Path

from edgecls_device.bundles.openssl import run_openssl
from edgecls_device.errors import BundleError, StorageError
from edgecls_device.files import make_directory, read_bytes, storage_errors

__all__ = ["fingerprint", "is_signed_by", "new_key", "public_key", "sign"]

SIGNATURE_BYTES = 64
MOST_KEY_BYTES = 10_000

_SPKI = bytes.fromhex(
    "302a300506032b6570032100"
)  # what stands before the 32 bytes of a key, RFC 8410
_PEM = re.compile(r"-----BEGIN ([A-Z ]+)-----\s+([A-Za-z0-9+/=\s]+?)\s+-----END \1-----", re.ASCII)
_HOW = "edgecls keys new FILE makes one"


def new_key(path: Path) -> str:
    """Make a key: the private one at ``path``, for its owner only, the public one beside it as ``.pub``.

    Returns:
        Its fingerprint.

    Raises:
        MissingDependencyError: If there is no openssl, or one before 3.0.
        StorageError: If either file exists already, or cannot be written.
    """
    public = public_path(path)
    for taken in (path, public):
        if taken.exists() or taken.is_symlink():
            message = f"Expected a new file for a key, got {str(taken)!r}, which exists."
            raise StorageError(message, hint="a key is never overwritten; name another file")
    private = _openssl("genpkey", "-algorithm", "ED25519")
    pem = _openssl("pkey", "-pubout", given=private)
    make_directory(path.parent)
    _create(path, private, mode=0o600)
    try:
        _create(public, pem, mode=0o644)
    except BaseException:
        path.unlink()
        raise
    return fingerprint(pem)


def public_path(private: Path) -> Path:
    """Return where the public key of a private one stands."""
    return private.with_name(f"{private.name}.pub")


def public_key(path: Path) -> bytes:
    """Return the public key in a file that holds a public or a private one, as PEM.

    Raises:
        BundleError: If it is no Ed25519 key, or locked with a passphrase.
        MissingDependencyError: If it is a private one and there is no openssl, or one before 3.0.
        StorageError: If the file cannot be read.
    """
    pem = read_bytes(path, max_bytes=MOST_KEY_BYTES)
    kind = _kind(pem)
    if kind == "PRIVATE KEY":
        pem = _openssl("pkey", "-pubout", given=pem, wrong=_no_key(path))
    elif kind == "ENCRYPTED PRIVATE KEY":
        message = f"Expected a key without a passphrase, got {str(path)!r}, which has one."
        hint = f"unlock it where you sign: openssl pkey -in {path.name} -out unlocked.pem"
        raise BundleError(message, hint=hint)
    try:
        return _pem_of(_raw(pem))
    except BundleError as error:
        raise _no_key(path) from error


def is_private(path: Path) -> bool:
    """Whether a file holds a private key, which belongs on no device.

    Raises:
        StorageError: If the file cannot be read.
    """
    return "PRIVATE" in _kind(read_bytes(path, max_bytes=MOST_KEY_BYTES))


def fingerprint(pem: bytes) -> str:
    """Return SHA-256 of a public key's DER SubjectPublicKeyInfo, as hex.

    Raises:
        BundleError: If it is no public Ed25519 key.
    """
    return hashlib.sha256(_SPKI + _raw(pem)).hexdigest()


def sign(data: bytes, key: Path) -> bytes:
    """Return the signature of ``data``, 64 bytes; the same each time.

    Args:
        data: What is signed.
        key: File of the private key.

    Raises:
        BundleError: If that is no private Ed25519 key.
        MissingDependencyError: If there is no openssl, or one before 3.0.
        StorageError: If a file cannot be read or written.
    """
    pem = public_key(key)
    if not is_private(key):
        message = f"Expected a private key, got {str(key)!r}, which is a public one."
        raise BundleError(message, hint=f"name the file without .pub; {_HOW}")
    with _folder() as folder:
        paths = _written(folder, data=data, key=read_bytes(key, max_bytes=MOST_KEY_BYTES))
        words = ("pkeyutl", "-sign", "-rawin", "-inkey", paths["key"], "-in", paths["data"])
        signature = _openssl(*words, wrong=_no_key(key))
    if not is_signed_by(data, signature, pem):
        message = f"Expected a signature by the key in {str(key)!r}, got one that does not fit."
        raise BundleError(message, hint=f"make another key; {_HOW}")
    return signature


def is_signed_by(data: bytes, signature: bytes, pem: bytes) -> bool:
    """Whether ``signature`` is one of ``data`` by a public key.

    Raises:
        BundleError: If ``pem`` is no public Ed25519 key.
        MissingDependencyError: If there is no openssl, or one before 3.0.
        StorageError: If a temporary file cannot be written.
    """
    key = _pem_of(_raw(pem))
    if len(signature) != SIGNATURE_BYTES:
        return False
    with _folder() as folder:
        paths = _written(folder, data=data, key=key, signature=signature)
        words = ["pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", paths["key"]]
        words += ["-sigfile", paths["signature"], "-in", paths["data"]]
        done = run_openssl(*words)
    return done.returncode == 0 and b"Signature Verified Successfully" in done.stdout


def _kind(pem: bytes) -> str:
    found = _PEM.fullmatch(pem.decode("latin-1").strip())
    return found[1] if found else ""


def _raw(pem: bytes) -> bytes:
    """Return the 32 bytes of a public key."""
    found = _PEM.fullmatch(pem.decode("latin-1").strip())
    try:
        der = base64.b64decode("".join(found[2].split()), validate=True) if found else b""
    except binascii.Error:
        der = b""
    if not found or found[1] != "PUBLIC KEY" or len(der) != 44 or not der.startswith(_SPKI):
        message = "Expected a public Ed25519 key as PEM, got something else."
        raise BundleError(message, hint=_HOW)
    return der[len(_SPKI) :]


def _pem_of(raw: bytes) -> bytes:
    """Return a public key as openssl writes it, so that equal keys are equal bytes."""
    body = base64.b64encode(_SPKI + raw)
    return b"-----BEGIN PUBLIC KEY-----\n" + body + b"\n-----END PUBLIC KEY-----\n"


def _no_key(path: Path) -> BundleError:
    message = f"Expected an Ed25519 key in a PEM file, got {str(path)!r}, which is something else."
    return BundleError(message, hint=_HOW)


def _create(path: Path, data: bytes, *, mode: int) -> None:
    with storage_errors("write", path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            path.unlink()
            raise


def _folder() -> tempfile.TemporaryDirectory[str]:
    with storage_errors("write", Path(tempfile.gettempdir())):
        return tempfile.TemporaryDirectory(prefix="edgecls-key-")


def _written(folder: str, **contents: bytes) -> dict[str, str]:
    """Write files that openssl reads: it signs no pipe, and shows its arguments to everybody."""
    paths = {name: Path(folder) / name for name in contents}
    for name, path in paths.items():
        _create(path, contents[name], mode=0o600)
    return {name: str(path) for name, path in paths.items()}


def _openssl(*words: str, given: bytes = b"", wrong: BundleError | None = None) -> bytes:
    """Return what openssl prints; ``wrong`` is what its failure means."""
    done = run_openssl(*words, given=given)
    if done.returncode == 0:
        return done.stdout
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    message = (
        f"Expected openssl {words[0]} to succeed, got: {said[0] if said else done.returncode}."
    )
    raise wrong or BundleError(message, hint="openssl version says which one it is")
