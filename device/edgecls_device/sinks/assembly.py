"""The sinks of a run, from what the user said. Each is imported only if it is wanted.

What may block stands behind a :class:`BackgroundSink`. For a live source it sheds; for files it waits, since
nobody who classifies a folder wants to miss a photo.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

from edgecls_device.health import StatusBoard
from edgecls_device.lazy import load
from edgecls_device.opening import OpenModel, open_model
from edgecls_device.settings import OutputSettings, RunSettings
from edgecls_device.sinks.background import BackgroundSink
from edgecls_device.sinks.protocol import Sink
from edgecls_device.sources.protocol import Source
from edgecls_device.stop import Stop

if TYPE_CHECKING:
    from edgecls_device.sinks.mqtt_settings import MqttSettings
    from edgecls_device.sinks.window import WindowSink

__all__ = ["OpenSinks", "open_sinks"]

WINDOW_TURN_S = 0.02
TURN_S = 0.25
PHOTO_RATE = 1.0  # a second for each photo of a clip


@dataclass(kw_only=True, slots=True)
class OpenSinks:
    """The open sinks of a run.

    Attributes:
        all: In the order in which they get results.
        window: The one that the main thread must serve, if there is one.
    """

    all: list[Sink] = field(default_factory=list)
    window: "WindowSink | None" = None

    @property
    def turn_s(self) -> float:
        """How often the main thread should call :meth:`pump`, in seconds."""
        return TURN_S if self.window is None else WINDOW_TURN_S

    def pump(self) -> None:
        """Serve the window, if there is one. For the main thread."""
        if self.window is not None:
            self.window.pump()


def open_sinks(
    settings: RunSettings,
    source: Source,
    model: OpenModel,
    board: StatusBoard,
    *,
    stop: Stop,
    out: TextIO,
    stack: ExitStack,
) -> OpenSinks:
    """Open what the user asked for; ``stack`` closes it.

    Args:
        settings: What is wanted.
        source: What is classified.
        model: What classifies it.
        board: How the run is.
        stop: Requested when a window is closed or the reader of a pipe goes away.
        out: Takes lines or JSON.
        stack: Closes the sinks.

    Raises:
        MissingDependencyError: If a package is missing.
        OptionError: If something cannot be honoured.
        StorageError: If a file or directory cannot be written.
    """
    opened = OpenSinks()
    for sink in _wanted(settings, source, model, board, out):
        in_background = BackgroundSink(sink, stop=stop, is_lossless=not source.is_live)
        stack.callback(in_background.close)
        opened.all.append(in_background)
    if settings.mqtt is not None:
        publisher = _mqtt(settings.mqtt, source, model, board)
        stack.callback(publisher.close)
        opened.all.append(publisher)
    if settings.outputs.show:
        from edgecls_device.sinks.window import WindowSink

        opened.window = WindowSink(stop, hold=not _moves(source), board=board)
        stack.callback(opened.window.close)
        opened.all.append(opened.window)
    return opened


def _wanted(
    settings: RunSettings, source: Source, model: OpenModel, board: StatusBoard, out: TextIO
) -> Iterator[Sink]:
    """Open one sink after the other, so that those before one that fails are closed."""
    outputs = settings.outputs
    yield _printed(outputs, source, board, out)
    total = getattr(source, "total", 0)
    if total and not source.is_live and not out.isatty() and sys.stderr.isatty():
        yield _progress(total)
    if outputs.json_file is not None:
        yield _json_file(outputs.json_file, outputs)
    if outputs.save is not None:
        yield _clip(outputs.save, outputs, source)
    if outputs.snapshots is not None:
        yield _snapshots(outputs.snapshots, outputs)
    if outputs.keep_uncertain is not None:
        yield _uncertain(outputs.keep_uncertain, settings, model)
    if outputs.webhook is not None:
        yield _webhook(outputs.webhook, outputs)


def _moves(source: Source) -> bool:
    return source.is_live or source.frame_rate > 0


def _printed(outputs: OutputSettings, source: Source, board: StatusBoard, out: TextIO) -> Sink:
    from edgecls_device.sinks.terminal import LiveLineSink, PhotoLinesSink, PlainLinesSink

    if outputs.as_json:
        from edgecls_device.sinks.json_lines import JsonLinesSink

        return JsonLinesSink(out)
    if not _moves(source):
        return PhotoLinesSink(out)
    if not out.isatty():
        return PlainLinesSink(out, board=board)
    return LiveLineSink(out, board=board, total=getattr(source, "total", 0))


def _progress(total: int) -> Sink:
    from edgecls_device.sinks.progress import ProgressSink

    return ProgressSink(sys.stderr, total=total)


def _json_file(path: Path, outputs: OutputSettings) -> Sink:
    from edgecls_device.sinks.json_file import JsonFileSink

    return JsonFileSink(path, rotate_bytes=outputs.json_rotate_bytes, keep=outputs.json_keep)


def _clip(path: Path, outputs: OutputSettings, source: Source) -> Sink:
    if source.is_live:
        from edgecls_device.sinks.live_clip import PART_BYTES, LiveClipSink

        quota_bytes = outputs.save_quota_bytes
        part_bytes = min(PART_BYTES, quota_bytes // 2)
        return LiveClipSink(path, part_bytes=part_bytes, quota_bytes=quota_bytes)
    from edgecls_device.sinks.clip import ClipSink

    return ClipSink(path, frame_rate=source.frame_rate or PHOTO_RATE)


def _snapshots(directory: Path, outputs: OutputSettings) -> Sink:
    from edgecls_device.sinks.snapshots import SnapshotSink

    return SnapshotSink(directory, quota_bytes=outputs.snapshots_quota_bytes)


def _uncertain(directory: Path, settings: RunSettings, model: OpenModel) -> Sink:
    from edgecls_device.sinks.uncertain import UncertainSink

    outputs = settings.outputs
    second = None if outputs.second is None else open_model(outputs.second, threads=1).classifier
    return UncertainSink(
        directory,
        quota_bytes=outputs.keep_quota_bytes,
        spec=model.classifier.spec,
        second=second,
        region=None if settings.decisions is None else settings.decisions.roi,
    )


def _webhook(url: str, outputs: OutputSettings) -> Sink:
    from edgecls_device.sinks.webhook import WebhookSink

    return WebhookSink(url, secret_file=outputs.webhook_secret_file, ca_file=outputs.webhook_ca)


def _mqtt(mqtt: "MqttSettings", source: Source, model: OpenModel, board: StatusBoard) -> Sink:
    """Open the publisher, which has a thread and an outbox of its own."""
    make = load("edgecls_device.sinks.mqtt:MqttSink", extra="mqtt")
    labels = model.classifier.spec.output_labels
    name = model.classifier.spec.name
    made = make(mqtt, board=board, labels=labels, source_name=source.name, model_name=name)
    return cast("Sink", made)
