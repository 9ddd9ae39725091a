"""The server checks every command, whatever the page offers."""

from __future__ import annotations

import pytest

from bot.demo.people import DemoTeam
from bot.demo.slack_server import Workspace
from tests.bot.demo.slack_server.page.conftest import Visitor
from tests.bot.demo.slack_server.page.test_visibility import space


def test_posts_a_message_with_files_as_one_message(ws: Workspace, team: DemoTeam, visitor: Visitor) -> None:
    ids = [visitor.upload(team.ada, name, b"%PDF-1.4") for name in ("a.pdf", r"C:\folder\b.pdf")]
    ts = visitor.do(team.ada, "post", channel=team.channel, text="@Magpie look", files=ids).json()["ts"]
    message = ws.message(team.channel, ts)
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
def test_typed_text_survives_conversion_to_mrkdwn_and_back(
    ws: Workspace, team: DemoTeam, visitor: Visitor, typed: str, wire: str
) -> None:
    ts = visitor.do(team.ada, "post", channel=team.channel, text=typed).json()["ts"]
    assert ws.message(team.channel, ts).text == wire
    assert visitor.do(team.ada, "typed", channel=team.channel, ts=ts).json() == {"text": typed}


def test_names_of_invisible_channels_stay_text(ws: Workspace, team: DemoTeam, visitor: Visitor) -> None:
    for who, expected in ((team.ben, f"<#{space(ws, 'night-shift')}|night-shift>"), (team.ada, "#night-shift")):
        ts = visitor.do(who, "post", channel=team.channel, text="#night-shift").json()["ts"]
        assert ws.message(team.channel, ts).text == expected


def test_refuses_commands_a_person_may_not_run(ws: Workspace, team: DemoTeam, visitor: Visitor) -> None:
    private = space(ws, "night-shift")
    ts = ws.post("ben", private, "hush")
    mine = ws.post("ben", team.channel, "mine")
    ws.post("ben", team.channel, files=[("a.pdf", b"%PDF-1.4")])
    file = ws.files("a.pdf")[0].id
    refused = [
        visitor.do(team.ada, "post", channel=private, text="x"),
        visitor.do(team.ada, "react", channel=private, ts=ts, name="eyes"),
        visitor.do(team.ada, "join", channel=private),
        visitor.do(team.ada, "shortcut", channel=private, ts=ts, callback_id="find_similar"),
        visitor.do(team.cleo, "post", channel=team.channel, text="x"),
        visitor.do(team.cleo, "join", channel=team.channel),
        visitor.do(team.cleo, "invite", channel=space(ws, "with-tidewater"), user=ws.bot_user),
        visitor.do(team.ada, "edit", channel=team.channel, ts=mine, text="x"),
        visitor.do(team.ada, "delete", channel=team.channel, ts=mine),
        visitor.do(team.ada, "delete-file", file=file),
        visitor.do(team.ada, "post", channel=team.channel, text="x", files=[file]),
        visitor.do(team.ada, "leave", channel=ws.direct("ada")),
        visitor.do(team.ada, "close-everything"),
        visitor.do(team.ada, "post", channel=7, text="x"),
        visitor.do(team.ada, "post", channel=team.channel, text=" "),
        visitor.do(team.ada, "delete", channel=team.channel, ts="404"),
    ]
    assert [each.status_code for each in refused] == [400] * len(refused)
    assert all(each.json()["error"].endswith((".", "?")) for each in refused)
    assert [each.text for each in ws.messages(private)] == ["hush"]
    assert not ws.file(file).deleted


def test_reports_empty_files_and_malformed_requests(team: DemoTeam, visitor: Visitor) -> None:
    empty = visitor.http.post(f"as/{team.ada}/upload", params={"name": "a.pdf"}, content=b"")
    assert empty.json() == {"error": "a.pdf is empty."}
    for body in (b"no json", b"[]", b"\xff"):
        assert visitor.http.post(f"as/{team.ada}/do/post", content=body).status_code == 400
        assert visitor.http.post(f"as/{team.ada}/samples", content=body).status_code == 400
