"""Whether a new version holds: it is told what happened and when, and says good, bad, or not yet.

Good is at least ten valid results of live frames while results come, within sixty seconds of the first start,
and no crash in the two seconds after the first; or a source with an end, such as a video, that ended well. The
model's golden samples are part of it: a run does them before its first live frame, and ends with exit code 5 if
they differ.

A crash, a hang, or a refusal (of an option in the configuration that the version before took) is bad at once:
there is a version that held, and a device is not left without one to see whether the new one crashes again.
Only a source or a network that is not there is worth another start within the same sixty seconds: the camera
was in use a moment ago, by the version before.
"""

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from edgecls_device.errors import ArtifactError, NetworkError, SourceError, StalledError
from edgecls_device.service.notify import RESULTS, STATE
from edgecls_device.service.watch import Life

__all__ = ["RULES", "UNSTARTABLE", "Judge", "Judgement", "TrialRules"]

UNSTARTABLE = 126  # what a shell says of a program that cannot be executed
MAY_PASS = {SourceError.exit_code, NetworkError.exit_code}
FLOWING = {"ready", "degraded"}

CRASHES = {
    signal.SIGILL: "illegal instruction",
    signal.SIGSEGV: "segmentation fault",
    signal.SIGBUS: "bus error",
    signal.SIGFPE: "arithmetic error",
    signal.SIGABRT: "aborted",
    signal.SIGKILL: "killed, as when memory runs out",
    signal.SIGTERM: "stopped by somebody else",
}
ENDS = {
    1: "It failed",
    2: "It refused an option of the configuration",
    3: "It refused what it was given",
    4: "It refused a record",
    5: "Its model was refused before the first frame",
    6: "No frames: its source could not be opened",
    7: "It misses a package",
    8: "It could not read or write a file",
    9: "It could not use the network",
    UNSTARTABLE: "It could not be started",
    128 + signal.SIGTERM: "Somebody else stopped it",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialRules:
    """What a version on trial must do.

    Attributes:
        within_s: Seconds from its first start.
        results: Valid results that it must give.
        steady_s: Seconds from its first result for which it must live, so that a crash soon after counts.
        most_starts: How often it is started if its source is not there.
        retry_s: Seconds between two of these starts.
        most_attempts: How many trials it gets if they are cut short, by a power cut for example.
    """

    within_s: float = 60.0
    results: int = 10
    steady_s: float = 2.0
    most_starts: int = 3
    retry_s: float = 1.0
    most_attempts: int = 3


RULES = TrialRules()


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """What is known of a version on trial.

    Attributes:
        outcome: ``undecided`` for now, ``good`` or ``bad``.
        reason: Why it is bad, a sentence; else empty.
    """

    outcome: Literal["undecided", "good", "bad"]
    reason: str = ""


UNDECIDED = Judgement(outcome="undecided")
GOOD = Judgement(outcome="good")


class Judge:
    """One trial. Its times are of a clock that never goes back."""

    def __init__(self, start_s: float, rules: TrialRules = RULES) -> None:
        """Begin.

        Args:
            start_s: When the version was started.
            rules: What it must do.
        """
        self._rules = rules
        self._deadline_s = start_s + rules.within_s
        self._starts = 1
        self._results = 0
        self._first_result_s = float("inf")
        self._is_enough = False
        self._state = self._status = ""
        self._judgement = UNDECIDED

    def hear(self, message: Mapping[str, str], now_s: float) -> None:
        """Take what the version said of itself.

        Args:
            message: Fields of a notification.
            now_s: When.
        """
        count = message.get(RESULTS, "")
        if count.isascii() and count.isdigit():
            self._results = int(count[:18])
        self._state = message.get(STATE, self._state)
        state, _, text = message.get("STATUS", "").partition(": ")
        self._status = text or state or self._status
        if self._results > 0:
            self._first_result_s = min(self._first_result_s, now_s)
        is_in_time = self._is_enough or now_s <= self._deadline_s
        is_flowing = self._results >= self._rules.results and self._state in FLOWING
        self._is_enough = is_in_time and is_flowing

    def see_end(self, life: Life, now_s: float) -> None:
        """Take that it ended. What was good a moment ago is not if it crashed before anybody acted on it.

        Args:
            life: How.
            now_s: When.
        """
        if self._judgement.outcome == "bad":
            return  # that is why it was ended
        retry_at_s = now_s + self._rules.retry_s
        if life.code == 0 and self._results > 0:
            self._judgement = GOOD
        elif (
            life.code in MAY_PASS
            and self._starts < self._rules.most_starts
            and retry_at_s < self._deadline_s
        ):
            self._starts += 1
            self._results, self._first_result_s, self._is_enough = 0, float("inf"), False
            self._state = self._status = ""
        else:
            reason = _sentence(self._end(life), life.words)
            self._judgement = Judgement(outcome="bad", reason=reason)

    def judge(self, now_s: float) -> Judgement:
        """Return what is known now; once bad it stays so."""
        if self._judgement.outcome != "undecided":
            return self._judgement
        if self._is_enough:
            is_steady = now_s >= self._first_result_s + self._rules.steady_s
            return GOOD if is_steady else UNDECIDED
        if now_s > self._deadline_s:
            self._judgement = Judgement(outcome="bad", reason=_sentence(*self._too_late()))
        return self._judgement

    def _too_late(self) -> tuple[str, str]:
        """Return what is missing after the deadline, and what the version says about it."""
        within = f"within {self._rules.within_s:g} s"
        if not self._state:
            return f"No sign of life {within}", ""
        if self._state == "source_lost":
            return (
                f"No frames: the source is lost, after {_count(self._results)} {within}",
                self._status,
            )
        if self._results == 0:
            return f"No result {within}", self._status
        return f"Only {_count(self._results)} {within}", self._status

    def _end(self, life: Life) -> str:
        if life.code == StalledError.exit_code:
            return "It hung, so it was killed"
        if life.signal_number:
            number = life.signal_number
            return f"It crashed ({CRASHES.get(number, f'signal {number}')})"  # type: ignore[call-overload]
        if life.code == ArtifactError.exit_code and life.was_ready:
            return f"Its model failed on frame after frame, after {_count(self._results)}"
        if life.code == 0:
            return "It ended without a result"
        return ENDS.get(life.code, f"It ended with exit code {life.code}")


def _count(results: int) -> str:
    return "1 result" if results == 1 else f"{results} results"


def _sentence(text: str, words: str) -> str:
    return f"{text}: {words.rstrip('.')}." if words else f"{text}."
