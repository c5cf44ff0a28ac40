"""Write export/edgecls_export/bundles/locks/*.txt anew: lock_targets.py UV. Called by scripts/lock.

uv decides versions, since it heeds the target's Python and platform in every condition; pip then takes the one
file that fits the target; and its hash must be one of those that uv got from the index.
"""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from edgecls_export.bundles.locked import LockedWheel, to_lock_line
from edgecls_export.bundles.pip_download import download_wheels
from edgecls_export.bundles.targets import TARGETS, Target

UV_PLATFORMS = {
    "aarch64": "aarch64-manylinux_2_28",
    "x86_64": "x86_64-manylinux_2_28",
    "armv7l": "linux",  # uv knows no armv7l; the conditions in use do not tell them apart
}
REQUIREMENT = re.compile(r"^([a-z0-9-]+)==(\S+)((?:\s*\\?\s*--hash=sha256:[0-9a-f]{64})+)", re.M)


def resolve(uv: str, target: Target, python: str) -> list[str]:
    """Return the requirements of a target, each with the hashes of all files on the index."""
    wanted, left_out = target.requirements()
    command = [uv, "pip", "compile", str(wanted), "--quiet", "--generate-hashes", "--no-header"]
    command += ["--no-annotate", "--python-version", python, "--only-binary", ":all:"]
    command += ["--python-platform", UV_PLATFORMS[target.machine]]
    for path in left_out:
        command += ["--excludes", str(path)]
    settings = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=settings)
    found = REQUIREMENT.findall(done.stdout)
    return [
        f"{name}=={version} {' '.join(hashes.replace(chr(92), ' ').split())}"
        for name, version, hashes in found
    ]


def lock(uv: str, target: Target, python: str) -> None:
    """Write the lock of a target."""
    lines = resolve(uv, target, python)
    known = {line.partition("==")[0]: line for line in lines}
    wheels = []
    with tempfile.TemporaryDirectory() as folder:
        download_wheels(lines, Path(folder), target=target, python=python)
        for path in sorted(Path(folder).glob("*.whl")):
            name = re.sub(r"[-_.]+", "-", path.name.partition("-")[0]).lower()
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            if digest not in known[name]:
                sys.exit(f"{path.name} is not the file that the index has")
            version = known.pop(name).partition("==")[2].partition(" ")[0]
            wheels.append(
                LockedWheel(
                    name=name,
                    version=version,
                    file=path.name,
                    sha256=digest,
                    size_bytes=path.stat().st_size,
                )
            )
    if known:
        sys.exit(f"{target.name}: no wheel of {', '.join(known)}")
    text = [
        f"# The wheels of a bundle for {target.facts.title}, Python {python}. Written by scripts/lock.",
        *map(to_lock_line, wheels),
    ]
    target.lock(python).write_text("\n".join(text) + "\n", encoding="utf-8")
    megabytes = sum(wheel.size_bytes for wheel in wheels) / 1e6
    print(f"{target.lock(python).name}: {len(wheels)} wheels, {megabytes:.1f} MB")


def main() -> None:
    for target in TARGETS.values():
        for python in target.pythons:
            lock(sys.argv[1], target, python)


if __name__ == "__main__":
    main()
