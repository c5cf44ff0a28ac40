"""A keeper and versions that work, crash, hang and see nothing: real processes, without a model."""

import itertools
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import edgecls_device
import pytest
from edgecls_device.bundles.locks import changing, is_kept, switching
from edgecls_device.bundles.state import State, Trial, read_state, write_state

from tests.device.bundles.kept import (
    NEW,
    NEWER,
    OLD,
    Keeper,
    be_quick,
    is_running,
    is_settled,
    lives,
    make_installation,
    make_version,
    put_on_trial,
    reason,
    runs,
    runs_only,
    told,
    wait_until,
)


@pytest.fixture
def installation(tmp_path):
    return make_installation(tmp_path / "pets")


@pytest.fixture
def start(installation):
    """Start a keeper; what still runs at the end is killed."""
    running = []

    def begin(**options):
        keeper = Keeper(installation, **options)
        running.append(keeper)
        return keeper

    yield begin
    for keeper in running:
        keeper.kill()


@pytest.fixture
def keeper(start, installation):
    """A keeper whose old version runs."""
    started = start()
    wait_until(lambda: runs(installation, OLD))
    return started


def test_the_version_that_current_names_runs(keeper, installation):
    assert runs_only(installation, OLD)
    assert is_kept(installation)
    ((_, _, _, words),) = lives(installation, OLD)
    folder = installation.version(OLD)
    assert words == (
        f"-I -m edgecls run {folder}/artifacts/tiny.int8.tflite "
        f"--config {installation.config} --backend litert --threads 2"
    )


def test_a_version_that_passes_its_trial_is_confirmed_and_never_stopped(keeper, installation):
    put_on_trial(installation, NEW, "work")
    wait_until(lambda: told(installation, NEW) == ["trial", "confirmed"])
    assert runs_only(installation, NEW)
    assert installation.confirmed_version() == installation.current_version() == NEW
    assert read_state(installation) == State(floor=2, previous=OLD)
    assert len(lives(installation, NEW)) == 1
    assert keeper.process.poll() is None


def test_a_switch_is_noticed_within_a_second_and_the_old_version_ends_by_itself(
    keeper, installation
):
    put_on_trial(installation, NEW, "work")
    begin = time.monotonic()
    wait_until(lambda: runs(installation, NEW))
    asked = float((installation.version(OLD) / "asked").read_text())
    assert asked - begin < 1.0


@pytest.mark.parametrize(
    ("plan", "why"),
    [
        ("kill 4", r"It crashed \(illegal instruction\)"),
        ("kill 11", r"It crashed \(segmentation fault\)"),
        ("gush", r"It crashed \(aborted\): File .*scripted_worker\.py., line \d+ in <module>"),
        ("golden", "Its model was refused before the first frame: Expected the scores that 'tiny'"),
        ("streak", "Its model failed on frame after frame, after 5 results: Expected scores that"),
        ("hang", r"It hung, so it was killed"),
        ("few 4", r"Only 4 results within 4 s: cat"),
        (
            "lost",
            r"No frames: the source is lost, after 0 results within 4 s: The camera is gone\.",
        ),
        ("silent", "No sign of life within 4 s"),
        ("exit 2", "It refused an option of the configuration: Expected another code than 2"),
        ("exit 1", "It failed: Expected another code"),
        ("exit 6", "No frames: its source could not be opened"),
        ("video 0", "It ended without a result"),
    ],
)
def test_a_version_that_does_not_hold_is_reverted_and_why_is_written_down(
    keeper, installation, plan, why
):
    put_on_trial(installation, NEW, plan)
    wait_until(lambda: told(installation, NEW) == ["trial", "reverted"])
    wait_until(lambda: len(lives(installation, OLD)) == 2 and runs_only(installation, OLD))
    assert re.match(why, reason(installation, NEW))
    assert installation.confirmed_version() == installation.current_version() == OLD
    assert read_state(installation) == State(floor=1, failed=(NEW,))
    assert len(lives(installation, NEW)) == (3 if plan == "exit 6" else 1)
    assert keeper.process.poll() is None


def test_a_version_without_its_python_or_its_choice_is_reverted(keeper, installation):
    folder = make_version(installation, NEW, ["work"])
    (folder / "environment" / "bin" / "python").write_text("#!/no/such/program\n")
    put_on_trial(installation, NEW)
    wait_until(lambda: told(installation, NEW) == ["trial", "reverted"])
    assert "It could not be started: " in reason(installation, NEW)
    folder = make_version(installation, NEWER, ["work"])
    (folder / "tuning.json").write_text("{}")
    put_on_trial(installation, NEWER)
    wait_until(lambda: told(installation, NEWER) == ["trial", "reverted"])
    assert "does not start: Expected a record of kind" in reason(installation, NEWER)
    wait_until(lambda: runs_only(installation, OLD))


