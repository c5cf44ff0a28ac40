import sys

import pytest
from edgecls_device.bundles import acceptance
from edgecls_device.bundles.acceptance import accept, choose, thread_counts
from edgecls_device.bundles.tuning import Candidate
from edgecls_device.errors import UpdateError

from tests.device.bundles.installable import HERE, installable, open_version

BACKEND_FAULTS = {
    "illegal instruction": (
        "import os, signal; os.kill(os.getpid(), signal.SIGILL)",
        "illegal instruction",
    ),
    "segmentation fault": ("import ctypes; ctypes.string_at(0)", "segmentation fault"),
    "abort": ("import os; os.abort()", "abort"),
    "hang": ("import time; time.sleep(600)", "no end within 4 seconds"),
    "kill": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "not enough memory"),
    "no memory": ("bytes(1 << 62)", "want of memory"),
    "library": ("raise ImportError('libgomp.so.1: cannot open shared object')", "libgomp.so.1"),
    "no numbers": ("return (batch[:, 0, 0] * float('nan')).astype('float32')", "NaN"),
}


@pytest.fixture
def version(tmp_path):
    """A function that gives the folder of an unpacked version, and its manifest."""

    def make(**how):
        path = installable(tmp_path / "tiny.edgecls", tmp_path, **how)
        return tmp_path / "version", open_version(path, tmp_path / "version")

    return make


def break_runtime(folder, code, *, threads=(1, 2, 3, 4)):
    """Let every runtime of a version's environment fail when a model is run with so many threads."""
    link = folder / "environment"
    link.unlink()
    (link / "bin").mkdir(parents=True)
    program = f"""#!{sys.executable}
import runpy, sys
from edgecls_device.backends.table import BACKENDS
from edgecls_device.lazy import load
def run(self, batch=None):
    {code}
def open_(original):
    def opened(model, options):
        backend = original(model, options)
        if options.threads in {threads}:
            type(backend).run = run
        return backend
    return opened
for entry in BACKENDS.values():
    try:
        backend = load(entry.target, extra=entry.extra)
    except ImportError:
        continue
    backend.open = open_(backend.open)
sys.argv = sys.argv[2:]
if sys.argv[0] == "-m":
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
else:
    sys.exit("only modules here")
"""
    python = link / "bin" / "python"
    python.write_text(program)
    python.chmod(0o755)


def candidate(p50_ms, threads=1, backend="litert"):
    return Candidate(
        artifact="a.tflite",
        backend=backend,
        threads=threads,
        samples=4,
        same_best=4,
        worst_error=0.0,
        p50_ms=p50_ms,
        failure="",
    )


def test_every_runtime_is_tried_and_one_that_agrees_is_kept(version):
    folder, manifest = version(formats=HERE)
    said = []
    tuning = accept(folder, manifest, said.append)
    wanted = {name for artifact in manifest.artifacts for name in artifact.backends}
    assert {one.backend for one in tuning.candidates} == wanted
    assert all(not one.failure and one.p50_ms > 0 for one in tuning.candidates)
    assert tuning.backend in wanted
    first = tuning.candidates[0]
    assert first.samples == first.same_best == 7  # four seeded ones and three photos
    assert any(f"on {tuning.backend} with " in line for line in said)


@pytest.mark.parametrize("fault", BACKEND_FAULTS)
def test_a_runtime_that_fails_is_named_as_what_it_does(version, fault, monkeypatch):
    folder, manifest = version()
    code, words = BACKEND_FAULTS[fault]
    break_runtime(folder, code)
    if fault == "hang":
        monkeypatch.setattr(acceptance, "WITHIN_S", 4.0)
    with pytest.raises(UpdateError, match=words) as caught:
        accept(folder, manifest, lambda line: None)
    assert manifest.artifacts[0].backends[0] in caught.value.message


def test_a_runtime_that_crashes_with_two_threads_is_used_with_one(version, monkeypatch):
    folder, manifest = version()
    break_runtime(folder, "import os; os.abort()", threads=(2, 3, 4))
    monkeypatch.setattr(acceptance, "thread_counts", lambda cores: (1, 2))
    monkeypatch.setattr(
        acceptance, "_rehearse", lambda *given: None
    )  # this Python runs candidates only
    tuning = accept(folder, manifest, lambda line: None)
    assert tuning.threads == 1
    assert [bool(one.failure) for one in tuning.candidates][:2] == [False, True]


@pytest.mark.parametrize("how", [{"off": 0.2}, {"photos_off": 0.2}], ids=["seeded", "photos"])
def test_wrong_scores_are_refused_with_how_wrong_they_are(version, how):
    folder, manifest = version(**how)
    with pytest.raises(UpdateError, match=r"scores 0\.2 off"):
        accept(folder, manifest, lambda line: None)


def test_what_the_command_line_says_is_told_without_its_hint(version):
    folder, manifest = version()
    break_runtime(folder, "raise RuntimeError", threads=())
    python = folder / "environment/bin/python"
    said = "error: Expected a port, got none.\\nhint: choose another"
    python.write_text(python.read_text().replace("only modules here", said))
    with pytest.raises(UpdateError, match=r"got Expected a port, got none\.$"):
        accept(folder, manifest, lambda line: None)


def test_a_run_that_does_not_work_is_refused_although_the_scores_are_right(version):
    folder, manifest = version()
    break_runtime(folder, "raise RuntimeError", threads=())
    with pytest.raises(UpdateError, match="only modules here"):
        accept(folder, manifest, lambda line: None)


def test_a_python_that_is_not_there_is_named(version):
    folder, manifest = version()
    (folder / "environment").unlink()
    with pytest.raises(UpdateError, match="no process"):
        accept(folder, manifest, lambda line: None)


def test_the_fastest_is_chosen_and_fewer_threads_if_they_are_as_fast():
    assert choose([candidate(9.0), candidate(5.0, 2), candidate(4.9, 4)]).threads == 2
    assert choose([candidate(9.0), candidate(5.0, 2), candidate(3.0, 4)]).threads == 4
    first = candidate(5.0, backend="onnxruntime")
    assert choose([first, candidate(5.0)]) == first


def test_one_two_and_four_threads_are_tried():
    assert thread_counts(1) == (1,)
    assert thread_counts(2) == (1, 2)
    assert thread_counts(3) == (1, 2, 3)
    assert thread_counts(4) == (1, 2, 4)
    assert thread_counts(16) == (1, 2, 4)
