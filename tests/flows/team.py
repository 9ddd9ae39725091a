"""Run the bot in a local workspace, with the real engine and a fake model, and wait for what it posts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pymupdf

from bot.db import tables
from bot.demo.slack_server import Message, Workspace
from bot.main import Bot, open_bot
from bot.settings import SlackSettings
from bot.slack.buttons import is_working
from bot.slack.simple_blocks import simple_blocks
from bot.telemetry.telemetry import Telemetry
from rag import Settings, open_rag
from rag.ports import Extractor, Generator
from tests.support.generator import FakeGenerator
from tests.support.migrated import migrated

READ, INCOMPLETE, UNREADABLE = "white_check_mark", "large_yellow_circle", "warning"


def pdf(*pages: str) -> bytes:
    """Return a PDF with one paragraph on each page."""
    with pymupdf.open() as document:
        for text in pages:
            document.new_page().insert_textbox((60, 60, 535, 780), text, fontsize=12)
        made: bytes = document.tobytes()
    return made


GATEWAY = "The gateway listens on port 8443. Its lantern is green."
HANDBOOK = pdf("Welcome to the harbor.", GATEWAY, "Herons nest here.")


def slack_settings(ws: Workspace, **more: Any) -> SlackSettings:
    tokens = {"bot_token": ws.bot_token, "app_token": ws.app_token, "signing_secret": ws.signing_secret}
    return SlackSettings(
        **{**tokens, "api_url": ws.api_url, "file_hosts": (ws.host,), "workers": 2, "ping_seconds": 0.5, **more}
    )


def settings(data: Path, **more: Any) -> Settings:
    plain = {"workers": 1, "ocr": False, "layout": False}
    return Settings(**{"data": data, "answer": {"model": ""}, "read": plain, **more})


@contextmanager
def magpie(
    ws: Workspace,
    data: Path,
    *,
    generator: Generator | None = None,
    extractor: Extractor | None = None,
    rag: Settings | None = None,
    telemetry: Telemetry | None = None,
    **slack: Any,
) -> Iterator[Bot]:
    """Run the bot and yield it when it is connected. Raise at the end what one of its threads raised."""
    given = None if extractor is None else lambda: extractor
    opened = partial(open_rag, generator=generator or FakeGenerator(), extractor=given)
    chosen = rag or settings(data)
    migrated(chosen.data, tables.HISTORY)
    with open_bot(chosen, slack_settings(ws, **slack), opened, telemetry=telemetry) as bot, running(bot):
        yield bot


@contextmanager
def running(bot: Bot) -> Iterator[None]:
    """Run a bot, from when it is connected. Raise at the end what one of its threads raised."""
    started = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(bot.run, lambda _: started.set())
        run.add_done_callback(lambda _: started.set())
        try:
            assert started.wait(30)
            yield
        finally:
            bot.stop.set()
            run.result(60)


def receipts(ws: Workspace, channel: str, ts: str, *names: str) -> None:
    """Wait until the bot has put these reactions on a message."""

    def all_set() -> bool:
        reactions = ws.message(channel, ts).reactions
        return all(ws.bot_user in reactions.get(name, []) for name in names)

    ws.wait(all_set, 40, f"the reactions {names}")


def reply(ws: Workspace, channel: str, ts: str) -> Message:
    """Wait for the finished answer in the thread of a message and return it."""

    def answered() -> list[Message]:
        return [one for one in replies(ws, channel, ts) if one.blocks and not is_working(one.blocks)]

    return ws.wait(answered, 40, "an answer")[0]


def replies(ws: Workspace, channel: str, ts: str) -> Sequence[Message]:
    """Return the bot's messages in a thread, those with pictures included."""
    return [one for one in ws.thread(channel, ts) if one.user == ws.bot_user]


def pictures(ws: Workspace, channel: str, ts: str) -> Message:
    """Wait for the message with the pictures and return it."""

    def shown() -> list[Message]:
        return [one for one in replies(ws, channel, ts) if one.files]

    return ws.wait(shown, 40, "pictures")[0]


def said(message: Message) -> str:
    """Return the visible text of a message, without its buttons."""
    texts = [
        part["text"]
        for block in simple_blocks(message.blocks)
        if block["type"] not in ("actions", "context_actions")
        for part in (block.get("text"), *block.get("elements", ()))
        if part
    ]
    return "\n".join(texts) or message.text


def until(condition: Callable[[], bool], seconds: float = 40) -> None:
    """Wait for something that the engine does, which `ws.wait` does not notice."""
    never = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        never.wait(0.05)
    raise TimeoutError(f"the condition was not met within {seconds} s")


def share(ws: Workspace, person: str, channel: str, name: str = "handbook.pdf", data: bytes = HANDBOOK) -> str:
    """Share a file and wait until it can be found. Return the timestamp of the message."""
    ts = ws.post(person, channel, files=[(name, data)])
    receipts(ws, channel, ts, READ)
    return ts


def ask(ws: Workspace, person: str, channel: str, words: str) -> tuple[str, Message]:
    """Ask Magpie and wait for the answer. Return the timestamp of the question, and the answer."""
    ts = ws.post(person, channel, mention(ws, words))
    return ts, reply(ws, channel, ts)


def answers(ws: Workspace, channel: str, thread: str, count: int) -> list[Message]:
    """Wait until a thread has this many finished answers and return them. Messages with pictures are not counted."""

    def finished() -> list[Message]:
        found = [one for one in replies(ws, channel, thread) if one.blocks and not is_working(one.blocks)]
        return found if len(found) >= count else []

    return ws.wait(finished, 40, f"{count} answers")


def wait_for_ephemeral(ws: Workspace, person: str, words: str) -> Message:
    """Wait for an ephemeral message with these words to this person and return it."""

    def received() -> list[Message]:
        return [one for one in ws.ephemerals(person) if words in said(one)]

    return ws.wait(received, 20, words)[0]


def mention(ws: Workspace, text: str = "which port does the gateway use?") -> str:
    """Return a message that asks Magpie."""
    return f"<@{ws.bot_user}> {text}"
