"""Files that are not plain uploads, through the front door: what has text is found, the rest is explained once."""

from __future__ import annotations

from pathlib import Path

from bot.demo.slack_server import Workspace
from bot.jobs.intake import MANY_FILES
from bot.main import Bot
from tests.flows.team import (
    HANDBOOK,
    READ,
    UNREADABLE,
    ask,
    magpie,
    pictures,
    receipts,
    said,
    share,
    wait_for_ephemeral,
)


def message_of(ws: Workspace, channel: str, file: str) -> str:
    """Return the ts of the message that shares a file."""
    return next(one.ts for one in ws.messages(channel) if file in one.files)


def reactions(ws: Workspace, channel: str, ts: str) -> dict[str, list[str]]:
    return {name: list(users) for name, users in ws.message(channel, ts).reactions.items()}


def notices(ws: Workspace, person: str, words: str) -> int:
    return sum(words in said(one) for one in ws.ephemerals(person))


def test_text_that_slack_has_is_found_and_its_page_is_shown(ws: Workspace, bot: Bot, channel: str) -> None:
    special = ws.special
    shared = {
        "lantern": special.canvas("ada", channel, "Plan", "<h1>Plan</h1><p>The lantern of the pier is amber.</p>"),
        "buoy": special.post("ada", channel, "Notes", "The northern buoy needs paint."),
        "tariff": special.email("ada", channel, "Berths", "The winter tariff is 40 crowns a night."),
        "crane": special.snippet("ada", channel, "crane.txt", "The crane lifts nine tonnes."),
        "ferry": special.recording("ada", channel, "clip", b"\0", transcript=None),
        "dredger": special.recording("ada", channel, "film", b"\0", kind="video", transcript=None),
    }
    special.transcribe(shared["ferry"], "The ferry leaves at a quarter to six.")
    special.transcribe(shared["dredger"], "The dredger is yellow.")
    for file in shared.values():
        receipts(ws, channel, message_of(ws, channel, file), READ)
    for word in shared:
        ts, answer = ask(ws, "ben", channel, f"What do we know about the {word}?")
        assert word in said(answer)
        assert pictures(ws, channel, ts).files


def test_file_that_cannot_be_read_is_explained_once_for_each_kind(ws: Workspace, channel: str, tmp_path: Path) -> None:
    url = "https://docs.example.com/d/1"
    with magpie(ws, tmp_path / "data"):
        plan = ws.special.external("ada", channel, "Plan", url)
        tasks = ws.special.list("ada", channel, "Tasks", [["Task"], ["Paint the buoy"]])
        mixed = ws.post("ada", channel, files=[("old.zip", b"PK\3\4zip"), ("handbook.pdf", HANDBOOK)])
        for words in ("Google Drive", "Slack's lists", "archives"):
            wait_for_ephemeral(ws, "ada", words)
        receipts(ws, channel, mixed, READ)
        assert UNREADABLE not in reactions(ws, channel, mixed)
        for file in (plan, tasks):
            assert reactions(ws, channel, message_of(ws, channel, file)) == {}
        ws.special.external("ada", channel, "Plan B", url)
        ws.special.external("ben", channel, "Plan C", url)
        wait_for_ephemeral(ws, "ben", "Google Drive")
    with magpie(ws, tmp_path / "data"):  # a restart forgets nothing
        ws.special.external("ada", channel, "Plan D", url)
        share(ws, "ada", channel, "again.pdf")
    assert [notices(ws, person, "Google Drive") for person in ("ada", "ben")] == [1, 1]


def test_clip_is_found_once_it_is_transcribed(ws: Workspace, bot: Bot, channel: str) -> None:
    clip = ws.special.recording("ada", channel, "clip", b"\0", transcript=None)
    share(ws, "ada", channel)  # by now the clip was seen
    ts = message_of(ws, channel, clip)
    assert reactions(ws, channel, ts) == {}
    ws.special.transcribe(clip, "The ferry leaves at a quarter to six.")
    receipts(ws, channel, ts, READ)
    assert notices(ws, "ada", "audio") == 0
    _, answer = ask(ws, "ben", channel, "When does the ferry leave?")
    assert "quarter to six" in said(answer)


def test_inviter_is_told_how_many_files_a_channel_has(ws: Workspace, bot: Bot, ada: str) -> None:
    many, few = (ws.channel(name, members=[ada], with_bot=False) for name in ("many", "few"))
    for number in range(MANY_FILES):
        ws.post("ada", many, files=[(f"{number}.txt", f"words {number}".encode())])
    ws.post("ada", few, files=[("one.txt", b"words")])
    ws.invite_bot(few, inviter="ada")
    ws.invite_bot(many, inviter="ada")
    wait_for_ephemeral(ws, "ada", f"{MANY_FILES} files")
    ws.remove_bot(many)
    ws.invite_bot(many, inviter="ada")
    ws.wait(lambda: sum(str(call.get("count")) == "1" for call in ws.called("files.list")) == 3, 20, "three counts")
    assert notices(ws, "ada", "newest first") == 1


def test_channels_are_left_out_by_name(ws: Workspace, channel: str, ada: str, tmp_path: Path) -> None:
    random = ws.channel("random", members=[ada])
    with magpie(ws, tmp_path / "data", skip_channels=("#random",)) as bot:
        left_out = ws.post("ada", random, files=[("secret.pdf", HANDBOOK)])
        share(ws, "ada", channel, "open.pdf")
        assert reactions(ws, random, left_out) == {}
        assert bot.rag.status().documents == {"ready": 1}
    with magpie(ws, tmp_path / "data"):  # nothing is lost: without the rule it is indexed
        receipts(ws, random, left_out, READ)
