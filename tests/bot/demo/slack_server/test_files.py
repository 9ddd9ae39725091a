"""Uploads in three steps, listings, downloads; all as late, partial and stubborn as Slack's."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.demo.slack_server import Workspace
from tests.bot.demo.slack_server.conftest import fetch

PDF = b"%PDF-1.7 a page"


def png() -> bytes:
    out = BytesIO()
    Image.new("RGB", (40, 30), "white").save(out, "png")
    return out.getvalue()


@pytest.fixture
def room(ws: Workspace) -> str:
    return ws.channel("papers", [ws.person("ada")])


def shared(ws: Workspace, room: str, name: str = "a.pdf", data: bytes = PDF) -> str:
    return ws.message(room, ws.post("ada", room, "", files=[(name, data)])).files[0]


def test_an_upload_is_shared_after_it_was_answered(ws: Workspace, client: WebClient, room: str) -> None:
    ts = ws.post("ada", room, "question")
    uploads: list[dict[str, Any]] = [{"content": png(), "filename": f"{n}.png", "title": f"p. {n}"} for n in (1, 2)]
    answer = client.files_upload_v2(
        file_uploads=uploads, channel=room, thread_ts=ts, initial_comment="two pages", request_file_info=False
    )
    assert [(each["shares"], each["channels"]) for each in answer["files"]] == [({}, []), ({}, [])]
    _, message = ws.wait(lambda: (thread := ws.thread(room, ts))[1:] and thread, what="the message with the files")
    assert (message.text, len(message.files), message.user) == ("two pages", 2, ws.bot_user)
    told = client.files_info(file=message.files[0])["file"]
    assert (told["title"], told["mimetype"], told["original_w"]) == ("p. 1", "image/png", 40)
    assert told["shares"]["public"][room][0]["ts"] == message.ts
    assert told["shares"]["public"][room][0]["thread_ts"] == ts


def test_an_alternative_text_keeps_it_from_being_shared(ws: Workspace, client: WebClient, room: str) -> None:
    answer = client.files_upload_v2(content=png(), filename="a.png", channel=room, alt_txt="a page")
    client.files_upload_v2(content=png(), filename="b.png", channel=room)
    ws.wait(lambda: ws.messages(room), what="the second share")
    assert ws.file(answer["file"]["id"]).shares == []


def test_uploads_that_are_refused(ws: Workspace, client: WebClient, room: str) -> None:
    with pytest.raises(SlackApiError, match="missing_argument"):
        client.files_getUploadURLExternal(filename="a.pdf", length=0)
    with pytest.raises(SlackApiError, match="channel_not_found"):
        client.files_upload_v2(content=PDF, filename="a.pdf", channel="C404")
    with pytest.raises(SlackApiError, match="not_in_channel"):
        client.files_upload_v2(content=PDF, filename="a.pdf", channel=ws.channel("x", ["ada"], with_bot=False))
    begun = client.files_getUploadURLExternal(filename="a.pdf", length=5)
    with pytest.raises(SlackApiError, match="file_not_found"):
        client.files_completeUploadExternal(files=[{"id": begun["file_id"], "title": "a"}], channel_id=room)
    with pytest.raises(SlackApiError, match="file_not_found"):
        client.files_info(file=begun["file_id"])


def test_a_private_upload_is_seen_by_the_bot_alone(ws: Workspace, client: WebClient, room: str) -> None:
    file = client.files_upload_v2(content=png(), filename="a.png")["file"]
    assert ws.messages(room) == []
    assert fetch(client.files_info(file=file["id"])["file"]["url_private"], ws.bot_token).content == png()
    client.files_delete(file=file["id"])
    with pytest.raises(SlackApiError, match="file_deleted"):
        client.files_info(file=file["id"])
    with pytest.raises(SlackApiError, match="cant_delete_file"):
        client.files_delete(file=shared(ws, room))


def test_a_new_file_has_no_type_yet(ws: Workspace, client: WebClient, room: str) -> None:
    ws.pace.fresh_for = 0.2
    file = shared(ws, room, "a.png", png())
    fresh = client.files_info(file=file)["file"]
    assert (fresh["mimetype"], fresh["filetype"], fresh["url_private_download"]) == ("", "", "")
    image = {"type": "image", "alt_text": "p. 1", "slack_file": {"id": file}}
    with pytest.raises(SlackApiError) as refusal:
        client.chat_postMessage(channel=room, text="x", blocks=[image])
    assert refusal.value.response["response_metadata"]["messages"] == [
        "[ERROR] invalid slack file [json-pointer:/blocks/0/slack_file]"
    ]
    ws.wait(lambda: ws.envelopes("file_change"), what="file_change")
    told = client.files_info(file=file)["file"]
    assert (told["mimetype"], told["filetype"]) == ("image/png", "png")
    client.chat_postMessage(channel=room, text="x", blocks=[image])
    client.chat_postMessage(channel=room, text="x", blocks=[image | {"slack_file": {"url": told["permalink"]}}])
    for wrong in ({"id": file, "url": told["permalink"]}, {"id": shared(ws, room)}, {}):
        with pytest.raises(SlackApiError, match="invalid_blocks"):
            client.chat_postMessage(channel=room, text="x", blocks=[image | {"slack_file": wrong}])


def test_listing_in_pages(ws: Workspace, client: WebClient, room: str) -> None:
    ids = [shared(ws, room, f"{number}.pdf") for number in range(3)]
    picture = shared(ws, room, "a.png", png())
    pages = [client.files_list(channel=room, types="pdfs", count=2, page=page) for page in (1, 2)]
    assert [[each["id"] for each in page["files"]] for page in pages] == [[ids[2], ids[1]], [ids[0]]]
    assert pages[0]["paging"] == {"count": 2, "total": 3, "page": 1, "pages": 2}
    assert [each["id"] for each in client.files_list(types=["images", "zips"])["files"]] == [picture]
    created = ws.file(picture).created
    assert len(client.files_list(ts_from=str(created - 60), ts_to=str(created + 60))["files"]) == 4
    assert client.files_list(ts_to=str(created - 60))["files"] == []
    ws.pace.list_lag = 0.2
    late = shared(ws, room, "late.pdf")
    assert late not in [each["id"] for each in client.files_list(channel=room)["files"]]
    ws.wait(lambda: late in [each["id"] for each in client.files_list(channel=room)["files"]], what="the listing")


def test_files_the_bot_cannot_see(ws: Workspace, client: WebClient, room: str) -> None:
    hidden = ws.channel("hidden", ["ada"], private=True, with_bot=False)
    file = shared(ws, hidden)
    with pytest.raises(SlackApiError, match="file_not_found"):
        client.files_info(file=file)
    with pytest.raises(SlackApiError, match="channel_not_found"):
        client.files_list(channel=hidden)
    ws.share("ada", file, room)
    told = client.files_info(file=file)["file"]
    assert (told["channels"], told["groups"], list(told["shares"])) == ([room], [], ["public"])
    ws.remove_bot(room)
    assert client.files_list()["files"] == []


# ---------------------------------------------------------------- downloads


def test_downloads_want_the_token(ws: Workspace, client: WebClient, room: str) -> None:
    url = client.files_info(file=shared(ws, room))["file"]["url_private_download"]
    good = fetch(url, ws.bot_token)
    assert (good.content, good.headers["content-type"]) == (PDF, "application/pdf")
    stranger = fetch(url, "xoxb-wrong")
    assert stranger.status_code == 302
    assert stranger.headers["x-slack-meta"] == "?;acl_fail"
    assert stranger.headers["location"].startswith(f"http://{ws.host}/login?redir=")
    ws.answer_strangers_with("page")
    page = fetch(url, "xoxb-wrong")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.text.startswith("<!DOCTYPE html>")


def test_downloads_that_go_wrong_once(ws: Workspace, client: WebClient, room: str) -> None:
    data = PDF + bytes(100_000)
    url = client.files_info(file=shared(ws, room, data=data))["file"]["url_private_download"]
    ws.faults.html_login()
    ws.faults.redirect(to="http://169.254.169.254/")
    ws.faults.truncate()
    ws.faults.short()
    ws.faults.download_status(500)
    ws.faults.slow(seconds=0.05)
    assert fetch(url, ws.bot_token).text.startswith("<!DOCTYPE html>")
    assert fetch(url, ws.bot_token).headers["location"] == "http://169.254.169.254/"
    with pytest.raises(httpx.RemoteProtocolError):
        fetch(url, ws.bot_token)
    assert len(fetch(url, ws.bot_token).content) == len(data) // 2
    assert fetch(url, ws.bot_token).status_code == 500
    assert fetch(url, ws.bot_token).content == data
    assert len(ws.called("download")) == 6


def test_bytes_that_do_not_arrive(ws: Workspace, client: WebClient, room: str) -> None:
    ws.faults.fail("upload", status=500)
    with pytest.raises(OSError):
        client.files_upload_v2(content=PDF, filename="a.pdf", channel=room)
    assert ws.messages(room) == []
