"""The bot's composition root: build its parts and run them in threads."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from apscheduler.schedulers.background import BackgroundScheduler
from filelock import FileLock, Timeout
from slack_bolt import App

from bot.access.directory import Directory
from bot.access.policy import Access
from bot.answers.compose import Composer
from bot.answers.fair_lock import FairLock
from bot.answers.respond import Responder
from bot.db import ephemeral_messages, jobs, question_queue, tables, workspaces
from bot.db.jobs import COMPLETE, JobKind
from bot.inbox import Limits
from bot.intake import ChannelRules, IntakeRules
from bot.jobs.answer_again import AnswerAgain
from bot.jobs.ephemeral import MAX_AGE, EphemeralMessages
from bot.jobs.file_checks import FileChecks
from bot.jobs.intake import Intake
from bot.jobs.questions import AnswerWorker, PlaceholderWorker
from bot.jobs.receipts import Receipts
from bot.jobs.retention import Maintenance
from bot.jobs.retracted_receipts import RetractedReceipts
from bot.jobs.sweep_jobs import sweep_handlers
from bot.jobs.worker import JobWorker, LoopWorker, Refills, WakeUp, run_loop
from bot.listeners.app import build_app
from bot.settings import SlackSettings
from bot.slack.client import RateLimited, RetryPolicy, SlackClient, map_errors
from bot.slack.files import KIND, LINK, SlackFiles
from bot.slack.http import build_server, serving
from bot.slack.owner import REMEDY, Owner, find_owner_of_token
from bot.slack.token_check import TokenCheck
from bot.slack.uploads import Uploads
from rag import (
    Busy,
    Fetcher,
    LoopbackOnly,
    OperatorMustAct,
    Rag,
    ReadTransaction,
    Settings,
    TryAgain,
    list_shares,
    open_rag,
    open_url_fetcher,
)

if TYPE_CHECKING:
    from slack_bolt.adapter.socket_mode import SocketModeHandler

log = logging.getLogger("magpie")

OpenRag = Callable[..., Rag]

_TRY_AGAIN = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds between attempts to reach Slack; the last one is repeated."""

_POLL = 0.5

_PLACEHOLDER_THREADS = 2
"""Threads that post placeholders: a slow conversation does not delay the others."""

_BUFFER = 1 << 16
"""Bytes read from the socket at a time: slack_sdk may lose a message that needs several reads."""


