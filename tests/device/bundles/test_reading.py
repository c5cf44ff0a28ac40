import hashlib
import json
import os
import random
import stat
from pathlib import Path

import pytest
from edgecls_device.bundles.container import write_container
from edgecls_device.bundles.manifest import MANIFEST, SIGNATURE
from edgecls_device.bundles.reading import SIGNER, Trust, open_bundle
from edgecls_device.bundles.signing import fingerprint, public_key, sign
from edgecls_device.errors import BundleError, StorageError

from tests.device.bundles.made import ARTIFACT, CONTENTS, members_of, write_bundle

TOLD = Trust(must_be_signed=False)


def trusting(*keys, must_be_signed=True):
    return Trust(keys=tuple(map(public_key, keys)), must_be_signed=must_be_signed)


def written(path, members):
    write_container(path, members.items())
    return path


def refused(path, words, *, trust=None):
    """See a bundle refused when it is opened or gone through; return the hint."""
    with pytest.raises(BundleError, match=words) as caught, open_bundle(path, trust=trust) as b:
        b.check()
    assert caught.value.hint
    return caught.value.hint


@pytest.fixture
def unsigned(tmp_path):
    return write_bundle(tmp_path / "unsigned.edgecls")


@pytest.fixture
def signed(tmp_path, keys):
    return write_bundle(tmp_path / "signed.edgecls", key=keys[0])


def test_a_bundle_says_what_it_is(signed, keys):
    with open_bundle(signed) as bundle:
        assert (bundle.manifest.name, bundle.manifest.release) == ("tiny", 2)
        assert bundle.manifest_bytes == members_of(key=keys[0])[MANIFEST]
        digest = hashlib.sha256(bundle.manifest_bytes).hexdigest()
        assert bundle.version_name == f"000002-{digest[:12]}"
        assert bundle.signer_pem == public_key(keys[0])
        assert bundle.names[:2] == (MANIFEST, SIGNATURE)
        assert bundle.read(ARTIFACT, 1000) == CONTENTS[ARTIFACT]
        assert bundle.read(MANIFEST, 10_000) == bundle.manifest_bytes


def test_whose_signature_it_has_is_told(signed, unsigned, keys):
    for path, trust, state in (
        (signed, None, "unknown-key"),
        (signed, TOLD, "unknown-key"),
        (signed, trusting(keys[0]), "trusted"),
        (signed, trusting(*keys), "trusted"),
        (signed, trusting(keys[1], must_be_signed=False), "unknown-key"),
        (signed, Trust(must_be_signed=True), "unknown-key"),
        (unsigned, None, "unsigned"),
        (unsigned, trusting(keys[0], must_be_signed=False), "unsigned"),
    ):
        with open_bundle(path, trust=trust) as bundle:
            assert bundle.signature_state == state


def test_what_no_trusted_key_signed_is_refused(signed, unsigned, keys):
    hint = refused(signed, "signed by a trusted key", trust=trusting(keys[1]))
    assert "edgecls keys trust" in hint
    assert "edgecls bundle" in refused(unsigned, "is unsigned", trust=trusting(keys[0]))
    assert "edgecls bundle" in refused(unsigned, "that is signed", trust=Trust(must_be_signed=True))


def test_progress_goes_up_to_the_size_of_all_members(unsigned):
    done = []
    with open_bundle(unsigned) as bundle:
        bundle.check(done.append)
        assert sum(done) == bundle.size_bytes == sum(map(len, CONTENTS.values()))


def test_unpacked_files_are_those_of_the_bundle_for_whoever_reads_them(signed, tmp_path):
    done, old = [], os.umask(0o077)
    try:
        with open_bundle(signed) as bundle:
            bundle.unpack(tmp_path / "new" / "version", bundle.names, done.append)
            sizes = bundle.size_bytes + len(bundle.manifest_bytes) + 64
            assert sum(done) == sizes
            read = {name: bundle.read(name, 10_000) for name in bundle.names}
    finally:
        os.umask(old)
    root = tmp_path / "new" / "version"
    files = {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}
    assert files == read
    for path in (root, *root.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if path.is_dir() else 0o644)


