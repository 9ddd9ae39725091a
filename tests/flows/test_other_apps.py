"""Messages that are no questions of people: of other apps, of Slackbot, small talk, and deleted ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.demo.slack_server import Workspace
from bot.jobs.receipts import THANKED
from bot.main import Bot
from bot.slack.messages import answer_texts
from tests.flows.team import HANDBOOK, READ, magpie, mention, receipts, replies, reply, said


@pytest.fixture
def channel(ws: Workspace, ada: str) -> str:
    return ws.channel("harbor", members=[ada])


def answer_after(ws: Workspace, ada: str, channel: str) -> str:
    """Let a person ask, and wait for the answer: what came before is done by then."""
    asked = ws.post(ada, channel, mention(ws))
    reply(ws, channel, asked)
    ws.settled()
    return asked


# ---------------------------------------------------------------- other apps


def test_app_is_refused_once_per_channel(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    workflow = ws.apps.add("Standup")
    first = ws.apps.post(workflow, channel, mention(ws))
    assert said(reply(ws, channel, first)) == answer_texts.APPS_NOT_ANSWERED
    second = ws.apps.post(workflow, channel, mention(ws))
    answer_after(ws, ada, channel)
    assert replies(ws, channel, second) == []


def test_app_is_answered_where_a_setting_allows_it_but_not_twice_in_a_row(
    ws: Workspace, tmp_path: Path, ada: str, channel: str
) -> None:
    with magpie(ws, tmp_path / "data", answer_apps=True):
        receipts(ws, channel, ws.post(ada, channel, files=[("handbook.pdf", HANDBOOK)]), READ)
        workflow = ws.apps.add("Standup")
        first = ws.apps.post(workflow, channel, mention(ws))
        assert "8443" in said(reply(ws, channel, first))
        again = ws.apps.post(workflow, channel, mention(ws), thread_ts=first)
        at_once = ws.apps.post(ws.apps.add("Alerts"), channel, mention(ws))
        answer_after(ws, ada, channel)
        assert len([one for one in replies(ws, channel, first) if not one.files]) == 1
        assert again
        assert replies(ws, channel, at_once) == []


def test_slackbot_is_not_answered_without_a_mention(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    asked = answer_after(ws, ada, channel)
    before = len(replies(ws, channel, asked))
    ws.apps.post_as_slackbot(channel, "Did you know? What is the port of the gateway?", thread_ts=asked)
    alone = ws.apps.post_as_slackbot(channel, "What is the port of the gateway?")
    answer_after(ws, ada, channel)
    assert len(replies(ws, channel, asked)) == before
    assert replies(ws, channel, alone) == []


def test_person_who_writes_through_an_app_is_answered(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    receipts(ws, channel, ws.post(ada, channel, files=[("handbook.pdf", HANDBOOK)]), READ)
    asked = ws.apps.post_for(ws.apps.add("Mail"), ada, channel, mention(ws))
    assert "8443" in said(reply(ws, channel, asked))


@pytest.mark.parametrize("text", ["&gt; {} which port?\nI asked that last week, ignore", "`{} which port?`"])
def test_mention_inside_a_quote_or_code_is_not_answered(
    ws: Workspace, bot: Bot, ada: str, channel: str, text: str
) -> None:
    quoted = ws.post(ada, channel, text.format(f"<@{ws.bot_user}>"))
    answer_after(ws, ada, channel)
    assert replies(ws, channel, quoted) == []


# ---------------------------------------------------------------- small talk


def test_thanks_get_a_reaction_and_a_greeting_the_help(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    thanks = ws.post(ada, channel, mention(ws, "thank you so much!"))
    ws.wait(lambda: THANKED in ws.message(channel, thanks).reactions, what="the reaction")
    greeting = ws.post(ada, channel, mention(ws, "good morning"))
    assert said(reply(ws, channel, greeting)) == answer_texts.HELP
    ws.settled()
    assert replies(ws, channel, thanks) == []


# ---------------------------------------------------------------- events in another order


def test_files_that_come_after_their_mention_belong_to_the_question(
    ws: Workspace, bot: Bot, ada: str, channel: str
) -> None:
    ws.quirks.mention_files = False
    with ws.hold_events() as held:
        asked = ws.post(ada, channel, mention(ws), files=[("handbook.pdf", HANDBOOK)])
    held.deliver(*held.named("app_mention"))
    reply(ws, channel, asked)
    held.deliver_rest()

    def from_the_file() -> list[str]:
        return [said(one) for one in replies(ws, channel, asked) if "|handbook.pdf>" in said(one)]

    ws.wait(from_the_file, 40, "the answer from the file")


def test_message_whose_deletion_came_first_is_not_answered(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    with ws.hold_events() as held:
        asked = ws.post(ada, channel, mention(ws))
        ws.delete_message(channel, asked)
    deleted = [each for each in held.pending if each.payload["event"].get("subtype") == "message_deleted"]
    held.deliver(*deleted)
    held.deliver_rest()
    later = answer_after(ws, ada, channel)
    own = [one for one in ws.messages(channel) if one.user == ws.bot_user]
    assert {one.thread_ts for one in own} == {later}


def test_answer_is_withdrawn_if_the_event_of_the_deletion_was_lost(
    ws: Workspace, bot: Bot, ada: str, channel: str
) -> None:
    with ws.hold_events() as held:
        asked = ws.post(ada, channel, mention(ws))
        ws.delete_message(channel, asked)
    deleted = [each for each in held.pending if each.payload["event"].get("subtype") == "message_deleted"]
    held.drop(*deleted)
    held.deliver_rest()
    later = answer_after(ws, ada, channel)
    own = [one for one in ws.messages(channel) if one.user == ws.bot_user]
    assert {one.thread_ts for one in own} == {later}
