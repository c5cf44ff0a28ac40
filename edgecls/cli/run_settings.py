"""From the options of ``edgecls run`` to ``RunSettings``: texts are read, and what does not fit is refused."""

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgecls_device.errors import OptionError
from edgecls_device.settings import OutputSettings, RunSettings
from edgecls_device.sizes import parse_size
from edgecls_device.sources.options import SourceOptions

if TYPE_CHECKING:
    from edgecls_device.decisions.settings import DecisionSettings
    from edgecls_device.foreign import ForeignOptions
    from edgecls_device.sinks.mqtt_settings import MqttSettings
    from edgecls_device.web.settings import WebSettings

__all__ = ["run_settings"]

Options = dict[str, Any]

MOTION_DEFAULT = "auto"

_MQTT_NAMES = (
    "mqtt_topic",
    "mqtt_ca",
    "mqtt_certificate",
    "mqtt_key",
    "mqtt_user",
    "mqtt_password_file",
    "mqtt_outbox",
    "mqtt_snapshots",
)


def run_settings(artifact: Path, options: Options) -> RunSettings:
    """Return what the user wants.

    Args:
        artifact: The model file.
        options: By the names of the command's parameters.

    Raises:
        OptionError: If a text cannot be read, or options do not fit together.
        StorageError: If a file with a token or password cannot be read.
    """
    web, token_is_new = _web(options)
    return RunSettings(
        artifact=artifact,
        source=options["source"],
        source_options=_source_options(options),
        decisions=_decisions(options),
        outputs=_outputs(options),
        web=web,
        token_is_new=token_is_new,
        mqtt=_mqtt(artifact, options),
        backend=options["backend"],
        threads=options["threads"],
        foreign=_foreign(options),
        top=options["top"],
        limit=options["limit"],
    )


def size_in_pixels(name: str, text: str | None, *, form: str) -> tuple[int, int] | None:
    """Read two numbers with an ``x`` between them, in the order in which they stand.

    Raises:
        OptionError: If it is something else.
    """
    if text is None:
        return None
    match = re.fullmatch(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", text)
    if match is None:
        message = f"Expected {name} {form} in pixels, got {text!r}."
        raise OptionError(message, hint=f"for example: {name} 640x480")
    return int(match[1]), int(match[2])


def _source_options(options: Options) -> SourceOptions:
    size = size_in_pixels("--camera-size", options["camera_size"], form="WIDTHxHEIGHT")
    return SourceOptions(
        realtime=options["realtime"],
        watch=options["watch"],
        camera_size=None if size is None else (size[1], size[0]),
        camera_fps=options["camera_fps"],
        camera_format=options["camera_format"],
        wait_for_source=options["wait_for_source"],
        give_up_after_s=options["give_up_after"],
        frozen_after_s=options["frozen_after"],
    )


def _decisions(options: Options) -> "DecisionSettings | None":
    """Return what was said about decisions; None if nothing was, and the defaults of the source count."""
    said = {
        "motion_share": _motion(options["motion"]),
        "smoothing": options["smoothing"],
        "window_s": options["smoothing_window"],
        "enter_score": options["enter_score"],
        "leave_score": options["leave_score"],
        "min_duration_s": options["min_duration"],
    }
    given = {name: value for name, value in said.items() if value is not None}
    if not given and options["every"] == 1 and options["roi"] is None:
        return None
    from edgecls_device.decisions.region import parse_region
    from edgecls_device.decisions.settings import DecisionSettings

    roi = None if options["roi"] is None else parse_region(options["roi"])
    return DecisionSettings(every=options["every"], roi=roi, **given)


def _motion(text: str | None) -> float | None:
    if text is None:
        return None
    from edgecls_device.decisions.settings import MOTION_SHARE

    if text == MOTION_DEFAULT:
        return MOTION_SHARE
    try:
        return float(text)
    except ValueError:
        message = f"Expected --motion with a share of the picture such as 0.01, got {text!r}."
        raise OptionError(
            message, hint="--motion alone takes a share that fits most cameras"
        ) from None


def _outputs(options: Options) -> OutputSettings:
    return OutputSettings(
        as_json=options["as_json"],
        json_file=options["json_file"],
        json_rotate_bytes=parse_size(options["json_rotate"], name="--json-rotate"),
        json_keep=options["json_keep"],
        show=options["show"],
        save=options["save"],
        save_quota_bytes=parse_size(options["save_quota"], name="--save-quota"),
        snapshots=options["snapshots"],
        snapshots_quota_bytes=parse_size(options["snapshots_quota"], name="--snapshots-quota"),
        webhook=options["webhook"],
        webhook_ca=options["webhook_ca"],
        webhook_secret_file=options["webhook_secret_file"],
        keep_uncertain=options["keep_uncertain"],
        keep_quota_bytes=parse_size(options["keep_quota"], name="--keep-quota"),
        second=options["second"],
        collect=options["collect"],
    )


def _web(options: Options) -> "tuple[WebSettings | None, bool]":
    if options["web"] is None:
        _refuse_without("--web", options, ("web_token_file", "web_host"))
        return None, False
    from edgecls_device.web.settings import web_settings

    return web_settings(
        options["web"], token_file=options["web_token_file"], names=options["web_host"]
    )


def _mqtt(artifact: Path, options: Options) -> "MqttSettings | None":
    if options["mqtt"] is None:
        _refuse_without("--mqtt", options, _MQTT_NAMES)
        return None
    from edgecls_device.sinks.mqtt_settings import parse_mqtt_url, read_password

    settings = parse_mqtt_url(
        options["mqtt"],
        topic=options["mqtt_topic"],
        name=artifact.name.partition(".")[0],
        user=options["mqtt_user"],
        password=read_password(options["mqtt_password_file"]),
    )
    return replace(
        settings,
        ca_file=options["mqtt_ca"],
        client_certificate=options["mqtt_certificate"],
        client_key=options["mqtt_key"],
        outbox_directory=options["mqtt_outbox"],
        has_snapshots=options["mqtt_snapshots"],
    )


def _refuse_without(option: str, options: Options, names: tuple[str, ...]) -> None:
    for name in names:
        if options[name]:
            dashed = f"--{name.replace('_', '-')}"
            message = f"Expected {option} with {dashed}, got none."
            raise OptionError(message, hint=f"add {option}, or leave {dashed} out")


def _foreign(options: Options) -> "ForeignOptions | None":
    said = {name: options[name] for name in ("labels", "color", "resize", "input_range", "output")}
    if all(value is None for value in (*said.values(), options["input_size"])):
        return None
    from edgecls_device.foreign import ForeignOptions

    size = size_in_pixels("--input-size", options["input_size"], form="HEIGHTxWIDTH")
    return ForeignOptions(**said, input_size=size)
