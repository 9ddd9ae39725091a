"""The calls of Slack's Web API that Magpie makes. Cursors are handled here only."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from slack_sdk import WebClient
from slack_sdk.webhook import WebhookClient

from bot.settings import SlackSettings
from bot.slack.errors import RateLimited, Refused, ThreadGone
from bot.slack.transport import RetryPolicy, map_errors, open_web_clients, retry_after, time_of
from bot.telemetry.metrics import Metrics
from rag import TryAgain

_RESPONSE_SECONDS = 10

Json: TypeAlias = Mapping[str, Any]
"""A JSON object from Slack."""

_CONVERSATION_TYPES = "public_channel,private_channel,mpim,im"
_PAGE = 999
"""Items per request for a list: Slack's maximum."""

_MESSAGES = {"limit": 200, "inclusive": True, "include_all_metadata": True}
"""Arguments of every request for messages. Slack recommends at most 200 messages per request."""


@dataclass(frozen=True, slots=True)
class BotIdentity:
    """The owner of the bot token. `scopes`: those that Slack granted; empty if it does not list them. `at`: the time of
    Slack's answer by its own clock, seconds since 1970; None if it does not say."""

    user_id: str
    bot_id: str
    user: str
    team_id: str
    team: str
    scopes: frozenset[str]
    enterprise_id: str = ""
    at: float | None = None


