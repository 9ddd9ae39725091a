"""`/magpie settings`: who may change what holds in a channel, and that it holds, in a workspace with the real bot."""

from __future__ import annotations

from pathlib import Path
from time import time
from typing import Any

from bot.access.policy import MayChange
from bot.db import channel_settings, jobs, questions, tables
from bot.db.channel_settings import ChannelSettings, Digest
from bot.db.jobs import Job, JobKind
from bot.demo.slack_server import Workspace
from bot.jobs.channel_settings import ChannelSettingsJobs
from bot.main import Bot
from bot.slack.events import IntakeRefusal
from bot.slack.messages import command_texts, file_texts, settings_texts
from bot.slack.settings_view import SettingsForm
from rag import FileType, Scope, ShareState, list_shares
from tests.flows.team import HANDBOOK, READ, answers, ask, magpie, mention, pdf, receipts, reply, said, share, until
from tests.flows.team import wait_for_ephemeral as told
from tests.flows.test_threads import shot
from tests.support.generator import FakeGenerator


def form(ws: Workspace, person: str, channel: str) -> dict[str, Any]:
    """Open the settings and return the modal once it is filled."""
    before = [view["id"] for view in ws.views()]
    ws.command(person, channel, "/magpie", "settings")

    def filled() -> list[dict[str, Any]]:
        opened = [view for view in ws.views() if view["id"] not in before]
        return [view for view in opened if settings_texts.LOADING not in str(view["blocks"])]

    view: dict[str, Any] = ws.wait(filled, 20, "the settings")[-1]
    return view


def options(*values: str) -> dict[str, Any]:
    return {"selected_options": [{"value": value} for value in values]}


def change(ws: Workspace, person: str, channel: str, **given: dict[str, Any]) -> str:
    """Change settings in the modal. Return what is said about it."""
    view = form(ws, person, channel)
    before = len(ws.ephemerals(person))
    ws.submit(person, view["id"], {name: {name: state} for name, state in given.items()})
    ws.wait(lambda: len(ws.ephemerals(person)) > before, 20, "what is said")
    ws.wait(lambda: view["id"] not in [each["id"] for each in ws.views()], 20, "the modal to close")
    return said(ws.ephemerals(person)[-1])


def stored(bot: Bot, channel: str) -> ChannelSettings:
    with bot.rag.read_transaction() as connection:
        return channel_settings.find(connection, channel)


# ---------------------------------------------------------------- who may change them


def test_creator_and_admins_may_change_settings_and_others_are_told_so(
    ws: Workspace, bot: Bot, ada: str, ben: str, channel: str
) -> None:
    assert change(ws, ada, channel, digest={"selected_option": {"value": "weekly"}}).startswith("Saved. ")
    known = stored(bot, channel)
    assert (known.digest, known.changed_by) == (Digest.WEEKLY, ada)
    refused = form(ws, ben, channel)
    assert settings_texts.MAY_NOT_CHANGE in str(refused["blocks"])
    assert "submit" not in refused
    ws.set_admin(ben)
    view = form(ws, ben, channel)
    assert f"Last changed by <@{ada}>" in str(view["blocks"])
    assert view["submit"]["text"] == settings_texts.SAVE_BUTTON


def test_admin_who_is_none_any_more_saves_nothing(ws: Workspace, bot: Bot, ben: str, channel: str) -> None:
    ws.set_admin(ben)
    view = form(ws, ben, channel)
    ws.set_admin(ben, admin=False)
    ws.submit(ben, view["id"], {"quiet": {"quiet": options("quiet")}})
    told(ws, ben, settings_texts.MAY_NOT_CHANGE)
    assert stored(bot, channel) == ChannelSettings()


def test_admin_who_is_not_in_the_channel_and_creator_who_left_it_may_not(
    ws: Workspace, bot: Bot, ada: str, ben: str, channel: str
) -> None:
    cara = ws.person("cara")
    ws.set_admin(cara)
    ws.leave(ada, channel)
    for person in (cara, ada):
        assert settings_texts.MAY_NOT_CHANGE in str(form(ws, person, channel)["blocks"])


def test_everyone_may_in_direct_messages(ws: Workspace, bot: Bot, ada: str, ben: str) -> None:
    for channel in (ws.direct(ben), ws.group_direct([ada, ben])):
        assert change(ws, ben, channel, quiet=options("quiet")) == f"Saved. {settings_texts.IS_QUIET}"
        assert stored(bot, channel).quiet


def test_where_magpie_is_not_a_member_nothing_can_be_set(ws: Workspace, bot: Bot, ada: str) -> None:
    for private in (True, False):
        away = ws.channel(f"away-{private}".lower(), members=[ada], with_bot=False, private=private)
        assert command_texts.NOT_IN_CONVERSATION in str(form(ws, ada, away)["blocks"])


