import base64
import hashlib
import os
import stat
import subprocess

import pytest
from edgecls_device.bundles.signing import fingerprint, is_signed_by, new_key, public_key, sign
from edgecls_device.errors import BundleError, MissingDependencyError, StorageError

DATA = b'{"a manifest": true}\n' * 50

# RFC 8032, 7.1, TEST 2: secret key, public key, message and signature.
SEED = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
PUBLIC = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
MESSAGE = b"\x72"
SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


def pem(kind, der):
    return (
        f"-----BEGIN {kind}-----\n{base64.b64encode(der).decode()}\n-----END {kind}-----\n".encode()
    )


def openssl(*words):
    return subprocess.run(["openssl", *map(str, words)], capture_output=True, check=True).stdout


def flipped(data, place, bit=0):
    return data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]


def test_what_a_key_signed_is_signed_by_it_and_by_no_other(keys):
    maker, other = keys
    signature = sign(DATA, maker)
    assert len(signature) == 64
    assert is_signed_by(DATA, signature, public_key(maker))
    assert not is_signed_by(DATA, signature, public_key(other))
    assert not is_signed_by(DATA + b" ", signature, public_key(maker))
    assert not is_signed_by(b"", signature, public_key(maker))
    assert sign(DATA, maker) == signature


def test_signatures_are_those_of_the_standard(tmp_path):
    prefix = bytes.fromhex("302e020100300506032b657004220420")
    (tmp_path / "key.pem").write_bytes(pem("PRIVATE KEY", prefix + bytes.fromhex(SEED)))
    der = bytes.fromhex("302a300506032b6570032100" + PUBLIC)
    assert public_key(tmp_path / "key.pem") == pem("PUBLIC KEY", der)
    assert sign(MESSAGE, tmp_path / "key.pem") == SIGNATURE
    assert is_signed_by(MESSAGE, SIGNATURE, pem("PUBLIC KEY", der))
    assert fingerprint(pem("PUBLIC KEY", der)) == hashlib.sha256(der).hexdigest()


@pytest.mark.parametrize("place", range(0, 64, 7))
def test_a_changed_signature_is_none(keys, place):
    signature = flipped(sign(DATA, keys[0]), place, place % 8)
    assert not is_signed_by(DATA, signature, public_key(keys[0]))


def test_a_second_form_of_a_signature_is_none():
    order = 2**252 + 27742317777372353535851937790883648493
    s = int.from_bytes(SIGNATURE[32:], "little") + order
    der = bytes.fromhex("302a300506032b6570032100" + PUBLIC)
    second = SIGNATURE[:32] + s.to_bytes(32, "little")
    assert not is_signed_by(MESSAGE, second, pem("PUBLIC KEY", der))


@pytest.mark.parametrize("signature", [b"", b"x" * 63, b"x" * 65, bytes(64), b"\xff" * 64])
def test_what_is_no_signature_signs_nothing(keys, signature):
    assert not is_signed_by(DATA, signature, public_key(keys[0]))


def test_a_new_key_is_for_its_owner_only_and_openssl_reads_it(tmp_path):
    old = os.umask(0)
    try:
        said = new_key(tmp_path / "new folder" / "edgecls.key")
    finally:
        os.umask(old)
    path = tmp_path / "new folder" / "edgecls.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    der = openssl("pkey", "-in", path, "-pubout", "-outform", "DER")
    assert openssl("pkey", "-pubin", "-in", f"{path}.pub", "-outform", "DER") == der
    assert said == hashlib.sha256(der).hexdigest() == fingerprint(public_key(path))
    assert public_key(path) == public_key(path.with_name("edgecls.key.pub"))


@pytest.mark.parametrize("taken", ["k", "k.pub"])
def test_a_key_is_never_overwritten(tmp_path, taken):
    (tmp_path / taken).write_text("precious")
    with pytest.raises(StorageError, match="exists"):
        new_key(tmp_path / "k")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["precious"]


