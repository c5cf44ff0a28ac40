"""The options of ``edgecls run``, by section. What they become is in :mod:`edgecls.cli.run_settings`."""

from pathlib import Path

import click

from edgecls.cli.sections import option

__all__ = ["RUN_OPTIONS"]

FILE = click.Path(path_type=Path, dir_okay=False)
DIRECTORY = click.Path(path_type=Path, file_okay=False)
SECONDS = click.FloatRange(min=0)
SHARE = click.FloatRange(0, 1)

SOURCE = "Source"
DECISIONS = "Decisions"
OUTPUT = "Output"
WEB = "Live page"
MQTT = "MQTT"
COLLECTING = "Collecting"
SERVICE = "Service"
MODEL = "Model"
FOREIGN = "Other models than ours"

_SOURCE = [
    option(
        SOURCE,
        "--source",
        help="A camera (0, /dev/video0, picamera), photo, folder, video file, http(s) or rtsp URL, "
        "gstreamer:PIPELINE, loop:VIDEO, or test:shapes.",
    ),
    option(SOURCE, "--limit", type=click.IntRange(1), help="Stop after so many frames."),
    option(
        SOURCE,
        "--realtime",
        is_flag=True,
        help="A video file: at its own pace, as a camera would; frames that come too fast are dropped.",
    ),
    option(SOURCE, "--watch", is_flag=True, help="A folder: wait for new photos."),
    option(SOURCE, "--camera-size", metavar="WxH", help="Ask the camera for it, such as 1280x720."),
    option(
        SOURCE,
        "--camera-fps",
        type=click.FloatRange(min=0, min_open=True),
        help="Ask the camera for so many frames a second.",
    ),
    option(SOURCE, "--camera-format", metavar="CODE", help="MJPG (preferred), YUYV, ..."),
    option(
        SOURCE,
        "--wait-for-source",
        is_flag=True,
        help="Keep trying if a camera or stream cannot be opened at the start.",
    ),
    option(
        SOURCE,
        "--give-up-after",
        type=SECONDS,
        help="End (exit code 6) when a lost camera or stream stays away so many seconds; 0: at once.  "
        "[default: never]",
    ),
    option(
        SOURCE,
        "--frozen-after",
        type=SECONDS,
        default=10.0,
        show_default=True,
        help="Open a camera again that gives the very same picture for so many seconds; 0: never.",
    ),
]

_DECISIONS = [
    option(
        DECISIONS,
        "--top",
        default=3,
        show_default=True,
        type=click.IntRange(1),
        help="Labels to show.",
    ),
    option(
        DECISIONS,
        "--every",
        type=click.IntRange(1),
        default=1,
        show_default=True,
        help="Look at every n-th frame.",
    ),
    option(
        DECISIONS,
        "--roi",
        metavar="X,Y,W,H",
        help="Look at a part: pixels (40,0,320,240), or shares of the frame (0.1,0.0,0.5,0.5).",
    ),
    option(
        DECISIONS,
        "--motion",
        is_flag=False,
        flag_value="auto",
        metavar="[SHARE]",
        help="Save inference while nothing moves; SHARE of the picture that must change, such as 0.01.",
    ),
    option(
        DECISIONS,
        "--smoothing",
        type=click.Choice(["none", "exponential", "majority"]),
        help="Over the last frames.  [default: exponential for video, none for photos]",
    ),
    option(
        DECISIONS,
        "--smoothing-window",
        type=SECONDS,
        help="Seconds that count for it.  [default: 0.5]",
    ),
    option(
        DECISIONS,
        "--enter-score",
        type=SHARE,
        help="A label is believed from this score on.  [default: the model's own threshold]",
    ),
    option(
        DECISIONS,
        "--leave-score",
        type=SHARE,
        help="... until it falls below this one.  [default: 0.1 below]",
    ),
    option(
        DECISIONS,
        "--min-duration",
        type=SECONDS,
        help="... and only when it has won for so many seconds.  [default: 0.5]",
    ),
]

_OUTPUT = [
    option(OUTPUT, "--json", "as_json", is_flag=True, help="One JSON object a frame and an event."),
    option(OUTPUT, "--json-file", type=FILE, help="The same, into a file that is rotated."),
    option(
        OUTPUT,
        "--json-rotate",
        metavar="SIZE",
        default="10MB",
        show_default=True,
        help="Begin a new file at this size.",
    ),
    option(
        OUTPUT,
        "--json-keep",
        type=click.IntRange(0),
        default=5,
        show_default=True,
        help="Older files to keep.",
    ),
    option(OUTPUT, "--show", is_flag=True, help="Show a window (needs edgecls[desktop])."),
    option(
        OUTPUT,
        "--save",
        type=FILE,
        help="Write an annotated clip (.avi); of a camera in parts of ten minutes.",
    ),
    option(
        OUTPUT,
        "--save-quota",
        metavar="SIZE",
        default="2GB",
        show_default=True,
        help="... of a camera at most so much; the oldest parts go first.",
    ),
    option(OUTPUT, "--snapshots", type=DIRECTORY, help="Keep a picture of each event there."),
    option(
        OUTPUT,
        "--snapshots-quota",
        metavar="SIZE",
        default="200MB",
        show_default=True,
        help="... at most so much; the oldest go first.",
    ),
    option(OUTPUT, "--webhook", metavar="URL", help="POST each event there as JSON."),
    option(OUTPUT, "--webhook-ca", type=FILE, help="Certificate authority of its server (PEM)."),
    option(
        OUTPUT,
        "--webhook-secret-file",
        type=FILE,
        help="Sign what is posted with the secret in this file (HMAC-SHA256).",
    ),
]

