"""What each person gets, told on the server: what is not theirs is not sent."""

from __future__ import annotations

import json

import pytest

from bot.demo.people import Town
from bot.demo.slack_server import Workspace
from tests.bot.demo.slack_server.conftest import client_of
from tests.bot.demo.slack_server.page.conftest import Visitor


def space(ws: Workspace, name: str) -> str:
    return next(each.id for each in ws.spaces() if each.name == name)


@pytest.fixture
def private(ws: Workspace, town: Town) -> str:
    channel = space(ws, "night-shift")
    ws.post("ben", channel, "the code is 4711", files=[("ledger.pdf", b"%PDF-1.4 secret")])
    return channel


def test_members_see_public_channels_and_guests_their_own(ws: Workspace, town: Town, visitor: Visitor) -> None:
    unjoined = ws.channel("gulls", [town.ben])
    names = {
        who: {each["name"] for key, each in visitor.sees(who).items() if key.startswith("spaces/") and each["name"]}
        for who in (town.ada, town.ben, town.cleo)
    }
    assert names == {
        town.ada: {"harbour-watch", "with-tidewater", "gulls"},
        town.ben: {"harbour-watch", "with-tidewater", "gulls", "night-shift"},
        town.cleo: {"with-tidewater"},
    }
    assert visitor.sees(town.ada)[f"spaces/{unjoined}"]["joined"] is False


def test_nothing_of_a_private_channel_reaches_others(ws: Workspace, town: Town, visitor: Visitor, private: str) -> None:
    file = ws.files("ledger.pdf")[0].id
    ben = visitor.sees(town.ben)
    assert ben[f"files/{file}"]["name"] == "ledger.pdf"
    for other in (town.ada, town.cleo):
        told = json.dumps(visitor.sees(other))
        assert not [word for word in ("4711", "night-shift", private, file) if word in told]
        assert visitor.http.get(f"as/{other}/files/{file}/ledger.pdf").status_code == 404
    assert visitor.http.get(f"as/{town.ben}/files/{file}/ledger.pdf").content == b"%PDF-1.4 secret"
    start = visitor.http.get("start").text
    assert "night-shift" not in start


def test_a_guest_knows_only_those_it_meets(ws: Workspace, town: Town, visitor: Visitor) -> None:
    ws.person("hermit")
    names = {each["name"] for key, each in visitor.sees(town.cleo).items() if key.startswith("people/")}
    assert names == {"ada", "ben", "cleo", "dora", "magpie"}
    assert "hermit" in {each.get("name") for each in visitor.sees(town.ada).values()}


def test_what_one_person_is_told_or_shown_is_theirs(ws: Workspace, town: Town, visitor: Visitor) -> None:
    client = client_of(ws)
    client.chat_postEphemeral(channel=town.room, user=town.ada, text="for ada alone")
    client.views_publish(user_id=town.ada, view={"type": "home", "blocks": [{"type": "divider"}]})
    ws.post("ada", ws.direct("ada"), "dear magpie")
    assert "for ada alone" in json.dumps(visitor.sees(town.ada))
    ben = visitor.sees(town.ben)
    assert "for ada alone" not in json.dumps(ben)
    assert "dear magpie" not in json.dumps(ben)
    assert "home" not in ben


def test_a_picture_in_a_block_is_seen_where_the_block_is(ws: Workspace, town: Town, visitor: Visitor) -> None:
    png = b"\x89PNG but none"
    ws.post("ada", ws.direct("ada"), files=[("page.png", png)])
    file = ws.files("page.png")[0].id
    path = f"as/{town.ben}/files/{file}/page.png"
    assert visitor.http.get(path).status_code == 404
    image = {"type": "image", "slack_file": {"id": file}, "alt_text": "a page"}
    client_of(ws).chat_postMessage(channel=town.room, text="x", blocks=[image])
    assert visitor.http.get(path).content == png
    assert visitor.sees(town.ben)[f"files/{file}"]["pixels"] is None
    assert visitor.http.get(f"as/{town.cleo}/files/{file}/page.png").status_code == 404


def test_a_deleted_file_is_gone(ws: Workspace, town: Town, visitor: Visitor) -> None:
    ws.post("ada", town.room, files=[("a.pdf", b"%PDF-1.4")])
    file = ws.files("a.pdf")[0].id
    ws.delete_file(file)
    assert visitor.sees(town.ada)[f"files/{file}"] == {"id": file, "deleted": True}
    assert visitor.http.get(f"as/{town.ada}/files/{file}/a.pdf").status_code == 404


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
def test_what_a_file_holds_never_runs_as_the_page(
    ws: Workspace, town: Town, visitor: Visitor, name: str, data: bytes, kind: str, how: str
) -> None:
    ws.post("ada", town.room, files=[(name, data)])
    response = visitor.http.get(f"as/{town.ada}/files/{ws.files(name)[0].id}/x")
    assert response.headers["content-type"] == kind
    assert response.headers["content-disposition"].startswith(f"{how};")
    assert response.headers["x-content-type-options"] == "nosniff"
    if kind != "application/pdf":
        assert response.headers["content-security-policy"].startswith("sandbox;")


def test_the_bot_and_strangers_are_nobody_to_be(ws: Workspace, town: Town, visitor: Visitor) -> None:
    dora = next(each.id for each in ws.people() if each.name == "dora")
    for nobody in (ws.bot_user, dora, "U404"):
        assert visitor.do(nobody, "post", channel=town.room, text="x").status_code == 400
    assert [each["name"] for each in visitor.http.get("start").json()["people"]] == ["ada", "ben", "cleo"]