@dataclass(frozen=True)
class Bot:
    """A bot that is built but not started; `run` starts it."""

    settings: SlackSettings
    client: SlackClient
    rag: Rag
    access: Access
    app: App
    receipts: JobWorker
    maintenance: JobWorker
    ephemeral: JobWorker
    placeholders: PlaceholderWorker
    answers: AnswerWorker
    token_check: TokenCheck
    wake_up: WakeUp
    stop: threading.Event

    def run(self, started: Callable[[int | None], None] = lambda _: None) -> None:
        """Work until `stop` is set or a part fails. Raise the error of the part that failed.

        `started` is called once the bot receives events, with the port of the HTTP server; None: no server.
        """
        workers: list[LoopWorker[Any]] = [self.receipts, self.maintenance, self.ephemeral]
        workers += [self.placeholders] * _PLACEHOLDER_THREADS + [self.answers] * self.settings.workers
        with ExitStack() as running:
            pool = ThreadPoolExecutor(len(workers) + 1, thread_name_prefix="bot")
            running.callback(pool.shutdown)
            running.callback(self._end)
            threads = [pool.submit(self.rag.serve, self.stop)]
            for worker in workers:
                threads.append(pool.submit(run_loop, worker.step, self.wake_up, self.stop, worker.idle_seconds))
            running.enter_context(self._schedule())
            socket = None if self.settings.http_port else running.enter_context(self._socket())
            port = self._serve(running, socket, threads)
            started(port)
            connected = True
            while not self.stop.is_set():
                ended, _ = wait(threads, _POLL, FIRST_COMPLETED)
                for future in ended:
                    future.result()
                was_connected, connected = connected, socket is None or bool(socket.client.is_connected())
                if connected is not was_connected:
                    self.access.invalidate_all()
                    if connected:
                        with self.rag.write_transaction() as connection:
                            question_queue.end_delays(connection)
                    log.warning("Connected to Slack again." if connected else "Slack cannot be reached. Trying again.")
                    self.sweep_all()

    def _end(self) -> None:
        self.stop.set()
        self.wake_up.notify()

    @contextmanager
    def _schedule(self) -> Iterator[None]:
        """Request complete sweeps now, due sweeps every `sweep_minutes`, and the deletion of old rows now and daily."""
        scheduler = BackgroundScheduler(timezone="UTC")
        scheduler.add_job(
            self._request, "interval", [JobKind.SWEEP], minutes=self.settings.sweep_minutes, coalesce=True
        )
        readmit = partial(self._request, JobKind.READMIT)
        scheduler.add_job(readmit, "interval", minutes=self.settings.sweep_minutes, coalesce=True)
        scheduler.add_job(self._request, "interval", [JobKind.EXPIRE], days=1, coalesce=True)
        scheduler.start()
        readmit()
        self._request(JobKind.EXPIRE)
        self.sweep_all()
        try:
            yield
        finally:
            scheduler.shutdown(wait=False)

    def sweep_all(self) -> None:
        """Request a complete sweep of every conversation, because events may have been lost."""
        self._request(JobKind.SWEEP, COMPLETE)

    def _request(self, kind: JobKind, key: str = "") -> None:
        with self.rag.write_transaction() as connection:
            jobs.request(connection, kind, key=key)
        self.wake_up.notify()

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
            wait_for_slack(handler.connect, self.stop)
            yield handler
        finally:
            # One of its threads waits up to a second for the next message: an empty one ends it at once.
            handler.client.closed = True
            handler.client.enqueue_message("")
            handler.close()  # type: ignore[no-untyped-call]

    def _serve(self, running: ExitStack, socket: SocketModeHandler | None, threads: list[Future[None]]) -> int | None:
        port = self.settings.http_port or self.settings.health_port
        if not port:
            return None

        def health() -> dict[str, object]:
            connected = socket is None or bool(socket.client.is_connected())
            works = connected and not any(future.done() for future in threads)
            return {"ok": works and self.token_check.is_valid()}

        if socket is None:  # requests come from outside, with a host name that only the reverse proxy knows
            secret = self.settings.signing_secret.get_secret_value()
            return running.enter_context(serving(build_server(health, self.app, secret), "0.0.0.0", port))
        server = LoopbackOnly(build_server(health, None), f"Ask http://127.0.0.1:{port}/health on this machine.")
        return running.enter_context(serving(server, "127.0.0.1", port))


