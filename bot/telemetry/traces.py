"""Traces with OpenTelemetry's SDK. Imported only if they are on: see `tracing`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import blake2b

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import StatusCode

from bot.telemetry.requests import current_request

_FLUSH_MS = 3000
"""Milliseconds in which the last spans are sent when the bot ends."""


class Traces:
    """Implements Tracing with the SDK. Spans are exported in batches, in a thread of its own."""

    def __init__(self, exporter: SpanExporter) -> None:
        given = Resource.create()  # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES
        is_named = not str(given.attributes.get(SERVICE_NAME, "")).startswith("unknown_service")
        resource = given if is_named else given.merge(Resource({SERVICE_NAME: "magpie"}))
        self._ids = _QuestionIds()
        self._provider = TracerProvider(resource=resource, id_generator=self._ids, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("magpie")

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        if not current_request():
            yield
            return
        with self._span(name, self._parent(current_request())):
            yield

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        if not trace.get_current_span().get_span_context().is_valid:
            yield
            return
        with self._span(name, None):
            yield

    def question_ended(self, asked_at: float, ended_at: float, outcome: str) -> None:
        request = current_request()
        if not request:
            return
        with self._ids.forced(_trace_id(request), _span_id(request)):
            span = self._tracer.start_span("question", Context(), start_time=_nanoseconds(asked_at))
        span.set_attribute("magpie.request", request)
        span.set_attribute("magpie.outcome", outcome)
        span.end(_nanoseconds(max(asked_at, ended_at)))

    def close(self) -> None:
        self._provider.force_flush(_FLUSH_MS)
        self._provider.shutdown()

    @contextmanager
    def _span(self, name: str, parent: Context | None) -> Iterator[None]:
        """Record a span. Of an error, only the type: its message may quote a file."""
        with self._tracer.start_as_current_span(
            name, parent, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except BaseException as error:
                span.set_status(StatusCode.ERROR)
                span.set_attribute("error.type", type(error).__name__)
                raise

    def _parent(self, request: str) -> Context:
        """Return the span of a question, which is recorded when it ends, as the parent of another one."""
        decision = self._provider.sampler.should_sample(Context(), _trace_id(request), "question").decision
        is_sampled = decision is Decision.RECORD_AND_SAMPLE
        flags = trace.TraceFlags(trace.TraceFlags.SAMPLED if is_sampled else trace.TraceFlags.DEFAULT)
        parent = trace.SpanContext(_trace_id(request), _span_id(request), is_remote=True, trace_flags=flags)
        return trace.set_span_in_context(trace.NonRecordingSpan(parent), Context())


class _QuestionIds(RandomIdGenerator):
    """Generates ids at random, except for the spans of questions."""

    def __init__(self) -> None:
        super().__init__()
        self._forced: ContextVar[tuple[int, int] | None] = ContextVar("forced", default=None)

    @contextmanager
    def forced(self, trace_id: int, span_id: int) -> Iterator[None]:
        token = self._forced.set((trace_id, span_id))
        try:
            yield
        finally:
            self._forced.reset(token)

    def generate_trace_id(self) -> int:
        forced = self._forced.get()
        return super().generate_trace_id() if forced is None else forced[0]

    def generate_span_id(self) -> int:
        forced = self._forced.get()
        return super().generate_span_id() if forced is None else forced[1]


def _trace_id(request: str) -> int:
    return int.from_bytes(blake2b(request.encode(), digest_size=16).digest())


def _span_id(request: str) -> int:
    return int(request, 16)


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)
