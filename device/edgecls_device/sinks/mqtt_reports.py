"""What a broker is told besides events: that we are here, what is seen, how the run is. The newest counts.

Nothing here is queued: what could not be told is told anew once the broker is back.
"""

from collections.abc import Sequence

from edgecls_device.arrays import Frame
from edgecls_device.health import LiveStatus, StatusBoard
from edgecls_device.results import Decision
from edgecls_device.sinks.mqtt_connection import BrokerConnection
from edgecls_device.sinks.mqtt_discovery import Discovery
from edgecls_device.sinks.mqtt_payloads import (
    NOTHING_SEEN,
    State,
    snapshot_payload,
    state_of,
    state_payload,
    status_payload,
)
from edgecls_device.sinks.mqtt_settings import MqttSettings

__all__ = ["OFFLINE", "MqttReports"]

STATE_GAP_S = 0.2  # a flickering label must not become a flood
HEADER_BYTES = 300  # room for topic and properties beside a picture
ONLINE, OFFLINE = b"online", b"offline"


class MqttReports:
    """Publishes retained topics; for one thread, but ``seen`` and ``picture`` are left here by another.

    Attributes:
        seen: The newest decision and when its frame was captured; None if there is none.
        picture: The newest picture to publish, BGR uint8, or None.
        trouble: What could not be told, a sentence; empty if nothing.
    """

    def __init__(
        self,
        settings: MqttSettings,
        connection: BrokerConnection,
        board: StatusBoard,
        discovery: Discovery | None,
        labels: Sequence[str],
    ) -> None:
        self.seen: tuple[Decision, float] | None = None
        self.picture: Frame | None = None
        self.trouble = ""
        self._settings = settings
        self._connection = connection
        self._board = board
        self._discovery = discovery
        self._label_ids = {label: place for place, label in enumerate(labels)}
        self._status = board.status()
        self._looked_s = self._status_s = self._state_s = float("-inf")
        self._told: tuple[str, bool] | None = None  # state of the run and readiness, as published
        self._state: State | None = None

    @property
    def subscriptions(self) -> list[str]:
        """What :meth:`answer` wants to hear of."""
        topics = [self._topic("availability")]
        if self._discovery is not None:
            topics += [self._discovery.birth_topic, self._discovery.topic]
        return topics

    @property
    def is_pending(self) -> bool:
        """Whether there is something new to tell."""
        return self.picture is not None or self._label(self.seen) != self._label_told()

    def introduce(self, now_s: float) -> int | None:
        """Tell everything, to a broker that may know nothing of us; return the number of the first message."""
        number = self._publish("availability", ONLINE, qos=1)
        self._introduce_to_home_assistant()
        self._status = self._board.status()
        self._tell_status(now_s)
        self._state = None
        self.report(now_s)
        return number

    def look(self, now_s: float) -> None:
        """Look how the run is, if it is time; a lost source takes away what was seen."""
        if now_s - self._looked_s < self._settings.check_every_s:
            return
        self._looked_s = now_s
        seen = self.seen
        self._status = self._board.status()
        if self._status.source_status.state == "lost" and self.seen is seen:
            self.seen = None

    def report(self, now_s: float) -> None:
        """Tell what has changed, or is due; the rest waits while the socket is full."""
        if self._connection.is_congested and self._state is not None:
            return
        is_due = now_s - self._status_s >= self._settings.status_every_s
        if is_due or self._told != _condition(self._status):
            self._tell_status(now_s)
        self._tell_state(now_s)
        self._tell_picture()

    def answer(self) -> None:
        """Answer Home Assistant's start, an entity of an earlier model, and a will that came late."""
        received = self._connection.received
        while received:
            topic, payload, is_retained = received.popleft()
            if topic == self._topic("availability"):
                if payload != ONLINE:  # the will of an earlier connection
                    self._publish("availability", ONLINE)
            elif self._discovery is not None and topic == self._discovery.topic:
                farewell = self._discovery.farewell(payload)
                if farewell is not None:
                    self._connection.publish(topic, farewell, retain=True)
                    self._introduce_to_home_assistant()
            elif payload == ONLINE and not is_retained:
                self._introduce_to_home_assistant()
                self._state, self._status_s = None, float("-inf")

    def farewell(self, now_s: float) -> int | None:
        """Tell that this is the end; return the number of the last message."""
        self._status = self._board.status()
        self._tell_status(now_s)
        self._publish("ready", OFFLINE)
        self._publish("state", state_payload(NOTHING_SEEN))
        return self._publish("availability", OFFLINE, qos=1)

    def _topic(self, name: str) -> str:
        return f"{self._settings.topic}/{name}"

    def _publish(self, name: str, payload: bytes, *, qos: int = 0) -> int | None:
        return self._connection.publish(self._topic(name), payload, qos=qos, retain=True)

    def _introduce_to_home_assistant(self) -> None:
        if self._discovery is not None:
            payload = self._discovery.payload()
            if self._fits(payload, "the description for Home Assistant"):
                self._connection.publish(self._discovery.topic, payload, retain=True)

    def _tell_status(self, now_s: float) -> None:
        status = self._status
        self._publish("ready", ONLINE if status.is_ready else OFFLINE)
        self._publish("status", status_payload(status))
        self._told, self._status_s = _condition(status), now_s

    def _tell_state(self, now_s: float) -> None:
        seen, waited_s = self.seen, now_s - self._state_s
        is_new = self._state is None
        is_other = self._label(seen) != self._label_told()
        if not is_new and waited_s < (STATE_GAP_S if is_other else self._settings.state_every_s):
            return
        state = NOTHING_SEEN if seen is None else state_of(*seen, self._label_ids)
        if self._state is not None and not is_other:
            if state["time"] == self._state["time"]:
                return
            state = {
                **state,
                "since": self._state["since"],
            }  # to the millisecond what was said before
        self._publish("state", state_payload(state))
        self._state, self._state_s = state, now_s

    def _tell_picture(self) -> None:
        picture, self.picture = self.picture, None
        if picture is None:
            return
        payload = snapshot_payload(picture)
        if self._fits(payload, "a picture"):
            self._publish("snapshot", payload)

    def _fits(self, payload: bytes, what: str) -> bool:
        """Return whether the broker takes it: it would end the connection, again and again, if it does not."""
        limit = self._connection.max_packet_bytes
        if len(payload) + HEADER_BYTES <= limit:
            return True
        self.trouble = (
            f"The broker takes at most {limit} bytes, {what} has {len(payload)}; it is left out."
            " Raise max_packet_size of the broker."
        )
        return False

    @staticmethod
    def _label(seen: tuple[Decision, float] | None) -> tuple[str | None, bool | None]:
        return (None, None) if seen is None else (seen[0].label, seen[0].is_unknown)

    def _label_told(self) -> tuple[str | None, bool | None]:
        return (
            (None, None)
            if self._state is None
            else (self._state["label"], self._state["is_unknown"])
        )


def _condition(status: LiveStatus) -> tuple[str, bool]:
    return status.state, status.is_ready
