"""Checks of an installed bundle: which version runs, whether its service does, whether an update has room."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from edgecls_device.bundles.acceptance import CANDIDATE, try_artifact
from edgecls_device.bundles.environments import python_of
from edgecls_device.bundles.installation import Installation
from edgecls_device.bundles.locks import is_kept
from edgecls_device.bundles.manifest import BundledArtifact, Manifest
from edgecls_device.bundles.preparing import needed_bytes, read_tuning
from edgecls_device.bundles.service_unit import has_systemd, service_state
from edgecls_device.bundles.state import read_state
from edgecls_device.bundles.telling import milliseconds
from edgecls_device.bundles.tuning import Candidate, Tuning
from edgecls_device.bundles.updating import installed_manifest
from edgecls_device.doctor.check import Check, Facts, State

__all__ = ["check_installation"]

SLOWER = 1.5
"""How much longer than at its installation a frame may take before it is worth a note."""


def check_installation(installation: Installation) -> Iterator[Check]:
    """Look at what is installed.

    Raises:
        SpecError: If one of its records is damaged.
        StorageError: If one cannot be read.
    """
    current = installation.current_version()
    if current is None:
        hint = f"install the bundle again: sudo python3 BUNDLE --root {installation.root}"
        yield Check(
            name="bundle",
            state="problem",
            found=f"no version runs in {installation.root}",
            hint=hint,
        )
        return
    manifest = installed_manifest(installation, current)
    yield _bundle(installation, manifest, current)
    yield _previous(installation)
    yield _service(installation, manifest)
    yield _room(installation, manifest)
    yield _model(installation, manifest, current)


def _bundle(installation: Installation, manifest: Manifest, current: str) -> Check:
    told = f"{manifest.name}, release {manifest.release} ({current}), in {installation.root}"
    facts: Facts = {
        "name": manifest.name,
        "release": manifest.release,
        "version": current,
        "root": str(installation.root),
        "is_on_trial": installation.is_on_trial(),
    }
    if not installation.is_on_trial():
        return Check(name="bundle", found=told, facts=facts)
    confirmed = installation.confirmed_version() or "none"
    told += f"; on trial, {confirmed} comes back if it fails"
    return Check(name="bundle", state="note", found=told, hint="see: edgecls history", facts=facts)


def _previous(installation: Installation) -> Check:
    state = read_state(installation)
    facts: Facts = {
        "previous": state.previous,
        "floor": state.floor,
        "failed": " ".join(state.failed),
    }
    told = f"{state.previous}: edgecls rollback goes back to it" if state.previous else "none yet"
    if not state.failed:
        return Check(name="previous", found=told, facts=facts)
    told += f"; {state.failed[-1]} did not pass its trial"
    return Check(
        name="previous", state="note", found=told, hint="see: edgecls history", facts=facts
    )


def _service(installation: Installation, manifest: Manifest) -> Check:
    runs = is_kept(installation)
    if not has_systemd():
        told = "its keeper runs" if runs else "no keeper runs"
        hint = "" if runs else f"start it: edgecls keep --root {installation.root}"
        return Check(
            name="service",
            state="ok" if runs else "note",
            found=f"{told}; there is no systemd",
            hint=hint,
            facts={"is_kept": runs},
        )
    service = service_state(manifest.name)
    facts: Facts = {
        "is_kept": runs,
        "is_enabled": service.is_enabled,
        "is_active": service.is_active,
    }
    state: State = "ok" if service.is_active and service.is_enabled else "note"
    hint = "" if service.is_enabled else f"sudo systemctl enable --now {service.name}"
    if service.is_enabled and not service.is_active:
        state, hint = "problem", f"see why: journalctl -u {service.name}"
    return Check(
        name="service", state=state, found=f"{service.name}: {service.told}", hint=hint, facts=facts
    )


def _room(installation: Installation, manifest: Manifest) -> Check:
    """Whether a bundle like this one, with other wheels, could be installed beside it."""
    needed = needed_bytes(manifest, has_environment=False)
    free = shutil.disk_usage(installation.root).free
    has_room = free >= needed
    return Check(
        name="update",
        state="ok" if has_room else "note",
        found=f"needs at most {needed / 1e6:.0f} MB of disk, {free / 1e6:.0f} MB are free",
        hint="" if has_room else "make room: sudo apt clean; sudo journalctl --vacuum-size=50M",
        facts={"needed_bytes": needed, "free_bytes": free},
    )


def _model(installation: Installation, manifest: Manifest, current: str) -> Check:
    """Run the golden samples and photos as at the installation."""
    folder = installation.version(current)
    tuning = read_tuning(folder)
    artifact = next(one for one in manifest.artifacts if one.member == tuning.artifact)
    found = _tried(folder, manifest, artifact, tuning)
    told = f"{Path(tuning.artifact).name} on {tuning.backend}, threads: {tuning.threads}"
    facts: Facts = {
        "artifact": tuning.artifact,
        "backend": tuning.backend,
        "threads": tuning.threads,
        "p50_ms": found.p50_ms,
        "samples": found.samples,
        "worst_error": found.worst_error,
    }
    if found.failure:
        return Check(
            name="model",
            state="problem",
            found=f"{told}: {found.failure}",
            hint="edgecls rollback goes back to the version before; or install the bundle again",
            facts=facts,
        )
    time = milliseconds(found.p50_ms)
    told += f": {found.samples} golden samples and photos as they should be, {time} a frame"
    before = _p50_ms(tuning)
    if before and found.p50_ms > SLOWER * before:
        told += f", {milliseconds(before)} when it was installed"
        hint = "other programs, heat or a weak supply: see temperature and throttling"
        return Check(name="model", state="note", found=told, hint=hint, facts=facts)
    return Check(name="model", found=told, facts=facts)


def _tried(
    folder: Path, manifest: Manifest, artifact: BundledArtifact, tuning: Tuning
) -> Candidate:
    python = [str(python_of(folder / "environment")), "-I", "-m", CANDIDATE]
    trials = try_artifact(
        folder, manifest, artifact, tuning.backend, python=python, counts=[tuning.threads]
    )
    return next(trials)


def _p50_ms(tuning: Tuning) -> float:
    chosen = (tuning.artifact, tuning.backend, tuning.threads)
    return next(
        one.p50_ms
        for one in tuning.candidates
        if (one.artifact, one.backend, one.threads) == chosen
    )
