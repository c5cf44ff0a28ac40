"""Small bundles, made as ``edgecls bundle`` makes them, and files that somebody made otherwise."""

import hashlib

from edgecls_device.bundles.container import write_container
from edgecls_device.bundles.golden_photos import GoldenPhotos
from edgecls_device.bundles.manifest import (
    MANIFEST,
    SIGNATURE,
    BundledArtifact,
    Environment,
    Manifest,
    Member,
    TargetFacts,
)
from edgecls_device.bundles.signing import fingerprint, public_key, sign
from edgecls_device.records import to_json

ARTIFACT = "artifacts/tiny.int8.tflite"
CONTENTS = {
    "README.txt": b"A bundle for a test.\n",
    "__main__.py": b"print('hello from a bundle')\n",
    ARTIFACT: b"no model" * 20,
    "golden/photos.json": to_json(GoldenPhotos(tolerance=0.01, photos=())).encode(),
    "install.sh": b"#!/bin/sh\nexit 0\n",
    "wheels/pip.whl": b"no wheel",
    "wheels/requirements.txt": b"click==8.1.7 --hash=sha256:00\n",
}
TARGET = TargetFacts(
    name="bookworm64",
    title="Raspberry Pi OS bookworm, 64 bit",
    architecture="arm64",
    python="3.11",
    glibc="2.28",
    codename="bookworm",
    backends=("litert", "onnxruntime"),
    apt_packages=(),
)


def manifest_of(contents, *, signed_by="", **changes):
    """Return a manifest that lists these contents; the artifacts are what stands in ``artifacts/``."""
    members = tuple(
        Member(name=name, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
        for name, data in sorted(contents.items())
    )
    artifacts = tuple(
        BundledArtifact(
            member=member.name,
            format=member.name.rpartition(".")[2],
            recipe="int8",
            backends=("litert",) if member.name.endswith("tflite") else ("onnxruntime",),
        )
        for member in members
        if member.name.startswith("artifacts/")
    )
    environment = Environment(
        digest="0" * 64,
        requirements="wheels/requirements.txt",
        wheels="wheels",
        installer="wheels/pip.whl",
        sees_system_packages=False,
    )
    fields = {
        "name": "tiny",
        "release": 2,
        "target": TARGET,
        "artifacts": artifacts,
        "environment": environment,
        "golden_photos": "golden/photos.json",
        "signed_by": signed_by,
        "made_by": "0.1.0",
        "members": members,
    }
    return Manifest(**{**fields, **changes})


def members_of(contents=CONTENTS, *, key=None, more=(), **changes):
    """Return what a bundle holds, as name -> bytes, signed if there is a key; ``changes`` to the manifest."""
    held = {**contents, **dict(more)}
    if key is not None:
        held["signer.pem"] = public_key(key)
        changes.setdefault("signed_by", fingerprint(held["signer.pem"]))
    held[MANIFEST] = to_json(manifest_of(held, **changes)).encode()
    if key is not None:
        held[SIGNATURE] = sign(held[MANIFEST], key)
    return held


def write_bundle(path, contents=CONTENTS, *, key=None, more=(), **changes):
    """Write a bundle and return its path."""
    write_container(path, members_of(contents, key=key, more=more, **changes).items())
    return path
