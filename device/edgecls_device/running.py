"""A run from its settings to its summary: what ``edgecls run`` does.

Things are opened in the order in which mistakes are cheap to hear of: window, model, page, source, sinks. Then
the loop goes on in a thread of its own, and the main thread waits for signals and serves the window.
"""

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TextIO

from edgecls_device.errors import StalledError
from edgecls_device.health import StatusBoard
from edgecls_device.lazy import load
from edgecls_device.live import classify_source, sink_counts
from edgecls_device.opening import OpenModel, open_model
from edgecls_device.results import RunSummary
from edgecls_device.service.deadline import HUNG_AFTER_S, LoopThread
from edgecls_device.service.notify import Notifications, Notifier, tell_start
from edgecls_device.settings import RunSettings
from edgecls_device.sinks.assembly import OpenSinks, open_sinks
from edgecls_device.sinks.background import FINISH_S, finish_sinks
from edgecls_device.sources.protocol import Source
from edgecls_device.sources.table import open_source
from edgecls_device.stop import Stop

if TYPE_CHECKING:
    from edgecls_device.web.server import WebServer
    from edgecls_device.web.settings import WebSettings

__all__ = ["FinishedRun", "run"]

Say = Callable[[str], None]

ALL_DONE_S = 4.7  # from SIGTERM; the interpreter needs a moment to end
LEAST_FINISH_S = 0.3


@dataclass(frozen=True, kw_only=True, slots=True)
class FinishedRun:
    """What came of a run.

    Attributes:
        summary: Its counts.
        is_endless: Whether the source has no end of its own, so that to be stopped is its normal end.
        is_one_photo: Whether it was a single photo, which needs no summary.
    """

    summary: RunSummary
    is_endless: bool
    is_one_photo: bool


def run(settings: RunSettings, *, stop: Stop, out: TextIO, say: Say) -> FinishedRun:
    """Classify until the source ends, is lost for good, or ``stop`` is requested. For the main thread.

    Args:
        settings: What to do.
        stop: Set by signals, and by a window that is closed.
        out: Takes results.
        say: Takes plain sentences for people.

    Raises:
        EdgeclsError: Whatever cannot be opened, or goes wrong so that the run cannot go on; ``StalledError`` if
            the loop hangs: nothing is closed then, and the process should be left at once.
    """
    if settings.outputs.show:
        from edgecls_device.sinks.window import check_window

        check_window()
    board = StatusBoard()
    with ExitStack() as ours, ExitStack() as opened:
        model = _open(settings)
        opened.callback(model.classifier.close)
        tell_start("the model is open")
        for note in model.notes:
            say(f"note: {note}")
        server = None
        if settings.web is not None:
            server = _start_page(settings.web, settings, model, board, say)
            ours.callback(server.close)
        source = open_source(settings.source, settings.source_options, stop=stop)
        opened.callback(source.close)
        tell_start("the source is open")
        if source.is_live and not stop.is_requested:
            _begin_live(source, settings, model, say)
            _watch_throttling(board, ours)
        sinks = open_sinks(settings, source, model, board, stop=stop, out=out, stack=ours)
        if server is not None:
            sinks.all.append(server.sink)
        notifier = _notifier(board, may_idle=settings.source_options.watch)
        loop = LoopThread(
            partial(_work, opened.pop_all(), settings, source, model, sinks, board, stop, notifier)
        )
        loop.start()
        try:
            summary = loop.wait(
                stop,
                hung_after_s=HUNG_AFTER_S if source.is_live else None,
                on_turn=sinks.pump,
                turn_s=sinks.turn_s,
            )
        except StalledError:
            ours.pop_all()
            raise
        if notifier is not None:
            notifier.stopping(summary.ended_by)
        finish_sinks(sinks.all, summary, within_s=_time_left(stop))
        summary = replace(summary, sinks=sink_counts(sinks.all))
    is_one_photo = not source.is_live and summary.captured == 1 and not source.frame_rate
    is_endless = source.is_live or settings.source_options.watch
    return FinishedRun(summary=summary, is_endless=is_endless, is_one_photo=is_one_photo)


