"""What a person may do is decided on the server, whatever the page shows."""

from __future__ import annotations

import pytest

from bot.demo.people import Town
from bot.demo.slack_server import Workspace
from tests.bot.demo.slack_server.page.conftest import Visitor
from tests.bot.demo.slack_server.page.test_visibility import space


def test_a_message_with_files_is_one_message(ws: Workspace, town: Town, visitor: Visitor) -> None:
    ids = [visitor.upload(town.ada, name, b"%PDF-1.4") for name in ("a.pdf", r"C:\folder\b.pdf")]
    ts = visitor.do(town.ada, "post", channel=town.room, text="@Magpie look", files=ids).json()["ts"]
    message = ws.message(town.room, ts)
    assert (message.text, message.files) == (f"<@{ws.bot_user}> look", ids)
    assert [ws.file(id).name for id in ids] == ["a.pdf", "b.pdf"]
    assert len(ws.envelopes("file_shared")) == 2


@pytest.mark.parametrize(
    ("typed", "wire"),
    [
        ("a < b & c", "a &lt; b &amp; c"),
        ("<@U0000000001>", "&lt;@U0000000001&gt;"),
        ("mail@magpie.example", "mail@magpie.example"),
        ("@nobody #nowhere", "@nobody #nowhere"),
        ("(see https://a.example/x?y=1&z=2).", "(see <https://a.example/x?y=1&amp;z=2>)."),
    ],
)
def test_what_is_typed_stays_what_was_meant(ws: Workspace, town: Town, visitor: Visitor, typed: str, wire: str) -> None:
    ts = visitor.do(town.ada, "post", channel=town.room, text=typed).json()["ts"]
    assert ws.message(town.room, ts).text == wire
    assert visitor.do(town.ada, "typed", channel=town.room, ts=ts).json() == {"text": typed}


def test_a_channel_that_one_does_not_see_cannot_be_named(ws: Workspace, town: Town, visitor: Visitor) -> None:
    for who, expected in ((town.ben, f"<#{space(ws, 'night-shift')}|night-shift>"), (town.ada, "#night-shift")):
        ts = visitor.do(who, "post", channel=town.room, text="#night-shift").json()["ts"]
        assert ws.message(town.room, ts).text == expected


def test_acts_in_conversations_of_others_are_refused(ws: Workspace, town: Town, visitor: Visitor) -> None:
    private = space(ws, "night-shift")
    ts = ws.post("ben", private, "hush")
    mine = ws.post("ben", town.room, "mine")
    ws.post("ben", town.room, files=[("a.pdf", b"%PDF-1.4")])
    file = ws.files("a.pdf")[0].id
    refused = [
        visitor.do(town.ada, "post", channel=private, text="x"),
        visitor.do(town.ada, "react", channel=private, ts=ts, name="eyes"),
        visitor.do(town.ada, "join", channel=private),
        visitor.do(town.ada, "shortcut", channel=private, ts=ts, callback_id="find_similar"),
        visitor.do(town.cleo, "post", channel=town.room, text="x"),
        visitor.do(town.cleo, "join", channel=town.room),
        visitor.do(town.cleo, "invite", channel=space(ws, "with-tidewater"), user=ws.bot_user),
        visitor.do(town.ada, "edit", channel=town.room, ts=mine, text="x"),
        visitor.do(town.ada, "delete", channel=town.room, ts=mine),
        visitor.do(town.ada, "delete-file", file=file),
        visitor.do(town.ada, "post", channel=town.room, text="x", files=[file]),
        visitor.do(town.ada, "leave", channel=ws.direct("ada")),
        visitor.do(town.ada, "close-everything"),
        visitor.do(town.ada, "post", channel=7, text="x"),
        visitor.do(town.ada, "post", channel=town.room, text=" "),
        visitor.do(town.ada, "delete", channel=town.room, ts="404"),
    ]
    assert [each.status_code for each in refused] == [400] * len(refused)
    assert all(each.json()["error"].endswith((".", "?")) for each in refused)
    assert [each.text for each in ws.messages(private)] == ["hush"]
    assert not ws.file(file).deleted


def test_an_empty_file_and_a_broken_request_are_said(town: Town, visitor: Visitor) -> None:
    empty = visitor.http.post(f"as/{town.ada}/upload", params={"name": "a.pdf"}, content=b"")
    assert empty.json() == {"error": "a.pdf is empty."}
    for body in (b"no json", b"[]", b"\xff"):
        assert visitor.http.post(f"as/{town.ada}/do/post", content=body).status_code == 400
        assert visitor.http.post(f"as/{town.ada}/samples", content=body).status_code == 400
