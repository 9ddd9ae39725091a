"""`magpie doctor`: its output and exit code."""

from __future__ import annotations

import json

import pytest

from rag import Check
from tests.bot.conftest import Run
from tests.support.engine import FakeEngine


@pytest.mark.parametrize(("status", "code"), [("ok", 0), ("warn", 0), ("fail", 1)])
def test_doctor_fails_if_a_check_fails(run: Run, status: str, code: int) -> None:
    engine = FakeEngine(
        checks=[Check("catalog", "ok", "fine"), Check("weights", status, "missing", "magpie models pull")]
    )
    got, out, _ = run(engine, "doctor", "--json")
    assert got == code
    result = json.loads(out)
    assert result["ok"] == (code == 0)
    assert result["checks"] == [
        {"name": "catalog", "status": "ok", "detail": "fine", "fix": ""},
        {"name": "weights", "status": status, "detail": "missing", "fix": "magpie models pull"},
        {
            "name": "slack",
            "status": "warn",
            "detail": "SLACK_BOT_TOKEN is not set.",
            "fix": "Run magpie setup, or set it; docs/connect-slack.md shows where to find it in Slack.",
        },
    ]
    got, out, _ = run(engine, "doctor")
    assert got == code
    assert "magpie models pull" in out