def test_a_version_whose_own_keeper_does_not_start_is_not_even_tried(keeper, installation):
    python = make_version(installation, NEW, ["work"]) / "environment" / "bin" / "python"
    broken = python.read_text().replace(
        '*" keep "*)', '*" keep "*) echo "ImportError: no click" >&2; exit 1; '
    )
    python.write_text(broken)
    put_on_trial(installation, NEW)
    wait_until(lambda: told(installation, NEW) == ["trial", "reverted"])
    wait_until(lambda: runs_only(installation, OLD))
    assert reason(installation, NEW) == "Its own keeper does not start: ImportError: no click."
    assert not lives(installation, NEW)


def test_a_camera_that_is_still_in_use_is_worth_another_start(keeper, installation):
    put_on_trial(installation, NEW, "exit 6", "work")
    wait_until(lambda: told(installation, NEW) == ["trial", "confirmed"])
    assert len(lives(installation, NEW)) == 2


def test_a_video_that_ended_well_confirms_its_version_and_ends_the_service(keeper, installation):
    put_on_trial(installation, NEW, "video 3")
    assert keeper.ended() == 0
    assert told(installation, NEW) == ["trial", "confirmed"]


def test_a_version_on_trial_that_is_deaf_is_killed_and_left(keeper, installation):
    be_quick(installation, rules={"results": 10**6, "within_s": 1.0})
    put_on_trial(installation, NEW, "deaf")
    wait_until(lambda: told(installation, NEW) == ["trial", "reverted"])
    wait_until(lambda: runs_only(installation, OLD))


def test_a_trial_that_was_cut_off_three_times_is_the_last(start, installation):
    be_quick(installation, rules={"results": 10**6, "within_s": 60})
    put_on_trial(installation, NEW, "work")
    for attempt in (1, 2, 3):
        keeper = start()
        wait_until(lambda count=attempt: len(lives(installation, NEW)) == count)
        assert read_state(installation).trial == Trial(version=NEW, attempts=attempt)
        keeper.kill()
    start()
    wait_until(lambda: runs_only(installation, OLD))
    assert reason(installation, NEW).startswith("It was started 3 times, and cut off before")
    assert read_state(installation).failed == (NEW,)
    assert len(lives(installation, NEW)) == 3


@pytest.mark.parametrize("seed", range(10))
def test_a_power_cut_at_any_moment_of_a_trial_ends_in_the_old_or_the_new(start, installation, seed):
    moments = random.Random(seed)
    plan = moments.choice([["work"], ["golden"], ["few 3"], ["gush"]])
    be_quick(installation, rules={"within_s": 1.0})
    keeper = start()
    wait_until(lambda: runs(installation, OLD))
    put_on_trial(installation, NEW, *plan)
    for _ in range(2):
        time.sleep(moments.uniform(0.0, 1.2))
        keeper.kill()
        wait_until(lambda: not runs(installation, OLD) and not runs(installation, NEW))
        keeper = start()
    wait_until(lambda: is_settled(installation))
    kept = installation.current_version()
    wait_until(lambda: runs_only(installation, kept))
    if plan != ["work"]:
        assert kept == OLD
    what, failed = ("confirmed", ()) if kept == NEW else ("reverted", (NEW,))
    assert told(installation, NEW) == ["trial", what]
    assert read_state(installation).failed == failed
    assert keeper.stop() == 0


def test_a_rollback_while_it_runs_is_followed(keeper, installation):
    put_on_trial(installation, NEW, "work")
    wait_until(lambda: told(installation, NEW)[-1] == "confirmed")
    with switching(installation):
        write_state(installation, State(floor=2, failed=(NEW,)))
        installation.point(installation.confirmed, OLD)
        installation.point(installation.current, OLD)
    wait_until(lambda: runs_only(installation, OLD))
    assert read_state(installation) == State(floor=2, failed=(NEW,))


def test_a_rollback_in_the_middle_of_a_trial_is_no_failure_of_the_keeper(keeper, installation):
    be_quick(installation, rules={"results": 10**6, "within_s": 60})
    put_on_trial(installation, NEW, "work")
    wait_until(lambda: runs(installation, NEW))
    with switching(installation):
        write_state(installation, State(floor=1, failed=(NEW,)))
        installation.point(installation.current, OLD)
    wait_until(lambda: runs_only(installation, OLD))
    assert told(installation, NEW)[-1] != "confirmed"


