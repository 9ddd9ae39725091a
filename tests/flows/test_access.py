"""Which documents an answer may use, up to the moment it is posted, and what stays when a file is removed."""

from __future__ import annotations

import os
from collections.abc import Callable
from collections.abc import Generator as Generating
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.db import access_log, questions, retention
from bot.demo.slack_server import Workspace
from bot.main import Bot
from rag.ports import Prompt
from tests.flows.team import READ, magpie, mention, pdf, pictures, receipts, replies, reply, said, settings, until
from tests.support.generator import FakeGenerator

CANARY = "zanzibarwren"
SECRET = pdf(f"The gateway listens on port 8443. The pass word of the lantern is {CANARY}.")


@dataclass
class GeneratorWithHook(FakeGenerator):
    """Calls `hook` once, while it generates the next answer."""

    hook: Callable[[], None] = lambda: None

    def stream(self, prompt: Prompt) -> Generating[str, None, None]:
        hook, self.hook = self.hook, lambda: None
        hook()
        yield from super().stream(prompt)


def share_secret(ws: Workspace, channel: str, name: str = f"{CANARY}.pdf", data: bytes = SECRET) -> str:
    ts = ws.post("ada", channel, files=[(name, data)])
    receipts(ws, channel, ts, READ)
    return ts


def everything_posted(ws: Workspace, channel: str, since: int = 0) -> str:
    """Return what Magpie's messages say, and all that it sent after the first `since` calls."""
    said_now = [f"{one.text} {one.blocks}" for one in ws.messages(channel) if one.user == ws.bot_user]
    sent = [f"{file.name} {file.title}" for file in ws.files() if file.owner == ws.bot_user]
    calls = [str(call.arguments) for call in ws.calls[since:] if call.arguments.get("channel") == channel]
    return "\n".join([*said_now, *sent, *calls])


def test_public_files_are_found_elsewhere_and_private_ones_only_by_members(ws: Workspace, tmp_path: Path) -> None:
    ada, ben = ws.person("ada"), ws.person("ben")
    public, private = ws.channel("public", [ada]), ws.channel("private", [ada], private=True)
    here = ws.channel("here", [ada, ben])
    with magpie(ws, tmp_path / "data"):
        share_secret(ws, public, "handbook.pdf", pdf("The lantern of the quay is green."))
        share_secret(ws, private)
        lantern = "what color has the lantern of the quay?"
        assert "handbook.pdf" in said(reply(ws, here, ws.post(ben, here, mention(ws, lantern))))
        assert "could not find" in said(reply(ws, here, ws.post(ada, here, mention(ws))))
        mine, theirs = ws.direct(ada), ws.direct(ben)
        assert "8443" in said(reply(ws, mine, ws.post(ada, mine, "which port does the gateway use?")))
        assert "could not find" in said(reply(ws, theirs, ws.post(ben, theirs, "which port does the gateway use?")))
        ws.join(ben, private)
        assert "8443" in said(reply(ws, theirs, ws.post(ben, theirs, "which port does the gateway use now?")))
        ws.leave(ben, private)
        assert "could not find" in said(reply(ws, theirs, ws.post(ben, theirs, "port of the gateway, again?")))
        ws.join(ws.person("gus", guest="multi"), here)
        ws.settled()
        assert "could not find" in said(reply(ws, here, ws.post(ben, here, mention(ws, f"{lantern} please"))))
        assert CANARY not in " ".join(f"{one.text} {one.blocks}" for one in ws.messages(here))


@pytest.mark.parametrize("change", ["file deleted", "reader joins", "member leaves"])
def test_change_during_generation_is_applied_before_the_answer_is_shown(
    ws: Workspace, tmp_path: Path, change: str
) -> None:
    ada, gus = ws.person("ada"), ws.person("gus", guest="single")
    channel, other = ws.channel("harbor", [ada]), ws.channel("other", [ada])
    private = ws.channel("private", [ada], private=True)
    generator = GeneratorWithHook()
    with magpie(ws, tmp_path / "data", generator=generator):
        share_secret(ws, private if change == "member leaves" else channel)
        place = ws.direct(ada) if change == "member leaves" else other

        before = 0

        def apply_change() -> None:
            nonlocal before
            before = len(ws.calls)
            assert CANARY in everything_posted(ws, place), "what was found is shown while it may be"
            match change:
                case "file deleted":
                    ws.delete_file(ws.files(f"{CANARY}.pdf")[0].id)
                case "reader joins":
                    ws.join(gus, other)
                case "member leaves":
                    ws.leave(ada, private)
            ws.settled()

        generator.hook = apply_change
        asked = ws.post(ada, place, mention(ws))
        assert "could not find" in said(reply(ws, place, asked))
        ws.wait(lambda: not ws.message(place, asked).reactions)
        assert len(replies(ws, place, asked)) == 1
        assert CANARY not in everything_posted(ws, place, before)
        assert "port 8443" not in everything_posted(ws, place, before)  # the bare number can be part of a timestamp


def test_composed_answer_is_checked_again_after_a_restart(ws: Workspace, tmp_path: Path) -> None:
    ada = ws.person("ada")
    channel = ws.channel("harbor", [ada])
    with magpie(ws, tmp_path / "data") as bot:
        share_secret(ws, channel)
        ws.faults.fail("chat.update", 1000, status=503)
        asked = ws.post(ada, channel, mention(ws))

        def is_composed() -> bool:
            with bot.rag.read_transaction() as connection:
                return bool(connection.exec_driver_sql("SELECT 1 FROM question WHERE reply IS NOT NULL").first())

        until(is_composed)
    ws.faults.clear()
    ws.faults.lose_events(20)
    ws.delete_file(ws.files(f"{CANARY}.pdf")[0].id)
    ws.faults.clear()
    ws.faults.fail("files.list", delay=2)  # the sweep that misses the file is slow
    with magpie(ws, tmp_path / "data"):
        assert "could not find" in said(reply(ws, channel, asked))
    assert CANARY not in " ".join(str(one.blocks) for one in ws.messages(channel))


