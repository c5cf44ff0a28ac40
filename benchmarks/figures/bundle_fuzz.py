"""Whether a changed bundle is always noticed, and whether anything but a typed error ever comes of one.

Single bytes are changed in a signed and in an unsigned bundle, as a bad disk does; members are changed with
right checksums, as somebody does who means it; manifests and archives are fuzzed, by field and by byte. Each is
opened and gone through as ``edgecls verify`` does; some go through the command itself.

    python benchmarks/figures/bundle_fuzz.py --out benchmarks/results/bundle_fuzz.json
"""

import json
import os
import random
import resource
import struct
import sys
import time
import zlib
from collections import Counter

from edgecls_device.bundles.manifest import MANIFEST, SIGNATURE
from edgecls_device.bundles.signing import new_key, sign
from edgecls_device.errors import BundleError, EdgeclsError
from figure import (
    Row,
    arguments,
    describe_machine,
    edgecls,
    figure_of,
    run,
    show,
    working_directory,
)
from fuzzing import fuzzed_archive, fuzzed_manifest, fuzzed_text
from small_bundle import members_of, opened, zip_bytes


class Tally:
    """What came of many tries."""

    def __init__(self):
        self.counts, self.slowest_s = Counter(), 0.0

    def take(self, data: bytes, original: bytes) -> None:
        """Open and go through one; what is accepted must be what the writer writes of its members."""
        start = time.perf_counter()
        try:
            opened(data)
            self.counts["same" if data == original else "accepted"] += 1
        except BundleError:
            self.counts["refused"] += 1
        except EdgeclsError as error:
            self.counts["another typed error"] += 1
            sys.stderr.write(f"another typed error: {error!r}\n")
        except Exception as error:  # that there is none is the figure
            self.counts["untyped"] += 1
            sys.stderr.write(f"untyped: {error!r}\n")
        self.slowest_s = max(self.slowest_s, time.perf_counter() - start)

    @property
    def wrong(self) -> int:
        """How many ended in anything but acceptance or a ``BundleError``."""
        return self.counts["untyped"] + self.counts["another typed error"]