class SlackClient:
    """Magpie's calls to Slack, with one bot token. Thread-safe.

    Every method may raise TryAgain (Slack is busy or unreachable), OperatorMustAct (the token or its scopes are wrong)
    or Refused. Methods that return an iterator make a request only when the next page is needed. They call `check`
    before each request; it may raise to end the iteration.
    """

    def __init__(
        self,
        settings: SlackSettings,
        retries: RetryPolicy = RetryPolicy.PATIENT,
        stop: threading.Event | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        """`stop` ends the waits of a patient client; they raise Stopping. `metrics` counts the calls."""
        self._once, self._web = open_web_clients(settings, retries, stop or threading.Event(), metrics or Metrics())

    def open_bolt_client(self) -> WebClient:
        """Return a client for Bolt and its socket. It has no token, so that Bolt does not ask Slack whose it is."""
        return WebClient(base_url=self._web.base_url, timeout=self._web.timeout)

    @property
    def token(self) -> str:
        return str(self._web.token)

    # ------------------------------------------------------------ the app itself

    def identify(self) -> BotIdentity:
        with map_errors():
            found = self._web.auth_test()
        granted = str(found.headers.get("x-oauth-scopes", ""))
        scopes = frozenset(scope.strip() for scope in granted.split(",") if scope.strip())
        return BotIdentity(
            str(found["user_id"]),
            str(found.get("bot_id") or ""),
            str(found.get("user")),
            str(found["team_id"]),
            str(found.get("team")),
            scopes,
            str(found.get("enterprise_id") or ""),
            time_of(found.headers),
        )

    def get_app(self, bot_id: str) -> str:
        """Return the id of the app that a bot belongs to; "" if Slack does not say."""
        with map_errors():
            return str(self._web.bots_info(bot=bot_id)["bot"].get("app_id") or "")

    def open_socket(self, app_token: str) -> str:
        """Return the address of a new Socket Mode connection."""
        with map_errors():
            return str(self._web.apps_connections_open(app_token=app_token)["url"])

    def call(self, method: str, arguments: Json) -> None:
        """Make any call and ignore its result, to check whether Slack allows it."""
        with map_errors():
            self._web.api_call(method, params=dict(arguments))

    # ------------------------------------------------------------ messages

    def post_message(
        self, channel: str, text: str, blocks: Sequence[Json], *, thread: str = "", metadata: Json | None = None
    ) -> str:
        """Post a message and return its ts. Raise ThreadGone, and post nothing, if its thread does not exist."""
        with map_errors():
            posted = self._once.chat_postMessage(
                channel=channel,
                thread_ts=thread or None,
                text=text,
                blocks=_dicts(blocks),
                metadata=None if metadata is None else dict(metadata),
                unfurl_links=False,
                unfurl_media=False,
                parse="none",
            )
        ts, message = str(posted["ts"]), posted.get("message") or {}
        if thread and message and not message.get("thread_ts"):  # Slack posts it in the conversation instead
            self.delete_message(channel, ts)
            raise ThreadGone
        return ts

    def post_ephemeral(
        self, channel: str, user: str, text: str, blocks: Sequence[Json] | None = None, *, thread: str = ""
    ) -> None:
        """Post a message that only one person sees."""
        with map_errors():
            self._once.chat_postEphemeral(
                channel=channel,
                user=user,
                thread_ts=thread or None,
                text=text,
                blocks=None if blocks is None else _dicts(blocks),
                parse="none",
            )

    def respond(self, url: str, text: str, blocks: Sequence[Json]) -> None:
        """Post a message that only one person sees, through a response_url."""
        with map_errors():
            answered = WebhookClient(url, timeout=_RESPONSE_SECONDS).send(
                text=text, blocks=_dicts(blocks), response_type="ephemeral", replace_original=False
            )
        if answered.status_code == 429:
            raise RateLimited(retry_after(answered.headers))
        if answered.status_code >= 500:
            raise TryAgain(f"Slack is busy ({answered.status_code}).")
        if answered.status_code != 200:
            raise Refused(f"response_url {answered.status_code}")

    def update_message(
        self, channel: str, ts: str, text: str, blocks: Sequence[Json], *, metadata: Json | None = None
    ) -> None:
        with map_errors():
            self._web.chat_update(
                channel=channel,
                ts=ts,
                text=text,
                blocks=_dicts(blocks),
                metadata=None if metadata is None else dict(metadata),
                parse="none",
            )

    def start_stream(self, channel: str, thread: str, chunks: Sequence[Json]) -> str:
        """Begin a message that grows, in the thread of a direct message. Return its ts."""
        with map_errors():
            started = self._once.chat_startStream(
                channel=channel, thread_ts=thread, chunks=_dicts(chunks), task_display_mode="timeline"
            )
        return str(started["ts"])

    def append_stream(self, channel: str, ts: str, chunks: Sequence[Json]) -> None:
        with map_errors():
            self._once.chat_appendStream(channel=channel, ts=ts, chunks=_dicts(chunks))

    def stop_stream(self, channel: str, ts: str) -> None:
        """End a stream. Only then can its message be updated."""
        with map_errors():
            self._web.chat_stopStream(channel=channel, ts=ts)

    def delete_message(self, channel: str, ts: str) -> None:
        with map_errors():
            self._web.chat_delete(channel=channel, ts=ts)

    def get_permalink(self, channel: str, ts: str) -> str:
        with map_errors():
            return str(self._web.chat_getPermalink(channel=channel, message_ts=ts)["permalink"])

    def add_reaction(self, channel: str, ts: str, name: str) -> None:
        """Add a reaction, if it is not there yet."""
        with _accepting("already_reacted"), map_errors():
            self._web.reactions_add(channel=channel, timestamp=ts, name=name)

    def remove_reaction(self, channel: str, ts: str, name: str) -> None:
        """Remove a reaction, if it is there."""
        with _accepting("no_reaction"), map_errors():
            self._web.reactions_remove(channel=channel, timestamp=ts, name=name)

    def set_session_status(
        self, channel: str, thread: str, status: str, *, title: str = "", initiator: str = ""
    ) -> None:
        """Set the status of an agent's session in a thread: "processing" or "active". `title` and `initiator`, a user
        id, are those of a new session."""
        with map_errors():
            self._web.agents_sessions_setStatus(
                channel_id=channel,
                thread_ts=thread,
                status=status,
                title=title or None,
                initiator_user_id=initiator or None,
            )

    def list_history(self, channel: str, *, oldest: str, latest: str | None = None) -> Iterator[Json]:
        """Yield a conversation's messages, newest first, without replies in threads. Both ends are inclusive."""
        within = {"channel": channel, "oldest": oldest, "latest": latest}
        return self._items(self._web.conversations_history, "messages", {**_MESSAGES, **within})

    def list_replies(self, channel: str, thread: str, *, oldest: str, latest: str | None = None) -> Iterator[Json]:
        """Yield a thread's first message and its replies, oldest first. Both ends are inclusive."""
        within = {"channel": channel, "ts": thread, "oldest": oldest, "latest": latest}
        return self._items(self._web.conversations_replies, "messages", {**_MESSAGES, **within})

    def find_message(self, channel: str, ts: str, thread: str = "") -> Json | None:
        """Return one message, or None if it does not exist. A reply needs its `thread`."""
        if thread and thread != ts:
            found = self.list_replies(channel, thread, oldest=ts, latest=ts)
        else:
            found = self.list_history(channel, oldest=ts, latest=ts)
        return next((message for message in found if message.get("ts") == ts), None)

    # ------------------------------------------------------------ conversations and people

    def list_conversations(self, user: str | None = None, check: Callable[[], object] | None = None) -> Iterator[Json]:
        """Yield the conversations that Magpie is in, or those of a person; a person's private conversations only if
        Magpie is a member too."""
        arguments = {"types": _CONVERSATION_TYPES, "limit": _PAGE} | ({} if user is None else {"user": user})
        return self._items(self._web.users_conversations, "channels", arguments, check)

    def list_members(self, channel: str, check: Callable[[], object] | None = None) -> Iterator[str]:
        """Yield the user ids of a conversation's members."""
        arguments = {"channel": channel, "limit": _PAGE}
        return map(str, self._items(self._web.conversations_members, "members", arguments, check))

    def get_people_page(self, cursor: str) -> tuple[Sequence[Json], str]:
        """Return (people and apps of this workspace, cursor of the next page). Empty cursors: the first page; none."""
        with map_errors():
            found = self._web.users_list(cursor=cursor or None, limit=_PAGE)
        return found["members"], str((found.get("response_metadata") or {}).get("next_cursor") or "")

    def get_person(self, user: str) -> Json:
        with map_errors():
            found: Json = self._web.users_info(user=user)["user"]
        return found

    def get_conversation(self, channel: str) -> Json:
        with map_errors():
            found: Json = self._web.conversations_info(channel=channel)["channel"]
        return found

    def open_direct_message(self, user: str) -> str:
        """Return the id of Magpie's direct message with a person."""
        with map_errors():
            return str(self._web.conversations_open(users=user)["channel"]["id"])

    def publish_home(self, user: str, view: Json) -> None:
        with map_errors():
            self._web.views_publish(user_id=user, view=dict(view))

    def open_modal(self, trigger: str, view: Json) -> str:
        """Open a modal for the person whose interaction has this trigger, at most three seconds ago. Return its id."""
        with map_errors():
            return str(self._once.views_open(trigger_id=trigger, view=dict(view))["view"]["id"])

    def update_modal(self, id: str, view: Json) -> None:
        """Replace what an open modal shows. Raise Refused if it was closed."""
        with map_errors():
            self._web.views_update(view_id=id, view=dict(view))

    # ------------------------------------------------------------ files

    def get_file(self, file: str) -> Json:
        with map_errors():
            found: Json = self._web.files_info(file=file)["file"]
        return found

    def list_files(
        self, channel: str | None = None, *, count: int = 100, since: float = 0.0, page: int = 1
    ) -> Iterator[list[Json]]:
        """Yield pages of file objects. This list has page numbers, which the SDK does not follow.

        `since`: list files created after this time, seconds since 1970, wherever and whenever they were shared. `page`:
        the first page to request.
        """
        ts_from = f"{since:.0f}" if since else None
        while True:
            with map_errors():
                found = self._web.files_list(channel=channel, count=count, page=page, ts_from=ts_from)
            yield found["files"]
            if page >= int((found.get("paging") or {}).get("pages", 1)):
                return
            page += 1

    def count_files(self, channel: str) -> int:
        """Return how many files are shared in a conversation."""
        with map_errors():
            found = self._web.files_list(channel=channel, count=1, page=1)
        return int((found.get("paging") or {}).get("total", 0))

    def delete_file(self, file: str) -> None:
        with map_errors():
            self._web.files_delete(file=file)

    def request_upload(self, filename: str, length: int) -> tuple[str, str]:
        """Return (id of a new file, URL to upload its bytes to)."""
        with map_errors():
            target = self._web.files_getUploadURLExternal(filename=filename, length=length)
        return str(target["file_id"]), str(target["upload_url"])

    def share_uploads(self, titles: Mapping[str, str], channel: str, thread: str) -> None:
        """Share uploaded files, {id: title}, in one message of a thread. The message appears a little later."""
        files: list[dict[str, str | None]] = [{"id": file, "title": title} for file, title in titles.items()]
        with map_errors():
            self._once.files_completeUploadExternal(files=files, channel_id=channel, thread_ts=thread)

    def _items(
        self, call: Callable[..., Any], field: str, arguments: Json, check: Callable[[], object] | None = None
    ) -> Iterator[Any]:
        """Yield the items of every page of a list with cursors."""
        cursor = None
        while True:
            if check is not None:
                check()
            with map_errors():
                found = call(cursor=cursor, **arguments)
            yield from found[field]
            cursor = (found.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return


def _dicts(blocks: Sequence[Json]) -> list[dict[str, Any]]:
    return [dict(block) for block in blocks]


@contextmanager
def _accepting(code: str) -> Iterator[None]:
    """Ignore one refusal, which says that the requested state exists already."""
    try:
        yield
    except Refused as error:
        if error.code != code:
            raise
