"""``edgecls run``: classify a camera, stream, video, folder or photo."""

import re
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from edgecls_device.errors import OptionError
from edgecls_device.stop import Stop, stop_on_signals

from edgecls.progress import say

if TYPE_CHECKING:
    from edgecls_device.foreign import ForeignOptions
    from edgecls_device.opening import OpenModel
    from edgecls_device.results import RunSummary
    from edgecls_device.sinks.protocol import Sink
    from edgecls_device.sources.protocol import Source

__all__ = ["command"]

EPILOG = """\b
Ctrl-C, q in the window, or SIGTERM end a run. A camera or stream that is ended so exits with 0, a video
or folder that was not finished with 130 (SIGTERM: 143), and a camera or stream that is lost with 6.

\b
Examples, after edgecls demo:
  edgecls run runs/demo/exports/demo.int8.tflite --source runs/demo/photos/star --limit 5
  edgecls run runs/demo/exports/demo.int8.onnx --source runs/demo/clip.avi --save labelled.avi

\b
With your own:
  edgecls run runs/pets/exports/pets.int8.tflite --source 0
  edgecls run runs/pets/exports/pets.int8.tflite --source rtsp://camera.local/stream --json
  edgecls run mobilenet.tflite --labels labels.txt --color rgb --resize crop --source photo.jpg
"""


@click.command(epilog=EPILOG)
@click.argument("artifact", type=click.Path(path_type=Path))
@click.option(
    "--source",
    required=True,
    help="A camera (0 or /dev/video0), photo, folder, video file, or http(s) or rtsp URL.",
)
@click.option("--top", default=3, show_default=True, type=click.IntRange(1), help="Labels to show.")
@click.option("--limit", type=click.IntRange(1), help="Stop after so many frames.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a frame on standard output.")
@click.option("--show", is_flag=True, help="Show a window (needs edgecls[desktop]).")
@click.option(
    "--save",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write an annotated clip (.avi).",
)
@click.option(
    "--backend", help="litert, tflite-runtime or onnxruntime; the installed one by default."
)
@click.option("--threads", type=int, help="Threads for one frame; by default the cores, at most 4.")
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    help="Other models than ours: a file with one label per line.",
)
@click.option(
    "--color", type=click.Choice(["rgb", "bgr"]), help="Other models: order of the colour channels."
)
@click.option(
    "--resize",
    type=click.Choice(["crop", "stretch", "letterbox"]),
    help="Other models: how pictures become the input size.",
)
@click.option(
    "--input-range",
    metavar="RANGE",
    help="Other models: 0..255, 0..1, -1..1, imagenet, or MEAN/STD such as 127/128.",
)
@click.option(
    "--output", type=click.Choice(["probabilities", "logits"]), help="Other models: what comes out."
)
@click.option("--input-size", metavar="HxW", help="Other models that leave it open: 224x224.")
def command(artifact: Path, source: str, **options: Any) -> None:
    """Classify every frame of SOURCE with the model file ARTIFACT.

    Of a camera or stream always the newest frame is taken; photos, folders and videos are done in full. A
    terminal shows one live line; otherwise there is a line a photo, or a few a second for a stream.
    """
    stop = Stop()
    with stop_on_signals(stop), ExitStack() as stack:
        summary, is_live, is_photo = _run(artifact, source, options, stop, stack)
    if not is_photo or summary.dropped:
        say(_sentence(summary))
    for problem in summary.problems:
        say(f"note: {problem}")
    if summary.error is not None:
        raise summary.error
    if stop.signal_number and not is_live:
        sys.exit(128 + stop.signal_number)


def _run(
    artifact: Path, text: str, options: dict[str, Any], stop: Stop, stack: ExitStack
) -> "tuple[RunSummary, bool, bool]":
    from edgecls_device.live import classify_source
    from edgecls_device.sources.photo import PhotoSource

    if options["show"]:
        from edgecls_device.sinks.window import check_window

        check_window()
    model = _open_model(artifact, options)
    stack.callback(model.classifier.close)
    source = _open_source(text, stop)
    stack.callback(source.close)
    is_photo = isinstance(source, PhotoSource)
    if source.is_live:
        granted = f" ({source.description})" if source.description else ""
        say(f"reading {source.name}{granted}; Ctrl-C ends it")
    sinks = _sinks(source, options, stop, stack)
    limit, top = options["limit"], options["top"]
    summary = classify_source(source, model.classifier, sinks, stop=stop, limit=limit, k=top)
    for sink in sinks:
        sink.finish(summary)
    return summary, source.is_live, is_photo


def _open_model(artifact: Path, options: dict[str, Any]) -> "OpenModel":
    from edgecls_device.opening import open_model

    model = open_model(
        artifact,
        backend=options["backend"],
        threads=options["threads"],
        foreign=_foreign_options(options),
    )
    for note in model.notes:
        say(f"note: {note}")
    return model


def _open_source(text: str, stop: Stop) -> "Source":
    from edgecls_device.sources.table import open_unless_stopped

    source = open_unless_stopped(text, stop)
    if source is None:
        raise KeyboardInterrupt
    return source


def _sinks(source: "Source", options: dict[str, Any], stop: Stop, stack: ExitStack) -> "list[Sink]":
    """Open the sinks; the stack closes them."""
    from edgecls_device.sinks.terminal import LiveLineSink, PhotoLinesSink, PlainLinesSink

    has_rate = source.is_live or source.frame_rate > 0
    out = sys.stdout
    sinks: list[Sink] = []
    if options["as_json"]:
        from edgecls_device.sinks.json_lines import JsonLinesSink

        sinks.append(JsonLinesSink(out))
    elif not has_rate:
        sinks.append(PhotoLinesSink(out))
    else:
        sinks.append(LiveLineSink(out) if out.isatty() else PlainLinesSink(out))
    if options["save"] is not None:
        from edgecls_device.sinks.clip import ClipSink

        rate = source.frame_rate or 1.0  # a second for each photo
        sinks.append(ClipSink(options["save"], frame_rate=rate, is_live=source.is_live))
    if options["show"]:
        from edgecls_device.sinks.window import WindowSink

        sinks.append(WindowSink(stop, hold=not has_rate))
    for sink in sinks:
        stack.callback(sink.close)
    return sinks


def _foreign_options(options: dict[str, Any]) -> "ForeignOptions | None":
    names = ("labels", "color", "resize", "input_range", "output")
    said = {name: options[name] for name in names}
    if all(value is None for value in (*said.values(), options["input_size"])):
        return None
    from edgecls_device.foreign import ForeignOptions

    return ForeignOptions(**said, input_size=_size(options["input_size"]))


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    match = re.fullmatch(r"([1-9][0-9]{0,3})x([1-9][0-9]{0,3})", text)
    if match is None:
        message = f"Expected --input-size HEIGHTxWIDTH in pixels, got {text!r}."
        raise OptionError(message, hint="for example: --input-size 224x224")
    return int(match[1]), int(match[2])


def _sentence(summary: "RunSummary") -> str:
    dropped = ", ".join(f"{name} {count}" for name, count in summary.dropped.items())
    frames = "1 frame" if summary.captured == 1 else f"{summary.captured} frames"
    parts = [f"{frames}: {summary.results} classified"]
    if dropped:
        parts[0] += f", {sum(summary.dropped.values())} dropped ({dropped})"
    if summary.results and summary.seconds > 0:
        parts.append(f"{summary.results / summary.seconds:.1f} a second")
        parts.append(f"{summary.classify_p50_ms:.1f} ms each (median)")
    if summary.ended_by != "end":
        parts.append(f"ended by {summary.ended_by}")
    return "; ".join(parts)
