"""Opening a bundle: its structure, manifest and signature are checked, its members as they are read.

A member is trusted by the SHA-256 in the manifest, of just those bytes that are handed out or written. So it
does not matter whether the file is replaced or rewritten after it was opened, or lies on a disk that forgets.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Literal

from edgecls_device.bundles.container import COPY_AGAIN, Container, open_container
from edgecls_device.bundles.installation import sync_directory
from edgecls_device.bundles.manifest import MANIFEST, SIGNATURE, Manifest, version_name
from edgecls_device.bundles.names import NOT_OURS
from edgecls_device.bundles.signing import SIGNATURE_BYTES, fingerprint, is_signed_by
from edgecls_device.bundles.trusting import SHOWN_DIGITS, Trust, trusted_keys
from edgecls_device.errors import BundleError, SpecError
from edgecls_device.files import storage_errors
from edgecls_device.records import from_json, to_json

__all__ = ["SIGNER", "Advance", "Bundle", "SignatureState", "Trust", "open_bundle", "trusted_keys"]

SIGNER = "signer.pem"
MOST_MANIFEST_BYTES = 4_000_000
MOST_KEY_BYTES = 10_000

SignatureState = Literal["trusted", "unknown-key", "unsigned"]
Advance = Callable[[int], None]
"""Called with the number of bytes that were done since the last call."""


def open_bundle(path: Path, *, trust: Trust | None = None) -> "Bundle":
    """Open a bundle and check all but the content of its members; a wrong signature is always refused.

    Args:
        path: The file.
        trust: Which signatures are enough; by default any state is only told.

    Raises:
        BundleError: If it is damaged, not made by edgecls, or not signed as it should be.
        MissingDependencyError: If it is signed, and there is no openssl, or one before 3.0.
        StorageError: If it cannot be read.
    """
    container = open_container(path)
    try:
        return Bundle(container, trust or Trust(must_be_signed=False))
    except BaseException:
        container.close()
        raise


class Bundle:
    """An open bundle.

    Attributes:
        path: The file's name when it was opened.
        manifest: What it says of itself.
        manifest_bytes: The same, as it is in the file and as it was signed.
        version_name: The folder's name once it is installed.
        signer_pem: The public key that signed it; None if it is unsigned.
        signature_state: Signed by a ``trusted`` key, by an ``unknown-key``, or ``unsigned``.
    """

    def __init__(self, container: Container, trust: Trust) -> None:
        """Check an open container, which is closed by :meth:`close`.

        Raises:
            BundleError: If it is damaged, not made by edgecls, or not signed as it should be.
        """
        self._container = container
        self.path = container.path
        self.manifest_bytes = container.read(MANIFEST, max_bytes=MOST_MANIFEST_BYTES)
        self._signature = b""
        self.manifest = _manifest(self.manifest_bytes, container.path.name)
        self.version_name = version_name(self.manifest.release, self.manifest_bytes)
        self._sha256 = {member.name: member.sha256 for member in self.manifest.members}
        self._check_members()
        self.signer_pem = self._signer()
        self.signature_state = self.check_trust(trust)

    @property
    def names(self) -> tuple[str, ...]:
        """Every member, ``manifest.json`` and ``manifest.sig`` among them, in the order of the file."""
        return self._container.names

    @property
    def size_bytes(self) -> int:
        """Size of all members together, which is what :meth:`check` goes through."""
        return sum(member.size_bytes for member in self.manifest.members)

    def check_trust(self, trust: Trust) -> SignatureState:
        """Return whose signature it has; it was found to be right when the bundle was opened.

        Raises:
            BundleError: If that is not enough.
        """
        state: SignatureState = "unsigned"
        if self.signer_pem is not None:
            known = {fingerprint(key) for key in trust.keys}
            state = "trusted" if self.manifest.signed_by in known else "unknown-key"
        if trust.must_be_signed and state != "trusted" and (trust.keys or state == "unsigned"):
            raise _not_trusted(self.path, self.manifest.signed_by, trust)
        return state

    def check(self, advance: Advance | None = None, *, names: Iterable[str] | None = None) -> None:
        """Hash every member.

        Args:
            advance: Told of progress, up to ``size_bytes``.
            names: Only these.

        Raises:
            BundleError: The first that is not what the manifest says.
            StorageError: If the file cannot be read.
        """
        every = (member.name for member in self.manifest.members)
        for name in every if names is None else names:
            for chunk in self._checked(name):
                if advance:
                    advance(len(chunk))

    def read(self, name: str, max_bytes: int) -> bytes:
        """Return the content of a member, which is what the manifest says.

        Raises:
            BundleError: If it is not, there is none of that name, or it is larger than ``max_bytes``.
            StorageError: If the file cannot be read.
        """
        size = self._container.size(name)
        if size > max_bytes:
            message = (
                f"Expected at most {max_bytes} bytes of {name!r} in {self.path.name!r}, got {size}."
            )
            raise BundleError(message, hint=NOT_OURS)
        return b"".join(self._checked(name))

    def unpack(self, folder: Path, names: Iterable[str], advance: Advance | None = None) -> None:
        """Write members into a folder, whole and synced, or none of them.

        Each is hashed while it is written. Files are 0644 and folders 0755, whatever the umask is, since the
        service may run as another user.

        Args:
            folder: Where to; it is made if it does not exist. What stands in it is never overwritten.
            names: The members; :attr:`names` has all.
            advance: Told of progress in bytes.

        Raises:
            BundleError: If a member is not what the manifest says; nothing of what was written stays.
            StorageError: If it cannot be written; nothing of what was written stays.
        """
        made: list[Path] = []
        try:
            with storage_errors("unpack into", folder):
                if not folder.is_dir():
                    _make_folder(folder, made)
                for name in names:
                    for parent in reversed(Path(name).parents[:-1]):
                        _make_folder(folder / parent, made)
                    self._write(name, folder / name, made, advance)
                for changed in {path.parent for path in made} | {folder}:
                    sync_directory(changed)
        except BaseException:
            _remove(made)
            raise

    def close(self) -> None:
        """Close the file; closing twice is harmless."""
        self._container.close()

    def __enter__(self) -> "Bundle":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _check_members(self) -> None:
        """Let the file hold what the manifest lists, no more and no less."""
        listed = {member.name: member.size_bytes for member in self.manifest.members}
        held = {name: self._container.size(name) for name in self._container.names}
        for own in (MANIFEST, SIGNATURE):
            held.pop(own, None)
        for name in sorted(listed.keys() | held.keys()):
            wanted, got = listed.get(name, "no such member"), held.get(name, "none")
            if wanted != got:
                message = f"Expected {wanted} bytes of {name!r} in {self.path.name!r}, got {got}."
                if name not in listed:
                    message = f"Expected only what the manifest lists in {self.path.name!r}, got {name!r}."
                raise BundleError(message, hint=NOT_OURS)

    def _signer(self) -> bytes | None:
        """Return the key that the bundle names, once its signature is found to be right."""
        parts = (
            bool(self.manifest.signed_by),
            SIGNATURE in self._container.names,
            SIGNER in self._container.names,
        )
        if not any(parts):
            return None
        if not all(parts):
            message = f"Expected a whole signature in {self.path.name!r}, got a part of one."
            raise BundleError(message, hint=NOT_OURS)
        pem = self.read(SIGNER, MOST_KEY_BYTES)
        self._signature = self._container.read(SIGNATURE, max_bytes=SIGNATURE_BYTES)
        is_named = fingerprint(pem) == self.manifest.signed_by
        if not is_named or not is_signed_by(self.manifest_bytes, self._signature, pem):
            message = (
                f"Expected a signature of its manifest in {self.path.name!r}, got one that is not."
            )
            raise BundleError(message, hint=NOT_OURS)
        return pem

    def _checked(self, name: str) -> Iterator[bytes]:
        """Yield the content of a member; behind the last part it was what the manifest says, or an error."""
        self._container.size(name)  # refuses a name that is none
        kept = {MANIFEST: self.manifest_bytes, SIGNATURE: self._signature}
        if name in kept:  # the very bytes that were checked
            yield kept[name]
            return
        digest = hashlib.sha256()
        for chunk in self._container.chunks(name):
            digest.update(chunk)
            yield chunk
        if digest.hexdigest() != self._sha256[name]:
            message = f"Expected {name!r} in {self.path.name!r} with the hash in the manifest, got another."
            raise BundleError(message, hint=COPY_AGAIN)

    def _write(self, name: str, path: Path, made: list[Path], advance: Advance | None) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
        made.append(path)
        with os.fdopen(descriptor, "wb") as file:
            for chunk in self._checked(name):
                file.write(chunk)
                if advance:
                    advance(len(chunk))
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())


def _manifest(data: bytes, name: str) -> Manifest:
    """Return the manifest, which must be exactly as it is written: no other order, no doubled fields."""
    try:
        text = data.decode()
        manifest = from_json(Manifest, text, name=f"the manifest of {name!r}")
    except UnicodeError as error:
        message = f"Expected UTF-8 in the manifest of {name!r}, got something else."
        raise BundleError(message, hint=NOT_OURS) from error
    except SpecError as error:
        raise BundleError(error.message, hint=error.hint) from error
    is_plain = text.replace("\n", "").isprintable() and "\\" not in text
    if not is_plain or to_json(manifest) != text:
        message = (
            f"Expected the manifest of {name!r} as edgecls writes it, got it written otherwise."
        )
        raise BundleError(message, hint=NOT_OURS)
    return manifest


def _not_trusted(path: Path, signed_by: str, trust: Trust) -> BundleError:
    known = ", ".join(fingerprint(key)[:SHOWN_DIGITS] for key in trust.keys)
    wanted = f"signed by a trusted key ({known})" if known else "that is signed"
    got = f"signed by {signed_by[:SHOWN_DIGITS]}" if signed_by else "unsigned"
    message = f"Expected a bundle {wanted}, got {path.name!r}, which is {got}."
    hint = "sign it when it is made: edgecls bundle --key KEY"
    if signed_by:
        hint = "if you know this key: sudo edgecls keys trust KEY.pub"
    return BundleError(message, hint=hint)


def _make_folder(folder: Path, made: list[Path]) -> None:
    """Make a folder and those above it; what is there already must be a folder, and no link to one."""
    if folder.is_dir() and not folder.is_symlink():
        return
    if not folder.parent.exists():
        _make_folder(folder.parent, made)
    folder.mkdir()
    made.append(folder)
    folder.chmod(0o755)


def _remove(made: list[Path]) -> None:
    for path in reversed(made):
        with suppress(OSError):  # what is told is the error that came first
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink()
