import logging
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from edgecls_device.errors import StorageError
from edgecls_export.native_log import output_to_log

DESCRIPTORS = Path("/proc/self/fd")


def test_everything_that_is_printed_goes_to_the_log(tmp_path, capfd):
    log = tmp_path / "logs" / "export.log"
    with output_to_log(log, "a conversion"):
        print("from print")  # noqa: T201
        sys.stderr.write("from stderr\n")
        os.write(1, b"from native stdout\n")
        os.write(2, b"from native stderr\n")
        subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
        warnings.warn("from a warning", UserWarning, stacklevel=1)
        logging.getLogger("edgecls-test").warning("from a logger")
    shown = capfd.readouterr()
    assert (shown.out, shown.err) == ("", "")
    text = log.read_text()
    assert text.startswith("== a conversion\n")
    for source in ("print", "stderr", "native stdout", "native stderr", "a child", "a warning"):
        assert f"from {source}" in text


def test_output_is_shown_again_afterwards(tmp_path, capfd):
    with output_to_log(tmp_path / "export.log", "first"):
        print("hidden", end="")  # noqa: T201
    os.write(1, b"shown out\n")
    os.write(2, b"shown err\n")
    print("shown print")  # noqa: T201
    shown = capfd.readouterr()
    assert shown.out == "shown out\nshown print\n"
    assert shown.err == "shown err\n"


@pytest.mark.parametrize("error", [RuntimeError("broken"), KeyboardInterrupt()])
def test_output_is_shown_again_after_an_error(tmp_path, capfd, error):
    with (
        pytest.raises(type(error)),
        output_to_log(tmp_path / "export.log", "first"),
    ):
        raise error
    os.write(2, b"shown\n")
    assert capfd.readouterr().err == "shown\n"


def test_the_log_keeps_the_traceback_of_an_error(tmp_path):
    log = tmp_path / "export.log"
    with pytest.raises(ValueError, match="deep"), output_to_log(log, "first"):
        raise ValueError("deep down")  # noqa: EM101
    assert "Traceback" in log.read_text()
    assert "deep down" in log.read_text()


def test_later_blocks_are_appended(tmp_path):
    log = tmp_path / "export.log"
    for title in ("first", "second"):
        with output_to_log(log, title):
            os.write(1, f"in {title}\n".encode())
    assert log.read_text() == "== first\nin first\n== second\nin second\n"


def test_handlers_made_inside_stay_usable(tmp_path, capfd):
    """TensorFlow makes its log handlers when it is imported, which is inside."""
    with output_to_log(tmp_path / "export.log", "first"):
        handler = logging.StreamHandler()
    handler.emit(logging.makeLogRecord({"msg": "later"}))
    assert capfd.readouterr().err == "later\n"


def test_descriptors_are_given_back(tmp_path):
    before = len(list(DESCRIPTORS.iterdir()))
    for _ in range(20):
        with output_to_log(tmp_path / "export.log", "again"):
            pass
    assert len(list(DESCRIPTORS.iterdir())) == before


def test_a_log_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError), output_to_log(tmp_path / "file" / "export.log", "first"):
        pass