def test_change_of_another_person_meanwhile_is_not_overwritten(
    ws: Workspace, bot: Bot, ada: str, ben: str, channel: str
) -> None:
    ws.set_admin(ben)
    view = form(ws, ben, channel)
    change(ws, ada, channel, quiet=options("quiet"))
    ws.submit(ben, view["id"], {"language": {"language": {"selected_option": {"value": "de"}}}})
    told(ws, ben, settings_texts.CHANGED_MEANWHILE)
    assert (stored(bot, channel).quiet, stored(bot, channel).language) == (True, "")


def saving(bot: Bot, channel: str, user: str, **given: Any) -> Job:
    """Return the job that stores submitted settings; `given` differs from the defaults."""
    about = SettingsForm(channel, **given).to_json()
    return Job(
        1, JobKind.SAVE, channel, "", user, 1, 1, 0, time(), {"text": "", "thread": "", "url": "", "about": about}
    )


def test_settings_that_are_saved_twice_after_a_crash_are_confirmed_once(
    ws: Workspace, bot: Bot, ada: str, channel: str
) -> None:
    settings = ChannelSettingsJobs(bot.client, bot.rag, bot.access)
    job = saving(bot, channel, ada, quiet=True)
    for _ in range(2):
        settings.save(job)
    bot.wake_up.notify()
    told(ws, ada, settings_texts.IS_QUIET)
    ws.command(ada, channel, "/magpie", "status")  # answered after what was said before
    told(ws, ada, "Here: ")
    assert not [one for one in ws.ephemerals(ada) if settings_texts.CHANGED_MEANWHILE in said(one)]
    assert stored(bot, channel).quiet


def test_settings_saved_while_magpie_leaves_the_channel_are_dropped(
    ws: Workspace, bot: Bot, ada: str, channel: str
) -> None:
    class Leaving:
        """Answers, and then Magpie is removed from the channel."""

        def may_change_settings(self, channel: str, user: str) -> MayChange:
            found = bot.access.may_change_settings(channel, user)
            ws.remove_bot(channel)
            ws.settled()
            return found

    leaving: Any = Leaving()
    ChannelSettingsJobs(bot.client, bot.rag, leaving).save(saving(bot, channel, ada, quiet=True))
    bot.wake_up.notify()
    until(lambda: stored(bot, channel) == ChannelSettings())


def test_person_with_too_many_requests_waiting_is_told_so_without_a_form(
    ws: Workspace, tmp_path: Path, ada: str, channel: str
) -> None:
    with magpie(ws, tmp_path / "data", person_waiting=1) as bot:
        with bot.rag.write_transaction() as connection:
            jobs.add(connection, JobKind.STATUS, channel, ada, {"text": "", "thread": "", "url": "", "about": {}})
            jobs.postpone(connection, JobKind.STATUS, time() + 600)
        ws.command(ada, channel, "/magpie", "settings")
        told(ws, ada, command_texts.too_many_waiting(1))
        assert ws.views() == []


