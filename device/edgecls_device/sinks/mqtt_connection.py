"""One connection to a broker, made again for ever: what paho does, and why it failed in words for people."""

import hashlib
import ssl
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edgecls_device.errors import OptionError, StorageError
from edgecls_device.sinks.mqtt_settings import PASSWORD_VARIABLE, MqttSettings

__all__ = ["BrokerConnection"]

_TAKEN_OVER = 0x8E  # MQTT 5, 3.14.2.1: another connection uses the same client id
_SHORT_S, _SHORT_IN_A_ROW = 5.0, 3  # connections that end so soon, so often, are ended by somebody
_HOLDS_S = 10.0  # after which a connection is trusted again
_NO_LIMIT = 1 << 28  # the largest packet of MQTT


class BrokerConnection:
    """Speaks MQTT in paho's thread; never blocks its callers, of which there is one thread.

    Attributes:
        session: How often the broker has accepted us; a change says that all has to be told again.
        last_error: Why the newest failure failed, a sentence; empty if none did.
        acknowledged: What the broker took over or refused: the number that ``publish`` gave, and why it was
            refused, or nothing.
        received: Topic, payload and whether it is retained, of what was subscribed.
    """

    def __init__(
        self, settings: MqttSettings, *, will: tuple[str, bytes], wake: Callable[[], None]
    ) -> None:
        """Prepare, without connecting.

        Args:
            settings: Where to, and how.
            will: Topic and retained payload that the broker publishes if we vanish.
            wake: Called from paho's thread whenever something happened.

        Raises:
            OptionError: If a certificate is none.
            StorageError: If its file cannot be read.
        """
        self.session = 0
        self.last_error = ""
        self.acknowledged: deque[tuple[int, str]] = deque()
        self.received: deque[tuple[str, bytes, bool]] = deque(maxlen=64)
        self.max_packet_bytes = _NO_LIMIT
        self._settings = settings
        self._wake = wake
        self._subscriptions: Sequence[str] = ()
        self._is_connected = self._is_tried = self._is_refused = self._is_stopping = False
        self._connected_s = 0.0
        self._short_in_a_row = 0
        self._client = self._make_client(will)

    @property
    def is_connected(self) -> bool:
        """Whether the broker has accepted us and has not gone since."""
        return self._is_connected

    @property
    def is_failing(self) -> bool:
        """Whether there is no connection though one was tried, or somebody else keeps taking it."""
        is_young = time.monotonic() - self._connected_s < _HOLDS_S
        is_suspect = is_young and self._short_in_a_row >= _SHORT_IN_A_ROW
        return bool(self.last_error) and (is_suspect or not self._is_connected)

    @property
    def is_congested(self) -> bool:
        """Whether something is still on its way into the socket, so that more would only pile up."""
        return bool(self._client.want_write())

    def start(self, subscriptions: Sequence[str]) -> None:
        """Connect, and go on trying; ``subscriptions`` are made each time."""
        settings = self._settings
        self._subscriptions = subscriptions
        clean_start: Any = True if settings.protocol == "5" else paho.MQTT_CLEAN_START_FIRST_ONLY
        self._client.connect_async(
            settings.host, settings.port, settings.keepalive_s, clean_start=clean_start
        )
        self.tend()

    def tend(self) -> None:
        """Start paho's thread if it does not run: at first, and after a defect has ended it."""
        if not self._is_stopping:
            self._client.loop_start()

    def publish(
        self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False
    ) -> int | None:
        """Give something to paho; return its number, or None if paho did not take it."""
        info = self._client.publish(topic, payload, qos=qos, retain=retain)
        return None if info.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE else info.mid

    def stop(self, seconds: float) -> None:
        """Say goodbye, so that the will is not published, and end paho's thread if it ends in time.

        Nothing may be published afterwards.
        """
        self._is_stopping = True
        self._client.disconnect()
        # paho may sit in a connection attempt, and joins its thread without a deadline
        stopper = threading.Thread(
            target=self._client.loop_stop, name="edgecls-mqtt-stop", daemon=True
        )
        stopper.start()
        stopper.join(max(seconds, 0.1))
        self._is_connected = False
        del self._client  # paho closes its pair of sockets only when nobody holds it

    def _make_client(self, will: tuple[str, bytes]) -> paho.Client:
        settings = self._settings
        is_5 = settings.protocol == "5"
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=_client_id(settings.topic),
            clean_session=None if is_5 else True,
            protocol=MQTTProtocolVersion.MQTTv5 if is_5 else MQTTProtocolVersion.MQTTv311,
        )
        if settings.user is not None:
            client.username_pw_set(settings.user, settings.password)
        if settings.has_tls:
            client.tls_set_context(_tls_context(settings))
        topic, payload = will
        client.will_set(topic, payload, qos=1, retain=True)
        delays: Any = (
            settings.reconnect_min_s,
            settings.reconnect_max_s,
        )  # paho wants int, takes any
        client.reconnect_delay_set(*delays)
        client.on_pre_connect = self._on_pre_connect
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        return client

    def _on_pre_connect(self, client: paho.Client, userdata: Any) -> None:
        del client, userdata
        self._is_tried, self._is_refused = True, False

    def _on_connect(
        self, client: paho.Client, userdata: Any, flags: Any, reason: Any, properties: Any
    ) -> None:
        del userdata, flags
        if reason.is_failure:
            self._is_refused = True
            self._fail(self._refusal(str(reason)))
            return
        if self._is_stopping:
            client.disconnect()
            return
        self.max_packet_bytes = getattr(properties, "MaximumPacketSize", _NO_LIMIT)
        if self._subscriptions:
            client.subscribe([(topic, 0) for topic in self._subscriptions])
        self._is_connected, self._connected_s = True, time.monotonic()
        self.session += 1
        self._wake()

    def _on_connect_fail(self, client: paho.Client, userdata: Any) -> None:
        del client, userdata
        error = sys.exc_info()[1]  # paho calls this where it caught it, and does not hand it over
        self._fail(self._failure(error))

    def _on_disconnect(
        self, client: paho.Client, userdata: Any, flags: Any, reason: Any, properties: Any
    ) -> None:
        del client, userdata, properties
        was_connected, self._is_connected = self._is_connected, False
        is_first, self._is_tried = self._is_tried, False  # paho calls twice for a silent broker
        if self._is_stopping or self._is_refused or not is_first:
            return
        if not was_connected:
            self._fail(self._hung_up(str(reason)))
            return
        is_short = time.monotonic() - self._connected_s < _SHORT_S
        self._short_in_a_row = self._short_in_a_row + 1 if is_short else 0
        if flags.is_disconnect_packet_from_server and reason.value == _TAKEN_OVER:
            self._short_in_a_row = _SHORT_IN_A_ROW
        place, topic = self._settings.place, self._settings.topic
        if self._short_in_a_row >= _SHORT_IN_A_ROW:
            self._fail(
                f"The broker at {place} ends each connection soon after it began, as it does when another"
                f" client uses the topic {topic!r}, too. Give each camera its own --mqtt-topic."
            )
        else:
            self._fail(f"The connection to the broker at {place} is lost: {reason}. Trying again.")

    def _on_publish(
        self,
        client: paho.Client,
        userdata: Any,
        number: int,
        reason: ReasonCode,
        properties: Properties,
    ) -> None:
        del client, userdata, properties
        self.acknowledged.append((number, str(reason) if reason.is_failure else ""))
        self._wake()

    def _on_message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        del client, userdata
        self.received.append((message.topic, bytes(message.payload), message.retain))
        self._wake()

    def _fail(self, sentence: str) -> None:
        self.last_error = sentence
        self._wake()

    def _hung_up(self, reason: str) -> str:
        place, kind = self._settings.place, "without" if self._settings.has_tls else "with"
        if reason == "Keep alive timeout":
            return f"The broker at {place} takes connections, but does not answer. Check that it is one."
        return (
            f"The broker at {place} closed the connection before it said anything. Check whether the port is"
            f" one {kind} TLS, or whether it wants a client certificate (--mqtt-certificate)."
        )

    def _refusal(self, reason: str) -> str:
        settings = self._settings
        what = f"The broker at {settings.place} refuses"
        if reason in {"Not authorized", "Bad user name or password"}:
            if settings.user is None:
                return f"{what} us without a user name: {reason}. Add --mqtt-user and a password."
            return (
                f"{what} the user {settings.user!r}: {reason}. Check --mqtt-user and"
                f" --mqtt-password-file (or {PASSWORD_VARIABLE})."
            )
        if reason == "Unsupported protocol version":
            return f"{what} MQTT {settings.protocol}. Add ?protocol=3.1.1 to the URL of --mqtt."
        return f"{what} the connection: {reason}."

    def _failure(self, error: BaseException | None) -> str:
        settings = self._settings
        what = f"Cannot reach the broker at {settings.place}"
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"{self._certificate(error)} Nothing is sent."
        if isinstance(error, OSError):
            return f"{what}{_why(error, has_tls=settings.has_tls)}"
        return f"{what}: {type(error).__name__}: {error}."[:300]

    def _certificate(self, error: ssl.SSLCertVerificationError) -> str:
        place, reason = self._settings.place, error.verify_message.rstrip(".")
        what = f"The certificate of the broker at {place} is refused: {reason}."
        if "ostname" in reason or "IP address" in reason:
            return f"{what} Write the name that stands in the certificate into --mqtt."
        if "not yet valid" in reason or "expired" in reason:
            return (
                f"{what} Check the clock of this device (timedatectl), else renew the certificate."
            )
        if self._settings.ca_file is None:
            return f"{what} Give the certificate of its authority with --mqtt-ca FILE."
        return f"{what} Check that {str(self._settings.ca_file)!r} belongs to this broker."


