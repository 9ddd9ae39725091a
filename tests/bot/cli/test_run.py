"""`magpie run` in its own process: clean stop on SIGTERM, one bot per data folder, token errors."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.demo.slack_server import Workspace
from tests.faults.slack_kills import running
from tests.flows.team import HANDBOOK, READ, pictures, receipts, replies, reply, said
from tests.support.slack_workspace import MANIFEST, workspace_fixture

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("MAGPIE_", "SLACK_"))}


ws = workspace_fixture(manifest=MANIFEST, ack_timeout=1.0)


def run(data: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot.cli.main", "--data", str(data), "run"],
        env=CLEAN | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def tokens(ws: Workspace, **overrides: str) -> dict[str, str]:
    valid = {"SLACK_BOT_TOKEN": ws.bot_token, "SLACK_APP_TOKEN": ws.app_token, "SLACK_API_URL": ws.api_url}
    return valid | overrides


def environments_of_children(pid: int) -> Iterator[bytes]:
    """Yield the environment of each running child of a process, from /proc."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                if environment := Path(f"/proc/{child}/environ").read_bytes():
                    yield environment


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_stops_cleanly_on_sigterm_and_the_next_bot_answers_the_question(ws: Workspace, tmp_path: Path) -> None:
    ada = ws.person("ada")
    channel = ws.channel("harbour", members=[ada])
    with running(ws, tmp_path) as process:
        receipts(ws, channel, ws.post(ada, channel, files=[("handbook.pdf", HANDBOOK)]), READ)
        environments = list(environments_of_children(process.pid))
        assert environments
        assert not [env for env in environments if ws.bot_token.encode() in env or ws.app_token.encode() in env]
        process.send_signal(signal.SIGTERM)
        question = ws.post(ada, channel, f"<@{ws.bot_user}> which port does the gateway use?")
        assert process.wait(15) == 0
    with running(ws, tmp_path):
        assert "8443" in said(reply(ws, channel, question))
        pictures(ws, channel, question)
        ws.wait(lambda: not ws.message(channel, question).reactions, 30)
        ws.settled()
        assert [bool(message.files) for message in replies(ws, channel, question)] == [False, True]


def test_second_bot_on_one_data_folder_is_refused(ws: Workspace, tmp_path: Path) -> None:
    with running(ws, tmp_path):
        ws.wait(lambda: ws.connections, 30, "the first bot")
        second = run(tmp_path, **tokens(ws))
    assert second.returncode == 1
    assert "runs on" in second.stderr
    assert "Traceback" not in second.stderr


def test_missing_and_refused_tokens_are_reported(ws: Workspace, tmp_path: Path) -> None:
    missing = run(tmp_path)
    assert missing.returncode == 2
    assert "SLACK_BOT_TOKEN is not set" in missing.stderr
    refused = run(tmp_path, **tokens(ws, SLACK_BOT_TOKEN="xoxb-refused"))
    assert refused.returncode == 1
    assert "invalid_auth" in refused.stderr
    assert "doctor" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "xoxb-refused" not in refused.stderr
