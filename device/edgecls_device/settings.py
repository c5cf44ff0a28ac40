"""Everything a user says about a run, as one checked record: what options and configuration files become."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edgecls_device.errors import OptionError
from edgecls_device.sources.options import NO_OPTIONS, SourceOptions

if TYPE_CHECKING:
    from edgecls_device.decisions.settings import DecisionSettings
    from edgecls_device.foreign import ForeignOptions
    from edgecls_device.sinks.mqtt_settings import MqttSettings
    from edgecls_device.web.settings import WebSettings

__all__ = ["OutputSettings", "RunSettings"]

MB = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputSettings:
    """Where results and events go, besides the live page and MQTT.

    Attributes:
        as_json: Whether standard output takes JSON lines instead of lines for people.
        json_file: A file of JSON lines.
        json_rotate_bytes: Size at which a new one is begun.
        json_keep: Older ones that are kept.
        show: Whether a window is shown.
        save: An annotated clip.
        save_quota_bytes: What all its parts may take, of a live source.
        snapshots: A directory for a picture of each event.
        snapshots_quota_bytes: What it may take.
        webhook: A URL that gets each event.
        webhook_ca: The certificate authority of its server; the system's by default.
        webhook_secret_file: A file with the secret that signs it.
        keep_uncertain: A directory for frames of which the model is not sure.
        keep_quota_bytes: What it may take.
        second: A model file whose disagreement makes a frame uncertain too.
        collect: A directory where the live page saves frames under a label.
    """

    as_json: bool = False
    json_file: Path | None = None
    json_rotate_bytes: int = 10 * MB
    json_keep: int = 5
    show: bool = False
    save: Path | None = None
    save_quota_bytes: int = 2000 * MB
    snapshots: Path | None = None
    snapshots_quota_bytes: int = 200 * MB
    webhook: str | None = None
    webhook_ca: Path | None = None
    webhook_secret_file: Path | None = None
    keep_uncertain: Path | None = None
    keep_quota_bytes: int = 500 * MB
    second: Path | None = None
    collect: Path | None = None

    def __post_init__(self) -> None:
        if self.second is not None and self.keep_uncertain is None:
            message = "Expected --keep-uncertain with --second, got none."
            raise OptionError(message, hint="--keep-uncertain DIR says where such frames go")
        for name, value in (
            ("--webhook-ca", self.webhook_ca),
            ("--webhook-secret-file", self.webhook_secret_file),
        ):
            if value is not None and self.webhook is None:
                message = f"Expected --webhook with {name}, got none."
                raise OptionError(message, hint="--webhook URL says where events go")


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSettings:
    """A run.

    Attributes:
        artifact: The model file.
        source: What is classified, as the user wrote it.
        source_options: What is wished of it.
        decisions: How predictions become decisions; None for the default of the kind of source: smoothed for
            what moves, each by itself for photos.
        outputs: Where results go.
        web: The live page; None for none.
        token_is_new: Whether the page's token was made just now, and has to be told.
        mqtt: The broker; None for none.
        backend: The runtime's name; None for the first installed one.
        threads: Threads for one inference; None for the number of cores, at most 4.
        foreign: What the user says about a model that was not made by edgecls.
        top: Labels of a prediction.
        limit: Results after which it ends; None for no limit.
    """

    artifact: Path
    source: str
    source_options: SourceOptions = NO_OPTIONS
    decisions: "DecisionSettings | None" = None
    outputs: OutputSettings = field(default_factory=OutputSettings)
    web: "WebSettings | None" = None
    token_is_new: bool = False
    mqtt: "MqttSettings | None" = None
    backend: str | None = None
    threads: int | None = None
    foreign: "ForeignOptions | None" = None
    top: int = 5
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.outputs.collect is not None and self.web is None:
            message = "Expected --web with --collect, got none."
            raise OptionError(message, hint="the live page saves what is collected: add --web")
