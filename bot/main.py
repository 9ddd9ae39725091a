"""The bot put together: the one place that builds its parts, and the threads it runs in."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apscheduler.schedulers.background import BackgroundScheduler
from filelock import FileLock, Timeout
from slack_bolt import App
from slack_sdk import WebClient

from bot.access.directory import Directory
from bot.access.policy import Access
from bot.answers import queue
from bot.answers.compose import Thinking
from bot.answers.respond import Answering
from bot.db import tables
from bot.jobs.ephemeral import Telling
from bot.jobs.loops import Bell, Chores, Questions, loop
from bot.jobs.sweep import Sweep
from bot.listeners.app import build_app
from bot.settings import SlackSettings
from bot.slack.client import calling, open_asker, open_client, open_poster
from bot.slack.files import KIND, LINK, SlackFiles
from bot.slack.http import build_server, serving
from bot.slack.uploads import Uploads
from rag import Busy, Fetcher, LoopbackOnly, Rag, Settings, TryAgain, UrlFetcher, open_rag

if TYPE_CHECKING:
    from slack_bolt.adapter.socket_mode import SocketModeHandler

log = logging.getLogger("magpie")

OpenRag = Callable[..., Rag]

_TRY_AGAIN = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds between attempts to reach Slack; the last one is repeated."""

_LOOK = 0.5

_GREETERS = 2
"""Threads that greet: where Slack is slow in one conversation, another is greeted meanwhile."""

_BUFFER = 1 << 16
"""Bytes read from the socket at a time; slack_sdk now and then loses a message that needs several reads."""


@dataclass(frozen=True)
class Bot:
    """Everything built and nothing started yet; `run` starts it."""

    settings: SlackSettings
    client: WebClient
    rag: Rag
    files: SlackFiles
    access: Access
    app: App
    questions: Questions
    chores: Chores
    telling: Telling
    bell: Bell
    stop: threading.Event

    def run(self, started: Callable[[int | None], None] = lambda _: None) -> None:
        """Work until `stop` is set or a part fails; what failed is raised, for a bot that half works helps nobody.

        `started` is called once events come in, with the port of the HTTP server, or None when there is none.
        """
        with ExitStack() as running:
            pool = ThreadPoolExecutor(self.settings.workers + _GREETERS + 3, thread_name_prefix="bot")
            running.callback(pool.shutdown)
            running.callback(self._end)
            work = [pool.submit(self.rag.serve, self.stop), pool.submit(loop, self.chores.step, self.bell, self.stop)]
            steps = (
                [self.telling.step]
                + [self.questions.greet] * _GREETERS
                + [self.questions.answer] * self.settings.workers
            )
            work += [pool.submit(loop, step, self.bell, self.stop) for step in steps]
            running.enter_context(self._schedule())
            socket = None if self.settings.http_port else running.enter_context(self._socket())
            port = self._serve(running, socket, work)
            started(port)
            connected = True
            while not self.stop.is_set():
                ended, _ = wait(work, _LOOK, FIRST_EXCEPTION)
                for future in ended:
                    future.result()
                before, connected = connected, socket is None or bool(socket.client.is_connected())
                if connected is not before:
                    self.access.distrust()
                    log.warning("Connected to Slack again." if connected else "Slack is out of reach; trying.")
                    self.sweep_all()

    def _end(self) -> None:
        self.stop.set()
        self.files.close()
        self.bell.ring()

    @contextmanager
    def _schedule(self) -> Iterator[None]:
        """The sweep now and every `sweep_minutes`; what is old goes once a day."""
        scheduler = BackgroundScheduler(timezone="UTC")
        scheduler.add_job(self.sweep_all, "interval", minutes=self.settings.sweep_minutes, coalesce=True)
        scheduler.add_job(self.chores.tidy, "interval", days=1, coalesce=True)
        scheduler.start()
        self.sweep_all()
        try:
            yield
        finally:
            scheduler.shutdown(wait=False)

    def sweep_all(self) -> None:
        """Ask for a look at every channel; the chores do it."""
        with self.rag.writing() as connection:
            tables.send_errand(connection, "all", "*")
        self.bell.ring()

    @contextmanager
    def _socket(self) -> Iterator[SocketModeHandler]:
        from slack_bolt.adapter.socket_mode import SocketModeHandler

        handler = SocketModeHandler(
            self.app,
            self.settings.app_token.get_secret_value(),
            ping_interval=self.settings.ping_seconds,
            receive_buffer_size=_BUFFER,
        )
        try:
            reached(handler.connect, self.stop)
            yield handler
        finally:
            handler.close()  # type: ignore[no-untyped-call]

    def _serve(self, running: ExitStack, socket: SocketModeHandler | None, work: list[Future[None]]) -> int | None:
        port = self.settings.http_port or self.settings.health_port
        if not port:
            return None

        def health() -> dict[str, object]:
            connected = socket is None or bool(socket.client.is_connected())
            return {"ok": connected and not any(future.done() for future in work)}

        if socket is None:  # Slack reaches HTTP mode from outside, under a name that only its proxy knows
            secret = self.settings.signing_secret.get_secret_value()
            return running.enter_context(serving(build_server(health, self.app, secret), "0.0.0.0", port))
        server = LoopbackOnly(build_server(health, None), f"Ask http://127.0.0.1:{port}/health on this machine.")
        return running.enter_context(serving(server, "127.0.0.1", port))


