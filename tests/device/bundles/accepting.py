"""What stands in for the acceptance of a new version where something else is tested."""

from edgecls_device.bundles.tuning import Candidate, Tuning


def accepted(version, manifest, say):
    """Stand in for the acceptance, which takes seconds."""
    del version, say
    candidate = Candidate(
        artifact=manifest.artifacts[0].member,
        backend=manifest.artifacts[0].backends[0],
        threads=1,
        samples=4,
        same_best=4,
        worst_error=0.0,
        p50_ms=1.5,
        failure="",
    )
    chosen = {name: getattr(candidate, name) for name in ("artifact", "backend", "threads")}
    return Tuning(**chosen, candidates=(candidate,))