def test_only_what_is_asked_for_is_unpacked_and_beside_what_is_there(unsigned, tmp_path):
    folder = tmp_path / "version"
    folder.mkdir()
    (folder / "kept").write_text("mine")
    with open_bundle(unsigned) as bundle:
        bundle.unpack(folder, [ARTIFACT])
        bundle.unpack(folder, ["golden/photos.json"])
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert names == {"kept", ARTIFACT, "golden/photos.json"}


def damage(path, old, new):
    """Rewrite a file in place, with right checksums, as somebody does who means it."""
    with open_bundle(path) as bundle:
        held = {name: bundle.read(name, 10_000) for name in bundle.names}
    changed = {name: data.replace(old, new) for name, data in held.items()}
    beside = written(path.with_name("beside"), changed)
    path.write_bytes(beside.read_bytes())  # the same inode
    beside.unlink()


def test_what_is_rewritten_after_the_check_is_not_unpacked(signed, tmp_path, keys):
    with open_bundle(signed, trust=trusting(keys[0])) as bundle:
        bundle.check()
        damage(signed, b"no model", b"ev model")
        with pytest.raises(BundleError, match=ARTIFACT):
            bundle.unpack(tmp_path / "version", bundle.names)
        with pytest.raises(BundleError, match=ARTIFACT):
            bundle.read(ARTIFACT, 1000)
    assert not (tmp_path / "version").exists()


def test_what_takes_the_name_after_the_check_is_not_unpacked(signed, tmp_path, keys):
    other = write_bundle(tmp_path / "other", {**CONTENTS, ARTIFACT: b"evil"}, key=keys[1])
    with open_bundle(signed, trust=trusting(keys[0])) as bundle:
        bundle.check()
        other.replace(signed)
        bundle.unpack(tmp_path / "version", bundle.names)
    assert (tmp_path / "version" / ARTIFACT).read_bytes() == CONTENTS[ARTIFACT]


def test_a_rewritten_manifest_does_not_bless_what_it_lists(unsigned, tmp_path):
    with open_bundle(unsigned) as bundle:
        wanted = bundle.manifest_bytes
        write_bundle(tmp_path / "other", {**CONTENTS, ARTIFACT: b"evil"})
        unsigned.write_bytes((tmp_path / "other").read_bytes())
        with pytest.raises(BundleError):
            bundle.unpack(tmp_path / "version", bundle.names)
        assert bundle.read(MANIFEST, 10_000) == wanted


def test_of_a_damaged_bundle_nothing_stays_but_what_was_there(unsigned, tmp_path):
    folder = tmp_path / "version"
    (folder / "wheels").mkdir(parents=True)
    (folder / "wheels" / "kept").write_text("mine")
    with open_bundle(unsigned) as bundle:
        damage(unsigned, b"click==", b"click>=")
        with pytest.raises(BundleError, match="requirements"):
            bundle.unpack(folder, bundle.names)
    assert [p.name for p in folder.rglob("*")] == ["wheels", "kept"]


def test_ctrl_c_leaves_nothing_behind(unsigned, tmp_path):
    def stop(_):
        raise KeyboardInterrupt

    with open_bundle(unsigned) as bundle, pytest.raises(KeyboardInterrupt):
        bundle.unpack(tmp_path / "version", bundle.names, stop)
    assert not (tmp_path / "version").exists()