@contextmanager
def open_bot(
    settings: Settings, slack: SlackSettings, opened: OpenRag = open_rag, stop: threading.Event | None = None
) -> Iterator[Bot]:
    """Build the bot on `settings.data`. Waits for Slack to be reachable, until `stop` is set.

    Raise Busy when a bot runs on this folder already: Slack would give each of them half of the events. Raise
    OperatorMustAct for a token that Slack does not accept.
    """
    stop = stop or threading.Event()
    # httpx tells every address that it asks, and in Slack's stand the names of files.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with ExitStack() as opening:
        opening.enter_context(_only_one(settings))
        client, poster, bell = open_client(slack), open_poster(slack), Bell()
        who = reached(client.auth_test, stop)
        me, team = str(who["user_id"]), str(who["team_id"])
        access = Access(Directory(open_asker(slack), team))

        def is_wanted(file: str) -> bool:
            with rag.reading() as connection:
                return tables.is_wanted(connection, file)

        def is_question(channel: str, ts: str) -> bool:
            with rag.reading() as connection:
                return queue.find_question(connection, channel, ts) is not None

        files = SlackFiles(client, slack, me, settings.read.max_mb, is_wanted, is_question)
        fetchers: dict[str, Fetcher] = {KIND: files}
        if slack.links:
            fetchers[LINK] = UrlFetcher(settings.web, settings.read)
        rag = opening.enter_context(opened(settings, fetchers=fetchers, histories=[tables.HISTORY]))
        with rag.writing() as connection:
            queue.free_claims(connection)
        uploads = Uploads(client, poster, files, stop)
        thinking = Thinking(client, rag, files, access, me, slack.document_seconds, stop)
        answering = Answering(client, poster, rag, thinking, uploads, me, stop)
        secret = slack.signing_secret.get_secret_value()
        waiting, most_files = slack.person_waiting, slack.person_files
        app = build_app(
            client, rag, access, me, secret, bell.ring, links=slack.links, waiting=waiting, files=most_files
        )
        chores = Chores(
            client,
            rag,
            Sweep(client, rag, files, me, waiting, most_files),
            uploads,
            withdraw=slack.withdraw,
            keep_days=slack.keep_days,
        )
        telling = Telling(client, poster, rag, files, access, me, waiting)
        questions = Questions(rag, answering, bell.ring, slack.workers_of_one)
        yield Bot(slack, client, rag, files, access, app, questions, chores, telling, bell, stop)


@contextmanager
def _only_one(settings: Settings) -> Iterator[None]:
    lock = FileLock(settings.data / "bot.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise Busy(
            f"A bot runs on {settings.data} already.", "Stop it first: two bots would each hear half of what is said."
        ) from error
    try:
        yield
    finally:
        lock.release()


def reached(call: Callable[[], Any], stop: threading.Event) -> Any:
    """What a call returns, once Slack can be reached; tried until then, or until `stop` is set."""
    tries = 0
    while True:
        try:
            with calling():
                return call()
        except TryAgain as error:
            if stop.wait(_TRY_AGAIN[min(tries, len(_TRY_AGAIN) - 1)]):
                raise
            if not tries:
                log.warning("%s Trying again until it can.", error)
            tries += 1