_WEB = [
    option(
        WEB,
        "--web",
        is_flag=False,
        flag_value="127.0.0.1:8080",
        metavar="[HOST:PORT]",
        help="Serve the live page, /classify, /ready and /metrics (needs edgecls[web]).  "
        "[default: 127.0.0.1:8080]",
    ),
    option(
        WEB,
        "--web-token-file",
        type=FILE,
        help="Who may use it from other machines; made if it is not there.",
    ),
    option(
        WEB,
        "--web-host",
        multiple=True,
        metavar="NAME",
        help="Another name under which the page is reached.",
    ),
    option(
        WEB,
        "--collect",
        type=DIRECTORY,
        help="Let the page save pictures there, a folder a label, for the next training.",
    ),
]

_MQTT = [
    option(
        MQTT,
        "--mqtt",
        metavar="URL",
        help="mqtt://broker or mqtts://user@broker:8883 (needs edgecls[mqtt]); Home Assistant finds it.",
    ),
    option(MQTT, "--mqtt-topic", help="Where messages go.  [default: edgecls/NAME OF THE MODEL]"),
    option(MQTT, "--mqtt-ca", type=FILE, help="Certificate authority of the broker (PEM)."),
    option(MQTT, "--mqtt-user", help="User name at the broker."),
    option(
        MQTT,
        "--mqtt-password-file",
        type=FILE,
        help="Its password; or in the variable EDGECLS_MQTT_PASSWORD.",
    ),
    option(
        MQTT, "--mqtt-certificate", type=FILE, help="Certificate that shows the broker who we are."
    ),
    option(MQTT, "--mqtt-key", type=FILE, help="... and its key."),
    option(MQTT, "--mqtt-snapshots", is_flag=True, help="Publish a picture when a label comes."),
    option(
        MQTT,
        "--mqtt-outbox",
        type=DIRECTORY,
        help="Keep events there while the broker is away, also over a restart; one directory a camera.",
    ),
]

_COLLECTING = [
    option(
        COLLECTING,
        "--keep-uncertain",
        type=DIRECTORY,
        help="Keep the frames of which the model is not sure, one for each event.",
    ),
    option(
        COLLECTING,
        "--keep-quota",
        metavar="SIZE",
        default="500MB",
        show_default=True,
        help="... at most so much.",
    ),
    option(
        COLLECTING,
        "--second",
        type=FILE,
        metavar="ARTIFACT",
        help="... and those on which this other model disagrees.",
    ),
]

_SERVICE = [
    option(
        SERVICE,
        "--supervise",
        is_flag=True,
        help="Start again what crashes or hangs, where systemd does not.",
    ),
]

_MODEL = [
    option(
        MODEL,
        "--backend",
        help="litert, tflite-runtime or onnxruntime; the installed one by default.",
    ),
    option(
        MODEL,
        "--threads",
        type=int,
        help="Threads for one frame; by default the cores, at most 4.",
    ),
]

_FOREIGN = [
    option(
        FOREIGN,
        "--labels",
        type=click.Path(path_type=Path),
        help="A file with one label per line.",
    ),
    option(
        FOREIGN, "--color", type=click.Choice(["rgb", "bgr"]), help="Order of the colour channels."
    ),
    option(
        FOREIGN,
        "--resize",
        type=click.Choice(["crop", "stretch", "letterbox"]),
        help="How pictures become the input size.",
    ),
    option(
        FOREIGN,
        "--input-range",
        metavar="RANGE",
        help="0..255, 0..1, -1..1, imagenet, or MEAN/STD such as 127/128.",
    ),
    option(
        FOREIGN, "--output", type=click.Choice(["probabilities", "logits"]), help="What comes out."
    ),
    option(FOREIGN, "--input-size", metavar="HxW", help="Where the model leaves it open: 224x224."),
]

RUN_OPTIONS = [
    *_SOURCE,
    *_DECISIONS,
    *_OUTPUT,
    *_WEB,
    *_MQTT,
    *_COLLECTING,
    *_SERVICE,
    *_MODEL,
    *_FOREIGN,
]