def bytes_below(folder: Path, word: str) -> list[str]:
    """Return the files that contain a word in their bytes or their name."""
    found = []
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent) / name
            with suppress(FileNotFoundError):  # deleted meanwhile
                if word in name or word.encode() in path.read_bytes():
                    found.append(str(path.relative_to(folder)))
    return found


def wait_until_erased(bot: Bot, data: Path) -> None:
    """Wait for the cleanup, which the engine does every half minute."""
    until(lambda: not bot.rag.forget([]) and not bytes_below(data, CANARY))


@pytest.mark.parametrize("how", ["file deleted", "message deleted", "left", "forgotten", "deactivated"])
def test_removed_file_leaves_no_data(ws: Workspace, tmp_path: Path, how: str) -> None:
    ada = ws.person("ada")
    channel = ws.direct(ada) if how == "deactivated" else ws.channel("harbor", [ada])
    data = tmp_path / "data"
    with magpie(ws, data) as bot:
        ts = share_secret(ws, channel)
        asked = ws.post(ada, channel, mention(ws, "what is the pass word of the lantern?"))
        assert CANARY in said(reply(ws, channel, asked))
        picture = pictures(ws, channel, asked).files[0]
        assert bytes_below(data, CANARY)
        match how:
            case "file deleted":
                ws.delete_file(ws.files(f"{CANARY}.pdf")[0].id)
            case "message deleted":
                ws.delete_message(channel, ts)
            case "left":
                ws.remove_bot(channel)
            case "forgotten":
                bot.rag.forget([f"{CANARY}.pdf"])
                bot.sweep_all()
            case "deactivated":
                ws.deactivate(ada)
        if how in ("left", "deactivated"):  # nothing was deleted in Slack, so the posted pictures stay
            ws.settled()
            until(lambda: not bot.rag.status().documents)
            assert not ws.file(picture).deleted
        else:
            ws.wait(lambda: ws.file(picture).deleted, what="the picture to be deleted")
    with magpie(ws, data, rag=settings(data)) as bot:
        wait_until_erased(bot, data)
    assert bytes_below(data, CANARY) == []
    with magpie(ws, data) as bot:
        ws.wait(lambda: len(ws.called("users.conversations")) > 1)
        assert not bot.rag.status().documents
        with bot.rag.read_transaction() as connection:
            [row] = access_log.list_accesses(connection, "")
        assert (row.channel, row.user, row.text, row.spaces) == (channel, ada, "", [channel])


def test_pictures_stay_if_withdraw_is_off(ws: Workspace, tmp_path: Path) -> None:
    ada = ws.person("ada")
    channel = ws.channel("harbor", [ada])
    with magpie(ws, tmp_path / "data", withdraw=False) as bot:
        share_secret(ws, channel)
        asked = ws.post(ada, channel, mention(ws))
        picture = pictures(ws, channel, asked).files[0]
        ws.delete_file(ws.files(f"{CANARY}.pdf")[0].id)
        ws.settled()

        def is_scrubbed() -> bool:
            with bot.rag.read_transaction() as connection:
                return access_log.list_accesses(connection, "")[0].text == ""

        until(is_scrubbed)
        assert not ws.file(picture).deleted


def test_late_share_event_does_not_restore_a_file(ws: Workspace, tmp_path: Path) -> None:
    """Slack does not keep the order of events: the share arrives after the file was unshared."""
    ada = ws.person("ada")
    channel = ws.channel("harbor", [ada])
    with magpie(ws, tmp_path / "data") as bot:
        ts = share_secret(ws, channel)
        file = ws.files(f"{CANARY}.pdf")[0].id
        ws.unshare(file, channel)
        until(lambda: not bot.rag.status().documents)  # Slack is asked first whether another message shares it
        late = {"type": "file_shared", "file_id": file, "user_id": ada, "channel_id": channel, "event_ts": ts}
        ws.emit(late, channel)
        ws.settled()
        assert not bot.rag.status().documents
        ws.share(ada, file, channel)
        ws.settled()
        until(lambda: bot.rag.status().documents.get("ready") == 1)


def test_access_log_expires(ws: Workspace, tmp_path: Path) -> None:
    ada = ws.person("ada")
    channel = ws.channel("harbor", [ada])
    with magpie(ws, tmp_path / "data") as bot:
        share_secret(ws, channel)
        reply(ws, channel, ws.post(ada, channel, mention(ws)))

        def is_finished() -> bool:
            with bot.rag.read_transaction() as connection:
                return not questions.open_questions(connection)

        until(is_finished)
        with bot.rag.write_transaction() as connection:
            [row] = access_log.list_accesses(connection, "")
            assert (row.channel, row.user, row.text) == (channel, ada, "which port does the gateway use?")
            assert (row.spaces, len(row.sha256)) == ([channel], 64)
            assert "only full members" in row.scope
            assert connection.exec_driver_sql("SELECT reply FROM question").scalar() is None
            retention.expire(connection, row.at - 60)
            assert access_log.list_accesses(connection, row.sha256[:8])
            retention.expire(connection, row.at + 60)
            assert retention.counts(connection) == (0, 0)
