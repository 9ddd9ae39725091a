"""`magpie setup` in a pseudo-terminal, against a local Slack and a local model server; `magpie config` afterwards."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from bot.demo.slack_server import Workspace
from tests.support.ollama_server import closed_address
from tests.support.openai_server import ServedModel, openai_server
from tests.support.terminal import Terminal, open_terminal

MAGPIE = [sys.executable, "-m", "bot.cli.main"]


def terminal(data: Path, ws: Workspace, *command: str) -> AbstractContextManager[Terminal]:
    return open_terminal([*MAGPIE, "--data", str(data), *command], SLACK_API_URL=ws.api_url)


def test_setup_checks_each_answer_and_writes_a_private_file(ws: Workspace, tmp_path: Path) -> None:
    data = tmp_path / "data"
    model = ServedModel("sees:4b", vision=True)
    with openai_server(model, flavor="llama.cpp") as models, terminal(data, ws, "setup") as setup:
        setup.answer("Bot User OAuth Token (xoxb-…)", ws.app_token)
        setup.answer("Bot User OAuth Token (xoxb-…)", "xoxb-wrong")
        setup.answer("Bot User OAuth Token (xoxb-…)", ws.bot_token)
        setup.answer("App-level token (xapp-…)", ws.app_token)
        setup.answer("Model server", "openai")
        setup.answer("Its address", models.url)
        setup.answer("Name of the model", "absent:1b")
        setup.answer("Save it anyway?", "")
        setup.answer("Model server", "")
        setup.answer("Its address", "")
        setup.answer("Name of the model", "sees:4b")
        shown = setup.finish()
    assert "does not start with xoxb-" in shown
    assert "it has: sees:4b" in shown
    assert "sees:4b sees pictures, with a context of 8,192 tokens." in shown
    assert "!" not in shown.partition("What is next")[2], "nothing is missing"
    assert ws.bot_token not in shown
    assert ws.app_token not in shown
    written = data / "magpie.toml"
    assert written.stat().st_mode & 0o777 == 0o600
    assert tomllib.loads(written.read_text()) == {
        "slack": {"bot_token": ws.bot_token, "app_token": ws.app_token},
        "answer": {"api": "openai", "host": models.url, "model": "sees:4b"},
    }
    with terminal(data, ws, "config") as config:
        shown = config.finish()
    assert "answer.model = sees:4b" in shown
    assert "slack.bot_token = (set)" in shown
    assert "environment: SLACK_API_URL" in shown
    assert ws.bot_token not in shown


def test_setup_keeps_what_is_there_and_says_what_is_missing(ws: Workspace, tmp_path: Path) -> None:
    before = "# ours\n[answer]\nnum_ctx = 4096 # short\n\n[search]\ndepth = 50\n"
    (tmp_path / "magpie.toml").write_text(before)
    with terminal(tmp_path, ws, "setup") as setup:
        setup.answer("Bot User OAuth Token", "")
        setup.answer("App-level token", "")
        setup.answer("Model server", "ollama")
        setup.answer("Its address", closed_address())
        setup.answer("Name of the model", "")
        setup.answer("Save it anyway?", "y")
        shown = setup.finish()
    missing = shown.partition("What is next")[2]
    assert "SLACK_BOT_TOKEN" in missing
    assert "SLACK_APP_TOKEN" in missing
    assert "could not be used yet" in missing
    written = (tmp_path / "magpie.toml").read_text()
    assert written.startswith("# ours\n[answer]\nnum_ctx = 4096 # short\n")
    assert tomllib.loads(written)["search"] == {"depth": 50}
    assert tomllib.loads(written)["answer"]["model"] == "qwen3-vl:4b-instruct"


def test_setup_without_a_terminal_says_what_to_do(tmp_path: Path) -> None:
    done = subprocess.run(
        [*MAGPIE, "--data", str(tmp_path), "setup"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "needs a terminal" in done.stderr
    assert "magpie.toml" in "".join(done.stderr.split())


@pytest.mark.parametrize("command", ["config", "status"])
def test_mistake_in_the_file_stops_every_command_and_names_it(tmp_path: Path, command: str) -> None:
    (tmp_path / "magpie.toml").write_text("[answer]\nmodle = 'x'\n")
    done = subprocess.run([*MAGPIE, "--data", str(tmp_path), command], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "Did you mean answer.model?" in " ".join(done.stderr.split())
