"""Traces of questions, with the extra `otel`; off unless a variable of OpenTelemetry names a collector.

The trace of a question has a span `question`, from its message to the end, with a span for each attempt to post and to
answer it, and below these one for each stage. All ids come from the id of the question, so attempts after a restart are
in the same trace. No attribute has text of people or files, or an id of Slack.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

log = logging.getLogger("magpie")

_INSTALL = "Install the extra `otel` (docs/operations.md), or unset OTEL_EXPORTER_OTLP_ENDPOINT."


class Tracing(Protocol):
    """Records spans. Thread-safe."""

    def step(self, name: str) -> AbstractContextManager[object]:
        """Return a context for one attempt at the question that this thread works on."""
        ...

    def stage(self, name: str) -> AbstractContextManager[object]:
        """Return a context for a stage of the current attempt; without one, it has no effect."""
        ...

    def question_ended(self, asked_at: float, ended_at: float, outcome: str) -> None:
        """Record the question that this thread works on. Times are seconds since 1970."""
        ...

    def close(self) -> None: ...


class NoTracing:
    """Implements Tracing without any effect."""

    def step(self, _name: str) -> AbstractContextManager[object]:
        return nullcontext()

    def stage(self, _name: str) -> AbstractContextManager[object]:
        return nullcontext()

    def question_ended(self, _asked_at: float, _ended_at: float, _outcome: str) -> None: ...

    def close(self) -> None: ...


def open_tracing(environment: Mapping[str, str]) -> Tracing:
    """Return what the variables of OpenTelemetry ask for. Log a warning if it cannot be had."""

    def setting(name: str) -> str:
        return environment.get(f"OTEL_EXPORTER_OTLP_TRACES_{name}") or environment.get(f"OTEL_EXPORTER_OTLP_{name}", "")

    is_off = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if is_off or not setting("ENDPOINT") or environment.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp":
        return NoTracing()
    if setting("PROTOCOL") not in ("", "grpc"):
        log.warning(
            "Traces are off: only OTEL_EXPORTER_OTLP_PROTOCOL=grpc is supported. Collectors accept it on port 4317."
        )
        return NoTracing()
    try:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        from bot.telemetry.traces import Traces
    except ImportError:
        log.warning("Traces are off: OpenTelemetry is not installed. %s", _INSTALL)
        return NoTracing()
    return Traces(OTLPSpanExporter())
