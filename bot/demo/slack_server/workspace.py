"""The Workspace class: act as people, look at what the bot did, and wait for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from bot.demo.slack_server import actions, conversation_actions, file_actions, interactions
from bot.demo.slack_server.actions import Context, NewMessage
from bot.demo.slack_server.delivery import Envelope
from bot.demo.slack_server.faults import Faults
from bot.demo.slack_server.manifest import load_app_config
from bot.demo.slack_server.page import BrowserPage
from bot.demo.slack_server.page.features import load_features
from bot.demo.slack_server.server import Server
from bot.demo.slack_server.state import (
    Call,
    Conversation,
    Guest,
    Json,
    Login,
    Message,
    Person,
    SlackFile,
    State,
    Timing,
)

T = TypeVar("T")
NewFile = tuple[str, bytes]
"""(name, content)"""


class Workspace:
    """A running workspace. Methods can be called from any thread and return copies.

    `user` is a user id or a name, `channel` an id. `<@{bot_user}>` in a text mentions the bot.
    `send_event=False` drops the event of an action, as a lost connection would.
    """

    def __init__(self, context: Context, server: Server) -> None:
        self._context, self._state, self._server = context, context.state, server
        self.faults: Faults = context.faults
        self.pace: Timing = context.state.timing
        self.page: BrowserPage = server.page
        """The browser page of the workspace, at `page.url`."""
        self.host = context.state.host
        """`127.0.0.1:PORT`, the host of all addresses, files included."""
        self.api_url = f"http://{self.host}/api/"
        self.bot_token, self.app_token = context.state.bot_token, context.state.app_token
        self.signing_secret = context.state.signing_secret
        self.team_id, self.app_id = context.state.team, context.state.app
        self.bot_user, self.bot_id = context.state.bot.id, context.state.bot.bot_id

    # ------------------------------------------------------------ people and conversations

    def person(self, name: str, *, guest: Guest = "", stranger_team: str = "") -> str:
        """Add a person and return the id. `guest` is "multi" or "single" (channel)."""
        with self._state.changed:
            return self._state.add_person(name, stranger_team, guest).id

    def other_bot(self, name: str) -> str:
        """Add the bot of another app. Bolt does not drop its messages."""
        with self._state.changed:
            return self._state.add_person(name, is_bot=True).id

    def channel(
        self,
        name: str,
        members: Iterable[str] = (),
        *,
        private: bool = False,
        shared: bool = False,
        with_bot: bool = True,
    ) -> str:
        """Add a channel without an event and return its id. `shared` means with another workspace (Slack Connect)."""
        return actions.open_conversation(
            self._context, "group" if private else "channel", name, members, shared, with_bot
        )

    def direct(self, user: str) -> str:
        """Return the direct conversation of this person with the bot; always the same one."""
        return actions.open_direct(self._context, [user])

    def group_direct(self, users: Sequence[str], *, with_bot: bool = True) -> str:
        return actions.open_direct(self._context, users, with_bot=with_bot, group=True)

    def invite_bot(self, channel: str, inviter: str = "") -> None:
        """Add the bot: member_joined_channel."""
        actions.join(self._context, self.bot_user, channel, inviter)

    def remove_bot(self, channel: str, actor: str = "") -> None:
        """Remove the bot: channel_left or group_left, never member_left_channel."""
        actions.leave(self._context, self.bot_user, channel, actor)

    def join(self, user: str, channel: str) -> None:
        actions.join(self._context, user, channel)

    def leave(self, user: str, channel: str) -> None:
        actions.leave(self._context, user, channel)

    def set_guest(self, user: str, guest: Guest, *, send_event: bool = True) -> None:
        """Make a person a guest, or a full member again (""): user_change."""
        conversation_actions.set_guest(self._context, user, guest, send_event=send_event)

    def deactivate(self, user: str, *, send_event: bool = True) -> None:
        """Deactivate a person, which also removes them from all channels: user_change with `deleted`."""
        conversation_actions.deactivate(self._context, user, send_event=send_event)

    def hire(self, name: str) -> str:
        """Add a person while the app is installed: team_join. Return the id."""
        return conversation_actions.add_member(self._context, name)

    def set_shared(self, channel: str, shared: bool = True, *, send_event: bool = True) -> None:
        """Share a channel with another workspace, or stop: channel_shared or channel_unshared."""
        conversation_actions.set_shared(self._context, channel, shared, send_event=send_event)

    def set_pending(self, channel: str, pending: bool = True) -> None:
        """Invite another workspace, or withdraw the invitation. Causes no event the app has the scopes for."""
        with self._state.changed:
            self._state.conversation(channel).pending = pending

    def set_org_shared(self, channel: str, org_shared: bool = True) -> None:
        """Share a channel among the workspaces of an organization, or stop. Causes no event."""
        with self._state.changed:
            self._state.conversation(channel).org_shared = org_shared

    def archive(self, channel: str, *, send_event: bool = True) -> None:
        """Archive a channel, so that no one can post: channel_archive or group_archive."""
        conversation_actions.archive(self._context, channel, archived=True, send_event=send_event)

    def unarchive(self, channel: str, *, send_event: bool = True) -> None:
        conversation_actions.archive(self._context, channel, archived=False, send_event=send_event)

    def make_private(self, channel: str, *, send_event: bool = True) -> None:
        """Make a public channel private. Slack has no event for it, only a message in the channel."""
        conversation_actions.make_private(self._context, channel, send_event=send_event)

    def delete_channel(self, channel: str, *, send_event: bool = True) -> None:
        """Delete a channel with its messages and shares: channel_deleted or group_deleted."""
        conversation_actions.delete(self._context, channel, send_event=send_event)

    def change_id(self, channel: str, *, send_event: bool = True) -> str:
        """Give a conversation a new id and return it: channel_id_changed.

        Slack does this when a private channel is shared.
        """
        return conversation_actions.change_id(self._context, channel, send_event=send_event)

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

    def edit(self, channel: str, ts: str, text: str) -> None:
        """Edit a message: message_changed, and app_mention with `edited` if the new text mentions the bot."""
        actions.edit(self._context, channel, ts, text=text)

    def delete_message(self, channel: str, ts: str) -> None:
        """Delete a message: message_deleted. Only `previous_message` names its files; they get no event."""
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
        """Submit a modal with `values` as `view.state.values`. Return the envelope's id; its `reply` is the answer."""
        return interactions.submit(self._context, user, view_id, values or {})

    def open_home(self, user: str, tab: str = "home") -> None:
        """Open the tab "home" or "messages" of the app: app_home_opened."""
        interactions.open_home(self._context, user, tab)

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
