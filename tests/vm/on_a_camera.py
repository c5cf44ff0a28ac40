"""Run inside the machine of ``tests/vm/camera``: what edgecls does with a camera of the kernel's ``vivid``."""

# ruff: noqa: T201 - a script that prints what it sees

import os
import subprocess
import sys
import time
from pathlib import Path

from edgecls_device.doctor import cameras
from edgecls_device.doctor.cameras import examine_cameras
from edgecls_device.errors import EdgeclsError, OptionError, SourceError
from edgecls_device.sources.options import SourceOptions
from edgecls_device.sources.table import open_source
from edgecls_device.stop import Stop

DRIVER = Path("/sys/bus/platform/drivers/vivid")
failures = []


def check(what, is_so, seen=""):
    print(f"{'ok' if is_so else 'WRONG':<6} {what}: {seen}", flush=True)
    if not is_so:
        failures.append(what)


def frames(source, seconds):
    found, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        frame = source.read(Stop())
        if frame is not None:
            found.append(frame)
    return found


def wait_for(source, is_so, seconds):
    start = time.monotonic()
    while not is_so() and time.monotonic() - start < seconds:
        source.read(Stop())
    return time.monotonic() - start


def refusal(text, options=None):
    try:
        open_source(text, options or SourceOptions()).close()
    except EdgeclsError as error:
        return error
    return None


def warm_up():
    """Read what is imported once: an emulated processor needs long for it, and deadlines would be missed."""
    start = time.monotonic()
    code = "import edgecls_device.opencv, edgecls_device.sources.camera, edgecls_device.sources.capture_child"
    subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}; {code}"], check=True
    )
    cameras.ASK_S = 60.0
    print(f"imports take {time.monotonic() - start:.0f} s here")


def list_them():
    found = examine_cameras()
    for one in found.cameras:
        print(
            f"       {one.source}: {one.name} ({one.driver}), camera: {one.is_camera}, {one.granted}, "
            f"{one.frames_per_second} fps, brightness {one.brightness} {one.remark} {one.problem}"
        )
        for form in one.formats[:2]:
            print(f"           {form.fourcc} {form.description}: {'; '.join(form.sizes)}")
    check("the doctor finds a camera that works", found.has_camera)
    others = [one.source for one in found.cameras if not one.is_camera]
    check("nodes that give no pictures are told apart", bool(others), others)
    return next((one.source for one in found.cameras if one.works and not one.is_test), "0")


def capture(text):
    source = open_source(text)
    got = frames(source, 4)
    age_ms = [(time.monotonic_ns() - got[-1].captured_ns) / 1e6] if got else []
    source.close()
    check(
        "frames come",
        len(got) > 10,
        f"{len(got)} in 4 s, {source.description}, {dict(source.dropped)}",
    )
    check(
        "every frame is accounted for", source.captured == len(got) + sum(source.dropped.values())
    )
    check("the last one is fresh", age_ms and age_ms[0] < 500, age_ms)


def wish(text):
    source = open_source(text, SourceOptions(camera_size=(360, 640), camera_format="YUYV"))
    got = frames(source, 2)
    source.close()
    check("a wish is granted", got and got[0].image.shape == (360, 640, 3), source.description)
    error = refusal(text, SourceOptions(camera_size=(481, 641)))
    check("a size that there is not is refused", isinstance(error, OptionError), error)
    error = refusal(text, SourceOptions(camera_fps=999))
    check("a rate that there is not is refused", isinstance(error, OptionError), error)
    error = refusal(text, SourceOptions(camera_format="H264"))
    check("a format that there is not is refused", isinstance(error, OptionError), error)


def busy(text):
    first = open_source(text)
    frames(first, 1)
    error = refusal(text)
    first.close()
    check(
        "a busy camera is named with its user",
        isinstance(error, SourceError),
        f"{error} hint: {error.hint}",
    )


def forbidden(text):
    code = (  # imports first: a user may not be allowed to read the files of this Python
        "import os, sys\n"
        f"sys.path[:] = {sys.path!r}\n"
        "from edgecls_device.errors import SourceError\n"
        "from edgecls_device.sources.camera import check_camera\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        f"try: check_camera({text!r}, {{}})\n"
        "except SourceError as error: print(error, 'hint:', error.hint)\n"
    )
    Path(f"/dev/video{text}").chmod(0o660)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    check(
        "a camera that may not be used names the group",
        "permission denied" in done.stdout,
        done.stdout.strip() or done.stderr[-300:],
    )


def unplug(text):
    source = open_source(text)
    frames(source, 2)
    device = next(path.name for path in DRIVER.iterdir() if path.name.startswith("vivid."))
    (DRIVER / "unbind").write_text(device)
    lost_s = wait_for(source, lambda: source.status.state == "lost", 20)
    check(
        "unplugged: the source is lost",
        source.status.state == "lost",
        f"after {lost_s:.1f} s: {source.status.trouble}",
    )
    check("the device is gone", not Path(f"/dev/video{text}").exists())
    time.sleep(2)
    (DRIVER / "bind").write_text(device)
    back_s = wait_for(source, lambda: source.status.state == "delivering", 30)
    got = frames(source, 1)
    check(
        "plugged in: frames come again",
        bool(got),
        f"after {back_s:.1f} s, reconnects {source.status.reconnects}",
    )
    source.close()
    check(
        "every frame is accounted for after that",
        source.captured > 0,
        f"{source.captured} captured, {dict(source.dropped)}",
    )


def main():
    print(
        f"Linux {os.uname().release}, devices {sorted(path.name for path in Path('/dev').glob('video*'))}"
    )
    warm_up()
    text = list_them()
    for step in (capture, wish, busy, forbidden, unplug):
        print(f"--- {step.__name__}")
        step(text)
    print(f"{len(failures)} wrong: {failures}" if failures else "everything as it should be")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
