"""What Home Assistant needs to show a camera as a device: one retained message that lists its entities.

Source: https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload (Home Assistant 2024.12 and
newer). Templates contain no label: a label may be any text, and a template is a program.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

__all__ = ["Discovery", "device_id"]

MAX_LABEL_SENSORS = 20  # a model of 1000 classes must not make 1000 entities
MAX_OPTIONS = 100
MAX_STATE_CHARACTERS = 255  # of a state in Home Assistant

_LABEL = "{{ (value_json.label if value_json.label is not none else 'None')[:255] }}"
_SCORE = "{{ (value_json.score * 100) | round(1) if value_json.score is not none else 'None' }}"
_PROBLEM = "{{ 'OFF' if value_json.state in ['ready', 'starting', 'stopping'] else 'ON' }}"
_REASONS = "{{ {'reasons': value_json.reasons} | tojson }}"
_SINCE = "{{ {'since': value_json.since} | tojson }}"
_STATES = ["starting", "ready", "degraded", "source_lost", "stopping"]  # of LiveStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class Discovery:
    """The entities of one camera.

    Attributes:
        prefix: Where Home Assistant looks, ``homeassistant`` by default.
        base: The topic under which everything is published.
        labels: What the model may say.
        source: The source's name, without passwords.
        model: The artifact's name.
        has_snapshots: Whether there are pictures.
    """

    prefix: str
    base: str
    labels: Sequence[str]
    source: str
    model: str
    has_snapshots: bool

    @property
    def topic(self) -> str:
        """Where the message goes."""
        return f"{self.prefix}/device/{device_id(self.base)}/config"

    @property
    def birth_topic(self) -> str:
        """Where Home Assistant says ``online`` when it has started."""
        return f"{self.prefix}/status"

    def payload(self) -> bytes:
        """Return the message."""
        return self._message(self._components())

    def farewell(self, retained: bytes) -> bytes | None:
        """Return a message that removes what an earlier model had and this one lacks; None if nothing.

        It is to be followed by the usual message, which no longer names what was removed.

        Args:
            retained: The message that the broker has.
        """
        try:
            body = json.loads(retained)
            found = {str(key): dict(value) for key, value in body["components"].items()}
        except (ValueError, TypeError, KeyError, AttributeError):
            return None  # not ours; it is overwritten
        ours = self._components()
        gone = {
            key: {"platform": value.get("platform", "sensor")}
            for key, value in found.items()
            if key not in ours and len(value) > 1
        }
        return self._message({**ours, **gone}) if gone else None

    def _message(self, components: dict[str, Any]) -> bytes:
        node, release = device_id(self.base), _version()
        body = {
            "device": {
                "identifiers": [node],
                "name": self.base.rpartition("/")[2],
                "manufacturer": "edgecls",
                "model": f"{self.model or 'classifier'} on {self.source}"[:MAX_STATE_CHARACTERS],
                "sw_version": release,
            },
            "origin": {"name": "edgecls", "sw_version": release},
            "availability": [self._alive(), {"topic": f"{self.base}/ready"}],
            "availability_mode": "all",
            "qos": 1,
            "components": components,
        }
        return json.dumps(body, ensure_ascii=False).encode(errors="replace")

    def _components(self) -> dict[str, dict[str, Any]]:
        found = {**self._decisions(), **self._presence(), **self._diagnostics()}
        node = device_id(self.base)
        return {key: {**value, "unique_id": f"{node}_{key}"} for key, value in found.items()}

    def _alive(self) -> dict[str, str]:
        return {"topic": f"{self.base}/availability"}

    def _decisions(self) -> dict[str, dict[str, Any]]:
        state = f"{self.base}/state"
        label: dict[str, Any] = {
            "platform": "sensor",
            "name": "Label",
            "icon": "mdi:tag-outline",
            "state_topic": state,
            "value_template": _LABEL,
            "json_attributes_topic": state,
            "json_attributes_template": _SINCE,
        }
        options = list(dict.fromkeys((*self.labels, "unknown")))
        is_short = all(len(option) <= MAX_STATE_CHARACTERS for option in options)
        if len(options) <= MAX_OPTIONS and is_short:
            label |= {"device_class": "enum", "options": options}
        found: dict[str, dict[str, Any]] = {
            "label": label,
            "score": {
                "platform": "sensor",
                "name": "Score",
                "icon": "mdi:percent-outline",
                "state_topic": state,
                "value_template": _SCORE,
                "unit_of_measurement": "%",
                "state_class": "measurement",
                "suggested_display_precision": 0,
            },
            "event": {
                "platform": "event",
                "name": "Event",
                "icon": "mdi:motion-sensor",
                "state_topic": f"{self.base}/event",
                "event_types": ["entered", "left"],
            },
        }
        if self.has_snapshots:
            found["snapshot"] = {
                "platform": "image",
                "name": "Snapshot",
                "image_topic": f"{self.base}/snapshot",
                "content_type": "image/jpeg",
            }
        return found

    def _presence(self) -> dict[str, dict[str, Any]]:
        """Return a sensor for each label that is on while it is believed."""
        if len(self.labels) > MAX_LABEL_SENSORS:
            return {}
        return {
            f"label_{_digest(label)}": {
                "platform": "binary_sensor",
                "name": label,
                "icon": "mdi:eye-outline",
                "state_topic": f"{self.base}/state",
                "value_template": f"{{{{ 'ON' if value_json.label_id == {place} else 'OFF' }}}}",
            }
            for place, label in enumerate(self.labels)
        }

    def _diagnostics(self) -> dict[str, dict[str, Any]]:
        """Return what says how the program is; it stays available while the camera is lost."""
        shared = {
            "state_topic": f"{self.base}/status",
            "availability": [self._alive()],
            "entity_category": "diagnostic",
        }
        number = {**shared, "platform": "sensor", "state_class": "measurement"}
        return {
            "problem": {
                **shared,
                "platform": "binary_sensor",
                "name": "Problem",
                "device_class": "problem",
                "value_template": _PROBLEM,
                "json_attributes_topic": f"{self.base}/status",
                "json_attributes_template": _REASONS,
            },
            "condition": {
                **shared,
                "platform": "sensor",
                "name": "Condition",
                "device_class": "enum",
                "options": _STATES,
                "value_template": "{{ value_json.state }}",
            },
            "frame_rate": {
                **number,
                "name": "Frame rate",
                "icon": "mdi:speedometer",
                "unit_of_measurement": "fps",
                "suggested_display_precision": 1,
                "value_template": "{{ value_json.frames_per_second }}",
            },
            "frame_age": {
                **number,
                "name": "Frame age",
                "device_class": "duration",
                "unit_of_measurement": "ms",
                "suggested_display_precision": 0,
                "value_template": "{{ value_json.age_p99_ms }}",
            },
        }


def device_id(base: str) -> str:
    """Return a name for a topic in letters that Home Assistant takes; another topic has another name."""
    plain = base.removeprefix("edgecls/")
    word = re.sub(r"[^a-z0-9-]+", "_", plain.lower()).strip("_")[:40]
    exact = base == f"edgecls/{word}"
    return f"edgecls_{word}" if exact else f"edgecls_{word}_{_digest(base)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:8]


def _version() -> str:
    try:
        return version("edgecls")
    except PackageNotFoundError:
        return "unknown"