@pytest.mark.parametrize("kind", ["file", "link", "link to a folder"])
def test_nothing_is_written_over_or_through_what_is_there(unsigned, tmp_path, kind):
    folder, victim = tmp_path / "version", tmp_path / "victim"
    (victim / "golden").mkdir(parents=True)
    (victim / "file").write_text("mine")
    (folder / "artifacts").mkdir(parents=True)
    if kind == "file":
        (folder / ARTIFACT).write_text("mine")
    elif kind == "link":
        (folder / ARTIFACT).symlink_to(victim / "file")
    else:
        (folder / "golden").symlink_to(victim / "golden")
    with open_bundle(unsigned) as bundle, pytest.raises(StorageError, match="File exists"):
        bundle.unpack(folder, [ARTIFACT, "golden/photos.json"])
    assert (victim / "file").read_text() == "mine"
    assert not list((victim / "golden").iterdir())
    assert not (folder / "golden" / "photos.json").exists()


def test_a_disk_without_room_leaves_nothing_behind(unsigned, tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with open_bundle(unsigned) as bundle, pytest.raises(StorageError, match="No space left"):
        bundle.unpack(tmp_path / "version", bundle.names)
    assert not (tmp_path / "version").exists()


def test_a_name_that_is_no_member_is_an_error(unsigned, tmp_path):
    with open_bundle(unsigned) as bundle:
        for name in ("none", "../../etc/passwd", SIGNATURE):
            with pytest.raises(BundleError, match="a member"):
                bundle.read(name, 1000)
            with pytest.raises(BundleError, match="a member"):
                bundle.unpack(tmp_path / "version", [name])
        with pytest.raises(BundleError, match="at most 10 bytes"):
            bundle.read(ARTIFACT, 10)
    assert not (tmp_path / "version").exists()


def test_a_signature_cannot_be_taken_off(tmp_path, keys):
    held = members_of(key=keys[0])
    for names in ([SIGNATURE], [SIGNER], [SIGNATURE, SIGNER]):
        left = {name: data for name, data in held.items() if name not in names}
        refused(written(tmp_path / "stripped", left), "signature|no such member|'signer.pem'")


def test_a_bundle_made_anew_without_signature_is_unsigned_and_refused(tmp_path, keys, unsigned):
    refused(unsigned, "unsigned", trust=trusting(keys[0]))


def test_a_signature_of_another_key_is_refused_whatever_it_claims(tmp_path, keys):
    maker, other = keys
    held = members_of(key=maker)
    forged = {**held, SIGNATURE: sign(held[MANIFEST], other)}
    refused(written(tmp_path / "forged", forged), "a signature of its manifest")
    claims = members_of(key=other, signed_by=fingerprint(public_key(maker)))
    refused(written(tmp_path / "claims", claims), "a signature of its manifest")
    swapped = {**held, SIGNER: public_key(other)}  # its size is the same, its hash is not
    refused(written(tmp_path / "swapped", swapped), "signer.pem")


def test_a_signature_of_another_manifest_is_refused(tmp_path, keys):
    old, new = members_of(key=keys[0], release=1), members_of(key=keys[0], release=2)
    mixed = {**new, SIGNATURE: old[SIGNATURE]}
    refused(written(tmp_path / "mixed", mixed), "a signature of its manifest")


def test_a_signature_without_a_key_or_a_key_without_a_signature_is_refused(tmp_path, keys):
    held = members_of()
    more = {**held, SIGNATURE: sign(held[MANIFEST], keys[0])}
    refused(written(tmp_path / "more", more), "a whole signature")
    held = members_of(more={SIGNER: public_key(keys[0])})
    refused(written(tmp_path / "key", held), "a whole signature")


@pytest.mark.parametrize("signature", [b"", b"x" * 63, b"x" * 65, bytes(64), b"x" * 10_000])
def test_what_is_no_signature_is_refused(tmp_path, keys, signature):
    held = {**members_of(key=keys[0]), SIGNATURE: signature}
    refused(written(tmp_path / "x", held), "signature|manifest.sig")


def test_a_signer_that_is_no_key_is_refused(tmp_path, keys):
    held = members_of(more={SIGNER: b"no key"}, signed_by="0" * 64)
    held[SIGNATURE] = sign(held[MANIFEST], keys[0])
    refused(written(tmp_path / "x", held), "Ed25519")


def test_what_the_manifest_does_not_list_or_lists_otherwise_is_refused(tmp_path):
    held = members_of()
    for name, changed in {
        "more": {**held, "more.txt": b""},
        "less": {name: data for name, data in held.items() if name != "README.txt"},
        "larger": {**held, "README.txt": held["README.txt"] + b"x"},
        "smaller": {**held, "README.txt": held["README.txt"][:-1]},
        "other": {**held, "README.txt": held["README.txt"].swapcase()},
    }.items():
        words = "more.txt" if name == "more" else "README.txt"
        refused(written(tmp_path / name, changed), words)


def test_without_a_manifest_it_is_no_bundle(tmp_path):
    refused(written(tmp_path / "x", dict(CONTENTS)), "a member 'manifest.json'")


def manifest_changes():
    """Yield what can be wrong with a manifest: what, and a function that makes it so."""
    yield "unknown field", lambda m: {**m, "debug": True}
    yield "unknown field inside", lambda m: {**m, "target": {**m["target"], "more": 1}}
    yield "missing field", lambda m: {k: v for k, v in m.items() if k != "release"}
    yield "newer version", lambda m: {**m, "version": 2}
    yield "version that is equal to it", lambda m: {**m, "version": True}
    yield "version as a fraction", lambda m: {**m, "version": 1.0}
    yield "other kind", lambda m: {**m, "kind": "edgecls.tuning"}
    yield "no kind", lambda m: {k: v for k, v in m.items() if k != "kind"}
    yield "list", lambda m: [m]
    yield "null", lambda m: None
    yield "another order", lambda m: dict(reversed(m.items()))
    yield "wrong type", lambda m: {**m, "release": "2"}
    yield "release 0", lambda m: {**m, "release": 0}
    yield "huge release", lambda m: {**m, "release": 10**4000}
    yield "name with a path", lambda m: {**m, "name": "../pets"}
    yield "name with an end of line", lambda m: {**m, "name": "pets\n"}
    yield "no artifact", lambda m: {**m, "artifacts": []}
    yield "unknown format", lambda m: {**m, "artifacts": [{**m["artifacts"][0], "format": "h5"}]}
    yield (
        "artifact that is none",
        lambda m: {**m, "artifacts": [{**m["artifacts"][0], "member": "x"}]},
    )
    yield "unknown architecture", lambda m: {**m, "target": {**m["target"], "architecture": "mips"}}
    yield "escape codes", lambda m: {**m, "target": {**m["target"], "title": "\x1b[2JPi"}}
    yield "hidden letters", lambda m: {**m, "target": {**m["target"], "title": "Pi\u202e46"}}
    yield "half a letter", lambda m: {**m, "target": {**m["target"], "title": "\ud800"}}
    yield "line", lambda m: {**m, "made_by": "1\n2"}
    yield "no fingerprint", lambda m: {**m, "signed_by": "abc"}
    yield "other order of members", lambda m: {**m, "members": m["members"][::-1]}
    yield "doubled member", lambda m: {**m, "members": [*m["members"], m["members"][-1]]}
    yield (
        "itself as a member",
        lambda m: {**m, "members": [*m["members"], {**m["members"][0], "name": MANIFEST}]},
    )
    yield (
        "name out of the folder",
        lambda m: {**m, "members": [{**m["members"][0], "name": "../x"}, *m["members"][1:]]},
    )
    yield (
        "negative size",
        lambda m: {**m, "members": [{**m["members"][0], "size_bytes": -1}, *m["members"][1:]]},
    )
    yield (
        "hash in capitals",
        lambda m: {**m, "members": [{**m["members"][0], "sha256": "A" * 64}, *m["members"][1:]]},
    )


@pytest.mark.parametrize("change", [pytest.param(f, id=w) for w, f in manifest_changes()])
@pytest.mark.parametrize("is_signed", [False, True])
def test_a_manifest_that_is_not_as_it_is_written_is_refused_even_if_it_is_signed(
    tmp_path, keys, change, is_signed
):
    held = members_of(key=keys[0] if is_signed else None)
    changed = change(json.loads(held[MANIFEST]))
    text = json.dumps(changed, indent=2, ensure_ascii=False) + "\n"
    held[MANIFEST] = text.encode("utf-8", "surrogatepass")
    if is_signed:
        held[SIGNATURE] = sign(held[MANIFEST], keys[0])
    refused(written(tmp_path / "x", held), "Expected ")


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda t: t.replace(b'"release": 2', b'"release": 2, "release": 2'),
        lambda t: t.replace(b'"release": 2', b'"release": 2.0'),
        lambda t: t.replace(b'"release": 2', b'"release": 2e0'),
        lambda t: t.replace(b'"release": 2', b'"release":  2'),
        lambda t: t.replace(b'"tiny"', b'"t\\u0069ny"'),
        lambda t: t.replace(b"\n", b"\r\n"),
        lambda t: t.rstrip(),
        lambda t: t + b"\n",
        lambda t: b"\xef\xbb\xbf" + t,
        lambda t: t.decode().encode("utf-16"),
        lambda t: t.replace(b"tiny", b"\xff\xff"),
        lambda t: b"[" * 100_000,
        lambda t: b"1" * 100_000,
        lambda t: b"NaN",
        lambda t: b"",
        lambda t: bytes(100),
    ],
)
def test_a_manifest_in_another_spelling_is_refused(tmp_path, rewrite):
    held = members_of()
    held[MANIFEST] = rewrite(held[MANIFEST])
    refused(written(tmp_path / "x", held), "Expected ")


