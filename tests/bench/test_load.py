"""The load benchmark: questions are answered in rounds, with queue positions, and none is lost."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from bot.demo.slack_server import open_workspace
from bot.demo.slack_server.manifest import EVENTS, SCOPES
from bot.slack.messages.progress_texts import SEARCHING
from tests.bench.load import BIRDS, SteadyGenerator, ask_at_once, guide, rounds
from tests.flows.team import READ, magpie, receipts
from tests.support.slack_workspace import without_proxies

WORKERS = 4


def test_thirty_concurrent_questions_are_answered_in_rounds(tmp_path: Path) -> None:
    with (
        without_proxies(),
        open_workspace(scopes=SCOPES, events=EVENTS) as ws,
        magpie(ws, tmp_path, generator=SteadyGenerator(pause=0.005, tokens=8), workers=WORKERS),
    ):
        users = [ws.person(f"person-{number}") for number in range(10)]
        channel = ws.channel("harbor", users)
        receipts(ws, channel, ws.post(users[0], channel, files=[("beacons.pdf", guide())]), READ)
        answered = ask_at_once(ws, channel, users, 3)
        ws.wait(lambda: not any(ws.message(channel, one.ts).reactions.get("eyes") for one in ws.messages(channel)), 40)
        posted = [one for one in ws.messages(channel) if one.user == ws.bot_user and not one.files]
    assert len(answered) == len(posted) == 30
    assert rounds(answered) == sorted(rounds(answered))
    for one in answered:
        assert f"The {one.bird} beacon flashes {100 + BIRDS.index(one.bird)} times." in one.text
        assert not one.text.startswith(("Queued", SEARCHING))
        # While the position of a question is updated, each other worker can take a later question.
        assert all(later < earlier + WORKERS for earlier, later in pairwise(one.positions))
        assert not one.positions or one.positions[-1] <= one.positions[0]
    assert sum(bool(one.positions) for one in answered) >= 28
    assert max(one.positions[0] for one in answered if one.positions) >= 20
