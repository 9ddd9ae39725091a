"""Traces: one for each question, with its stages, without words or names; and nothing unless it is asked for."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from bot.demo.slack_server import Workspace
from bot.telemetry.requests import request_id, working_on
from bot.telemetry.telemetry import Telemetry
from bot.telemetry.traces import Traces
from bot.telemetry.tracing import NoTracing, open_tracing
from tests.flows.team import ask, magpie, share, until
from tests.support.generator import FakeGenerator
from tests.support.slack_workspace import MANIFEST, workspace_fixture

ws = workspace_fixture(manifest=MANIFEST, ack_timeout=1.0)


def test_question_has_one_trace_with_its_stages(ws: Workspace, tmp_path: Path) -> None:
    ada = ws.person("ada")
    channel = ws.channel("harbor", members=[ada])
    exporter = InMemorySpanExporter()
    telemetry = Telemetry(Traces(exporter))
    generator = FakeGenerator(text="The gateway listens on port 8443 [1].")
    with magpie(ws, tmp_path, generator=generator, telemetry=telemetry):
        share(ws, ada, channel)
        ws.faults.fail("chat.postMessage", status=503)  # it is delayed, and tried again
        ts, _ = ask(ws, ada, channel, "which port does the gateway use?")
        until(lambda: b'magpie_questions_total{outcome="answered"} 1.0' in page(telemetry))
    spans = exporter.get_finished_spans()  # the bot sends the last ones when it ends
    named = {span.name: span for span in spans}
    assert {"question", "placeholder", "answer", "search", "write", "check", "turn"} <= named.keys()
    root = named["question"]
    assert root.parent is None
    assert f"{root.context.span_id:016x}" == request_id(channel, ts)
    assert {span.context.trace_id for span in spans} == {root.context.trace_id}
    parents = {span.context.span_id: span.name for span in spans}
    for name, parent in (
        ("placeholder", "question"),
        ("answer", "question"),
        ("search", "answer"),
        ("write", "answer"),
    ):
        assert named[name].parent is not None
        assert parents[named[name].parent.span_id] == parent  # type: ignore[union-attr]
    assert root.attributes == {"magpie.request": request_id(channel, ts), "magpie.outcome": "answered"}
    assert root.start_time == int(float(ts) * 1e9)
    failed = [span for span in spans if span.status.status_code is StatusCode.ERROR]
    assert root.resource.attributes["service.name"] == "magpie"
    text = "".join(span.to_json() for span in spans)
    for secret in (ada, channel, ts, ws.team_id, "gateway", "8443", "handbook", "harbor"):
        assert secret not in text, secret
    assert all(span.status.description is None for span in failed)


def page(telemetry: Telemetry) -> bytes:
    from tests.bot.telemetry.test_metrics import NOTHING

    return telemetry.metrics.text(NOTHING)


def test_error_is_recorded_by_its_type_only() -> None:
    exporter = InMemorySpanExporter()
    telemetry = Telemetry(Traces(exporter))
    with pytest.raises(ValueError, match="Nightjar"), telemetry.step("answer", "C1", "1.5"), telemetry.stage("search"):
        raise ValueError("Nightjar.pdf")
    telemetry.close()
    spans = exporter.get_finished_spans()
    assert [span.name for span in spans] == ["search", "answer"]
    assert all(span.status.status_code is StatusCode.ERROR for span in spans)
    assert all((span.attributes or {})["error.type"] == "ValueError" for span in spans)
    assert not any(span.events for span in spans)
    assert "Nightjar" not in "".join(span.to_json() for span in spans)


def test_stages_outside_of_a_question_have_no_spans() -> None:
    exporter = InMemorySpanExporter()
    telemetry = Telemetry(Traces(exporter))
    with telemetry.stage("search"):
        pass
    telemetry.question_ended(1.0, "failed")
    telemetry.close()
    assert exporter.get_finished_spans() == ()


@pytest.mark.parametrize(("sampler", "count"), [("always_off", 0), ("parentbased_always_off", 0), ("always_on", 3)])
def test_question_is_sampled_as_a_whole(monkeypatch: pytest.MonkeyPatch, sampler: str, count: int) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    exporter = InMemorySpanExporter()
    telemetry = Telemetry(Traces(exporter))
    with telemetry.step("answer", "C1", "1.5"):
        with telemetry.stage("search"):
            pass
        telemetry.question_ended(1.0, "answered")
    telemetry.close()
    assert len(exporter.get_finished_spans()) == count


ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317"}


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_SERVICE_NAME": "magpie"},
        ENDPOINT | {"OTEL_SDK_DISABLED": "true"},
        ENDPOINT | {"OTEL_TRACES_EXPORTER": "none"},
        ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"},
    ],
)
def test_nothing_is_traced_unless_it_is_asked_for(
    environment: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert isinstance(open_tracing(environment), NoTracing)
    assert bool(caplog.records) is ("OTEL_EXPORTER_OTLP_PROTOCOL" in environment)


WITHOUT_PACKAGE = """
import logging, sys
logging.basicConfig(level=logging.INFO, stream=sys.stdout)
sys.modules["opentelemetry"] = None
from bot.telemetry.tracing import NoTracing, open_tracing
assert isinstance(open_tracing({}), NoTracing)
assert isinstance(open_tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317"}), NoTracing)
"""


def test_without_the_package_a_warning_names_the_remedy() -> None:
    ran = subprocess.run([sys.executable, "-c", WITHOUT_PACKAGE], capture_output=True, text=True, check=True)
    assert ran.stdout.count("OpenTelemetry is not installed") == 1
    assert "the extra `otel`" in ran.stdout


NOT_IMPORTED = """
import sys
import bot.main
from bot.telemetry.telemetry import Telemetry
Telemetry()
assert not any(name.startswith("opentelemetry.sdk") for name in sys.modules)
"""


def test_opentelemetry_is_not_imported_unless_it_is_asked_for() -> None:
    subprocess.run([sys.executable, "-c", NOT_IMPORTED], check=True)


@contextmanager
def collector() -> Iterator[tuple[str, list[Any]]]:
    """Run a collector. Yield its address, and the requests that it receives."""
    import grpc
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as messages
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as services

    received: list[Any] = []

    class Service(services.TraceServiceServicer):
        def Export(self, request: Any, context: Any) -> Any:
            received.append(request)
            return messages.ExportTraceServiceResponse()

    server = grpc.server(ThreadPoolExecutor(1))
    services.add_TraceServiceServicer_to_server(Service(), server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"http://127.0.0.1:{port}", received
    finally:
        server.stop(0).wait()


def test_spans_reach_a_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    with collector() as (address, received):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        monkeypatch.setenv("OTEL_SERVICE_NAME", "team-bot")
        telemetry = Telemetry(open_tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": address}))
        with telemetry.step("answer", "C1", "1.5"), telemetry.stage("search"):
            pass
        with working_on("C1", "1.5"):
            telemetry.question_ended(1.0, "answered")
        telemetry.close()
    assert sorted(span_names(received)) == ["answer", "question", "search"]
    resource = {one.key: one.value.string_value for one in received[0].resource_spans[0].resource.attributes}
    assert resource["service.name"] == "team-bot"


def span_names(requests: Sequence[Any]) -> list[str]:
    return [
        span.name
        for request in requests
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