def test_a_confirmed_version_that_dies_is_started_again(keeper, installation):
    put_on_trial(installation, NEW, "die 40", "work")
    wait_until(lambda: len(lives(installation, NEW)) == 2)
    wait_until(lambda: runs_only(installation, NEW))
    assert "was killed by SIGABRT" in keeper.text()
    assert told(installation, NEW) == ["trial", "confirmed"]


def test_a_confirmed_version_that_somebody_else_stops_is_started_again(keeper, installation):
    pid = lives(installation, OLD)[-1][0]
    wait_until((installation.version(OLD) / "works").exists)
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: len(lives(installation, OLD)) == 2 and runs(installation, OLD))
    assert "was stopped by somebody else" in keeper.text()


@pytest.mark.parametrize(
    ("later", "why"),
    [
        (
            "streak",
            r"It ended with exit code 5, 3 times within 10 minutes: Expected scores that are",
        ),
        ("hang", r"It hung, 3 times within 10 minutes: File .*scripted_worker"),
        ("kill 9", r"It was killed by SIGKILL, 3 times within 10 minutes\."),
    ],
)
def test_a_model_that_goes_wrong_three_times_since_brings_the_one_before_back(
    keeper, installation, later, why
):
    put_on_trial(installation, NEW, "die 40", later)
    wait_until(lambda: told(installation, NEW) == ["trial", "confirmed", "reverted"])
    wait_until(lambda: runs_only(installation, OLD))
    assert re.match(why, reason(installation, NEW))
    assert len(lives(installation, NEW)) == 3


def test_three_deaths_of_a_confirmed_version_bring_the_one_before_back_once(keeper, installation):
    put_on_trial(installation, NEW, "die 40")
    wait_until(lambda: told(installation, NEW) == ["trial", "confirmed", "reverted"])
    wait_until(lambda: runs_only(installation, OLD))
    assert len(lives(installation, NEW)) == 3
    assert reason(installation, NEW).startswith("It was killed by SIGABRT, 3 times within 10 min")
    assert read_state(installation) == State(floor=2, failed=(NEW,))
    (installation.version(OLD) / "plan").write_text("die 5")
    os.kill(lives(installation, OLD)[-1][0], signal.SIGKILL)
    assert keeper.ended() == 16
    assert "error: Expected a run that goes on, got 3 deaths within 10 minutes" in keeper.text()
    assert "hint: see what it printed; install a new release" in keeper.text()


@pytest.mark.parametrize("damage", ["golden", "exit 4"])
def test_a_model_that_was_damaged_since_brings_the_one_before_back_at_once(
    keeper, installation, damage
):
    put_on_trial(installation, NEW, "die 40", damage)
    wait_until(lambda: told(installation, NEW) == ["trial", "confirmed", "reverted"])
    wait_until(lambda: runs_only(installation, OLD))
    assert len(lives(installation, NEW)) == 2
    assert "It ended with exit code " in reason(installation, NEW)


@pytest.mark.parametrize("code", [2, 3, 7])
def test_a_wrong_configuration_ends_the_service_and_blames_no_version(keeper, installation, code):
    put_on_trial(installation, NEW, "die 40", f"exit {code}")
    assert keeper.ended() == code
    assert told(installation, NEW) == ["trial", "confirmed"]
    assert read_state(installation) == State(floor=2, previous=OLD)


@pytest.mark.parametrize("code", [6, 8, 9])
def test_a_camera_disk_or_network_that_is_gone_is_waited_for_without_blame(
    start, installation, code
):
    (installation.version(OLD) / "plan").write_text("\n".join([f"exit {code}"] * 5 + ["work"]))
    keeper = start()
    wait_until(lambda: len(lives(installation, OLD)) == 6 and runs(installation, OLD))
    assert "starting it again in 0.2 s" in keeper.text()
    assert told(installation, OLD) == ["installed"]


def test_a_damaged_version_without_one_before_ends_with_its_own_code(start, installation):
    (installation.version(OLD) / "plan").write_text("golden")
    assert start().ended() == 5
    (installation.version(OLD) / "tuning.json").write_text("{}")
    keeper = start()
    assert keeper.ended() == 8
    assert f"error: Expected the version {OLD} to be whole" in keeper.text()


def test_a_bad_configuration_is_refused_by_the_keeper_itself(start, installation):
    installation.config.write_text('source = "0"\nartifact = "my.tflite"\n')
    keeper = start()
    assert keeper.ended() == 2
    assert "line 2: the bundle brings it." in keeper.text()
    assert not lives(installation, OLD)


