"""A runtime that was built for a newer processor: it ends the process, which no ``except`` catches."""

import json

import pytest

from tests.arm.pi import EDGECLS, HOME

pytestmark = [
    pytest.mark.arm,
    pytest.mark.timeout(3600),
    pytest.mark.parametrize("bare", ["bookworm64"], indirect=True),
]

# Four zero bytes are "udf #0", which no processor of this architecture knows.
UNFIT = """
import sys

class Unfit:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "ai_edge_litert.interpreter":
            import ctypes, mmap
            page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
            ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()

sys.meta_path.insert(0, Unfit)
"""


def test_an_illegal_instruction_is_named_and_the_other_runtime_is_used(bare, bundle_of, tmp_path):
    bundle = bundle_of("bookworm64")
    pi = bare.above(tmp_path).with_files(bundle)
    pi.write("/etc/python3.11/sitecustomize.py", UNFIT)
    done = pi.run("python3", f"{HOME}/{bundle.name}", "--no-service", "--json")
    assert done.code == 0, done.printed
    outcome = json.loads(done.output)
    assert outcome["result"] == "installed"
    assert outcome["backend"] == "onnxruntime"
    assert "on litert, 1 thread: not usable: an illegal instruction" in done.errors

    seen = pi.run(EDGECLS, "doctor", "--json")
    checks = {check["name"]: check for check in json.loads(seen.output)["checks"]}
    assert checks["litert"]["state"] == "problem"
    assert "illegal instruction" in checks["litert"]["found"]
