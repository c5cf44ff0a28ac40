"""What ``edgecls keep`` does: one version of an installation runs, and another one only if it proves itself.

The keeper is the service. It runs from the environment of the version that was confirmed last, starts the
version that ``current`` names, and watches it as systemd would. It needs no signal to learn of an update: it
looks at the link. When that names another version, the one that runs is stopped, and the keeper executes itself
anew, from ``confirmed``: a new version is always judged by a keeper that has held already.

A version on trial must first show that its own keeper would start, since that is who starts it after the next
boot. Then it is kept or left as ``judging.py`` says. What a confirmed version that ends by itself means:

- 0, 2, 3, 7: its source ended, or the configuration is wrong. No other version would change that: the keeper
  ends with the same code.
- 6, 8, 9: the source, the disk or the network. They may come back, and another version would not bring them:
  it is started again and again, at last every thirty seconds.
- 4, 5 before the first frame, or no program at all: its own files are damaged. Another try would not mend them:
  the version before takes over at once, if there is one.
- anything else, such as a crash, a hang, a model that goes wrong while it runs, or a SIGTERM of somebody else:
  started again; after three times within ten minutes the version before takes over, once. Without one the
  keeper ends with 16.

Whatever it needs is imported at its start, since the files it came from may be removed later.
"""

import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from edgecls_device.bundles.course import Course
from edgecls_device.bundles.installation import Installation
from edgecls_device.bundles.judging import RULES, UNSTARTABLE, Judge, TrialRules
from edgecls_device.bundles.keeper_check import keeper_refusal
from edgecls_device.bundles.keeper_process import SIGNALS, execute_anew, keeping
from edgecls_device.bundles.settling import begin_attempt, fall_back, revert, settle
from edgecls_device.bundles.version_program import Account, find_account, version_program
from edgecls_device.errors import (
    ArtifactError,
    DataError,
    EdgeclsError,
    MissingDependencyError,
    NetworkError,
    OptionError,
    SourceError,
    SpecError,
    StorageError,
)
from edgecls_device.service.notify import Notifications
from edgecls_device.service.supervisor import PATIENCE, Deaths
from edgecls_device.service.upward import Upward
from edgecls_device.service.watch import Life, Supervision, Watch, passing_on

__all__ = ["keep"]

FINAL = {0, OptionError.exit_code, DataError.exit_code, MissingDependencyError.exit_code}
MAY_PASS = {SourceError.exit_code, StorageError.exit_code, NetworkError.exit_code}
DAMAGED = {SpecError.exit_code, ArtifactError.exit_code, UNSTARTABLE}
STOPPED = 128 + signal.SIGTERM
HINT = "see what it printed; install a new release: edgecls update BUNDLE"

Say = Callable[[str], None]


def keep(
    installation: Installation,
    *,
    say: Say,
    patience: Supervision = PATIENCE,
    rules: TrialRules = RULES,
) -> int:
    """Keep an installation running until it is told to stop, or nothing is left to try; return the exit code.

    It must be called in the main thread. It may replace the process with ``edgecls keep`` of another version.

    Args:
        installation: Which.
        say: Prints one line for the user.
        patience: How patient to be with a version.
        rules: What a version on trial must do.

    Raises:
        UpdateError: If another keeper runs.
        StorageError: If no version is whole, or a file cannot be written.
        SpecError: If the installation's own records are damaged.
        OptionError: If the configuration is no TOML or names a model file.
        SupervisionError: If a version died again and again, and there is none to fall back to.
        StalledError: If a version did not end in time after a signal.
    """
    say = _quiet(say)
    account = find_account(installation)
    with keeping(installation) as lock:
        upward = Upward(Notifications.from_environment(), may_start_late=True)
        watch = Watch(patience, upward)
        keeper = _Keeper(installation, watch, upward, say, account, patience, rules)
        try:
            with passing_on(watch.on_signal):
                signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)  # see execute_anew
                while not watch.signal_number:
                    code = keeper.run()
                    if code is not None:
                        return code
                    execute_anew(installation, watch, lock, say)
                return 0
        finally:
            watch.close()
            upward.close()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Next:
    """What follows a life: this exit code, another start after so long, or, with neither, another version."""

    code: int | None = None
    wait_s: float | None = None


ANOTHER_VERSION = _Next()


