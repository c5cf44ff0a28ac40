"""A bundle as ``edgecls bundle`` makes it, but small, and zip files in memory."""

import hashlib
import os
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from edgecls_device.bundles.container import Container, write_container
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
from edgecls_device.bundles.reading import SIGNER, Bundle, Trust
from edgecls_device.bundles.signing import fingerprint, public_key, sign
from edgecls_device.records import to_json

__all__ = ["in_memory", "members_of", "opened", "zip_bytes"]

ARTIFACTS = ("artifacts/small.int8.onnx", "artifacts/small.int8.tflite")
ANY = Trust(must_be_signed=False)
NOWHERE = Path("fuzzed.edgecls")


def members_of(*, key=None):
    """Return what a small bundle holds, as name -> bytes; signed if there is a key."""
    held = {
        "README.txt": b"A small bundle.\n" * 20,
        "__main__.py": b"print('hello')\n",
        "golden/photos.json": to_json(GoldenPhotos(tolerance=0.01, photos=())).encode(),
        "golden/photos/000.jpg": hashlib.shake_256(b"photo").digest(1500),
        "install.sh": b"#!/bin/sh\nexit 0\n",
        "wheels/pip.whl": hashlib.shake_256(b"wheel").digest(1500),
        "wheels/requirements.txt": b"click==8.1.7 --hash=sha256:00\n",
        **{name: hashlib.shake_256(name.encode()).digest(1500) for name in ARTIFACTS},
    }
    signed_by = ""
    if key is not None:
        held[SIGNER] = public_key(key)
        signed_by = fingerprint(held[SIGNER])
    held[MANIFEST] = to_json(replace(_manifest(held), signed_by=signed_by)).encode()
    if key is not None:
        held[SIGNATURE] = sign(held[MANIFEST], key)
    return held


def zip_bytes(held) -> bytes:
    """Return the file that holds these members."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.edgecls"
        write_container(path, held.items())
        return path.read_bytes()


@contextmanager
def in_memory(data: bytes):
    """Give a file that is never on a disk, as an open container."""
    descriptor = os.memfd_create("edgecls-fuzz")
    try:
        os.write(descriptor, data)
        yield Container(NOWHERE, descriptor)
    finally:
        os.close(descriptor)


def opened(data: bytes) -> Bundle:
    """Open a bundle as ``open_bundle`` does, hash every member as ``edgecls verify`` does, and return it."""
    with in_memory(data) as container:
        bundle = Bundle(container, ANY)
        bundle.check()
        return bundle


def _manifest(held) -> Manifest:
    return Manifest(
        name="small",
        release=2,
        target=TargetFacts(
            name="bookworm64",
            title="Raspberry Pi OS bookworm, 64 bit",
            architecture="arm64",
            python="3.11",
            glibc="2.28",
            codename="bookworm",
            backends=("litert", "onnxruntime"),
            apt_packages=(),
        ),
        artifacts=tuple(
            BundledArtifact(
                member=name, format=name.rpartition(".")[2], recipe="int8", backends=("litert",)
            )
            for name in ARTIFACTS
        ),
        environment=Environment(
            digest="0" * 64,
            requirements="wheels/requirements.txt",
            wheels="wheels",
            installer="wheels/pip.whl",
            sees_system_packages=False,
        ),
        golden_photos="golden/photos.json",
        signed_by="",
        made_by="0.1.0",
        members=tuple(
            Member(name=name, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
            for name, data in sorted(held.items())
        ),
    )
