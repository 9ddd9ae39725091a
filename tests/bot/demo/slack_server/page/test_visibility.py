"""What the server sends to each person: only what they can see."""

from __future__ import annotations

import json

import pytest

from bot.demo.people import DemoTeam
from bot.demo.slack_server import Workspace
from tests.bot.demo.slack_server.conftest import web_client
from tests.bot.demo.slack_server.page.conftest import Visitor


def space(ws: Workspace, name: str) -> str:
    return next(each.id for each in ws.conversations() if each.name == name)


@pytest.fixture
def private(ws: Workspace, team: DemoTeam) -> str:
    channel = space(ws, "night-shift")
    ws.post("ben", channel, "the code is 4711", files=[("ledger.pdf", b"%PDF-1.4 secret")])
    return channel


def test_members_see_public_channels_and_guests_only_their_own(ws: Workspace, team: DemoTeam, visitor: Visitor) -> None:
    unjoined = ws.channel("gulls", [team.ben])
    names = {
        who: {
            each["name"]
            for key, each in visitor.view_of(who).items()
            if key.startswith("conversations/") and each["name"]
        }
        for who in (team.ada, team.ben, team.cleo)
    }
    assert names == {
        team.ada: {"harbour-watch", "with-tidewater", "gulls"},
        team.ben: {"harbour-watch", "with-tidewater", "gulls", "night-shift"},
        team.cleo: {"with-tidewater"},
    }
    assert visitor.view_of(team.ada)[f"conversations/{unjoined}"]["joined"] is False


def test_private_channels_are_not_sent_to_others(ws: Workspace, team: DemoTeam, visitor: Visitor, private: str) -> None:
    file = ws.files("ledger.pdf")[0].id
    ben = visitor.view_of(team.ben)
    assert ben[f"files/{file}"]["name"] == "ledger.pdf"
    for other in (team.ada, team.cleo):
        info = json.dumps(visitor.view_of(other))
        assert not [word for word in ("4711", "night-shift", private, file) if word in info]
        assert visitor.http.get(f"as/{other}/files/{file}/ledger.pdf").status_code == 404
    assert visitor.http.get(f"as/{team.ben}/files/{file}/ledger.pdf").content == b"%PDF-1.4 secret"
    start = visitor.http.get("start").text
    assert "night-shift" not in start


def test_guests_see_only_people_they_share_a_conversation_with(ws: Workspace, team: DemoTeam, visitor: Visitor) -> None:
    ws.person("hermit")
    names = {each["name"] for key, each in visitor.view_of(team.cleo).items() if key.startswith("people/")}
    assert names == {"ada", "ben", "cleo", "dora", "magpie"}
    assert "hermit" in {each.get("name") for each in visitor.view_of(team.ada).values()}


def test_ephemeral_messages_and_home_are_sent_to_one_person(ws: Workspace, team: DemoTeam, visitor: Visitor) -> None:
    client = web_client(ws)
    client.chat_postEphemeral(channel=team.channel, user=team.ada, text="for ada alone")
    client.views_publish(user_id=team.ada, view={"type": "home", "blocks": [{"type": "divider"}]})
    ws.post("ada", ws.direct("ada"), "dear magpie")
    assert "for ada alone" in json.dumps(visitor.view_of(team.ada))
    ben = visitor.view_of(team.ben)
    assert "for ada alone" not in json.dumps(ben)
    assert "dear magpie" not in json.dumps(ben)
    assert "home" not in ben


def test_images_in_blocks_are_visible_where_the_block_is(ws: Workspace, team: DemoTeam, visitor: Visitor) -> None:
    png = b"\x89PNG but none"
    ws.post("ada", ws.direct("ada"), files=[("page.png", png)])
    file = ws.files("page.png")[0].id
    path = f"as/{team.ben}/files/{file}/page.png"
    assert visitor.http.get(path).status_code == 404
    image = {"type": "image", "slack_file": {"id": file}, "alt_text": "a page"}
    web_client(ws).chat_postMessage(channel=team.channel, text="x", blocks=[image])
    assert visitor.http.get(path).content == png
    assert visitor.view_of(team.ben)[f"files/{file}"]["pixels"] is None
    assert visitor.http.get(f"as/{team.cleo}/files/{file}/page.png").status_code == 404


def test_deleted_files_are_not_served(ws: Workspace, team: DemoTeam, visitor: Visitor) -> None:
    ws.post("ada", team.channel, files=[("a.pdf", b"%PDF-1.4")])
    file = ws.files("a.pdf")[0].id
    ws.delete_file(file)
    assert visitor.view_of(team.ada)[f"files/{file}"] == {"id": file, "deleted": True}
    assert visitor.http.get(f"as/{team.ada}/files/{file}/a.pdf").status_code == 404


@pytest.mark.parametrize(
    ("name", "data", "kind", "how"),
    [
        ("a.html", b"<html><script>alert(1)</script>", "application/octet-stream", "attachment"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "text/plain; charset=utf-8", "inline"),
        ("a.pdf", b"%PDF-1.4", "application/pdf", "inline"),
        ("a.png", b"\x89PNG", "image/png", "inline"),
        ("ä b.zip", b"PK\0", "application/octet-stream", "attachment"),
    ],
)
def test_file_contents_never_run_as_the_page(
    ws: Workspace, team: DemoTeam, visitor: Visitor, name: str, data: bytes, kind: str, how: str
) -> None:
    ws.post("ada", team.channel, files=[(name, data)])
    response = visitor.http.get(f"as/{team.ada}/files/{ws.files(name)[0].id}/x")
    assert response.headers["content-type"] == kind
    assert response.headers["content-disposition"].startswith(f"{how};")
    assert response.headers["x-content-type-options"] == "nosniff"
    if kind != "application/pdf":
        assert response.headers["content-security-policy"].startswith("sandbox;")


def test_visitors_cannot_act_as_the_bot_or_strangers(ws: Workspace, team: DemoTeam, visitor: Visitor) -> None:
    dora = next(each.id for each in ws.people() if each.name == "dora")
    for nobody in (ws.bot_user, dora, "U404"):
        assert visitor.do(nobody, "post", channel=team.channel, text="x").status_code == 400
    assert [each["name"] for each in visitor.http.get("start").json()["people"]] == ["ada", "ben", "cleo"]