class _Keeper:
    def __init__(
        self,
        installation: Installation,
        watch: Watch,
        upward: Upward,
        say: Say,
        account: Account | None,
        patience: Supervision,
        rules: TrialRules,
    ) -> None:
        self._installation = installation
        self._watch = watch
        self._upward = upward
        self._say = say
        self._account = account
        self._patience = patience
        self._rules = rules

    def run(self) -> int | None:
        """Keep one version running; return its exit code when all is over, None if another has its turn."""
        settle(self._installation)
        version = self._installation.current_version() or ""
        judge = None
        if self._installation.is_on_trial():
            attempts = begin_attempt(self._installation, version)
            reason = self._refused(version, attempts)
            if reason:
                self._revert(version, reason)
            if reason or self._watch.signal_number:
                return None
            judge = Judge(time.monotonic(), self._rules)
        course = Course(self._installation, version, judge)
        self._say(f"note: starting {course.title}")
        self._upward.tell(STATUS=f"{course.title}: starting")
        deaths, failures = Deaths(self._patience), 0
        while True:
            life = self._live(version, course)
            if self._watch.signal_number:
                self._upward.tell(STOPPING="1", STATUS=f"{version}: stopping")
                return 0
            failures = 1 if life.was_ready else failures + 1
            step = self._next(version, course, life, deaths, failures)
            if step.wait_s is None:
                return step.code
            if not self._watch.slept(step.wait_s, course):
                return 0
            if course.is_switched:
                return None

    def _refused(self, version: str, attempts: int) -> str:
        """Return why a version is not even tried, a sentence; nothing if it is."""
        if attempts > self._rules.most_attempts:
            times = f"{self._rules.most_attempts} times"
            return f"It was started {times}, and cut off before it was judged."
        return keeper_refusal(self._installation, version, self._watch)

    def _live(self, version: str, course: Course) -> Life:
        """Start the version and stay with it; one that cannot be started had a short life."""
        start = time.monotonic()
        try:
            program = version_program(self._installation, version, self._account)
        except (SpecError, StorageError) as error:
            return _still_born(error.message, start)
        try:
            life = self._watch.live(program, course)
        except EdgeclsError:
            raise  # some of ours are an OSError too, and come from another place
        except OSError as error:
            return _still_born(f"{error.filename}: {error.strerror}", start)
        is_asked = self._watch.signal_number or course.is_switched
        if life.code == 0 and course.is_stopped and not is_asked:
            return replace(life, code=STOPPED, why="was stopped by somebody else")
        return life

    def _next(
        self, version: str, course: Course, life: Life, deaths: Deaths, failures: int
    ) -> _Next:
        if course.judge is not None:
            return self._after_trial(version, course, course.judge, life)
        if course.is_switched:
            return ANOTHER_VERSION
        if life.code in FINAL:
            return _Next(code=life.code)
        if life.code in MAY_PASS:
            return self._again(course, life, self._patience.wait_s(failures))
        return self._after_death(version, course, life, deaths)

    def _after_death(self, version: str, course: Course, life: Life, deaths: Deaths) -> _Next:
        recent = deaths.count()
        is_damaged = life.code in DAMAGED and not life.was_ready
        if not is_damaged and recent < self._patience.most_deaths:
            return self._again(course, life, self._patience.wait_s(recent))
        if self._fall_back(version, life, recent):
            return ANOTHER_VERSION
        if life.code == UNSTARTABLE:
            message = f"Expected the version {version} to be whole, but it {life.why}: {life.words}"
            raise StorageError(message, hint=HINT)
        if is_damaged:
            return _Next(code=life.code)
        error = deaths.too_many(life, hint=HINT)
        self._upward.tell(STATUS=error.message)
        raise error

    def _after_trial(self, version: str, course: Course, judge: Judge, life: Life) -> _Next:
        """Act on what the judge says of a life that ended, or that he ended."""
        if course.is_switched:
            return ANOTHER_VERSION
        judge.see_end(life, time.monotonic())
        judgement = judge.judge(time.monotonic())
        if judgement.outcome == "undecided":
            return self._again(course, life, self._rules.retry_s)
        if judgement.outcome == "bad":
            self._revert(version, judgement.reason)
            return ANOTHER_VERSION
        course.pass_trial()
        return ANOTHER_VERSION if course.is_switched else _Next(code=life.code)

    def _again(self, course: Course, life: Life, wait_s: float) -> _Next:
        text = f"{course.title} {life.why} {life.seconds:.0f} s after its start"
        self._say(f"note: {text}; starting it again in {wait_s:g} s")
        status = {"STATUS": f"{text}; starting it again. {life.words}"}
        if course.judge is None and life.code in MAY_PASS:
            status["READY"] = "1"  # a service that waits for its camera has started
        self._upward.pass_on(status)
        return _Next(wait_s=wait_s)

    def _revert(self, version: str, reason: str) -> None:
        self._say(f"note: {version} did not pass its trial: {reason}")
        self._upward.tell(STATUS=f"{version} did not pass its trial: {reason}")
        revert(self._installation, version, reason)

    def _fall_back(self, version: str, life: Life, deaths: int) -> bool:
        window = f"{self._patience.window_s / 60:g} minutes"
        reason = f"It {life.why}" + (f", {deaths} times within {window}" if deaths > 1 else "")
        reason += f": {life.words.rstrip('.')}." if life.words else "."
        target = fall_back(self._installation, version, reason)
        if target is not None:
            self._say(f"note: {version} is left for {target}: {reason}")
        return target is not None


def _quiet(say: Say) -> Say:
    """Return what says the same while there is somebody to listen."""

    def say_quietly(text: str) -> None:
        with suppress(OSError):  # nobody reads it any more, which must not end what runs
            say(text)

    return say_quietly


def _still_born(words: str, start: float) -> Life:
    return Life(
        code=UNSTARTABLE,
        why="could not be started",
        was_ready=False,
        seconds=time.monotonic() - start,
        words=words,
    )
