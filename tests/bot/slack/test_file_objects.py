"""What a file is in Slack, and whether it can be indexed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.slack.events import (
    READABLE,
    FileKind,
    FileLink,
    Forwarded,
    MessageLink,
    SlackFile,
    Unusable,
    reference_from_json,
    reference_to_json,
)
from bot.slack.file_objects import slack_file
from rag.ingest.fetch.paths import SUFFIXES
from tests.bot.slack.raw_events import STUB, raw_file

URL = "https://files.slack.com/files-pri/T1-F1/download/file"


def test_file_without_extension_is_recognized_by_its_type() -> None:
    assert slack_file(raw_file(name="Screenshot", filetype="png")).picture
    assert slack_file(raw_file(name="Screenshot", filetype="", mimetype="image/png")).picture
    assert not slack_file(raw_file(name="notes", filetype="gdoc")).readable
    assert not slack_file({"id": "F1", "mode": "hidden_by_limit"}).readable
    assert slack_file({"id": "F1"}).stub
    assert slack_file(STUB) == SlackFile("F9")
    assert not slack_file(STUB).readable


@pytest.mark.parametrize(
    ("file", "name"),
    [
        (raw_file(name="scan.pdf", title="Minutes 30.11.2026"), "Minutes 30.11.2026.pdf"),
        (raw_file(name="Report v1.2", filetype="pdf"), "Report v1.2.pdf"),
        (raw_file(name="Screenshot", filetype="", mimetype="image/png"), "Screenshot.png"),
        (raw_file(name="scan.PDF", title="Final.PDF"), "Final.PDF"),
        (raw_file(name="photo.jpeg", filetype="jpg"), "photo.jpeg"),
        (raw_file(name="report.pdf", title="Report"), "report.pdf"),
        (raw_file(name="main.rs", filetype="rust", mode="snippet"), "main.rs"),
        (raw_file(name="notes 1.2", filetype="text"), "notes 1.2"),
        (raw_file(name="old.zip"), "old.zip"),
    ],
)
def test_name_says_of_which_type_a_file_is(file: dict[str, Any], name: str) -> None:
    assert slack_file(file).name == name


@pytest.mark.parametrize(
    ("file", "readable"),
    [
        (raw_file(name="minutes.docx"), True),
        (raw_file(name="talk.PPTX"), True),
        (raw_file(name="notes.md", filetype="markdown"), True),
        (raw_file(name="gateway.log", filetype="text"), True),
        (raw_file(name="Untitled", filetype="text", mode="snippet"), True),
        (raw_file(name="gate.py", filetype="python", mode="snippet"), True),
        (raw_file(name="table.csv", filetype="csv", mode="snippet"), True),
        (raw_file(name="page.html", filetype="html", mode="snippet"), True),
        (raw_file(name="Untitled", filetype="html", mode="snippet"), True),
        (raw_file(name="table.xlsx"), True),
        (raw_file(name="mail.msg"), True),
        (raw_file(name="upload", filetype="", mimetype="application/vnd.ms-excel"), True),
        (raw_file(name="table.numbers"), False),
        (raw_file(name="film.mp4"), False),
        (raw_file(name="gate.py", filetype="python", mimetype="text/plain"), False),
        (raw_file(name="minutes.docx", is_external=True), False),
        (raw_file(name="minutes.docx", mode="external", is_external=True), False),
    ],
)
def test_text_and_office_files_are_readable(file: dict[str, Any], readable: bool) -> None:
    assert slack_file(file).readable is readable
    assert not slack_file(file).picture


@pytest.mark.parametrize(
    ("name", "filetype", "mimetype", "ending"),
    [
        ("upload", "binary", "application/octet-stream", ""),
        ("upload", "", "", ""),
        ("report.final", "binary", "application/octet-stream", ""),
        ("upload.bin", "binary", "", ""),
        ("upload", "", "application/pdf", "pdf"),
        ("upload", "binary", "application/pdf; charset=binary", "pdf"),
        ("upload.pdf", "binary", "application/octet-stream", "pdf"),
        ("upload", "pdf", "application/octet-stream", "pdf"),
        ("report.zip", "pdf", "", "pdf"),
        ("notes", "", "text/plain", "text"),
        ("notes.conf", "text", "text/plain", "text"),
    ],
)
def test_bytes_decide_if_nothing_else_tells_the_type(name: str, filetype: str, mimetype: str, ending: str) -> None:
    file = slack_file(raw_file(name=name, filetype=filetype, mimetype=mimetype))
    assert (file.readable, file.ending, file.kind) == (True, ending, FileKind.HOSTED)


@pytest.mark.parametrize(
    ("file", "kind", "reason"),
    [
        (raw_file(mode="external", is_external=True), FileKind.EXTERNAL, Unusable.EXTERNAL),
        (raw_file(name="Plan", mode="quip", filetype="quip"), FileKind.CANVAS, Unusable.CANVAS),
        (raw_file(name="Plan", filetype="canvas"), FileKind.CANVAS, Unusable.CANVAS),
        (raw_file(name="Plan", filetype="", mimetype="application/vnd.slack-docs"), FileKind.CANVAS, Unusable.CANVAS),
        (raw_file(name="Plan", mode="post", filetype="post"), FileKind.POST, Unusable.POST),
        (raw_file(name="Plan", mode="space", filetype="space"), FileKind.POST, Unusable.POST),
        (raw_file(name="Hello", mode="email", filetype="email"), FileKind.EMAIL, Unusable.EMAIL),
        (raw_file(name="Tasks", mode="list", filetype="list"), FileKind.LIST, Unusable.LIST),
        (raw_file(name="talk.mp3"), FileKind.AUDIO, Unusable.AUDIO),
        (raw_file(name="talk", filetype="", mimetype="audio/mp4"), FileKind.AUDIO, Unusable.AUDIO),
        (raw_file(name="talk.mp4", subtype="slack_audio", mimetype="video/mp4"), FileKind.AUDIO, Unusable.AUDIO),
        (raw_file(name="talk.webm", subtype="slack_video"), FileKind.VIDEO, Unusable.VIDEO),
        (raw_file(name="film.mov"), FileKind.VIDEO, Unusable.VIDEO),
        (raw_file(name="all.zip"), FileKind.HOSTED, Unusable.ARCHIVE),
        (raw_file(name="all.tar.gz", filetype="gzip", mimetype="application/gzip"), FileKind.HOSTED, Unusable.ARCHIVE),
        (raw_file(name="all.zip", filetype="binary", mimetype=""), FileKind.HOSTED, Unusable.ARCHIVE),
        (raw_file(name="table.numbers"), FileKind.HOSTED, Unusable.SPREADSHEET),
        (raw_file(name="page.webarchive"), FileKind.HOSTED, Unusable.WEB_PAGE),
        (raw_file(name="gate.py", filetype="python"), FileKind.HOSTED, Unusable.OTHER),
        (raw_file(file_access="access_denied"), FileKind.HOSTED, Unusable.NO_ACCESS),
        ({"id": "F1", "mode": "hidden_by_limit"}, FileKind.UNKNOWN, Unusable.HIDDEN),
        ({"id": "F1", "mode": "tombstone"}, FileKind.UNKNOWN, Unusable.DELETED),
        (raw_file(mode="something new"), FileKind.UNKNOWN, Unusable.OTHER),
    ],
)
def test_unusable_file_says_why(file: dict[str, Any], kind: FileKind, reason: Unusable) -> None:
    parsed = slack_file(file)
    assert (parsed.kind, parsed.unusable, parsed.readable, parsed.picture) == (kind, reason, False, False)


@pytest.mark.parametrize(
    "file",
    [
        raw_file(name="Plan", mode="quip", filetype="quip", url_private=URL),
        raw_file(name="Plan", mode="space", filetype="space", url_private_download=URL),
        raw_file(name="Hello", mode="email", filetype="email", plain_text="The crane is 40 m high."),
        raw_file(name="talk.mp4", subtype="slack_audio", transcription={"status": "complete"}, vtt=URL),
    ],
)
def test_file_whose_text_slack_gives_is_readable(file: dict[str, Any]) -> None:
    parsed = slack_file(file)
    assert (parsed.readable, parsed.ending) == (True, "text")
    assert not slack_file(file | {"file_access": "access_denied"}).readable


def test_slack_and_folders_support_the_same_file_types() -> None:
    assert {ending.removeprefix(".") for ending in SUFFIXES} == READABLE


@pytest.mark.parametrize(
    "reference",
    [
        Forwarded("C9", "4.1", "U3", "Which color?", (slack_file(raw_file()), SlackFile("F9"))),
        Forwarded("C9", "4.1", "U3", "", (slack_file(raw_file(name="all.zip")),)),
        FileLink("F1", "inv.pdf"),
        MessageLink("C1", "5.1", "4.0"),
    ],
)
def test_reference_survives_json(reference: Forwarded | FileLink | MessageLink) -> None:
    assert reference_from_json(json.loads(json.dumps(reference_to_json(reference)))) == reference
