"""What a reply may be made of, from the question to what stands in Slack; and what is left when a file goes."""

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
from tests.flows.team import READ, magpie, pdf, pictures, receipts, replies, reply, said, settings, until
from tests.support.generator import FakeGenerator
from tests.support.slack_workspace import MANIFEST, workspace_fixture

CANARY = "zanzibarwren"
SECRET = pdf(f"The gateway listens on port 8443. The pass word of the lantern is {CANARY}.")

ws = workspace_fixture(manifest=MANIFEST, ack_timeout=1.0)


@dataclass
class Slow(FakeGenerator):
    """While it thinks for the first time, something happens."""

    meanwhile: Callable[[], None] = lambda: None

    def stream(self, prompt: Prompt) -> Generating[str, None, None]:
        happens, self.meanwhile = self.meanwhile, lambda: None
        happens()
        yield from super().stream(prompt)


def at(ws: Workspace, text: str = "which port does the gateway use?") -> str:
    return f"<@{ws.bot_user}> {text}"


def shares(ws: Workspace, room: str, name: str = f"{CANARY}.pdf", data: bytes = SECRET) -> str:
    ts = ws.post("ada", room, files=[(name, data)])
    receipts(ws, room, ts, READ)
    return ts


def everything_said(ws: Workspace, channel: str) -> str:
    said_now = [f"{one.text} {one.blocks}" for one in ws.messages(channel) if one.user == ws.bot_user]
    sent = [f"{file.name} {file.title}" for file in ws.files() if file.owner == ws.bot_user]
    calls = [str(call.arguments) for call in ws.calls if call.arguments.get("channel") == channel]
    return "\n".join([*said_now, *sent, *calls])


def test_a_public_channel_answers_elsewhere_and_a_private_one_to_its_members_alone(
    ws: Workspace, tmp_path: Path
) -> None:
    ada, ben = ws.person("ada"), ws.person("ben")
    public, private = ws.channel("public", [ada]), ws.channel("private", [ada], private=True)
    here = ws.channel("here", [ada, ben])
    with magpie(ws, tmp_path / "data"):
        shares(ws, public, "handbook.pdf", pdf("The lantern of the quay is green."))
        shares(ws, private)
        lantern = "what colour has the lantern of the quay?"
        assert "handbook.pdf" in said(reply(ws, here, ws.post(ben, here, at(ws, lantern))))
        assert "could not find" in said(reply(ws, here, ws.post(ada, here, at(ws))))
        mine, theirs = ws.direct(ada), ws.direct(ben)
        assert "8443" in said(reply(ws, mine, ws.post(ada, mine, "which port does the gateway use?")))
        assert "could not find" in said(reply(ws, theirs, ws.post(ben, theirs, "which port does the gateway use?")))
        ws.join(ben, private)
        assert "8443" in said(reply(ws, theirs, ws.post(ben, theirs, "which port does the gateway use now?")))
        ws.leave(ben, private)
        assert "could not find" in said(reply(ws, theirs, ws.post(ben, theirs, "port of the gateway, again?")))
        ws.join(ws.person("gus", guest="multi"), here)
        ws.settled()
        assert "could not find" in said(reply(ws, here, ws.post(ben, here, at(ws, f"{lantern} please"))))
        assert CANARY not in " ".join(f"{one.text} {one.blocks}" for one in ws.messages(here))


@pytest.mark.parametrize("what", ["the file goes", "a reader comes", "the member leaves"])
def test_what_changes_while_the_model_writes_is_seen_before_anything_is_shown(
    ws: Workspace, tmp_path: Path, what: str
) -> None:
    ada, gus = ws.person("ada"), ws.person("gus", guest="single")
    room, other = ws.channel("room", [ada]), ws.channel("other", [ada])
    private = ws.channel("private", [ada], private=True)
    generator = Slow()
    with magpie(ws, tmp_path / "data", generator=generator):
        shares(ws, private if what == "the member leaves" else room)
        place = ws.direct(ada) if what == "the member leaves" else other

        def happens() -> None:
            match what:
                case "the file goes":
                    ws.delete_file(ws.files(f"{CANARY}.pdf")[0].id)
                case "a reader comes":
                    ws.join(gus, other)
                case "the member leaves":
                    ws.leave(ada, private)
            ws.settled()

        generator.meanwhile = happens
        asked = ws.post(ada, place, at(ws))
        assert "could not find" in said(reply(ws, place, asked))
        ws.wait(lambda: not ws.message(place, asked).reactions)
        assert len(replies(ws, place, asked)) == 1
        assert CANARY not in everything_said(ws, place)
        assert "port 8443" not in everything_said(ws, place)  # a time may end so


def test_a_reply_thought_out_before_a_restart_is_checked_again(ws: Workspace, tmp_path: Path) -> None:
    ada = ws.person("ada")
    room = ws.channel("room", [ada])
    with magpie(ws, tmp_path / "data") as bot:
        shares(ws, room)
        ws.faults.fail("chat.update", 1000, status=503)
        asked = ws.post(ada, room, at(ws))

        def thought() -> bool:
            with bot.rag.read_transaction() as connection:
                return bool(connection.exec_driver_sql("SELECT 1 FROM question WHERE reply IS NOT NULL").first())

        until(thought)
    ws.faults.clear()
    ws.delete_file(ws.files(f"{CANARY}.pdf")[0].id)
    with magpie(ws, tmp_path / "data"):
        assert "could not find" in said(reply(ws, room, asked))
    assert CANARY not in " ".join(str(one.blocks) for one in ws.messages(room))


