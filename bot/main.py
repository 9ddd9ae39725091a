"""The bot's composition root: build its parts and run them in threads."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version as version_of
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout
from slack_bolt import App

from bot.access.directory import Directory
from bot.access.policy import Access
from bot.answers.compose import Composer
from bot.answers.fair_lock import FairLock
from bot.answers.respond import Responder
from bot.api.api import Api
from bot.api.http import build_server as build_tools_server
from bot.db import ephemeral_messages, jobs, question_queue, tables, workspaces
from bot.db.jobs import COMPLETE, Job, JobKind
from bot.inbox.limits import Limits
from bot.intake import ChannelRules, IntakeRules
from bot.jobs.answer_again import AnswerAgain
from bot.jobs.channel_settings import ChannelSettingsJobs
from bot.jobs.clock_steps import check_clock, follow_step
from bot.jobs.digest import Digests
from bot.jobs.ephemeral import MAX_AGE, EphemeralMessages
from bot.jobs.external_files import ExternalFiles
from bot.jobs.file_checks import FileChecks
from bot.jobs.folders import WatchedFolders
from bot.jobs.health import Health
from bot.jobs.intake import Intake
from bot.jobs.questions import AnswerWorker, PlaceholderWorker
from bot.jobs.receipts import Receipts
from bot.jobs.retention import Maintenance
from bot.jobs.retracted_receipts import RetractedReceipts
from bot.jobs.schedule import scheduled
from bot.jobs.sweep_jobs import sweep_handlers
from bot.jobs.worker import JobWorker, LoopWorker, Refills, WakeUp, run_loop
from bot.listeners.app import build_app
from bot.settings import SlackSettings
from bot.slack.agent_sessions import AGENT_SCOPE, AgentSessions
from bot.slack.client import SlackClient
from bot.slack.connection_limits import ConnectionLimits
from bot.slack.files import KIND, LINK, SlackFiles
from bot.slack.http import build_server, is_loopback, serving
from bot.slack.messages import home_texts
from bot.slack.owner import REMEDY, Owner, find_owner_of_token
from bot.slack.socket_mode import open_socket
from bot.slack.token_check import TokenCheck
from bot.slack.transport import RetryPolicy
from bot.slack.uninstalled import Uninstalled, mark_uninstalled, unmark_uninstalled
from bot.slack.uploads import Uploads
from bot.slack.waiting import wait_for_slack
from bot.telemetry.telemetry import Telemetry
from bot.telemetry.tracing import open_tracing
from rag import (
    Busy,
    Fetcher,
    LoopbackOnly,
    OperatorMustAct,
    Rag,
    ReadTransaction,
    Settings,
    SteadyClock,
    list_shares,
    open_rag,
    open_url_fetcher,
)

if TYPE_CHECKING:
    from starlette.types import ASGIApp

log = logging.getLogger("magpie")

OpenRag = Callable[..., Rag]

_POLL = 0.5

_NEW_TOKEN = "Install the app again and put its token into magpie.toml, or run magpie setup. No restart is needed."

_PLACEHOLDER_THREADS = 2
"""Threads that post placeholders: a slow conversation does not delay the others."""


@dataclass(frozen=True)
class Bot:
    """A bot that is built but not started; `run` starts it."""

    settings: SlackSettings
    client: SlackClient
    rag: Rag
    access: Access
    api: Api
    app: App
    receipts: JobWorker
    maintenance: JobWorker
    ephemeral: JobWorker
    placeholders: PlaceholderWorker
    answers: AnswerWorker
    token_check: TokenCheck
    telemetry: Telemetry
    clock: SteadyClock
    wake_up: WakeUp
    stop: threading.Event
    uninstalled: threading.Event

    def run(self, started: Callable[[int | None], None] = lambda _: None) -> None:
        """Work until `stop` is set or a part fails. Raise the error of the part that failed, and Uninstalled when Slack
        takes back the token.

        `started` is called once the bot receives events, with the port of /health; None: there is none.
        """
        workers: list[LoopWorker[Any]] = [self.receipts, self.maintenance, self.ephemeral]
        workers += [self.placeholders] * _PLACEHOLDER_THREADS + [self.answers] * self.settings.workers
        with ExitStack() as running:
            pool = ThreadPoolExecutor(len(workers) + 1, thread_name_prefix="bot")
            running.callback(pool.shutdown)
            running.callback(self._end)
            self.sweep_all()  # before anything is answered: what was deleted meanwhile must not be shown
            threads = [pool.submit(self.rag.serve, self.stop)]
            for worker in workers:
                threads.append(pool.submit(run_loop, worker.step, self.wake_up, self.stop, worker.idle_seconds))
            sweep = timedelta(minutes=self.settings.sweep_minutes)
            walk = timedelta(minutes=self.settings.folder_minutes)
            plan = running.enter_context(scheduled(self._request, sweep=sweep, walk=walk))
            opened = open_socket(self.app, self.settings, self.stop)
            socket = None if self.settings.http_port else running.enter_context(opened)

            def is_connected() -> bool:
                connected = socket is None or bool(socket.client.is_connected())
                return connected and not any(future.done() for future in threads)

            health = self.open_health(is_connected)
            self._serve_tools(running)
            started(self._serve(running, health))
            connected, watch = True, running.enter_context(closing(self.rag.watch()))
            while not self.stop.is_set():
                health.beat()
                if watch.has_changed():  # also by a command in another process
                    self.wake_up.notify()
                if step := self.clock.take_step():
                    follow_step(self.rag, step)
                    plan()
                    self.sweep_all()
                ended, _ = wait(threads, _POLL, FIRST_COMPLETED)
                for future in ended:
                    future.result()
                if self.uninstalled.is_set():
                    raise Uninstalled("The app was uninstalled from Slack, or its token revoked.", _NEW_TOKEN)
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

    def sweep_all(self) -> None:
        """Request a complete sweep of every conversation, because events may have been lost."""
        self._request(JobKind.SWEEP, COMPLETE)

    def _request(self, kind: JobKind, key: str = "") -> None:
        with self.rag.write_transaction() as connection:
            jobs.request(connection, kind, key=key)
        self.wake_up.notify()

    def open_health(self, is_connected: Callable[[], bool]) -> Health:
        """Return what /health, /ready and /metrics show. `is_connected`: see Health."""
        return Health(self.rag, self.token_check, is_connected)

    def _serve(self, running: ExitStack, health: Health) -> int | None:
        """Serve the events of HTTP mode, and /health. Return the port of /health; None if there is none."""
        port, host = self.settings.health_port, self.settings.health_host
        checks = {"/health": lambda: {"ok": health.is_healthy()}, "/ready": lambda: {"ok": health.is_ready()}}
        if port:
            local: ASGIApp = build_server(checks, metrics=lambda: self.telemetry.metrics.text(health.queues()))
            if is_loopback(host):
                local = LoopbackOnly(local, f"Ask http://127.0.0.1:{port}/health on this machine.")
            running.enter_context(serving(local, host, port))
        if not self.settings.http_port:
            return port or None
        # Requests come from outside, with a host name that only the reverse proxy knows.
        secret = self.settings.signing_secret.get_secret_value()
        outside = build_server(checks, self.app, secret)
        running.enter_context(serving(outside, "0.0.0.0", self.settings.http_port))
        return port or self.settings.http_port

    def _serve_tools(self, running: ExitStack) -> None:
        """Serve MCP and the HTTP API to other tools, if a port is set."""
        port, host = self.settings.tools_port, self.settings.tools_host
        if port:
            server = build_tools_server(self.api, host, self.settings.tools_hosts)
            running.enter_context(serving(server, host, port, ConnectionLimits(body_seconds=120), "on"))


@contextmanager
def open_bot(
    settings: Settings,
    slack: SlackSettings,
    opened: OpenRag = open_rag,
    stop: threading.Event | None = None,
    telemetry: Telemetry | None = None,
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
        opening.enter_context(only_one(settings))
        telemetry, wake_up = telemetry or Telemetry(open_tracing(os.environ)), WakeUp()
        opening.callback(telemetry.close)
        client = SlackClient(slack, RetryPolicy.PROMPT, metrics=telemetry.metrics)
        impatient = SlackClient(slack, RetryPolicy.IMPATIENT, metrics=telemetry.metrics)
        identity = wait_for_slack(client.identify, stop)
        unmark_uninstalled(settings.data)  # the token works
        owner = wait_for_slack(lambda: find_owner_of_token(client, identity), stop)
        me, clock = identity.user_id, SteadyClock(identity.at)
        teams = frozenset(filter(None, (identity.team_id, identity.enterprise_id)))
        indexed_teams = frozenset() if slack.index_external else teams

        def open_files(read: ReadTransaction) -> SlackFiles:
            def is_wanted(file: str) -> bool:
                with read() as connection:
                    return any(share.message for share in list_shares(connection, KIND, file))

            return SlackFiles(client, slack, me, settings.read.max_mb, is_wanted, indexed_teams)

        def open_fetchers(read: ReadTransaction) -> Mapping[str, Fetcher]:
            links: dict[str, Fetcher] = {LINK: open_url_fetcher(settings, LINK, read)} if slack.links else {}
            return {KIND: open_files(read), **links}

        histories = [tables.HISTORY]
        rag = opening.enter_context(
            opened(settings, open_fetchers=open_fetchers, histories=histories, observer=telemetry, clock=clock)
        )
        _check_owner(rag, owner)
        _release_claims(rag)
        check_clock(rag, clock)
        access = Access(Directory(impatient, identity.team_id))
        files = open_files(rag.read_transaction)
        uploads = Uploads(client, files, stop)
        fair = FairLock(settings.answer.at_once, slack.max_workers_per_person)
        composer = Composer(client, rag, files, access, fair, me, slack.document_seconds, stop, telemetry)
        responder = Responder(
            client,
            impatient,
            rag,
            composer,
            fair,
            uploads,
            AgentSessions(impatient, is_agent=AGENT_SCOPE in identity.scopes),
            me,
            stop,
            telemetry,
            streams=slack.stream,
            follow_ups=slack.follow_ups,
            carousel=slack.carousel,
        )
        rules = intake_rules(slack, indexed_teams)
        limits = Limits(
            links=slack.links,
            waiting=slack.person_waiting,
            intake=rules,
            apps=slack.answer_apps,
            link_age=settings.web.min_age_hours * 3600,
            since=clock.now(),
        )
        intake = Intake(client, rag, rules)
        wait_for_slack(intake.learn_channels, stop)
        secret = slack.signing_secret.get_secret_value()
        receipts, retracted = Receipts(client, rag), RetractedReceipts(client, rag)
        again = AnswerAgain(client, rag, access)
        checks = FileChecks(client, rag, files, me, limits, access.name_author)
        sweeps = sweep_handlers(client, rag, checks, me, limits, slack.sweep_minutes, clock.now)
        maintenance = Maintenance(
            rag, uploads, retracted, withdraw=slack.withdraw, keep_days=slack.keep_days, clock=clock.oldest
        )
        uninstalled = threading.Event()

        def on_uninstalled() -> None:
            mark_uninstalled(settings.data)
            uninstalled.set()

        external = ExternalFiles(client, rag, teams, slack.external_limit)
        source = home_texts.source_offer(version_of("magpie"), slack.source_url)
        ephemeral = EphemeralMessages(client, rag, files, access, me, slack.person_waiting, source)
        yield Bot(
            settings=slack,
            client=client,
            rag=rag,
            access=access,
            api=Api(rag, access, fair, slack.tools_calls, stop),
            app=build_app(
                client,
                rag,
                access,
                identity,
                secret,
                wake_up.notify,
                limits,
                impatient.open_modal,
                source,
                on_uninstalled,
            ),
            receipts=JobWorker(
                rag,
                {
                    JobKind.RECEIPT: receipts.acknowledge,
                    JobKind.RETRACT_RECEIPT: retracted.retract,
                    JobKind.AGAIN: again.handle,
                },
                refill=Refills(receipts, again),
                together=True,
                telemetry=telemetry,
            ),
            maintenance=JobWorker(
                rag,
                {
                    **sweeps,
                    **_maintenance(receipts, maintenance, intake, external, WatchedFolders(rag, settings.data)),
                    JobKind.DIGEST: Digests(client, rag, clock.now).handle,
                },
                together=True,
                telemetry=telemetry,
            ),
            ephemeral=_ephemeral_worker(rag, ephemeral, ChannelSettingsJobs(client, rag, access), telemetry),
            placeholders=PlaceholderWorker(rag, responder, wake_up.notify, clock.now),
            answers=AnswerWorker(rag, responder, fair, clock.now),
            token_check=TokenCheck(impatient),
            telemetry=telemetry,
            clock=clock,
            wake_up=wake_up,
            stop=stop,
            uninstalled=uninstalled,
        )


def _maintenance(
    receipts: Receipts, maintenance: Maintenance, intake: Intake, external: ExternalFiles, folders: WatchedFolders
) -> Mapping[JobKind, Callable[[Job], None]]:
    """Return the handlers of the jobs that need no answer soon, beside the sweeps."""

    def expire(_: Job) -> None:
        external.expire()
        maintenance.expire()

    return {
        JobKind.THANK: receipts.thank,
        JobKind.PURGE: lambda _: maintenance.purge_unshared(),
        JobKind.DELETE_UPLOADS: lambda _: maintenance.delete_abandoned_uploads(),
        JobKind.READMIT: lambda _: intake.readmit(),
        JobKind.WALK: lambda _: folders.walk(),
        JobKind.WELCOME: intake.welcome,
        JobKind.EXPIRE: expire,
    }


def _ephemeral_worker(
    rag: Rag, ephemeral: EphemeralMessages, settings: ChannelSettingsJobs, telemetry: Telemetry
) -> JobWorker:
    """Return the worker for what one person is shown."""
    handlers = dict.fromkeys(ephemeral_messages.KINDS, ephemeral.handle)
    return JobWorker(
        rag,
        {**handlers, JobKind.SETTINGS: settings.show, JobKind.SAVE: settings.save},
        max_age=MAX_AGE,
        apologize=ephemeral_messages.put_apology,
        telemetry=telemetry,
    )


def _release_claims(rag: Rag) -> None:
    """Let the questions and jobs that an earlier process had claimed be done again."""
    with rag.write_transaction() as connection:
        question_queue.release_claims(connection)
        jobs.release_claims(connection)


def _check_owner(rag: Rag, owner: Owner) -> None:
    """Record the workspace and the app of a new folder. Raise OperatorMustAct if it belongs to others: with another
    token, Slack lists other conversations, and everything that it does not list would be deleted."""
    with rag.write_transaction() as connection:
        known = workspaces.adopt(connection, owner)
    if not known.is_same(owner):
        raise OperatorMustAct(known.mismatch(owner), REMEDY)


def intake_rules(slack: SlackSettings, own_teams: frozenset[str] = frozenset()) -> IntakeRules:
    """Return the limits on files that the settings set. `own_teams` as in IntakeRules."""
    channels = ChannelRules.of(slack.index_channels, slack.skip_channels)
    return IntakeRules(channels, *slack.oldest(), slack.channel_files, slack.person_files, own_teams)


@contextmanager
def only_one(settings: Settings) -> Iterator[None]:
    """Keep other bots from the data folder for the `with` block. Raise Busy if one runs on it."""
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
