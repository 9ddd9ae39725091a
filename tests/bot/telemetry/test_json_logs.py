"""JSON logs: one object per line, masked, with the same id on every line of one question."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from bot.cli.main import main
from bot.cli.redaction import Mask, redacted_logs
from bot.demo.slack_server import Workspace
from bot.telemetry.requests import current_request, request_id, working_on
from rag.vectors.priority_thread import PriorityThread, Urgency
from tests.flows.team import ask, magpie, share, until
from tests.support.engine import FakeEngine
from tests.support.generator import FakeGenerator
from tests.support.slack_workspace import MANIFEST, workspace_fixture

ws = workspace_fixture(manifest=MANIFEST, ack_timeout=1.0)
log = logging.getLogger("magpie")


def parsed(lines: list[str]) -> list[dict[str, Any]]:
    assert not any("\n" in line or not line.isascii() for line in lines)
    return [json.loads(line) for line in lines]


def test_every_line_of_a_question_has_its_id(ws: Workspace, tmp_path: Path) -> None:
    ada = ws.person("ada")
    channel = ws.channel("harbor", members=[ada])
    lines: list[str] = []
    generator = FakeGenerator(text="The gateway listens on port 8443 [1].")
    with redacted_logs(lambda _: None, Mask()) as handler:
        handler.write_json(lines.append)
        with magpie(ws, tmp_path, generator=generator):
            share(ws, ada, channel)
            ws.faults.fail("chat.postMessage", status=503)  # it is delayed, and tried again
            first, _ = ask(ws, ada, channel, "which port does the gateway use?")
            second, _ = ask(ws, ada, channel, "who painted the ceiling of the cathedral?")
            until(lambda: sum("answered after" in line for line in lines) == 2)
    found = parsed(lines)
    for ts in (first, second):
        said = [line["message"] for line in found if line.get("request") == request_id(channel, ts)]
        assert said[0] == "A question was recorded."
        assert said[-1].startswith("A question was answered after")
    delayed = next(line for line in found if line["message"].startswith("Could not finish a question"))
    assert delayed["request"] in (request_id(channel, first), request_id(channel, second))
    assert delayed["level"] == "warning"
    assert {line["request"] for line in found if "question" in line["message"]} == {
        request_id(channel, ts) for ts in (first, second)
    }


def test_lines_are_masked_and_have_the_stack_of_an_error() -> None:
    lines: list[str] = []
    with redacted_logs(lambda _: None, Mask(("s3cret-word",))) as handler:
        handler.write_json(lines.append)
        try:
            raise RuntimeError("Nightjar.pdf")
        except RuntimeError:
            log.exception('An error with "quotes",\na new line\u2028 and s3cret-word.')
    [line] = parsed(lines)
    assert line["message"] == 'An error with "quotes",\na new line\u2028 and ….'
    assert line["level"] == "error"
    assert "RuntimeError" in line["error"]
    assert "test_json_logs.py" in line["error"]
    assert "Nightjar" not in lines[0]
    assert "request" not in line
    assert line["time"].endswith("+00:00")


@pytest.mark.parametrize("format", ["text", "json"])
def test_setting_chooses_the_format(
    format: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MAGPIE_LOG__FORMAT", format)
    assert main(["find", "port"], FakeEngine(breaks=RuntimeError("Nightjar.pdf")).opened) == 1
    printed = capsys.readouterr().err
    assert "Nightjar" not in printed
    if format == "json":
        [line] = parsed(printed.splitlines())
        assert line["message"].startswith("Unexpected error: RuntimeError.")
    else:
        assert printed.startswith("Unexpected error: RuntimeError.")


def test_id_is_of_the_question_and_reaches_the_thread_of_the_models() -> None:
    thread = PriorityThread("test")
    try:
        with working_on("C1", "1.5"):
            assert thread.run(Urgency.QUESTION, current_request) == current_request() == request_id("C1", "1.5")
            with working_on("C1", "2.5"):
                assert thread.run(Urgency.QUESTION, current_request) == request_id("C1", "2.5")
        assert thread.run(Urgency.QUESTION, current_request) == ""
        assert request_id("C1", "1.5") != request_id("C2", "1.5")
    finally:
        thread.close()
