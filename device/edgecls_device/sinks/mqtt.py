"""Decisions, events and health over MQTT, for Home Assistant and whoever else listens."""

import threading
import time
from collections.abc import Sequence

from edgecls_device.health import StatusBoard
from edgecls_device.results import Event, FrameResult, RunSummary, SinkCounts
from edgecls_device.sinks.mqtt_connection import BrokerConnection
from edgecls_device.sinks.mqtt_discovery import Discovery
from edgecls_device.sinks.mqtt_payloads import event_payload
from edgecls_device.sinks.mqtt_reports import OFFLINE, MqttReports
from edgecls_device.sinks.mqtt_settings import MqttSettings
from edgecls_device.sinks.mqtt_worker import MqttWorker
from edgecls_device.sinks.outbox import Outbox
from edgecls_device.sinks.outbox_keeper import OutboxKeeper

__all__ = ["MqttSink"]

_RETRY_S = 5.0  # of a disk that could not be written
_CLOSE_S = 0.5


class MqttSink:
    """Publishes to a broker that may come and go. See ``Sink`` for the contract.

    Every method takes constant time and does no I/O: a thread of its own speaks to the broker, another one
    (paho's) to the socket. It needs no ``BackgroundSink``. Results are sampled: the topic ``state`` has the
    newest. Events are each sent until they are acknowledged, so one may arrive twice, after a connection that
    broke at the wrong moment. The counts are those of events, those that an earlier run left included.

    ``docs/mqtt.md`` describes the topics.
    """

    name = "mqtt"
    takes_results = takes_events = needs_pixels = True

    def __init__(
        self,
        settings: MqttSettings,
        *,
        board: StatusBoard,
        labels: Sequence[str],
        source_name: str,
        model_name: str = "",
    ) -> None:
        """Start connecting; a broker that is not there is no error but a state.

        Args:
            settings: Where to, and how.
            board: How the run is.
            labels: What the model may say, in output order.
            source_name: What is looked at, without passwords.
            model_name: The artifact's name, for people.

        Raises:
            OptionError: If a certificate is none.
            StorageError: If its file cannot be read.
        """
        self._settings = settings
        wake = threading.Event()
        will = (f"{settings.topic}/availability", OFFLINE)
        self._connection = BrokerConnection(settings, will=will, wake=wake.set)
        self._outbox = Outbox(max_events=settings.max_events, max_bytes=settings.max_bytes)
        self._keeper = OutboxKeeper(
            self._outbox, settings.outbox_directory, max_bytes=settings.max_bytes, retry_s=_RETRY_S
        )
        discovery = None
        if settings.discovery_prefix:
            discovery = Discovery(
                prefix=settings.discovery_prefix,
                base=settings.topic,
                labels=labels,
                source=source_name,
                model=model_name,
                has_snapshots=settings.has_snapshots,
            )
        self._reports = MqttReports(settings, self._connection, board, discovery, labels)
        self._worker = MqttWorker(
            settings,
            connection=self._connection,
            reports=self._reports,
            outbox=self._outbox,
            keeper=self._keeper,
            wake=wake,
        )
        self._wake = wake
        self._label: tuple[str, bool] | None = None
        self._is_finished = False
        self._worker.start()

    def write(self, result: FrameResult) -> None:
        """Leave the newest decision for the thread; it is woken when the label changes."""
        decision = result.decision
        self._reports.seen = (decision, result.frame.captured_at)
        label = (decision.label, decision.is_unknown)
        if label != self._label:
            self._label = label
            self._wake.set()

    def notify(self, event: Event, result: FrameResult | None) -> None:
        """Put an event into the outbox, and its picture where the thread finds the newest."""
        self._outbox.put(
            event_payload(event),
            now_s=time.monotonic(),
            is_late=not self._connection.is_connected,
        )
        is_wanted = self._settings.has_snapshots and event.change == "entered"
        if is_wanted and result is not None:
            self._reports.picture = result.image
        self._wake.set()

    def finish(self, summary: RunSummary) -> None:
        """Say goodbye, wait for the broker at most ``finish_s``, and keep what it did not take."""
        del summary
        self._end(self._settings.finish_s)

    def close(self) -> None:
        """End the threads; what waits is kept in the outbox on disk, if there is one."""
        self._end(_CLOSE_S)

    @property
    def counts(self) -> SinkCounts:
        """What became of the events; ``is_failing`` while the broker or the outbox cannot be reached."""
        counts = self._outbox.counts
        worker, reports, keeper = self._worker, self._reports, self._keeper
        failing = [
            self._connection.last_error if self._connection.is_failing else "",
            worker.refusal,
            worker.defect,
            keeper.trouble if keeper.is_failing else "",
        ]
        told = [*failing, self._connection.last_error, keeper.trouble, reports.trouble]
        return SinkCounts(
            name=self.name,
            given=counts.given,
            written=counts.written,
            dropped=counts.dropped,
            failed=counts.failed,
            waiting=counts.waiting,
            last_error=next((sentence for sentence in told if sentence), ""),
            is_failing=any(failing),
        )

    def _end(self, seconds: float) -> None:
        if self._is_finished:
            return
        self._is_finished = True
        if self._worker.finish(seconds):
            self._outbox.drop_unsaved()  # nobody will send it
