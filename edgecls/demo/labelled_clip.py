"""The clip through the live loop: what ``edgecls run ARTIFACT --source CLIP --save OUT`` does."""

import sys
from contextlib import ExitStack
from pathlib import Path

from edgecls_device.live import classify_source
from edgecls_device.opening import open_model
from edgecls_device.results import RunSummary
from edgecls_device.sinks.clip import ClipSink
from edgecls_device.sinks.protocol import Sink
from edgecls_device.sinks.terminal import LiveLineSink, PlainLinesSink
from edgecls_device.sources.table import open_source
from edgecls_device.stop import Stop

__all__ = ["classify_clip"]


def classify_clip(artifact: Path, clip: Path, annotated: Path) -> RunSummary:
    """Classify every frame of a clip, tell the labels on standard error, write the annotated clip.

    Args:
        artifact: A model file.
        clip: A video file.
        annotated: Where the annotated clip goes, whole or not at all.

    Raises:
        ArtifactError: If the model cannot be used.
        SourceError: If the clip cannot be read.
        StorageError: If the annotated clip cannot be written.
    """
    with ExitStack() as stack:
        model = open_model(artifact)
        stack.callback(model.classifier.close)
        source = open_source(str(clip))
        stack.callback(source.close)
        out = sys.stderr
        lines: Sink = LiveLineSink(out) if out.isatty() else PlainLinesSink(out)
        sinks = (lines, ClipSink(annotated, frame_rate=source.frame_rate))
        for sink in sinks:
            stack.callback(sink.close)
        summary = classify_source(source, model.classifier, sinks, stop=Stop(), k=3)
        if summary.error is not None:
            raise summary.error
        for sink in sinks:
            sink.finish(summary)
    return summary
