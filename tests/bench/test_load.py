"""Thirty questions of ten people at once: nobody's second before another's first, everyone told a place, none lost."""

from __future__ import annotations

from pathlib import Path

from bot.demo.slack_server import open_workspace
from bot.demo.slack_server.manifest import EVENTS, SCOPES
from bot.slack.messages import SEARCHING
from tests.bench.load import BIRDS, Steady, ask_at_once, guide, rounds
from tests.flows.team import READ, magpie, receipts
from tests.support.slack_workspace import without_proxies


def test_thirty_questions_of_ten_people_at_once(tmp_path: Path) -> None:
    with (
        without_proxies(),
        open_workspace(scopes=SCOPES, events=EVENTS) as ws,
        magpie(ws, tmp_path, generator=Steady(pause=0.005, tokens=8), workers=4),
    ):
        users = [ws.person(f"person-{number}") for number in range(10)]
        room = ws.channel("harbour", users)
        receipts(ws, room, ws.post(users[0], room, files=[("beacons.pdf", guide())]), READ)
        answered = ask_at_once(ws, room, users, 3)
        ws.wait(lambda: not any(ws.message(room, one.ts).reactions.get("eyes") for one in ws.messages(room)), 40)
        posted = [one for one in ws.messages(room) if one.user == ws.bot_user and not one.files]
    assert len(answered) == len(posted) == 30
    assert rounds(answered) == sorted(rounds(answered))
    for one in answered:
        assert f"The {one.bird} beacon flashes {100 + BIRDS.index(one.bird)} times." in one.text
        assert not one.text.startswith(("Queued", SEARCHING))
        assert list(one.places) == sorted(one.places, reverse=True)
    assert sum(bool(one.places) for one in answered) >= 28
    assert max(one.places[0] for one in answered if one.places) >= 20