def test_sigterm_ends_the_version_and_the_keeper(keeper, installation):
    pid = lives(installation, OLD)[-1][0]
    begin = time.monotonic()
    assert keeper.stop() == 0
    assert time.monotonic() - begin < 7
    assert not is_running(pid)
    assert (installation.version(OLD) / "asked").exists()


def test_a_version_that_is_deaf_to_sigterm_is_killed_and_that_is_said(start, installation):
    (installation.version(OLD) / "plan").write_text("deaf")
    keeper = start()
    wait_until(lambda: runs(installation, OLD))
    time.sleep(0.2)
    assert keeper.stop() == 15
    assert not runs(installation, OLD)
    assert "it hangs; killed it" in keeper.text()


@pytest.mark.parametrize("seed", range(5))
def test_sigterm_at_any_moment_of_a_switch_ends_it(keeper, installation, seed):
    put_on_trial(installation, NEW, "work")
    time.sleep(random.Random(seed).uniform(0.3, 1.2))
    assert keeper.stop() in {0, -signal.SIGTERM}  # the latter while the next keeper's Python begins
    wait_until(lambda: not runs(installation, OLD) and not runs(installation, NEW))


def test_the_version_dies_with_its_keeper(keeper, installation):
    keeper.kill()
    wait_until(lambda: not runs(installation, OLD))


def test_the_keeper_is_the_same_process_all_along_and_holds_its_lock(keeper, installation):
    seen = []
    put_on_trial(installation, NEW, "work")
    while told(installation, NEW) != ["trial", "confirmed"]:
        seen.append(is_kept(installation))
        time.sleep(0.002)
    assert all(seen)
    assert len(seen) > 20
    assert keeper.process.poll() is None
    assert keeper.text().count("keeper: ") == 2  # it executed itself anew


def test_a_second_keeper_is_refused_with_words(keeper, start, installation):
    second = start()
    assert second.ended() == 18
    assert "error: Expected nobody to keep " in second.text()
    assert "but another keeper runs" in second.text()
    assert len(lives(installation, OLD)) == 1


