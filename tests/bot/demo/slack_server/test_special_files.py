"""Files of other kinds than uploads, their edits, and the shares that Slack names."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk import WebClient

from bot.demo.slack_server import Workspace
from tests.bot.demo.slack_server.conftest import fetch


@pytest.fixture
def channel(ws: Workspace) -> str:
    return ws.channel("papers", [ws.person("ada")])


def info(client: WebClient, file: str) -> dict[str, Any]:
    found: dict[str, Any] = client.files_info(file=file)["file"]
    return found


def test_external_file_lies_elsewhere(ws: Workspace, client: WebClient, channel: str) -> None:
    url = "https://docs.google.com/document/d/1abc"
    file = info(client, ws.special.external("ada", channel, "Plan", url, text="our plan"))
    assert (file["mode"], file["is_external"], file["external_type"]) == ("external", True, "gdrive")
    assert (file["url_private"], file["filetype"], file["size"]) == (url, "gdoc", 0)
    assert "url_private_download" not in file
    assert ws.messages(channel)[0].text == "our plan"
    box = info(client, ws.special.external("ada", channel, "b", "https://dropbox.example/b", external_type="dropbox"))
    assert (box["external_type"], box["mimetype"]) == ("dropbox", "application/pdf")


def test_canvas_is_downloaded_as_html(ws: Workspace, client: WebClient, channel: str) -> None:
    file = info(client, ws.special.canvas("ada", channel, "Our Plan", "<h1>Plan</h1>"))
    assert (file["filetype"], file["mode"], file["mimetype"]) == ("quip", "quip", "application/vnd.slack-docs")
    assert file["permalink"] == f"https://magpie.slack.com/docs/{ws.team_id}/{file['id']}"
    page = fetch(file["url_private_download"], ws.bot_token)
    assert (page.text, page.headers["content-type"]) == ("<h1>Plan</h1>", "text/html; charset=utf-8")
    assert info(client, ws.special.canvas("ada", channel, "x", "", mode="canvas"))["mode"] == "canvas"


def test_post_email_and_list_have_their_own_kinds(ws: Workspace, client: WebClient, channel: str) -> None:
    post = info(client, ws.special.post("ada", channel, "Notes", "one < two"))
    assert (post["filetype"], post["mode"], post["preview"]) == ("space", "space", "one < two")
    assert fetch(post["url_private_download"], ws.bot_token).json()["full"] == "<p>one &lt; two</p>"
    mail = info(client, ws.special.email("ada", channel, "Invoice 17", "Total due: 310 euro"))
    assert (mail["filetype"], mail["subject"], mail["plain_text"]) == ("email", "Invoice 17", "Total due: 310 euro")
    assert mail["from"][0]["address"] == "carol@example.com"
    table = info(client, ws.special.list("ada", channel, "Tasks", [["Task", "Owner"], ["Paint", "Ben"]]))
    assert (table["mode"], table["list_metadata"]["schema"][1]["name"]) == ("list", "Owner")


def test_recording_is_transcribed_later(ws: Workspace, client: WebClient, channel: str) -> None:
    file = ws.special.recording("ada", channel, "clip.m4a", b"\0sound", transcript=None)
    before = info(client, file)
    assert (before["media_display_type"], before["transcription"]) == ("audio", {"status": "processing"})
    assert "vtt" not in before
    ws.special.transcribe(file, "The port is 8443.")
    after = info(client, file)
    assert after["transcription"]["preview"] == {"content": "The port is 8443.", "has_more": False}
    assert "The port is 8443." in fetch(after["vtt"], ws.bot_token).text
    assert fetch(after["url_private_download"], ws.bot_token).content == b"\0sound"
    assert len(ws.envelopes("file_change")) == 1
    assert fetch(after["vtt"], "xoxb-wrong").status_code == 302
    video = info(client, ws.special.recording("ada", channel, "clip.mp4", b"", kind="video", transcript="Hello"))
    assert (video["mimetype"], video["transcription"]["status"]) == ("video/mp4", "complete")


def test_snippet_changes_without_changing_its_size(ws: Workspace, client: WebClient, channel: str) -> None:
    file = ws.special.snippet("ada", channel, "ports.py", "PORT = 8443\n", filetype="python")
    before = info(client, file)
    assert (before["mode"], before["filetype"], before["editable"]) == ("snippet", "python", True)
    assert (before["preview"], before["lines"]) == ("PORT = 8443", 1)
    ws.edit_file(file, b"PORT = 9443\n")
    after = info(client, file)
    assert (after["size"], after["timestamp"]) == (before["size"], before["timestamp"])
    assert (after["preview"], fetch(after["url_private_download"], ws.bot_token).text) == (
        "PORT = 9443",
        "PORT = 9443\n",
    )
    ws.rename_file(file, "doors.py")
    first, second = (each.payload["event"] for each in ws.envelopes("file_change"))
    assert first.keys() == second.keys() == {"type", "file_id", "file", "event_ts"}
    assert info(client, file)["name"] == "doors.py"


def test_fresh_special_file_has_no_details(ws: Workspace, client: WebClient, channel: str) -> None:
    ws.pace.fresh_for = 60
    file = info(client, ws.special.recording("ada", channel, "clip.m4a", b"x", transcript="Hello"))
    assert (file["mimetype"], file["url_private_download"], "transcription" in file) == ("", "", False)


def test_shares_name_every_message(ws: Workspace, client: WebClient, channel: str) -> None:
    root = ws.post("ada", channel, "", files=[("a.pdf", b"%PDF")])
    file = ws.message(channel, root).files[0]
    again = ws.share("ada", file, channel, "again", thread_ts=root)
    first, second = info(client, file)["shares"]["public"][channel]
    assert ("thread_ts" in first, second["thread_ts"]) == (False, root)
    assert [first["ts"], second["ts"]] == [root, again]
    ws.quirks.max_shares = 1
    (only,) = info(client, file)["shares"]["public"][channel]
    assert (only["ts"], info(client, file)["has_more_shares"]) == (again, True)


def test_listing_can_lack_the_shares(ws: Workspace, client: WebClient, channel: str) -> None:
    ws.post("ada", channel, "", files=[("a.pdf", b"%PDF")])
    ws.quirks.list_shares = False
    (file,) = client.files_list(channel=channel)["files"]
    assert file["channels"] == [channel]
    assert not {"shares", "has_more_shares"} & file.keys()
    assert "shares" in info(client, file["id"])


def test_upload_with_fields_that_do_not_fit_its_bytes(ws: Workspace, client: WebClient, channel: str) -> None:
    odd = {"filetype": "binary", "mimetype": "application/octet-stream"}
    file = ws.special.upload("ada", channel, "upload", b"%PDF-1.7", odd)
    assert info(client, file).items() >= odd.items()
    assert ws.envelopes("message")[0].payload["event"]["files"][0]["filetype"] == "binary"
    file = ws.special.upload("ada", channel, "a.pdf", b"%PDF-1.7", {"url_private_download": None})
    assert "url_private_download" not in info(client, file)


def test_file_can_be_taken_out_of_a_message(ws: Workspace, client: WebClient, channel: str) -> None:
    ts = ws.post("ada", channel, "both", files=[("a.pdf", b"%PDF"), ("b.pdf", b"%PDF")])
    first, second = ws.message(channel, ts).files
    ws.edit(channel, ts, files=[second])
    changed = ws.envelopes("message")[-1].payload["event"]
    assert [each["id"] for each in changed["message"]["files"]] == [second]
    assert [each["id"] for each in changed["previous_message"]["files"]] == [first, second]
    assert changed["message"]["text"] == "both"
    assert [each["id"] for each in client.files_list(channel=channel)["files"]] == [second]
    ws.edit(channel, ts, files=[second, first])
    assert info(client, first)["shares"]["public"][channel][0]["ts"] == ts
