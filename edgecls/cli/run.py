"""``edgecls run``: classify a camera, stream, video, folder or photo."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from edgecls_device.errors import OptionError, StalledError
from edgecls_device.stop import READER_GONE, Stop, stop_on_signals

from edgecls.cli.run_configuration import ConfigurableCommand, read_defaults, read_run
from edgecls.cli.run_options import RUN_OPTIONS, SERVICE
from edgecls.cli.sections import add_options, option
from edgecls.progress import say

if TYPE_CHECKING:
    from edgecls_device.results import RunSummary

__all__ = ["command"]

EPILOG = """\b
Ctrl-C, q in the window, or SIGTERM end a run. A camera or stream that is ended so exits with 0, a video
or folder that was not finished with 130 (SIGTERM: 143). A camera or stream that is lost is opened again
and again; with --give-up-after it ends the run with 6.

\b
All options may stand in a file, so that a service is one line: edgecls run --config pets.toml. A table is
the beginning of a name: [mqtt] topic is --mqtt-topic. See docs/service.md. A run stands for
what was picked for it: edgecls bench RUN --pick writes such a file, RUN/run.toml; --config wins over it.

\b
Examples, after edgecls demo:
  edgecls run runs/demo/exports/demo.int8.tflite --source runs/demo/photos/star --limit 5
  edgecls run runs/demo/exports/demo.int8.onnx --source runs/demo/clip.avi --save labelled.avi
  edgecls run runs/demo/exports/demo.int8.tflite --source loop:runs/demo/clip.avi --web 8080 --limit 60
  edgecls run runs/demo/exports/demo.int8.tflite --source test:shapes --motion --json-file run.jsonl --limit 60

\b
With your own:
  edgecls run runs/pets --source 0
  edgecls run runs/pets/exports/pets.int8.tflite --source 0 --web
  edgecls run runs/pets/exports/pets.int8.tflite --source rtsp://camera.local/stream --json
  edgecls run runs/pets/exports/pets.int8.tflite --source 0 --mqtt mqtt://broker.local --keep-uncertain unsure
  edgecls run mobilenet.tflite --labels labels.txt --color rgb --resize crop --source photo.jpg
"""


@click.command(cls=ConfigurableCommand, epilog=EPILOG)
@click.argument(
    "artifact",
    type=click.Path(path_type=Path),
    required=False,
    is_eager=True,
    callback=read_run,
    metavar="ARTIFACT | RUN",
)
@add_options(RUN_OPTIONS)
@option(
    SERVICE,
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    is_eager=True,
    callback=read_defaults,
    help="A TOML file with any of these options (artifact and source too); the command line wins.",
)
def command(artifact: Path | None, **options: Any) -> None:
    """Classify every frame of SOURCE with the model file ARTIFACT, or with what was picked for RUN.

    Of a camera or stream always the newest frame is taken; photos, folders and videos are done in full. A
    terminal shows one live line; otherwise there is a line a photo, or a few a second for a stream.
    """
    _check_given(artifact, options["source"])
    _supervise(is_asked=options["supervise"])
    stop = Stop()
    with stop_on_signals(stop):
        try:
            summary, is_endless, is_quiet = _run(Path(artifact or ""), options, stop)
        except StalledError as error:
            _leave(error)
    if not is_quiet and stop.reason != READER_GONE:
        say(_sentence(summary))
    for problem in summary.problems:
        say(f"note: {problem}")
    if summary.error is not None:
        raise summary.error
    if stop.signal_number and not is_endless:
        sys.exit(128 + stop.signal_number)


def _check_given(artifact: Path | None, source: str | None) -> None:
    if artifact is None:
        message = "Expected a model file or a run, got none."
        raise OptionError(message, hint="edgecls run ARTIFACT --source 0, or --config FILE")
    if source is None:
        message = "Expected --source, got none."
        raise OptionError(
            message, hint="--source 0 is the first camera, --source test:shapes needs none"
        )


def _run(artifact: Path, options: dict[str, Any], stop: Stop) -> "tuple[RunSummary, bool, bool]":
    from edgecls_device.running import run

    from edgecls.cli.run_settings import run_settings

    finished = run(run_settings(artifact, options), stop=stop, out=sys.stdout, say=say)
    summary = finished.summary
    return summary, finished.is_endless, finished.is_one_photo and not summary.dropped


def _supervise(*, is_asked: bool) -> None:
    """Become the supervisor of the same command if that is asked, or its worker if this is one."""
    from edgecls_device.service.worker import become_worker, is_worker

    if is_worker():
        for problem in become_worker():
            say(f"note: {problem}")
    elif is_asked:
        from edgecls_device.service.supervisor import own_command, supervise

        sys.exit(supervise(own_command(), say=say))


def _leave(error: StalledError) -> None:
    """Tell what hangs, and leave without touching it."""
    from edgecls_device.service.deadline import leave_at_once

    say(f"error: {error.message}")
    say(f"hint: {error.hint}")
    leave_at_once(error.exit_code)


def _sentence(summary: "RunSummary") -> str:
    dropped = ", ".join(f"{name} {count}" for name, count in summary.dropped.items())
    frames = "1 frame" if summary.captured == 1 else f"{summary.captured} frames"
    parts = [f"{frames}: {summary.results} classified"]
    if summary.still:
        parts[0] = f"{frames}: {summary.results - summary.still} classified, {summary.still} still"
    if dropped:
        parts[0] += f", {sum(summary.dropped.values())} dropped ({dropped})"
    if summary.results and summary.seconds > 0:
        parts.append(f"{summary.results / summary.seconds:.1f} a second")
        parts.append(f"{summary.classify_p50_ms:.1f} ms each (median)")
    if summary.events:
        parts.append("1 event" if summary.events == 1 else f"{summary.events} events")
    if summary.reconnects:
        parts.append(f"source opened again {summary.reconnects} times")
    for sink in summary.sinks:
        if sink.name == "web":  # a page that shows the newest picture leaves others out
            continue
        lost = {"dropped": sink.dropped, "failed": sink.failed, "left": sink.waiting}
        named = ", ".join(f"{count} {name}" for name, count in lost.items() if count)
        if named:
            parts.append(f"{sink.name}: {named} of {sink.given}")
    if summary.ended_by != "end":
        parts.append(f"ended by {summary.ended_by}")
    return "; ".join(parts)