@contextmanager
def open_bot(
    settings: Settings, slack: SlackSettings, opened: OpenRag = open_rag, stop: threading.Event | None = None
) -> Iterator[Bot]:
    """Build the bot on `settings.data`. Wait until Slack can be reached or `stop` is set.

    Raise Busy if a bot already runs on this folder: Slack would split the events between them. Raise OperatorMustAct
    for a token that Slack does not accept, or one of another workspace or app than the folder's.
    """
    stop = stop or threading.Event()
    # httpx logs every URL, and Slack's URLs contain the names of files.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with ExitStack() as opening:
        opening.enter_context(_only_one(settings))
        client, wake_up = SlackClient(slack, RetryPolicy.PROMPT), WakeUp()
        impatient = SlackClient(slack, RetryPolicy.IMPATIENT)
        identity = wait_for_slack(client.identify, stop)
        owner = wait_for_slack(lambda: find_owner_of_token(client, identity), stop)
        me = identity.user_id

        def open_files(read: ReadTransaction) -> SlackFiles:
            def is_wanted(file: str) -> bool:
                with read() as connection:
                    return any(share.message for share in list_shares(connection, KIND, file))

            return SlackFiles(client, slack, me, settings.read.max_mb, is_wanted)

        def open_fetchers(read: ReadTransaction) -> Mapping[str, Fetcher]:
            links: dict[str, Fetcher] = {LINK: open_url_fetcher(settings, LINK, read)} if slack.links else {}
            return {KIND: open_files(read), **links}

        rag = opening.enter_context(opened(settings, open_fetchers=open_fetchers, histories=[tables.HISTORY]))
        _check_owner(rag, owner)
        with rag.write_transaction() as connection:
            question_queue.release_claims(connection)
            jobs.release_claims(connection)
        access = Access(Directory(impatient, identity.team_id))
        files = open_files(rag.read_transaction)
        uploads = Uploads(client, files, stop)
        fair = FairLock(settings.answer.at_once, slack.max_workers_per_person)
        composer = Composer(client, rag, files, access, fair, me, slack.document_seconds, stop)
        responder = Responder(client, impatient, rag, composer, fair, uploads, me, stop)
        rules = intake_rules(slack)
        limits = Limits(
            links=slack.links,
            waiting=slack.person_waiting,
            intake=rules,
            apps=slack.answer_apps,
            link_age=settings.web.min_age_hours * 3600,
        )
        intake = Intake(client, rag, rules)
        wait_for_slack(intake.learn_channels, stop)
        secret = slack.signing_secret.get_secret_value()
        receipts, retracted = Receipts(client, rag), RetractedReceipts(client, rag)
        again = AnswerAgain(client, rag, access)
        checks = FileChecks(client, rag, files, me, limits, access.name_author)
        sweeps = sweep_handlers(client, rag, checks, me, limits, slack.sweep_minutes)
        maintenance = Maintenance(rag, uploads, retracted, withdraw=slack.withdraw, keep_days=slack.keep_days)
        ephemeral = EphemeralMessages(client, rag, files, access, me, slack.person_waiting)
        yield Bot(
            settings=slack,
            client=client,
            rag=rag,
            access=access,
            app=build_app(client, rag, access, identity, secret, wake_up.notify, limits),
            receipts=JobWorker(
                rag,
                {
                    JobKind.RECEIPT: receipts.acknowledge,
                    JobKind.RETRACT_RECEIPT: retracted.retract,
                    JobKind.AGAIN: again.handle,
                },
                refill=Refills(receipts, again),
                together=True,
            ),
            maintenance=JobWorker(
                rag,
                {
                    **sweeps,
                    JobKind.THANK: receipts.thank,
                    JobKind.PURGE: lambda _: maintenance.purge_unshared(),
                    JobKind.DELETE_UPLOADS: lambda _: maintenance.delete_abandoned_uploads(),
                    JobKind.READMIT: lambda _: intake.readmit(),
                    JobKind.WELCOME: intake.welcome,
                    JobKind.EXPIRE: lambda _: maintenance.expire(),
                },
                together=True,
            ),
            ephemeral=JobWorker(
                rag,
                dict.fromkeys(ephemeral_messages.KINDS, ephemeral.handle),
                max_age=MAX_AGE,
                apologize=ephemeral_messages.put_apology,
            ),
            placeholders=PlaceholderWorker(rag, responder, wake_up.notify),
            answers=AnswerWorker(rag, responder, fair),
            token_check=TokenCheck(impatient),
            wake_up=wake_up,
            stop=stop,
        )


def _check_owner(rag: Rag, owner: Owner) -> None:
    """Record the workspace and the app of a new folder. Raise OperatorMustAct if it belongs to others: with another
    token, Slack lists other conversations, and everything that it does not list would be deleted."""
    with rag.write_transaction() as connection:
        known = workspaces.adopt(connection, owner)
    if not known.is_same(owner):
        raise OperatorMustAct(known.mismatch(owner), REMEDY)


def intake_rules(slack: SlackSettings) -> IntakeRules:
    """Return the limits on files that the settings set."""
    channels = ChannelRules.of(slack.index_channels, slack.skip_channels)
    return IntakeRules(channels, *slack.oldest(), slack.channel_files, slack.person_files)


@contextmanager
def _only_one(settings: Settings) -> Iterator[None]:
    lock = FileLock(settings.data / "bot.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise Busy(
            f"A bot already runs on {settings.data}.", "Stop it first: Slack would split the events between two bots."
        ) from error
    try:
        yield
    finally:
        lock.release()


def wait_for_slack(call: Callable[[], Any], stop: threading.Event) -> Any:
    """Repeat a call until Slack can be reached, and return its result. Raise TryAgain once `stop` is set."""
    tries = 0
    while True:
        try:
            with map_errors():
                return call()
        except TryAgain as error:
            asked = error.seconds if isinstance(error, RateLimited) else 0.0
            if stop.wait(max(asked, _TRY_AGAIN[min(tries, len(_TRY_AGAIN) - 1)])):
                raise
            if not tries:
                log.warning("%s Trying again.", error)
            tries += 1