def _open(settings: RunSettings) -> OpenModel:
    return open_model(
        settings.artifact,
        backend=settings.backend,
        threads=settings.threads,
        foreign=settings.foreign,
    )


def _start_page(
    web: "WebSettings", settings: RunSettings, model: OpenModel, board: StatusBoard, say: Say
) -> "WebServer":
    """Listen, before a camera is opened: an address that cannot be had ends a command, but not a service."""
    from edgecls_device.collecting.photo_store import PhotoStore
    from edgecls_device.web.settings import PageFacts

    facts = PageFacts(
        title=settings.artifact.name.partition(".")[0],
        labels=model.classifier.spec.output_labels,
        artifact=settings.artifact.name,
        backend=model.classifier.backend.name,
    )
    make = load("edgecls_device.web.server:WebServer", extra="web")
    collect = settings.outputs.collect
    region = None if settings.decisions is None else settings.decisions.roi
    server: WebServer = make(
        web,
        board,
        facts=facts,
        open_classifier=lambda: _open(settings).classifier,
        store=None if collect is None else PhotoStore(collect, region=region),
    )
    is_service = "NOTIFY_SOCKET" in os.environ or settings.source_options.wait_for_source
    server.start(keep_trying=is_service)
    say(f"live page: {server.url_with_token if settings.token_is_new else server.url}")
    return server


def _begin_live(source: Source, settings: RunSettings, model: OpenModel, say: Say) -> None:
    """Make sure that the model, which may be left alone for months, is as it was exported; say what is read."""
    from edgecls_device.service.probe import probe

    found = probe(model.classifier, name=settings.artifact.name)
    tell_start("the model is what was exported")
    if found.note:
        say(f"note: {found.note}")
    granted = f" ({source.description})" if source.description else ""
    say(f"reading {source.name}{granted}; Ctrl-C ends it")


def _watch_throttling(board: StatusBoard, stack: ExitStack) -> None:
    from edgecls_device.service.throttling import ThrottleWatch

    throttling = ThrottleWatch()
    throttling.start()
    stack.callback(throttling.close)
    board.add_reason(lambda: throttling.reason)


def _work(
    opened: ExitStack,
    settings: RunSettings,
    source: Source,
    model: OpenModel,
    sinks: OpenSinks,
    board: StatusBoard,
    stop: Stop,
    notifier: Notifier | None,
    beat: Callable[[], None],
) -> RunSummary:
    """The loop's thread: what it uses it closes itself, since a model must not be closed while it computes."""
    from edgecls_device.decisions.assembly import chooser_and_decider

    with opened:
        spec = model.classifier.spec
        chooser, decider = chooser_and_decider(settings.decisions, source, spec)
        return classify_source(
            source,
            model.classifier,
            sinks.all,
            stop=stop,
            limit=settings.limit,
            k=settings.top,
            chooser=chooser,
            decider=decider,
            board=board,
            on_round=_rounds(beat, notifier),
        )


def _notifier(board: StatusBoard, *, may_idle: bool) -> Notifier | None:
    """Return what tells systemd, if it listens."""
    notifications = Notifications.from_environment()
    return None if notifications is None else Notifier(notifications, board, may_idle=may_idle)


def _rounds(beat: Callable[[], None], notifier: Notifier | None) -> Callable[[], None]:
    """Return what is called after each round of the loop."""
    if notifier is None:
        return beat

    def on_round() -> None:
        beat()
        notifier.come_round()

    return on_round


def _time_left(stop: Stop) -> float:
    """Return how long the sinks may take, in seconds: who asked to stop waits five in all."""
    if not stop.is_requested:
        return FINISH_S
    spent_s = time.monotonic() - stop.requested_s
    return min(max(ALL_DONE_S - spent_s, LEAST_FINISH_S), FINISH_S)
