"""Uploads in three steps, listings and downloads, with the delays and errors of the real Slack."""

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
def channel(ws: Workspace) -> str:
    return ws.channel("papers", [ws.person("ada")])


def shared(ws: Workspace, channel: str, name: str = "a.pdf", data: bytes = PDF) -> str:
    return ws.message(channel, ws.post("ada", channel, "", files=[(name, data)])).files[0]


def test_upload_is_shared_after_the_call_was_answered(ws: Workspace, client: WebClient, channel: str) -> None:
    ts = ws.post("ada", channel, "question")
    uploads: list[dict[str, Any]] = [{"content": png(), "filename": f"{n}.png", "title": f"p. {n}"} for n in (1, 2)]
    answer = client.files_upload_v2(
        file_uploads=uploads, channel=channel, thread_ts=ts, initial_comment="two pages", request_file_info=False
    )
    assert [(each["shares"], each["channels"]) for each in answer["files"]] == [({}, []), ({}, [])]
    _, message = ws.wait(lambda: (thread := ws.thread(channel, ts))[1:] and thread, what="the message with the files")
    assert (message.text, len(message.files), message.user) == ("two pages", 2, ws.bot_user)
    info = client.files_info(file=message.files[0])["file"]
    assert (info["title"], info["mimetype"], info["original_w"]) == ("p. 1", "image/png", 40)
    assert info["shares"]["public"][channel][0]["ts"] == message.ts
    assert info["shares"]["public"][channel][0]["thread_ts"] == ts


def test_upload_with_alt_text_is_not_shared(ws: Workspace, client: WebClient, channel: str) -> None:
    answer = client.files_upload_v2(content=png(), filename="a.png", channel=channel, alt_txt="a page")
    client.files_upload_v2(content=png(), filename="b.png", channel=channel)
    ws.wait(lambda: ws.messages(channel), what="the second share")
    assert ws.file(answer["file"]["id"]).shares == []


def test_upload_errors(ws: Workspace, client: WebClient, channel: str) -> None:
    with pytest.raises(SlackApiError, match="missing_argument"):
        client.files_getUploadURLExternal(filename="a.pdf", length=0)
    with pytest.raises(SlackApiError, match="channel_not_found"):
        client.files_upload_v2(content=PDF, filename="a.pdf", channel="C404")
    with pytest.raises(SlackApiError, match="not_in_channel"):
        client.files_upload_v2(content=PDF, filename="a.pdf", channel=ws.channel("x", ["ada"], with_bot=False))
    begun = client.files_getUploadURLExternal(filename="a.pdf", length=5)
    with pytest.raises(SlackApiError, match="file_not_found"):
        client.files_completeUploadExternal(files=[{"id": begun["file_id"], "title": "a"}], channel_id=channel)
    with pytest.raises(SlackApiError, match="file_not_found"):
        client.files_info(file=begun["file_id"])


def test_unshared_upload_is_visible_to_the_bot_only(ws: Workspace, client: WebClient, channel: str) -> None:
    file = client.files_upload_v2(content=png(), filename="a.png")["file"]
    assert ws.messages(channel) == []
    assert fetch(client.files_info(file=file["id"])["file"]["url_private"], ws.bot_token).content == png()
    client.files_delete(file=file["id"])
    with pytest.raises(SlackApiError, match="file_deleted"):
        client.files_info(file=file["id"])
    with pytest.raises(SlackApiError, match="cant_delete_file"):
        client.files_delete(file=shared(ws, channel))


