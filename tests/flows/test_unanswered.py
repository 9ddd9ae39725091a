"""Questions without an answer: on the command line, and for admins on Home."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.cli.main import main
from bot.demo.slack_server import Workspace
from bot.main import Bot
from bot.slack.messages import home_texts
from tests.flows.team import ask, magpie, mention, reply, share

LOST = "Where is the submarine parked?"


@pytest.fixture
def bot(ws: Workspace, ada: str, ben: str, channel: str, tmp_path: Path) -> Iterator[Bot]:
    """A bot that could not answer three questions in #harbor, #secret and a direct message."""
    with magpie(ws, tmp_path / "data") as bot:
        share(ws, ada, channel)
        ask(ws, ada, channel, LOST)
        ask(ws, ben, channel, f"<@{ada}> where is the submarine parked")
        ask(ws, ada, channel, "Which port does the gateway use?")
        secret = ws.channel("secret", members=[ben], private=True)
        ask(ws, ben, secret, "Who paints the walrus?")
        direct = ws.direct(ben)
        reply(ws, direct, ws.post(ben, direct, "Who feeds the unicorn?"))
        yield bot


def home(ws: Workspace, person: str) -> str:
    """Open Home and return what it shows."""
    before = len(ws.called("views.publish"))
    ws.open_home(person)
    ws.wait(lambda: len(ws.called("views.publish")) > before, 20, "Home")
    return json.dumps(ws.home(person), ensure_ascii=False)


def test_admin_sees_questions_of_channels_that_they_are_in(
    ws: Workspace, bot: Bot, ada: str, ben: str, channel: str
) -> None:
    assert home_texts.UNANSWERED_HEADER not in home(ws, ada)
    ws.set_admin(ada)
    shown = home(ws, ada)
    assert "“where is the submarine parked” (2 times, last on" in shown
    assert f"in <#{channel}>)" in shown
    assert "gateway" not in shown.partition(home_texts.UNANSWERED_HEADER)[2]
    assert f"<@{ada}>" not in shown
    assert "walrus" not in shown
    assert "unicorn" not in shown
    ws.set_admin(ben)
    shown = home(ws, ben)
    assert "Who paints the walrus?" in shown
    assert "unicorn" not in shown  # although it is a question of their own


def test_question_that_was_deleted_or_edited_is_not_shown(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    ws.set_admin(ada)
    asked = [one for one in ws.messages(channel) if "submarine" in one.text and one.user != ws.bot_user]
    with ws.hold_events() as held:
        ws.delete_message(channel, asked[1].ts)
        ws.edit(channel, asked[0].ts, mention(ws, "never mind"))
    assert held.pending  # Magpie hears nothing of it
    assert "submarine" not in home(ws, ada)


def test_question_that_is_answered_when_it_is_asked_again_is_not_listed(
    ws: Workspace, tmp_path: Path, ada: str, channel: str
) -> None:
    with magpie(ws, tmp_path / "data") as bot:
        with bot.rag.write_transaction() as connection:
            connection.exec_driver_sql(
                "INSERT INTO question "
                "(channel, ts, thread, user, text, files, kind, about, state, asked_at, outcome) VALUES "
                "('C1', '1.1', '', 'U1', 'where?', '[]', 'ask', NULL, 'done', 1, 'not_found'), "
                "('C1', '1.2', '', 'U1', '', '[]', 'again', '{\"of\": \"1.1\"}', 'done', 2, 'answered'), "
                "('C1', '1.3', '', 'U1', 'who?', '[]', 'ask', NULL, 'done', 3, 'not_found'), "
                "('C1', '1.4', '', 'U1', '', '[]', 'again', '{\"of\": \"1.3\"}', 'done', 4, 'not_found')"
            )
        from bot.db.unanswered import list_unanswered

        with bot.rag.read_transaction() as connection:
            assert [each.text for each in list_unanswered(connection)] == ["who?"]
            assert list_unanswered(connection, channels=["C2"]) == []
            assert list_unanswered(connection, since=4.0) == []


def test_operator_lists_all_and_writes_questions_to_measure(
    ws: Workspace, tmp_path: Path, ada: str, channel: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    with magpie(ws, data):
        share(ws, ada, channel)
        ask(ws, ada, channel, LOST)
        ask(ws, ada, channel, "where is the submarine parked")
        direct = ws.direct(ada)
        reply(ws, direct, ws.post(ada, direct, "Who feeds the unicorn?"))
    assert main(["--data", str(data), "unanswered", "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)["groups"]
    assert (first["count"], first["channels"], first["direct"]) == (2, [channel], 0)
    assert (second["question"], second["channels"], second["direct"]) == ("Who feeds the unicorn?", [], 1)
    assert main(["--data", str(data), "unanswered"]) == 0
    assert "3 questions without an answer, in 2 groups" in capsys.readouterr().out
    out = tmp_path / "questions.jsonl"
    assert main(["--data", str(data), "eval", "--from-unanswered", str(out)]) == 0
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["query"] for line in lines] == ["where is the submarine parked", "Who feeds the unicorn?"]
    assert lines[0]["also_asked"] == [LOST]
    assert main(["--data", str(data), "eval", "--from-unanswered", str(out)]) == 1
    assert "already exists" in capsys.readouterr().err
    assert main(["--data", str(data), "eval", "--questions", str(out)]) == 1
    assert "pages" in capsys.readouterr().err
