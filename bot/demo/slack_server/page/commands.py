"""What a person does on the page. Each act is allowed to that person or refused here, whatever the page shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.demo.slack_server import actions, file_actions, interactions
from bot.demo.slack_server.actions import Draft, Stage
from bot.demo.slack_server.interactions import NotSetUp
from bot.demo.slack_server.page.mrkdwn import typed, wire
from bot.demo.slack_server.page.visibility import sees, visible_people, visible_spaces
from bot.demo.slack_server.state import Json, Message, Person, SlackFile, Space

PATIENCE = 3.0
"""Seconds that a person waits for the app after a click, as in Slack."""


class Refused(Exception):
    """A sentence for the person."""


Act = Callable[[Stage, Person, Json], Json]


def do(stage: Stage, person: Person, name: str, asked: Json) -> Json:
    """Raise Refused. Interactions wait for the app's acknowledgement: not on the server's loop."""
    if name not in ACTS:
        raise Refused(f"There is no {name!r} to do here.")
    try:
        return ACTS[name](stage, person, asked)
    except NotSetUp as error:
        raise Refused(str(error)) from error
    except LookupError as error:
        raise Refused("That is not there any more.") from error


def text_of(asked: Json, name: str) -> str:
    value: Any = asked.get(name, "")
    if not isinstance(value, str):
        raise Refused(f"{name!r} has to be text.")
    return value


# ---------------------------------------------------------------- what they may touch


def _space(stage: Stage, person: Person, asked: Json, *, joined: bool = True) -> Space:
    space = stage.world.spaces.get(text_of(asked, "channel"))
    if space is None or not sees(stage.world, person, space):
        raise Refused("There is no such conversation.")
    if joined and person.id not in space.members:
        raise Refused(f"Join #{space.name} first.")
    if joined and space.archived:
        raise Refused(f"#{space.name} is archived: nobody can write there any more.")
    return space


def _message(stage: Stage, person: Person, asked: Json, *, own: bool = False) -> Message:
    space = _space(stage, person, asked)
    message = stage.world.message(space.id, text_of(asked, "ts"))
    if own and message.user != person.id:
        raise Refused("That is somebody else's message.")
    return message


def _own_files(stage: Stage, person: Person, asked: Json) -> list[str]:
    ids = asked.get("files") or []
    if not isinstance(ids, list):
        raise Refused("'files' has to be a list.")
    for each in ids:
        file = stage.world.files.get(str(each))
        if file is None or file.deleted or file.owner != person.id:
            raise Refused("A file of this message is not there any more.")
    return [str(each) for each in ids]


# ---------------------------------------------------------------- messages and files


def _post(stage: Stage, person: Person, asked: Json) -> Json:
    with stage.world.changed:
        space, files = _space(stage, person, asked), _own_files(stage, person, asked)
        said = text_of(asked, "text").strip()
        if not said and not files:
            raise Refused("There is nothing to send.")
        draft = Draft(
            wire(stage.world, person, said),
            files=files,
            thread_ts=text_of(asked, "thread"),
            broadcast=bool(asked.get("broadcast")),
            upload=bool(files),
        )
        return {"ts": actions.post(stage, person.id, space.id, draft).ts}


def _edit(stage: Stage, person: Person, asked: Json) -> Json:
    with stage.world.changed:
        message, said = _message(stage, person, asked, own=True), text_of(asked, "text").strip()
        if not said and not message.files:
            raise Refused("There is nothing left of the message: delete it instead.")
        actions.edit(stage, message.channel, message.ts, text=wire(stage.world, person, said))
        return {}


def _typed(stage: Stage, person: Person, asked: Json) -> Json:
    with stage.world.changed:
        return {"text": typed(stage.world, _message(stage, person, asked, own=True).text)}


def _delete(stage: Stage, person: Person, asked: Json) -> Json:
    with stage.world.changed:
        message = _message(stage, person, asked, own=True)
        actions.delete(stage, message.channel, message.ts)
        return {}


def _react(stage: Stage, person: Person, asked: Json) -> Json:
    with stage.world.changed:
        message, name = _message(stage, person, asked), text_of(asked, "name")
        if not name or len(name) > 60:
            raise Refused("That is no reaction.")
        there = actions.unreact if person.id in message.reactions.get(name, []) else actions.react
        there(stage, person.id, message.channel, message.ts, name)
        return {}


def _delete_file(stage: Stage, person: Person, asked: Json) -> Json:
    with stage.world.changed:
        file: SlackFile | None = stage.world.files.get(text_of(asked, "file"))
        if file is None or file.deleted:
            raise Refused("That file is not there any more.")
        if file.owner != person.id:
            raise Refused("Only who shared a file can delete it.")
        file_actions.delete(stage, file.id)
        return {}


# ---------------------------------------------------------------- coming and going


def _join(stage: Stage, person: Person, asked: Json) -> Json:
    with stage.world.changed:
        space = _space(stage, person, asked, joined=False)
        actions.join(stage, person.id, space.id)
        return {}


def _leave(stage: Stage, person: Person, asked: Json) -> Json:
    with stage.world.changed:
        space = _space(stage, person, asked)
        if space.kind not in ("channel", "group"):
            raise Refused("Nobody can leave a direct conversation.")
        actions.leave(stage, person.id, space.id)
        return {}


def _invite(stage: Stage, person: Person, asked: Json) -> Json:
    """Somebody else, or the bot, into a channel."""
    world = stage.world
    with world.changed:
        space, who = _space(stage, person, asked), text_of(asked, "user")
        if person.guest:
            raise Refused("Guests cannot invite anybody.")
        if space.kind not in ("channel", "group"):
            raise Refused("Nobody can be added to a direct conversation.")
        if who not in {each.id for each in visible_people(world, person, visible_spaces(world, person))}:
            raise Refused("There is nobody of that name.")
        actions.join(stage, who, space.id, inviter=person.id)
        return {}


def _remove(stage: Stage, person: Person, asked: Json) -> Json:
    world = stage.world
    with world.changed:
        space, who = _space(stage, person, asked), text_of(asked, "user")
        if person.guest:
            raise Refused("Guests cannot remove anybody.")
        if space.kind not in ("channel", "group") or who not in space.members:
            raise Refused("They are not in this channel.")
        actions.leave(stage, who, space.id, actor=person.id)
        return {}


# ---------------------------------------------------------------- the app's own surfaces


def _click(stage: Stage, person: Person, asked: Json) -> Json:
    with stage.world.changed:
        space = _space(stage, person, asked, joined=False)
        ts, action, value = (text_of(asked, name) for name in ("ts", "action_id", "value"))
        sent = interactions.click(stage, person.id, space.id, ts, action, value)
    return _acknowledged(stage, sent)


def _click_in_view(stage: Stage, person: Person, asked: Json) -> Json:
    view = text_of(asked, "view")
    with stage.world.changed:
        home = stage.world.homes.get(person.id, {})
        if view != home.get("id") and stage.world.viewers.get(view) != person.id:
            raise Refused("That is not open any more.")
        action, value = text_of(asked, "action_id"), text_of(asked, "value")
        sent = interactions.click_in_view(stage, person.id, view, action, value)
    return _acknowledged(stage, sent)


def _shortcut(stage: Stage, person: Person, asked: Json) -> Json:
    with stage.world.changed:
        space = _space(stage, person, asked, joined=False)
        sent = interactions.message_shortcut(
            stage, person.id, space.id, text_of(asked, "ts"), text_of(asked, "callback_id")
        )
    return _acknowledged(stage, sent)


def _command(stage: Stage, person: Person, asked: Json) -> Json:
    with stage.world.changed:
        space = _space(stage, person, asked)
        name, _, rest = text_of(asked, "text").strip().partition(" ")
        sent = interactions.command(stage, person.id, space.id, name, rest.strip())
    return _acknowledged(stage, sent)


def _open_home(stage: Stage, person: Person, asked: Json) -> Json:
    tab = text_of(asked, "tab")
    if tab not in ("home", "messages"):
        raise Refused("Home has the tabs home and messages.")
    interactions.open_home(stage, person.id, tab)
    return {}


def _submit(stage: Stage, person: Person, asked: Json) -> Json:
    """`{"errors": {block id: sentence}}` when the app does not take it."""
    view, values = text_of(asked, "view"), asked.get("values")
    with stage.world.changed:
        if stage.world.viewers.get(view) != person.id or not isinstance(values, dict):
            raise Refused("That is not open any more.")
        sent = interactions.submit(stage, person.id, view, values)
    reply = _acknowledged(stage, sent)
    return {"errors": reply["errors"]} if reply.get("response_action") == "errors" else {}


def _close(stage: Stage, person: Person, asked: Json) -> Json:
    view = text_of(asked, "view")
    with stage.world.changed:
        if stage.world.viewers.get(view) == person.id and view in stage.world.views:
            interactions.close(stage, person.id, view)
        return {}


def _acknowledged(stage: Stage, envelope_id: str) -> Json:
    """What the app replied. It has three seconds, as in Slack; without an app nobody waits."""
    with stage.world.changed:
        envelope = stage.delivery.find(envelope_id)
        if not stage.delivery.connections and not stage.delivery.url:
            raise Refused("Magpie is not connected.")
        if not stage.world.changed.wait_for(lambda: envelope.acked, PATIENCE):
            raise Refused("Magpie did not respond within three seconds.")
        return envelope.reply


ACTS: dict[str, Act] = {
    "post": _post,
    "edit": _edit,
    "typed": _typed,
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
    "submit": _submit,
    "close": _close,
}
