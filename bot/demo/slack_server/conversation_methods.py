"""The part of the Workspace class that is about people and conversations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.demo.slack_server import actions, conversation_actions
from bot.demo.slack_server.actions import Context
from bot.demo.slack_server.state import Guest


class ConversationMethods:
    def __init__(self, context: Context) -> None:
        self._context, self._state = context, context.state

    def person(
        self,
        name: str,
        *,
        guest: Guest = "",
        stranger_team: str = "",
        real_name: str = "",
        tz: str = "Europe/Berlin",
        tz_offset: int = 3600,
    ) -> str:
        """Add a person and return the id. `guest` is "multi" or "single" (channel); `tz_offset` is in seconds."""
        with self._state.changed:
            person = self._state.add_person(name, stranger_team, guest)
            person.real_name, person.tz, person.tz_offset = real_name, tz, tz_offset
            return person.id

    def other_bot(self, name: str) -> str:
        """Add the bot of another app. Bolt does not drop its messages."""
        with self._state.changed:
            return self._state.add_bot(name, self._state.next_id("A")).id

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
        actions.join(self._context, self._state.bot.id, channel, inviter)

    def remove_bot(self, channel: str, actor: str = "") -> None:
        """Remove the bot: channel_left or group_left, never member_left_channel."""
        actions.leave(self._context, self._state.bot.id, channel, actor)

    def join(self, user: str, channel: str) -> None:
        actions.join(self._context, user, channel)

    def leave(self, user: str, channel: str) -> None:
        actions.leave(self._context, user, channel)

    def set_guest(self, user: str, guest: Guest, *, send_event: bool = True) -> None:
        """Make a person a guest, or a full member again (""): user_change."""
        conversation_actions.set_guest(self._context, user, guest, send_event=send_event)

    def set_admin(self, user: str, admin: bool = True, *, send_event: bool = True) -> None:
        """Make a person an admin of the workspace, or end that: user_change."""
        conversation_actions.set_admin(self._context, user, admin, send_event=send_event)

    def deactivate(self, user: str, *, send_event: bool = True) -> None:
        """Deactivate a person, which also removes them from all channels: user_change with `deleted`."""
        conversation_actions.deactivate(self._context, user, send_event=send_event)

    def hire(self, name: str) -> str:
        """Add a person while the app is installed: team_join. Return the id."""
        return conversation_actions.add_member(self._context, name)

    def uninstall(self, kind: str = "app_uninstalled") -> None:
        """Uninstall the app, or only revoke its bot token: app_uninstalled or tokens_revoked."""
        conversation_actions.uninstall(self._context, kind)

    def reinstall(self) -> str:
        """Install the app again. Return its new bot token."""
        with self._state.changed:
            self._state.is_uninstalled = False
            self._state.bot_token += "2"
        return self._state.bot_token

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
