"""The people and conversations of the demo, what the page offers there, and the bot connected to it."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from bot.settings import SlackSettings
from rag import Check, Settings

if TYPE_CHECKING:
    from bot.demo.slack_server import Off, Samples, Workspace
    from bot.main import Bot

ROOM = "harbour-watch"
_ENDING = (signal.SIGINT, signal.SIGTERM)

_COMMAND = re.compile(r"(?:(?<!\S)\w+=\S+ )?(?:sudo apt|ollama pull|ollama serve|magpie models|pip) [^`,;()]+")
_SPOKEN = {
    "model": "answers written by a model",
    "picture lanes": "search by what pictures show",
    "text vectors": "search by what texts mean",
    "office": "Word and PowerPoint files",
}
"""What a check of the doctor's is about, to somebody who has not read about lanes."""


@dataclass(frozen=True)
class Town:
    """Ids of people, and of the conversation where the story plays."""

    ada: str
    ben: str
    cleo: str
    room: str


def settle(ws: Workspace) -> Town:
    """Three people one may be, a fourth of another company, and a conversation of every kind with Magpie in it."""
    ada, ben, cleo = ws.person("ada"), ws.person("ben"), ws.person("cleo", guest="multi")
    room = ws.channel(ROOM, [ada, ben])
    ws.channel("night-shift", [ben], private=True)
    dora = ws.person("dora", stranger_team="T0TIDEWATER")
    ws.channel("with-tidewater", [ada, ben, cleo, dora], shared=True)
    for person in (ada, ben, cleo):
        ws.direct(person)
    ws.page.cast = (ada, ben, cleo)
    return Town(ada, ben, cleo, room)


def samples(folder: Path, questions: Sequence[str]) -> Samples:
    """The two documents, drawn when somebody wants them."""
    from bot.demo.samples import draw_samples, handbook, report
    from bot.demo.slack_server import Samples

    names = (handbook.NAME, report.NAME)

    def draw() -> Sequence[bytes]:
        paths = {path.name: path for path in draw_samples(folder)}
        return [paths[name].read_bytes() for name in names]

    return Samples(names, questions, draw)


@contextmanager
def connected(ws: Workspace, settings: Settings) -> Iterator[tuple[Bot, Future[None]]]:
    """The bot at work in a workspace, and what ends when it does, by an error too."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        os.environ.pop(name, None)  # slack_sdk's socket would go through a proxy even to this machine
    slack = SlackSettings(
        bot_token=SecretStr(ws.bot_token),
        app_token=SecretStr(ws.app_token),
        api_url=ws.api_url,
        file_hosts=(ws.host,),
        http_port=0,
        health_port=0,
    )
    started = threading.Event()
    with ExitStack() as closing:
        with unhurried():
            from bot.main import open_bot

            bot = closing.enter_context(open_bot(settings, slack))
            pool = closing.enter_context(ThreadPoolExecutor(1))
            closing.callback(bot.stop.set)
        running = pool.submit(bot.run, lambda _: started.set())
        running.add_done_callback(lambda _: started.set())
        try:
            started.wait()
            yield bot, running
        finally:
            bot.stop.set()
            running.result()


@contextmanager
def unhurried() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait until the block is through.

    In the middle of an import such an exception may be lost, and the lock of all imports stay taken (CPython's
    `_get_module_lock`): every thread that imports then stands still for good.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    before = {each: signal.signal(each, lambda number, _: received.append(number)) for each in _ENDING}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        for number in received[:1]:
            signal.raise_signal(number)


class Lookout:
    """What Magpie does without: found by its doctor, kept until somebody asks to look again."""

    def __init__(self, checks: Callable[[], Iterator[Check]], command: str) -> None:
        self._checks, self._command = checks, command
        self._looking = threading.Lock()
        self._found: list[Off] | None = None

    def __call__(self, again: bool) -> Sequence[Off] | None:
        """Look where nobody has yet; only one looks at a time, and others get what was found before."""
        if not again and (self._found is not None or self._looking.locked()):
            return self._found
        with self._looking:
            self._found = [off(check, self._command) for check in self._checks() if check.status != "ok"]
        return self._found


def off(check: Check, magpie: str) -> Off:
    """`magpie`: how the command is called here, so that what is shown can be pasted."""
    from bot.demo.slack_server import Off

    found = _COMMAND.search(check.fix)
    command = found[0].strip().rstrip(".") if found else ""
    detail = check.detail.removeprefix("off: ")
    said = f"{detail[:1].upper()}{detail[1:].rstrip('.')}."
    fix = check.fix if check.fix != command else ""
    if command.startswith("magpie "):
        command = magpie + command.removeprefix("magpie")
    return Off(_SPOKEN.get(check.name, check.name), said, f"{fix[:1].upper()}{fix[1:]}", command)
