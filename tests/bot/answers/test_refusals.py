"""What Slack refuses: every answer reaches its asker in some form, and pictures never cost one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from bot.demo.slack_server import Message, Workspace, open_workspace
from bot.main import Bot
from bot.slack.buttons import is_working
from bot.slack.messages.answer_texts import CANNOT_POST, FILES_NOT_READY, PICTURES_MISSING
from rag import Scope
from tests.flows.team import HANDBOOK, READ, magpie, mention, pictures, receipts, replies, said, settings, share
from tests.support.generator import FakeGenerator
from tests.support.slack_workspace import MANIFEST, without_proxies, workspace_fixture

ws = workspace_fixture("module", manifest=MANIFEST, ack_timeout=0.5)

CONTENT = ("invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long", "markdown_text_conflict")
MESSAGE = ("message_not_found", "cant_update_message", "edit_window_closed", "streaming_state_conflict")
POSTING = (
    "restricted_action",
    "restricted_action_read_only_channel",
    "is_archived",
    "not_in_channel",
    "channel_not_found",
    "thread_locked",
    "user_not_in_channel",
    "channel_type_not_supported",
    "a_code_of_next_year",
)
UPLOADS = (
    "missing_scope",
    "internal_error",
    "file_upload_size_restricted",
    "storage_limit_reached",
    "missing_argument",
    "invalid_arguments",
    "not_in_channel",
)


@pytest.fixture(scope="module")
def ada(ws: Workspace) -> str:
    return ws.person("ada")


@pytest.fixture(scope="module")
def channel(ws: Workspace, ada: str) -> str:
    return ws.channel("harbor", members=[ada])


@pytest.fixture(scope="module")
def running(ws: Workspace, tmp_path_factory: pytest.TempPathFactory, ada: str, channel: str) -> Iterator[Bot]:
    with magpie(ws, tmp_path_factory.mktemp("data")) as bot:
        receipts(ws, channel, ws.post(ada, channel, files=[("handbook.pdf", HANDBOOK)]), READ)
        yield bot


@pytest.fixture
def bot(ws: Workspace, running: Bot) -> Iterator[Bot]:
    yield running
    ws.faults.clear()


def answered(ws: Workspace, channel: str, asked: str, seconds: float = 30) -> Message:
    """Wait until the question has an answer, with or without blocks, and no reaction."""

    def found() -> list[Message]:
        shown = [one for one in replies(ws, channel, asked) if not is_working(one.blocks) and "8443" in one.text]
        return shown if not ws.message(channel, asked).reactions else []

    return ws.wait(found, seconds, "an answer without the reaction")[0]


@pytest.mark.parametrize("code", CONTENT)
def test_answer_whose_blocks_are_refused_is_shown_as_text(
    ws: Workspace, bot: Bot, ada: str, channel: str, code: str
) -> None:
    asked = ws.post(ada, channel, mention(ws))
    ws.wait(lambda: replies(ws, channel, asked), 20, "a placeholder")
    ws.faults.fail("chat.update", error=code)
    assert "8443" in answered(ws, channel, asked).text


@pytest.mark.parametrize("code", [*MESSAGE, "a_code_of_next_year"])
def test_answer_whose_message_cannot_be_updated_is_posted_anew(
    ws: Workspace, bot: Bot, ada: str, channel: str, code: str
) -> None:
    ws.faults.fail("chat.update", 50, error=code)
    asked = ws.post(ada, channel, mention(ws))
    shown = answered(ws, channel, asked)
    ws.wait(lambda: [one.ts for one in replies(ws, channel, asked) if not one.files] == [shown.ts], 20, "one message")


@pytest.mark.parametrize("code", POSTING)
def test_asker_is_told_in_private_if_nothing_can_be_posted(
    ws: Workspace, bot: Bot, ada: str, channel: str, code: str
) -> None:
    told = len(ws.ephemerals(ada))
    ws.faults.fail("chat.postMessage", 2, error=code)
    asked = ws.post(ada, channel, mention(ws))
    ws.wait(lambda: len(ws.ephemerals(ada)) > told, 20, "a private message")
    assert said(ws.ephemerals(ada)[-1]) == CANNOT_POST
    ws.wait(lambda: not ws.message(channel, asked).reactions, 20, "the removal of the reaction")
    assert replies(ws, channel, asked) == []


def test_asker_is_told_in_a_direct_message_if_a_private_message_is_refused(
    ws: Workspace, bot: Bot, ada: str, channel: str
) -> None:
    direct = ws.direct(ada)
    ws.faults.fail("chat.postMessage", 1, error="restricted_action")
    ws.faults.fail("chat.postEphemeral", 1, error="user_not_in_channel")
    ws.post(ada, channel, mention(ws))
    ws.wait(lambda: [one for one in ws.messages(direct) if said(one) == CANNOT_POST], 20, "a direct message")


@pytest.mark.parametrize("code", UPLOADS)
@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "files.completeUploadExternal"])
def test_refused_picture_leaves_the_answer_and_is_named(
    ws: Workspace, bot: Bot, ada: str, channel: str, method: str, code: str
) -> None:
    ws.faults.fail(method, 50, error=code)
    asked = ws.post(ada, channel, mention(ws))
    shown = answered(ws, channel, asked)
    assert "8443" in said(shown)
    assert PICTURES_MISSING in said(shown)
    texts = [call["text"] for call in ws.called("chat.update") if call["ts"] == shown.ts]
    first = next(number for number, text in enumerate(texts) if "8443" in text)
    assert all("8443" in text for text in texts[first:])
    assert len(texts[first:]) < 6, "the answer is not written again and again"


@pytest.mark.parametrize("status", [400, 403, 413, 500])
def test_refused_bytes_of_a_picture_leave_the_answer(
    ws: Workspace, bot: Bot, ada: str, channel: str, status: int
) -> None:
    ws.faults.fail("upload", 50, status=status)
    asked = ws.post(ada, channel, mention(ws))
    assert PICTURES_MISSING in said(answered(ws, channel, asked))


def test_pictures_are_posted_after_a_failure_that_passes(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    ws.faults.fail("files.getUploadURLExternal", 2, error="internal_error")
    asked = ws.post(ada, channel, mention(ws))
    pictures(ws, channel, asked)
    assert PICTURES_MISSING not in said(answered(ws, channel, asked))


@pytest.mark.parametrize("code", ["already_reacted", "too_many_reactions", "thread_locked", "missing_scope"])
def test_refused_reaction_does_not_stop_the_answer(ws: Workspace, bot: Bot, ada: str, channel: str, code: str) -> None:
    ws.faults.fail("reactions.add", error=code)
    answered(ws, channel, ws.post(ada, channel, mention(ws)))


def test_file_that_never_becomes_ready_holds_no_worker_and_is_named(tmp_path: Path) -> None:
    with without_proxies(), open_workspace(manifest=MANIFEST) as ws:
        ada = ws.person("ada")
        channel, other = ws.channel("harbor", members=[ada]), ws.channel("meadow", members=[ada])
        with magpie(ws, tmp_path / "data"):
            share(ws, ada, channel)
            ws.pace.fresh_for = 3600.0
            held = [ws.post(ada, channel, mention(ws), files=[(f"{n}.pdf", HANDBOOK + b"%")]) for n in range(2)]
            ws.wait(lambda: len(ws.called("files.info")) > 4, 20, "requests for the files")
            answered(ws, other, ws.post(ada, other, mention(ws)), 10)
            for ts in held:
                assert FILES_NOT_READY in said(answered(ws, channel, ts))
            assert len(ws.called("files.info")) < 60


def test_wait_that_slack_asks_for_holds_no_worker(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    other = ws.channel("meadow", members=[ada])
    ws.faults.fail("chat.postMessage", 2, status=429, retry_after=12)
    delayed = [ws.post(ada, channel, mention(ws)) for _ in range(2)]
    ws.wait(lambda: len(ws.called("chat.postMessage")) >= 2, 20, "two refused messages")
    share(ws, ada, other)
    answered(ws, other, ws.post(ada, other, mention(ws)), 10)
    assert [replies(ws, channel, ts) for ts in delayed] == [[], []]
    for ts in delayed:
        answered(ws, channel, ts)


@pytest.mark.parametrize("body", ["", "<!DOCTYPE html><html><body>Be right back</body></html>"])
@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update", "files.completeUploadExternal"])
def test_response_without_json_is_not_final(
    ws: Workspace, bot: Bot, ada: str, channel: str, method: str, body: str
) -> None:
    ws.faults.fail(method, body=body)
    asked = ws.post(ada, channel, mention(ws))
    answered(ws, channel, asked)
    pictures(ws, channel, asked)


@pytest.mark.parametrize("fault", [{"body": ""}, {"error": "rate_limited"}, {"error": "team_added_to_org"}])
def test_new_share_survives_a_temporary_failure_of_its_lookup(
    ws: Workspace, bot: Bot, ada: str, channel: str, fault: dict[str, str]
) -> None:
    ws.faults.fail("files.info", 2, **fault)  # type: ignore[arg-type]
    share(ws, ada, channel, f"{len(ws.files())}.pdf", HANDBOOK + str(fault).encode())


def test_known_file_survives_a_temporary_failure_of_its_check(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    ts = share(ws, ada, channel, "kept.pdf", HANDBOOK + b"kept")
    [file] = ws.message(channel, ts).files
    asked = len(ws.called("files.info"))
    ws.faults.fail("files.info", body="")
    ws.emit({"type": "file_change", "file_id": file, "file": {"id": file}})
    ws.wait(lambda: len(ws.called("files.info")) > asked + 1, 20, "a second check")
    assert "kept.pdf" in [row.name for row in bot.rag.documents(Scope.of(channel))]


def test_progress_does_not_wait_as_long_as_slack_asks(tmp_path: Path) -> None:
    with without_proxies(), open_workspace(manifest=MANIFEST) as other:
        ben = other.person("ben")
        room = other.channel("harbor", members=[ben])
        model = FakeGenerator(text=" ".join(["Slowly."] * 40) + " The gateway listens on port 8443 [1].")
        with magpie(other, tmp_path / "data", generator=model, rag=settings(tmp_path / "data", answer={"model": "x"})):
            share(other, ben, room)
            asked = other.post(ben, room, mention(other))
            other.faults.fail("chat.update", 1, status=429, retry_after=20)
            assert "8443" in answered(other, room, asked, 15).text


def test_bot_stops_while_slack_asks_to_wait(tmp_path: Path) -> None:
    with without_proxies(), open_workspace(manifest=MANIFEST) as ws:
        ada = ws.person("ada")
        channel = ws.channel("harbor", members=[ada])
        for method in ("chat.postMessage", "files.list", "conversations.history", "reactions.add"):
            ws.faults.fail(method, 20, status=429, retry_after=300)
        with magpie(ws, tmp_path / "data"):
            ws.post(ada, channel, mention(ws))
            ws.wait(lambda: ws.called("files.list") and ws.called("chat.postMessage"), 20, "the refused calls")
            started = monotonic()
        assert monotonic() - started < 8
