"""The thread that tells a broker what happens, and puts aside what it cannot tell."""

import threading
import time
from collections.abc import Callable

from edgecls_device.sinks.mqtt_connection import BrokerConnection
from edgecls_device.sinks.mqtt_payloads import mark_late
from edgecls_device.sinks.mqtt_reports import MqttReports
from edgecls_device.sinks.mqtt_settings import MqttSettings
from edgecls_device.sinks.outbox import Outbox, Waiting
from edgecls_device.sinks.outbox_keeper import OutboxKeeper

__all__ = ["MqttWorker"]

WINDOW = 10  # events on their way; brokers take at least 20 at once
_BUSY_S = 0.05
_SLACK_S = 0.5  # for the last write to the disk, after the deadline for the network


class MqttWorker:
    """Sends events one after the other, each until it is acknowledged, and lets the reports report.

    Attributes:
        refusal: Why the broker refused the newest event, a sentence; empty if it took it.
        defect: What went wrong in this thread, a sentence; empty if nothing did.
    """

    def __init__(
        self,
        settings: MqttSettings,
        *,
        connection: BrokerConnection,
        reports: MqttReports,
        outbox: Outbox,
        keeper: OutboxKeeper,
        wake: threading.Event,
    ) -> None:
        """Prepare; ``start`` starts.

        Args:
            settings: Deadlines.
            connection: Not started yet.
            reports: What is told besides events.
            outbox: Where the loop leaves events.
            keeper: The outbox's copy on disk.
            wake: Set whenever something happened.
        """
        self.refusal = self.defect = ""
        self._settings = settings
        self._connection = connection
        self._reports = reports
        self._outbox = outbox
        self._keeper = keeper
        self._wake = wake
        self._on_their_way: dict[int, Waiting] = {}
        self._awaited: set[int] = set()  # numbers of other messages to be acknowledged
        self._session = 0
        self._finish_by: float | None = None
        self._thread = threading.Thread(target=self._work, name="edgecls-mqtt", daemon=True)

    def start(self) -> None:
        """Start the thread, which connects."""
        self._thread.start()

    def finish(self, seconds: float) -> bool:
        """Send what can be sent in that time, keep the rest, say goodbye, and end the thread.

        Returns:
            Whether the thread has ended; a disk that hangs can hold it up.
        """
        if self._finish_by is None:
            self._finish_by = time.monotonic() + seconds
        self._wake.set()
        self._thread.join(max(self._finish_by - time.monotonic(), 0) + _SLACK_S)
        return not self._thread.is_alive()

    def _work(self) -> None:
        self._guarded(self._begin)
        while self._finish_by is None:
            self._wake.wait(_BUSY_S if self._is_busy() else self._settings.check_every_s)
            self._wake.clear()
            self._guarded(self._step)
        self._guarded(self._send_last)
        self._guarded(self._keep_last)
        self._guarded(self._hang_up)

    def _guarded(self, step: Callable[[], None]) -> None:
        """Do a step; a defect is told, and the next step is tried: this thread must not vanish."""
        try:
            step()
        except Exception as error:
            self.defect = f"{type(error).__name__}: {error}."[:300]
            time.sleep(_BUSY_S)

    def _is_busy(self) -> bool:
        if not self._connection.is_connected:
            return self._finish_by is not None
        return bool(self._outbox) or bool(self._on_their_way) or self._reports.is_pending

    def _begin(self) -> None:
        self._keeper.open(time.monotonic())
        self._connection.start(self._reports.subscriptions)

    def _step(self) -> None:
        now_s = time.monotonic()
        self._connection.tend()
        self._reports.look(now_s)
        self._converse(now_s)
        patience_s = self._settings.unacknowledged_s if self._connection.is_connected else 0.0
        self._keeper.keep(now_s, noted_before_s=now_s - patience_s)

    def _converse(self, now_s: float) -> None:
        self._settle()
        connection = self._connection
        if not connection.is_connected:
            return
        if connection.session != self._session:
            self._session = connection.session
            self._await(self._reports.introduce(now_s))
        if self._finish_by is None:
            self._reports.answer()
        self._reports.report(now_s)
        self._send_events(now_s)

    def _settle(self) -> None:
        """Take note of what the broker acknowledged."""
        acknowledged = self._connection.acknowledged
        while acknowledged:
            number, refusal = acknowledged.popleft()
            self._awaited.discard(number)
            item = self._on_their_way.pop(number, None)
            if item is not None:
                place = self._settings.place
                self.refusal = (
                    f"The broker at {place} refused an event: {refusal}." if refusal else ""
                )
                self._outbox.settle(item, is_refused=bool(refusal))

    def _send_events(self, now_s: float) -> None:
        for item in self._outbox.take(WINDOW):
            is_late = item.is_late or now_s - item.noted_s > self._settings.unacknowledged_s
            payload = mark_late(item.payload) if is_late else item.payload
            number = self._connection.publish(f"{self._settings.topic}/event", payload, qos=1)
            if number is None:
                self._outbox.put_back(item)
            else:
                self._on_their_way[number] = item

    def _await(self, number: int | None) -> None:
        if number is not None:
            self._awaited.add(number)

    def _send_last(self) -> None:
        """Send what waits, and that this is the end; without a broker at once, or when the time is over."""
        self._until(lambda: bool(self._session) and not self._outbox)
        if self._connection.is_connected:
            self._await(self._reports.farewell(time.monotonic()))
            self._until(lambda: not self._awaited)

    def _until(self, is_done: Callable[[], bool]) -> None:
        deadline = self._finish_by or 0.0
        while True:
            self._converse(now_s := time.monotonic())
            is_hopeless = self._connection.is_failing and not self._connection.is_connected
            if is_done() or is_hopeless or now_s >= deadline:
                return
            self._wake.wait(min(_BUSY_S, deadline - now_s))
            self._wake.clear()

    def _keep_last(self) -> None:
        now_s = time.monotonic()
        self._keeper.keep(now_s, noted_before_s=now_s, is_last=True)
        self._keeper.close()

    def _hang_up(self) -> None:
        deadline = self._finish_by or 0.0
        self._connection.stop(deadline - time.monotonic())