def test_a_manifest_of_a_newer_edgecls_says_so(tmp_path):
    held = members_of()
    held[MANIFEST] = held[MANIFEST].replace(b'"version": 1', b'"version": 2')
    assert "edgecls" in refused(written(tmp_path / "x", held), "version 1 of edgecls.bundle")


def test_a_huge_manifest_is_not_read(tmp_path):
    held = {**members_of(), MANIFEST: b" " * 4_000_001}
    refused(written(tmp_path / "x", held), "at most 4000000 bytes")


@pytest.mark.parametrize("is_signed", [False, True])
def test_a_changed_byte_anywhere_is_noticed(tmp_path, keys, is_signed):
    path = write_bundle(tmp_path / "x.edgecls", key=keys[0] if is_signed else None)
    data, dice = path.read_bytes(), random.Random(1)
    for _ in range(400):
        place, bits = dice.randrange(len(data)), dice.randrange(1, 256)
        path.write_bytes(data[:place] + bytes([data[place] ^ bits]) + data[place + 1 :])
        with pytest.raises(BundleError), open_bundle(path) as bundle:
            bundle.check()


def test_a_changed_byte_with_a_right_checksum_is_noticed_where_it_is_signed(tmp_path, keys):
    held, dice = members_of(key=keys[0]), random.Random(2)
    for name, data in held.items():
        place = dice.randrange(len(data))
        changed = data[:place] + bytes([data[place] ^ 1 << dice.randrange(8)]) + data[place + 1 :]
        path = written(tmp_path / "x.edgecls", {**held, name: changed})
        refused(path, "Expected ", trust=trusting(keys[0]))


def test_every_tenth_cut_of_a_signed_bundle_is_noticed(signed):
    data = signed.read_bytes()
    for length in range(0, len(data), 10):
        signed.write_bytes(data[:length])
        with pytest.raises(BundleError):
            open_bundle(signed)


def test_a_refused_bundle_is_closed(unsigned, keys):
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(BundleError) as caught:
        open_bundle(unsigned, trust=trusting(keys[0]))
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert caught.value.exit_code == 17


def test_what_is_no_bundle_is_a_typed_error(tmp_path):
    for data in (b"", b"no bundle", bytes(5000)):
        (tmp_path / "x").write_bytes(data)
        refused(tmp_path / "x", "Expected ")
    with pytest.raises(StorageError):
        open_bundle(tmp_path / "none")
