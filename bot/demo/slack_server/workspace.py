"""The Workspace class: act as people, look at what the bot did, and wait for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from bot.demo.slack_server import actions, file_actions, forwarding, interactions
from bot.demo.slack_server.actions import Context, NewMessage
from bot.demo.slack_server.conversation_methods import ConversationMethods
from bot.demo.slack_server.delivery import Envelope
from bot.demo.slack_server.faults import Faults
from bot.demo.slack_server.held_events import HeldEvents
from bot.demo.slack_server.links import file_link, message_link
from bot.demo.slack_server.manifest import load_app_config
from bot.demo.slack_server.other_apps import OtherApps
from bot.demo.slack_server.page import BrowserPage
from bot.demo.slack_server.page.features import load_features
from bot.demo.slack_server.quirks import Quirks
from bot.demo.slack_server.rate_limits import RateLimits
from bot.demo.slack_server.server import Server
from bot.demo.slack_server.special_files import SpecialFiles
from bot.demo.slack_server.state import (
    Call,
    Conversation,
    Json,
    Login,
    Message,
    Person,
    Session,
    SlackFile,
    State,
    Timing,
)

T = TypeVar("T")
NewFile = tuple[str, bytes]
"""(name, content)"""


class Workspace(ConversationMethods):
    """A running workspace. Methods can be called from any thread and return copies.

    `user` is a user id or a name, `channel` an id. `<@{bot_user}>` in a text mentions the bot.
    `send_event=False` drops the event of an action, as a lost connection would.
    """

    def __init__(self, context: Context, server: Server) -> None:
        super().__init__(context)
        self._server = server
        self.faults: Faults = context.faults
        self.pace: Timing = context.state.timing
        self.quirks: Quirks = context.state.quirks
        self.limits: RateLimits = context.limits
        self.special = SpecialFiles(context)
        self.apps = OtherApps(context)
        self.page: BrowserPage = server.page
        """The browser page of the workspace, at `page.url`."""
        self.host = context.state.host
        """`127.0.0.1:PORT`, the host of all addresses, files included."""
        self.api_url = f"http://{self.host}/api/"
        self.bot_token, self.app_token = context.state.bot_token, context.state.app_token
        self.signing_secret = context.state.signing_secret
        self.team_id, self.app_id = context.state.team, context.state.app
        self.bot_user, self.bot_id = context.state.bot.id, context.state.bot.bot_id

    # ------------------------------------------------------------ messages

    def post(
        self,
        user: str,
        channel: str,
        text: str = "",
        *,
        files: Sequence[NewFile] = (),
        thread_ts: str = "",
        broadcast: bool = False,
    ) -> str:
        """Post a message, optionally with new files. Return its ts. `broadcast` also sends a reply to the channel.

        `text` is Slack's wire format: `&lt;` for a typed `<`.

        Events: message (with files, subtype file_share), app_mention if a channel message mentions the bot, and one
        file_shared per file.
        """
        with self._state.changed:
            person = self._state.person_id(user)
            ids = [file_actions.create(self._context, person, name, data).id for name, data in files]
            draft = NewMessage(text, files=ids, thread_ts=thread_ts, broadcast=broadcast, upload=bool(ids))
            return actions.post(self._context, person, channel, draft).ts

    def share(self, user: str, file_id: str, channel: str, text: str = "", *, thread_ts: str = "") -> str:
        """Share an existing file in another conversation. Return the ts of the message."""
        return actions.post(self._context, user, channel, NewMessage(text, files=[file_id], thread_ts=thread_ts)).ts

    def forward(self, user: str, channel: str, ts: str, to: str, text: str = "", *, thread_ts: str = "") -> str:
        """Forward a message to another conversation, below a comment `text`. Return the ts of the new message."""
        return forwarding.forward(self._context, user, channel, ts, to, text, thread_ts)

    def unfurl(self, channel: str, ts: str, linked_channel: str, linked_ts: str) -> None:
        """Show the linked message below one that links to it: message_changed without `edited`."""
        forwarding.unfurl(self._context, channel, ts, linked_channel, linked_ts)

    def link(self, channel: str, ts: str) -> str:
        """Return the permalink of a message."""
        return message_link(self._state, channel, ts, self.message(channel, ts).thread_ts)

    def edit(self, channel: str, ts: str, text: str | None = None, *, files: list[str] | None = None) -> None:
        """Edit a message: message_changed, and app_mention with `edited` if the new text mentions the bot.

        `files` holds the ids of all files that the message has from now on; those taken out get no event.
        """
        actions.edit(self._context, channel, ts, text=text, files=files)

    def delete_message(self, channel: str, ts: str) -> None:
        """Delete a message: message_deleted. Only `previous_message` names its files; they get no event.

        See `Quirks.tombstone_change` for a message with replies.
        """
        actions.delete(self._context, channel, ts)

    def react(self, user: str, channel: str, ts: str, name: str) -> None:
        actions.react(self._context, user, channel, ts, name)

    def unreact(self, user: str, channel: str, ts: str, name: str) -> None:
        actions.unreact(self._context, user, channel, ts, name)

    # ------------------------------------------------------------ files

    def delete_file(self, file_id: str) -> None:
        """Delete a file: file_deleted. Messages keep a tombstone of it."""
        file_actions.delete(self._context, file_id)

    def unshare(self, file_id: str, channel: str) -> None:
        """Remove a file from the messages of a channel: file_unshared."""
        file_actions.unshare(self._context, file_id, channel)

    def rename_file(self, file_id: str, name: str) -> None:
        """Rename a file: file_change."""
        file_actions.rename(self._context, file_id, name)

    def edit_file(self, file_id: str, data: bytes) -> None:
        """Change the content of a snippet, canvas or post: file_change."""
        file_actions.edit(self._context, file_id, data)

    def file_link(self, file_id: str) -> str:
        """Return the permalink of a file."""
        return file_link(self._state, self._state.files[file_id])

    def set_mode(self, file_id: str, mode: str, *, external: bool = False) -> None:
        """Set the mode to `external`, `snippet`, `post`, `space`, `hidden_by_limit`, ... without an event."""
        with self._state.changed:
            self._state.files[file_id].mode, self._state.files[file_id].external = mode, external

    def set_login_answer(self, login: Login) -> None:
        """Choose the answer to downloads without a valid token: a redirect (default), or 200 with the login page."""
        with self._state.changed:
            self._state.login = login

    # ------------------------------------------------------------ buttons, shortcuts, commands, views

    def click(self, user: str, channel: str, ts: str, action_id: str, value: str = "") -> str:
        """Press a button of a message, ephemeral or not. Return the envelope's id. Raise LookupError if it has none.

        `value` chooses between buttons of one action id. For feedback buttons it is the value pressed.
        """
        return interactions.click(self._context, user, channel, ts, action_id, value)

    def shortcut(self, user: str, channel: str, ts: str, callback_id: str) -> str:
        """Run a message shortcut. Return the envelope's id."""
        return interactions.message_shortcut(self._context, user, channel, ts, callback_id)

    def command(self, user: str, channel: str, command: str, text: str = "") -> str:
        """Run a slash command. Return the envelope's id. Text in its acknowledgement becomes an ephemeral message."""
        return interactions.command(self._context, user, channel, command, text)

    def submit(self, user: str, view_id: str, values: Json | None = None) -> str:
        """Submit a modal with `values` as `view.state.values`; fields that are not given keep their initial values.

        Return the envelope's id; its `reply` is the answer. Raise LookupError if a field that is not optional is empty.
        """
        return interactions.submit(self._context, user, view_id, values or {})

    def open_home(self, user: str, tab: str = "home") -> None:
        """Open the tab "home" or "messages" of the app: app_home_opened."""
        interactions.open_home(self._context, user, tab)

    def stop_session(self, user: str, channel: str, thread_ts: str) -> None:
        """Press Slack's own Stop button of an agent's session: agent_session_stopped. Its streams end at once."""
        interactions.stop_session(self._context, user, channel, thread_ts)

    def rename_session(self, user: str, channel: str, thread_ts: str, title: str) -> None:
        """Rename an agent's session: agent_session_title_changed."""
        interactions.rename_session(self._context, user, channel, thread_ts, title)

    def look_at(self, user: str, channel: str = "") -> None:
        """Look at a channel, or at none, beside the agent: app_context_changed."""
        interactions.look_at(self._context, user, channel)

    # ------------------------------------------------------------ current state

    def messages(self, channel: str) -> list[Message]:
        """Return the messages of a conversation with replies, oldest first, without ephemeral ones."""
        return self._state.snapshot(self._state.conversation(channel).messages)

    def thread(self, channel: str, ts: str) -> list[Message]:
        """Return a thread, oldest message first."""
        with self._state.changed:
            return self._state.snapshot(self._state.thread(self._state.conversation(channel), ts))

    def message(self, channel: str, ts: str) -> Message:
        return self._state.snapshot(self._state.message(channel, ts))

    def ephemerals(self, user: str = "") -> list[Message]:
        """Return the ephemeral messages of one person, or of everyone, oldest first."""
        with self._state.changed:
            viewer = user and self._state.person_id(user)
            return self._state.snapshot(
                [each for each in self._state.ephemerals if not viewer or each.ephemeral_to == viewer]
            )

    def file(self, file_id: str) -> SlackFile:
        return self._state.snapshot(self._state.files[file_id])

    def files(self, name: str = "") -> list[SlackFile]:
        """Return all files (the bot's included) or those with this name, oldest first."""
        with self._state.changed:
            return self._state.snapshot([each for each in self._state.files.values() if name in ("", each.name)])

    def conversation(self, channel: str) -> Conversation:
        return self._state.snapshot(self._state.conversation(channel))

    def conversations(self) -> list[Conversation]:
        return self._state.snapshot(list(self._state.conversations.values()))

    def people(self) -> list[Person]:
        return self._state.snapshot(list(self._state.people.values()))

    def home(self, user: str) -> Json:
        """Return the Home view that the bot published to this person, or an empty dict."""
        return self._state.snapshot(self._state.homes.get(self._state.person_id(user), {}))

    def views(self) -> list[Json]:
        """Return the open modals, oldest first."""
        return self._state.snapshot(list(self._state.views.values()))

    def status(self, channel: str, thread_ts: str) -> str:
        """Return the status line of a thread, such as "is thinking". The bot's next message clears it."""
        return self._state.statuses.get((channel, thread_ts), "")

    def session(self, channel: str, thread_ts: str) -> Session | None:
        """Return the agent's session in a thread."""
        return self._state.snapshot(self._state.sessions.get((channel, thread_ts)))

    def prompts(self, channel: str) -> list[Json]:
        return self._state.snapshot(self._state.prompts.get(channel, []))

    @property
    def calls(self) -> list[Call]:
        """Return every call of the Web API in order, failed ones included."""
        return self._state.snapshot(self._state.calls)

    def called(self, method: str) -> list[Json]:
        """Return the arguments of every call of one method."""
        return [call.arguments for call in self.calls if call.method == method]

    def calls_after(self, number: int) -> list[Call]:
        """Return the calls after the first `number`."""
        with self._state.changed:
            return self._state.snapshot(self._state.calls[number:])

    # ------------------------------------------------------------ envelopes

    def envelopes(self, event: str = "") -> list[Envelope]:
        """Return everything pushed to the bot so far, or the events of one type, such as "file_shared"."""
        return self._context.delivery.envelopes(event)

    def envelopes_after(self, number: int) -> list[Envelope]:
        """Return the envelopes after the first `number`."""
        return self._context.delivery.envelopes_after(number)

    def envelope(self, envelope_id: str) -> Envelope:
        return next(each for each in self.envelopes() if each.id == envelope_id)

    @property
    def connections(self) -> int:
        """Return the number of open Socket Mode connections."""
        return self._context.delivery.connection_count

    def settled(self, timeout: float = 10) -> None:
        """Wait until a connection is open and every envelope was acknowledged or given up."""
        self.wait(lambda: self._context.delivery.is_settled, timeout, "every event acknowledged")

    def wait(self, predicate: Callable[[], T], timeout: float = 10, what: str = "") -> T:
        """Return what `predicate` returns once it is true. It is called after every change of the workspace.

        It can call the Web API itself. Raise TimeoutError, naming `what` and the last calls.
        """
        changed, deadline = self._state.changed, time.monotonic() + timeout
        while True:
            version = changed.version
            value = predicate()
            if value:
                return value
            with changed:
                if not changed.wait_for_change(version, deadline - time.monotonic()):
                    last = ", ".join(call.method for call in self._state.calls[-5:]) or "none"
                    raise TimeoutError(f"waited {timeout} s for {what or 'a condition'}; last calls: {last}")

    @contextmanager
    def hold_events(self) -> Iterator[HeldEvents]:
        """Hold back the events of what happens in the block. They wait until they are delivered or dropped.

        with ws.hold_events() as held:
            ws.post("ada", channel, "<@U…> hello")
        held.deliver(*reversed(held.pending))
        """
        envelopes: list[Envelope] = []
        self._context.delivery.hold(envelopes)
        try:
            yield HeldEvents(self._state, self._context.delivery, envelopes)
        finally:
            self._context.delivery.hold(None)

    def emit(self, event: Json, channel: str = "") -> None:
        """Push an event object unchanged, subscribed or not. `channel` is the conversation it belongs to."""
        interactions.emit(self._context, event, channel)

    def notify(self) -> None:
        """Call every waiting predicate again, for predicates that depend on something outside the workspace."""
        with self._state.changed:
            self._state.changed.notify_all()

    # ------------------------------------------------------------ the connection

    def disconnect_now(self, reason: str = "refresh_requested") -> None:
        """Send every connection a disconnect frame, then close it (with "warning" after 10 seconds)."""
        self._context.delivery.disconnect(reason)

    def drop_connections(self) -> None:
        """Drop every connection without a close frame, as a broken network does."""
        self._server.drop_connections()

    def request_url(self, url: str) -> None:
        """Push signed HTTP requests to this address instead of Socket Mode. An empty URL switches back."""
        with self._state.changed:
            self._context.delivery.url = url

    @contextmanager
    def unreachable(self) -> Iterator[None]:
        """Refuse every connection until the block ends. Events of that time are delivered afterwards."""
        self._server.stop()
        try:
            yield
        finally:
            self._server.start()


@contextmanager
def open_workspace(
    port: int = 0,
    *,
    scopes: Iterable[str] | None = None,
    events: Iterable[str] | None = None,
    manifest: Path | None = None,
    ack_timeout: float = 4.0,
    now: Callable[[], float] | None = None,
) -> Iterator[Workspace]:
    """Serve a workspace with the app installed on 127.0.0.1 until the block ends. Port 0 chooses a free port.

    Scopes, event subscriptions (such as "message.channels") and surfaces come from `manifest`, by default the
    repository's manifest.yml. `scopes` and `events` replace the manifest's; with both given and no manifest, every
    surface is allowed. `now` is the clock for the timestamps of new messages and files.
    """
    state = State(load_app_config(scopes, events, manifest), *([now] if now else []))
    state.timing.ack_timeout = ack_timeout
    with actions.open_context(state, interactions.handle_reply) as context:
        server = Server(context, port, load_features(manifest))
        server.start()
        try:
            yield Workspace(context, server)
        finally:
            server.close()
