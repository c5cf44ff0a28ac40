"""Where the broker is and how to speak to it. Nothing here imports paho, so that ``--help`` stays quick."""

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from edgecls_device.errors import OptionError
from edgecls_device.files import read_bytes

__all__ = ["PASSWORD_VARIABLE", "MqttSettings", "parse_mqtt_url", "read_password"]

PASSWORD_VARIABLE = "EDGECLS_MQTT_PASSWORD"
MAX_PASSWORD_BYTES = 65_535  # of an MQTT string
_PORTS = {"mqtt": 1883, "mqtts": 8883}
_FORM = "mqtt://[USER@]HOST[:PORT][/TOPIC] or mqtts://..."
_HOST = re.compile(r"(?!.{254})[A-Za-z0-9_:]([A-Za-z0-9_.:%-]*[A-Za-z0-9_.:])?")

Protocol = Literal["5", "3.1.1"]


@dataclass(frozen=True, kw_only=True, slots=True)
class MqttSettings:
    """How to reach a broker, and what to tell it.

    Attributes:
        host: Name or address of the broker.
        port: Its port, 1..65535.
        topic: Everything is published under it, such as ``edgecls/front-door``.
        has_tls: Whether the connection is encrypted and the broker's certificate verified.
        user: User name, or None.
        password: Never shown.
        ca_file: PEM certificates to trust instead of the system's; only with ``has_tls``.
        client_certificate: PEM certificate that shows who we are; only with ``has_tls``.
        client_key: Its key, unless it is in the same file.
        outbox_directory: Where events wait on disk while the broker is away; None keeps them in memory.
        discovery_prefix: Where Home Assistant looks; empty turns discovery off.
        has_snapshots: Whether a picture is published when a label comes.
        protocol: Version of MQTT.
        keepalive_s: A connection that is silent for twice as long is given up; whole seconds.
        status_every_s: How often ``status`` is published.
        state_every_s: How often ``state`` is published while the label stays the same.
        check_every_s: How often it is looked at whether results still come.
        reconnect_min_s: First wait before connecting again; doubled after each failure.
        reconnect_max_s: Longest wait.
        unacknowledged_s: An event that the broker has not acknowledged by then is written to the outbox.
        finish_s: How long the end may wait for the broker.
        max_events: Events that wait at most; the oldest are dropped.
        max_bytes: Their bytes, likewise.

    Raises:
        OptionError: If a value cannot be honoured.
    """

    host: str
    port: int
    topic: str
    has_tls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None
    outbox_directory: Path | None = None
    discovery_prefix: str = "homeassistant"
    has_snapshots: bool = False
    protocol: Protocol = "5"
    keepalive_s: int = 30
    status_every_s: float = 30.0
    state_every_s: float = 10.0
    check_every_s: float = 1.0
    reconnect_min_s: float = 1.0
    reconnect_max_s: float = 30.0
    unacknowledged_s: float = 2.0
    finish_s: float = 2.0
    max_events: int = 10_000
    max_bytes: int = 16 << 20

    def __post_init__(self) -> None:
        """Refuse what cannot be honoured, before anything is connected."""
        if not _HOST.fullmatch(self.host) or any(len(part) > 63 for part in self.host.split(".")):
            message = f"Expected the name of a host in --mqtt, got {self.host!r}."
            raise OptionError(message, hint=f"write it as {_FORM}")
        if not 1 <= self.port <= 65_535:
            message = f"Expected a port from 1 to 65535 in --mqtt, got {self.port}."
            raise OptionError(message, hint="leave it out for 1883, or 8883 with mqtts://")
        _check_topic("--mqtt-topic", self.topic)
        if self.discovery_prefix:
            _check_topic("the discovery prefix", self.discovery_prefix)
        self._check_tls()
        if self.password is not None and self.user is None:
            message = "Expected a user name for the MQTT password, got none."
            raise OptionError(message, hint="add --mqtt-user NAME, or write mqtt://NAME@HOST")

    @property
    def place(self) -> str:
        """The broker as messages name it, such as ``broker.local:8883``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def _check_tls(self) -> None:
        files = {
            "--mqtt-ca": self.ca_file,
            "--mqtt-certificate": self.client_certificate,
            "--mqtt-key": self.client_key,
        }
        given = [option for option, path in files.items() if path is not None]
        if given and not self.has_tls:
            message = (
                f"Expected an mqtts:// URL with {given[0]}, got mqtt://, which is not encrypted."
            )
            raise OptionError(message, hint=f"write --mqtt mqtts://{self.host}")
        if self.client_key is not None and self.client_certificate is None:
            message = "Expected --mqtt-certificate with --mqtt-key, got none."
            raise OptionError(message, hint="add --mqtt-certificate FILE")


def parse_mqtt_url(
    url: str,
    *,
    topic: str | None = None,
    name: str | None = None,
    user: str | None = None,
    password: str | None = None,
) -> MqttSettings:
    """Read ``mqtts://user@host:8883/base/topic``; other settings are added with ``dataclasses.replace``.

    Args:
        url: ``?protocol=3.1.1`` at its end is for a broker that does not know MQTT 5.
        topic: Used instead of the URL's.
        name: Makes the topic ``edgecls/NAME`` if there is neither; this machine's name by default.
        user: Used instead of the URL's.
        password: From a file or the environment, see :func:`read_password`.

    Raises:
        OptionError: If the URL has another form, or a password in it.
    """
    parts = _split(url)
    in_url = unquote(parts.path).strip("/")
    chosen = topic if topic is not None else in_url or f"edgecls/{_topic_level(name)}"
    url_user = None if parts.username is None else unquote(parts.username)
    return MqttSettings(
        host=parts.hostname or "",
        port=parts.port if parts.port is not None else _PORTS[parts.scheme],
        topic=chosen,
        has_tls=parts.scheme == "mqtts",
        user=user if user is not None else url_user,
        password=password,
        protocol=_protocol(parts.query),
    )


def read_password(file: Path | None, environment: Mapping[str, str] | None = None) -> str | None:
    """Return the password: the first line of ``file``, else of the variable ``EDGECLS_MQTT_PASSWORD``.

    Raises:
        StorageError: If the file cannot be read.
        OptionError: If it is empty or not UTF-8.
    """
    if file is None:
        return (os.environ if environment is None else environment).get(PASSWORD_VARIABLE) or None
    data = read_bytes(file, max_bytes=MAX_PASSWORD_BYTES)
    try:
        lines = data.decode().splitlines()
    except UnicodeDecodeError:
        lines = []
    if not lines or not lines[0]:
        message = f"Expected a password in the first line of {str(file)!r}, got none."
        raise OptionError(message, hint=f"write it there, or set {PASSWORD_VARIABLE}")
    return lines[0]


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port, parts.hostname  # these are worked out, and refused, when they are read
    except ValueError as error:
        message = f"Expected --mqtt as {_FORM}, got what is no URL: {_without_login(str(error))}."
        raise OptionError(message, hint="such as --mqtt mqtt://broker.local") from None
    if parts.password is not None:
        message = (
            "Expected no password in the --mqtt URL, where every user of this machine can see it."
        )
        hint = f"write it into a file for --mqtt-password-file, or set {PASSWORD_VARIABLE}"
        raise OptionError(message, hint=hint)
    if parts.scheme not in _PORTS or not parts.hostname or parts.fragment:
        message = f"Expected --mqtt as {_FORM}, got {url!r}."
        raise OptionError(message, hint="such as --mqtt mqtt://broker.local")
    return parts


def _protocol(query: str) -> Protocol:
    values = parse_qs(query, keep_blank_values=True)
    protocol = values.pop("protocol", ["5"])[-1]
    if values or protocol not in {"5", "3.1.1"}:
        message = f"Expected only ?protocol=5 or ?protocol=3.1.1 in --mqtt, got {query!r}."
        raise OptionError(message, hint="leave it out for MQTT 5")
    return "3.1.1" if protocol == "3.1.1" else "5"


def _without_login(text: str) -> str:
    """Return the text without anything that may be a password: what stands before an ``@``."""
    return re.sub(r"\S*@", "...@", text)


def _topic_level(name: str | None) -> str:
    """Return a name as one level of a topic; this machine's if there is none."""
    level = re.sub(r"[\s/+#$]+", "-", name or socket.gethostname()).strip("-")
    return level or "camera"


def _check_topic(what: str, topic: str) -> None:
    is_printable = topic.isprintable() and len(topic.encode(errors="replace")) <= 200
    has_levels = all(topic.split("/")) and not topic.startswith("$")
    if not is_printable or not has_levels or set("+#") & set(topic):
        message = f"Expected {what} as levels such as edgecls/front-door, got {topic!r}."
        raise OptionError(
            message, hint="no empty levels, no + and #, no $ at its start, at most 200 bytes"
        )