def test_new_file_has_no_type_until_it_is_scanned(ws: Workspace, client: WebClient, channel: str) -> None:
    ws.pace.fresh_for = 0.2
    file = shared(ws, channel, "a.png", png())
    fresh = client.files_info(file=file)["file"]
    assert (fresh["mimetype"], fresh["filetype"], fresh["url_private_download"]) == ("", "", "")
    image = {"type": "image", "alt_text": "p. 1", "slack_file": {"id": file}}
    with pytest.raises(SlackApiError) as refusal:
        client.chat_postMessage(channel=channel, text="x", blocks=[image])
    assert refusal.value.response["response_metadata"]["messages"] == [
        "[ERROR] invalid slack file [json-pointer:/blocks/0/slack_file]"
    ]
    ws.wait(lambda: ws.envelopes("file_change"), what="file_change")
    info = client.files_info(file=file)["file"]
    assert (info["mimetype"], info["filetype"]) == ("image/png", "png")
    client.chat_postMessage(channel=channel, text="x", blocks=[image])
    client.chat_postMessage(channel=channel, text="x", blocks=[image | {"slack_file": {"url": info["permalink"]}}])
    for wrong in ({"id": file, "url": info["permalink"]}, {"id": shared(ws, channel)}, {}):
        with pytest.raises(SlackApiError, match="invalid_blocks"):
            client.chat_postMessage(channel=channel, text="x", blocks=[image | {"slack_file": wrong}])


def test_files_are_listed_in_pages(ws: Workspace, client: WebClient, channel: str) -> None:
    ids = [shared(ws, channel, f"{number}.pdf") for number in range(3)]
    picture = shared(ws, channel, "a.png", png())
    pages = [client.files_list(channel=channel, types="pdfs", count=2, page=page) for page in (1, 2)]
    assert [[each["id"] for each in page["files"]] for page in pages] == [[ids[2], ids[1]], [ids[0]]]
    assert pages[0]["paging"] == {"count": 2, "total": 3, "page": 1, "pages": 2}
    assert [each["id"] for each in client.files_list(types=["images", "zips"])["files"]] == [picture]
    created = ws.file(picture).created
    assert len(client.files_list(ts_from=str(created - 60), ts_to=str(created + 60))["files"]) == 4
    assert client.files_list(ts_to=str(created - 60))["files"] == []
    ws.pace.list_lag = 0.2
    late = shared(ws, channel, "late.pdf")
    assert late not in [each["id"] for each in client.files_list(channel=channel)["files"]]
    ws.wait(lambda: late in [each["id"] for each in client.files_list(channel=channel)["files"]], what="the listing")


def test_bot_does_not_see_files_of_other_channels(ws: Workspace, client: WebClient, channel: str) -> None:
    hidden = ws.channel("hidden", ["ada"], private=True, with_bot=False)
    file = shared(ws, hidden)
    with pytest.raises(SlackApiError, match="file_not_found"):
        client.files_info(file=file)
    with pytest.raises(SlackApiError, match="channel_not_found"):
        client.files_list(channel=hidden)
    ws.share("ada", file, channel)
    info = client.files_info(file=file)["file"]
    assert (info["channels"], info["groups"], list(info["shares"])) == ([channel], [], ["public"])
    ws.remove_bot(channel)
    assert client.files_list()["files"] == []


# ---------------------------------------------------------------- downloads


def test_download_requires_the_token(ws: Workspace, client: WebClient, channel: str) -> None:
    url = client.files_info(file=shared(ws, channel))["file"]["url_private_download"]
    good = fetch(url, ws.bot_token)
    assert (good.content, good.headers["content-type"]) == (PDF, "application/pdf")
    stranger = fetch(url, "xoxb-wrong")
    assert stranger.status_code == 302
    assert stranger.headers["x-slack-meta"] == "?;acl_fail"
    assert stranger.headers["location"].startswith(f"http://{ws.host}/login?redir=")
    ws.set_login_answer("page")
    page = fetch(url, "xoxb-wrong")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.text.startswith("<!DOCTYPE html>")


def test_download_faults_happen_once(ws: Workspace, client: WebClient, channel: str) -> None:
    data = PDF + bytes(100_000)
    url = client.files_info(file=shared(ws, channel, data=data))["file"]["url_private_download"]
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


def test_failed_upload_posts_nothing(ws: Workspace, client: WebClient, channel: str) -> None:
    ws.faults.fail("upload", status=500)
    with pytest.raises(OSError):
        client.files_upload_v2(content=PDF, filename="a.pdf", channel=channel)
    assert ws.messages(channel) == []
