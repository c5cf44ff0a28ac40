"""What a device may be like, and what runs on it."""

import time
from pathlib import Path

OLDER = """
import edgecls_bench.measurement
edgecls_bench.measurement.BenchRun.version = 1
"""
TOO_OLD = """
import sys
sys.modules["edgecls_bench.measurement"] = None
"""
OTHER_PIXELS = """
import edgecls_device.golden as golden
made = golden.golden_inputs
golden.golden_inputs = lambda *size, **count: 255 - made(*size, **count)
"""
WITHOUT_ONNX = """
import importlib.util, sys
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "onnxruntime" else find(name, package)
sys.modules["onnxruntime"] = None
"""
SLOW = """
import subprocess, sys, time
if sys.orig_argv[1:4] == ["-m", "edgecls", "bench"]:
    child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
    print("a case takes long", file=sys.stderr, flush=True)
    child.wait()
"""
"""It starts a process that takes long, as a case does."""

WRONG_CLOCK = """
import time
import edgecls_device.stamps
time.time = lambda: 86400.0
edgecls_device.stamps.now = lambda: "1970-01-02T00:00:00+00:00"
"""


def processes_in(folder):
    """Return the numbers of the processes that work somewhere in a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            place = (entry / "cwd").readlink()
        except OSError:  # it has just ended
            continue
        if str(place).startswith(str(folder)):
            found.append(int(entry.name))
    return found


def eventually(is_so, *, within_s=30.0):
    """Wait until something is so; return whether it is."""
    end = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