def bytes_below(folder: Path, word: str) -> list[str]:
    """Files that hold a word, in their bytes or in their name."""
    found = []
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent) / name
            with suppress(FileNotFoundError):  # gone while it was looked for
                if word in name or word.encode() in path.read_bytes():
                    found.append(str(path.relative_to(folder)))
    return found


def forgotten(bot: Bot, data: Path) -> None:
    """Wait for the passes that take away what is gone; the engine's comes within half a minute by itself."""
    until(lambda: not bot.rag.forget([]) and not bytes_below(data, CANARY))


@pytest.mark.parametrize("how", ["file deleted", "message deleted", "left", "forgotten", "deactivated"])
def test_what_is_gone_leaves_nothing_behind(ws: Workspace, tmp_path: Path, how: str) -> None:
    ada = ws.person("ada")
    room = ws.direct(ada) if how == "deactivated" else ws.channel("room", [ada])
    data = tmp_path / "data"
    with magpie(ws, data) as bot:
        ts = shares(ws, room)
        asked = ws.post(ada, room, at(ws, "what is the pass word of the lantern?"))
        assert CANARY in said(reply(ws, room, asked))
        picture = pictures(ws, room, asked).files[0]
        assert bytes_below(data, CANARY)
        match how:
            case "file deleted":
                ws.delete_file(ws.files(f"{CANARY}.pdf")[0].id)
            case "message deleted":
                ws.delete_message(room, ts)
            case "left":
                ws.remove_bot(room)
            case "forgotten":
                bot.rag.forget([f"{CANARY}.pdf"])
                bot.sweep_all()
            case "deactivated":
                ws.deactivate(ada)
        if how in ("left", "deactivated"):  # nothing was deleted in Slack, and what was sent there stays
            ws.settled()
            until(lambda: not bot.rag.status().documents)
            assert not ws.file(picture).deleted
        else:
            ws.wait(lambda: ws.file(picture).deleted, what="the picture to be withdrawn")
    with magpie(ws, data, rag=settings(data)) as bot:
        forgotten(bot, data)
    assert bytes_below(data, CANARY) == []
    with magpie(ws, data) as bot:
        ws.wait(lambda: len(ws.called("users.conversations")) > 1)
        assert not bot.rag.status().documents
        with bot.rag.read_transaction() as connection:
            [row] = access_log.seen(connection, "")
        assert (row.channel, row.user, row.text, row.spaces) == (room, ada, "", [room])


def test_the_pictures_stay_where_the_setting_says_so(ws: Workspace, tmp_path: Path) -> None:
    ada = ws.person("ada")
    room = ws.channel("room", [ada])
    with magpie(ws, tmp_path / "data", withdraw=False) as bot:
        shares(ws, room)
        asked = ws.post(ada, room, at(ws))
        picture = pictures(ws, room, asked).files[0]
        ws.delete_file(ws.files(f"{CANARY}.pdf")[0].id)
        ws.settled()

        def traced() -> bool:
            with bot.rag.read_transaction() as connection:
                return access_log.seen(connection, "")[0].text == ""

        until(traced)
        assert not ws.file(picture).deleted


def test_an_event_that_comes_late_brings_nothing_back(ws: Workspace, tmp_path: Path) -> None:
    """Slack's events overtake each other: the share is told after the file was deleted."""
    ada = ws.person("ada")
    room = ws.channel("room", [ada])
    with magpie(ws, tmp_path / "data") as bot:
        ts = shares(ws, room)
        file = ws.files(f"{CANARY}.pdf")[0].id
        ws.unshare(file, room)
        until(lambda: not bot.rag.status().documents)  # Slack is asked first whether another message shares it
        late = {"type": "file_shared", "file_id": file, "user_id": ada, "channel_id": room, "event_ts": ts}
        ws.emit(late, room)
        ws.settled()
        assert not bot.rag.status().documents
        ws.share(ada, file, room)
        ws.settled()
        until(lambda: bot.rag.status().documents.get("ready") == 1)


def test_who_saw_a_file_is_kept_for_a_set_time(ws: Workspace, tmp_path: Path) -> None:
    ada = ws.person("ada")
    room = ws.channel("room", [ada])
    with magpie(ws, tmp_path / "data") as bot:
        shares(ws, room)
        reply(ws, room, ws.post(ada, room, at(ws)))

        def done() -> bool:
            with bot.rag.read_transaction() as connection:
                return not questions.open_questions(connection)

        until(done)
        with bot.rag.write_transaction() as connection:
            [row] = access_log.seen(connection, "")
            assert (row.channel, row.user, row.text) == (room, ada, "which port does the gateway use?")
            assert (row.spaces, len(row.sha256)) == ([room], 64)
            assert "full members alone" in row.scope
            assert connection.exec_driver_sql("SELECT reply FROM question").scalar() is None
            retention.expire(connection, row.at - 60)
            assert access_log.seen(connection, row.sha256[:8])
            retention.expire(connection, row.at + 60)
            assert retention.counts(connection) == (0, 0)
