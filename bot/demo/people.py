"""The demo's people and conversations, its sample documents, and the bot connected to them."""

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

if TYPE_CHECKING:
    from bot.demo.slack_server import Samples, UnavailableFeature, Workspace
    from bot.main import Bot
    from rag import Check, Settings

CHANNEL = "harbour-watch"
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_COMMAND = re.compile(r"(?:(?<!\S)\w+=\S+ )?(?:sudo apt|ollama pull|ollama serve|magpie models|pip) [^`,;()]+")
_FEATURES = {
    "model": "written answers",
    "picture lanes": "picture search",
    "text vectors": "search by meaning",
    "office": "Word and PowerPoint files",
}
"""Name of a doctor's check -> name of the feature on the page."""


@dataclass(frozen=True)
class DemoTeam:
    """Ids of the people, and of the channel where the demo happens."""

    ada: str
    ben: str
    cleo: str
    channel: str


def create_team(ws: Workspace) -> DemoTeam:
    """Add three people a visitor can act as, one of another company, and a conversation of every kind."""
    ada, ben, cleo = ws.person("ada"), ws.person("ben"), ws.person("cleo", guest="multi")
    channel = ws.channel(CHANNEL, [ada, ben])
    ws.channel("night-shift", [ben], private=True)
    dora = ws.person("dora", stranger_team="T0TIDEWATER")
    ws.channel("with-tidewater", [ada, ben, cleo, dora], shared=True)
    for person in (ada, ben, cleo):
        ws.direct(person)
    ws.page.cast = (ada, ben, cleo)
    return DemoTeam(ada, ben, cleo, channel)


def sample_documents(folder: Path, questions: Sequence[str]) -> Samples:
    """Return the two sample documents, drawn into `folder` when they are first requested."""
    from bot.demo.samples import draw_samples, handbook, report
    from bot.demo.slack_server import Samples

    names = (handbook.NAME, report.NAME)

    def draw() -> Sequence[bytes]:
        paths = {path.name: path for path in draw_samples(folder)}
        return [paths[name].read_bytes() for name in names]

    return Samples(names, questions, draw)


@contextmanager
def run_bot(ws: Workspace, settings: Settings) -> Iterator[tuple[Bot, Future[None]]]:
    """Run the bot in a workspace. Yield it with a future that ends when the bot does, also by an error."""
    from pydantic import SecretStr

    from bot.settings import SlackSettings

    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        os.environ.pop(name, None)  # slack_sdk's WebSocket uses the proxy even for this machine
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
        with defer_stop_signals():
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
def defer_stop_signals() -> Iterator[None]:
    """Hold back Ctrl-C and SIGTERM until the block ends.

    An exception in the middle of an import can be lost and leave the import lock taken (CPython's `_get_module_lock`):
    every thread that imports would then hang forever.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    handlers = {each: signal.signal(each, lambda number, _: received.append(number)) for each in _STOP_SIGNALS}
    try:
        yield
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)
        for number in received[:1]:
            signal.raise_signal(number)


class FeatureCheck:
    """The features that are not set up, found by the doctor and cached until a new check is requested."""

    def __init__(self, checks: Callable[[], Iterator[Check]], command: str) -> None:
        self._checks, self._command = checks, command
        self._checking = threading.Lock()
        self._found: list[UnavailableFeature] | None = None

    def __call__(self, again: bool) -> Sequence[UnavailableFeature] | None:
        """Return the last result, or check if there is none or `again` is set.

        Only one check runs at a time; other callers get the last result, which is None before the first.
        """
        if not again and (self._found is not None or self._checking.locked()):
            return self._found
        with self._checking:
            self._found = [describe(check, self._command) for check in self._checks() if check.status != "ok"]
        return self._found


def describe(check: Check, magpie: str) -> UnavailableFeature:
    """Return a failed check as the page shows it. `magpie` is how the command is called on this machine."""
    from bot.demo.slack_server import UnavailableFeature

    match = _COMMAND.search(check.fix)
    command = match[0].strip().rstrip(".") if match else ""
    reason = check.detail.removeprefix("off: ")
    detail = f"{reason[:1].upper()}{reason[1:].rstrip('.')}."
    fix = check.fix if check.fix != command else ""
    if command.startswith("magpie "):
        command = magpie + command.removeprefix("magpie")
    return UnavailableFeature(_FEATURES.get(check.name, check.name), detail, f"{fix[:1].upper()}{fix[1:]}", command)