def test_impossible_value_is_an_error_in_the_modal(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    view = form(ws, ada, channel)
    sent = ws.submit(ada, view["id"], {"digest": {"digest": {"selected_option": {"value": "hourly"}}}})
    ws.settled()
    assert ws.envelope(sent).reply == {
        "response_action": "errors",
        "errors": {"digest": settings_texts.UNKNOWN_CHOICE},
    }
    assert stored(bot, channel) == ChannelSettings()


def test_slack_that_refuses_the_modal_is_said(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    ws.faults.fail("views.open", error="expired_trigger_id")
    ws.command(ada, channel, "/magpie", "settings")
    told(ws, ada, settings_texts.NOT_OPENED)


def test_settings_are_shown_once_slack_answers(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    ws.faults.fail("conversations.info", 1, status=503)
    assert form(ws, ada, channel)["callback_id"] == "channel_settings"


# ---------------------------------------------------------------- what holds


def test_quiet_channel_gets_answers_but_no_reactions_and_notes(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    change(ws, ada, channel, quiet=options("quiet"))
    before = len(ws.ephemerals(ada))
    for name, data in (("handbook.pdf", HANDBOOK), ("song.mp3", b"ID3"), ("torn.pdf", b"%PDF-1.4 torn")):
        ws.post(ada, channel, files=[(name, data)])
    until(lambda: bot.rag.find("gateway port", Scope.of(channel)).found)
    _, answer = ask(ws, ada, channel, "which port does the gateway use?")
    assert "8443" in said(answer)
    ws.post(ada, channel, mention(ws, "thanks!"))
    ws.settled()
    ws.command(ada, channel, "/magpie", "status")
    assert settings_texts.IS_QUIET in said(told(ws, ada, "Here: "))
    assert not any(message.reactions for message in ws.messages(channel))
    assert len(ws.ephemerals(ada)) == before + 1


def test_only_the_chosen_types_are_indexed_until_they_are_changed(
    ws: Workspace, bot: Bot, ada: str, channel: str
) -> None:
    change(ws, ada, channel, types=options("image"))
    ts = ws.post(ada, channel, files=[("handbook.pdf", HANDBOOK)])

    def reasons() -> list[str]:
        with bot.rag.read_transaction() as connection:
            found = list_shares(connection, space=channel, states=[ShareState.REFUSED])
        return [each.reason for each in found]

    until(lambda: reasons() == [IntakeRefusal.TYPE])
    change(ws, ada, channel, types=options("image", "pdf"))
    receipts(ws, channel, ts, READ)
    assert stored(bot, channel).types == frozenset({FileType.IMAGE, FileType.PDF})


def test_answer_says_why_a_file_sent_with_the_question_is_not_read(
    ws: Workspace, bot: Bot, ada: str, channel: str
) -> None:
    with bot.rag.write_transaction() as connection:
        channel_settings.put(connection, channel, ChannelSettings(types=frozenset({FileType.IMAGE})))
    asked = ws.post(ada, channel, mention(ws), files=[("handbook.pdf", HANDBOOK)])
    assert file_texts.unused_file(IntakeRefusal.TYPE) in said(reply(ws, channel, asked))


def test_person_who_may_not_ask_is_told_so_and_gets_no_answer(
    ws: Workspace, bot: Bot, ada: str, ben: str, channel: str
) -> None:
    share(ws, ada, channel)
    share(ws, ada, channel, "log.pdf", pdf("The gateway was moved.", "The port of the gateway was painted."))
    ts, answer = ask(ws, ben, channel, "which port does the gateway use?")
    change(ws, ada, channel, askers={"selected_users": [ada]})
    refused = ws.post(ben, channel, mention(ws))
    told(ws, ben, settings_texts.MAY_NOT_ASK)
    count = len(ws.ephemerals(ben))
    # may be meant for others
    ws.post(ben, channel, "and which lantern does it have?", files=[("shot.png", shot())], thread_ts=ts)
    until(lambda: "shot.png" in [row.name for row in bot.rag.documents(Scope.of(channel))])
    ws.command(ben, channel, "/magpie", "find gateway port")
    ws.wait(lambda: len(ws.ephemerals(ben)) == count + 1, 20, "the refusal of the search")
    ws.click(ben, channel, answer.ts, "more")
    ws.wait(lambda: len(ws.ephemerals(ben)) == count + 2, 20, "the refusal of the button")
    assert {said(one) for one in ws.ephemerals(ben)} == {settings_texts.MAY_NOT_ASK}
    asked = ws.post(ada, channel, mention(ws, "which port does the gateway use?"))
    assert "port" in said(reply(ws, channel, asked))
    assert [one.user for one in ws.thread(channel, refused)] == [ben]
    with bot.rag.read_transaction() as connection:
        row = connection.execute(tables.question.select().where(tables.question.c.ts == refused)).one()
    assert (row.text, row.cancellation) == ("", questions.Cancellation.NOT_ALLOWED)


def test_refused_question_is_not_found_again_by_a_sweep(
    ws: Workspace, tmp_path: Path, ada: str, ben: str, channel: str
) -> None:
    with magpie(ws, tmp_path / "data") as bot:
        change(ws, ada, channel, askers={"selected_users": [ada]})
        refused = ws.post(ben, channel, mention(ws))
        told(ws, ben, settings_texts.MAY_NOT_ASK)
    with magpie(ws, tmp_path / "data") as bot:
        asked = ws.post(ada, channel, mention(ws))
        reply(ws, channel, asked)
        until(lambda: _has_no_sweeps(bot))
    assert len(ws.ephemerals(ben)) == 1
    assert len(ws.thread(channel, refused)) == 1


def test_answers_are_asked_for_in_the_language_of_the_channel(
    ws: Workspace, tmp_path: Path, ada: str, channel: str
) -> None:
    generator = FakeGenerator(text="Das Gateway horcht auf Port 8443 [1].")
    with magpie(ws, tmp_path / "data", generator=generator):
        share(ws, ada, channel)
        change(ws, ada, channel, language={"selected_option": {"value": "de"}})
        ts = ws.post(ada, channel, mention(ws))
        [answer] = answers(ws, channel, ts, 1)
    assert "Port 8443" in said(answer)
    assert "Answer in German" in generator.prompts[-1].system


def _has_no_sweeps(bot: Bot) -> bool:
    with bot.rag.read_transaction() as connection:
        return not any(jobs.count_open(connection)[kind] for kind in (JobKind.SWEEP, *jobs.SWEEPS))
