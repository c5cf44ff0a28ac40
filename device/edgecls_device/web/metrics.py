"""``GET /metrics``: the run in the text format of Prometheus.

Names and units follow its conventions (seconds, ``_total``). Labels of the model and names of sinks are label
values, which the library escapes.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

from aiohttp import web
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from edgecls_device.health import LiveStatus, State
from edgecls_device.results import SinkCounts
from edgecls_device.web.settings import PageFacts
from edgecls_device.web.showing import ViewerCounts

__all__ = ["Metrics", "WebCounts"]


@dataclass(frozen=True, kw_only=True, slots=True)
class WebCounts:
    """How the web server is.

    Attributes:
        viewers: Open pages and what they got.
        connections: Connections open now.
        closed: Connections that were ended, by reason.
        answers: Answers by status code.
        mistakes: Faults of the server itself.
    """

    viewers: ViewerCounts
    connections: int
    closed: Mapping[str, int]
    answers: Mapping[int, int]
    mistakes: int


class Metrics(Collector):
    """Works the metrics out when asked. It has a registry of its own, so that two servers do not meet."""

    def __init__(
        self,
        *,
        status: Callable[[], LiveStatus],
        counts: Callable[[], WebCounts],
        facts: PageFacts,
    ) -> None:
        self._status, self._counts, self._facts = status, counts, facts
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Give the metrics."""
        del request
        body = generate_latest(self._registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    def describe(self) -> Iterator[Metric]:
        """Nothing is worked out before somebody asks."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Give all metrics of this moment."""
        status = self._status()
        yield from self._model()
        yield from _frames(status)
        yield from _times(status)
        yield from _states(status)
        yield from _decision(status)
        yield from _sinks(status.sinks)
        yield from _web(self._counts())

    def _model(self) -> Iterator[Metric]:
        facts = self._facts
        family = GaugeMetricFamily(
            "edgecls_model_info", "The model, always 1.", labels=("title", "artifact", "backend")
        )
        family.add_metric((facts.title, facts.artifact, facts.backend), 1)
        yield family


def _frames(status: LiveStatus) -> Iterator[Metric]:
    yield _counter("edgecls_frames_captured", "Frames captured.", status.captured)
    yield _counter("edgecls_results", "Frames with a result.", status.results)
    yield _counter("edgecls_results_still", "Results without inference.", status.still)
    yield _counter("edgecls_events", "Labels that came.", status.events)
    text = "Frames without a result."
    yield _counters("edgecls_frames_dropped", text, "reason", status.dropped)
    text = "How often the source was opened again."
    yield _counter("edgecls_source_reconnects", text, status.source_status.reconnects)


def _times(status: LiveStatus) -> Iterator[Metric]:
    yield _gauge("edgecls_uptime_seconds", "Since the start of the run.", status.uptime_s)
    text = "Results a second over the last 30."
    yield _gauge("edgecls_results_per_second", text, status.frames_per_second)
    ages = {"0.5": status.age_p50_ms / 1000, "0.99": status.age_p99_ms / 1000}
    text = "From capture to decision, of the last 10,000 results."
    yield _gauges("edgecls_frame_age_seconds", text, "quantile", ages)
    spent = {"0.5": status.classify_p50_ms / 1000}
    text = "Preprocessing and inference, of the last 10,000 results."
    yield _gauges("edgecls_classify_seconds", text, "quantile", spent)
    if status.last_result_s is not None:
        text = "Time since the last result."
        yield _gauge("edgecls_last_result_age_seconds", text, status.last_result_s)


def _states(status: LiveStatus) -> Iterator[Metric]:
    states = {state: float(state == status.state) for state in get_args(State)}
    yield _gauges("edgecls_state", "1 for the state it is in.", "state", states)
    yield _gauge("edgecls_live", "Whether the program works.", status.is_live)
    yield _gauge("edgecls_ready", "Whether results leave the pipeline.", status.is_ready)
    is_stale = status.source_status.is_stale
    yield _gauge("edgecls_source_stale", "Whether the picture never changes.", is_stale)
    is_lost = status.source_status.state == "lost"
    yield _gauge("edgecls_source_lost", "Whether the source is opened again and again.", is_lost)


def _decision(status: LiveStatus) -> Iterator[Metric]:
    decision = status.decision
    scores = {} if decision is None else {decision.label: decision.score}
    text = "Score of what is believed now; absent while nothing is known."
    yield _gauges("edgecls_decision_score", text, "label", scores)


def _sinks(sinks: tuple[SinkCounts, ...]) -> Iterator[Metric]:
    texts = {
        "given": "Results and events given to a sink.",
        "written": "Taken over by the sink.",
        "dropped": "Left out since the sink was too slow.",
        "failed": "Refused by the sink.",
    }
    for name, text in texts.items():
        values = {counts.name: float(getattr(counts, name)) for counts in sinks}
        yield _counters(f"edgecls_sink_{name}", text, "sink", values)
    waiting = {counts.name: float(counts.waiting) for counts in sinks}
    yield _gauges("edgecls_sink_waiting", "Not yet looked at by the sink.", "sink", waiting)
    failing = {counts.name: float(counts.is_failing) for counts in sinks}
    yield _gauges("edgecls_sink_failing", "Whether the newest attempt failed.", "sink", failing)


def _web(counts: WebCounts) -> Iterator[Metric]:
    viewers = counts.viewers
    yield _gauge("edgecls_web_viewers", "Open pages.", viewers.viewers)
    text = "Viewers let go since they did not read."
    yield _counter("edgecls_web_viewers_evicted", text, viewers.evicted)
    yield _counter("edgecls_web_pictures_sent", "Pictures sent to viewers.", viewers.sent)
    text = "Pictures that a viewer missed."
    yield _counter("edgecls_web_pictures_dropped", text, viewers.dropped)
    yield _gauge("edgecls_web_connections", "Connections open.", counts.connections)
    text = "Connections ended by the server."
    yield _counters("edgecls_web_connections_ended", text, "reason", counts.closed)
    answers = {str(code): float(count) for code, count in counts.answers.items()}
    yield _counters("edgecls_web_answers", "Answers by status code.", "code", answers)
    yield _counter("edgecls_web_mistakes", "Faults of the web server itself.", counts.mistakes)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value=value)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))


def _counters(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = CounterMetricFamily(name, text, labels=(label,))
    for key, value in values.items():
        family.add_metric((key,), value)
    return family


def _gauges(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=(label,))
    for key, value in values.items():
        family.add_metric((key,), value)
    return family
