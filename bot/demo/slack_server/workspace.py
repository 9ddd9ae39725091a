"""The workspace as a test or a demo holds it: what people do, what the bot did, and how to wait for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from bot.demo.slack_server import actions, conversation_actions, file_actions, interactions
from bot.demo.slack_server.actions import Draft, Stage
from bot.demo.slack_server.delivery import Envelope
from bot.demo.slack_server.faults import Faults
from bot.demo.slack_server.manifest import granted
from bot.demo.slack_server.page import Page
from bot.demo.slack_server.page.features import features
from bot.demo.slack_server.server import Server
from bot.demo.slack_server.state import Call, Guest, Json, Login, Message, Pace, Person, SlackFile, Space, World

T = TypeVar("T")
File = tuple[str, bytes]


class Workspace:
    """A running workspace. Every method may be called from any thread; what it returns are copies.

    `user` is a user id or a name; `channel` an id. `<@{bot_user}>` in a text mentions the bot.
    """

    def __init__(self, stage: Stage, server: Server) -> None:
        self._stage, self._world, self._server = stage, stage.world, server
        self.faults: Faults = stage.faults
        self.pace: Pace = stage.world.pace
        self.page: Page = server.page
        """The workspace in a browser, at `page.url`."""
        self.host = stage.world.host
        """`127.0.0.1:PORT`, the host of files and of everything else."""
        self.api_url = f"http://{self.host}/api/"
        self.bot_token, self.app_token = stage.world.bot_token, stage.world.app_token
        self.signing_secret = stage.world.signing_secret
        self.team_id, self.app_id = stage.world.team, stage.world.app
        self.bot_user, self.bot_id = stage.world.bot.id, stage.world.bot.bot_id

    # ------------------------------------------------------------ who and where

    def person(self, name: str, *, guest: Guest = "", stranger_team: str = "") -> str:
        """A new person's id. `guest`: "multi" or "single" (channel); `stranger_team`: of another workspace."""
        with self._world.changed:
            return self._world.add_person(name, stranger_team, guest).id

    def other_bot(self, name: str) -> str:
        """Another app's bot; its messages are not dropped by Bolt."""
        with self._world.changed:
            return self._world.add_person(name, is_bot=True).id

    def channel(
        self,
        name: str,
        members: Iterable[str] = (),
        *,
        private: bool = False,
        shared: bool = False,
        with_bot: bool = True,
    ) -> str:
        """A new channel's id; nobody is told. `shared`: with another workspace (Slack Connect)."""
        return actions.open_space(self._stage, "group" if private else "channel", name, members, shared, with_bot)

    def direct(self, user: str) -> str:
        """The conversation of this person with the bot; always the same."""
        return actions.direct(self._stage, [user])

    def group_direct(self, users: Sequence[str], *, with_bot: bool = True) -> str:
        return actions.direct(self._stage, users, with_bot=with_bot, group=True)

    def invite_bot(self, channel: str, inviter: str = "") -> None:
        """member_joined_channel of the bot itself."""
        actions.join(self._stage, self.bot_user, channel, inviter)

    def remove_bot(self, channel: str, actor: str = "") -> None:
        """channel_left or group_left; never member_left_channel."""
        actions.leave(self._stage, self.bot_user, channel, actor)

    def join(self, user: str, channel: str) -> None:
        actions.join(self._stage, user, channel)

    def leave(self, user: str, channel: str) -> None:
        actions.leave(self._stage, user, channel)

    def set_guest(self, user: str, guest: Guest, *, told: bool = True) -> None:
        """Make somebody a guest, or a full member again (""): user_change. Not `told`: the event is lost."""
        conversation_actions.set_guest(self._stage, user, guest, told=told)

    def deactivate(self, user: str, *, told: bool = True) -> None:
        """user_change with `deleted`; they are out of every conversation but their direct messages."""
        conversation_actions.deactivate(self._stage, user, told=told)

    def hire(self, name: str) -> str:
        """A new member, as somebody who joins the workspace while the app is there: team_join. Returns the id."""
        return conversation_actions.hire(self._stage, name)

    def set_shared(self, channel: str, shared: bool = True, *, told: bool = True) -> None:
        """Share a channel with another workspace from now on, or no longer: channel_shared, channel_unshared."""
        conversation_actions.set_shared(self._stage, channel, shared, told=told)

    def set_pending(self, channel: str, pending: bool = True) -> None:
        """Another workspace is invited, or no longer. No event that the app could subscribe to without more scopes."""
        with self._world.changed:
            self._world.space(channel).pending = pending

    def set_org_shared(self, channel: str, org_shared: bool = True) -> None:
        """Share a channel among the workspaces of an organisation, or no longer; the app is not told."""
        with self._world.changed:
            self._world.space(channel).org_shared = org_shared

    def archive(self, channel: str, *, told: bool = True) -> None:
        """Nobody can post there any more: channel_archive or group_archive."""
        conversation_actions.archive(self._stage, channel, archived=True, told=told)

    def unarchive(self, channel: str, *, told: bool = True) -> None:
        conversation_actions.archive(self._stage, channel, archived=False, told=told)

    def make_private(self, channel: str, *, told: bool = True) -> None:
        """Make a public channel private. There is no event of its own, only a message that says so."""
        conversation_actions.make_private(self._stage, channel, told=told)

    def delete_channel(self, channel: str, *, told: bool = True) -> None:
        """channel_deleted or group_deleted; its messages go, its files are shared there no longer."""
        conversation_actions.delete(self._stage, channel, told=told)

    def change_id(self, channel: str, *, told: bool = True) -> str:
        """Give a conversation another id, as Slack does when a private channel is shared: channel_id_changed. Returns
        the new id."""
        return conversation_actions.change_id(self._stage, channel, told=told)

    # ------------------------------------------------------------ messages

    def post(
        self,
        user: str,
        channel: str,
        text: str = "",
        *,
        files: Sequence[File] = (),
        thread_ts: str = "",
        broadcast: bool = False,
    ) -> str:
        """Write a message, with new files or without; its ts. `broadcast`: a reply also sent to the channel.

        `text` is as on the wire: `&lt;` for what a person types as `<`.

        Events: message (subtype file_share with files), app_mention where the bot is mentioned in a channel,
        one file_shared per file.
        """
        with self._world.changed:
            person = self._world.person_id(user)
            ids = [file_actions.create(self._stage, person, name, data).id for name, data in files]
            draft = Draft(text, files=ids, thread_ts=thread_ts, broadcast=broadcast, upload=bool(ids))
            return actions.post(self._stage, person, channel, draft).ts

    def share(self, user: str, file_id: str, channel: str, text: str = "", *, thread_ts: str = "") -> str:
        """Share a file that exists in another place; ts of the message."""
        return actions.post(self._stage, user, channel, Draft(text, files=[file_id], thread_ts=thread_ts)).ts

    def edit(self, channel: str, ts: str, text: str) -> None:
        """message_changed; app_mention with `edited` when the new text mentions the bot."""
        actions.edit(self._stage, channel, ts, text=text)

    def delete_message(self, channel: str, ts: str) -> None:
        """message_deleted, nothing about its files: they are named in `previous_message` alone."""
        actions.delete(self._stage, channel, ts)

    def react(self, user: str, channel: str, ts: str, name: str) -> None:
        actions.react(self._stage, user, channel, ts, name)

    def unreact(self, user: str, channel: str, ts: str, name: str) -> None:
        actions.unreact(self._stage, user, channel, ts, name)

    # ------------------------------------------------------------ files

    def delete_file(self, file_id: str) -> None:
        """file_deleted; messages keep a tombstone."""
        file_actions.delete(self._stage, file_id)

    def unshare(self, file_id: str, channel: str) -> None:
        """file_unshared; the message loses the file."""
        file_actions.unshare(self._stage, file_id, channel)

    def rename_file(self, file_id: str, name: str) -> None:
        """file_change."""
        file_actions.rename(self._stage, file_id, name)

    def set_mode(self, file_id: str, mode: str, *, external: bool = False) -> None:
        """Make it `external`, `snippet`, `post`, `space`, `hidden_by_limit`, ... without an event."""
        with self._world.changed:
            self._world.files[file_id].mode, self._world.files[file_id].external = mode, external

    def answer_strangers_with(self, login: Login) -> None:
        """How a download without a good token ends: a redirect (the default) or 200 with the login page."""
        with self._world.changed:
            self._world.login = login

    # ------------------------------------------------------------ buttons, shortcuts, commands, views

    def click(self, user: str, channel: str, ts: str, action_id: str, value: str = "") -> str:
        """Press a button of a message (ephemeral ones too); the envelope's id. LookupError if it has none.

        `value` chooses between buttons of one action id; for feedback buttons it is the value pressed.
        """
        return interactions.click(self._stage, user, channel, ts, action_id, value)

    def shortcut(self, user: str, channel: str, ts: str, callback_id: str) -> str:
        """Run a message shortcut on a message; the envelope's id."""
        return interactions.message_shortcut(self._stage, user, channel, ts, callback_id)

    def command(self, user: str, channel: str, command: str, text: str = "") -> str:
        """A slash command; the envelope's id. A text in its acknowledgement becomes an ephemeral message."""
        return interactions.command(self._stage, user, channel, command, text)

    def submit(self, user: str, view_id: str, values: Json | None = None) -> str:
        """Submit a modal; `values` is `view.state.values`. The reply is in `envelope(id).reply`."""
        return interactions.submit(self._stage, user, view_id, values or {})

    def open_home(self, user: str, tab: str = "home") -> None:
        """app_home_opened; `tab`: home or messages."""
        interactions.open_home(self._stage, user, tab)

    # ------------------------------------------------------------ what is there now

    def messages(self, channel: str) -> list[Message]:
        """All that stand in a conversation, replies too, oldest first; no ephemerals."""
        return self._world.snapshot(self._world.space(channel).messages)

    def thread(self, channel: str, ts: str) -> list[Message]:
        """A thread, its first message first."""
        with self._world.changed:
            return self._world.snapshot(self._world.thread(self._world.space(channel), ts))

    def message(self, channel: str, ts: str) -> Message:
        return self._world.snapshot(self._world.message(channel, ts))

    def ephemerals(self, user: str = "") -> list[Message]:
        """What only this person was shown (or anybody), oldest first."""
        with self._world.changed:
            who = user and self._world.person_id(user)
            return self._world.snapshot(
                [each for each in self._world.ephemerals if not who or each.ephemeral_to == who]
            )

    def file(self, file_id: str) -> SlackFile:
        return self._world.snapshot(self._world.files[file_id])

    def files(self, name: str = "") -> list[SlackFile]:
        """All files, the bot's too, oldest first; or those of this name."""
        with self._world.changed:
            return self._world.snapshot([each for each in self._world.files.values() if name in ("", each.name)])

    def space(self, channel: str) -> Space:
        return self._world.snapshot(self._world.space(channel))

    def spaces(self) -> list[Space]:
        return self._world.snapshot(list(self._world.spaces.values()))

    def people(self) -> list[Person]:
        return self._world.snapshot(list(self._world.people.values()))

    def home(self, user: str) -> Json:
        """The Home view that the bot published to this person, or an empty one."""
        return self._world.snapshot(self._world.homes.get(self._world.person_id(user), {}))

    def views(self) -> list[Json]:
        """Open modals, oldest first."""
        return self._world.snapshot(list(self._world.views.values()))

    def status(self, channel: str, thread_ts: str) -> str:
        """The "is thinking" line of a thread; empty once a message came."""
        return self._world.statuses.get((channel, thread_ts), "")

    def prompts(self, channel: str) -> list[Json]:
        return self._world.snapshot(self._world.prompts.get(channel, []))

    @property
    def calls(self) -> list[Call]:
        """Every call of the Web API as it came, faults included."""
        return self._world.snapshot(self._world.calls)

    def called(self, method: str) -> list[Json]:
        """The arguments of every call of one method."""
        return [call.arguments for call in self.calls if call.method == method]

    def calls_after(self, number: int) -> list[Call]:
        """The calls behind the first `number` of them."""
        with self._world.changed:
            return self._world.snapshot(self._world.calls[number:])

    # ------------------------------------------------------------ events on their way

    def envelopes(self, event: str = "") -> list[Envelope]:
        """Everything pushed to the bot so far; or the events of one type, such as "file_shared"."""
        return self._stage.delivery.envelopes(event)

    def envelopes_after(self, number: int) -> list[Envelope]:
        """What was pushed behind the first `number` envelopes."""
        return self._stage.delivery.envelopes_after(number)

    def envelope(self, envelope_id: str) -> Envelope:
        return next(each for each in self.envelopes() if each.id == envelope_id)

    @property
    def connections(self) -> int:
        """Open Socket Mode connections."""
        return self._stage.delivery.connections

    def settled(self, timeout: float = 10) -> None:
        """Wait until a connection stands and every envelope was acknowledged (or given up)."""
        self.wait(lambda: self._stage.delivery.settled, timeout, "every event acknowledged")

    def wait(self, predicate: Callable[[], T], timeout: float = 10, what: str = "") -> T:
        """What `predicate` returns once that is true. It is asked again after every change of the workspace.

        It may call the Web API itself. TimeoutError says `what` was waited for and what was called last.
        """
        changed, until = self._world.changed, time.monotonic() + timeout
        while True:
            seen = changed.version
            value = predicate()
            if value:
                return value
            with changed:
                if not changed.since(seen, until - time.monotonic()):
                    last = ", ".join(call.method for call in self._world.calls[-5:]) or "none"
                    raise TimeoutError(f"waited {timeout} s for {what or 'a condition'}; last calls: {last}")

    def emit(self, event: Json, channel: str = "") -> None:
        """Push any event object as it is, subscribed or not; `channel`: the conversation it belongs to."""
        interactions.emit(self._stage, event, channel)

    def notify(self) -> None:
        """Ask every waiting predicate again; for predicates that look at something else too."""
        with self._world.changed:
            self._world.changed.notify_all()

    # ------------------------------------------------------------ the connection itself

    def disconnect_now(self, reason: str = "refresh_requested") -> None:
        """Send every connection a disconnect frame, then close it (a `warning` leaves it open for 10 s)."""
        self._stage.delivery.disconnect(reason)

    def cut(self) -> None:
        """Close every connection without a word, as a broken network does."""
        self._server.cut()

    def request_url(self, url: str) -> None:
        """Push by HTTP to this address from now on (signed), instead of through Socket Mode; empty: back."""
        with self._world.changed:
            self._stage.delivery.url = url

    @contextmanager
    def unreachable(self) -> Iterator[None]:
        """Refuse every connection until the block ends; what happens meanwhile is delivered afterwards."""
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
    """Serve a workspace with our app installed on 127.0.0.1 until the block ends; port 0: a free one.

    `scopes` and `events` (subscriptions, such as "message.channels"): those of `manifest` (a manifest.yml)
    unless given, else of the manifest.yml beside this package, else what Magpie asks for. Home, buttons, shortcuts
    and commands work as the manifest declares them; all of them, with scopes and events given and no manifest. `now`
    is the wall clock that new messages and files are stamped with.
    """
    world = World(granted(scopes, events, manifest), *([now] if now else []))
    world.pace.ack_timeout = ack_timeout
    with actions.staged(world) as stage:
        server = Server(stage, port, features(manifest))
        server.start()
        try:
            yield Workspace(stage, server)
        finally:
            server.close()