def test_whoever_asks_whether_a_keeper_runs_does_not_keep_one_from_starting(start, installation):
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from edgecls_device.bundles.installation import Installation\n"
        "from edgecls_device.bundles.locks import is_kept\n"
        "print(flush=True)\nwhile True: is_kept(Installation(Path(sys.argv[1])))\n"
    )
    installation.keeper_lock.touch()
    command = [sys.executable, "-c", code, str(installation.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as asking:
        asking.stdout.readline()
        try:
            start()
            wait_until(lambda: runs(installation, OLD))
        finally:
            asking.kill()


def test_its_own_files_may_be_removed_while_it_runs(start, installation, tmp_path):
    code = tmp_path / "code"
    package = Path(edgecls_device.__file__).parent
    shutil.copytree(package, code / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    variables = {"CODE": str(code), "PYTHONDONTWRITEBYTECODE": "1"}
    keeper = start(variables=variables)
    wait_until(lambda: runs(installation, OLD))
    assert f"keeper: {code}\n" in keeper.text()
    shutil.rmtree(code)
    shutil.rmtree(installation.version(OLD) / "environment")  # its worker runs on
    (installation.version(OLD) / "environment" / "bin").mkdir(parents=True)
    source = make_version(installation, NEW, ["work"]) / "environment" / "bin" / "python"
    os.kill(lives(installation, OLD)[-1][0], signal.SIGKILL)
    python = installation.version(OLD) / "environment" / "bin" / "python"
    python.write_text(source.read_text().replace(NEW, OLD))
    python.chmod(0o755)
    wait_until(lambda: len(lives(installation, OLD)) == 2 and runs(installation, OLD))
    put_on_trial(installation, NEW)
    wait_until(lambda: told(installation, NEW) == ["trial", "confirmed"])
    assert keeper.stop() == 0
    assert "Traceback" not in keeper.text()


def test_a_crash_and_an_end_after_its_files_are_gone_are_told_without_a_traceback(
    start, installation, tmp_path
):
    code = tmp_path / "code"
    package = Path(edgecls_device.__file__).parent
    shutil.copytree(package, code / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    (installation.version(OLD) / "plan").write_text("die 40")
    keeper = start(variables={"CODE": str(code)})
    wait_until(lambda: runs(installation, OLD))
    shutil.rmtree(code)
    assert keeper.ended() == 16
    assert "error: Expected a run that goes on" in keeper.text()
    assert "Traceback" not in keeper.text().replace("Fatal Python error", "")


def test_systemd_is_told_which_version_speaks_and_never_that_it_stops_until_it_does(
    start, installation, tmp_path
):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(15)
        variables = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "3000000"}
        keeper = start(variables=variables)
        heard, pings = [], []

        def hear_until(is_so):
            while not (heard and is_so()):
                heard.append(
                    dict(line.split("=", 1) for line in systemd.recv(4096).decode().splitlines())
                )
                if "WATCHDOG" in heard[-1]:
                    pings.append(time.monotonic())

        def has_said(text):
            return heard[-1].get("STATUS", "").startswith(text)

        hear_until(lambda: "READY" in heard[-1])
        assert any("EXTEND_TIMEOUT_USEC" in message for message in heard)
        put_on_trial(installation, NEW, "work")
        hear_until(lambda: has_said(f"{NEW} on trial: ready: cat"))
        hear_until(lambda: has_said(f"{NEW}: ready: cat"))
        put_on_trial(installation, NEWER, "few 4")
        hear_until(lambda: has_said(f"{NEWER} did not pass its trial: Only 4 results within 4 s"))
        hear_until(lambda: has_said(f"{NEW}: ready: cat"))
        assert not any("STOPPING" in message for message in heard)
        keeper.process.send_signal(signal.SIGTERM)
        hear_until(lambda: "STOPPING" in heard[-1])
        assert keeper.ended() == 0
    assert max(later - earlier for earlier, later in itertools.pairwise(pings)) < 3
    assert not any(name.startswith("X_") for message in heard for name in message)
    statuses = {message["STATUS"].split(":")[0] for message in heard if "STATUS" in message}
    assert f"{OLD}" in statuses


def test_a_service_that_waits_for_its_camera_has_started(start, installation, tmp_path):
    (installation.version(OLD) / "plan").write_text("exit 6")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(15)
        start(variables={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        message = ""
        while "READY=1" not in message:
            message = systemd.recv(4096).decode()
    assert f"STATUS={OLD} ended with exit code 6 " in message
    assert "Expected another code than 6." in message


def test_an_update_that_holds_its_lock_and_waits_does_not_hinder_the_verdict(keeper, installation):
    with changing(installation):
        put_on_trial(installation, NEW, "work")
        wait_until(lambda: told(installation, NEW) == ["trial", "confirmed"])


def test_without_a_whole_version_it_ends_with_what_to_do(start, installation):
    keeper = start()
    wait_until(lambda: runs(installation, OLD))
    keeper.kill()
    python = installation.confirmed / "environment" / "bin" / "python"
    (installation.version(OLD) / "tuning.json").unlink()
    assert python.exists()
    keeper = start()
    assert keeper.ended() == 8
    assert "error: Expected an installed version in" in keeper.text()
    assert "hint: install the bundle again: sudo python3 BUNDLE --root " in keeper.text()


NOBODY = 65534


def python_of_anybody():
    """Return a Python that a user without rights can start, and that finds our packages."""
    variables = {"PYTHONPATH": str(Path(edgecls_device.__file__).parents[1])}
    for python in (sys.executable, "/usr/bin/python3"):
        command = [python, "-c", "import edgecls_device.service.worker"]
        try:
            done = subprocess.run(command, user=NOBODY, env=variables, check=False)
        except OSError:
            continue
        if done.returncode == 0:
            return python, variables
    return pytest.skip("needs a Python that other users can start")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_as_root_a_version_runs_as_the_owner_of_its_data():
    python, variables = python_of_anybody()
    with tempfile.TemporaryDirectory() as folder:  # that of pytest is root's alone
        Path(folder).chmod(0o755)
        installation = make_installation(Path(folder) / "pets")
        make_version(installation, NEW, ["work"], python=python)
        for path in (installation.data, installation.version(NEW)):
            os.chown(path, NOBODY, NOBODY)
        keeper = Keeper(installation, variables=variables)
        try:
            put_on_trial(installation, NEW)
            wait_until(lambda: told(installation, NEW) == ["trial", "confirmed"])
            pid, _, user, _ = lives(installation, NEW)[-1]
            status = Path(f"/proc/{pid}/status").read_text()
            assert user == NOBODY
            assert f"Gid:\t{NOBODY}\t{NOBODY}" in status
            assert "Umask:\t0027" in status
            assert Path(f"/proc/{pid}/cwd").readlink() == installation.data
            assert f"HOME={installation.data}".encode() in Path(f"/proc/{pid}/environ").read_bytes()
            assert keeper.stop() == 0
            assert not is_running(pid)
        finally:
            keeper.kill()


def test_the_keeper_is_small():
    code = "import sys, edgecls_device.bundles.keeper; print({'numpy', 'cv2'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
