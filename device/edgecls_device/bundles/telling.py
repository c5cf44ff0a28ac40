"""What came of installing or updating, as a sentence for people."""

from pathlib import Path

from edgecls_device.bundles.outcome import Outcome

__all__ = ["milliseconds", "sentence"]


def sentence(outcome: Outcome) -> str:
    """Return what came of it."""
    model = f"{Path(outcome.artifact).name} on {outcome.backend}, threads: {outcome.threads}"
    time = f", {milliseconds(outcome.p50_ms)} a frame" if outcome.p50_ms else ""
    number = outcome.release
    sentences = {
        "installed": f"Installed: {outcome.name}, release {number}: {model}{time}.",
        "confirmed": f"Updated: release {number} passed its trial and runs now: {model}{time}.",
        "same": f"Nothing to do: release {number} runs already.",
        "pending": f"Release {number} is installed, its trial is not over: {outcome.reason}",
        "reverted": f"Release {number} did not pass its trial; the version before runs on.",
    }
    return sentences.get(outcome.result, outcome.reason)


def milliseconds(ms: float) -> str:
    """Return a time for people: three digits, and no exponent where it has more."""
    return f"{ms:.0f} ms" if ms >= 100 else f"{ms:.3g} ms"