def _why(error: OSError, *, has_tls: bool) -> str:
    """Return the rest of the sentence: why there is no connection, and what to look at."""
    if isinstance(error, TimeoutError):
        return ": it does not answer. Check the host, the port and the firewall."
    if isinstance(error, ConnectionRefusedError):
        return ": connection refused. Check whether it runs, and its port."
    if isinstance(error, ssl.SSLError) or (has_tls and isinstance(error, ConnectionError)):
        reason = getattr(error, "reason", "") or "it hung up"
        text = reason.replace("_", " ").lower()
        return f" with TLS: {text}. Check the port; without TLS it is mqtt://."
    reason = (error.strerror or str(error)).rstrip(".")
    return f": {reason}. Check the host of --mqtt."


def _client_id(topic: str) -> str:
    """Return the same name after every start, so that the broker ends what is half-open of an earlier one."""
    return "edgecls-" + hashlib.sha256(topic.encode()).hexdigest()[:12]


def _tls_context(settings: MqttSettings) -> ssl.SSLContext:
    """Return a context that verifies the broker; there is none that does not."""
    context: ssl.SSLContext = _reading(
        "--mqtt-ca", lambda: ssl.create_default_context(cafile=settings.ca_file)
    )
    if settings.ca_file is not None:
        # Python 3.13 refuses certificates without key identifiers, as most made at home are. Chain, name and
        # dates are verified all the same.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if settings.client_certificate is not None:
        certificate, key = settings.client_certificate, settings.client_key
        # an empty password, so that an encrypted key is refused instead of asked for on the terminal
        _reading(
            "--mqtt-certificate", lambda: context.load_cert_chain(certificate, key, password="")
        )
    return context


def _reading(option: str, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except ssl.SSLError as error:
        message = (
            f"Expected PEM certificates and keys in the file of {option}, got: {error.reason}."
        )
        raise OptionError(message, hint="openssl x509 -in FILE -noout -text shows one") from error
    except OSError as error:
        message = f"Cannot read the file of {option}: {error.strerror}."
        raise StorageError(message, hint="check the path and the permissions") from error
