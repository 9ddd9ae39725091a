"""A team with Magpie in its workspace: the real bot over real HTTP and WebSocket, the engine real but for the model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pymupdf

from bot.demo.slack_server import Message, Workspace
from bot.main import Bot, open_bot
from bot.settings import SlackSettings
from bot.slack.buttons import is_working
from rag import Settings, open_rag
from rag.ports import Generator
from tests.support.generator import FakeGenerator

READ, UNREADABLE = "white_check_mark", "warning"


def pdf(*pages: str) -> bytes:
    """A PDF with one paragraph on each page."""
    with pymupdf.open() as document:
        for text in pages:
            document.new_page().insert_textbox((60, 60, 535, 780), text, fontsize=12)
        made: bytes = document.tobytes()
    return made


GATEWAY = "The gateway listens on port 8443. Its lantern is green."
HANDBOOK = pdf("Welcome to the harbour.", GATEWAY, "Herons nest here.")


def slack_settings(ws: Workspace, **more: Any) -> SlackSettings:
    known = {"bot_token": ws.bot_token, "app_token": ws.app_token, "signing_secret": ws.signing_secret}
    return SlackSettings(
        **{**known, "api_url": ws.api_url, "file_hosts": (ws.host,), "workers": 2, "ping_seconds": 0.5, **more}
    )


def settings(data: Path, **more: Any) -> Settings:
    plain = {"workers": 1, "ocr": False, "layout": False}
    return Settings(**{"data": data, "answer": {"model": ""}, "read": plain, **more})


@contextmanager
def magpie(
    ws: Workspace, data: Path, *, generator: Generator | None = None, rag: Settings | None = None, **slack: Any
) -> Iterator[Bot]:
    """The bot, connected; what breaks in its threads breaks the test."""
    opened = partial(open_rag, generator=generator or FakeGenerator())
    started = threading.Event()
    with (
        open_bot(rag or settings(data), slack_settings(ws, **slack), opened) as bot,
        ThreadPoolExecutor(1) as pool,
    ):
        running = pool.submit(bot.run, lambda _: started.set())
        running.add_done_callback(lambda _: started.set())
        try:
            assert started.wait(30)
            yield bot
        finally:
            bot.stop.set()
            running.result(60)


def receipts(ws: Workspace, channel: str, ts: str, *names: str) -> None:
    """Wait until the bot put these reactions on a message."""

    def there() -> bool:
        reactions = ws.message(channel, ts).reactions
        return all(ws.bot_user in reactions.get(name, []) for name in names)

    ws.wait(there, 40, f"the reactions {names}")


def reply(ws: Workspace, channel: str, ts: str) -> Message:
    """Wait for the answer under a message: the one reply with blocks that nobody can stop any more."""

    def answered() -> list[Message]:
        return [one for one in replies(ws, channel, ts) if one.blocks and not is_working(one.blocks)]

    return ws.wait(answered, 40, "an answer")[0]


def replies(ws: Workspace, channel: str, ts: str) -> Sequence[Message]:
    """What the bot wrote in a thread, messages with pictures included."""
    return [one for one in ws.thread(channel, ts) if one.user == ws.bot_user]


def pictures(ws: Workspace, channel: str, ts: str) -> Message:
    """Wait for the message with the pictures."""

    def shown() -> list[Message]:
        return [one for one in replies(ws, channel, ts) if one.files]

    return ws.wait(shown, 40, "pictures")[0]


def said(message: Message) -> str:
    """All that a reader sees of a message but its buttons."""
    texts = [
        part["text"]
        for block in message.blocks
        if block["type"] not in ("actions", "context_actions")
        for part in (block.get("text"), *block.get("elements", ()))
        if part
    ]
    return "\n".join(texts) or message.text


def until(true: Callable[[], bool], seconds: float = 40) -> None:
    """Wait for what the engine does by itself, unseen by the workspace."""
    moment = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if true():
            return
        moment.wait(0.05)
    raise TimeoutError(f"not so within {seconds} s")


def share(ws: Workspace, who: str, room: str, name: str = "handbook.pdf", data: bytes = HANDBOOK) -> str:
    """Share a file and wait until it can be found."""
    ts = ws.post(who, room, files=[(name, data)])
    receipts(ws, room, ts, READ)
    return ts


def asked(ws: Workspace, who: str, room: str, words: str) -> tuple[str, Message]:
    """A question to Magpie and its answer."""
    ts = ws.post(who, room, f"<@{ws.bot_user}> {words}")
    return ts, reply(ws, room, ts)


def answers(ws: Workspace, room: str, thread: str, count: int) -> list[Message]:
    """Wait until so many answers stand in a thread; pictures are not counted."""

    def there() -> list[Message]:
        found = [one for one in replies(ws, room, thread) if one.blocks and not is_working(one.blocks)]
        return found if len(found) >= count else []

    return ws.wait(there, 40, f"{count} answers")


def told(ws: Workspace, who: str, words: str) -> Message:
    """Wait until somebody alone was told something with these words."""

    def there() -> list[Message]:
        return [one for one in ws.ephemerals(who) if words in said(one)]

    return ws.wait(there, 20, words)[0]
