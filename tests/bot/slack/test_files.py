"""What is downloaded of files in Slack."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from bot.demo.slack_server import Workspace
from bot.slack.client import SlackClient
from bot.slack.files import SlackFiles
from rag import NotFound, OperatorMustAct
from tests.flows.team import slack_settings
from tests.support.slack_workspace import MANIFEST, workspace_fixture

ws = workspace_fixture(manifest=MANIFEST)

PAGE = "<h1>Crane</h1><p>It is <b>40 m</b> high.</p>"
LONG = "The crane is 40 m high. " * 10


@pytest.fixture
def channel(ws: Workspace) -> str:
    return ws.channel("papers", [ws.person("ada")])


@pytest.fixture
def files(ws: Workspace) -> SlackFiles:
    settings = slack_settings(ws)
    return SlackFiles(SlackClient(settings), settings, ws.bot_user, 1)


def fetched(files: SlackFiles, file: str, folder: Path) -> str:
    files(file, folder / "file")
    return (folder / "file").read_text("utf-8")


def test_canvas_post_and_email_are_fetched_as_text(
    ws: Workspace, files: SlackFiles, channel: str, tmp_path: Path
) -> None:
    canvas = ws.special.canvas("ada", channel, "Harbor", PAGE)
    assert fetched(files, canvas, tmp_path) == "# Harbor\n\n# Crane\n\nIt is 40 m high."
    post = ws.special.post("ada", channel, "Notes", "one < two\nthree")
    assert fetched(files, post, tmp_path) == "# Notes\n\none < two\n\nthree"
    email = ws.special.email("ada", channel, "Invoice 17", "Total due: 310 euro")
    assert fetched(files, email, tmp_path) == "Subject: Invoice 17\nFrom: carol@example.com\n\nTotal due: 310 euro"


@pytest.mark.parametrize("kind", ["audio", "video"])
@pytest.mark.parametrize("transcript", ["The port is 8443.", LONG])
def test_clip_is_fetched_as_its_transcript(
    ws: Workspace, files: SlackFiles, channel: str, tmp_path: Path, kind: Literal["audio", "video"], transcript: str
) -> None:
    clip = ws.special.recording("ada", channel, "clip", b"\0sound", kind=kind, transcript=transcript)
    assert fetched(files, clip, tmp_path) == transcript.strip()


def test_clip_without_a_transcript_is_not_fetched(
    ws: Workspace, files: SlackFiles, channel: str, tmp_path: Path
) -> None:
    clip = ws.special.recording("ada", channel, "clip.m4a", b"\0sound", transcript=None)
    with pytest.raises(NotFound):
        files(clip, tmp_path / "file")
    ws.special.transcribe(clip, "The port is 8443.")
    assert fetched(files, clip, tmp_path) == "The port is 8443."


def test_login_page_is_not_taken_for_a_canvas(ws: Workspace, files: SlackFiles, channel: str, tmp_path: Path) -> None:
    canvas = ws.special.canvas("ada", channel, "Harbor", PAGE)
    ws.faults.html_login()
    with pytest.raises(OperatorMustAct):
        files(canvas, tmp_path / "file")


def test_file_without_any_type_is_fetched(ws: Workspace, files: SlackFiles, channel: str, tmp_path: Path) -> None:
    odd = {"filetype": "binary", "mimetype": "application/octet-stream"}
    file = ws.special.upload("ada", channel, "upload", b"%PDF-1.7", odd)
    assert fetched(files, file, tmp_path) == "%PDF-1.7"
