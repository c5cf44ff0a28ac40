"""Row 24: what may not be written is named with the remedy, at the start and while it runs."""

import subprocess
import sys

import pytest

TRY = """
import os, sys
from pathlib import Path
from edgecls_device.errors import StorageError
from edgecls_device.sinks.json_file import JsonFileSink
from edgecls_device.sinks.live_clip import LiveClipSink
from edgecls_device.sinks.clip import ClipSink
from edgecls_device.sinks.snapshots import SnapshotSink
from edgecls_device.sinks.webhook import WebhookSink
open_it = {
    "json_file": lambda path: JsonFileSink(path / "log.jsonl"),
    "clip": lambda path: ClipSink(path / "a.avi", frame_rate=1.0),
    "live_clip": lambda path: LiveClipSink(path / "a.avi"),
    "snapshots": lambda path: SnapshotSink(path, quota_bytes=10**6),
    "new_snapshots": lambda path: SnapshotSink(path / "new", quota_bytes=10**6),
    "secret": lambda path: WebhookSink("http://h", secret_file=path / "secret"),
}[sys.argv[1]]
path = Path(sys.argv[2])
if os.geteuid() == 0:  # root may do everything, so become nobody
    os.setgroups([])
    os.setegid(65534)
    os.seteuid(65534)
try:
    open_it(path)
except StorageError as error:
    print(error, "|", error.hint)
"""


@pytest.fixture
def locked(tmp_path):
    """A directory that nobody may write, below one that everybody may look into."""
    for parent in (tmp_path, *tmp_path.parents):
        if parent.name.startswith(("pytest-", "popen-")) or parent == tmp_path:
            parent.chmod(0o755)
    directory = tmp_path / "locked"
    directory.mkdir()
    (directory / "secret").write_text("x")
    (directory / "secret").chmod(0)
    directory.chmod(0o555)
    yield directory
    directory.chmod(0o755)


@pytest.mark.parametrize(
    "sink", ["json_file", "clip", "live_clip", "snapshots", "new_snapshots", "secret"]
)
def test_what_may_not_be_written_is_named_with_the_remedy(locked, sink):
    command = [sys.executable, "-c", TRY, sink, str(locked)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert "Permission denied" in done.stdout, done.stderr
    assert "| check the permissions" in done.stdout


LATER = """
import os, sys
from pathlib import Path
from edgecls_device.sinks.background import BackgroundSink
from edgecls_device.sinks.snapshots import SnapshotSink
from edgecls_device.stop import Stop
from tests.device.sinks.results import event, result
path = Path(sys.argv[1])
if os.geteuid() == 0:
    os.setgroups([])
    os.chown(path, 65534, 65534)
    os.setegid(65534)
    os.seteuid(65534)
sink = BackgroundSink(SnapshotSink(path, quota_bytes=10**6), stop=Stop())
def save(number):
    sink.notify(event(number=number), result(seconds=number))
    while sink.counts.waiting:
        pass
    print(sink.counts.failed, sink.counts.is_failing, sink.counts.last_error)
save(1)
path.chmod(0o555)
save(2)
path.chmod(0o755)
save(3)
"""


def test_a_permission_that_is_taken_away_is_counted_and_its_return_noticed(locked, tmp_path):
    shots = tmp_path / "shots"
    shots.mkdir()
    command = [sys.executable, "-c", LATER, str(shots)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [["0", "False"], ["1", "True"], ["1", "False"]]
    assert "Permission denied" in lines[1]
    assert len(list(shots.iterdir())) == 2