def test_a_link_to_nowhere_is_not_followed(tmp_path):
    (tmp_path / "k").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="exists"):
        new_key(tmp_path / "k")
    assert not (tmp_path / "elsewhere").exists()


def test_other_keys_and_other_files_are_no_keys(tmp_path, keys):
    public = public_key(keys[0])
    openssl("genpkey", "-algorithm", "X25519", "-out", tmp_path / "x25519")
    openssl(
        "genpkey",
        "-algorithm",
        "EC",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-out",
        tmp_path / "ec",
    )
    openssl("pkey", "-in", tmp_path / "ec", "-pubout", "-out", tmp_path / "ec.pub")
    wrong = {
        "empty": b"",
        "text": b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ me@here\n",
        "binary": bytes(range(256)),
        "two keys": public * 2,
        "cut": public[:60],
        "broken": pem("PUBLIC KEY", b"no key"),
        "broken private": pem("PRIVATE KEY", b"no key"),
        "not base64": public.replace(b"MC", b"M!"),
        "short": pem("PUBLIC KEY", bytes.fromhex("302a300506032b6570032100")),
    }
    for name, data in wrong.items():
        (tmp_path / name).write_bytes(data)
    for name in (*wrong, "x25519", "ec", "ec.pub"):
        with pytest.raises(BundleError, match="Ed25519"):
            public_key(tmp_path / name)
        with pytest.raises(BundleError):
            sign(DATA, tmp_path / name)
        with pytest.raises(BundleError):
            is_signed_by(DATA, bytes(64), (tmp_path / name).read_bytes())


def test_a_file_that_is_too_large_or_missing_is_a_storage_error(tmp_path):
    (tmp_path / "large").write_bytes(bytes(10_001))
    for name in ("large", "none"):
        with pytest.raises(StorageError):
            public_key(tmp_path / name)


def test_a_public_key_signs_nothing(keys):
    with pytest.raises(BundleError, match="private key"):
        sign(DATA, keys[0].with_name("maker.pem.pub"))


def test_a_key_with_a_passphrase_is_refused_and_asks_nobody(tmp_path, keys):
    words = ("pkey", "-in", keys[0], "-aes256", "-passout", "pass:secret", "-out", tmp_path / "k")
    openssl(*words)
    with pytest.raises(BundleError, match="without a passphrase") as caught:
        sign(DATA, tmp_path / "k")
    assert "openssl pkey -in k" in caught.value.hint


def test_nothing_of_a_key_stays_in_the_temporary_folder(tmp_path, keys, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert is_signed_by(DATA, sign(DATA, keys[0]), public_key(keys[0]))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("said", ["OpenSSL 1.1.1w  11 Sep 2023", "LibreSSL 3.3.6", ""])
def test_an_old_or_other_openssl_is_named(tmp_path, keys, monkeypatch, said):
    pem_of_maker = public_key(keys[0])
    program = tmp_path / "openssl"
    program.write_text(f"#!/bin/sh\necho '{said}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    for call in (
        lambda: new_key(tmp_path / "k"),
        lambda: sign(DATA, keys[0]),
        lambda: is_signed_by(DATA, bytes(64), pem_of_maker),
    ):
        with pytest.raises(
            MissingDependencyError, match=r"Expected openssl 3\.0 or newer"
        ) as caught:
            call()
        assert said in caught.value.message
        assert caught.value.hint
    assert not (tmp_path / "k").exists()


def test_without_openssl_the_command_that_brings_it_is_named(tmp_path, keys, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDependencyError) as caught:
        sign(DATA, keys[0])
    assert caught.value.hint == "sudo apt-get install openssl"


def test_an_openssl_that_says_yes_to_nothing_is_not_believed(tmp_path, keys, monkeypatch):
    program = tmp_path / "openssl"
    program.write_text("#!/bin/sh\n[ $1 = version ] && echo OpenSSL 3.0.0\nexit 0\n")
    program.chmod(0o755)
    pem_of_maker = public_key(keys[0])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not is_signed_by(DATA, bytes(64), pem_of_maker)
