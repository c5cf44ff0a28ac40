"""What the edgecls of a device says of itself: sent there as text, and run by the Python that has it."""

import hashlib
import importlib.util
import json
import sys


def introduction(height: int, width: int) -> dict[str, object]:
    """Return the version of its edgecls, of its benchmarks, and the SHA-256 of the frame that it would make.

    Args:
        height: Of the frame, in pixels.
        width: Of the frame, in pixels.
    """
    python: dict[str, object] = {"python": sys.executable}
    if importlib.util.find_spec("edgecls") is None:
        return python
    try:
        from edgecls_bench.measurement import BenchRun
        from edgecls_device.golden import golden_inputs

        from edgecls import __version__
    except ImportError as error:
        return {**python, "edgecls": "unknown", "problem": str(error)}
    frame = golden_inputs(0, height, width, count=2)[1]
    return {
        **python,
        "edgecls": __version__,
        "record_version": BenchRun.version,
        "frame_sha256": hashlib.sha256(frame.tobytes()).hexdigest(),
    }


if __name__ == "__main__":
    answer = introduction(int(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.write("\n" + json.dumps(answer) + "\n")
