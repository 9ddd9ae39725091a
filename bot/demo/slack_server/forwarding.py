"""Messages inside other messages: forwarded by a person, or shown by Slack for a link. Slack calls both attachments."""

from __future__ import annotations

from bot.demo.slack_server import actions, events
from bot.demo.slack_server.actions import Context, NewMessage
from bot.demo.slack_server.payloads import message_json
from bot.demo.slack_server.state import Forward, State


def forward(context: Context, user: str, channel: str, ts: str, to: str, text: str, thread_ts: str) -> str:
    """Post a copy of a message in another conversation, below the person's own `text`. Return the new ts.

    The files are named in the copy, but not shared again: whether the real Slack adds a share is unconfirmed.
    """
    state = context.state
    with state.changed:
        if state.person_id(user) not in state.conversation(channel).members:
            raise LookupError(f"{user} is not in {channel}")
        copy = _copy(state, channel, ts, is_share=True)
        return actions.post(context, user, to, NewMessage(text, thread_ts=thread_ts, forwards=[copy])).ts


def unfurl(context: Context, channel: str, ts: str, linked_channel: str, linked_ts: str) -> None:
    """Show the message a link leads to, as Slack does soon after the post: message_changed without `edited`."""
    state = context.state
    with state.changed:
        conversation, message = state.conversation(channel), state.message(channel, ts)
        before = message_json(state, message, pushed=True)
        message.forwards = [*message.forwards, _copy(state, linked_channel, linked_ts, is_share=False)]
        context.push_events(events.message_edited(state, conversation, message, before, state.next_ts()))


def _copy(state: State, channel: str, ts: str, *, is_share: bool) -> Forward:
    found = state.message(channel, ts)
    blocks, files = tuple(message_json(state, found).get("blocks", ())), tuple(found.files)
    return Forward(channel, ts, found.thread_ts, found.user, found.text, blocks, files, is_share)
