import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from edgecls_device.errors import OptionError, SourceError
from edgecls_device.sources.capture_messages import (
    Failed,
    FrameHeader,
    Opened,
    Start,
    decode,
    encode,
)
from edgecls_device.sources.capture_process import CaptureProcess
from edgecls_device.sources.capture_request import CaptureRequest
from edgecls_device.sources.frozen import KnownPicture

from tests.device.sources.test_live_source import is_gone, wait_gone

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")

PARENT = """
import sys, time
from edgecls_device.sources.capture_request import CaptureRequest
from edgecls_device.sources.live_source import LiveSource
from edgecls_device.stop import Stop

source = LiveSource(CaptureRequest(kind="stream", text=sys.argv[1]), wait_for_source=True)
print(source._captures.current.pid, flush=True)
while True:
    source.read(Stop())
"""


def listen(process, seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        process.next_message(0.1)


def test_messages_come_over_as_they_were_sent():
    known = KnownPicture(crc=7, since_ns=8)
    request = CaptureRequest(kind="stream", text="x\ny", name="z", options={"a": [1, 2]})
    start = Start(request=request, hold_s=1.5, waits=True, known=known)
    assert Start.from_line(start.to_line()) == start
    assert start.to_line().count(b"\n") == 1
    header = FrameHeader(
        index=1, captured_ns=2, captured_at=3.5, height=4, width=5, same_since_ns=6, crc=7
    )
    for message in (header, Opened(name="n", description="Ü", frame_rate=0.0)):
        assert decode(encode(message)) == message


def test_errors_come_over_with_their_kind_and_their_hint():
    error = decode(encode(Failed.of(OptionError("Expected x.", hint="do y")))).to_error()
    assert (type(error), error.message, error.hint) == (OptionError, "Expected x.", "do y")
    assert isinstance(Failed.of(ZeroDivisionError("0")).to_error(), SourceError)


def test_a_password_is_hidden_in_what_others_print():
    request = CaptureRequest(kind="stream", text="http://me:secret@h/", name="http://me:***@h/")
    said = request.without_secrets("cannot open http://me:secret@h/ with secret")
    assert said == "cannot open http://me:***@h/ with ***"


@pytest.mark.parametrize("is_stopped", [False, True], ids=["running", "stopped"])
def test_a_capture_process_dies_with_its_parent_however_that_dies(http_camera, is_stopped):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, http_camera.url], stdout=subprocess.PIPE, text=True
    )
    pid = int(parent.stdout.readline())
    assert not is_gone(pid)
    if is_stopped:
        os.kill(pid, signal.SIGSTOP)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_gone(pid)


def test_a_capture_process_is_the_first_to_die_and_shows_no_password(http_camera):
    url = http_camera.url.replace("http://", "http://me:secret@")
    process = CaptureProcess(Start(request=CaptureRequest(kind="stream", text=url)))
    while not isinstance(process.next_message(5), Opened):
        pass
    there = Path(f"/proc/{process.pid}")
    assert int((there / "oom_score_adj").read_text()) >= 800
    assert (there / "comm").read_text().strip() == "edgecls-capture"
    assert b"secret" not in (there / "cmdline").read_bytes() + (there / "environ").read_bytes()
    assert os.getsid(process.pid) == process.pid  # Ctrl-C in the terminal is not for it
    process.retire(1.0)
    assert process.wait_gone(2.0)


def test_what_lies_about_in_the_working_directory_is_not_imported(
    http_camera, tmp_path, monkeypatch
):
    for name in ("json", "cv2", "numpy", "edgecls_device", "signal"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    process = CaptureProcess(Start(request=CaptureRequest(kind="stream", text=http_camera.url)))
    while not isinstance(process.next_message(5), Opened):
        pass
    process.retire(1.0)
    assert process.wait_gone(2.0)


def test_how_a_capture_process_died_is_told_with_what_it_printed_last(monkeypatch):
    monkeypatch.setattr(
        "edgecls_device.sources.capture_process._BOOTSTRAP",
        "import sys; print('x' * 9_999, file=sys.stderr); sys.exit('the driver is broken')",
    )
    process = CaptureProcess(Start(request=CaptureRequest(kind="stream", text="http://h/")))
    with pytest.raises(SourceError, match="ended with code 1: the driver is broken"):
        listen(process, 10)
    assert len(process._printed) <= 2000
    process.retire(0)
    assert process.wait_gone(2.0)