def main() -> None:
    parser = arguments("Corrupt and fuzz bundles.")
    parser.add_argument("--corruptions", type=int, default=10_000)
    parser.add_argument("--fuzzed", type=int, default=100_000)
    parser.add_argument("--commands", type=int, default=25)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    machine = describe_machine()
    dice = random.Random(options.seed)
    with working_directory(options.work) as work:
        for name in ("maker", "other"):
            if not (work / name).exists():
                new_key(work / name)
        signed, unsigned = members_of(key=work / "maker"), members_of()
        rows = [
            *corrupted("signed", zip_bytes(signed), dice, options.corruptions),
            *corrupted("unsigned", zip_bytes(unsigned), dice, options.corruptions),
            *with_right_checksums(signed, work, dice, options.corruptions // 10),
            *fuzzed_manifests(unsigned, dice, options.fuzzed),
            *fuzzed_archives(zip_bytes(unsigned), dice, options.fuzzed),
            *by_command(zip_bytes(signed), work, dice, options.commands),
        ]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows.append(Row(what="peak memory", value=peak, unit="MB"))
    show(figure_of("Bundles corrupted and fuzzed", machine, rows), options.out)


def corrupted(name, data, dice, count):
    """Change one byte at a time."""
    tally = Tally()
    for _ in range(count):
        tally.take(one_byte_changed(data, dice), data)
    return [
        Row(
            what=f"single-byte corruptions of the {name} bundle noticed",
            value=100 * tally.counts["refused"] / count,
            unit="%",
            at_least=100,
            note=f"{count} in {len(data)} bytes",
        ),
        *of_types(f"corruptions of the {name} bundle", tally),
    ]


def with_right_checksums(held, work, dice, count):
    """Change a byte of a member and let the zip's checksums be right, or sign with another key."""
    original, tally = zip_bytes(held), Tally()
    for turn in range(count):
        name = dice.choice(sorted(held))
        changed = {**held, name: one_byte_changed(held[name], dice)}
        if turn % 10 == 0:
            changed[SIGNATURE] = sign(changed[MANIFEST], work / "other")
        tally.take(zip_bytes(changed), original)
    return [
        Row(
            what="members of the signed bundle changed on purpose, noticed",
            value=100 * tally.counts["refused"] / count,
            unit="%",
            at_least=100,
            note=f"{count}, each with right checksums of the zip, a tenth signed by another key",
        ),
        *of_types("members changed on purpose", tally),
    ]


def fuzzed_manifests(held, dice, count):
    """Fuzz the manifest, by field and by character, in an archive that is right."""
    text = held[MANIFEST].decode()
    body, original, tally = json.loads(text), zip_bytes(held), Tally()
    place = original.index(held[MANIFEST])
    after = original[place + len(held[MANIFEST]) :]
    for turn in range(count):
        data = fuzzed_manifest(body, dice) if turn % 2 else fuzzed_text(text, dice)
        tally.take(rebuilt(original, place, data, after), original)
    return [
        Row(what="fuzzed manifests", value=count, unit=""),
        Row(
            what="fuzzed manifests: accepted",
            value=tally.counts["accepted"],
            unit="",
            note="well-formed changes of an unsigned manifest, which nothing can tell",
        ),
        *of_types("fuzzed manifests", tally),
    ]


def fuzzed_archives(original, dice, count):
    """Fuzz the file: bits, fields of headers, cuts, doubled and moved parts."""
    tally = Tally()
    for _ in range(count):
        tally.take(fuzzed_archive(original, dice), original)
    return [
        Row(what="fuzzed archives", value=count, unit=""),
        Row(what="fuzzed archives: accepted", value=tally.counts["accepted"], unit="", at_most=0),
        *of_types("fuzzed archives", tally),
    ]


def by_command(data, work, dice, count):
    """Let the command itself say what it thinks of some."""
    path, refused = work / "corrupted.edgecls", 0
    for _ in range(count):
        path.write_bytes(one_byte_changed(data, dice))
        refused += run(edgecls("verify", path), accepts=(0, 17)).code == 17
    return [
        Row(
            what="corruptions that edgecls verify ends with 17 for",
            value=100 * refused / count,
            unit="%",
            at_least=100,
            note=f"{count} of the signed bundle",
        )
    ]


def of_types(what, tally):
    return [
        Row(what=f"{what}: anything but a BundleError", value=tally.wrong, unit="", at_most=0),
        Row(what=f"{what}: slowest", value=1000 * tally.slowest_s, unit="ms", at_most=1000),
    ]


def one_byte_changed(data, dice):
    place = dice.randrange(len(data))
    return data[:place] + bytes([data[place] ^ dice.randrange(1, 256)]) + data[place + 1 :]


def rebuilt(original, place, manifest, after):
    """Return an archive with another manifest and right headers."""
    grown = len(manifest) - (len(original) - place - len(after))
    header = bytearray(original[:place])
    crc = zlib.crc32(manifest)
    struct.pack_into("<3I", header, 14, crc, len(manifest), len(manifest))
    data = bytearray(header + manifest + after)
    count, length, start = struct.unpack_from("<H2I", data, len(data) - 12)
    start += grown
    struct.pack_into("<I", data, len(data) - 6, start)
    at = start
    for index in range(count):
        name_length = struct.unpack_from("<H", data, at + 28)[0]
        if index == 0:
            struct.pack_into("<3I", data, at + 16, crc, len(manifest), len(manifest))
        else:
            old = struct.unpack_from("<I", data, at + 42)[0]
            struct.pack_into("<I", data, at + 42, old + grown)
        at += 46 + name_length
    assert at == start + length
    return bytes(data)


if __name__ == "__main__":
    os.nice(10)
    main()
