"""Commands from the page. The server checks each one, whatever the page offers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.demo.slack_server import actions, file_actions, interactions
from bot.demo.slack_server.actions import Context, NewMessage
from bot.demo.slack_server.interactions import NotConfigured
from bot.demo.slack_server.page.mrkdwn import to_mrkdwn, to_typed_text
from bot.demo.slack_server.page.visibility import can_see, visible_conversations, visible_people
from bot.demo.slack_server.state import Conversation, Json, Message, Person, SlackFile

ACK_TIMEOUT = 3.0
"""Seconds the app has to acknowledge an interaction, as in Slack."""


class CommandError(Exception):
    """A refused command. The message is a sentence for the user."""


Command = Callable[[Context, Person, Json], Json]


def run_command(context: Context, person: Person, name: str, arguments: Json) -> Json:
    """Run a command and return its result. Raise CommandError.

    Interactions block until the app acknowledges: do not call this on the server's event loop.
    """
    if name not in COMMANDS:
        raise CommandError(f"There is no command {name!r}.")
    try:
        return COMMANDS[name](context, person, arguments)
    except NotConfigured as error:
        raise CommandError(str(error)) from error
    except LookupError as error:
        raise CommandError("That no longer exists.") from error


def text_argument(arguments: Json, name: str) -> str:
    value: Any = arguments.get(name, "")
    if not isinstance(value, str):
        raise CommandError(f"{name!r} must be text.")
    return value


# ---------------------------------------------------------------- lookups


def _conversation(context: Context, person: Person, arguments: Json, *, joined: bool = True) -> Conversation:
    conversation = context.state.conversations.get(text_argument(arguments, "channel"))
    if conversation is None or not can_see(context.state, person, conversation):
        raise CommandError("There is no such conversation.")
    if joined and person.id not in conversation.members:
        raise CommandError(f"Join #{conversation.name} first.")
    if joined and conversation.archived:
        raise CommandError(f"#{conversation.name} is archived.")
    return conversation


def _message(context: Context, person: Person, arguments: Json, *, own: bool = False) -> Message:
    conversation = _conversation(context, person, arguments)
    message = context.state.message(conversation.id, text_argument(arguments, "ts"))
    if own and message.user != person.id:
        raise CommandError("This message is not yours.")
    return message


def _own_files(context: Context, person: Person, arguments: Json) -> list[str]:
    ids = arguments.get("files") or []
    if not isinstance(ids, list):
        raise CommandError("'files' must be a list.")
    for each in ids:
        file = context.state.files.get(str(each))
        if file is None or file.deleted or file.owner != person.id:
            raise CommandError("A file of this message no longer exists.")
    return [str(each) for each in ids]


# ---------------------------------------------------------------- messages and files


def _post(context: Context, person: Person, arguments: Json) -> Json:
    with context.state.changed:
        conversation, files = _conversation(context, person, arguments), _own_files(context, person, arguments)
        text = text_argument(arguments, "text").strip()
        if not text and not files:
            raise CommandError("The message is empty.")
        draft = NewMessage(
            to_mrkdwn(context.state, person, text),
            files=files,
            thread_ts=text_argument(arguments, "thread"),
            broadcast=bool(arguments.get("broadcast")),
            upload=bool(files),
        )
        return {"ts": actions.post(context, person.id, conversation.id, draft).ts}


def _edit(context: Context, person: Person, arguments: Json) -> Json:
    with context.state.changed:
        message, text = _message(context, person, arguments, own=True), text_argument(arguments, "text").strip()
        if not text and not message.files:
            raise CommandError("The message would be empty. Delete it instead.")
        actions.edit(context, message.channel, message.ts, text=to_mrkdwn(context.state, person, text))
        return {}


def _get_typed_text(context: Context, person: Person, arguments: Json) -> Json:
    with context.state.changed:
        return {"text": to_typed_text(context.state, _message(context, person, arguments, own=True).text)}


def _delete(context: Context, person: Person, arguments: Json) -> Json:
    with context.state.changed:
        message = _message(context, person, arguments, own=True)
        actions.delete(context, message.channel, message.ts)
        return {}


def _react(context: Context, person: Person, arguments: Json) -> Json:
    with context.state.changed:
        message, name = _message(context, person, arguments), text_argument(arguments, "name")
        if not name or len(name) > 60:
            raise CommandError("That is not a reaction.")
        toggle = actions.unreact if person.id in message.reactions.get(name, []) else actions.react
        toggle(context, person.id, message.channel, message.ts, name)
        return {}


def _delete_file(context: Context, person: Person, arguments: Json) -> Json:
    with context.state.changed:
        file: SlackFile | None = context.state.files.get(text_argument(arguments, "file"))
        if file is None or file.deleted:
            raise CommandError("This file no longer exists.")
        if file.owner != person.id:
            raise CommandError("Only the person who shared a file can delete it.")
        file_actions.delete(context, file.id)
        return {}


# ---------------------------------------------------------------- membership


def _join(context: Context, person: Person, arguments: Json) -> Json:
    with context.state.changed:
        conversation = _conversation(context, person, arguments, joined=False)
        actions.join(context, person.id, conversation.id)
        return {}


def _leave(context: Context, person: Person, arguments: Json) -> Json:
    with context.state.changed:
        conversation = _conversation(context, person, arguments)
        if conversation.kind not in ("channel", "group"):
            raise CommandError("You can't leave a direct conversation.")
        actions.leave(context, person.id, conversation.id)
        return {}


def _invite(context: Context, person: Person, arguments: Json) -> Json:
    """Add another person or the bot to a channel."""
    state = context.state
    with state.changed:
        conversation, user = _conversation(context, person, arguments), text_argument(arguments, "user")
        if person.guest:
            raise CommandError("Guests can't add people.")
        if conversation.kind not in ("channel", "group"):
            raise CommandError("You can't add people to a direct conversation.")
        if user not in {each.id for each in visible_people(state, person, visible_conversations(state, person))}:
            raise CommandError("There is no such person.")
        actions.join(context, user, conversation.id, inviter=person.id)
        return {}


def _remove(context: Context, person: Person, arguments: Json) -> Json:
    state = context.state
    with state.changed:
        conversation, user = _conversation(context, person, arguments), text_argument(arguments, "user")
        if person.guest:
            raise CommandError("Guests can't remove people.")
        if conversation.kind not in ("channel", "group") or user not in conversation.members:
            raise CommandError("They are not in this channel.")
        actions.leave(context, user, conversation.id, actor=person.id)
        return {}


# ---------------------------------------------------------------- interactions with the app


def _click(context: Context, person: Person, arguments: Json) -> Json:
    with context.state.changed:
        conversation = _conversation(context, person, arguments, joined=False)
        ts, action, value = (text_argument(arguments, name) for name in ("ts", "action_id", "value"))
        envelope_id = interactions.click(context, person.id, conversation.id, ts, action, value)
    return _wait_for_reply(context, envelope_id)


def _click_in_view(context: Context, person: Person, arguments: Json) -> Json:
    view = text_argument(arguments, "view")
    with context.state.changed:
        home = context.state.homes.get(person.id, {})
        if view != home.get("id") and context.state.viewers.get(view) != person.id:
            raise CommandError("That is no longer open.")
        action, value = text_argument(arguments, "action_id"), text_argument(arguments, "value")
        envelope_id = interactions.click_in_view(context, person.id, view, action, value)
    return _wait_for_reply(context, envelope_id)


def _shortcut(context: Context, person: Person, arguments: Json) -> Json:
    with context.state.changed:
        conversation = _conversation(context, person, arguments, joined=False)
        envelope_id = interactions.message_shortcut(
            context, person.id, conversation.id, text_argument(arguments, "ts"), text_argument(arguments, "callback_id")
        )
    return _wait_for_reply(context, envelope_id)


def _command(context: Context, person: Person, arguments: Json) -> Json:
    with context.state.changed:
        conversation = _conversation(context, person, arguments)
        name, _, rest = text_argument(arguments, "text").strip().partition(" ")
        envelope_id = interactions.command(context, person.id, conversation.id, name, rest.strip())
    return _wait_for_reply(context, envelope_id)


def _open_home(context: Context, person: Person, arguments: Json) -> Json:
    tab = text_argument(arguments, "tab")
    if tab not in ("home", "messages"):
        raise CommandError("The tab must be home or messages.")
    interactions.open_home(context, person.id, tab)
    return {}


def _stop_session(context: Context, person: Person, arguments: Json) -> Json:
    with context.state.changed:
        conversation = _conversation(context, person, arguments)
        interactions.stop_session(context, person.id, conversation.id, text_argument(arguments, "thread"))
        return {}


def _look_at(context: Context, person: Person, arguments: Json) -> Json:
    """Tell an agent which channel this person looks at."""
    with context.state.changed:
        conversation = _conversation(context, person, arguments, joined=False)
        interactions.look_at(context, person.id, conversation.id if conversation.kind != "im" else "")
        return {}


def _submit(context: Context, person: Person, arguments: Json) -> Json:
    """Submit a modal. Return `{"errors": {block id: sentence}}` if the app rejects it."""
    view, values = text_argument(arguments, "view"), arguments.get("values")
    with context.state.changed:
        if context.state.viewers.get(view) != person.id or not isinstance(values, dict):
            raise CommandError("That is no longer open.")
        envelope_id = interactions.submit(context, person.id, view, values)
    reply = _wait_for_reply(context, envelope_id)
    return {"errors": reply["errors"]} if reply.get("response_action") == "errors" else {}


def _close(context: Context, person: Person, arguments: Json) -> Json:
    view = text_argument(arguments, "view")
    with context.state.changed:
        if context.state.viewers.get(view) == person.id and view in context.state.views:
            interactions.close(context, person.id, view)
        return {}


def _wait_for_reply(context: Context, envelope_id: str) -> Json:
    """Return what the app replied. Raise CommandError if it is not connected or does not reply in time."""
    with context.state.changed:
        envelope = context.delivery.find(envelope_id)
        if not context.delivery.is_connected:
            raise CommandError("Magpie is not connected.")
        if not context.state.changed.wait_for(lambda: envelope.acked, ACK_TIMEOUT):
            raise CommandError("Magpie did not respond within three seconds.")
        return envelope.reply


COMMANDS: dict[str, Command] = {
    "post": _post,
    "edit": _edit,
    "typed": _get_typed_text,
    "delete": _delete,
    "react": _react,
    "delete-file": _delete_file,
    "join": _join,
    "leave": _leave,
    "invite": _invite,
    "remove": _remove,
    "click": _click,
    "click-in-view": _click_in_view,
    "shortcut": _shortcut,
    "command": _command,
    "home": _open_home,
    "stop-session": _stop_session,
    "look-at": _look_at,
    "submit": _submit,
    "close": _close,
}
